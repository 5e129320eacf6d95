"""Runs a book's strategy bar by bar over a rolling window; live, paper, demo and replay use this one."""

import hashlib
from collections.abc import Iterable, Sequence
from decimal import Decimal

from tradeterm.domain.instrument import Instrument, round_price
from tradeterm.domain.market import Bar, FundingRate
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Signal, SignalKind
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.protocol import Strategy
from tradeterm.strategies.window import Window


class StrategyRunner:
    """Feeds a strategy's window and turns the last row of its answer into signals.

    Bars that close at one instant come together; one that arrives later for an instant already seen is judged on
    its own. Funding that settled at an instant is to be given before that instant's bars.
    """

    def __init__(self, book: str, strategy: Strategy, instruments: Sequence[Instrument], interval_ms: int) -> None:
        self.book = book
        self.strategy = strategy
        self._instruments = tuple(instruments)
        self._window = Window([item.id for item in instruments], interval_ms, strategy.warmup)

    @property
    def rows(self) -> int:
        """Rows of history held, at most the strategy's warm-up."""
        return self._window.rows

    @property
    def ready(self) -> bool:
        """Whether the strategy has all the history it needs to signal."""
        return self._window.rows >= self.strategy.warmup

    def warm(self, history: Iterable[Bar | FundingRate]) -> None:
        """Take history in without judging it."""
        for item in sorted(history, key=lambda item: (item.ts_event, isinstance(item, Bar))):
            if isinstance(item, Bar):
                self._take([item])
            else:
                self.on_funding(item)

    def on_funding(self, funding: FundingRate) -> None:
        self._window.set_funding(funding)

    def on_bars(self, bars: Sequence[Bar]) -> list[Signal]:
        """The signals of the instant these bars close at, entries first, in the order of the instruments."""
        columns = self._take(bars)
        if not columns or not self.ready:
            return []
        panel = self._window.panel()
        found = self.strategy.signals(panel)
        explained: dict[int, dict[str, float | None]] = {}  # one bar's numbers, whatever is signalled on it

        def explain(column: int) -> dict[str, float | None]:
            if column not in explained:
                explained[column] = self.strategy.explain(panel, panel.rows - 1, column)
            return explained[column]

        raised = []
        for column in columns:
            direction = int(found.entries[-1, column])
            if direction:
                side = PositionSide.LONG if direction > 0 else PositionSide.SHORT
                reason = self.strategy.name.upper()
                raised.append(self._signal(panel, column, SignalKind.ENTRY, side, reason, explain(column)))
        for rule in found.exits:
            for side, mask in ((PositionSide.LONG, rule.long), (PositionSide.SHORT, rule.short)):
                raised += [
                    self._signal(
                        panel, column, SignalKind.EXIT, side, rule.reason, explain(column), rule.requires_profit
                    )
                    for column in columns
                    if mask[-1, column]
                ]
        return raised

    def _take(self, bars: Sequence[Bar]) -> list[int]:
        """Write the bars this book trades and are not older than the window's end; returns their columns."""
        last = self._window.last_ts
        mine = [bar for bar in bars if self._window.knows(bar.instrument) and (last is None or bar.ts_event >= last)]
        self._window.put(mine)
        return sorted(self._window.column(bar.instrument) for bar in mine)

    def _signal(
        self,
        panel: Panel,
        column: int,
        kind: SignalKind,
        side: PositionSide,
        reason: str,
        explain: dict[str, float | None],
        requires_profit: bool = False,
    ) -> Signal:
        instrument = self._instruments[column]
        ts_bar = int(panel.ts_open[-1]) + panel.interval_ms
        name = self.strategy.name
        key = f"{self.book}|{name}|{instrument.id}|{kind}|{side}|{reason}|{ts_bar}"
        return Signal(
            id="s" + hashlib.sha256(key.encode()).hexdigest()[:15],
            book=self.book,
            strategy=name,
            instrument=instrument.id,
            kind=kind,
            side=side,
            price=round_price(Decimal(repr(float(panel.close[-1, column]))), instrument),
            ts_bar=ts_bar,
            reason=reason,
            explain=explain,
            requires_profit=requires_profit,
        )
