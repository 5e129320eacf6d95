"""What was earned, what it cost, and what it was made of: the facts of `report performance`."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct

from tradeterm.assistant.chat.conversation import label_of
from tradeterm.assistant.reports.benchmark import Held
from tradeterm.assistant.reports.breakdown import Breakdown, breakdowns
from tradeterm.assistant.reports.curve import EquityLine, equity_line
from tradeterm.assistant.reports.figures import Line, figures_of
from tradeterm.assistant.reports.head import Head, is_simulated_venue
from tradeterm.assistant.reports.record import Record
from tradeterm.assistant.reports.said import said
from tradeterm.assistant.text import count, money, percent, span
from tradeterm.domain.facts import AiUsage, EquityPoint, Trade
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.orders import CashKind, OrderIntent, OrderType
from tradeterm.domain.snapshot import Position
from tradeterm.domain.view import DeskView
from tradeterm.research.result import LEAST_TRADES

ZERO = Decimal(0)


class Slippage(Struct, frozen=True, kw_only=True):
    """What fills lost to the price that was meant, in basis points (above 0: worse than meant). `of` is "entries,
    against the signal's price" or "exits at market, against the last price". `money` is None where it is not known."""

    of: str
    fills: int
    unknown: int
    mean_bps: Decimal | None
    worst_bps: Decimal | None
    money: Decimal | None


class ClosedTrade(Struct, frozen=True, kw_only=True):
    """A round trip; money in the book's currency. `slippage` is the fraction of the price that the entry lost."""

    id: str
    signal_id: str
    instrument: str
    side: str
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    ts_opened: int
    ts_closed: int
    exit_reason: str
    fees: Decimal
    funding: Decimal
    pnl: Decimal
    r_multiple: Decimal | None
    slippage: Decimal | None


class BookPerformance(Struct, frozen=True, kw_only=True):
    """One book, or with `book` "" the whole desk, of which there are no trades of its own.

    `simulated`: every order went to the simulated venue. `capital` is the configuration's, None where it is not at
    hand. `figures` have a definition each. `deposits` moved in (or out) by their owner: they are in the equity.
    """

    book: str
    strategies: tuple[str, ...]
    venues: tuple[str, ...]
    simulated: bool
    currency: str
    capital: Decimal | None
    trades: int
    insufficient: bool
    sentence: str
    cautions: tuple[str, ...]
    figures: tuple[Line, ...]
    breakdowns: tuple[Breakdown, ...]
    closed: tuple[ClosedTrade, ...]
    slippage: tuple[Slippage, ...]
    deposits: Decimal
    curve: EquityLine | None
    held: Held | None
    held_why: str


class OpenPosition(Struct, frozen=True, kw_only=True):
    """`mark` and `pnl` are the live view's, None where it knows the position no more."""

    book: str
    instrument: str
    side: str
    quantity: Decimal
    entry_price: Decimal | None
    mark: Decimal | None
    pnl: Decimal | None
    currency: str
    stop_price: Decimal | None
    target_price: Decimal | None
    ts_opened: int
    simulated: bool


class AiCost(Struct, frozen=True, kw_only=True):
    """Requests to a model by purpose. `cost` is in USD; `unpriced` requests have no known price and are not in it."""

    purpose: str
    model: str
    requests: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    cost: Decimal
    unpriced: int


class Performance(Struct, frozen=True, kw_only=True):
    """The report. `marked` is when the live view's prices were taken, None where there are none."""

    head: Head
    books: tuple[BookPerformance, ...]
    desk: BookPerformance | None
    positions: tuple[OpenPosition, ...]
    marked: int | None
    ai: tuple[AiCost, ...]
    ai_usd: Decimal

    @property
    def sentences(self) -> tuple[str, ...]:
        """The report in plain sentences, made from nothing but its figures."""
        lines = [book.sentence for book in self.books] or ["Nothing was traded and no equity was recorded."]
        held = f"{count(len(self.positions), 'position')} open" if self.positions else "No position is open"
        if self.head.end is not None:
            held += " as of now, not of the report's end"
        lines.append(f"{held}. {_models(self.ai, self.ai_usd)}")
        return tuple(lines)


class Known(Struct, frozen=True, kw_only=True):
    """What a report knows besides the ledger: `currencies` and `capitals` by book, contract facts by id, the live view,
    and by book what buying and holding made (or why that is not known)."""

    currencies: Mapping[str, str] = {}
    capitals: Mapping[str, Decimal] = {}
    instruments: Mapping[str, Instrument] = {}
    view: DeskView | None = None
    held: Mapping[str, Held] = {}
    held_why: Mapping[str, str] = {}


