"""One perpetual's market: prices, a book around them, candles, trades and funding."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from uuid import UUID

from simulators.bybit.model import ZERO, Bar, Instrument

MINUTE_MS = 60_000
DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
MONDAY_MS = 4 * DAY_MS  # 1970-01-05, the first Monday
INTERVALS = {str(m): m * MINUTE_MS for m in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)} | {
    "D": DAY_MS,
    "W": WEEK_MS,
    "M": 0,
}
BOOK_DEPTH = 50
LONGEST_FILL = 5000  # candles without a trade written after a pause; beyond it a gap stays

Levels = dict[Decimal, Decimal]


def bucket(interval: str, ts_ms: int) -> int:
    """Opening time of the candle of `interval` that holds `ts_ms`."""
    if interval == "M":
        moment = datetime.fromtimestamp(ts_ms / 1000, UTC)
        return int(datetime(moment.year, moment.month, 1, tzinfo=UTC).timestamp() * 1000)
    length = INTERVALS[interval]
    base = MONDAY_MS if interval == "W" else 0
    return ts_ms - (ts_ms - base) % length


def bucket_end(interval: str, start_ms: int) -> int:
    """First instant after the candle of `interval` opened at `start_ms`."""
    return bucket("M", start_ms + 32 * DAY_MS) if interval == "M" else start_ms + INTERVALS[interval]


def merged(bars: list[Bar]) -> Bar:
    """One candle over candles in time order."""
    first = bars[0]
    high = max(bar.high for bar in bars)
    low = min(bar.low for bar in bars)
    return Bar(first.start_ms, first.open, high, low, bars[-1].close, sum((bar.volume for bar in bars), ZERO))


@dataclass(frozen=True)
class Trade:
    """One public trade; `side` is the taker's."""

    id: str
    time_ms: int
    price: Decimal
    qty: Decimal
    side: str
    seq: int


