"""The run's own row in the ledger, and what is told of its start and its end."""

import logging
import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from tradeterm.engine.options import EngineOptions, RunStarted
from tradeterm.engine.startup import Prepared
from tradeterm.engine.summary import summarize
from tradeterm.ledger.runs import RunStatus, end_run
from tradeterm.ledger.store import plain_errors

_log = logging.getLogger(__name__)


class RunRecord:
    """One run, from what its start prepared. `journal` is its path, None where none is kept."""

    def __init__(
        self, db: sqlite3.Connection, options: EngineOptions, prepared: Prepared, *, journal: Path | None
    ) -> None:
        self._db = db
        self._options = options
        self._prepared = prepared
        self._journal = journal
        self._status = RunStatus.RUNNING

    @property
    def has_ended(self) -> bool:
        return self._status is not RunStatus.RUNNING

    def tell_started(self, ts: int, tier2: str, notes: Sequence[str]) -> None:
        options, prepared = self._options, self._prepared
        run = RunStarted(
            run_id=prepared.run.id,
            ts=ts,
            mode=options.config.mode,
            resumed=prepared.resumed,
            books=tuple(options.config.books),
            tier2=tier2,
            trading_state=prepared.snapshot.trading_state,
            trading_reason=prepared.snapshot.trading_reason,
            ledger=str(options.profile.ledger),
            notes=tuple(notes),
        )
        _log.info("run %s %s: %s", run.run_id, "goes on" if run.resumed else "starts", ", ".join(run.books))
        for observer in options.observers:
            observer.started(run)

    def end(self, status: RunStatus, wall_ts: int, equity: Decimal) -> None:
        """Count the result, mark the run, tell it once. `equity` is the desk's at this moment. Raises LedgerError."""
        self._status = status
        ledger, run_id = self._options.profile.ledger, self._prepared.run.id
        summary = summarize(
            self._db,
            self._options.config,
            status=status,
            run_id=run_id,
            ledger=ledger,
            journal=self._journal,
            equity=equity,
        )
        with plain_errors(ledger):
            end_run(self._db, run_id, ts=wall_ts, status=status, summary=summary)
        for observer in self._options.observers:
            observer.ended(summary)

    def log_end(self) -> None:
        _log.info("run %s ended: %s", self._prepared.run.id, self._status.value)
