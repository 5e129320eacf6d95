"""The operator's commands: rows that faces put into the ledger, looked for twenty times a second."""

import asyncio
import sqlite3
from collections.abc import Callable

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.events import DeskEvent, OperatorCommand
from tradeterm.domain.facts import CommandAck, CommandRow
from tradeterm.domain.states import CommandStatus, CommandVerb
from tradeterm.ledger.queue import pending_commands

POLL_S = 0.05
URGENT = (CommandVerb.KILL, CommandVerb.HALT)
_LETTING_GO = (CommandVerb.START, CommandVerb.RESUME)
_OURS = (CommandVerb.SPEED, CommandVerb.SHUTDOWN, CommandVerb.REPLAY, CommandVerb.RETRY)


class Commands:
    """Takes each command once. The engine's own verbs are done here, all others are the desk's.

    `set_speed`, `replay` and `retry` return why they refuse, or "" when it is done.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        *,
        post: Callable[[DeskEvent], None],
        now: Callable[[], int],
        acknowledge: Callable[[CommandAck], None],
        set_speed: Callable[[str], str],
        shut_down: Callable[[], None],
        replay: Callable[[], str],
        retry: Callable[[], str],
    ) -> None:
        self._db = db
        self._post = post
        self._now = now
        self._acknowledge = acknowledge
        self._set_speed = set_speed
        self._shut_down = shut_down
        self._replay = replay
        self._retry = retry
        self._last_id = 0
        self._last_urgent = 0
        self._version = -1
        self._held: list[CommandRow] = []

    def take_urgent(self) -> None:
        """At start-up: kills and halts given while no engine ran, before anything else."""
        rows = pending_commands(self._db)
        for row in rows:
            self._last_id = max(self._last_id, row.id)
        for row in rows:
            if row.verb in URGENT:
                self._last_urgent = row.id
                self._take(row)
        self._held = [row for row in rows if row.verb not in URGENT]

    def take_held(self) -> None:
        """Then the rest. What asked the last engine to end, or its replay to change pace, is out of date."""
        for row in self._held:
            if row.verb in _OURS:
                self._answer(row, CommandStatus.REFUSED, "no engine was running")
            elif row.verb in _LETTING_GO and row.id < self._last_urgent:
                self._answer(row, CommandStatus.REFUSED, "a later kill or halt came first")
            else:
                self._take(row)
        self._held = []

    async def run(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            self.look()

    def look(self) -> None:
        """Take what is new. Costs a few µs when the ledger did not change."""
        (version,) = self._db.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        self._version = version
        for row in pending_commands(self._db, self._last_id):
            self._last_id = row.id
            self._take(row)

    def _take(self, row: CommandRow) -> None:
        match row.verb:
            case CommandVerb.SPEED:
                try:
                    refusal = self._set_speed(row.argument)
                except ConfigError as error:
                    refusal = str(error)
                self._answer(row, CommandStatus.REFUSED if refusal else CommandStatus.DONE, refusal)
            case CommandVerb.SHUTDOWN:
                self._answer(row, CommandStatus.DONE, "")
                self._shut_down()
            case CommandVerb.REPLAY | CommandVerb.RETRY:
                refusal = self._replay() if row.verb is CommandVerb.REPLAY else self._retry()
                self._answer(row, CommandStatus.REFUSED if refusal else CommandStatus.DONE, refusal)
            case _:
                self._post(
                    OperatorCommand(
                        ts=self._now(),
                        id=row.id,
                        verb=row.verb,
                        actor=row.actor,
                        book=row.book,
                        instrument=row.instrument,
                        argument=row.argument,
                        reason=row.reason,
                    )
                )

    def _answer(self, row: CommandRow, status: CommandStatus, detail: str) -> None:
        self._acknowledge(CommandAck(id=row.id, ts=self._now(), verb=row.verb, status=status, detail=detail))
