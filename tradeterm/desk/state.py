"""What the desk remembers. Mutable, owned by one desk, changed only while an event is handled."""

import math
from collections import deque
from collections.abc import Mapping
from decimal import Decimal

from msgspec import Struct, field

from tradeterm.config import BookConfig, Config
from tradeterm.desk.earned import Earned, reckon
from tradeterm.desk.parts import Part
from tradeterm.desk.shadow_state import Shadows
from tradeterm.domain.events import CovarianceUpdate, WorkerStatus
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import DAY_MS, INTERVALS_MS
from tradeterm.domain.orders import Order, OrderIntent
from tradeterm.domain.signals import GateCheck, Signal
from tradeterm.domain.snapshot import (
    BookSnapshot,
    Decision,
    DeskMoney,
    DeskSnapshot,
    HealthSnapshot,
    Position,
    TradeResult,
)
from tradeterm.domain.states import (
    BookState,
    BreakerLevel,
    HealthLevel,
    Regime,
    TradingState,
    VenueState,
    WorkerName,
)

Key = tuple[str, str]
"""(book, instrument)."""

KEEP_CLOSED_MS = 2 * DAY_MS
KEEP_RESULTS = 500


class Mark(Struct):
    """What was last seen of an instrument. `price` is NaN after a bad one; `bars` has the close time of the newest
    closed bar by interval, `volumes` close time and volume of the last hour's; `session` is the day `session_open`
    belongs to."""

    price: float
    ts: int
    bars: dict[int, int] = {}
    volumes: dict[int, tuple[tuple[int, float], ...]] = {}
    session: int = -1
    session_open: float | None = None
    funding_rate: float | None = None
    exact: tuple[float, Decimal | None] = (math.nan, None)

    @property
    def decimal(self) -> Decimal | None:
        """The price as an exact decimal; None unless it is finite and positive. Made once a price: it is read often."""
        if self.exact[0] != self.price:
            usable = math.isfinite(self.price) and self.price > 0
            self.exact = (self.price, Decimal(str(self.price)) if usable else None)
        return self.exact[1]


class Book(Struct):
    """A book's configuration and money."""

    name: str
    config: BookConfig
    interval_ms: int
    state: BookState
    cash: Decimal
    peak_equity: Decimal
    day: int = -1
    day_start_equity: Decimal | None = None
    trades: int = 0
    wins: int = 0
    drawdown_from: int = 0

    @property
    def account(self) -> str:
        return self.name

    @property
    def capital(self) -> Decimal:
        return Decimal(str(self.config.capital))


class PendingEntry(Struct, frozen=True):
    """An entry that passed tier 1 and waits for tier 2. `ts` is when the verdict was asked for, `atr` the range its
    stop was measured by."""

    signal: Signal
    checks: tuple[GateCheck, ...]
    ts: int
    atr: float | None = None


class Schedule(Struct, frozen=True, kw_only=True):
    """An approved entry that is sent in parts. `base` is the first part's client id and the round trip's; `quantity`
    was approved, `parts` planned, `sent` are the client ids of those on their way; `waits` says why the next one waits
    (told already). Times are UTC ms, `spacing` is ms."""

    base: str
    signal: Signal
    quantity: Decimal
    stop: Decimal
    target: Decimal | None
    ends: int
    spacing: int
    parts: tuple[Part, ...]
    sent: tuple[str, ...] = ()
    last_sent: int = 0
    waits: tuple[str, ...] = ()


class InstrumentModel(Struct, frozen=True, kw_only=True):
    """What the models last said of an instrument, at `ts`; None where there is not enough data. `volatility` is
    annualised, `regime_since` when the regime began."""

    ts: int
    atr: float | None = None
    rsi: float | None = None
    adx: float | None = None
    volatility: float | None = None
    regime: Regime | None = None
    regime_since: int | None = None


class Rate(Struct, frozen=True):
    """The price of one unit of a currency in the reporting currency, and when it held."""

    value: Decimal
    ts: int


class Health(Struct, frozen=True):
    """A book's strategy health, since when, and why. Trades closed up to `judged_from` are not judged."""

    level: HealthLevel = HealthLevel.HEALTHY
    ts: int = 0
    causes: tuple[str, ...] = ()
    judged_from: int = 0


class Venue(Struct):
    state: VenueState
    ts: int
    detail: str = ""


