"""An order book kept from a snapshot and numbered changes."""

from collections.abc import Iterable

from tradeterm.feeds.bybit.decode import BookRow

RESTART = 1


class OrderBook:
    """Price to size, each side. While `synced` is false nothing in it may be used."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.synced = False
        self._u = 0

    @property
    def best_bid(self) -> float | None:
        return max(self.bids, default=None)

    @property
    def best_ask(self) -> float | None:
        return min(self.asks, default=None)

    @property
    def crossed(self) -> bool:
        """Somebody would pay more than another asks: a change was lost or misread."""
        bid, ask = self.best_bid, self.best_ask
        return bid is not None and ask is not None and bid >= ask

    def apply(self, kind: str, row: BookRow) -> bool:
        """Take a message over. False: it does not follow the last one, so the topic must be subscribed anew; said once,
        then the book waits for its snapshot."""
        if kind == "snapshot" or row.u == RESTART:
            self.bids, self.asks = {}, {}
            self.synced = True
        elif not self.synced or row.u <= self._u:
            return True
        elif row.u != self._u + 1:
            self.lose()
            return False
        self._u = row.u
        _take(row.b, self.bids)
        _take(row.a, self.asks)
        return True

    def lose(self) -> None:
        """Trust it no more until the next snapshot."""
        self.synced = False
        self.bids, self.asks = {}, {}


def _take(levels: Iterable[tuple[float, float]], side: dict[float, float]) -> None:
    side.update(levels)
    for price, size in levels:
        if not size and not side.get(price, 1.0):  # the last word on a price counts
            del side[price]
