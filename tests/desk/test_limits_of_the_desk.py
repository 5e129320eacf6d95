"""The limits all books share, asked through a whole desk: what the models say decides, and what they do not say."""

import math
from typing import Any

import msgspec
import pytest
from desk_kit import BOOK, BTC, DAY, ETH, PLAIN, T0, Rig, book_config, d, entry, facts, only, quote, verdict
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.config import Config, LimitsConfig, RiskConfig
from tradeterm.desk.comovement import comovement
from tradeterm.desk.desk_risk import desk_risk
from tradeterm.domain.commands import DeskCommand, SubmitOrder
from tradeterm.domain.events import CovarianceUpdate, Timer
from tradeterm.domain.facts import AlertFact, SignalFact
from tradeterm.domain.market import HOUR_MS
from tradeterm.domain.signals import GateCode, SignalOutcome

WIDE: dict[str, Any] = {
    "max_asset": 10.0,
    "max_group": 10.0,
    "max_one_sided": 10.0,
    "max_gross": 10.0,
    "max_heat": 1.0,
    "max_var": 1.0,
}
GOOD = ((0.0016, 0.0012), (0.0012, 0.0016))


def rig(limits: LimitsConfig | None = None, risk_fraction: float = 0.01, **risk: float) -> Rig:
    sizing = msgspec.structs.replace(PLAIN, risk_fraction=risk_fraction, max_position_fraction=1.0)
    book = book_config(sizing=sizing, limits=limits or LimitsConfig())
    return Rig(Config(books={BOOK: book}, risk=RiskConfig(**{**WIDE, **risk})))


def covariance(ts: int, rows: Any = GOOD) -> CovarianceUpdate:
    return CovarianceUpdate(ts=ts, instruments=(BTC, ETH), covariance=rows, groups=(0, 0), observations=500)


def denied_by(commands: list[DeskCommand]) -> str:
    (fact,) = facts(commands, SignalFact)
    assert fact.outcome is SignalOutcome.DENIED
    return str(fact.outcome_code)


def test_an_order_whose_value_at_risk_is_above_the_limit_is_denied() -> None:
    half = LimitsConfig(max_position_exposure=1.0)
    by_covariance = rig(half, max_var=0.04)  # half the equity at 4 % a day: 2.33 * 2 %
    by_covariance.feed(covariance(T0))
    assert denied_by(by_covariance.bars(100, T0, entry(T0))) == GateCode.VAR_LIMIT
    allowed = rig(half, max_var=0.05)
    allowed.feed(covariance(T0))
    assert only(allowed.bars(100, T0, entry(T0)), SubmitOrder)


def test_without_a_volatility_nothing_is_opened() -> None:
    found = rig(LimitsConfig(max_position_exposure=1.0))
    found.modelled = False
    assert denied_by(found.bars(100, T0, entry(T0))) == GateCode.INSUFFICIENT_HISTORY


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_a_covariance_that_is_no_number_is_not_used(bad: float, place: int) -> None:
    found = rig()
    found.feed(covariance(T0))
    row = tuple(bad if column == place else value for column, value in enumerate(GOOD[0]))
    (alert,) = facts(found.feed(covariance(T0 + 1, (row, GOOD[1]))), AlertFact)
    assert alert.code == "BAD_MODEL"
    assert found.desk.state.covariance == covariance(T0)


@pytest.mark.parametrize("rows", [(), GOOD[:1], ((0.0016,), (0.0012, 0.0016))])
def test_a_covariance_with_a_row_missing_is_not_used(rows: Any) -> None:
    found = rig()
    found.feed(covariance(T0, rows))
    assert found.desk.state.covariance is None


@pytest.mark.parametrize(("interval", "ms"), [("5m", HOUR_MS), ("4h", 4 * HOUR_MS), ("1d", DAY)])
def test_a_covariance_holds_for_three_refreshes_however_long_a_bar_is(interval: str, ms: int) -> None:
    found = Rig(Config(books={BOOK: book_config(interval=interval)}))
    found.feed(covariance(T0), Timer(ts=T0 + 3 * ms + 1))
    assert list(comovement(found.desk.state).place) == [BTC, ETH]
    found.feed(Timer(ts=T0 + 4 * ms + 1))
    assert not comovement(found.desk.state).place


@given(moved=st.integers(-9, 9))
def test_what_is_lost_at_the_stop_counts_from_the_price_that_is_paid(moved: int) -> None:
    """The signal's price was 100 and the stop is 98; the verdict comes while the price is elsewhere."""
    found = rig(LimitsConfig(max_position_exposure=2.0, max_total_exposure=2.0), risk_fraction=0.02)
    found.judge = False
    found.bars(100, T0, entry(T0))
    paid = 100 + d(moved) / 10
    found.feed(quote(float(paid), T0 + 2000))
    (sent,) = only(found.feed(verdict(f"s{T0 // 1000}", T0 + 3000)), SubmitOrder)
    assert (paid - d(98)) * sent.order.quantity <= 2000
    assert sent.order.quantity <= 1000


@pytest.mark.parametrize(("mark", "heat"), [(101.0, "0.015"), (99.0, "0.01")])
def test_heat_counts_from_the_signals_price_or_the_last_one_whichever_is_worse(mark: float, heat: str) -> None:
    found = rig()
    found.feed(quote(mark, T0), covariance(T0))
    state = found.desk.state
    risk = desk_risk(state, state.books[BOOK], entry(T0).signal, d(98), d(500), counted=False)
    assert risk.heat == d(heat)
