"""The money of a simulated run: positions, cash, closed trades. Floats; no rule about when anything happens."""

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research.bars import Bars
from tradeterm.research.costs import Costs
from tradeterm.research.exits import Exit, Moment
from tradeterm.research.fills import Reason
from tradeterm.research.latency import arrival
from tradeterm.research.sizers import Closed
from tradeterm.strategies.panel import Floats

Ints = NDArray[np.int64]
_FUNDING_MS = 8 * HOUR_MS
"""The funding interval where a single settlement does not tell it."""
_SLIVER = 1e-6
"""Of the price: the least a sale gets, as a price of 0 or below is none."""


class Trade(NamedTuple):
    """A closed round trip. Rows and times (UTC ms) of the signal's bar and of both fills; an exit inside a bar is
    stamped with the bar's close. Prices are those of the fills. Money in quote currency: `gross` is what the fills
    made, `fees` and `funding` what was paid on top, `pnl` = gross − fees − funding; `slippage` (in `gross` already) is
    what the fills lost to the prices before it. `risk` is what the initial stop would have lost; NaN without one.
    """

    instrument: str
    side: int
    quantity: float
    signal_row: int
    entry_row: int
    exit_row: int
    entry_ts: int
    exit_ts: int
    entry_price: float
    exit_price: float
    reason: str
    gross: float
    fees: float
    slippage: float
    funding: float
    pnl: float
    risk: float

    @property
    def r_multiple(self) -> float:
        return self.pnl / self.risk if self.risk > 0 else math.nan


class Trades(Struct, frozen=True, kw_only=True):
    """Closed trades in the order they closed; the columns of `Trade`, `instrument` as an index into `names`.

    `moment` says when in its bar each exit filled (`exits.Moment`).
    """

    names: tuple[str, ...]
    instrument: Ints
    side: Ints
    quantity: Floats
    signal_row: Ints
    entry_row: Ints
    exit_row: Ints
    entry_ts: Ints
    exit_ts: Ints
    entry_price: Floats
    exit_price: Floats
    reason: tuple[str, ...]
    gross: Floats
    fees: Floats
    slippage: Floats
    funding: Floats
    pnl: Floats
    risk: Floats
    moment: Ints

    def __len__(self) -> int:
        return len(self.pnl)

    def __iter__(self) -> Iterator[Trade]:
        columns = [getattr(self, name) for name in Trade._fields[1:]]
        rows = zip(*(column if isinstance(column, tuple) else column.tolist() for column in columns), strict=True)
        for number, row in zip(self.instrument.tolist(), rows, strict=True):
            yield Trade(self.names[number], *row)


class Payments(NamedTuple):
    """Funding as it was settled: when, of which instrument, and the money paid (negative: received)."""

    ts: Ints
    instrument: Ints
    amount: Floats


class Position(Struct):
    """What is open: the entry's fill, what it cost (`fee`, money lost to slippage and the fraction `slip`), the price
    `met` before slippage, the `risk` to the initial stop (NaN without one), and the funding paid so far. No close
    while it is open gains more a unit than `most`, or loses more than `worst` (inf: not known)."""

    side: int
    quantity: float
    signal_row: int
    entry_row: int
    ts: int
    price: float
    fee: float
    slippage: float
    slip: float
    met: float
    risk: float = math.nan
    funding: float = 0.0
    most: float = math.inf
    worst: float = math.inf


