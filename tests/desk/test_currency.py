"""Books of different currencies: one money for the desk, and nothing at a guess."""

import pytest
from desk_kit import BTC, DAY, ETH, T0, Rig, book_config, config, d, entry, facts, instrument, only, quote
from test_view import look

from tradeterm.config import Config, LimitsConfig, RiskConfig
from tradeterm.desk.currency import rate_of, rate_trouble
from tradeterm.domain.commands import SubmitOrder
from tradeterm.domain.events import DeskRestored, RateUpdate, Timer, VenueStatus
from tradeterm.domain.facts import AlertFact, EquityPoint, SignalFact
from tradeterm.domain.signals import GateCode
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import VenueState

NOON = "2024-10-04"  # the day of T0


def two(**risk: object) -> Rig:
    """One book in USDT on BTC, one in INR on ETH (quoted in INR)."""
    books = {
        "usdt": book_config(instruments=(BTC,)),
        "inr": book_config(instruments=(ETH,), currency="INR", capital=8_000_000.0, limits=LimitsConfig()),
    }
    rig = Rig(Config(books=books, risk=RiskConfig(**risk)))
    contracts = (instrument(), instrument(ETH, quote_currency="INR"))
    rig.feed(
        DeskRestored(ts=rig.ts, instruments=contracts, snapshot=DeskSnapshot()),
        VenueStatus(ts=rig.ts, venue="paper", state=VenueState.READY),
    )
    return rig


def rate(value: object, ts: int, currency: str = "INR") -> RateUpdate:
    return RateUpdate(ts=max(ts, T0), currency=currency, rate=d(value), ts_rate=ts)


def buy(rig: Rig, book: str, name: str) -> SignalFact:
    rig.bars(100.0, T0, entry(T0, id=f"s{book}", book=book, instrument=name), id=name)
    return facts(rig.commands, SignalFact)[-1]


def test_a_rate_of_the_configuration_holds_from_its_day_and_grows_old() -> None:
    state = two(rates={"INR": 0.0125}, rates_day=NOON).desk.state
    assert (rate_of(state, "INR"), rate_of(state, "USDT")) == (d("0.0125"), d(1))
    state.ts = T0 - T0 % DAY + 7 * DAY
    assert rate_of(state, "INR") == d("0.0125")
    state.ts += 1
    assert rate_of(state, "INR") is None
    assert rate_trouble(state, "INR") == "the rate of INR in USDT is 7.0 days old, allowed 7"


def test_the_newer_of_feed_and_configuration_counts() -> None:
    rig = two(rates={"INR": 0.0125}, rates_day=NOON)
    rig.feed(rate("0.02", T0 - DAY))
    assert rate_of(rig.desk.state, "INR") == d("0.0125")
    rig.feed(rate("0.012", T0))
    assert rate_of(rig.desk.state, "INR") == d("0.012")
    rig.feed(rate("0.5", T0 - 1))
    assert rate_of(rig.desk.state, "INR") == d("0.012"), "an older one comes late"


def test_a_rate_of_the_future_is_not_used_and_told_once() -> None:
    rig = two()
    rig.feed(*(RateUpdate(ts=T0, currency="INR", rate=d("0.5"), ts_rate=T0 + 2 * DAY) for _ in range(2)))
    assert rate_of(rig.desk.state, "INR") is None
    told = [fact.text for fact in facts(rig.commands, AlertFact) if fact.code == "BAD_RATE"]
    assert told == ["a rate of INR is of 2.0 days from now and is not used"]


