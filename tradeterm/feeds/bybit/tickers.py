"""What is known now of one instrument: its ticker (snapshot and changes), its last trade, the top of its book."""

from tradeterm.domain.market import DAY_MS, Quote
from tradeterm.feeds.bybit.book import OrderBook
from tradeterm.feeds.bybit.decode import TickerMessage, TradeMessage, milliseconds, number, price


class Ticker:
    """Merges messages into one `quote`. Of two prices the one with the newer time at the venue counts."""

    def __init__(self, instrument: str) -> None:
        self.instrument = instrument
        self.book = OrderBook()
        self.funding_rate: float | None = None
        self.next_funding_ts: int | None = None
        self.ts_event = 0
        self.ts_recv = 0
        self._last: float | None = None
        self._last_ts = 0
        self._bid: float | None = None
        self._ask: float | None = None
        self._bid_size: float | None = None
        self._ask_size: float | None = None

    def merge(self, message: TickerMessage, ts_recv: int) -> None:
        """Take a snapshot or a change over; a change keeps what it does not name."""
        row, ts = message.data, message.ts
        if message.type == "snapshot":
            self._bid = self._ask = self._bid_size = self._ask_size = None
            self.funding_rate = self.next_funding_ts = None
        self.saw(ts, ts_recv)
        last = price(row.last_price)
        if last is not None and ts >= self._last_ts:
            self._last, self._last_ts = last, ts
        if row.bid1_price is not None:
            self._bid = price(row.bid1_price)
        if row.ask1_price is not None:
            self._ask = price(row.ask1_price)
        if row.bid1_size is not None:
            self._bid_size = number(row.bid1_size)
        if row.ask1_size is not None:
            self._ask_size = number(row.ask1_size)
        if row.funding_rate is not None:
            self.funding_rate = _rate(row.funding_rate)
        if row.next_funding_time is not None:
            self.next_funding_ts = milliseconds(row.next_funding_time)

    def trade(self, message: TradeMessage, ts_recv: int) -> bool:
        """Take the newest of some trades over; whether it was readable."""
        if not message.data:
            return True
        row = message.data[-1]  # the oldest comes first
        last = price(row.p)
        ts = milliseconds(row.T)
        if last is None or ts is None or ts > ts_recv + DAY_MS:
            return False
        self.saw(ts, ts_recv)
        if ts >= self._last_ts:
            self._last, self._last_ts = last, ts
        return True

    def quote(self) -> Quote | None:
        """The best that is known now, None before the first price. The book is newer than the ticker where it is in
        step."""
        if self._last is None:
            return None
        book = self.book
        bid, ask, bid_size, ask_size = self._bid, self._ask, self._bid_size, self._ask_size
        if book.synced and book.best_bid is not None and book.best_ask is not None:
            bid, ask = book.best_bid, book.best_ask
            bid_size, ask_size = book.bids[bid], book.asks[ask]
        if bid is None:
            bid_size = None
        if ask is None:
            ask_size = None
        return Quote(self.instrument, self.ts_event, self.ts_recv, self._last, bid, ask, bid_size, ask_size)

    def saw(self, ts: int, ts_recv: int) -> None:
        """Something about it was heard."""
        self.ts_event = max(self.ts_event, ts)
        self.ts_recv = ts_recv


def _rate(value: str | float) -> float | None:
    found = number(value)
    return found if found is not None and abs(found) < 1 else None