class Account:
    """Cash moves by realised gains, fees and funding; a position's notional is not taken from it (as on a margin
    account). `closed` is what sizing remembers.

    `peak` is the highest equity at any close so far, `day_start` that at the last midnight (UTC). At the first close at
    which equity is 0 or below, `lost_at` (UTC ms), everything is closed, and nothing happens after it. `seed` is that
    of the latency of orders.
    """

    def __init__(self, market: tuple[Bars, ...], costs: Costs, capital: float, seed: int = 0) -> None:
        self.market, self.costs, self.cash, self._seed = market, costs, capital, seed
        self.peak = self.day_start = capital
        self.lost_at: int | None = None
        self._looked = 0
        self._aligned = all(_same_rows(bars, market[0]) for bars in market)
        self.positions: dict[int, Position] = {}
        self.closed: list[Closed] = []
        self._trades: list[tuple[float | str, ...]] = []
        self._payments: list[tuple[int, int, float]] = []

    def state(self, ts: int) -> tuple[float, float]:
        """Equity and gross exposure at the newest closes of `ts`."""
        self._look(ts)
        equity, exposure = self.cash, 0.0
        for number, held in self.positions.items():
            mark = self.market[number].last_close(ts)
            equity += held.side * held.quantity * (mark - held.price)
            exposure += held.quantity * mark
        return equity, exposure

    def open(self, number: int, side: int, quantity: float, signal_row: int, row: int, slip: float) -> float | None:
        """Fill an entry at the open of `row`, worse by the fraction `slip`; the price, None where all is lost."""
        bars = self.market[number]
        self._look(bars.opened(row))
        if self.lost_at is not None:
            return None
        before = float(bars.open[row])
        met = before
        if self.costs.latency is not None:
            met = arrival(bars, row, side, before, self.costs.latency, self._seed)
        price = _filled(bars, met, side, slip)
        fee = quantity * price * self.costs.fee
        self.cash -= fee
        lost = side * quantity * (price - before)
        self.positions[number] = Position(
            side, quantity, signal_row, row, bars.opened(row), price, fee, lost, slip, met
        )
        return price

    def settle(self, number: int, ts: int, rate: float) -> None:
        """Pay (or receive) funding at the last close; nothing where that is older than the funding interval."""
        self._look(ts)
        held = self.positions.get(number)
        if held is None:
            return
        paid = held.side * held.quantity * _settling(self.market[number], ts) * rate
        if paid == paid:
            self.cash -= paid
            held.funding += paid
            self._payments.append((ts, number, paid))

    def close(self, number: int, exit: Exit) -> None:
        """Fill an exit of what is still open."""
        bars = self.market[number]
        ts = bars.opened(exit.row) if exit.moment is Moment.OPEN else bars.closed(exit.row)
        self._look(ts if exit.moment is Moment.OPEN else ts - 1)
        if number in self.positions:
            self._end(number, exit, ts)
            if self.cash <= 0 and not self.positions:
                self.lost_at = ts

    def _lose(self, ts: int) -> None:
        """Close everything at the closes of `ts`: there is no equity left."""
        self.lost_at = ts
        for number in sorted(self.positions):
            bars = self.market[number]
            row = bars.first_closing(ts + 1) - 1
            exit = Exit(row, bars.last_close(ts), Reason.ACCOUNT_LOST, Moment.CLOSE)
            self._end(number, exit, bars.closed(row))

    def _end(self, number: int, exit: Exit, ts: int) -> None:
        bars, held = self.market[number], self.positions.pop(number)
        slip = self.costs.slip(held.quantity, ts, bars.liquidity, bars.instrument)
        if slip != slip:  # not known any more: what the entry lost stands for it
            slip = held.slip
        met = exit.price
        if self.costs.latency is not None and exit.moment is Moment.OPEN:
            met = arrival(bars, exit.row, -held.side, met, self.costs.latency, self._seed)
        price = _filled(bars, met, -held.side, min(slip, 1.0))
        fee = held.quantity * price * self.costs.fee
        gross = held.side * held.quantity * (price - held.price)
        pnl = gross - held.fee - fee - held.funding
        self.cash += gross - fee
        lost = held.slippage + held.side * held.quantity * (exit.price - price)
        self._trades.append(
            (
                number, held.side, held.quantity, held.signal_row, held.entry_row, exit.row, held.ts, ts,
                held.price, price, exit.reason, gross, held.fee + fee, lost, held.funding, pnl, held.risk, exit.moment,
            )
        )  # fmt: skip
        multiple = pnl / held.risk if held.risk > 0 else math.nan
        self.closed.append(Closed(ts, pnl, 100 * pnl / (held.quantity * held.price), multiple))

    def _look(self, ts: int) -> None:
        """Take the closes since the last look, up to `ts`, into `peak` and `day_start`; nothing else has changed since.

        Bars that share no rows are looked at where something happens alone.
        """
        since, self._looked = self._looked, ts
        midnight = ts // DAY_MS * DAY_MS
        if midnight > since:
            self.day_start = self._equity(midnight)
        if not self.positions:
            self.peak = max(self.peak, self.cash)
        elif ts > since:
            best = worst = self.cash
            for held in self.positions.values():
                best += held.quantity * held.most
                worst -= held.quantity * held.worst
            if best > self.peak or worst <= 0:
                self._walk(since, ts)

    def _equity(self, ts: int) -> float:
        return self.cash + sum(
            held.side * held.quantity * (self.market[number].last_close(ts) - held.price)
            for number, held in self.positions.items()
        )

    def _walk(self, since: int, ts: int) -> None:
        """Take equity at each close after `since`, up to `ts`."""
        if len(self.positions) > 1 and not self._aligned:
            equity = self._equity(ts)
            self.peak = max(self.peak, equity)
            if equity <= 0:
                self._lose(ts)
            return
        path: Any = self.cash
        for number, held in self.positions.items():
            bars = self.market[number]
            first, stop = bars.first_closing(since + 1), bars.first_closing(ts + 1)
            path = path + held.side * held.quantity * (bars.closes(first, stop) - held.price)
        lost = np.flatnonzero(path <= 0)
        if lost.size:
            path = path[: lost[0]]
        self.peak = max(self.peak, float(np.fmax.reduce(path, initial=-math.inf)))
        if lost.size:
            self._lose(bars.closed(first + int(lost[0])))

    def trades(self) -> Trades:
        names = Trades.__struct_fields__[1:]
        columns = dict(zip(names, zip(*self._trades, strict=True) if self._trades else [()] * len(names), strict=True))
        arrays: dict[str, Any] = {name: np.array(columns[name], dtype=_KINDS.get(name, np.float64)) for name in names}
        arrays["reason"] = columns["reason"]
        return Trades(names=tuple(bars.instrument for bars in self.market), **arrays)

    def payments(self) -> Payments:
        ts, number, amount = zip(*self._payments, strict=True) if self._payments else ((), (), ())
        return Payments(np.array(ts, np.int64), np.array(number, np.int64), np.array(amount, np.float64))


