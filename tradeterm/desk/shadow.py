"""Shadows: what every signal that tier 2 answered would have earned untouched by it, whatever the answer was.

Approved, reduced, rejected, abstained, failed, or never answered: each opens a shadow, unless tier 2 is OFF and nobody
was asked. A shadow is a position that is held nowhere. It is in no order, exposure, limit, equity or cash, and all of
them follow one set of rules, so that they can be compared with each other:

- Size: that of the proposal with tier 2's factor 1, on the desk as it was when the answer came. No size, no shadow.
- Entry: at the open of the first bar that closes after the order would have arrived, `paper.latency_ms` after the
  answer: an opening price stands for its bar, as at the paper venue. It is held from the later of opening and arrival.
- Costs: the paper venue's, in `config.paper`, for every book, and funding (`shadow_fills.py`). A fill is whole: neither
  the volume of a bar nor an entry in parts is simulated.
- Exits: the signal's own stop and target, and 3 to 7 and 9 of `exits.py`, judged by the very functions that judge
  positions: trailing, time, session, regime, thesis, the strategy's exit signals. What a bar's close makes due fills at
  the next open. A book that leans to one side, an operator, a halt or a missing stop end no shadow.
- Funding: at each settlement after the entry order's arrival, on the mark of that moment. An exit inside a bar counts
  as made when the bar closed, just before a settlement of that instant; one at an open just after it.
- A bar that does not come is left out, as by the paper venue.

A real trade of an approved signal differs by what these rules leave out: it fills at the price of its moment, perhaps
in parts, and may be ended by what ends no shadow.

Bars, settlements and exit signals are noted as they come and looked at when the next Timer does, so that shadows are
never in the way of an order. Every shadow that has seen a bar is then recorded with the time of that bar. After a
restart it goes on with the bar that follows; where that one is missing it ends with GAP, where its book or contract is
not configured any more with GONE, and where more than MOST_OPEN are open the oldest ends with CAP: those have no PnL.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from msgspec.structs import replace

from tradeterm.config import GateMode, PaperConfig
from tradeterm.desk.exits import due, observed, trailing_level, wants_out
from tradeterm.desk.models import current_model
from tradeterm.desk.proposal import Proposal, untouched
from tradeterm.desk.rounding import plain
from tradeterm.desk.sessions import last_close
from tradeterm.desk.shadow_fills import Met, Prices, fee, funding_paid, met, prices_of, slipped
from tradeterm.desk.shadow_state import Waiting
from tradeterm.desk.state import Book, InstrumentModel
from tradeterm.desk.turn import Turn
from tradeterm.domain.facts import ShadowTrade
from tradeterm.domain.instrument import ZERO, Instrument
from tradeterm.domain.market import Bar, FundingRate
from tradeterm.domain.signals import Signal
from tradeterm.domain.snapshot import OpenShadow, Position
from tradeterm.domain.states import AlertLevel

MOST_OPEN = 500
GAP, GONE, CAP = "GAP", "GONE", "CAP"
"""Why a shadow ended whose result is not known."""

_SUFFIX = "-shadow"


def begin(turn: Turn, book: Book, signal: Signal, proposal: Proposal, verdict_id: str) -> None:
    """Open the shadow of a signal that was answered just now; `proposal` is of this moment, whatever its factor."""
    state, instrument = turn.state, turn.state.instruments.get(signal.instrument)
    if state.config.gate.mode is GateMode.OFF or instrument is None:
        return
    quantity = untouched(proposal)
    if quantity <= ZERO:
        return
    while len(state.shadows) >= MOST_OPEN:
        oldest = min(state.shadows.all(), key=lambda shadow: (shadow.ts, shadow.position.trade_id))
        _end_unknown(turn, oldest, CAP, turn.ts)
        text = f"more than {MOST_OPEN} shadow trades are open: the oldest are given up"
        turn.alert_once("shadows", AlertLevel.WARNING, "SHADOW_CAP", text)
    arrival = turn.ts + state.config.paper.latency_ms
    regime = current_model(state, signal.instrument, turn.ts, book.interval_ms).regime
    shadow = OpenShadow(
        position=Position(
            book=book.name,
            venue=book.config.venue,
            account=book.account,
            instrument=signal.instrument,
            quantity=quantity * signal.side.sign,
            trade_id=signal.id + _SUFFIX,
            signal_id=signal.id,
            ts_updated=turn.ts,
            initial_stop=proposal.stop,
            stop_price=proposal.stop,
            target_price=proposal.target,
        ),
        price=signal.price,
        ts=arrival,
        ts_seen=last_close(instrument.calendar, arrival, book.interval_ms),
        verdict_id=verdict_id,
        strategy=signal.strategy,
        regime="" if regime is None else regime.value,
        currency=book.config.currency,
    )
    state.shadows.keep(shadow)
    turn.record(_open_fact(shadow))


def note_bar(turn: Turn, bar: Bar) -> None:
    state = turn.state
    if bar.instrument in state.shadows.open and min(bar.open, bar.high, bar.low, bar.close) > 0:
        model = current_model(state, bar.instrument, turn.ts, bar.interval_ms)
        state.shadows.waiting.append(Waiting(bar, model=model))


def note_funding(turn: Turn, funding: FundingRate) -> None:
    mark = turn.state.marks.get(funding.instrument)
    if funding.instrument in turn.state.shadows.open and mark is not None and mark.decimal is not None:
        turn.state.shadows.waiting.append(Waiting(funding, mark=mark.decimal))


def note_exit(turn: Turn, signal: Signal) -> None:
    if signal.instrument in turn.state.shadows.open:
        turn.state.shadows.waiting.append(Waiting(signal))


def follow(turn: Turn) -> None:
    """Let the shadows see what was noted since the last Timer, and record those that it has changed."""
    shadows = turn.state.shadows
    if not shadows.waiting:
        return
    noted, shadows.waiting = shadows.waiting, []
    moved: dict[str, OpenShadow] = {}
    for item in noted:
        if not (there := shadows.open.get(item.event.instrument)):
            continue
        look = _look(turn, item)
        for trade_id, shadow in sorted(there.items(), key=_by_id):
            after = look(shadow)
            if after is None:
                moved.pop(trade_id, None)
            elif after != shadow:
                shadows.keep(after)
                moved[trade_id] = after
    for _, shadow in sorted(moved.items(), key=_by_id):
        turn.record(_open_fact(shadow))


def _by_id(item: tuple[str, OpenShadow]) -> str:
    return item[0]


def restore(turn: Turn) -> None:
    """After a restart: the shadows that came with it may have missed bars, and nobody may know their contracts."""
    state = turn.state
    for shadow in state.shadows.all():
        position = shadow.position
        if position.book in state.books and position.instrument in state.instruments:
            state.shadows.unsure.add(position.trade_id)
        else:
            _end_unknown(turn, shadow, GONE, turn.ts)


def _look(turn: Turn, item: Waiting) -> Callable[[OpenShadow], OpenShadow | None]:
    """What makes of a shadow what it is after it has seen `item`; None where it has ended."""
    instrument = turn.state.instruments[item.event.instrument]
    match item.event:
        case Bar():
            model = item.model or InstrumentModel(ts=turn.ts)
            return partial(_on_bar, turn, instrument, item.event, prices_of(item.event, instrument), model)
        case FundingRate():
            return partial(_on_funding, instrument, item.event, item.mark or ZERO)
        case Signal():
            return partial(_on_exit, item.event)


def _on_bar(
    turn: Turn, instrument: Instrument, bar: Bar, prices: Prices, model: InstrumentModel, shadow: OpenShadow
) -> OpenShadow | None:
    """The shadow after a bar; None where it has ended."""
    book = turn.state.books[shadow.position.book]
    if bar.interval_ms != book.interval_ms or bar.ts_event <= shadow.ts_seen:
        return shadow
    if shadow.position.trade_id in turn.state.shadows.unsure:
        if not last_close(instrument.calendar, bar.ts_open, bar.interval_ms) <= shadow.ts_seen <= bar.ts_open:
            _end_unknown(turn, shadow, GAP, bar.ts_event)
            return None
        turn.state.shadows.unsure.discard(shadow.position.trade_id)
    if bar.ts_event <= shadow.ts:
        return replace(shadow, ts_seen=bar.ts_event)
    costs = turn.state.config.paper
    first = shadow.position.average_price is None
    if first:
        shadow = _entered(costs, shadow, prices.open, max(bar.ts_open, shadow.ts), model, instrument)
    found = met(shadow.position, prices, first=first)
    if found is not None:
        _end(turn, shadow, found, bar, instrument)
        return None
    position = _judged(book, shadow.position, instrument, bar, model)
    settled = sum((paid for ts, paid in shadow.settlements if ts <= bar.ts_event), ZERO)
    return replace(
        shadow,
        position=replace(position, funding=position.funding + settled, ts_updated=bar.ts_event),
        settlements=tuple(item for item in shadow.settlements if item[0] > bar.ts_event),
        ts_seen=bar.ts_event,
    )


def _entered(
    costs: PaperConfig, shadow: OpenShadow, opened: Decimal, ts: int, model: InstrumentModel, instrument: Instrument
) -> OpenShadow:
    position = shadow.position
    price = slipped(costs, opened, position.side.entry, instrument)
    value = instrument.notional(position.quantity, price)
    entered = replace(
        position,
        average_price=price,
        peak_price=price,
        entry_quantity=abs(position.quantity),
        entry_value=value,
        fees=fee(costs, value),
        ts_opened=ts,
        entry_regime=model.regime,
        entry_rsi=model.rsi,
    )
    return replace(shadow, position=entered)


def _judged(book: Book, position: Position, instrument: Instrument, bar: Bar, model: InstrumentModel) -> Position:
    """What the bar's close makes of the position: its stop moved, or its exit due at the next open."""
    position = observed(position, bar, model.regime)
    level = trailing_level(book, position, instrument, model.regime)
    reason = due(book, position, instrument, bar, level, model)
    if reason:
        return replace(position, exit_reason=reason)
    return position if level is None else replace(position, stop_price=level)


