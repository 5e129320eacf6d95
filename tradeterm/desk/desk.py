"""The desk: a deterministic state machine. Events in, commands out; no clock, no network, no disk, no randomness."""

import hashlib
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from tradeterm.config import Config
from tradeterm.desk import account, entries, orders
from tradeterm.desk.sessions import session_of
from tradeterm.desk.state import DeskState, Key, Mark, Venue, restored, snapshot_of
from tradeterm.desk.turn import Turn
from tradeterm.domain.commands import DeskCommand
from tradeterm.domain.events import (
    AccountUpdate,
    BarClosed,
    CashEvent,
    DeskEvent,
    DeskRestored,
    FillReceived,
    FundingUpdate,
    ModelUpdate,
    OperatorCommand,
    OrderAdopted,
    OrderUpdate,
    QuoteUpdate,
    Reconciled,
    SignalRaised,
    Timer,
    VenueStatus,
    VerdictReceived,
    WorkerStatus,
)
from tradeterm.domain.instrument import Calendar, Instrument
from tradeterm.domain.orders import Order
from tradeterm.domain.signals import SignalKind
from tradeterm.domain.snapshot import DeskSnapshot, Position

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


def _see_price(turn: Turn, instrument: str, price: float, ts: int) -> Mark:
    mark = turn.state.marks.get(instrument)
    if mark is None:
        mark = turn.state.marks[instrument] = Mark(price, ts)
    elif ts >= mark.ts:
        mark.price, mark.ts = price, ts
    contract = turn.state.instruments.get(instrument)
    session = session_of(contract.calendar if contract else Calendar.ALWAYS, ts)
    if not (math.isfinite(price) and price > 0):
        mark.price = math.nan
    return mark


def _bar_closed(turn: Turn, event: BarClosed) -> None:
    bar = event.bar
    mark = _see_price(turn, bar.instrument, bar.close, bar.ts_event)
    mark.bars[bar.interval_ms] = max(bar.ts_event, mark.bars.get(bar.interval_ms, -1))
    turn.state.bar_ts = max(turn.state.bar_ts, bar.ts_event)


def _quote(turn: Turn, event: QuoteUpdate) -> None:
    _see_price(turn, event.quote.instrument, event.quote.last, event.quote.ts_event)


def _funding(turn: Turn, event: FundingUpdate) -> None:
    mark = turn.state.marks.get(event.funding.instrument)
    if mark is not None:
        mark.funding_rate = event.funding.rate


def _signal(turn: Turn, event: SignalRaised) -> None:
    account.begin_day(turn)
    if event.signal.kind is SignalKind.ENTRY:
        entries.on_entry_signal(turn, event)


def _venue(turn: Turn, event: VenueStatus) -> None:
    turn.state.venues[event.venue] = Venue(event.state, event.ts, event.latency_ms, event.detail)


def _worker(turn: Turn, event: WorkerStatus) -> None:
    turn.state.workers[event.worker] = event


def _timer(turn: Turn, event: Timer) -> None:
    entries.expire_pending(turn)
    account.begin_day(turn)
    account.sample(turn)


def _nothing(turn: Turn, event: ModelUpdate | AccountUpdate) -> None:
    """Accepted for the journal; nothing in the desk depends on it yet."""


_HANDLERS: dict[type[Any], Handler] = {
    SignalRaised: _signal,
    BarClosed: _bar_closed,
    QuoteUpdate: _quote,
    FundingUpdate: _funding,
    VerdictReceived: entries.on_verdict,
    OrderUpdate: orders.on_order_update,
    OrderAdopted: orders.on_adopted,
    FillReceived: orders.on_fill,
    CashEvent: orders.on_cash,
    VenueStatus: _venue,
    WorkerStatus: _worker,
    Timer: _timer,
    ModelUpdate: _nothing,
    AccountUpdate: _nothing,
    Reconciled: _nothing,
    OperatorCommand: _nothing,
}