def test_a_clock_that_is_a_little_ahead_makes_no_rate_younger() -> None:
    rig = two()
    rig.feed(RateUpdate(ts=T0, currency="INR", rate=d("0.012"), ts_rate=T0 + DAY // 2))
    assert rate_of(rig.desk.state, "INR") == d("0.012")
    rig.feed(RateUpdate(ts=T0 + 1, currency="INR", rate=d("0.0121"), ts_rate=T0 + 1))
    assert rate_of(rig.desk.state, "INR") == d("0.0121")
    rig.desk.state.ts = T0 + 7 * DAY + 2
    assert rate_of(rig.desk.state, "INR") is None


@pytest.mark.parametrize("dollar", ["USD", "USDC"])
def test_one_dollar_is_not_another(dollar: str) -> None:
    state = two().desk.state
    assert rate_of(state, dollar) is None
    assert rate_trouble(state, dollar) == f"no rate of {dollar} in USDT"


def test_totals_of_the_desk_are_in_its_currency() -> None:
    rig = two(rates={"INR": 0.0125}, rates_day=NOON)
    assert buy(rig, "inr", ETH).outcome_code == ""
    rig.quote(100.0, T0, ETH)
    rig.feed(quote(102.0, T0 + 1000, ETH))
    view = look(rig)
    inr, usdt = view.books
    assert view.currency == "USDT"
    assert view.equity == usdt.equity + inr.equity * d("0.0125")
    assert view.day_pnl == inr.day_pnl * d("0.0125") > 0
    assert view.unrealized_pnl == inr.unrealized_pnl * d("0.0125") == d(8000) * 2 * d("0.0125")
    assert view.exposure == (d(8000) * 102 * d("0.0125") / view.equity).quantize(d("1e-8"))
    assert view.risk.gross == pytest.approx(float(view.exposure))
    (rated,) = view.risk.rates
    assert (rated.currency, rated.rate, rated.ts) == ("INR", d("0.0125"), T0 - T0 % DAY)


def test_a_book_without_a_rate_is_left_out_said_once_and_opens_nothing() -> None:
    rig = two()
    denied = buy(rig, "inr", ETH)
    assert (denied.outcome_code, denied.outcome_text) == (GateCode.RATE_STALE, "no rate of INR in USDT")
    assert not only(rig.commands, SubmitOrder)
    rig.feed(quote(100.0, T0, BTC), Timer(ts=T0 + 1000))
    assert buy(rig, "usdt", BTC).outcome_code == "", "the others go on"
    (point,) = [point for point in facts(rig.commands, EquityPoint) if not point.book][:1]
    assert point.equity == d(100_000)
    view = look(rig)
    assert view.equity == d(100_000)
    assert [(each.currency, each.rate, each.ts) for each in view.risk.rates] == [("INR", None, None)]
    told = [alert for alert in facts(rig.commands, AlertFact) if alert.code == "RATE_UNKNOWN"]
    assert [alert.text for alert in told] == [
        "no rate of INR in USDT: book inr is left out of the desk's totals and may open nothing"
    ]


def test_a_rate_that_comes_lets_the_book_trade_again() -> None:
    rig = two()
    rig.feed(rate("0.0125", T0))
    assert buy(rig, "inr", ETH).outcome_code == ""
    assert look(rig).equity == d(200_000)


def test_a_desk_of_one_other_currency_needs_no_rate() -> None:
    books = {"crypto": book_config(currency="INR")}
    rig = Rig(Config(books=books, risk=RiskConfig(currency="INR")))
    rig.bars(100.0, T0, entry())
    assert only(rig.commands, SubmitOrder)
    assert look(rig).currency == "INR"
    assert look(rig).risk.rates == ()


def test_limits_count_in_one_money() -> None:
    """A book in a small currency cannot hide how much it holds."""
    rig = two(rates={"INR": 0.0125}, rates_day=NOON, max_asset=0.03)
    assert buy(rig, "inr", ETH).outcome_code == GateCode.ASSET_EXPOSURE
    loose = two(rates={"INR": 0.0125}, rates_day=NOON, max_asset=0.05)
    assert buy(loose, "inr", ETH).outcome_code == "", "800,000 INR are 10,000 of 200,000 USDT"


def test_config_without_other_currencies_says_nothing() -> None:
    rig = Rig(config())
    rig.bars(100.0, T0)
    assert not [alert for alert in facts(rig.commands, AlertFact) if alert.code == "RATE_UNKNOWN"]