@dataclass
class Market:
    instrument: Instrument
    last: Decimal
    rng: Random
    mark: Decimal = ZERO
    index: Decimal = ZERO
    funding_rate: Decimal = Decimal("0.0001")
    next_funding_ms: int = 0
    funding_history: list[tuple[int, Decimal]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)  # the last one may be open
    base_ms: int = MINUTE_MS
    driven: bool = False  # a script opens and closes candles, not the clock
    trades: deque[Trade] = field(default_factory=lambda: deque(maxlen=1000))
    spread_ticks: int = 1
    slippage_ticks: int = 0  # how far beyond the best price a market order fills
    liquidity: Decimal | None = None  # size on each level for takers and at each price move for makers; None: endless
    u: int = 1
    seq: int = 7_000_000_000
    bids: Levels = field(default_factory=dict)
    asks: Levels = field(default_factory=dict)
    open_24h: Decimal = ZERO
    high_24h: Decimal = ZERO
    low_24h: Decimal = ZERO
    volume_24h: Decimal = Decimal(1000)

    def __post_init__(self) -> None:
        self.mark = self.mark or self.last
        self.index = self.index or self.last
        self.open_24h = self.high_24h = self.low_24h = self.last
        self.bids, self.asks = self._levels()

    @property
    def bid(self) -> Decimal:
        return self.last

    @property
    def ask(self) -> Decimal:
        return self.last + self.instrument.tick * self.spread_ticks

    def best(self, side: str) -> Decimal:
        """The price at which a taker of `side` begins to trade."""
        away = self.instrument.tick * self.slippage_ticks
        return self.ask + away if side == "Buy" else max(self.bid - away, self.instrument.tick)

    def trigger_price(self, by: str) -> Decimal:
        return {"MarkPrice": self.mark, "IndexPrice": self.index}.get(by, self.last)

    def _levels(self) -> tuple[Levels, Levels]:
        tick = self.instrument.tick

        def size(price: Decimal) -> Decimal:
            # The same price shows the same size, so that a delta holds only what moved.
            return self.instrument.step * (1 + int(price / tick) * 7919 % 997)

        bids = {p: size(p) for p in (self.bid - tick * n for n in range(BOOK_DEPTH)) if p > 0}
        asks = {p: size(p) for p in (self.ask + tick * n for n in range(BOOK_DEPTH))}
        return bids, asks

    def refresh_book(self) -> tuple[Levels, Levels]:
        """Build the book around the last price; returns the changed bids and asks, size 0 for a level that went."""
        bids, asks = self._levels()
        changed = tuple(
            {p: s for p, s in new.items() if old.get(p) != s} | {p: ZERO for p in old if p not in new}
            for old, new in ((self.bids, bids), (self.asks, asks))
        )
        self.bids, self.asks = bids, asks
        if changed[0] or changed[1]:
            self.u += 1
            self.seq += 1
        return changed[0], changed[1]

    def trade(self, price: Decimal, qty: Decimal, now_ms: int, mark: Decimal | None, index: Decimal | None) -> Trade:
        """A public trade at `price`: the new last price. The candle is `candle_at`'s business."""
        side = "Buy" if price >= self.last else "Sell"
        self.last, self.mark, self.index = price, mark or price, index or price
        self.high_24h = max(self.high_24h, price)
        self.low_24h = min(self.low_24h, price)
        self.volume_24h += qty
        self.seq += 1
        trade = Trade(str(UUID(int=self.rng.getrandbits(128), version=4)), now_ms, price, qty, side, self.seq)
        self.trades.append(trade)
        return trade

    def roll(self, now_ms: int) -> list[Bar]:
        """Open the candle of now, and close those before it; returns the closed ones, oldest first."""
        start = now_ms - now_ms % self.base_ms
        if not self.bars or (start - self.bars[-1].start_ms) // self.base_ms > LONGEST_FILL:
            self.bars.append(Bar(start, self.last, self.last, self.last, self.last, ZERO))
            return []
        closed = []
        while self.bars[-1].start_ms < start:
            done = self.bars[-1]
            closed.append(done)
            self.bars.append(Bar(done.start_ms + self.base_ms, done.close, done.close, done.close, done.close, ZERO))
        return closed

    def touch(self, price: Decimal, qty: Decimal) -> None:
        """Take a trade into the open candle."""
        if self.bars:
            b = self.bars[-1]
            high, low = max(b.high, price), min(b.low, price)
            self.bars[-1] = Bar(b.start_ms, b.open, high, low, price, b.volume + qty)

    def candle(self, interval: str, start_ms: int) -> Bar | None:
        """The candle of `interval` opened at `start_ms`, as far as it goes."""
        found = self.candles(interval, start_ms, start_ms, 1)
        return found[0] if found else None

    def candles(self, interval: str, start_ms: int | None, end_ms: int | None, limit: int) -> list[Bar]:
        """Candles opened in [start, end], newest first. With a start alone the oldest `limit`, else the newest."""
        if interval != "M" and INTERVALS[interval] < self.base_ms:
            return []
        first = bucket(interval, start_ms - 1) if start_ms else 0
        begin = bisect_left(self.bars, first, key=lambda bar: bar.start_ms)
        if start_ms is None and interval != "M":  # only what can be asked for
            newest = min(end_ms or self.bars[-1].start_ms, self.bars[-1].start_ms) if self.bars else 0
            least = bucket(interval, newest) - (limit + 1) * INTERVALS[interval]
            begin = bisect_left(self.bars, least, key=lambda bar: bar.start_ms)
        groups: dict[int, list[Bar]] = {}
        for bar in self.bars[begin:]:
            start = bucket(interval, bar.start_ms)
            if end_ms is not None and start > end_ms:
                break
            if start_ms is None or start >= start_ms:
                groups.setdefault(start, []).append(bar)
        if begin > 0 and groups and start_ms is None:
            groups.pop(next(iter(groups)))  # may have lost its first candles to the cut
        starts = list(groups)
        starts = starts[:limit] if start_ms is not None and end_ms is None else starts[-limit:]
        return [merged(groups[s]) if len(groups[s]) > 1 else _opened_at(groups[s][0], s) for s in reversed(starts)]


def _opened_at(bar: Bar, start_ms: int) -> Bar:
    return bar if bar.start_ms == start_ms else Bar(start_ms, bar.open, bar.high, bar.low, bar.close, bar.volume)
