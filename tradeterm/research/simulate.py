"""A portfolio of many instruments on one shared equity, moved from event to event and never over the bars between.

What happens at one instant, in this order (and by instrument within each):
0. exits inside the bars that close then, and the end of an instrument's data
1. decisions: signals of bars that close then are sized and limited, on closes and cash of that moment
2. funding settlements
3. exits that fill at the opens of then
4. entries that fill at the opens of then
"""

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.desk.sessions import is_last_bar, session_of
from tradeterm.research.account import Account, Payments, Trades
from tradeterm.research.bars import Bars
from tradeterm.research.costs import Costs
from tradeterm.research.exits import Exit, ExitSignals, FirstExit, Moment, first_exit
from tradeterm.research.fills import Anchor, ExitPolicy
from tradeterm.research.sizers import Limit, Sizer, Wanted
from tradeterm.strategies.protocol import Signals

_GONE, _DECIDE, _SETTLE, _LEAVE, _ENTER = range(5)
_RELEASES = 24
"""How often in a run mapped memory is given back."""


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
    """`ignored` counts the signals that led to no trade, by why; `market`, `costs` and `capital` are what was put
    in."""

    trades: Trades
    payments: Payments
    ignored: Mapping[str, int]
    market: tuple[Bars, ...]
    costs: Costs
    capital: float


class _Entry(NamedTuple):
    """An entry on its way: decided at the close of `signal_row`, filled at the open of `row`."""

    side: int
    quantity: float
    signal_row: int
    row: int
    notional: float
    slip: float


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
) -> Simulation:
    """Trade the signals of each instrument by the rules of `fills.py`. One position an instrument.

    Sizes come from `sizer` and are cut by each of `limits` in turn. `exits` is how a position's end is found.
    """
    return _Run(tuple(market), policy, costs, capital, sizer, limits).through(signals, exits)


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


class Decider:
    """Turns a signal into an entry, or says why not."""

    def __init__(
        self, account: Account, policy: ExitPolicy, sizer: Sizer, limits: Sequence[Limit], ignored: Counter[str]
    ) -> None:
        self._account, self._policy, self._sizer, self._limits = account, policy, sizer, tuple(limits)
        self.entering: dict[int, _Entry] = {}
        self.ignored = ignored

    def decide(self, number: int, row: int, side: int) -> _Entry | None:
        """The entry for a signal at the close of `row`; None, counted, where there is none."""
        refused, entry = self._judge(number, row, side)
        if entry is None:
            self.ignored[refused] += 1
        else:
            self.entering[number] = entry
        return entry

    def enter(self, number: int) -> float:
        """Fill the instrument's entry; the price it got."""
        entry = self.entering.pop(number)
        account = self._account
        price = account.open(number, entry.side, entry.quantity, entry.signal_row, entry.row, entry.slip)
        if self._policy.stop is not None:
            held = account.positions[number]
            anchor = self.anchor(number, price, entry.signal_row)
            held.risk = abs(price - anchor * (1 - self._policy.stop * entry.side)) * entry.quantity
        return price

    def anchor(self, number: int, price: float, signal_row: int) -> float:
        """The price stop and target are measured from."""
        if self._policy.anchor is Anchor.SIGNAL:
            return float(self._account.market[number].close[signal_row])
        return price

    def _judge(self, number: int, row: int, side: int) -> tuple[str, _Entry | None]:
        account = self._account
        bars = account.market[number]
        if not bars.has_bar(row):
            return "NO_BAR", None
        if number in account.positions or number in self.entering:
            return "POSITION_EXISTS", None
        into = bars.next_bar(row + 1)
        if into >= bars.rows:
            return "DATA_END", None
        ts = bars.closed(row)
        if self._policy.session_end and (
            is_last_bar(bars.calendar, ts, bars.interval_ms)
            or session_of(bars.calendar, bars.opened(into)) != session_of(bars.calendar, ts - 1)
        ):
            return "SESSION_END", None
        price = float(bars.close[row])
        equity, exposure = account.state(ts)
        for entry in self.entering.values():
            exposure += entry.notional
        stop = self._policy.stop
        wanted = Wanted(
            number,
            bars.instrument,
            ts,
            side,
            price,
            math.nan if stop is None else price * (1 - stop * side),
            equity,
            account.peak,
            account.cash,
            exposure,
            len(account.positions) + len(self.entering),
            account.closed,
        )
        quantity = float(self._sizer(wanted))
        if not 0 < quantity < math.inf:
            return "NO_SIZE", None
        for limit in self._limits:
            quantity = min(quantity, float(limit(wanted, quantity)))
            if not quantity > 0:
                return "LIMIT", None
        slip = account.costs.slip(quantity, ts, bars.liquidity)
        if slip != slip:
            return "VOLUME_UNKNOWN", None
        return "", _Entry(side, quantity, row, into, quantity * price, slip)


