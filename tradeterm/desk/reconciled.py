"""Venues come and go, and reconciliations end: what that means for trading."""

import re

from tradeterm.desk import breaker, operator
from tradeterm.desk.state import Venue
from tradeterm.desk.turn import Turn
from tradeterm.domain.events import Reconciled, VenueStatus
from tradeterm.domain.facts import ReconciliationFact
from tradeterm.domain.states import AlertLevel, VenueState


def on_venue(turn: Turn, event: VenueStatus) -> None:
    """Entries wait for READY. A kill that came before is carried out first thing."""
    state = turn.state
    was_ready = state.venue_ready(event.venue)
    state.venues[event.venue] = Venue(event.state, event.ts, event.detail)
    _say(turn, event)
    if was_ready and event.state is VenueState.DISCONNECTED:
        breaker.note_lost(turn)
    if state.venue_ready(event.venue):
        operator.advance(turn)


def _say(turn: Turn, event: VenueStatus) -> None:
    """Each trouble once, until the venue is READY again: connecting is tried over and over, each time for a reason of
    its own, and a clock is never wrong by the same number twice. The reason of the moment is on the screen."""
    trouble = ""
    match event.state:
        case VenueState.DISCONNECTED:
            level, text = AlertLevel.WARNING, f"{event.venue} is disconnected"
        case VenueState.BLOCKED:
            level, text = AlertLevel.ERROR, f"{event.venue} cannot be used"
        case VenueState.RESTRICTED:
            level, text = AlertLevel.WARNING, f"no entries at {event.venue}"
            trouble = re.sub(r"\d", "", event.detail)
        case VenueState.READY:
            for known in [known for known in turn.state.alerted if known.startswith(f"venue:{event.venue}:")]:
                turn.forget(known)
            return
        case _:
            return
    text += f": {event.detail}" if event.detail else ""
    turn.alert_once(f"venue:{event.venue}:{event.state}:{trouble}", level, f"VENUE_{event.state}", text)


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
    breaker.review(turn)
