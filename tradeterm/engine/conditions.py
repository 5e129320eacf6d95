"""What the venues allow, told to the desk as it changes: a wrong clock, an expired key, a ban that ended."""

import asyncio
from collections.abc import Callable, Sequence

from tradeterm.brokers.protocol import Broker, Condition
from tradeterm.desk import Desk
from tradeterm.domain.events import DeskEvent, VenueStatus
from tradeterm.domain.states import VenueState

LOOK_EVERY_S = 0.25
_RECONCILED = frozenset({VenueState.READY, VenueState.RESTRICTED})
_ORDER = (VenueState.READY, VenueState.RESTRICTED, VenueState.BLOCKED)


class Conditions:
    """Watches the brokers. A venue gets no better than it says itself, and nothing better than RECONCILING from here:
    READY comes from a reconciliation alone."""

    def __init__(
        self,
        brokers: Sequence[Broker],
        *,
        desk: Desk,
        post: Callable[[DeskEvent], None],
        reconcile: Callable[[str, str, str], None],
        now: Callable[[], int],
    ) -> None:
        self._brokers = brokers
        self._desk = desk
        self._post = post
        self._reconcile = reconcile
        self._now = now
        self._blocked: set[str] = set()

    def reconciled(self, venue: str) -> VenueStatus:
        """The state of a venue whose accounts have all been reconciled."""
        return self._status(venue, self.worst(venue))

    def worst(self, venue: str) -> Condition:
        found = [broker.condition() for broker in self._brokers if broker.venue == venue]
        return max(found, key=lambda condition: _ORDER.index(condition.state), default=Condition())

    async def run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            for venue in dict.fromkeys(broker.venue for broker in self._brokers):
                self._look(venue)

    def _look(self, venue: str) -> None:
        known = self._desk.state.venues.get(venue)
        condition = self.worst(venue)
        if known is None or (known.state, known.detail) == (condition.state, condition.detail):
            return
        if condition.state is VenueState.BLOCKED:
            self._blocked.add(venue)
            self._post(self._status(venue, condition))
        elif known.state in _RECONCILED:
            self._post(self._status(venue, condition))
        elif venue in self._blocked:
            self._blocked.discard(venue)
            self._post(VenueStatus(ts=self._now(), venue=venue, state=VenueState.RECONCILING))
            for broker in self._brokers:
                if broker.venue == venue:
                    self._reconcile(venue, broker.account, "the venue can be used again")

    def _status(self, venue: str, condition: Condition) -> VenueStatus:
        return VenueStatus(
            ts=self._now(),
            venue=venue,
            state=condition.state,
            detail=condition.detail,
        )
