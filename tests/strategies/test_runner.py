"""The live path gives what the vectorised path gives, bar by bar, and the bundled week is what it is."""

import asyncio
import hashlib
from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import pytest

from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS, Bar, FundingRate
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Signal, SignalKind
from tradeterm.strategies.eos import Eos, EosParameters
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.protocol import ExitRule, Signals
from tradeterm.strategies.runner import StrategyRunner
from tradeterm.strategies.window import Window, panel_from_bars

START = 1_743_811_200_000
STRATEGY = Eos(EosParameters(threshold=0.02, volume_window=5, average_window=6, funding_extreme=0.0002), HOUR_MS)


def instrument(name: str) -> Instrument:
    return Instrument(
        id=f"{name}.V",
        symbol=name,
        venue="V",
        kind=InstrumentKind.PERPETUAL,
        quote_currency="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(5),
    )


A, B = instrument("A"), instrument("B")


def bar(name: str, row: int, price: float = 100.0, interval: int = HOUR_MS) -> Bar:
    ts = START + row * interval
    return Bar(name, interval, ts, price, price, price, price, 1.0, ts + interval)


def market(rows: int, seed: int) -> tuple[list[list[Bar]], list[FundingRate]]:
    """Random bars of two instruments, some missing, and a settlement every eight hours."""
    rng = np.random.default_rng(seed)
    instants: list[list[Bar]] = []
    last = {"A.V": 100.0, "B.V": 5.0}
    for row in range(rows):
        here = []
        for name in last:
            opened, last[name] = last[name], last[name] * float(np.exp(rng.normal(0, 0.012)))
            high, low = max(opened, last[name]) * 1.003, min(opened, last[name]) * 0.997
            ts = START + row * HOUR_MS
            if rng.random() > 0.03:
                volume = float(rng.lognormal(2, 0.8))
                here.append(Bar(name, HOUR_MS, ts, opened, high, low, last[name], volume, ts + HOUR_MS))
        instants.append(here)
    rates = [FundingRate("A.V", START + h * HOUR_MS, float(rng.normal(0, 0.0003)), 0) for h in range(8, rows, 8)]
    return instants, rates


def live(instants: list[list[Bar]], rates: list[FundingRate], history: int) -> list[Signal]:
    runner = StrategyRunner("crypto", STRATEGY, [A, B], HOUR_MS)
    until = START + history * HOUR_MS
    past = [bar for here in instants for bar in here if bar.ts_event <= until]
    runner.warm([*past, *(rate for rate in rates if rate.ts_event <= until)])
    raised = []
    for row in range(history, len(instants)):
        for rate in rates:
            if rate.ts_event == START + (row + 1) * HOUR_MS:
                runner.on_funding(rate)
        raised += runner.on_bars(instants[row])
    return raised


@pytest.mark.parametrize("seed", range(6))
def test_bar_by_bar_is_the_same_as_all_at_once(seed: int) -> None:
    rows, history = 24 * 12, 24 * 3
    instants, rates = market(rows, seed)
    panel = panel_from_bars([bar for here in instants for bar in here], rates, ["A.V", "B.V"], HOUR_MS)
    assert panel.rows == rows
    found = STRATEGY.signals(panel)
    expected = set()
    for row in range(history, rows):
        for column, name in enumerate(panel.instruments):
            ts = int(panel.ts[row])
            if found.entries[row, column]:
                side = PositionSide.LONG if found.entries[row, column] > 0 else PositionSide.SHORT
                expected.add((ts, name, SignalKind.ENTRY, side, "EOS"))
            for rule in found.exits:
                if rule.long[row, column]:
                    expected.add((ts, name, SignalKind.EXIT, PositionSide.LONG, rule.reason))
                if rule.short[row, column]:
                    expected.add((ts, name, SignalKind.EXIT, PositionSide.SHORT, rule.reason))
    raised = live(instants, rates, history)
    assert {(s.ts_bar, s.instrument, s.kind, s.side, s.reason) for s in raised} == expected
    assert len(raised) == len(expected) > 30
    for signal in raised:
        row = (signal.ts_bar - START) // HOUR_MS - 1
        column = panel.instruments.index(signal.instrument)
        assert signal.explain == STRATEGY.explain(panel, row, column)
        assert abs(float(signal.price) - panel.close[row, column]) <= 0.005


def test_where_it_started_does_not_matter() -> None:
    instants, rates = market(24 * 8, seed=99)
    early, late = live(instants, rates, 24 * 3), live(instants, rates, 24 * 5)
    since = START + 24 * 5 * HOUR_MS
    assert [signal for signal in early if signal.ts_bar > since] == late


class Always:
    """Signals on every bar."""

    name = "always"
    warmup = 2

    def signals(self, panel: Panel) -> Signals:
        here = np.isfinite(panel.close)
        return Signals(
            entries=here.astype(np.int8), exits=(ExitRule(reason="OUT", long=here, short=~here, requires_profit=True),)
        )

    def explain(self, panel: Panel, row: int, instrument: int) -> dict[str, float | None]:
        return {"close": float(panel.close[row, instrument]), "rows": float(panel.rows)}


def always() -> StrategyRunner:
    return StrategyRunner("b", Always(), [A, B], HOUR_MS)


def test_nothing_before_the_warm_up() -> None:
    runner = always()
    assert runner.on_bars([bar("A.V", 0)]) == []
    assert not runner.ready
    assert len(runner.on_bars([bar("A.V", 1)])) == 2
    assert runner.ready


