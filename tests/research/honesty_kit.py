"""Studies whose results are known: strategies that signal by a plan, on markets that move by one."""

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Annotated, Any

import numpy as np
import pytest
from msgspec import Meta, Struct
from research_kit import MONDAY

from tradeterm.config import BookConfig, ExitsConfig, LimitsConfig, SizingConfig
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import HOUR_MS
from tradeterm.research.costs import Costs
from tradeterm.research.panels import panel_of
from tradeterm.research.study import Study
from tradeterm.strategies import registry
from tradeterm.strategies.panel import Floats, Panel
from tradeterm.strategies.protocol import ExitRule, Signals

DAY_ROWS = 24


class PlanParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    every: Annotated[int, Meta(ge=1, le=1000)] = 12
    side: Annotated[int, Meta(ge=-1, le=1)] = 1
    phase: Annotated[int, Meta(ge=0, le=1000)] = 0
    scale: Annotated[float, Meta(gt=0.0, le=1.1)] = 1.0
    label: str = "plan"


class Plan:
    """A signal of `side` at every closing time that is `phase` intervals after a multiple of `every`."""

    name = "plan"
    warmup = 4

    def __init__(self, parameters: PlanParameters | None = None, interval_ms: int = HOUR_MS) -> None:
        self.parameters, self.interval_ms = parameters or PlanParameters(), interval_ms

    def wanted(self, panel: Panel) -> np.ndarray:
        number = panel.ts // self.interval_ms
        return (number % self.parameters.every == self.parameters.phase) & (np.arange(panel.rows) >= self.warmup - 1)

    def signals(self, panel: Panel) -> Signals:
        entries = np.zeros(panel.close.shape, np.int8)
        entries[self.wanted(panel)] = self.parameters.side
        return Signals(entries=entries, exits=(self.rule(panel),))

    def rule(self, panel: Panel) -> ExitRule:
        nowhere = np.zeros(panel.close.shape, np.bool_)
        return ExitRule(reason="NEVER", long=nowhere, short=nowhere)

    def explain(self, panel: Panel, row: int, instrument: int) -> dict[str, float | None]:
        return {}


class Prophet(Plan):
    """Enters only before a close that rises: it looks at the next row."""

    name = "prophet"

    def signals(self, panel: Panel) -> Signals:
        entries = np.zeros(panel.close.shape, np.int8)
        entries[:-1][panel.close[1:] > panel.close[:-1] * 1.001] = 1
        entries[: self.warmup - 1] = 0
        return Signals(entries=entries, exits=(self.rule(panel),))


class Veto(Plan):
    """Signals by plan unless the next row has a large volume: what the future takes away, not what it gives."""

    name = "veto"

    def signals(self, panel: Panel) -> Signals:
        found = super().signals(panel)
        found.entries[:-1][panel.volume[1:] > 1.2 * panel.volume[:-1]] = 0
        return found


class Elephant(Plan):
    """Remembers the first price of its data for ever."""

    name = "elephant"

    def signals(self, panel: Panel) -> Signals:
        above = panel.close > panel.close[0]
        entries = np.where(above & self.wanted(panel)[:, None], 1, 0).astype(np.int8)
        return Signals(entries=entries, exits=(self.rule(panel),))


class Leaver(Plan):
    """Its exits, not its entries, know the next close."""

    name = "leaver"

    def rule(self, panel: Panel) -> ExitRule:
        long = np.zeros(panel.close.shape, np.bool_)
        long[:-1] = panel.close[1:] < panel.close[:-1] * 0.995
        long[: self.warmup - 1] = False
        return ExitRule(reason="KNEW", long=long, short=np.zeros_like(long))


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the strategies of this file known by name."""
    known = registry._strategies()
    kinds = (Plan, Prophet, Veto, Elephant, Leaver)
    mine = {kind.name: partial(registry._Entry, PlanParameters, kind) for kind in kinds}
    monkeypatch.setattr(registry, "_strategies", lambda: known | mine)


def hourly(close: Floats, *, spread: float = 0.001, volume: Floats | None = None, start: int = MONDAY) -> Panel:
    """Bars that open where the one before closed. `close` is (rows,) or (rows, instruments)."""
    closes = close[:, None] if close.ndim == 1 else close
    opened = np.vstack([closes[:1], closes[:-1]])
    high, low = np.maximum(opened, closes) * (1 + spread), np.minimum(opened, closes) * (1 - spread)
    ts = start + HOUR_MS * np.arange(closes.shape[0], dtype=np.int64)
    return panel_of(opened, high, low, closes, volume, ts, interval="1h", instruments=names(closes.shape[1]))


def names(count: int) -> tuple[str, ...]:
    return tuple(f"C{i}.TEST" for i in range(count))


def contract(name: str) -> Instrument:
    fine = Decimal("0.00000001")
    return Instrument(
        id=name, symbol=name.partition(".")[0], venue="TEST", kind=InstrumentKind.PERPETUAL, quote_currency="USDT",
        tick_size=fine, lot_size=fine, min_quantity=fine, min_notional=Decimal(0), max_leverage=Decimal(10),
    )  # fmt: skip


def study_of(panel: Panel, strategy: str = "plan", *, exits: ExitsConfig | None = None, **more: Any) -> Study:
    """A book that holds for four hours, risks the same fraction every time and is stopped by nothing but its stop."""
    parameters = more.pop("parameters", {})
    book = BookConfig(
        strategy=strategy,
        venue="paper",
        instruments=panel.instruments,
        capital=100_000.0,
        interval="1h",
        parameters=parameters,
        exits=exits or ExitsConfig(stop=0.05, target=None, trail=None, time_limit_hours=4.0, session_end=False),
        sizing=SizingConfig(least_trades=500, drawdown_dampening=False),
        limits=LimitsConfig(daily_loss=1.0, drawdown=1.0, cool_down_minutes=0.0, max_positions=500),
    )
    given = {"costs": Costs(fee=0.0, slippage=0.0)} | more
    return Study(book=book, panel=panel, instruments=tuple(map(contract, panel.instruments)), **given)


def walk(seed: int, rows: int, instruments: int = 1, drift: float = 0.0, step: float = 0.004) -> Floats:
    moves = np.random.default_rng(seed).normal(drift, step, (rows, instruments))
    return 100 * np.exp(np.cumsum(moves, axis=0))


def piecewise(*parts: tuple[int, float]) -> Floats:
    """A price that moves by a constant fraction an hour for so many days, then by another."""
    moves = np.concatenate([np.full(days * DAY_ROWS, move) for days, move in parts])
    return 100 * np.exp(np.cumsum(moves))


Register = Callable[[], None]
