"""What a book may risk by what it has earned: Kelly, exploration, and nothing on a losing edge."""

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from desk_kit import BOOK, FIVE, T0, Rig, book_config, config, d, entry, facts, only
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.config import SizingConfig, SizingMethod
from tradeterm.desk import Desk
from tradeterm.desk.earned import expectancy_view, reckon
from tradeterm.desk.edge import Edge, edge
from tradeterm.domain.commands import SubmitOrder
from tradeterm.domain.events import Timer
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.signals import GateCode
from tradeterm.domain.snapshot import DeskSnapshot, TradeResult
from tradeterm.quant.kelly import kelly_from_trades

KELLY = SizingConfig()


def trades(*multiples: object, known: bool = True) -> tuple[TradeResult, ...]:
    """Closed trades of these R multiples (or percent returns where no risk is `known`)."""
    return tuple(
        TradeResult(
            trade_id=f"t{n}",
            ts_closed=T0 - DAYS + n,
            pnl=100 * d(r),
            return_pct=d(r),
            r_multiple=d(r) if known else None,
            strategy="eos",
        )
        for n, r in enumerate(multiples)
    )


DAYS = 86_400_000
NONE = "no size until 2025-01-01 at the latest"
"""After 90 days."""

EVEN = (2, -1) * 20
"""Half won at twice the risk: full Kelly 0.5 − 0.5/2 = 0.25."""


def test_kelly_is_pulled_towards_no_edge_and_a_quarter_of_it_is_taken() -> None:
    config = SizingConfig(risk_fraction=0.02, kelly_fraction=0.1)
    found = edge(config, trades(*EVEN))
    assert (found.kelly, found.wins, found.losses) == (d("0.25"), 20, 20)
    assert found.risk_fraction == (d("0.25") * 40 / 70 * d("0.1")).quantize(d("1e-8"), "ROUND_FLOOR")
    assert found.why == "0.1 Kelly over 40 trades"


def test_the_risk_per_trade_is_the_most_before_factors() -> None:
    found = edge(KELLY, trades(*EVEN))
    assert found.risk_fraction == d("0.01")
    assert found.why == "Kelly over 40 trades, cut to the risk per trade"


@pytest.mark.parametrize("count", [0, 1, 12, 29])
def test_with_few_trades_it_explores(count: int) -> None:
    found = edge(KELLY, trades(*EVEN[:count]))
    assert (found.risk_fraction, found.why) == (d("0.005"), f"exploring: {count} of 30 trades")
    careful = SizingConfig(risk_fraction=0.002)
    assert edge(careful, trades(*EVEN[:count])).risk_fraction == d("0.002"), (
        "exploring never risks more than a trade may"
    )


@pytest.mark.parametrize("results", [(1, -1) * 15, (1, -2) * 15, (-1,) * 30, (*(0,) * 29, -1)])
def test_a_losing_edge_has_no_size(results: tuple[int, ...]) -> None:
    found = edge(KELLY, trades(*results))
    assert (found.risk_fraction, found.why) == (d(0), f"edge is negative over 30 trades: {NONE}")


def test_without_a_loss_it_takes_what_the_formula_comes_to_and_names_no_kelly() -> None:
    found = edge(SizingConfig(risk_fraction=0.02, kelly_fraction=0.01), trades(*(1,) * 40))
    assert (found.kelly, found.why) == (None, "0.01 Kelly over 40 trades")
    assert found.risk_fraction == (d(40) / 70 * d("0.01")).quantize(d("1e-8"), "ROUND_FLOOR")


def test_trades_that_won_and_lost_nothing_have_no_edge() -> None:
    found = edge(KELLY, trades(*(0,) * 40))
    assert (found.kelly, found.risk_fraction, found.why) == (None, 0, f"no edge over 40 trades: {NONE}")


def test_fixed_asks_no_trades() -> None:
    fixed = SizingConfig(method=SizingMethod.FIXED, risk_fraction=0.007)
    assert {edge(fixed, trades(*results)).risk_fraction for results in ((), (-1,) * 50, EVEN)} == {d("0.007")}


def test_only_the_window_is_looked_at_and_all_trades_count_for_being_believed() -> None:
    config = SizingConfig(window=30, least_trades=50)
    assert edge(config, trades(*(-1,) * 30, *EVEN[:30])).risk_fraction > 0
    assert edge(config, trades(*EVEN[:30], *(-1, -1, 1) * 10)).risk_fraction == 0