def _same_rows(one: Bars, other: Bars) -> bool:
    """Whether a row of the one closes with that of the other, as in a panel."""
    if one.regular and other.regular:
        return (one.start, one.rows, one.interval_ms) == (other.start, other.rows, other.interval_ms)
    return one.ts_open is other.ts_open and one.interval_ms == other.interval_ms


def _settling(bars: Bars, ts: int) -> float:
    """The price funding is settled at; NaN over a hole in the bars, where what was settled in is not known."""
    row = bars.last_bar(bars.first_closing(ts + 1) - 1)
    times = () if bars.funding is None else bars.funding.ts
    at = int(np.searchsorted(times, ts))
    around = [int(times[i + 1] - times[i]) for i in (at - 1, at) if 0 <= i < len(times) - 1]
    interval = min(around, default=_FUNDING_MS)
    if row < 0 or ts - bars.closed(row) >= max(interval, bars.interval_ms):
        return math.nan
    return float(bars.close[row])


def _filled(bars: Bars, price: float, side: int, slip: float) -> float:
    """What an order on `side` gets at `price`: worse by the fraction `slip`, on the tick that is worse. However large
    its impact, a sale still gets something: a tick, or a sliver of the price."""
    got = price * (1 + side * slip) if side > 0 else price * max(1 - slip, _SLIVER)
    if bars.tick is None:
        return got
    return max(bars.tick.up(got * side) * side, bars.tick.size)


_KINDS: dict[str, Any] = dict.fromkeys(
    ("instrument", "side", "signal_row", "entry_row", "exit_row", "entry_ts", "exit_ts", "moment"), np.int64
) | {"reason": np.str_}