class DeskState(Struct, kw_only=True):
    config: Config
    ts: int = 0
    started: int = 0
    """When this desk began, or was restored."""
    instruments: dict[str, Instrument] = {}
    books: dict[str, Book] = {}
    orders: dict[str, Order] = {}
    working: dict[str, None] = {}
    """Client ids of orders that are not closed (a dict, because its order is that of insertion)."""
    positions: dict[Key, Position] = {}
    marks: dict[str, Mark] = {}
    pending: dict[str, PendingEntry] = {}
    schedules: dict[Key, Schedule] = {}
    """Entries being sent in parts; none survives a restart."""
    signals_seen: set[str] = set()
    exec_ids: set[str] = set()
    cash_ids: set[str] = set()
    last_entry: dict[str, int] = {}
    trading_state: TradingState = TradingState.ACTIVE
    trading_reason: str = ""
    kill_pending: bool = False
    kill_commands: list[int] = []
    kill_asked: int | None = None
    """When a reconciliation was asked for to verify that the venue is flat; None before."""
    kill_waiting: dict[tuple[str, str], None] = {}
    flattening: dict[int, tuple[Key, ...]] = {}
    """Unfinished FLATTEN commands by id: the positions that still have to go."""
    breaker: BreakerLevel = BreakerLevel.CLOSED
    breaker_reason: str = ""
    breaker_ts: int = 0
    breaker_rule: str = ""
    breaker_quiet_since: int | None = None
    """When the last cause at the breaker's level ended; None while one lasts."""
    breaker_override_until: int = 0
    breaker_overridden: dict[str, BreakerLevel] = {}
    """Rules that do not count up to a level while the override lasts."""
    recent_orders: dict[str, None] = {}
    """Client ids of orders that were refused or filled within the breaker's window."""
    latencies: dict[str, deque[tuple[int, float]]] = {}
    """When each venue's API was measured, and how long it took (ms)."""
    venue_losses: list[int] = []
    """When a venue that was ready was lost, within the breaker's window."""
    venues: dict[str, Venue] = {}
    disagreeing: dict[tuple[str, str], str] = {}
    workers: dict[WorkerName, WorkerStatus] = {}
    amends: dict[str, Decimal] = {}
    """Trigger prices asked for and not yet confirmed, by client id."""
    asked: dict[str, int] = {}
    """How many look-ups each unanswered order has had."""
    cancels: dict[str, int] = {}
    """When the cancel of a left-over order was last asked for."""
    alerted: set[str] = set()
    """Conditions already alerted, so that each is said once."""
    models: dict[str, InstrumentModel] = {}
    covariance: CovarianceUpdate | None = None
    rates: dict[str, Rate] = {}
    risk: dict[str, dict[str, float | None]] = {}
    """The last risk numbers of each book, "" for the desk."""
    results: dict[str, tuple[TradeResult, ...]] = {}
    """Closed round trips of each book's present strategy, oldest first, at most `KEEP_RESULTS`."""
    reckoned: dict[str, Earned] = {}
    """What `earned` found last: kept while it holds, and nothing to remember."""
    health: dict[str, Health] = {}
    decisions: dict[str, Decision] = {}
    """What entries were decided by, by signal id, while they wait, work or are open."""
    money: DeskMoney | None = None
    shadows: Shadows = field(default_factory=Shadows)
    pruned_day: int = -1
    bar_ts: int = -1
    equity_ts: int = -1

    def earned(self, book: Book) -> Earned:
        """What the book's closed trades come to now."""
        results = self.results.get(book.name, ())
        known = self.reckoned.get(book.name)
        if known is None or not known.holds(results, self.ts) or known.since != book.drawdown_from:
            known = self.reckoned[book.name] = reckon(book.config.sizing, results, self.ts, book.drawdown_from)
        return known

    def position_orders(self, position: Position) -> list[Order]:
        """Working protection and exits of the position's round trip, oldest first."""
        return [order for order in self.working_orders() if order.parent_id == position.trade_id]

    def venue_ready(self, venue: str) -> bool:
        known = self.venues.get(venue)
        return known is not None and known.state in (VenueState.READY, VenueState.RESTRICTED)

    def working_orders(self) -> list[Order]:
        return [self.orders[client_id] for client_id in self.working]


def exec_key(venue: str, account: str, exec_id: str) -> str:
    return f"{venue}/{account}/{exec_id}"


def key_text(key: Key) -> str:
    return f"{key[0]}/{key[1]}"


