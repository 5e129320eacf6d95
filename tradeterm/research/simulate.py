"""A portfolio of many instruments on one shared equity, moved from event to event and never over the bars between.

What happens at one instant, in this order (and by instrument within each):
0. exits inside the bars that close then, and the end of an instrument's data
1. decisions: signals of bars that close then are sized and limited, on closes and cash of that moment
2. funding settlements
3. exits that fill at the opens of then
4. entries that fill at the opens of then
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.research.account import Account, Payments, Trades
from tradeterm.research.bars import Bars, release_all
from tradeterm.research.costs import Costs
from tradeterm.research.entries import PLAIN, Decided, Decider, Why
from tradeterm.research.exits import Exit, ExitSignals, FirstExit, Moment, first_exit
from tradeterm.research.fills import ExitPolicy
from tradeterm.research.sizers import Limit, Sizer
from tradeterm.strategies.protocol import Signals

_GONE, _DECIDE, _SETTLE, _LEAVE, _ENTER = range(5)
_RELEASE_AFTER = 16
"""Signals after which mapped memory is given back: a kernel may map megabytes around each row that is read."""


class InstrumentSignals(NamedTuple):
    """What a strategy wants of one instrument: rows (rising) at whose close it wants in, `sides` +1 or −1 for each, and
    its own exits of longs and of shorts."""

    rows: NDArray[np.intp]
    sides: NDArray[np.int8]
    long_exits: tuple[ExitSignals, ...] = ()
    short_exits: tuple[ExitSignals, ...] = ()

    def exits(self, side: int) -> tuple[ExitSignals, ...]:
        return self.long_exits if side > 0 else self.short_exits


class Simulation(Struct, frozen=True, kw_only=True):
    """`decided` is what became of every signal, in time; `ignored` counts those that led to no trade, by why. `market`,
    `costs` and `capital` are what was put in. `lost_at` (UTC ms) is when equity was 0 or below, which ended the
    run; None where it never was. `owners` names the book of each instrument of the market where there are several."""

    trades: Trades
    payments: Payments
    decided: tuple[Decided, ...]
    ignored: Mapping[str, int]
    market: tuple[Bars, ...]
    costs: Costs
    capital: float
    lost_at: int | None = None
    owners: tuple[str, ...] = ()


def simulate(
    market: Sequence[Bars],
    signals: Sequence[InstrumentSignals],
    policy: ExitPolicy,
    *,
    costs: Costs,
    capital: float,
    sizer: Sizer,
    limits: Sequence[Limit] = (),
    exits: FirstExit = first_exit,
    why: Why = PLAIN,
    seed: int = 0,
) -> Simulation:
    """Trade the signals of each instrument by the rules of `fills.py`. One position an instrument.

    Sizes come from `sizer` and are cut by each of `limits` in turn. `exits` is how a position's end is found, `why` the
    words for signals without a trade, `seed` that of whatever is random.
    """
    account = Account(tuple(market), costs, capital, seed)
    return Run(account, Decider(account, policy, sizer, limits, why), signals, exits).through()


def simulate_together(runs: Sequence["Run"]) -> tuple[Simulation, ...]:
    """The same of several books, each on an account of its own; of signals at one instant those of the first book come
    first. At each decision every book stands where it does then, so that a sizer may look at all of them.

    Nothing but decisions looks beyond a book, so each book's own events need no common order.
    """
    found = [list(_decisions(run.account.market, run.signals)) for run in runs]
    coming = sorted((ts, book, number, row, side) for book, of in enumerate(found) for ts, number, row, side in of)
    for count, (ts, book, number, row, side) in enumerate(coming):
        for run in runs:
            if count % _RELEASE_AFTER == 0:
                release_all(run.account.market)
            run.until((ts, _DECIDE, -1))
        runs[book].decide(number, row, side)
    return tuple(run.finish() for run in runs)


def signals_of(signals: Signals) -> tuple[InstrumentSignals, ...]:
    """A strategy's answer, instrument by instrument."""
    return tuple(
        InstrumentSignals(
            rows := np.flatnonzero(signals.entries[:, i]),
            signals.entries[rows, i],
            tuple(ExitSignals(x.reason, np.flatnonzero(x.long[:, i]), x.requires_profit) for x in signals.exits),
            tuple(ExitSignals(x.reason, np.flatnonzero(x.short[:, i]), x.requires_profit) for x in signals.exits),
        )
        for i in range(signals.entries.shape[1])
    )


