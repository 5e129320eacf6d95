"""Results and facts to report on, and a page taken apart."""

from html.parser import HTMLParser
from typing import Any

import numpy as np
from numpy.typing import NDArray
from research_kit import MONDAY, random_bars

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research import Costs, ExitPolicy, Result, backtest, panel_of
from tradeterm.research.report import ReportFacts
from tradeterm.strategies.panel import Panel

COLUMNS = ("open", "high", "low", "close")
FREE = Costs(fee=0.0, slippage=0.0)


def market(seed: int, instruments: int = 3, rows: int = 24 * 500, names: tuple[str, ...] | None = None) -> Panel:
    """Hours of random walks with funding."""
    bars = [random_bars(seed + i, rows, step=0.004) for i in range(instruments)]
    rates = np.round(np.random.default_rng(seed).normal(0, 1e-4, (rows, instruments)), 6)
    open, high, low, close = (np.stack([getattr(b, name) for b in bars], axis=1) for name in COLUMNS)
    return panel_of(open, high, low, close, None, bars[0].ts_open, interval="1h", instruments=names, funding=rates)


def traded(panel: Panel, every: int = 30, size: float = 0.3, stop: float | None = 0.01) -> Result:
    """Entries at fixed distances, longs and shorts."""
    signals = np.zeros((panel.rows, len(panel.instruments)), np.int8)
    for column in range(len(panel.instruments)):
        signals[7 * column :: every + column, column] = (1, -1)[column % 2]
    return backtest(panel, signals, exits=ExitPolicy(stop=stop, target=0.02, time_limit_hours=20), size=size)


def always_held(daily: list[float], size: float = 1.0) -> Result:
    """One instrument held from the first day to the last, without costs."""
    close = np.array(daily, dtype=np.float64)
    opened = np.concatenate((close[:1], close[:-1]))
    ts = MONDAY + DAY_MS * np.arange(len(close))
    panel = panel_of(opened, np.maximum(opened, close), np.minimum(opened, close), close, None, ts, interval="1d")
    return backtest(panel, first_only(len(close)), exits=ExitPolicy(), costs=FREE, size=size, capital=1000.0)


def first_only(rows: int) -> NDArray[np.int8]:
    signals = np.zeros(rows, np.int8)
    signals[0] = 1
    return signals


def facts(**changes: Any) -> ReportFacts:
    given: dict[str, Any] = {
        "title": "A strategy",
        "config": '[books.eos]\nstrategy = "eos"\n',
        "data_hash": "0123456789abcdef",
        "code_version": "0.1.0",
        "command": "tradeterm backtest eos",
        "start": MONDAY,
        "end": MONDAY + 12_000 * HOUR_MS,
        "instruments": ("BTC",),
        "created": MONDAY + 600 * DAY_MS,
        "assumptions": ("Fills at the next open.",),
        "data_report": ("BTC: 3 bars are missing.",),
        "currency": "USDT",
    }
    return ReportFacts(**{**given, **changes})


class Page(HTMLParser):
    """Every element with its attributes, in order, and all text outside style sheets."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("meta", "br", "hr", "link", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\xa0", " ").split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]
