"""All runs that can be opened: those the ledger keeps, and those of this session that it does not."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tradeterm.ui.research.kept import Listed, listed_runs, open_run, runs_changed
from tradeterm.ui.research.outcome import Outcome, Sweep
from tradeterm.ui.research.session import listed


class Shelf:
    """`folder` is the profile's. Files are read off the loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: Sequence[Listed] = ()
        self._session: dict[str, tuple[Listed, Outcome]] = {}
        self._seen = runs_changed(folder)

    @property
    def is_old(self) -> bool:
        """Whether the ledger was written to since it was last read."""
        return runs_changed(self._folder) != self._seen

    @property
    def runs(self) -> dict[str, Listed]:
        """Newest first, by a key: the number of a kept run, the time at which another one ended."""
        own = [one for one, _ in self._session.values()]
        return {key_of(one): one for one in sorted((*own, *self._kept), key=lambda one: -one.ts)}

    async def read(self) -> None:
        """Read the ledger anew. Raises TradetermError."""
        self._seen = runs_changed(self._folder)
        self._kept = await asyncio.to_thread(listed_runs, self._folder)

    async def put(self, outcome: Outcome, ts: int) -> str:
        """A run that has just ended; its key. Raises TradetermError."""
        if not isinstance(outcome, Sweep) and outcome.run is not None:
            await self.read()
            return str(outcome.run)
        line = listed(outcome, ts)
        self._session[key_of(line)] = (line, outcome)
        return key_of(line)

    async def open(self, key: str) -> Outcome:
        """The outcome of a run. Raises TradetermError where it cannot be read."""
        known = self._session.get(key)
        return known[1] if known else await asyncio.to_thread(open_run, self._folder, int(key))


def key_of(run: Listed) -> str:
    return str(run.number) if run.number is not None else f"@{run.ts}"
