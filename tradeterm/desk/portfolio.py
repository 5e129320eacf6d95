"""What all books hold together, in the desk's currency, and what could be lost with it.

A leg is a position or an open entry order. Sums of notional take every entry order as filled, which is their worst
case; where one leg offsets another the worst case is that the other half never fills, and that is what counts:
- one side: the positions, long less short, and the entry orders on that side alone;
- VaR: an entry order never makes it smaller;
- heat: losses add up by the correlation of their directions, which never counts below 0.

A book whose rate is unknown is left out whole, equity and legs. A price that is not known makes the desk unknown.
"""

from collections.abc import Iterable
from decimal import Decimal

import msgspec
from msgspec import Struct

from tradeterm.desk.account import book_equity, mark_of
from tradeterm.desk.currency import rate_of
from tradeterm.desk.state import Book, DeskState
from tradeterm.domain.instrument import ZERO, Instrument
from tradeterm.domain.orders import Order, OrderIntent, PositionSide
from tradeterm.domain.snapshot import Position


class Leg(Struct, frozen=True, kw_only=True):
    """`notional` and `loss` (from the mark to the stop, all of it without one) are money of the desk, not negative.
    `sign` is 1 for long, -1 for short; `asset` the instrument's symbol, the same at every venue."""

    book: str
    instrument: str
    asset: str
    sign: int
    notional: Decimal
    loss: Decimal
    entry: bool = False


class Portfolio(Struct, frozen=True, kw_only=True):
    """`missing` says what is not known; with anything in it neither equity nor sums may be used."""

    equity: Decimal
    legs: tuple[Leg, ...]
    missing: tuple[str, ...] = ()

    def positions(self) -> "Portfolio":
        """Without the entry orders."""
        return msgspec.structs.replace(self, legs=tuple(leg for leg in self.legs if not leg.entry))

    def with_leg(self, leg: Leg) -> "Portfolio":
        return msgspec.structs.replace(self, legs=(*self.legs, leg))

    def gross(self, instruments: Iterable[str] | None = None) -> Decimal:
        """Notional of all legs, or of those in `instruments`."""
        chosen = None if instruments is None else frozenset(instruments)
        return sum((leg.notional for leg in self.legs if chosen is None or leg.instrument in chosen), ZERO)

    def by_instrument(self) -> dict[str, Decimal]:
        """Notional of all legs of each instrument."""
        found: dict[str, Decimal] = {}
        for leg in self.legs:
            found[leg.instrument] = found.get(leg.instrument, ZERO) + leg.notional
        return found

    def of_asset(self, asset: str) -> Decimal:
        return sum((leg.notional for leg in self.legs if leg.asset == asset), ZERO)

    def net(self) -> Decimal:
        """Long less short."""
        return sum((leg.notional * leg.sign for leg in self.legs), ZERO)

    def one_sided(self, sign: int) -> Decimal:
        """The most the desk may come to be on one side, `sign` times long less short."""
        return sum((leg.notional * leg.sign * sign for leg in self.legs if not leg.entry or leg.sign == sign), ZERO)


def portfolio(state: DeskState) -> Portfolio:
    """The desk at its present marks."""
    rates = {book.config.currency: rate_of(state, book.config.currency) for book in state.books.values()}
    missing: dict[str, None] = {}
    legs: list[Leg] = []
    equity = ZERO
    for book in state.books.values():
        rate = rates[book.config.currency]
        if rate is not None:
            own = book_equity(state, book)
            if own is None:
                missing[f"the equity of {book.name}"] = None
            else:
                equity += own * rate
    for _, position in sorted(state.positions.items()):
        _add(state, rates, legs, missing, position)
    for order in state.working_orders():
        if order.intent is OrderIntent.ENTRY:
            _add(state, rates, legs, missing, order)
    return Portfolio(equity=equity, legs=tuple(legs), missing=tuple(missing))


def entry_leg(
    book: Book, instrument: Instrument, rate: Decimal, side: PositionSide, quantity: Decimal, price: Decimal,
    stop: Decimal | None,
) -> Leg:  # fmt: skip
    """An entry as if it were filled at `price`."""
    return _leg(book.name, instrument, rate, side.sign, quantity, price, stop)


def _add(
    state: DeskState,
    rates: dict[str, Decimal | None],
    legs: list[Leg],
    missing: dict[str, None],
    found: Position | Order,
) -> None:
    contract, mark = state.instruments.get(found.instrument), mark_of(state, found.instrument)
    if contract is None or mark is None:
        missing[f"the {'contract' if contract is None else 'price'} of {found.instrument}"] = None
        return
    book = state.books.get(found.book)
    # A position of no book counts in the money it is quoted in.
    rate = rate_of(state, contract.quote_currency) if book is None else rates[book.config.currency]
    if rate is None:
        return
    if isinstance(found, Position):
        sign, quantity, stop = found.side.sign, found.quantity, found.stop_price
    else:
        sign, quantity, stop = found.side.sign, found.leaves_quantity, _stop_of(state, found)
    leg = _leg(found.book, contract, rate, sign, quantity, mark, stop)
    legs.append(leg if isinstance(found, Position) else msgspec.structs.replace(leg, entry=True))


def _stop_of(state: DeskState, entry: Order) -> Decimal | None:
    """The stop an entry order will have; a later part gets the one the position has."""
    if entry.stop_loss is not None:
        return entry.stop_loss
    key = (entry.book, entry.instrument)
    if key in state.schedules:
        return state.schedules[key].stop
    held = state.positions.get(key)
    return held.stop_price if held else None


def _leg(
    book: str, contract: Instrument, rate: Decimal, sign: int, quantity: Decimal, price: Decimal, stop: Decimal | None
) -> Leg:
    per_unit = price if stop is None else max(ZERO, (price - stop) * sign)
    return Leg(
        book=book,
        instrument=contract.id,
        asset=contract.symbol,
        sign=sign,
        notional=contract.notional(quantity, price) * rate,
        loss=contract.notional(quantity, per_unit) * rate,
    )
