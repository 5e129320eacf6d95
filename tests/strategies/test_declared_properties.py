"""No look-ahead, no memory beyond the warm-up, live and research alike: for any rules that can be declared."""

from typing import Any

import numpy as np
from declared_panels import panels, random_panel
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import HOUR_MS, Bar, FundingRate
from tradeterm.strategies.declared.catalogue import INDICATORS, Unit
from tradeterm.strategies.declared.spec import IndicatorName, Side
from tradeterm.strategies.declared.strategy import Declared, DeclaredParameters
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.protocol import Signals
from tradeterm.strategies.window import Window

ROWS = 420
SHORT = {"n": 3, "fast": 2, "slow": 3, "signal": 2, "smooth": 2, "d": 2, "width": 1.0}
TYPICAL = {
    Unit.PRICE: 100.0,
    Unit.DISTANCE: 0.5,
    Unit.VOLUME: 7.0,
    Unit.PERCENT: 50.0,
    Unit.FRACTION: 0.0,
    Unit.NUMBER: 0.0,
    Unit.HOUR: 12.0,
}


@st.composite
def operands(draw: st.DrawFn, names: list[IndicatorName]) -> dict[str, Any]:
    name = draw(st.sampled_from(names))
    own = {key: SHORT[key] for key in INDICATORS[name].arguments if key in SHORT}
    if draw(st.booleans()):
        own["ago"] = draw(st.integers(0, 3))
    return {"ind": str(name), **own}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    operand = draw(operands(list(IndicatorName)))
    unit = INDICATORS[IndicatorName(operand["ind"])].unit
    op = draw(st.sampled_from([">", ">=", "<", "<=", "crosses_above", "crosses_below", "between", "rising", "falling"]))
    if op in ("rising", "falling"):
        return {**operand, "op": op, "bars": draw(st.integers(1, 3))}
    if op == "between":
        low, high = {Unit.PRICE: (98, 102), Unit.PERCENT: (30, 60), Unit.HOUR: (3, 15)}.get(unit, (0, 0.02))
        return {**operand, "op": op, "low": low, "high": high}
    same = [name for name in IndicatorName if INDICATORS[name].unit is unit]
    if draw(st.booleans()):
        return {**operand, "op": op, "of": draw(operands(same)), "times": draw(st.sampled_from([1.0, 1.0, 0.99, 1.5]))}
    return {**operand, "op": op, "value": TYPICAL[unit]}


@st.composite
def strategies(draw: st.DrawFn) -> Declared:
    entry = draw(st.lists(conditions(), min_size=1, max_size=3))
    out = draw(st.lists(conditions(), max_size=2))
    parameters = DeclaredParameters(
        side=draw(st.sampled_from(list(Side))),
        entry={draw(st.sampled_from(["all", "any"])): entry},
        exit={draw(st.sampled_from(["all", "any"])): out} if out else {},
        calendar=draw(st.sampled_from([Calendar.ALWAYS, Calendar.ALWAYS, Calendar.NSE])),
    )
    try:
        made = Declared(parameters, HOUR_MS)
    except ConfigError:
        assume(False)
    return made


def masks(found: Signals) -> list[np.ndarray]:
    return [found.entries, *(mask for rule in found.exits for mask in (rule.long, rule.short))]


@given(strategies(), panels(ROWS), st.data())
@settings(max_examples=150, deadline=None)
def test_later_bars_change_no_earlier_signal(strategy: Declared, panel: Panel, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, panel.rows))
    whole, part = masks(strategy.signals(panel)), masks(strategy.signals(panel.window(0, cut)))
    assert all(np.array_equal(a[:cut], b) for a, b in zip(whole, part, strict=True))
    assert strategy.explain(panel, cut - 1, 0) == strategy.explain(panel.window(0, cut), cut - 1, 0)


@given(strategies(), panels(ROWS), st.data())
@settings(max_examples=150, deadline=None)
def test_history_before_the_warm_up_changes_nothing(strategy: Declared, panel: Panel, data: st.DataObject) -> None:
    assume(panel.rows > strategy.warmup)
    dropped = data.draw(st.integers(1, panel.rows - strategy.warmup))
    rest = panel.window(dropped, panel.rows)
    whole, part = masks(strategy.signals(panel)), masks(strategy.signals(rest))
    valid = strategy.warmup - 1
    assert all(np.array_equal(a[dropped + valid :], b[valid:]) for a, b in zip(whole, part, strict=True))
    assert not any(mask[:valid].any() for mask in part)
    last = panel.rows - 1
    assert strategy.explain(panel, last, 0) == strategy.explain(rest, last - dropped, 0)


@given(strategies(), panels(ROWS))
@settings(max_examples=60, deadline=None)
def test_a_missing_bar_never_signals_and_instruments_do_not_touch(strategy: Declared, panel: Panel) -> None:
    whole = masks(strategy.signals(panel))
    missing = np.isnan(panel.close)
    assert not any(mask[missing].any() for mask in whole)
    for column in range(len(panel.instruments)):
        alone = masks(strategy.signals(panel.only(column)))
        assert all(np.array_equal(a[:, [column]], b) for a, b in zip(whole, alone, strict=True))


