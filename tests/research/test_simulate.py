"""The portfolio: jumping from event to event gives what stepping through every bar gives, and the money adds up."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from research_kit import MONDAY, candles, policies, random_bars

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.research.bars import Bars, Liquidity, Settlements
from tradeterm.research.costs import Costs
from tradeterm.research.equity import daily_equity, equity_at, every_close
from tradeterm.research.every_bar import LEAVE, OnBar, simulate_every_bar
from tradeterm.research.exits import ExitSignals, Moment, first_exit_every_bar
from tradeterm.research.fills import ExitPolicy
from tradeterm.research.simulate import InstrumentSignals, Simulation, simulate
from tradeterm.research.sizers import (
    EquityFraction,
    FixedQuantity,
    MaxExposure,
    MaxPositions,
    RiskFraction,
    Sizer,
    Wanted,
)
from tradeterm.research.ticks import Step

FREE = Costs(fee=0.0, slippage=0.0)
QUIET = (100.0, 100.5, 99.5, 100.0)


def wants(seed: int, rows: int, share: float) -> tuple[InstrumentSignals, NDArray[np.int8]]:
    """Random signals, and the same as what a function answers at every bar."""
    rng = np.random.default_rng(seed)
    entries = rng.integers(0, 2, rows) * 2 - 1
    at = np.flatnonzero(rng.random(rows) < share)
    leave = np.flatnonzero(rng.random(rows) < share / 4)
    leave = leave[~np.isin(leave, at)]
    out = (ExitSignals("EXIT", leave),)
    answers = np.zeros(rows, np.int8)
    answers[at], answers[leave] = entries[at], LEAVE
    return InstrumentSignals(at, entries[at].astype(np.int8), out, out), answers


def function(answers: NDArray[np.int8]) -> OnBar:
    listed = answers.tolist()
    return lambda row, bar, side: listed[row]


def same(one: Simulation, other: Simulation) -> None:
    for name in one.trades.__struct_fields__:
        np.testing.assert_array_equal(getattr(one.trades, name), getattr(other.trades, name), err_msg=name)
    for left, right in zip(one.payments, other.payments, strict=True):
        np.testing.assert_array_equal(left, right)


@given(
    seed=st.integers(0, 10**6),
    policy=policies,
    instruments=st.integers(1, 4),
    step=st.sampled_from((0.0004, 0.002, 0.01)),
    missing=st.sampled_from((0.0, 0.2)),
    share=st.sampled_from((0.01, 0.05, 0.4)),
    market=st.sampled_from(((Calendar.ALWAYS, HOUR_MS), (Calendar.NSE, 15 * MINUTE_MS))),
    funding=st.booleans(),
    sizer=st.sampled_from((EquityFraction(0.3), RiskFraction(0.01, 0.5), FixedQuantity(7.0))),
    limited=st.booleans(),
    venue=st.booleans(),
    late=st.booleans(),
)
@settings(max_examples=250)
def test_jumping_from_event_to_event_changes_nothing(
    seed: int,
    policy: ExitPolicy,
    instruments: int,
    step: float,
    missing: float,
    share: float,
    market: tuple[Calendar, int],
    funding: bool,
    sizer: Sizer,
    limited: bool,
    venue: bool,
    late: bool,
) -> None:
    calendar, interval = market
    bars = [
        random_bars(
            seed + i,
            250,
            step=step,
            missing=missing,
            calendar=calendar,
            interval_ms=interval,
            funding=funding,
            name=f"N{i}",
        )
        for i in range(instruments)
    ]
    signals, answers = zip(*(wants(seed + i, 250, share) for i in range(instruments)), strict=True)
    more: dict[str, Any] = {"costs": Costs(), "capital": 10_000.0, "sizer": sizer}
    if late:
        more["costs"] = Costs(most_latency_ms=interval / 2)
    if venue:
        more["costs"] = Costs(participation=0.05, most_latency_ms=interval / 2 if late else 0.0)
        for i, each in enumerate(bars):
            each.tick, each.lot = Step(0.1, 1), Step(0.01, 2)
            each.volume = np.random.default_rng(seed + i).integers(0, 2000, 250).astype(np.float64)
    if limited:
        more["limits"] = (MaxPositions(2), MaxExposure(0.5))
    jumped = simulate(bars, signals, policy, **more)
    same(jumped, simulate(bars, signals, policy, exits=first_exit_every_bar, **more))
    stepped = simulate_every_bar(bars, [function(each) for each in answers], policy, **more)
    same(jumped, stepped)
    unseen = {"NO_BAR": jumped.ignored["NO_BAR"]} if "NO_BAR" in jumped.ignored else {}  # no bar, no call
    assert jumped.ignored == {**stepped.ignored, **unseen}
    assert sum(jumped.ignored.values()) + len(jumped.trades) == sum(len(each.rows) for each in signals)
    check_money(jumped)
    if venue:
        np.testing.assert_array_equal(jumped.trades.entry_price, np.round(jumped.trades.entry_price, 1))
        np.testing.assert_array_equal(jumped.trades.exit_price, np.round(jumped.trades.exit_price, 1))
        for trade in jumped.trades:
            volume = bars[int(trade.instrument[1:])].volume
            assert volume is not None
            assert trade.quantity <= 0.05 * volume[trade.entry_row] + 1e-9


def check_money(found: Simulation) -> None:
    """The books of any run balance, and no position overlaps another of its instrument."""
    trades = found.trades
    np.testing.assert_allclose(trades.pnl, trades.gross - trades.fees - trades.funding, rtol=1e-12)
    fees = trades.quantity * (trades.entry_price + trades.exit_price) * found.costs.fee
    np.testing.assert_allclose(trades.fees, fees, rtol=1e-12)
    assert (trades.slippage >= 0).all()
    assert found.payments.amount.sum() == pytest.approx(trades.funding.sum(), abs=1e-9)
    times, equity = every_close(found)
    np.testing.assert_allclose(equity[-1], found.capital + trades.pnl.sum(), rtol=1e-12)
    np.testing.assert_allclose(equity, [plain_equity(found, int(ts)) for ts in times], rtol=1e-9)
    for number in range(len(found.market)):
        mine = trades.instrument == number
        entered, left = trades.entry_row[mine], trades.exit_row[mine]
        assert (left >= entered).all()
        assert (trades.signal_row[mine][1:] >= left[:-1]).all()
        assert (trades.signal_row[mine] < entered).all()


@given(seed=st.integers(0, 10**6), policy=policies)
@settings(max_examples=60)
def test_sizes_are_decided_on_the_equity_of_the_curve(seed: int, policy: ExitPolicy) -> None:
    seen: list[Wanted] = []
    known: list[int] = []

    def sizer(wanted: Wanted) -> float:
        seen.append(wanted)
        known.append(len(wanted.closed))
        return wanted.equity * 0.3 / wanted.price

    bars = [random_bars(seed + i, 200, step=0.004, missing=0.1, funding=True, name=f"N{i}") for i in range(3)]
    signals = [wants(seed + i, 200, 0.1)[0] for i in range(3)]
    found = simulate(bars, signals, policy, costs=Costs(fee=0.002), capital=10_000.0, sizer=sizer)
    trades = found.trades
    ends = list(zip(trades.exit_ts.tolist(), (trades.moment == Moment.OPEN).tolist(), strict=True))
    for wanted, closed in zip(seen, known, strict=True):
        assert wanted.equity == pytest.approx(plain_equity(found, wanted.ts), rel=1e-12)
        assert closed == sum(end <= (wanted.ts, False) for end in ends)
    times = [bars[0].start, *(bars[0].ts_open + HOUR_MS).tolist()]
    curve = [plain_equity(found, ts) for ts in times]
    for wanted in seen[:: max(1, len(seen) // 5)]:
        sofar = [value for ts, value in zip(times, curve, strict=True) if ts <= wanted.ts]
        assert wanted.peak_equity == pytest.approx(max(10_000.0, *sofar), rel=1e-12)
        assert wanted.day_start == pytest.approx(plain_equity(found, wanted.ts // DAY_MS * DAY_MS), rel=1e-12)


def plain_equity(found: Simulation, ts: int) -> float:
    """Equity by its definition, trade by trade."""
    equity = found.capital
    for trade, moment in zip(found.trades, found.trades.moment, strict=True):
        if trade.entry_ts >= ts:
            continue
        fee = trade.quantity * trade.entry_price * found.costs.fee
        equity -= fee
        if trade.exit_ts < ts or (trade.exit_ts == ts and moment != Moment.OPEN):
            equity += trade.gross - (trade.fees - fee)
        else:
            bars = next(bars for bars in found.market if bars.instrument == trade.instrument)
            equity += trade.side * trade.quantity * (bars.last_close(ts) - trade.entry_price)
    return equity - float(found.payments.amount[found.payments.ts < ts].sum())


def named(bars: Bars, name: str) -> Bars:
    return Bars(
        name, bars.interval_ms, bars.ts_open, bars.open, bars.high, bars.low, bars.close,
        calendar=bars.calendar, funding=bars.funding, liquidity=bars.liquidity,
    )  # fmt: skip


def one(bars: Bars, rows: list[int], side: int = 1, policy: ExitPolicy | None = None, **more: Any) -> Simulation:
    signals = InstrumentSignals(np.array(rows), np.full(len(rows), side, np.int8))
    given: dict[str, Any] = {"costs": FREE, "capital": 1000.0, "sizer": FixedQuantity(1.0), **more}
    return simulate([bars], [signals], policy or ExitPolicy(), **given)


@given(seed=st.integers(0, 10**6), policy=policies, cut=st.integers(20, 249))
@settings(max_examples=100)
def test_what_is_still_to_come_changes_no_trade_that_is_over(seed: int, policy: ExitPolicy, cut: int) -> None:
    whole = [random_bars(seed + i, 250, step=0.002, funding=True, name=f"N{i}") for i in range(3)]
    signals = [wants(seed + i, 250, 0.05)[0] for i in range(3)]
    known = [
        Bars(
            b.instrument, b.interval_ms, b.ts_open[:cut], b.open[:cut], b.high[:cut], b.low[:cut], b.close[:cut],
            funding=b.funding,
        )
        for b in whole
    ]  # fmt: skip
    until = [InstrumentSignals(*(part[each.rows < cut] for part in each[:2]), *each[2:]) for each in signals]
    more: dict[str, Any] = {"costs": Costs(), "capital": 10_000.0, "sizer": EquityFraction(0.3)}
    early = simulate(known, until, policy, **more).trades
    late = simulate(whole, signals, policy, **more).trades
    end = MONDAY + cut * HOUR_MS
    over = [repr(trade) for trade in early if trade.exit_ts < end]
    assert over == [repr(trade) for trade in late if trade.exit_ts < end]


def test_a_signal_fills_at_the_next_open_and_pays_both_ways() -> None:
    bars = candles(QUIET, (101, 102, 100, 101), QUIET, QUIET)
    found = one(bars, [0], costs=Costs(fee=0.001, slippage=0.01), policy=ExitPolicy(time_limit_hours=1))
    (trade,) = found.trades
    assert (trade.entry_row, trade.exit_row, trade.reason) == (1, 2, "TIME_LIMIT")
    assert trade.entry_price == pytest.approx(101 * 1.01)
    assert trade.exit_price == pytest.approx(99.0)
    assert trade.fees == pytest.approx((trade.entry_price + trade.exit_price) * 0.001)
    assert trade.slippage == pytest.approx(1.01 + 1.0)
    assert trade.pnl == pytest.approx(trade.exit_price - trade.entry_price - trade.fees)
    (short,) = one(bars, [0], -1, costs=Costs(fee=0.0, slippage=0.01), policy=ExitPolicy(time_limit_hours=1)).trades
    assert short.entry_price == pytest.approx(101 * 0.99)
    assert short.exit_price == pytest.approx(101.0)


def test_a_signal_while_an_exit_is_on_its_way_is_ignored() -> None:
    found = one(candles(*[QUIET] * 6), [0, 1, 2, 3], policy=ExitPolicy(time_limit_hours=1))
    assert [(trade.entry_row, trade.exit_row) for trade in found.trades] == [(1, 2), (3, 4)]
    assert found.ignored == {"POSITION_EXISTS": 2}


def test_a_signal_in_the_bar_that_stopped_the_last_one_counts() -> None:
    found = one(candles(QUIET, (100, 100, 97, 98), QUIET, QUIET), [0, 1], policy=ExitPolicy(stop=0.02))
    assert [(trade.entry_row, trade.exit_row) for trade in found.trades] == [(1, 1), (2, 3)]


def test_no_entry_on_a_sessions_last_bar_or_over_its_end() -> None:
    rows = [QUIET] * 30
    policy = ExitPolicy(session_end=True)
    found = one(candles(*rows), [22, 23], policy=policy)
    assert [(trade.entry_row, trade.exit_row) for trade in found.trades] == [(23, 24)]
    rows[23] = (math.nan,) * 4
    assert one(candles(*rows), [22], policy=policy).ignored == {"SESSION_END": 1}
    assert len(one(candles(*rows), [22]).trades) == 1
    assert one(candles(*rows), [29]).ignored == {"DATA_END": 1}
    assert one(candles(*rows), [23]).ignored == {"NO_BAR": 1}


def test_the_size_is_decided_at_the_signals_close() -> None:
    seen: list[Wanted] = []

    def sizer(wanted: Wanted) -> float:
        seen.append(wanted)
        return 2.0

    first = candles(QUIET, (100, 110, 100, 110), (110, 111, 109, 110), QUIET)
    second = candles(QUIET, QUIET, (50, 50, 50, 50), (50, 50, 50, 50))
    signals = [InstrumentSignals(np.array([row]), np.array([1], np.int8)) for row in (0, 1)]
    simulate([first, second], signals, ExitPolicy(stop=0.02), costs=FREE, capital=1000.0, sizer=sizer)
    assert [wanted.ts for wanted in seen] == [MONDAY + HOUR_MS, MONDAY + 2 * HOUR_MS]
    assert (seen[0].price, seen[0].stop, seen[0].equity, seen[0].exposure) == (100.0, 98.0, 1000.0, 0.0)
    assert (seen[1].price, seen[1].equity, seen[1].exposure) == (100.0, 1020.0, 220.0)
    assert (seen[1].positions, seen[1].peak_equity, seen[1].cash) == (1, 1020.0, 1000.0)


def test_entries_of_one_instant_count_each_other() -> None:
    market = [named(candles(*[QUIET] * 4), name) for name in "ABC"]
    signals = [InstrumentSignals(np.array([0]), np.array([1], np.int8)) for _ in market]
    more: dict[str, Any] = {"costs": FREE, "capital": 1000.0, "sizer": EquityFraction(0.4)}
    found = simulate(market, signals, ExitPolicy(), limits=(MaxExposure(0.5),), **more)
    np.testing.assert_allclose(found.trades.quantity, [4.0, 1.0])
    assert found.ignored == {"LIMIT": 1}
    found = simulate(market, signals, ExitPolicy(), limits=(MaxPositions(2),), **more)
    assert [trade.instrument for trade in found.trades] == ["A", "B"]


@pytest.mark.parametrize("quantity", (0.0, -1.0, math.nan, math.inf))
def test_a_size_that_is_none_is_no_trade(quantity: float) -> None:
    assert one(candles(*[QUIET] * 3), [0], sizer=lambda wanted: quantity).ignored == {"NO_SIZE": 1}


@pytest.mark.parametrize("allowed", (0.0, -1.0, math.nan))
def test_a_limit_that_allows_nothing_refuses(allowed: float) -> None:
    assert one(candles(*[QUIET] * 3), [0], limits=(lambda wanted, quantity: allowed,)).ignored == {"LIMIT": 1}


def test_a_limit_cannot_raise_a_size() -> None:
    (trade,) = one(candles(*[QUIET] * 3), [0], limits=(lambda wanted, quantity: 10 * quantity,)).trades
    assert trade.quantity == 1.0


def test_risk_between_entry_and_stop() -> None:
    bars = candles(QUIET, QUIET, (100, 100, 97, 97), QUIET)
    (trade,) = one(bars, [0], policy=ExitPolicy(stop=0.02), sizer=RiskFraction(0.01, 10.0)).trades
    assert trade.quantity == pytest.approx(5.0)
    assert (trade.pnl, trade.risk, trade.r_multiple) == pytest.approx((-10.0, 10.0, -1.0))
    assert one(bars, [0], sizer=RiskFraction(0.01)).ignored == {"NO_SIZE": 1}
    (capped,) = one(bars, [0], policy=ExitPolicy(stop=0.02), sizer=RiskFraction(0.01, 0.1)).trades
    assert capped.quantity == pytest.approx(1.0)


def settled(rates: dict[float, float]) -> Settlements:
    """Rates by hours since the start."""
    return Settlements(np.array([MONDAY + int(h * HOUR_MS) for h in rates]), np.array(list(rates.values())))


def test_funding_is_paid_on_what_is_held_at_the_settlement() -> None:
    rows = [QUIET, QUIET, (100, 120, 100, 120), (120, 121, 119, 120), QUIET, QUIET]
    plain = candles(*rows)
    rates = settled({1: 0.5, 1.5: 0.001, 3: 0.01, 4: 0.1, 4.5: 0.5})
    bars = Bars("X", HOUR_MS, plain.ts_open, plain.open, plain.high, plain.low, plain.close, funding=rates)
    # entered at the open of hour 1 (after that settlement), out at the open of hour 4 (after that one)
    found = one(bars, [0], policy=ExitPolicy(time_limit_hours=3))
    (trade,) = found.trades
    assert trade.funding == pytest.approx(100 * 0.001 + 120 * 0.01 + 120 * 0.1)
    assert trade.pnl == pytest.approx(-trade.funding)
    (short,) = one(bars, [0], -1, policy=ExitPolicy(time_limit_hours=3)).trades
    assert short.funding == pytest.approx(-trade.funding)
    # an exit inside a bar comes before a settlement at its close
    (target,) = one(bars, [0], policy=ExitPolicy(target=0.1)).trades
    assert (target.exit_row, target.funding) == (2, pytest.approx(100 * 0.001))
    np.testing.assert_allclose(found.payments.amount, [0.1, 1.2, 12.0])


def liquid(bars: Bars, adv: float, since: int = 0) -> Bars:
    known = Liquidity(np.array([since]), np.array([adv]), np.array([0.04]))
    return Bars("X", HOUR_MS, bars.ts_open, bars.open, bars.high, bars.low, bars.close, liquidity=known)


def test_impact_grows_with_the_root_of_the_size() -> None:
    bars = liquid(candles(*[QUIET] * 4), 10_000.0)
    costs = Costs(fee=0.0, slippage=0.001, impact=1.0)
    (trade,) = one(bars, [0], costs=costs, sizer=FixedQuantity(100.0)).trades
    assert trade.entry_price == pytest.approx(100 * (1 + 0.001 + 0.04 * 0.1))
    assert trade.exit_price == pytest.approx(100 * (1 - 0.001 - 0.04 * 0.1))
    assert trade.slippage == pytest.approx(-trade.pnl)


def test_an_entry_cut_by_its_bar_s_volume_has_the_impact_of_what_fills() -> None:
    bars = candles(*[QUIET] * 4)
    bars.liquidity = Liquidity(np.array([0]), np.array([100.0]), np.array([0.05]))
    bars.volume = np.full(4, 40.0)
    costs = Costs(fee=0.0, slippage=0.0, impact=1.0, participation=0.1)
    (trade,) = one(bars, [0], costs=costs, sizer=FixedQuantity(64.0)).trades
    assert trade.quantity == pytest.approx(4.0)
    assert trade.entry_price == pytest.approx(100 * (1 + 0.05 * math.sqrt(4 / 100)))  # 101; that of 64 would be 104


@pytest.mark.parametrize("tick", (None, Step(0.5, 1)))
@pytest.mark.parametrize("side", (1, -1))
def test_no_impact_prices_a_sale_at_nothing_or_less(side: int, tick: Step | None) -> None:
    bars = liquid(candles(*[QUIET] * 4), 1.0)
    bars.tick = tick
    costs = Costs(fee=0.001, slippage=0.0, impact=1.0)  # an impact of 40 times the price
    (trade,) = one(bars, [0], side, costs=costs, capital=1e9, sizer=FixedQuantity(1e6)).trades
    sold = trade.exit_price if side > 0 else trade.entry_price
    assert sold == (pytest.approx(100e-6) if tick is None else 0.5)
    assert trade.fees > 0
    assert -math.inf < trade.pnl < 0


def test_an_entry_whose_impact_is_not_known_is_refused() -> None:
    costs = Costs(impact=1.0)
    plain = candles(*[QUIET] * 4)
    for bars in (plain, liquid(plain, math.nan), liquid(plain, 0.0), liquid(plain, 1e4, MONDAY + DAY_MS)):
        assert one(bars, [0], costs=costs).ignored == {"VOLUME_UNKNOWN": 1}


def test_equity_by_day_and_in_between() -> None:
    rows = [QUIET] * 20 + [(100, 110, 100, 110)] + [(110, 111, 109, 110)] * 10
    found = one(candles(*rows), [0], costs=FREE)
    times, equity = daily_equity(found)
    assert times.tolist() == [MONDAY, MONDAY + DAY_MS, MONDAY + 31 * HOUR_MS]
    np.testing.assert_allclose(equity, [1000, 1010, 1010])
    np.testing.assert_allclose(equity_at(found, np.array([MONDAY + 20 * HOUR_MS])), [1000])


def test_days_on_which_the_market_is_shut_are_no_days() -> None:
    bars = random_bars(4, 96 * 9, calendar=Calendar.NSE, interval_ms=15 * MINUTE_MS)
    times, _ = daily_equity(one(bars, [20], policy=ExitPolicy(stop=0.5)))
    assert [(int(ts) - MONDAY) / DAY_MS for ts in times] == [0, 1, 2, 3, 4, 5, 8, 9]


def test_nothing_to_do() -> None:
    found = one(candles(*[QUIET] * 3), [])
    assert len(found.trades) == 0
    assert list(found.trades) == []
    np.testing.assert_allclose(daily_equity(found)[1], [1000, 1000])


def test_every_bar_needs_shared_times() -> None:
    one_, other = candles(*[QUIET] * 3), candles(*[QUIET] * 3, start=MONDAY + HOUR_MS)
    with pytest.raises(ValueError, match="share the times"):
        simulate_every_bar(
            [one_, other], [lambda *_: 0] * 2, ExitPolicy(), costs=FREE, capital=1.0, sizer=FixedQuantity(1.0)
        )


def test_a_function_sees_its_position_and_every_bar() -> None:
    seen = []

    def on_bar(row: int, bar: tuple[float, float, float, float], side: int) -> int:
        seen.append((row, bar[3], side))
        return {0: -1, 3: LEAVE}.get(row, 0)

    rows = [QUIET, QUIET, (math.nan,) * 4, (100, 100, 99, 99.5), (98, 98, 97, 97), QUIET]
    terms: dict[str, Any] = {"costs": FREE, "capital": 1000.0, "sizer": FixedQuantity(1.0)}
    found = simulate_every_bar([candles(*rows)], [on_bar], ExitPolicy(), **terms)
    assert seen == [(0, 100.0, 0), (1, 100.0, -1), (3, 99.5, -1), (4, 97.0, 0), (5, 100.0, 0)]
    (trade,) = found.trades
    assert (trade.side, trade.exit_row, trade.reason, trade.pnl) == (-1, 4, "EXIT", 2.0)
