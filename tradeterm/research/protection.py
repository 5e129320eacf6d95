"""Stop and target of an entry where they are not fractions of its price: so many ATR away, or so many stops."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from tradeterm.config import BookConfig
from tradeterm.desk.protection import protection_prices, stop_is_known
from tradeterm.desk.state import Book
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import INTERVALS_MS
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import GateCode
from tradeterm.domain.states import BookState
from tradeterm.research.fills import ExitPolicy
from tradeterm.research.regimes import Regimes
from tradeterm.research.sizers import Refused, exact

Protect = Callable[[int, int, int, float], ExitPolicy]
"""`(instrument, row, side, price)` of a signal, `price` its close: what may end a position entered on it. Raises
Refused where that is not known."""


def needs_protection(book: BookConfig) -> bool:
    """Whether a stop or a target depends on more than the price of the signal."""
    return book.exits.stop_atr is not None or book.exits.target_stops is not None


class Protection:
    """The live desk's own prices (`protection_prices`), by the ATR its models know at the signal: that of the bar
    before. What else ends a position is that of `policy`."""

    def __init__(
        self, book: BookConfig, instruments: Sequence[Instrument], models: Regimes, policy: ExitPolicy
    ) -> None:
        cash = exact(book.capital)
        self._book = Book("", book, INTERVALS_MS[book.interval], BookState.RUNNING, cash, cash)
        self._instruments, self._models, self._policy = tuple(instruments), models, policy

    def __call__(self, number: int, row: int, side: int, price: float) -> ExitPolicy:
        """As fractions of the price, which put both on the same ticks. Refused as tier 1 does what has no stop."""
        exits, at = self._book.config.exits, exact(price)
        atr = None if exits.stop_atr is None else self._models.atr(number, row)
        if not stop_is_known(exits, atr):
            raise Refused(GateCode.NOT_FINITE)
        bought = PositionSide.LONG if side > 0 else PositionSide.SHORT
        stop, target = protection_prices(self._book, self._instruments[number], bought, at, atr)
        if stop <= 0:
            raise Refused(GateCode.NOT_FINITE)
        reach = None if target is None else float(abs(target - at) / at)
        return replace(self._policy, stop=float(abs(at - stop) / at), target=reach)
