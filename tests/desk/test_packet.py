"""What the desk tells tier 2 of a strategy's past and of what is held: by hand, and null where nothing is known."""

from typing import Any

import pytest
from breaker_kit import loose
from desk_kit import BOOK, BTC, ETH, FIVE, T0, Rig, bar, d, entry, facts, model, only

from tradeterm.domain.commands import RequestVerdict
from tradeterm.domain.events import CovarianceUpdate, Timer
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.snapshot import TradeResult


def result(number: int, pnl: object, r: object | None) -> TradeResult:
    multiple = None if r is None else d(r)
    return TradeResult(trade_id=f"t{number}", ts_closed=number, pnl=d(pnl), return_pct=d(0), r_multiple=multiple)


def asked(rig: Rig, **changes: Any) -> dict[str, Any]:
    """The packet of a signal that passes tier 1."""
    before = len(rig.commands)
    rig.feed(bar(100.0, T0), model(T0), entry(**changes))
    requests = only(rig.commands[before:], RequestVerdict)
    assert requests, [fact.outcome_text for fact in facts(rig.commands[before:], SignalFact)]
    context: dict[str, Any] = requests[0].context
    return context


def test_a_strategy_without_trades_has_a_count_of_none_and_no_numbers() -> None:
    assert asked(Rig(loose()))["history"] == {
        "trades": 0, "wins": 0, "win_rate": None, "mean_r": None, "loss_streak": 0, "last_r": [],
    }  # fmt: skip


def test_its_last_trades_are_counted() -> None:
    rig = Rig(loose())
    rows = [result(n, *row) for n, row in enumerate([(10, "1.5"), (-4, "-1"), (0, None), (-2, "-0.5"), (-1, "-0.25")])]
    rig.desk.state.results[BOOK] = tuple(rows)
    history = asked(rig)["history"]
    assert (history["trades"], history["wins"], history["win_rate"]) == (5, 1, 0.2)
    assert history["mean_r"] == pytest.approx((1.5 - 1 - 0.5 - 0.25) / 4, abs=1e-3)
    assert (history["loss_streak"], history["last_r"]) == (2, [1.5, -1.0, -0.5, -0.25])
    rig = Rig(loose())
    rig.desk.state.results[BOOK] = tuple(result(n, -1, -1) for n in range(50))
    history = asked(rig)["history"]
    assert (history["trades"], history["loss_streak"], len(history["last_r"])) == (30, 30, 10)


@pytest.mark.parametrize(("known", "correlation"), [(True, 0.8), (False, None)])
def test_what_is_held_says_how_it_moves_with_what_is_wanted(known: bool, correlation: float | None) -> None:
    rig = Rig(loose())
    rig.feed(bar(100.0, T0 - FIVE, ETH), bar(100.0, T0 - FIVE), model(T0 - FIVE, ETH), model(T0 - FIVE))
    rig.feed(entry(T0 - FIVE, instrument=ETH), Timer(ts=T0 - FIVE))
    rig.feed(*rig.venue.on_quote(100.0, T0 - FIVE + 1, ETH), Timer(ts=T0 - FIVE + 1))
    assert (BOOK, ETH) in rig.desk.state.positions
    if known:
        covariance = ((0.0004, 0.00048), (0.00048, 0.0009))  # 0.00048 / (0.02 * 0.03)
        rig.feed(
            CovarianceUpdate(ts=T0, instruments=(BTC, ETH), covariance=covariance, groups=(0, 0), observations=300)
        )
    (position,) = asked(rig, side=PositionSide.LONG)["portfolio"]["positions"]
    assert (position["instrument"], position["correlation"]) == (ETH, correlation)
