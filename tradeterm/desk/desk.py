"""The desk: a deterministic state machine. Events in, commands out; no clock, no network, no disk, no randomness."""

import hashlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from tradeterm.config import Config
from tradeterm.desk import (
    account,
    breaker,
    closing,
    entries,
    exits,
    health,
    models,
    operator,
    orders,
    protection,
    reconciled,
    shadow,
    slicing,
    track_record,
    unknown,
)
from tradeterm.desk.market import on_bar, on_funding, on_quote
from tradeterm.desk.state import DeskState, Key, prune, restored, snapshot_of
from tradeterm.desk.turn import Turn
from tradeterm.domain.commands import DeskCommand
from tradeterm.domain.events import (
    AccountUpdate,
    BarClosed,
    CashEvent,
    CovarianceUpdate,
    DeskEvent,
    DeskRestored,
    FillReceived,
    FundingUpdate,
    ModelUpdate,
    OperatorCommand,
    OrderAdopted,
    OrderUpdate,
    QuoteUpdate,
    RateUpdate,
    Reconciled,
    SignalRaised,
    Timer,
    VenueMeasured,
    VenueStatus,
    VerdictReceived,
    WorkerStatus,
)
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.orders import Order
from tradeterm.domain.signals import SignalKind
from tradeterm.domain.snapshot import DeskSnapshot, Position
from tradeterm.domain.states import AlertLevel, TradingState, WorkerState

Handler = Callable[[Turn, Any], None]


class Desk:
    """All books and the risk they share.

    Feed it events in order, the first a DeskRestored, and carry its commands out in order: a Record before a
    SubmitOrder, AmendOrder or CancelOrder must be durable before that command leaves.
    """

    def __init__(self, config: Config) -> None:
        self.state = DeskState(config=config)

    @property
    def orders(self) -> Mapping[str, Order]:
        """By client order id, read-only."""
        return MappingProxyType(self.state.orders)

    @property
    def positions(self) -> Mapping[Key, Position]:
        """By (book, instrument), read-only; flat ones are not there."""
        return MappingProxyType(self.state.positions)

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return MappingProxyType(self.state.instruments)

    def on(self, event: DeskEvent) -> list[DeskCommand]:
        """Handle one event; the commands it gives, in order."""
        turn = Turn(self.state, event.ts, [])
        if isinstance(event, DeskRestored):
            self._restore(turn, event)
        else:
            self.state.ts = max(self.state.ts, event.ts)
            _HANDLERS[type(event)](turn, event)
            if self.state.schedules:
                slicing.review(turn)
        return turn.commands

    def snapshot(self) -> DeskSnapshot:
        """Facts enough to go on from here."""
        return snapshot_of(self.state)

    def digest(self) -> str:
        """SHA-256 of the snapshot and the marks: equal desks have equal digests."""
        marks = {name: mark.price for name, mark in sorted(self.state.marks.items())}
        return hashlib.sha256(msgspec.json.encode([self.snapshot(), marks])).hexdigest()

    def _restore(self, turn: Turn, event: DeskRestored) -> None:
        instruments = {instrument.id: instrument for instrument in event.instruments}
        self.state = turn.state = restored(self.state.config, instruments, event.snapshot, event.ts)
        known = {book.book for book in event.snapshot.books}
        for book in self.state.books.values():
            if book.name not in known:
                turn.record_book(book)
        if not known:
            turn.record_desk()
        _check_positions(turn)
        slicing.drop_restored(turn)
        unknown.doubt(turn)
        breaker.remember(turn)
        shadow.restore(turn)
        for book in self.state.books.values():
            health.review(turn, book)
        _reckon(self.state)


def _check_positions(turn: Turn) -> None:
    """A position nobody is configured to look after halts the desk."""
    for (book, instrument), position in sorted(turn.state.positions.items()):
        if book not in turn.state.books or instrument not in turn.state.instruments:
            text = f"{position.quantity} {instrument} of book {book} is open, but the configuration does not have it"
            turn.alert(AlertLevel.CRITICAL, "ORPHAN_POSITION", text, (book, instrument))
            turn.set_trading(TradingState.HALTED, text)


def _bar_closed(turn: Turn, event: BarClosed) -> None:
    if on_bar(turn, event.bar):
        exits.on_bar(turn, event.bar)
        shadow.note_bar(turn, event.bar)


def _funding(turn: Turn, event: FundingUpdate) -> None:
    on_funding(turn, event)
    shadow.note_funding(turn, event.funding)


def _signal(turn: Turn, event: SignalRaised) -> None:
    if event.signal.kind is SignalKind.ENTRY:
        account.begin_day(turn)
        track_record.note(turn.state, event.signal)
        entries.on_entry_signal(turn, event.signal)
    else:
        exits.on_exit_signal(turn, event.signal)
        shadow.note_exit(turn, event.signal)


def _worker(turn: Turn, event: WorkerStatus) -> None:
    """A failure is told once, however often it is tried again, until the worker runs."""
    turn.state.workers[event.worker] = event
    condition = f"worker:{event.worker}"
    if event.state is WorkerState.FAILED:
        text = f"worker {event.worker} failed, no entries until it runs again: {event.detail or 'no detail'}"
        turn.alert_once(condition, AlertLevel.ERROR, "WORKER_FAILED", text)
    elif event.state is WorkerState.RUNNING:
        turn.forget(condition)


def _timer(turn: Turn, event: Timer) -> None:
    """What time alone brings, in a fixed order: safety first, bookkeeping last."""
    unknown.chase(turn)
    protection.watch(turn)
    exits.on_time(turn)
    closing.retry_exits(turn)
    closing.cancel_leftovers(turn)
    operator.advance(turn)
    entries.expire_pending(turn)
    account.begin_day(turn)
    breaker.on_time(turn)
    if turn.state.schedules:
        slicing.advance(turn)
    account.sample(turn)
    shadow.follow(turn)
    track_record.forget(turn.state)
    prune(turn.state)
    _reckon(turn.state)


def _reckon(state: DeskState) -> None:
    """What trades come to is found here, where nothing waits, and not in the way of the next signal."""
    for book in state.books.values():
        state.earned(book)


def _measured(turn: Turn, event: VenueMeasured) -> None:
    breaker.note_latency(turn, event.venue, event.latency_ms)


def _nothing(turn: Turn, event: AccountUpdate) -> None:
    """Accepted and journalled; nothing in the desk depends on it yet."""


_HANDLERS: dict[type[Any], Handler] = {
    SignalRaised: _signal,
    BarClosed: _bar_closed,
    QuoteUpdate: on_quote,
    FundingUpdate: _funding,
    VerdictReceived: entries.on_verdict,
    OrderUpdate: orders.on_order_update,
    OrderAdopted: orders.on_adopted,
    FillReceived: orders.on_fill,
    CashEvent: orders.on_cash,
    VenueStatus: reconciled.on_venue,
    Reconciled: reconciled.on_reconciled,
    WorkerStatus: _worker,
    OperatorCommand: operator.on_command,
    Timer: _timer,
    ModelUpdate: models.on_model,
    CovarianceUpdate: models.on_covariance,
    RateUpdate: models.on_rate,
    VenueMeasured: _measured,
    AccountUpdate: _nothing,
}