def test_a_signal_is_named_after_what_it_is() -> None:
    runner = always()
    runner.warm([bar("A.V", 0)])
    entry, out = runner.on_bars([bar("A.V", 1, 100.004)])
    ts = START + 2 * HOUR_MS
    digest = hashlib.sha256(f"b|always|A.V|ENTRY|LONG|ALWAYS|{ts}".encode()).hexdigest()
    assert entry.id == "s" + digest[:15]
    assert (entry.price, entry.ts_bar, entry.explain["rows"]) == (Decimal("100.00"), ts, 2.0)
    assert (out.kind, out.side, out.reason, out.requires_profit) == (SignalKind.EXIT, PositionSide.LONG, "OUT", True)


def test_only_instruments_with_a_bar_are_judged() -> None:
    runner = always()
    runner.warm([bar("A.V", 0), bar("B.V", 0)])
    assert {signal.instrument for signal in runner.on_bars([bar("B.V", 1)])} == {"B.V"}


def test_a_bar_that_comes_late_is_judged_alone() -> None:
    runner = always()
    runner.warm([bar("A.V", 0), bar("B.V", 0)])
    runner.on_bars([bar("B.V", 1)])
    assert {signal.instrument for signal in runner.on_bars([bar("A.V", 1)])} == {"A.V"}
    assert runner.on_bars([bar("A.V", 0)]) == []  # older than what was judged


def test_other_instruments_are_passed_over() -> None:
    runner = always()
    runner.warm([bar("A.V", 0), bar("C.V", 1)])
    assert runner.on_bars([bar("C.V", 2)]) == []
    assert runner.rows == 1


def test_a_gap_becomes_rows_without_values() -> None:
    window = Window(["A.V"], HOUR_MS, 6)
    window.set_funding(FundingRate("A.V", START, 0.0001, START))
    window.put([bar("A.V", 0)])
    window.put([bar("A.V", 3)])
    panel = window.panel()
    assert (panel.ts_open - START).tolist() == [0, HOUR_MS, 2 * HOUR_MS, 3 * HOUR_MS]
    assert np.isnan(panel.close[:, 0]).tolist() == [False, True, True, False]
    assert panel.funding[:, 0].tolist() == [0.0001] * 4


def test_a_gap_longer_than_the_window_starts_it_anew() -> None:
    window = Window(["A.V"], HOUR_MS, 6)
    window.put([bar("A.V", 0)])
    window.put([bar("A.V", 10)])
    assert window.panel().ts_open.tolist() == [START + 10 * HOUR_MS]


def test_the_window_keeps_its_length_however_long_it_runs() -> None:
    window = Window(["A.V"], HOUR_MS, 6)
    for row in range(1000):
        window.put([bar("A.V", row, 100.0 + row)])
        panel = window.panel()
        assert panel.rows == min(row + 1, 6)
        assert panel.close[:, 0].tolist() == [100.0 + r for r in range(max(0, row - 5), row + 1)]
        assert np.all(np.diff(panel.ts_open) == HOUR_MS)


def test_bars_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="a bar of 60000 ms"):
        Window(["A.V"], HOUR_MS, 6).put([bar("A.V", 0, interval=MINUTE_MS)])


def test_a_panel_of_no_bars_is_empty() -> None:
    assert panel_from_bars([], [], ["A.V"], HOUR_MS).rows == 0


def test_the_bundled_week() -> None:
    """How often EOS speaks on the recorded days; a change here is a change of the strategy."""
    signals = asyncio.run(recorded_entries())
    days: dict[str, int] = {}
    for signal in signals:
        days[signal.instrument] = days.get(signal.instrument, 0) + 1
    assert days == {
        "BTCUSDT.BINANCE": 5,
        "ETHUSDT.BINANCE": 8,
        "BNBUSDT.BINANCE": 3,
        "LINKUSDT.BINANCE": 9,
        "ADAUSDT.BINANCE": 7,
        "SUIUSDT.BINANCE": 9,
    }
    first = signals[0]
    assert (first.instrument, first.side, first.price) == ("SUIUSDT.BINANCE", PositionSide.LONG, Decimal("2.1251"))
    assert first.ts_bar == START + DAY_MS + 13 * HOUR_MS + 20 * MINUTE_MS


async def recorded_entries() -> Sequence[Signal]:
    from tradeterm.feeds.registry import load_tracks
    from tradeterm.feeds.replay import ReplayFeed
    from tradeterm.resources import demo_folder

    feed = ReplayFeed(load_tracks(demo_folder(), "5m"), source="bundled recording")
    bars = await feed.history(feed.last_ts, 10_000)
    panel = panel_from_bars(
        [item for item in bars if isinstance(item, Bar)],
        [item for item in bars if isinstance(item, FundingRate)],
        [item.id for item in feed.instruments()],
        feed.interval_ms,
    )
    strategy = Eos()
    entries = strategy.signals(panel).entries
    rows, _ = np.nonzero(entries)
    raised: list[Signal] = []
    for row in sorted(set(rows.tolist())):  # only the instants that matter, each with its warm-up
        window = panel.window(row - strategy.warmup, row + 1)
        runner = StrategyRunner("crypto", strategy, feed.instruments(), feed.interval_ms)
        here = [b for b in bars if isinstance(b, FundingRate) or window.ts_open[0] <= b.ts_open < window.ts_open[-1]]
        runner.warm([item for item in here if item.ts_event <= window.ts[-1]])
        now = [b for b in bars if isinstance(b, Bar) and b.ts_open == window.ts_open[-1]]
        raised += [signal for signal in runner.on_bars(now) if signal.kind is SignalKind.ENTRY]
    return raised