@given(strategies(), panels(ROWS))
@settings(max_examples=60, deadline=None)
def test_the_numbers_that_explain_a_signal_say_that_it_is_one(strategy: Declared, panel: Panel) -> None:
    assume(strategy.parameters.side is not Side.BOTH)
    found = strategy.signals(panel)
    for row in np.flatnonzero(found.entries[:, 0])[:3]:
        numbers = strategy.explain(panel, int(row), 0)
        held = [value for name, value in numbers.items() if name.startswith("entry_")]
        assert all(value == 1 for value in held) if "all" in strategy.parameters.entry else 1.0 in held
        assert all(value is None or np.isfinite(value) for value in numbers.values())


def every_indicator() -> list[Declared]:
    found = []
    for name, indicator in INDICATORS.items():
        own = {key: SHORT[key] for key in indicator.arguments if key in SHORT}
        value = TYPICAL[indicator.unit]
        entry = {"any": [{"ind": str(name), **own, "op": op, "value": value} for op in (">", "crosses_below")]}
        out = {"any": [{"ind": str(name), **own, "op": "rising", "bars": 1}]}
        found.append(Declared(DeclaredParameters(side=Side.LONG, entry=entry, exit=out), HOUR_MS))
    return found


def test_every_indicator_signals_the_same_live_as_in_research() -> None:
    """A window of the warm-up and no more, bar by bar, as the runner keeps it."""
    panel = random_panel(rows=330, columns=1, seed=3)
    for strategy in every_indicator():
        whole = masks(strategy.signals(panel))
        window = Window(panel.instruments, HOUR_MS, strategy.warmup)
        signals = 0
        for row in range(panel.rows):
            close = int(panel.ts[row])
            window.set_funding(FundingRate("I0.V", close, float(panel.funding[row, 0]), close))
            fields = {name: float(getattr(panel, name)[row, 0]) for name in ("open", "high", "low", "close", "volume")}
            opened = int(panel.ts_open[row])
            window.put([Bar(instrument="I0.V", interval_ms=HOUR_MS, ts_open=opened, ts_recv=close, **fields)])
            if window.rows < strategy.warmup:
                continue
            live = [mask[-1, 0] for mask in masks(strategy.signals(window.panel()))]
            assert live == [mask[row, 0] for mask in whole], strategy.parameters.entry
            signals += sum(map(bool, live))
        assert signals > 5, strategy.parameters.entry


def test_both_sides_are_mirror_images() -> None:
    """On prices turned upside down longs become shorts."""
    entry = {
        "all": [
            {"ind": "rsi", "n": 3, "op": "<", "value": 40},
            {"ind": "close", "op": "<", "of": {"ind": "sma", "n": 5}},
            {"ind": "close", "op": ">", "of": {"ind": "lowest", "n": 9, "ago": 1}},
        ]
    }
    out = {
        "any": [
            {"ind": "stochastic_k", "n": 3, "op": ">", "value": 80},
            {"ind": "zscore", "n": 5, "op": "rising", "bars": 2},
        ]
    }
    strategy = Declared(DeclaredParameters(side=Side.BOTH, entry=entry, exit=out), HOUR_MS)
    panel = random_panel(rows=400, columns=1, seed=5, step=0.003)
    turned = Panel(
        instruments=panel.instruments,
        interval_ms=HOUR_MS,
        ts_open=panel.ts_open,
        open=200 - panel.open,
        high=200 - panel.low,
        low=200 - panel.high,
        close=200 - panel.close,
        volume=panel.volume,
        funding=-panel.funding,
    )
    found, opposite = strategy.signals(panel), strategy.signals(turned)
    assert np.array_equal(found.entries, -opposite.entries)
    assert (found.entries == 1).sum() > 3 and (found.entries == -1).sum() > 3
    half = len(found.exits) // 2
    for mine, others in zip(found.exits[:half], opposite.exits[half:], strict=True):
        assert np.array_equal(mine.long, others.short) and mine.long.any()


def test_nse_days_are_looked_back_over_in_a_live_window() -> None:
    """Six and a quarter hours a day, none on weekends: the warm-up still holds the bars that are needed."""
    entry = {"all": [{"ind": "rsi", "n": 3, "op": "<", "value": 45}]}
    parameters = DeclaredParameters(side=Side.LONG, entry=entry, calendar=Calendar.NSE)
    strategy = Declared(parameters, HOUR_MS)
    panel = random_panel(rows=24 * 60, columns=1, seed=7)
    hours = (panel.ts_open // HOUR_MS) % 24
    days = ((panel.ts_open // HOUR_MS) // 24 + 4) % 7  # 0 is Sunday
    shut = (hours < 4) | (hours > 9) | (days == 0) | (days == 6)
    for values in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        values[shut] = np.nan
    found = strategy.signals(panel).entries
    assert np.count_nonzero(found) > 10
    last = int(np.flatnonzero(found)[-1])
    window = panel.window(last + 1 - strategy.warmup, last + 1)
    assert strategy.signals(window).entries[-1, 0] == 1
