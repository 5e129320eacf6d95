"""Market data. Times are UTC milliseconds: `ts_event` at the venue, `ts_recv` here."""

from msgspec import Struct

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

INTERVALS_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "4h": 4 * HOUR_MS,
    "1d": DAY_MS,
}


class Bar(Struct, frozen=True, array_like=True):
    """A closed bar. `ts_open` is its opening time, `ts_event` the time of its close; volume in base units.

    Prices are floats as recorded; they become exact decimals on the instrument's tick where they meet an order.
    """

    instrument: str
    interval_ms: int
    ts_open: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    ts_recv: int

    @property
    def ts_event(self) -> int:
        return self.ts_open + self.interval_ms


class Quote(Struct, frozen=True, array_like=True):
    """A price seen now. `last` is always there; bid, ask and their sizes only where the source has them.

    A replayed bar's opening price is a Quote with `last` alone: it is recorded, nothing between bars is invented.
    """

    instrument: str
    ts_event: int
    ts_recv: int
    last: float
    bid: float | None = None
    ask: float | None = None
    bid_size: float | None = None
    ask_size: float | None = None


class FundingRate(Struct, frozen=True, array_like=True):
    """A funding settlement: `rate` is the fraction of notional that longs pay shorts at `ts_event`."""

    instrument: str
    ts_event: int
    rate: float
    ts_recv: int