def performance(record: Record, head: Head, known: Known) -> Performance:
    """The facts; nothing is asked of a venue or of a model."""
    books = tuple(_book(record, name, known) for name in record.books)
    whole = _book(record, "", known) if len(books) > 1 and not record.book else None
    ai = _ai(record.usage)
    return Performance(
        head=head,
        books=books,
        desk=whole,
        positions=tuple(_position(position, known) for position in record.positions),
        marked=known.view.ts if known.view is not None and record.positions else None,
        ai=ai,
        ai_usd=sum((row.cost for row in ai), ZERO),
    )


def _book(record: Record, name: str, known: Known) -> BookPerformance:
    trades = tuple(trade for trade in record.trades if trade.book == name)
    points = tuple(point for point in record.equity if point.book == name)
    currency = known.currencies.get(name, "")
    curve = equity_line(points)
    calendars = {item.calendar for trade in trades if (item := known.instruments.get(trade.instrument))}
    orders = [order for order in record.orders if order.book == name]
    venues = {order.venue for order in orders} | {trade.venue for trade in trades}
    deposits = sum(
        (
            cash.amount
            for cash in record.cash
            if cash.book == name and cash.kind in (CashKind.DEPOSIT, CashKind.WITHDRAWAL)
        ),
        ZERO,
    )
    return BookPerformance(
        book=name,
        strategies=tuple(sorted({said(trade.strategy) for trade in trades} - {""})),
        venues=tuple(sorted(said(venue) for venue in venues)),
        simulated=is_simulated_venue(venues),
        currency=currency,
        capital=known.capitals.get(name),
        trades=len(trades),
        insufficient=len(trades) < LEAST_TRADES,
        sentence=_sentence(name, trades, curve, currency),
        cautions=tuple(_cautions(trades, points, deposits, currency)) if name else (),
        figures=figures_of(trades, points, calendars),
        breakdowns=breakdowns(trades),
        closed=tuple(_closed(trade) for trade in trades),
        slippage=tuple(_slippage(record, name, trades, known)) if name else (),
        deposits=deposits,
        curve=curve,
        held=known.held.get(name),
        held_why=known.held_why.get(name, ""),
    )


def _closed(trade: Trade) -> ClosedTrade:
    return ClosedTrade(
        id=said(trade.id, 80),
        signal_id=said(trade.signal_id or "", 80),
        instrument=said(trade.instrument, 60),
        side=trade.side.value,
        quantity=trade.quantity,
        entry_price=trade.entry_price,
        exit_price=trade.exit_price,
        ts_opened=trade.ts_opened,
        ts_closed=trade.ts_closed,
        exit_reason=said(trade.exit_reason, 80),
        fees=trade.fees,
        funding=trade.funding,
        pnl=trade.pnl,
        r_multiple=trade.r_multiple,
        slippage=trade.slippage,
    )


def _sentence(name: str, trades: Sequence[Trade], curve: EquityLine | None, currency: str) -> str:
    net = sum((trade.pnl for trade in trades), ZERO)
    won = sum(trade.pnl > 0 for trade in trades)
    about = f"{name or 'The desk'}: "
    if name:
        about += f"{count(len(trades), 'closed trade')}"
        about += f", {won} won, {money(net, currency, signed=True)} net of costs; " if trades else "; "
    if curve is None:
        return f"{about}no equity is recorded."
    change = curve.equity[-1] - curve.equity[0]
    about += (
        f"equity {money(curve.equity[0])} to {money(curve.equity[-1], currency)} "
        f"({percent(change / curve.equity[0], signed=True) if curve.equity[0] > 0 else 'no share'}) "
        f"in {span(curve.ts[-1] - curve.ts[0])}, at worst {percent(abs(min(curve.fall)))} below its peak."
    )
    if name and len(trades) < LEAST_TRADES:
        about += f" Under {LEAST_TRADES} trades nothing here says whether it works."
    return about


def _cautions(
    trades: Sequence[Trade], points: Sequence[EquityPoint], deposits: Decimal, currency: str
) -> Iterable[str]:
    if len(trades) < LEAST_TRADES:
        yield f"Insufficient: {len(trades)} of {LEAST_TRADES} closed trades; figures of trades say nothing yet."
    if deposits:
        moved = money(deposits, currency, signed=True)
        yield f"Deposits and withdrawals of {moved} are in the equity: returns and drawdowns are not those of trading."
    if points:
        yield from _bridge(trades, points, deposits, currency)
    unknown = sum(trade.signal_id is None for trade in trades)
    if unknown:
        yield f"{count(unknown, 'trade')} came from no signal of ours (adopted or made by hand)."


