"""Where facts go: the ledger, the audit files, the log, and whoever watches inside the process."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tradeterm.domain.facts import AlertFact, Fact
from tradeterm.domain.states import AlertLevel, WorkerName
from tradeterm.engine.audit import AuditTrail
from tradeterm.engine.journal import JournalWriter
from tradeterm.engine.lines import Teller, clock
from tradeterm.engine.options import Observer
from tradeterm.engine.supervisor import Supervisor
from tradeterm.ledger.writer import Barrier, LedgerWriter

LOG_AFTER_S = 0.02

_log = logging.getLogger(__name__)
_LEVELS = {
    AlertLevel.INFO: logging.INFO,
    AlertLevel.WARNING: logging.WARNING,
    AlertLevel.ERROR: logging.ERROR,
    AlertLevel.CRITICAL: logging.CRITICAL,
}


class Recorder:
    """The ledger worker: queues facts at once, and keeps trying while the disk refuses them. The log's lines are
    written a moment later, so that no order waits for what is said about it."""

    def __init__(
        self,
        writer: LedgerWriter,
        audit: AuditTrail,
        journal: JournalWriter | None,
        observers: Sequence[Observer],
        supervisor: Supervisor,
    ) -> None:
        self._writer = writer
        self._audit = audit
        self._journal = journal
        self._observers = observers
        self._supervisor = supervisor
        self._teller = Teller()
        self._unlogged: list[tuple[int, Fact]] = []
        self._journal_told = False

    def record(self, ts: int, facts: Sequence[Fact]) -> None:
        """Queue facts that belong together: they are committed together."""
        self._writer.write(facts)
        if facts and not self._unlogged:
            asyncio.get_running_loop().call_later(LOG_AFTER_S, self._log_them)
        for fact in facts:
            self._unlogged.append((ts, fact))
            self._audit.add(ts, fact)
            for observer in self._observers:
                observer.fact(ts, fact)

    def _log_them(self) -> None:
        unlogged, self._unlogged = self._unlogged, []
        for ts, fact in unlogged:
            line = self._teller.tell(ts, fact)
            if line is not None:
                level = _LEVELS[fact.level] if isinstance(fact, AlertFact) else logging.INFO
                _log.log(level, "%s %s %s", clock(ts), line.kind, line.text)

    async def commit(self) -> None:
        """Returns when everything recorded so far is on the disk, however long that takes."""
        await self._supervisor.keep(WorkerName.LEDGER, self._writer.commit, restart=self._retry)

    def barrier(self) -> Barrier:
        """Everything recorded so far, on its way to the disk. Raises LedgerError while the ledger fails."""
        return self._writer.barrier()

    async def check(self, now: Callable[[], int]) -> None:
        """Look for failures that nobody waits for, and stay with them until they are over."""
        await self._supervisor.keep(WorkerName.LEDGER, self._raise_failure, restart=self._retry)
        if self._journal is not None and self._journal.failure and not self._journal_told:
            self._journal_told = True  # a journal is for looking back, so trading goes on without one
            text = f"the journal ends here: {self._journal.failure}"
            self.record(now(), [AlertFact(ts=now(), level=AlertLevel.ERROR, code="JOURNAL_FAILED", text=text)])

    def close(self) -> None:
        """Raises LedgerError for what could not be written; everything is closed all the same."""
        with ExitStack() as closing:
            closing.callback(self._log_them)
            closing.callback(self._writer.close)
            closing.callback(self._audit.close)

    async def _raise_failure(self) -> None:
        if self._writer.failure is not None:
            raise self._writer.failure
        self._audit.flush()

    async def _retry(self) -> None:
        if self._writer.failure is not None:
            await self._writer.retry()
