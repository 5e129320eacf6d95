"""The same portfolio for strategies that must see each bar: a Python function is called at every close.

It steps through every bar of every instrument and never jumps, so it is also what the jumping simulation is held
against. The order of events is that of `simulate.py`.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tradeterm.research.account import Account
from tradeterm.research.bars import Bars, release_all
from tradeterm.research.costs import Costs
from tradeterm.research.entries import Decider
from tradeterm.research.exits import Exit, Moment, latest_exit
from tradeterm.research.fills import ExitPolicy, Reason, Watch, levels
from tradeterm.research.simulate import Simulation
from tradeterm.research.sizers import Limit, Sizer

Prices = tuple[float, float, float, float]
OnBar = Callable[[int, Prices, int], int]
"""`(row, (open, high, low, close), side)` at the close of an instrument's bar; `side` is that of its position, 0 if
flat. Answers 0 (nothing), LONG, SHORT (ignored unless flat) or LEAVE (the position)."""

NOTHING, LONG, SHORT, LEAVE = 0, 1, -1, 2
EXIT_REASON = "EXIT"
_CHUNK = 256
"""Rows whose prices are plain floats at a time: few enough that they stay in the processor's cache."""
_RELEASE_AFTER = 64


def simulate_every_bar(
    market: Sequence[Bars],
    on_bar: Sequence[OnBar],
    policy: ExitPolicy,
    *,
    costs: Costs,
    capital: float,
    sizer: Sizer,
    limits: Sequence[Limit] = (),
    seed: int = 0,
) -> Simulation:
    """Call each instrument's function at each of its closes and trade what it answers; one position an instrument.

    All instruments share their rows' times. A position the function leaves ends with the reason EXIT. `seed` is that of
    whatever is random.
    """
    if any(not _same_times(market[0], bars) for bars in market[1:]):
        raise ValueError("instruments must share the times of their rows, as those of one panel do")
    market = tuple(market)
    account = Account(market, costs, capital, seed)
    decider = Decider(account, policy, sizer, limits)
    run = _Stepping(account, decider)
    sides = run.sides
    calls = tuple(
        (number, _where_a_bar_is(call) if np.isnan(bars.close).any() else call)
        for number, (call, bars) in enumerate(zip(on_bar, market, strict=True))
    )
    for row, now in _rows(market):
        if run.waiting:
            run.begin(row)
        if run.open:
            run.end(row, now)
        for number, call in calls:
            wanted = call(row, now[number], sides[number])
            if wanted is not NOTHING:
                run.answer(number, row, wanted)
    return Simulation(
        trades=account.trades(),
        payments=account.payments(),
        decided=tuple(decider.decided),
        ignored=dict(decider.ignored),
        market=market,
        costs=costs,
        capital=capital,
        lost_at=account.lost_at,
    )


class _Held(NamedTuple):
    """A position and what ends it: its levels, or `reason` ("" for the end of the data) at the row `latest`."""

    number: int
    side: int
    watch: Watch
    latest: int
    reason: str
    clock: int


