"""Venues come and go, and reconciliations end: what that means for trading."""

from tradeterm.desk import breaker, operator
from tradeterm.desk.state import Venue
from tradeterm.desk.turn import Turn
from tradeterm.domain.events import Reconciled, VenueStatus
from tradeterm.domain.facts import ReconciliationFact
from tradeterm.domain.states import AlertLevel, BreakerLevel, VenueState


def on_venue(turn: Turn, event: VenueStatus) -> None:
    """Entries wait for READY. A kill that came before is carried out first thing."""
    state = turn.state
    before = state.venues.get(event.venue)
    state.venues[event.venue] = Venue(event.state, event.ts, event.detail)
    if event.state is VenueState.DISCONNECTED and before is not None and before.state is not event.state:
        text = f"{event.venue} is disconnected" + (f": {event.detail}" if event.detail else "")
        turn.alert(AlertLevel.WARNING, "VENUE_DISCONNECTED", text)
    if event.state is VenueState.BLOCKED and (before is None or before.detail != event.detail):
        turn.alert(AlertLevel.ERROR, "VENUE_BLOCKED", f"{event.venue} cannot be used: {event.detail}")
    if event.state is VenueState.RESTRICTED and (before is None or before.detail != event.detail):
        turn.alert(AlertLevel.WARNING, "VENUE_RESTRICTED", f"no entries at {event.venue}: {event.detail}")
    if state.venue_ready(event.venue):
        operator.advance(turn)


def on_reconciled(turn: Turn, event: Reconciled) -> None:
    """Record the report; a disagreement halts the desk."""
    state, where = turn.state, (event.venue, event.account)
    turn.record(
        ReconciliationFact(
            id=event.id,
            ts=turn.ts,
            venue=event.venue,
            account=event.account,
            agreed=event.agreed,
            findings=event.findings,
        )
    )
    if event.agreed:
        state.disagreeing.pop(where, None)
        operator.kill_verified(turn, *where)
        return
    state.disagreeing[where] = "; ".join(event.findings) or "no finding given"
    text = f"{event.venue} {event.account} disagrees with the ledger: {state.disagreeing[where]}"
    turn.alert(AlertLevel.CRITICAL, "RECONCILIATION", text)
    breaker.rise(turn, BreakerLevel.HALT, text, {"venue": event.venue, "account": event.account})
