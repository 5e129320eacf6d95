"""Looks at the console at the paint rate and says what moved since the last look. Reads nothing that did not change."""

from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from tradeterm.console.protocol import Console
from tradeterm.domain.view import DeskView
from tradeterm.ui.model import Scene, judge

LEDGER_EVERY_MS = 400  # facts are for reading, not for watching; the live view carries what moves fast
LOCK_EVERY_MS = 900
AGES_EVERY_MS = 10_000  # how long rows may wait whose only news is that time has passed


class Look(Struct, frozen=True):
    """One look. `view` and `ledger` say whether the live view shows something new, or new facts are there; `second`
    that time alone has moved on enough to repaint ages. The scene's view is always the latest one."""

    scene: Scene
    view: bool
    ledger: bool
    second: bool

    @property
    def anything(self) -> bool:
        return self.view or self.ledger or self.second


class Poller:
    """Asks the two version counters, and loads only what moved. The caller owns the timer."""

    def __init__(self, console: Console, clock: Callable[[], int]) -> None:
        self._console = console
        self._clock = clock
        self._view_version = self._ledger_version = -1
        self._ledger_read = self._lock_read = self._second = self._shown = -1
        self._view: DeskView | None = None
        self._alive = False

    def look(self, *, everything: bool = False) -> Look:
        """What is new since the last look; `everything` treats all of it as new (a screen that was hidden)."""
        wall = self._clock()
        view = self._fresh_view(wall) or everything
        ledger = self._fresh_ledger(wall, everything) or everything
        if everything or self._lock_read < 0 or wall - self._lock_read >= LOCK_EVERY_MS:
            self._alive, self._lock_read = self._console.engine_alive(), wall
        second = wall // 1000 != self._second
        self._second = wall // 1000
        return Look(judge(self._view, self._alive, wall), view, ledger, second)

    def _fresh_view(self, wall: int) -> bool:
        """Load a new view; whether there is more in it than a heartbeat."""
        version = self._console.view_version()
        if version == self._view_version:
            return False
        self._view_version = version
        before, self._view = self._view, self._console.view()
        if _says_the_same(before, self._view) and 0 <= wall - self._shown < AGES_EVERY_MS:
            return False
        self._shown = wall
        return True

    def _fresh_ledger(self, wall: int, everything: bool) -> bool:
        if not everything and 0 <= wall - self._ledger_read < LEDGER_EVERY_MS:
            return False
        version = self._console.ledger_version()
        if version == self._ledger_version:
            return False
        self._ledger_version, self._ledger_read = version, wall
        return True


def _says_the_same(one: DeskView | None, other: DeskView | None) -> bool:
    """Whether two views differ in nothing but the time they were made."""
    if one is None or other is None:
        return one is other
    return replace(one, version=other.version, wall_ts=other.wall_ts, ts=other.ts) == other