def _bridge(trades: Sequence[Trade], points: Sequence[EquityPoint], deposits: Decimal, currency: str) -> Iterable[str]:
    """From the net of closed trades to the change of equity, where these are not the same."""
    first, last = points[0], points[-1]
    change = last.equity - first.equity
    net = sum((trade.pnl for trade in trades), ZERO)
    if change - net == deposits:
        return
    rest = change - net - deposits - (last.unrealized_pnl - first.unrealized_pnl)
    yield (
        f"Equity changed by {money(change, currency, signed=True)}, closed trades made {money(net, signed=True)}: open "
        f"profit went from {money(first.unrealized_pnl, signed=True)} to {money(last.unrealized_pnl, signed=True)}, "
        f"{f'deposits and withdrawals were {money(deposits, signed=True)}, ' if deposits else ''}and "
        f"{money(rest, signed=True)} is of fees, funding and trades that lie partly outside the report's time."
    )


def _slippage(record: Record, name: str, trades: Sequence[Trade], known: Known) -> Iterable[Slippage]:
    entries = [
        (trade.slippage, _notional(trade.instrument, trade.quantity, trade.entry_price, known)) for trade in trades
    ]
    yield _slipped("entries, against the signal's price", entries)
    exits: list[tuple[Decimal | None, Decimal]] = []
    for order in record.orders:
        if order.book != name or order.type is not OrderType.MARKET or order.intent is not OrderIntent.EXIT:
            continue
        if order.average_price is None or not order.filled_quantity:
            continue
        meant = order.reference_price
        lost = None if not meant else (order.average_price / meant - 1) * order.side.sign
        exits.append((lost, _notional(order.instrument, order.filled_quantity, order.average_price, known)))
    yield _slipped("exits at market, against the last price before they left", exits)


def _slipped(of: str, fills: Sequence[tuple[Decimal | None, Decimal]]) -> Slippage:
    told = [(share, value) for share, value in fills if share is not None]
    mean = sum((share for share, _ in told), ZERO) / len(told) if told else None
    return Slippage(
        of=of,
        fills=len(fills),
        unknown=len(fills) - len(told),
        mean_bps=None if mean is None else _rounded(mean * 10_000),
        worst_bps=_rounded(max(share for share, _ in told) * 10_000) if told else None,
        money=_rounded(sum((share * value for share, value in told), ZERO)) if told else None,
    )


def _rounded(value: Decimal) -> Decimal:
    return value.quantize(Decimal("0.0001"))


def _notional(instrument: str, quantity: Decimal, price: Decimal, known: Known) -> Decimal:
    contract = known.instruments.get(instrument)
    return contract.notional(quantity, price) if contract is not None else abs(quantity) * price


def _position(position: Position, known: Known) -> OpenPosition:
    live = next(
        (
            each
            for each in (known.view.positions if known.view is not None else ())
            if (each.book, each.instrument, each.quantity)
            == (position.book, position.instrument, abs(position.quantity))
        ),
        None,
    )
    return OpenPosition(
        book=position.book,
        instrument=said(position.instrument),
        side=position.side.value,
        quantity=abs(position.quantity),
        entry_price=position.average_price,
        mark=live.mark if live else None,
        pnl=live.pnl if live else None,
        currency=known.currencies.get(position.book, ""),
        stop_price=position.stop_price,
        target_price=position.target_price,
        ts_opened=position.ts_opened,
        simulated=is_simulated_venue([position.venue]),
    )


def _ai(usage: Sequence[AiUsage]) -> tuple[AiCost, ...]:
    groups: dict[tuple[str, str], list[AiUsage]] = defaultdict(list)
    for row in usage:
        groups[row.purpose, row.model].append(row)
    return tuple(
        AiCost(
            purpose=said(purpose, 40),
            model=label_of(said(model, 80)),
            requests=len(rows),
            input_tokens=sum(row.input_tokens or 0 for row in rows),
            output_tokens=sum(row.output_tokens or 0 for row in rows),
            cached_tokens=sum(row.cached_tokens or 0 for row in rows),
            cost=sum((row.cost for row in rows if row.cost is not None), ZERO),
            unpriced=sum(row.cost is None for row in rows),
        )
        for (purpose, model), rows in sorted(groups.items())
    )


def _models(ai: Sequence[AiCost], usd: Decimal) -> str:
    """What is known of the cost, beside what is not."""
    unpriced = sum(row.unpriced for row in ai)
    priced = _requests(ai) - unpriced
    unknown = f"{count(unpriced, 'request')} of unknown price"
    if unpriced and not priced:
        return f"What models cost is not known: {unknown}."
    told = f"Models cost {money(usd, 'USD')} in {count(priced, 'request')}"
    return f"{told}, and {unknown}." if unpriced else f"{told}."


def _requests(ai: Sequence[AiCost]) -> int:
    return sum(row.requests for row in ai)
