"""One book's share of the account: its instruments, and where its events go."""

from collections.abc import Sequence

from tradeterm.brokers.protocol import Sink
from tradeterm.domain.instrument import Instrument

VENUE = "bybit"


class Account:
    """`sink` is None while the book's broker is not connected; rows of its instruments wait for nobody then."""

    def __init__(self, name: str, instruments: Sequence[Instrument]) -> None:
        self.name = name
        self.by_symbol = {instrument.symbol: instrument for instrument in instruments}
        self.symbols = {instrument.id: instrument.symbol for instrument in instruments}
        self.sink: Sink | None = None

    def instrument(self, symbol: str) -> Instrument | None:
        return self.by_symbol.get(symbol)