def _on_funding(instrument: Instrument, funding: FundingRate, mark: Decimal, shadow: OpenShadow) -> OpenShadow:
    if funding.ts_event <= max(shadow.ts, shadow.ts_funded):
        return shadow
    paid = funding_paid(shadow.position.quantity, mark, funding.rate, instrument)
    settlements = (*shadow.settlements, (funding.ts_event, paid))
    return replace(shadow, settlements=settlements, ts_funded=funding.ts_event)


def _on_exit(signal: Signal, shadow: OpenShadow) -> OpenShadow:
    position = shadow.position
    if position.book != signal.book or position.average_price is None or not wants_out(position, signal):
        return shadow
    return replace(shadow, position=replace(position, exit_reason=signal.reason))


def _end(turn: Turn, shadow: OpenShadow, found: Met, bar: Bar, instrument: Instrument) -> None:
    position, costs = shadow.position, turn.state.config.paper
    price = slipped(costs, found.price, position.side.entry.opposite, instrument)
    value = instrument.notional(position.quantity, price)
    fees = position.fees + fee(costs, value)
    ended = bar.ts_event if found.inside else bar.ts_open
    until = bar.ts_event - 1 if found.inside else bar.ts_open
    funding = position.funding + sum((paid for ts, paid in shadow.settlements if ts <= until), ZERO)
    pnl = (value - position.entry_value) * position.side.sign - fees - funding
    turn.state.shadows.drop(shadow)
    fact = _open_fact(shadow)
    turn.record(
        replace(
            fact,
            exit_price=plain(price),
            ts_closed=ended,
            pnl=plain(pnl),
            exit_reason=found.reason,
            fees=plain(fees),
            funding=plain(funding),
            held=None,
        )
    )


def _end_unknown(turn: Turn, shadow: OpenShadow, reason: str, ts: int) -> None:
    turn.state.shadows.drop(shadow)
    fact = _open_fact(shadow)
    turn.record(replace(fact, ts_closed=ts, exit_reason=reason, fees=None, funding=None, held=None))


def _open_fact(shadow: OpenShadow) -> ShadowTrade:
    position = shadow.position
    entered = position.average_price is not None
    return ShadowTrade(
        id=position.trade_id,
        signal_id=position.signal_id or "",
        book=position.book,
        instrument=position.instrument,
        side=position.side,
        quantity=abs(position.quantity),
        entry_price=plain(position.average_price or shadow.price),
        exit_price=None,
        ts_opened=position.ts_opened if entered else shadow.ts,
        ts_closed=None,
        pnl=None,
        verdict_id=shadow.verdict_id,
        strategy=shadow.strategy,
        stop=position.initial_stop,
        target=position.target_price,
        fees=plain(position.fees) if entered else None,
        funding=plain(position.funding) if entered else None,
        regime=shadow.regime,
        currency=shadow.currency,
        held=shadow,
    )