def test_one_unit_for_all_trades_looked_at() -> None:
    mixed = list(trades(*EVEN))
    mixed[0] = msgspec.structs.replace(mixed[0], r_multiple=None, return_pct=d("-50"))
    assert edge(KELLY, tuple(mixed)).risk_fraction == 0, "a big loss of unknown risk is not left out"
    assert edge(KELLY, trades(*EVEN, known=False)).kelly == d("0.25")


multiples_of_risk = st.decimals(min_value=-5, max_value=5, places=2)
outcomes = st.lists(multiples_of_risk, min_size=30, max_size=80)


@given(outcomes)
def test_it_agrees_with_the_published_formula(multiples: list[Decimal]) -> None:
    found = edge(SizingConfig(risk_fraction=0.02, kelly_fraction=0.01, window=500), trades(*multiples))
    expected = kelly_from_trades([float(r) for r in multiples], prior_trades=30)
    if np.isnan(expected):
        assert found.kelly is None
    elif found.kelly is not None and found.kelly > d("1e-6"):
        assert abs(float(found.risk_fraction) - 0.01 * expected) < 1e-7
    else:
        assert expected < 1e-6


@given(outcomes, st.decimals(min_value=-5, max_value="-0.01", places=2))
def test_one_more_loss_never_raises_the_size(multiples: list[Decimal], loss: Decimal) -> None:
    config = SizingConfig(window=500)
    before = edge(config, trades(*multiples))
    assert edge(config, trades(*multiples, loss)).risk_fraction <= before.risk_fraction


steps = st.sampled_from(["0.00000001", "0.01", "0.5", "1", "3"]).map(d)


@given(
    st.lists(st.sampled_from(["-1", "-0.01", "0", "0.01", "1"]).map(d) | multiples_of_risk, min_size=28, max_size=60),
    st.data(),
    steps,
    st.sampled_from([0.01, 0.1, 0.25, 0.5]),
    st.booleans(),
)
def test_a_better_result_never_makes_the_size_smaller(
    multiples: list[Decimal], data: st.DataObject, better: Decimal, part: float, known: bool
) -> None:
    config = SizingConfig(risk_fraction=0.02, exploration_fraction=0.005, kelly_fraction=part, window=40)
    place = data.draw(st.integers(0, len(multiples) - 1))
    improved = [r + better if n == place else r for n, r in enumerate(multiples)]
    before, after = (edge(config, trades(*each, known=known)) for each in (multiples, improved))
    assert after.risk_fraction >= before.risk_fraction


def test_forty_wins_are_worth_no_less_than_thirty_nine_and_a_loss() -> None:
    whole, one_lost = (edge(KELLY, trades(*(1,) * 39, last)).risk_fraction for last in (1, -1))
    assert whole >= one_lost > KELLY.exploration_fraction


def sized(results: tuple[TradeResult, ...], **signal: Any) -> tuple[Rig, SignalFact]:
    rig = Rig(config(crypto=book_config(sizing=KELLY)), DeskSnapshot(results={BOOK: results}))
    rig.bars(100.0, T0, entry(**signal))
    return rig, facts(rig.commands, SignalFact)[-1]


def test_no_size_is_said_in_the_factors_and_the_outcome() -> None:
    rig, fact = sized(trades(*(1, -2) * 20))
    assert not only(rig.commands, SubmitOrder)
    assert fact.outcome_code == GateCode.NO_EDGE
    assert fact.outcome_text == f"edge is negative over 40 trades: {NONE}"
    assert fact.size is not None
    assert fact.size.binding == f"edge is negative over 40 trades: {NONE}"
    assert ("sizing", f"edge is negative over 40 trades: {NONE}") in fact.size.factors


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_a_signal_thinks_of_itself_never_sizes_it(one: float, other: float) -> None:
    explained = [
        sized(trades(*EVEN), explain={"confidence": value, "win_probability": value, "score": value})[1].size
        for value in (one, other)
    ]
    assert explained[0] == explained[1] is not None


def test_a_trade_that_closes_counts_at_once() -> None:
    rig = Rig(config(crypto=book_config(sizing=KELLY)), DeskSnapshot(results={BOOK: trades(*EVEN[:29])}))
    book = rig.desk.state.books[BOOK]
    assert rig.desk.state.earned(book).edge.why == "exploring: 29 of 30 trades"
    rig.open_position()
    rig.quote(97.9, T0 + FIVE)
    assert len(rig.desk.state.results[BOOK]) == 30
    assert "Kelly over 30 trades" in rig.desk.state.earned(book).edge.why


