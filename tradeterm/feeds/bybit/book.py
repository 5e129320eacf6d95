"""An order book kept from a snapshot and numbered changes."""

from tradeterm.feeds.bybit.decode import BookRow, Number, number

RESTART = 1


class OrderBook:
    """Price to size, each side. While `synced` is false nothing in it may be used."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.best_bid: float | None = None
        self.best_ask: float | None = None
        self.synced = False
        self._u = 0

    def apply(self, kind: str, row: BookRow) -> bool:
        """Take a message over. False: it does not follow the last one (or makes no sense), so the topic must be
        subscribed anew; said once, then the book waits for its snapshot."""
        if kind == "snapshot" or row.u == RESTART:
            self.bids, self.asks = {}, {}
            self.best_bid = self.best_ask = None
            self.synced = True
        elif not self.synced or row.u <= self._u:
            return True
        elif row.u != self._u + 1:
            return self.lose()
        self._u = row.u
        if not (self._side(row.b, self.bids, bids=True) and self._side(row.a, self.asks, bids=False)):
            return self.lose()
        bid, ask = self.best_bid, self.best_ask
        return True if bid is None or ask is None or bid < ask else self.lose()

    def lose(self) -> bool:
        """Trust it no more until the next snapshot; always False."""
        self.synced = False
        self.bids, self.asks = {}, {}
        self.best_bid = self.best_ask = None
        return False

    def _side(self, levels: list[tuple[Number, Number]], side: dict[float, float], *, bids: bool) -> bool:
        best = self.best_bid if bids else self.best_ask
        gone = False
        for price_text, size_text in levels:
            price, size = number(price_text), number(size_text)
            if price is None or size is None or price <= 0 or size < 0:
                return False
            if size == 0:
                side.pop(price, None)
                gone = gone or price == best
            else:
                side[price] = size
                if best is None or (price > best if bids else price < best):
                    best, gone = price, False
        if gone and best not in side:
            best = (max(side) if bids else min(side)) if side else None
        if bids:
            self.best_bid = best
        else:
            self.best_ask = best
        return True
