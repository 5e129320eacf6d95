"""What is known now of one instrument: its ticker (snapshot and changes), its last trade, the top of its book."""

from msgspec import UNSET

from tradeterm.domain.market import DAY_MS, Quote
from tradeterm.feeds.bybit.book import OrderBook
from tradeterm.feeds.bybit.decode import TickerMessage, TradeMessage


class Ticker:
    """Merges messages into one `quote`. Of two prices the one with the newer time at the venue counts."""

    def __init__(self, instrument: str) -> None:
        self.instrument = instrument
        self.book = OrderBook()
        self.funding_rate: float | None = None
        self.next_funding_ts: int | None = None
        self.open_interest: float | None = None
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
            self.funding_rate = self.next_funding_ts = self.open_interest = None
        self.saw(ts, ts_recv)
        if row.last_price and ts >= self._last_ts:
            self._last, self._last_ts = row.last_price, ts
        if row.bid1_price is not UNSET:
            self._bid = row.bid1_price
        if row.ask1_price is not UNSET:
            self._ask = row.ask1_price
        if row.bid1_size is not UNSET:
            self._bid_size = row.bid1_size
        if row.ask1_size is not UNSET:
            self._ask_size = row.ask1_size
        if row.funding_rate is not UNSET:
            self.funding_rate = row.funding_rate
        if row.next_funding_time is not UNSET:
            self.next_funding_ts = row.next_funding_time
        if row.open_interest is not UNSET:
            self.open_interest = row.open_interest

    def trade(self, message: TradeMessage, ts_recv: int) -> bool:
        """Take the newest of some trades over; whether it was readable."""
        if not message.data:
            return True
        row = message.data[-1]  # the oldest comes first
        ts = row.T
        if not 0 < ts <= ts_recv + DAY_MS:
            return False
        self.saw(ts, ts_recv)
        if ts >= self._last_ts:
            self._last, self._last_ts = row.p, ts
        return True

    def quote(self) -> Quote | None:
        """The best that is known now, None before the first price. The book is newer than the ticker where it is in
        step."""
        if self._last is None:
            return None
        book = self.book
        bid, ask, bid_size, ask_size = self._bid, self._ask, self._bid_size, self._ask_size
        best_bid, best_ask = (book.best_bid, book.best_ask) if book.synced else (None, None)
        if best_bid is not None and best_ask is not None and best_bid < best_ask:
            bid, ask, bid_size, ask_size = best_bid, best_ask, book.bids[best_bid], book.asks[best_ask]
        if bid is None:
            bid_size = None
        if ask is None:
            ask_size = None
        return Quote(self.instrument, self.ts_event, self.ts_recv, self._last, bid, ask, bid_size, ask_size)

    def saw(self, ts: int, ts_recv: int) -> None:
        """Something about it was heard."""
        self.ts_event = max(self.ts_event, ts)
        self.ts_recv = ts_recv