def test_what_trades_come_to_is_found_with_the_time_and_not_in_the_way_of_a_signal() -> None:
    rig = Rig(config(crypto=book_config(sizing=KELLY)), DeskSnapshot(results={BOOK: trades(*EVEN[:29])}))
    state = rig.desk.state
    assert state.reckoned[BOOK].edge.why == "exploring: 29 of 30 trades"
    rig.open_position()
    rig.quote(97.9, T0 + FIVE)
    assert state.reckoned[BOOK].results is state.results[BOOK]
    rig.feed(Timer(ts=T0 + 200 * DAYS))
    assert state.reckoned[BOOK].edge.why == "exploring: 0 of 30 trades"


def test_expectancy_over_a_window_with_its_error() -> None:
    view = expectancy_view(trades(*EVEN), 30)
    assert (view.trades, view.win_rate, view.payoff) == (30, 0.5, 2.0)
    assert (view.expectancy, view.expectancy_r) == (50.0, 0.5)
    assert view.expectancy_r_se == pytest.approx(np.std([2, -1] * 15, ddof=1) / np.sqrt(30))
    assert expectancy_view((), 30).expectancy is None
    assert expectancy_view(trades(*EVEN, known=False), 30).expectancy_r is None


def test_trades_that_lost_money_have_no_edge_whatever_their_multiples_say() -> None:
    """Small trades win 1.5 R, large ones lose 1 R."""
    won, lost = trades(*["1.5"] * 20), trades(*["-1"] * 20)
    large = tuple(msgspec.structs.replace(each, pnl=10 * each.pnl) for each in lost)
    assert edge(KELLY, (*won, *lost)).risk_fraction > 0
    found = edge(KELLY, (*won, *large))
    assert (found.risk_fraction, found.why) == (0, f"edge is negative over 40 trades: {NONE}")


def later(day: float, results: tuple[TradeResult, ...]) -> Edge:
    """The edge so many days after the first of them closed."""
    return reckon(KELLY, results, results[0].ts_closed + round(day * DAYS)).edge


def test_old_trades_are_forgotten_one_by_one_and_a_losing_book_explores_again() -> None:
    daily = tuple(
        msgspec.structs.replace(each, ts_closed=T0 + n * DAYS) for n, each in enumerate(trades(*(1, -2) * 20))
    )
    assert later(89.9, daily).why == "edge is negative over 40 trades: no size until 2025-01-12 at the latest"
    assert later(90, daily).trades == 39
    assert later(99.9, daily).why == "edge is negative over 30 trades: no size until 2025-01-12 at the latest"
    again = later(100, daily)
    assert (again.why, again.risk_fraction) == ("exploring: 29 of 30 trades", d("0.005"))
    assert later(1000, daily).why == "exploring: 0 of 30 trades"


def test_a_losing_stretch_that_is_forgotten_leaves_the_edge_of_the_rest() -> None:
    old, young = trades(*(-1,) * 30), trades(*EVEN)
    moved = tuple(msgspec.structs.replace(each, ts_closed=each.ts_closed + 50 * DAYS) for each in young)
    assert later(89, (*old, *moved)).risk_fraction == 0
    assert later(91, (*old, *moved)) == edge(KELLY, moved)


def test_time_alone_brings_a_book_back_and_a_restart_or_a_replay_finds_the_same() -> None:
    results = trades(*(1, "-1.1") * 20)
    rig, fact = sized(results)
    assert fact.outcome_code == GateCode.NO_EDGE
    ts = T0 + 90 * DAYS
    rig.bars(100.0, ts, entry(ts))
    (sent,) = only(rig.commands, SubmitOrder)
    book = rig.desk.state.books[BOOK]
    assert rig.desk.state.earned(book).edge.why == "exploring: 0 of 30 trades"
    fresh = Rig(rig.config, DeskSnapshot(results={BOOK: results}), ts - FIVE)
    fresh.bars(100.0, ts, entry(ts))
    assert only(fresh.commands, SubmitOrder) == [sent]
    replayed = Desk(rig.config)
    assert [command for event in rig.events for command in replayed.on(event)] == rig.commands


def test_forgotten_trades_still_count_for_drawdown_and_expectancy() -> None:
    results = trades(*EVEN)
    old, young = (reckon(KELLY, results, T0 + days * DAYS) for days in (0, 1000))
    assert (old.total, old.recent, old.windows) == (young.total, young.recent, young.windows)
    assert (old.until, young.until, young.sized.trades) == (results[0].ts_closed + 90 * DAYS, None, 0)
