"""Live fills that came before the older ones a lost connection left out: they wait until those are booked.

A stream tells what happens from now on; only a look at the account brings what happened while it was away. Booked in
the order they arrived, a closing fill could meet a position that is not there yet and be taken for an opening one.
"""

import asyncio
from collections.abc import Callable

from tradeterm.domain.events import FillReceived

PATIENCE_S = 20.0
"""After this a fill is booked all the same: a venue that cannot be looked at must not hide what its stream says."""

Account = tuple[str, str]
"""(venue, account)."""


class HeldFills:
    """`post` takes the fills on, in the order they came. An account holds its fills from `hold` to `release`."""

    def __init__(self, post: Callable[[FillReceived], None]) -> None:
        self._post = post
        self._held: dict[Account, list[FillReceived]] = {}
        self._timers: dict[Account, asyncio.TimerHandle] = {}

    def hold(self, account: Account) -> None:
        self._held.setdefault(account, [])

    def take(self, event: FillReceived) -> None:
        """Pass a fill on, at once or when its account is released."""
        account = (event.fill.venue, event.fill.account)
        waiting = self._held.get(account)
        if waiting is None:
            self._post(event)
            return
        waiting.append(event)
        if account not in self._timers:
            self._timers[account] = asyncio.get_running_loop().call_later(PATIENCE_S, self.release, account)

    def release(self, account: Account) -> None:
        """What was missed is booked: pass on what waits, and hold no more."""
        timer = self._timers.pop(account, None)
        if timer is not None:
            timer.cancel()
        for event in self._held.pop(account, []):
            self._post(event)