class _Stepping:
    """What is open or on its way, one row at a time.

    `open` are the positions by instrument, `waiting` says whether anything may fill or settle at the next opens.
    """

    def __init__(self, account: Account, decider: Decider) -> None:
        self._account, self._decider = account, decider
        self._due: dict[int, str] = {}
        self._funded = any(bars.funding is not None for bars in account.market)
        self._settled = 0
        self.open: dict[int, _Held] = {}
        self.sides = [0] * len(account.market)

    @property
    def waiting(self) -> bool:
        return bool(self._due or self._decider.entering or (self._funded and self.open))

    def begin(self, row: int) -> None:
        """What fills at the row's opens, and funding before and after them."""
        market = self._account.market
        self._settle(market[0].opened(row))
        for number in sorted(self._due):
            if market[number].has_bar(row):
                self._close(number, Exit(row, float(market[number].open[row]), self._due[number], Moment.OPEN))
        for number in sorted(self._decider.entering):
            if self._decider.entering[number].row == row:
                self._open(number, row)
        self._settle(market[0].closed(row) - 1)

    def end(self, row: int, now: Sequence[Prices]) -> None:
        """What the row's ranges and closes do to positions."""
        ended = []
        for number, side, watch, latest, reason, _ in self.open.values():
            opened, best, worst, close = now[number]
            if side < 0:
                opened, best, worst, close = -opened, -worst, -best, -close
            if (worst > watch.stop and best < watch.calm and row < latest) or close != close:
                continue
            hit = watch.inside(opened, best, worst)
            if hit is not None:
                ended.append((number, Exit(row, hit[0] * side, hit[1], Moment.INSIDE)))
            elif row == self._account.market[number].last:
                ended.append((number, Exit(row, close * side, Reason.DATA_END, Moment.CLOSE)))
            elif watch.close(best, close):
                self._due[number] = Reason.TRAILING
            elif row == latest and reason:
                self._due[number] = reason
        for number, exit in ended:
            self._close(number, exit)

    def answer(self, number: int, row: int, wanted: int) -> None:
        """What the strategy wants at the close of the row."""
        if hasattr(wanted, "__len__"):
            raise ValueError(_wrong(self._account.market[number].instrument, wanted, row))
        if not wanted:
            return
        if wanted == LEAVE:
            held = self.open.get(number)
            if held is not None and (number not in self._due or (held.clock and self._due[number] == held.reason)):
                self._due[number] = EXIT_REASON
        elif wanted in (LONG, SHORT):
            self._decider.decide(number, row, wanted)
        else:
            raise ValueError(_wrong(self._account.market[number].instrument, wanted, row))

    def _open(self, number: int, row: int) -> None:
        entry, bars = self._decider.entering[number], self._account.market[number]
        price, side = self._decider.enter(number), entry.side
        if price is None:
            return
        anchor = self._decider.anchor(number, price, entry.signal_row)
        met = self._account.positions[number].met
        watch = Watch(levels(entry.policy, side, price, anchor, bars.tick), price * side, met * side)
        latest, reason, clock = latest_exit(bars, row, side, price, entry.policy)
        if latest >= bars.last:
            latest, reason = bars.last, ""
        self.sides[number] = side
        self.open = dict(sorted({**self.open, number: _Held(number, side, watch, latest, reason, clock)}.items()))

    def _close(self, number: int, exit: Exit) -> None:
        self._account.close(number, exit)
        del self.open[number]
        self.sides[number] = 0
        self._due.pop(number, None)

    def _settle(self, until: int) -> None:
        """Funding up to and at `until` that is not settled yet, on what is held."""
        due = []
        for number in self.open:
            funding, held = self._account.market[number].funding, self._account.positions.get(number)
            if funding is None or held is None:
                continue
            first, last = np.searchsorted(funding.ts, (max(self._settled, held.ts), until), side="right")
            due += [(int(funding.ts[at]), number, float(funding.rate[at])) for at in range(first, last)]
        for ts, number, rate in sorted(due):
            self._account.settle(number, ts, rate)
        self._settled = until


def _wrong(name: str, answer: object, row: int) -> str:
    return f"{name}: the function answered {' '.join(repr(answer).split())} at row {row}, allowed 0, 1, -1 and 2"


def _rows(market: Sequence[Bars]) -> Iterator[tuple[int, tuple[Prices, ...]]]:
    """Each row's prices of all instruments, as plain floats."""
    for count, start in enumerate(range(0, market[0].rows if market else 0, _CHUNK)):
        part = slice(start, start + _CHUNK)
        columns = (
            zip(*(prices[part].tolist() for prices in (bars.open, bars.high, bars.low, bars.close)), strict=True)
            for bars in market
        )
        yield from enumerate(zip(*columns, strict=True), start)
        if count % _RELEASE_AFTER == 0:
            release_all(market)


def _where_a_bar_is(call: OnBar) -> OnBar:
    """The function, not called for rows without a bar."""

    def called(row: int, prices: Prices, side: int) -> int:
        return call(row, prices, side) if prices[3] == prices[3] else 0

    return called


def _same_times(one: Bars, other: Bars) -> bool:
    if one.regular and other.regular:
        return (one.start, one.rows, one.interval_ms) == (other.start, other.rows, other.interval_ms)
    return one.interval_ms == other.interval_ms and np.array_equal(one.ts_open, other.ts_open)
