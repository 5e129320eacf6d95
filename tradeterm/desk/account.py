"""The money of books and of the desk at the present marks. None wherever a mark is missing: nothing is assumed."""

from collections.abc import Iterable
from decimal import Decimal

from tradeterm.desk import desk_money
from tradeterm.desk.currency import desk_books, foreign_currencies, rate_trouble
from tradeterm.desk.desk_money import Share, Totals, own_money, totals
from tradeterm.desk.positions import unrealized
from tradeterm.desk.rounding import plain, ratio
from tradeterm.desk.state import Book, DeskState
from tradeterm.desk.turn import Turn
from tradeterm.domain.facts import EquityPoint
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.orders import OrderIntent
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import AlertLevel


def mark_of(state: DeskState, instrument: str) -> Decimal | None:
    """The instrument's last price; None before the first one, and after one that was not a number."""
    mark = state.marks.get(instrument)
    return mark.decimal if mark else None


def book_positions(state: DeskState, book: str) -> list[Position]:
    held = [position for position in state.positions.values() if position.book == book]
    return sorted(held, key=_instrument)


def _instrument(position: Position) -> str:
    return position.instrument


def book_unrealized(state: DeskState, book: str) -> Decimal | None:
    total = ZERO
    for position in book_positions(state, book):
        mark = mark_of(state, position.instrument)
        if mark is None:
            return None
        total += unrealized(position, mark, state.instruments.get(position.instrument))
    return total


def book_equity(state: DeskState, book: Book) -> Decimal | None:
    """Cash and unrealised PnL; None if a position has no mark or the money is not finite."""
    open_pnl = book_unrealized(state, book.name)
    if open_pnl is None:
        return None
    equity = book.cash + open_pnl
    return equity if equity.is_finite() else None


def unknown_equity(state: DeskState, books: Iterable[Book]) -> str:
    """Why no loss of these books can be measured yet, in one clause; "" where all of them can."""
    for book in books:
        if book_equity(state, book) is None:
            held = [name for owner, name in sorted(state.positions) if owner == book.name]
            missing = ", ".join(name for name in held if mark_of(state, name) is None)
            why = f": no price of {missing} yet" if missing else ""
            return f"the equity of {book.name} is not known{why}"
    return ""


def book_exposure(state: DeskState, book: str) -> Decimal | None:
    """Gross notional of the book's positions at their marks."""
    total = ZERO
    for position in book_positions(state, book):
        notional = notional_at_mark(state, position.instrument, position.quantity)
        if notional is None:
            return None
        total += notional
    return total


def notional_at_mark(state: DeskState, instrument: str, quantity: Decimal) -> Decimal | None:
    mark, contract = mark_of(state, instrument), state.instruments.get(instrument)
    return None if mark is None or contract is None else contract.notional(quantity, mark)


def worst_exposure(state: DeskState, book: str) -> dict[str, Decimal] | None:
    """Notional by instrument if every open entry order (UNKNOWN ones in full) filled on top of the positions."""
    quantities: dict[str, Decimal] = {}
    for position in book_positions(state, book):
        quantities[position.instrument] = abs(position.quantity)
    for order in state.working_orders():
        if order.book == book and order.intent is OrderIntent.ENTRY:
            quantities[order.instrument] = quantities.get(order.instrument, ZERO) + order.leaves_quantity
    worst: dict[str, Decimal] = {}
    for instrument, quantity in quantities.items():
        notional = notional_at_mark(state, instrument, quantity)
        if notional is None:
            return None
        worst[instrument] = notional
    return worst


def desk_shares(state: DeskState) -> list[Share]:
    """The books that can be added up, with their equities."""
    return [Share(book, rate, book_equity(state, book)) for book, rate in desk_books(state)]


def desk_totals(state: DeskState) -> Totals:
    """What the desk has lost, in its currency, of the books whose rate is known."""
    return totals(desk_shares(state), own_money(state))


def drawdown(book: Book, equity: Decimal) -> Decimal:
    """Fraction below the highest equity so far."""
    peak = max(book.peak_equity, equity)
    return ratio(peak - equity, peak)


