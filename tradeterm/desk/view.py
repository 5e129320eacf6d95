"""The live picture of a desk, for faces. Reads only; a number that is not known shows as the last that was (or 0)."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

from tradeterm.desk.account import (
    book_equity,
    book_exposure,
    book_positions,
    book_unrealized,
    day_pnl,
    desk_totals,
    drawdown,
    mark_of,
)
from tradeterm.desk.currency import desk_books
from tradeterm.desk.desk import Desk
from tradeterm.desk.positions import unrealized
from tradeterm.desk.protection import is_protected
from tradeterm.desk.risk_view import desk_limits, percent_limit, present_risk, risk_view
from tradeterm.desk.rounding import ratio, rounded
from tradeterm.desk.state import Book, DeskState, Mark
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import OPEN_AT_VENUE, OrderIntent, OrderStatus
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import VenueState
from tradeterm.domain.view import (
    BookView,
    DeskView,
    FeedView,
    GateView,
    LimitView,
    PositionView,
    ReplayView,
    StreamView,
    VenueMeasure,
    VenueView,
    WorkerView,
)

VIEW_VERSION = 1
_PERCENT = Decimal("1e-4")
_SECOND = 1000


def desk_view(
    desk: Desk,
    *,
    wall_ts: int,
    started_ts: int,
    pid: int,
    run_id: str,
    workers: Sequence[WorkerView],
    replay: ReplayView | None,
    stopping: bool,
    gate: GateView,
    simulated_venues: Collection[str],
    measured: Mapping[str, VenueMeasure] = MappingProxyType({}),
    streams: Sequence[StreamView] = (),
) -> DeskView:
    """Everything a face needs besides the ledger; `measured` is by venue. The desk's totals are in its own currency;
    books whose rate is unknown (`risk.rates`) are left out of them."""
    state = desk.state
    books = tuple(_book(state, book, gate.label) for book in state.books.values())
    rates = {book.name: rate for book, rate in desk_books(state)}
    summed = [(view, rates[view.book]) for view in books if view.book in rates]
    equity = sum((view.equity * rate for view, rate in summed), ZERO)
    whole = desk_totals(state)
    day = sum((view.day_pnl * rate for view, rate in summed), ZERO) if whole.lost is None else -whole.lost
    notional = sum((view.exposure * view.equity * rate for view, rate in summed), ZERO)
    present = present_risk(state)
    positions = tuple(_position(state, position) for _, position in sorted(state.positions.items()))
    working, patience = state.working_orders(), _patience(state)
    return DeskView(
        version=VIEW_VERSION,
        ts=state.ts,
        wall_ts=wall_ts,
        started_ts=started_ts,
        pid=pid,
        run_id=run_id,
        mode=state.config.mode,
        trading_state=state.trading_state,
        trading_reason=state.trading_reason,
        breaker=state.breaker,
        breaker_reason=state.breaker_reason,
        kill_pending=state.kill_pending,
        currency=state.config.risk.currency,
        equity=equity,
        day_pnl=day,
        day_return=ratio(day, equity - day),
        drawdown=ratio(whole.fallen, whole.peak),
        exposure=ratio(notional, equity),
        unrealized_pnl=sum((view.unrealized_pnl * rate for view, rate in summed), ZERO),
        unprotected=sum(not view.protected for view in positions),
        unknown_orders=sum(order.status is OrderStatus.UNKNOWN for order in working),
        open_orders=sum(order.status in OPEN_AT_VENUE for order in working),
        books=books,
        positions=positions,
        limits=(
            *(limit for book in state.books.values() for limit in _limits(state, book)),
            *desk_limits(state, present),
        ),
        venues=_venues(state, simulated_venues, measured),
        feeds=tuple(_feed(state, name, patience.get(name)) for name in sorted(state.instruments)),
        workers=tuple(workers),
        streams=tuple(streams),
        replay=replay,
        stopping=stopping,
        risk=risk_view(state, present),
        breaker_since=state.breaker_ts,
        breaker_override_until=state.breaker_override_until,
        gate=gate,
    )


def _patience(state: DeskState) -> dict[str, int]:
    """The age (ms) from which tier 1 would call an instrument's data stale, for the book that would first."""
    patience: dict[str, int] = {}
    for book in state.books.values():
        limit = book.interval_ms + int(book.config.limits.stale_after_seconds * _SECOND)
        for name in book.config.instruments:
            patience[name] = min(limit, patience.get(name, limit))
    return patience


def _book(state: DeskState, book: Book, tier2: str) -> BookView:
    open_pnl = book_unrealized(state, book.name) or ZERO
    equity = book.cash + open_pnl
    pnl = day_pnl(book, equity) or ZERO
    return BookView(
        book=book.name,
        strategy=book.config.strategy,
        venue=book.config.venue,
        currency=book.config.currency,
        state=book.state,
        equity=equity,
        cash=book.cash,
        capital=book.capital,
        unrealized_pnl=open_pnl,
        realized_pnl=book.cash - book.capital,
        day_pnl=pnl,
        day_return=ratio(pnl, equity - pnl),
        drawdown=drawdown(book, equity),
        exposure=ratio(book_exposure(state, book.name) or ZERO, equity),
        open_positions=len(book_positions(state, book.name)),
        trades=book.trades,
        wins=book.wins,
        tier2=tier2,
    )