class Run:
    """One book's run: its account, what it decides, and the heap of what is to come, as (time, kind, instrument)."""

    def __init__(
        self,
        account: Account,
        decider: Decider,
        signals: Sequence[InstrumentSignals],
        exits: FirstExit = first_exit,
    ) -> None:
        self.account, self.decider, self.signals = account, decider, signals
        self._first_exit = exits
        self._capital = account.cash
        self._coming: list[tuple[int, int, int]] = []
        self._exits: dict[int, Exit] = {}

    def through(self) -> Simulation:
        """All of it."""
        market = self.account.market
        for count, (ts, number, row, side) in enumerate(_decisions(market, self.signals)):
            if count % _RELEASE_AFTER == 0:
                release_all(market)
            self.until((ts, _DECIDE, number))
            self.decide(number, row, side)
        return self.finish()

    def until(self, now: tuple[int, int, int]) -> None:
        """Let happen what comes before `now`."""
        coming = self._coming
        while coming and coming[0] < now:
            self._happen(*heapq.heappop(coming))

    def decide(self, number: int, row: int, side: int) -> None:
        entry = self.decider.decide(number, row, side)
        if entry is not None:
            heapq.heappush(self._coming, (self.account.market[number].opened(entry.row), _ENTER, number))

    def finish(self) -> Simulation:
        """What is still to come, and all that came of it."""
        while self._coming:
            self._happen(*heapq.heappop(self._coming))
        return Simulation(
            trades=self.account.trades(),
            payments=self.account.payments(),
            decided=tuple(self.decider.decided),
            ignored=dict(self.decider.ignored),
            market=self.account.market,
            costs=self.account.costs,
            capital=self._capital,
            lost_at=self.account.lost_at,
        )

    def _happen(self, ts: int, kind: int, number: int) -> None:
        if kind == _ENTER:
            self._enter(number)
        elif kind == _SETTLE:
            self._settle(number, ts)
        else:
            self.account.close(number, self._exits.pop(number))

    def _enter(self, number: int) -> None:
        entry = self.decider.entering[number]
        price = self.decider.enter(number)
        if price is None:
            return
        bars, side = self.account.market[number], entry.side
        anchor = self.decider.anchor(number, price, entry.signal_row)
        signals, met = self.signals[number].exits(side), self.account.positions[number].met
        out = self._first_exit(bars, entry.row, side, price, entry.policy, signals, anchor, met)
        self._exits[number] = out
        heapq.heappush(self._coming, (*exit_time(bars, out), number))
        self._next_settlement(number, bars.opened(entry.row))

    def _settle(self, number: int, ts: int) -> None:
        funding = self.account.market[number].funding
        if number in self.account.positions and funding is not None:
            self.account.settle(number, ts, float(funding.rate[np.searchsorted(funding.ts, ts)]))
            self._next_settlement(number, ts)

    def _next_settlement(self, number: int, after: int) -> None:
        """Queue the settlement that follows, if the position lives to see it."""
        bars = self.account.market[number]
        if bars.funding is None:
            return
        at = int(np.searchsorted(bars.funding.ts, after, side="right"))
        if at < len(bars.funding.ts):
            settles = (int(bars.funding.ts[at]), _SETTLE)
            if settles < exit_time(bars, self._exits[number]):
                heapq.heappush(self._coming, (*settles, number))


def exit_time(bars: Bars, exit: Exit) -> tuple[int, int]:
    """When an exit happens among the events of the market."""
    if exit.moment is Moment.OPEN:
        return bars.opened(exit.row), _LEAVE
    return bars.closed(exit.row), _GONE


def _decisions(market: Sequence[Bars], signals: Sequence[InstrumentSignals]) -> Iterator[tuple[int, int, int, int]]:
    """(close of the signal's bar, instrument, row, side) of all signals, in time, then by instrument."""
    rows = np.concatenate([each.rows for each in signals]) if signals else np.empty(0, np.intp)
    sides = np.concatenate([each.sides for each in signals]) if signals else np.empty(0, np.int8)
    number = np.repeat(np.arange(len(signals)), [len(each.rows) for each in signals])
    ts = np.concatenate([_closing(bars, each.rows) for bars, each in zip(market, signals, strict=True)] or [rows])
    order = np.lexsort((number, ts))
    return zip(ts[order].tolist(), number[order].tolist(), rows[order].tolist(), sides[order].tolist(), strict=True)


def _closing(bars: Bars, rows: NDArray[np.intp]) -> NDArray[np.int64]:
    if bars.regular:
        return rows.astype(np.int64) * bars.interval_ms + (bars.start + bars.length_ms)
    return np.asarray(bars.ts_open[rows], dtype=np.int64) + bars.length_ms