def day_pnl(book: Book, equity: Decimal) -> Decimal | None:
    return None if book.day_start_equity is None else equity - book.day_start_equity


def day_loss(book: Book, equity: Decimal) -> Decimal | None:
    """What was lost since the UTC day began, a fraction of what there was then; negative for a gain."""
    start = book.day_start_equity
    return ratio(start - equity, start) if start is not None and start > 0 else None


def accept_drawdown(turn: Turn, book: Book, equity: Decimal) -> None:
    """Count the book's drawdown, and the sizes that recover from it, from its present equity on."""
    book.peak_equity, book.drawdown_from = equity, turn.ts
    turn.record_book(book)


def begin_day(turn: Turn) -> None:
    """At the first moment of a new UTC day at which equity is known, remember it as the day's start."""
    today = turn.ts // DAY_MS
    for book in turn.state.books.values():
        if book.day != today or book.day_start_equity is None:
            equity = book_equity(turn.state, book)
            if book.day != today or equity is not None:
                book.day, book.day_start_equity = today, equity
                turn.record_book(book)
    desk_money.begin(turn, desk_shares(turn.state))


def sample(turn: Turn) -> None:
    """Equity points of every book and of the desk, once a bar time; moves the peaks."""
    state = turn.state
    if state.bar_ts <= state.equity_ts:
        return
    points = [point for book in state.books.values() if (point := _point(turn, book)) is not None]
    for point in points:
        state.equity_ts = state.bar_ts
        turn.record(point)
    if len(points) == len(state.books) and (whole := _desk_point(turn, points)) is not None:
        turn.record(whole)
    _tell_left_out(turn)


def _point(turn: Turn, book: Book) -> EquityPoint | None:
    state = turn.state
    open_pnl, exposure = book_unrealized(state, book.name), book_exposure(state, book.name)
    if open_pnl is None or exposure is None:
        return None
    equity = book.cash + open_pnl
    today = day_pnl(book, equity)
    if today is None:
        return None
    if equity > book.peak_equity:
        book.peak_equity = equity
        turn.record_book(book)
    return EquityPoint(
        ts=state.bar_ts,
        book=book.name,
        equity=plain(equity),
        cash=plain(book.cash),
        unrealized_pnl=plain(open_pnl),
        day_pnl=plain(today),
        drawdown=drawdown(book, equity),
        exposure=ratio(exposure, equity),
    )


def _desk_point(turn: Turn, points: list[EquityPoint]) -> EquityPoint | None:
    """The sum of the books whose rate is known, at the present rates; None without any. Moves the desk's peak."""
    state = turn.state
    rates = {book.name: rate for book, rate in desk_books(state)}
    chosen = [(point, rates[point.book]) for point in points if point.book in rates]
    if not chosen:
        return None
    equity = sum((point.equity * rate for point, rate in chosen), ZERO)
    desk_money.see(turn, equity)
    whole = desk_totals(state)
    lost = -sum((point.day_pnl * rate for point, rate in chosen), ZERO) if whole.lost is None else whole.lost
    notional = sum((point.exposure * point.equity * rate for point, rate in chosen), ZERO)
    return EquityPoint(
        ts=state.bar_ts,
        book="",
        equity=plain(equity),
        cash=plain(sum((point.cash * rate for point, rate in chosen), ZERO)),
        unrealized_pnl=plain(sum((point.unrealized_pnl * rate for point, rate in chosen), ZERO)),
        day_pnl=plain(-lost),
        drawdown=ratio(whole.fallen, whole.peak),
        exposure=ratio(notional, equity),
    )


def _tell_left_out(turn: Turn) -> None:
    """Say once which books are not in the desk's totals."""
    state = turn.state
    for currency in foreign_currencies(state.books.values(), state.config.risk.currency):
        trouble, condition = rate_trouble(state, currency), f"rate:{currency}"
        if not trouble:
            turn.forget(condition)
            continue
        books = ", ".join(book.name for book in state.books.values() if book.config.currency == currency)
        text = f"{trouble}: book {books} is left out of the desk's totals and may open nothing"
        turn.alert_once(condition, AlertLevel.WARNING, "RATE_UNKNOWN", text)