def restored(config: Config, instruments: Mapping[str, Instrument], snapshot: DeskSnapshot, ts: int) -> DeskState:
    """The state a desk starts from. Books the snapshot does not know begin with their capital."""
    known = {book.book: book for book in snapshot.books}
    state = DeskState(
        config=config,
        ts=ts,
        started=ts,
        instruments=dict(instruments),
        books={name: _book(name, book, known.get(name)) for name, book in sorted(config.books.items())},
        trading_state=snapshot.trading_state,
        trading_reason=snapshot.trading_reason,
        kill_pending=snapshot.kill_pending,
        breaker=snapshot.breaker,
        breaker_reason="" if snapshot.breaker is BreakerLevel.CLOSED else snapshot.breaker_reason,
        breaker_ts=snapshot.breaker_ts,
        breaker_rule=snapshot.breaker_rule,
        breaker_quiet_since=snapshot.breaker_quiet_since,
        breaker_override_until=snapshot.breaker_override_until,
        breaker_overridden=dict(snapshot.breaker_overridden),
        results={name: _results(book.strategy, snapshot.results.get(name, ())) for name, book in config.books.items()},
        health={
            known.book: Health(known.level, known.ts, known.causes, known.judged_from)
            for known in snapshot.health
            if known.book in config.books and known.strategy == config.books[known.book].strategy
        },
        decisions=dict(snapshot.decisions),
        money=snapshot.money,
        equity_ts=snapshot.equity_ts,
        signals_seen=set(snapshot.signals_seen),
        exec_ids=set(snapshot.exec_ids),
        cash_ids=set(snapshot.cash_ids),
        last_entry=dict(snapshot.last_entry),
        positions={(p.book, p.instrument): p for p in snapshot.positions if p.quantity},
    )
    for order in sorted(snapshot.orders, key=lambda item: (item.ts_created, item.client_order_id)):
        state.orders[order.client_order_id] = order
        if not order.is_closed:
            state.working[order.client_order_id] = None
    for shadow in snapshot.shadows:
        state.shadows.keep(shadow)
    return state


def snapshot_of(state: DeskState) -> DeskSnapshot:
    """Everything `restored` needs, sorted."""
    return DeskSnapshot(
        trading_state=state.trading_state,
        trading_reason=state.trading_reason,
        breaker=state.breaker,
        breaker_reason=state.breaker_reason,
        kill_pending=state.kill_pending,
        books=tuple(
            BookSnapshot(
                book=book.name,
                state=book.state,
                cash=book.cash,
                peak_equity=book.peak_equity,
                day=book.day,
                day_start_equity=book.day_start_equity,
                trades=book.trades,
                wins=book.wins,
                drawdown_from=book.drawdown_from,
            )
            for _, book in sorted(state.books.items())
        ),
        orders=tuple(order for _, order in sorted(state.orders.items())),
        positions=tuple(position for _, position in sorted(state.positions.items())),
        signals_seen=tuple(sorted(state.signals_seen)),
        exec_ids=tuple(sorted(state.exec_ids)),
        cash_ids=tuple(sorted(state.cash_ids)),
        last_entry=dict(sorted(state.last_entry.items())),
        equity_ts=state.equity_ts,
        breaker_ts=state.breaker_ts,
        breaker_override_until=state.breaker_override_until,
        results={name: results for name, results in sorted(state.results.items()) if results},
        breaker_rule=state.breaker_rule,
        breaker_quiet_since=state.breaker_quiet_since,
        breaker_overridden=tuple(sorted(state.breaker_overridden.items())),
        health=tuple(
            HealthSnapshot(
                book=name,
                strategy=state.books[name].config.strategy,
                level=health.level,
                ts=health.ts,
                causes=health.causes,
                judged_from=health.judged_from,
            )
            for name, health in sorted(state.health.items())
        ),
        decisions={name: state.decisions[name] for name in sorted(_decided(state) & state.decisions.keys())},
        money=state.money,
        shadows=tuple(sorted(state.shadows.all(), key=lambda shadow: shadow.position.trade_id)),
    )


def _decided(state: DeskState) -> set[str]:
    """Signals whose entries work or have opened a position: what outlives a restart."""
    found = {position.signal_id for position in state.positions.values()}
    found |= {order.signal_id for order in state.working_orders() if order.intent is OrderIntent.ENTRY}
    return {signal_id for signal_id in found if signal_id is not None}


def _results(strategy: str, results: tuple[TradeResult, ...]) -> tuple[TradeResult, ...]:
    """Those of the book's present strategy: another one's say nothing of it."""
    return tuple(result for result in results if result.strategy == strategy)[-KEEP_RESULTS:]


def prune(state: DeskState) -> None:
    """Once a day, forget orders closed more than two days ago that no open round trip hangs on."""
    today = state.ts // DAY_MS
    if today == state.pruned_day:
        return
    state.pruned_day = today
    trips = {position.trade_id for position in state.positions.values()}
    for client_id, order in list(state.orders.items()):
        bound = client_id in trips or order.parent_id in trips
        if order.is_closed and not bound and state.ts - order.ts_updated > KEEP_CLOSED_MS:
            del state.orders[client_id]
            state.cancels.pop(client_id, None)
            state.alerted.discard(f"unknown:{client_id}")


def _book(name: str, config: BookConfig, known: BookSnapshot | None) -> Book:
    capital = Decimal(str(config.capital))
    interval_ms = INTERVALS_MS[config.interval]
    if known is None:
        first = BookState.RUNNING if config.enabled else BookState.STOPPED
        return Book(name, config, interval_ms, first, capital, capital)
    return Book(
        name,
        config,
        interval_ms,
        known.state,
        known.cash,
        known.peak_equity,
        known.day,
        known.day_start_equity,
        known.trades,
        known.wins,
        known.drawdown_from,
    )
