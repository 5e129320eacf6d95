"""What a stream says before the things a lost connection left out are booked: it waits until they are.

A stream tells what happens from now on; only a look at the account brings what happened while it was away. Taken in the
order they arrived, a closing fill could meet a position that is not there yet and be taken for an opening one, and the
stop of an entry whose fill is still to be found could be taken for a left-over. So news of orders, fills and money
waits, in its order, until that look is booked.
"""

import asyncio
from collections.abc import Callable

from tradeterm.brokers.protocol import Broker
from tradeterm.domain.events import BrokerEvent

PATIENCE_S = 20.0
"""After this the news is taken all the same: a venue that cannot be looked at must not hide what its stream says."""


class HeldBack:
    """`post` takes the news on, in the order it came. A broker's is held from `hold` to `release`."""

    def __init__(self, post: Callable[[BrokerEvent], None]) -> None:
        self._post = post
        self._held: dict[Broker, list[BrokerEvent]] = {}
        self._timers: dict[Broker, asyncio.TimerHandle] = {}

    def hold(self, broker: Broker) -> None:
        self._held.setdefault(broker, [])

    def take(self, broker: Broker, event: BrokerEvent) -> None:
        """Pass an event on, at once or when its broker is released."""
        waiting = self._held.get(broker)
        if waiting is None:
            self._post(event)
            return
        waiting.append(event)
        if broker not in self._timers:
            self._timers[broker] = asyncio.get_running_loop().call_later(PATIENCE_S, self.release, broker)

    def release(self, broker: Broker) -> None:
        """What was missed is booked: pass on what waits, and hold no more."""
        timer = self._timers.pop(broker, None)
        if timer is not None:
            timer.cancel()
        for event in self._held.pop(broker, []):
            self._post(event)
