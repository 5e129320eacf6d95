"""How long a venue has not found an order. Venues lag: one miss proves nothing."""

import time
from collections.abc import Callable

SECOND_LOOK_S = 10.0


class Sightings:
    """Looks that missed. `never_arrived` once an order was missed twice, ten seconds apart or more, and never seen
    in between; a look that failed is no look."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._missed_since: dict[str, float] = {}

    def seen(self, client_id: str) -> None:
        self._missed_since.pop(client_id, None)

    def missed(self, client_id: str) -> bool:
        """Note a miss; whether the order certainly never arrived."""
        first = self._missed_since.setdefault(client_id, self._monotonic())
        return self._monotonic() - first >= SECOND_LOOK_S