class _Run:
    """One run: the heap of what is to come, as (time, kind, instrument)."""

    def __init__(
        self,
        market: tuple[Bars, ...],
        policy: ExitPolicy,
        costs: Costs,
        capital: float,
        sizer: Sizer,
        limits: Sequence[Limit],
    ) -> None:
        self._account = Account(market, costs, capital)
        self._policy, self._capital = policy, capital
        self._decider = Decider(self._account, policy, sizer, limits, Counter())
        self._coming: list[tuple[int, int, int]] = []
        self._exits: dict[int, Exit] = {}

    def through(self, signals: Sequence[InstrumentSignals], exits: FirstExit) -> Simulation:
        market, coming = self._account.market, self._coming
        step = max((bars.rows * bars.interval_ms for bars in market), default=0) // _RELEASES
        passed = 0
        for ts, number, row, side in _decisions(market, signals):
            if ts - passed >= step:
                passed = ts
                for bars in market:
                    bars.release()
            now = (ts, _DECIDE, number)
            while coming and coming[0] < now:
                self._happen(*heapq.heappop(coming), signals, exits)
            entry = self._decider.decide(number, row, side)
            if entry is not None:
                heapq.heappush(coming, (market[number].opened(entry.row), _ENTER, number))
        while coming:
            self._happen(*heapq.heappop(coming), signals, exits)
        return Simulation(
            trades=self._account.trades(),
            payments=self._account.payments(),
            ignored=dict(self._decider.ignored),
            market=market,
            costs=self._account.costs,
            capital=self._capital,
        )

    def _happen(self, ts: int, kind: int, number: int, signals: Sequence[InstrumentSignals], exits: FirstExit) -> None:
        if kind == _ENTER:
            self._enter(number, signals[number], exits)
        elif kind == _SETTLE:
            self._settle(number, ts)
        else:
            self._account.close(number, self._exits.pop(number))

    def _enter(self, number: int, signals: InstrumentSignals, exits: FirstExit) -> None:
        entry = self._decider.entering[number]
        price = self._decider.enter(number)
        bars, side = self._account.market[number], entry.side
        anchor = self._decider.anchor(number, price, entry.signal_row)
        out = exits(bars, entry.row, side, price, self._policy, signals.exits(side), anchor)
        self._exits[number] = out
        heapq.heappush(self._coming, (*exit_time(bars, out), number))
        self._next_settlement(number, bars.opened(entry.row))

    def _settle(self, number: int, ts: int) -> None:
        funding = self._account.market[number].funding
        if number in self._account.positions and funding is not None:
            self._account.settle(number, ts, float(funding.rate[np.searchsorted(funding.ts, ts)]))
            self._next_settlement(number, ts)

    def _next_settlement(self, number: int, after: int) -> None:
        """Queue the settlement that follows, if the position lives to see it."""
        bars = self._account.market[number]
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
        return rows.astype(np.int64) * bars.interval_ms + (bars.start + bars.interval_ms)
    return np.asarray(bars.ts_open[rows], dtype=np.int64) + bars.interval_ms