def _position(state: DeskState, position: Position) -> PositionView:
    contract = state.instruments.get(position.instrument)
    entry = position.average_price or ZERO
    mark = mark_of(state, position.instrument) or entry
    pnl = unrealized(position, mark, contract) + position.realized_pnl - position.fees - position.funding
    return PositionView(
        book=position.book,
        instrument=position.instrument,
        symbol=contract.symbol if contract else position.instrument,
        side=position.side,
        quantity=abs(position.quantity),
        entry_price=entry,
        mark=mark,
        pnl=pnl,
        return_pct=rounded(100 * pnl / position.entry_value, _PERCENT) if position.entry_value else ZERO,
        stop_price=position.stop_price,
        target_price=position.target_price,
        trailing=position.stop_price != position.initial_stop,
        protected=is_protected(state, position),
        ts_opened=position.ts_opened,
        exiting=bool(position.exit_reason),
        funding=position.funding,
        fees=position.fees,
    )


def _limits(state: DeskState, book: Book) -> list[LimitView]:
    limits, equity = book.config.limits, book_equity(state, book)
    exposure = book_exposure(state, book.name)
    pnl = None if equity is None else day_pnl(book, equity)
    loss = None if pnl is None or equity is None else max(ZERO, ratio(-pnl, equity - pnl))
    fallen = None if equity is None else drawdown(book, equity)
    gross = None if equity is None or exposure is None else ratio(exposure, equity)
    largest = _largest(state, book, equity)
    orders = [order for order in state.working_orders() if order.book == book.name and order.status in OPEN_AT_VENUE]
    entries = sum(order.intent is OrderIntent.ENTRY for order in orders)

    def percent(name: str, value: Decimal | None, limit: float, text: str) -> LimitView:
        return percent_limit(book.name, name, value, limit, text)

    def count(name: str, value: int, limit: int, text: str) -> LimitView:
        return LimitView(name=name, book=book.name, value=float(value), limit=float(limit), unit="count", text=text)

    return [
        percent("daily loss", loss, limits.daily_loss, "lost since the UTC day began"),
        percent("drawdown", fallen, limits.drawdown, "below the highest equity"),
        percent("exposure", gross, limits.max_total_exposure, "gross notional of equity"),
        percent("largest position", largest, limits.max_position_exposure, "notional of equity"),
        LimitView(
            name="leverage",
            book=book.name,
            value=None if gross is None else float(gross),
            limit=limits.max_leverage,
            unit="x",
            text="gross notional over equity",
        ),
        count("positions", len(book_positions(state, book.name)), limits.max_positions, "open"),
        count("orders", len(orders), limits.max_open_orders, f"at the venue, {entries} of them entries"),
    ]


def _largest(state: DeskState, book: Book, equity: Decimal | None) -> Decimal | None:
    if equity is None:
        return None
    notionals = [ZERO]
    for position in book_positions(state, book.name):
        mark, contract = mark_of(state, position.instrument), state.instruments.get(position.instrument)
        if mark is None or contract is None:
            return None
        notionals.append(contract.notional(position.quantity, mark))
    return ratio(max(notionals), equity)


def _venues(
    state: DeskState, simulated: Collection[str], measured: Mapping[str, VenueMeasure]
) -> tuple[VenueView, ...]:
    rows = []
    for account, book in state.books.items():
        known, now = state.venues.get(book.config.venue), measured.get(book.config.venue, VenueMeasure())
        rows.append(
            VenueView(
                venue=book.config.venue,
                account=account,
                state=known.state if known else VenueState.DISCONNECTED,
                simulated=book.config.venue in simulated,
                latency_ms=now.latency_ms,
                ts_last=known.ts if known else 0,
                detail=known.detail if known else "",
                skew_ms=now.skew_ms,
            )
        )
    return tuple(rows)


def _feed(state: DeskState, name: str, patience: int | None) -> FeedView:
    contract, seen = state.instruments[name], state.marks.get(name)
    mark = seen or Mark(float("nan"), 0)
    last = mark.decimal
    change = None if last is None or not mark.session_open else float(last) / mark.session_open - 1
    return FeedView(
        instrument=name,
        symbol=contract.symbol,
        last=0.0 if last is None else float(last),
        ts_last=mark.ts,
        stale=seen is None or (patience is not None and state.ts - seen.ts > patience),
        session_open=mark.session_open,
        change=change,
        funding_rate=mark.funding_rate,
        interval_ms=max(mark.bars, default=0),
    )
