"""How far a book went: leverage, and what it traded against what it was allowed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from tradeterm.assistant.reports.said import said
from tradeterm.config import Config
from tradeterm.domain.facts import EquityPoint
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.orders import Fill, Order, OrderIntent

ZERO = Decimal(0)


class Leverage(Struct, frozen=True, kw_only=True):
    """The most notional over the book's equity. With `instrument` "" all positions, at the marks of the recorded points
    of equity; of one instrument its position just after a fill, at the fill's price. `ts` is when; None: never any.
    `limit` is the configuration's, None where it is not at hand."""

    book: str
    instrument: str
    most: Decimal | None
    ts: int | None
    limit: float | None
    over: bool


class Traded(Struct, frozen=True, kw_only=True):
    """An instrument of a book: `allowed` by a configuration of the time (None: not all are at hand), and its fills;
    `external` of them were by orders that are not ours."""

    book: str
    instrument: str
    allowed: bool | None
    fills: int
    external: int


def leverage_of(
    book: str,
    points: Sequence[EquityPoint],
    fills: Sequence[Fill],
    instruments: Mapping[str, Instrument],
    config: Config | None,
) -> tuple[Leverage, ...]:
    """The book's, then by instrument. Fills before the period are not known: a position that was open at its start
    counts from its next fill on."""
    limits = config.books[book].limits if config is not None and book in config.books else None
    in_all, of_one = (None, None) if limits is None else (limits.max_leverage, limits.max_position_exposure)
    mine = [point for point in points if point.book == book]
    top = max(mine, key=lambda point: point.exposure, default=None)
    found = [_leverage(book, "", top.exposure if top else None, top.ts if top else None, in_all)]
    held: dict[str, Decimal] = defaultdict(lambda: ZERO)
    most: dict[str, tuple[Decimal, int]] = {}
    at = 0
    for fill in (fill for fill in fills if fill.book == book):
        held[fill.instrument] += fill.quantity * fill.side.sign
        while at + 1 < len(mine) and mine[at + 1].ts <= fill.ts_event:
            at += 1
        contract = instruments.get(fill.instrument)
        if not mine or mine[at].equity <= 0:
            continue
        size = abs(held[fill.instrument])
        worth = contract.notional(size, fill.price) if contract is not None else size * fill.price
        share = worth / mine[at].equity
        if share > most.get(fill.instrument, (ZERO, 0))[0]:
            most[fill.instrument] = (share, fill.ts_event)
    for name in sorted(most):
        share, ts = most[name]
        found.append(_leverage(book, said(name, 60), share, ts, of_one))
    return tuple(found)


def _leverage(book: str, instrument: str, most: Decimal | None, ts: int | None, limit: float | None) -> Leverage:
    over = most is not None and limit is not None and most > Decimal(repr(limit))
    rounded = None if most is None else most.quantize(Decimal("0.0001"))
    return Leverage(book=book, instrument=instrument, most=rounded, ts=ts, limit=limit, over=over)


def traded_of(
    book: str, fills: Sequence[Fill], orders: Sequence[Order], configs: Sequence[Config | None]
) -> tuple[Traded, ...]:
    """Every instrument that the book might trade, by the configurations of its runs, or did."""
    external = {order.client_order_id for order in orders if order.intent is OrderIntent.EXTERNAL}
    mine = [fill for fill in fills if fill.book == book]
    books = [None if config is None else config.books.get(book) for config in configs]
    allowed = {name for known in books if known is not None for name in known.instruments}
    all_known = bool(books) and None not in books
    return tuple(
        Traded(
            book=book,
            instrument=said(name, 60),
            allowed=True if name in allowed else False if all_known else None,
            fills=sum(fill.instrument == name for fill in mine),
            external=sum(fill.instrument == name and fill.client_order_id in external for fill in mine),
        )
        for name in sorted(allowed | {fill.instrument for fill in mine})
    )
