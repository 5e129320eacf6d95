"""Sweeps in the ledger of research: each trial is there as soon as it is done, so that a sweep can go on later."""

import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct

from tradeterm.ledger.database import database
from tradeterm.research.honesty.summary import Summary
from tradeterm.research.runs import FILE, open_runs
from tradeterm.research.sweep.kept import has_sweeps
from tradeterm.strategies.panel import Floats


class Trial(Struct, frozen=True, kw_only=True):
    """One variant. `score` is by the sweep's metric (None: no value); `returns` are daily; `refused` says why the
    strategy does not take these numbers together."""

    number: int
    changes: dict[str, Any]
    score: float | None
    summary: Summary | None
    returns: Floats
    refused: str = ""


class Trials:
    """The trials of one sweep, by its key, in the ledger in `folder`. All methods raise LedgerError."""

    def __init__(self, folder: Path, key: str) -> None:
        self._folder, self._key = folder, key

    def begin(self, name: str, method: str, metric: str, made_of: str, wanted: int) -> None:
        """Make the sweep known, if it is not, and how many trials are `wanted`: the most that ever were."""
        kept = msgspec.json.encode({**msgspec.json.decode(made_of), "wanted": wanted}).decode()
        row = (self._key, time.time_ns() // 1_000_000, name, method, metric, kept)
        with _opened(self._folder) as db, db:
            db.execute(
                "INSERT INTO sweeps VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET made_of = excluded.made_of"
                " WHERE coalesce(json_extract(sweeps.made_of, '$.wanted'), 0) < ?",
                (*row, wanted),
            )

    def end(self, answer: Mapping[str, Any]) -> None:
        """Keep what the sweep came to, whose "trials" already are kept: unless more were wanted before. `begin` forgets
        it where more are wanted now."""
        rest = {**answer, "trials": None}
        with _opened(self._folder) as db, db:
            db.execute(
                "UPDATE sweeps SET made_of = json_set(made_of, '$.answer', json(?))"
                " WHERE key = ? AND json_extract(made_of, '$.wanted') <= ?",
                (msgspec.json.encode(rest).decode(), self._key, len(answer["trials"])),
            )

    def keep(self, trial: Trial) -> None:
        row = (
            self._key,
            trial.number,
            msgspec.json.encode(trial.changes).decode(),
            trial.score,
            msgspec.json.encode(trial.summary).decode(),
            zlib.compress(np.asarray(trial.returns, dtype="<f8").tobytes(), 1),
            trial.refused,
        )
        with _opened(self._folder) as db, db:
            db.execute("INSERT INTO trials VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)

    def known(self) -> dict[int, Trial]:
        """Those that are done, by number."""
        with _opened(self._folder) as db:
            rows = db.execute(
                "SELECT number, changes, score, summary, returns, refused FROM trials WHERE sweep = ?", (self._key,)
            ).fetchall()
        return {row[0]: _trial(*row) for row in rows}


def _trial(number: int, changes: str, score: float | None, summary: str, returns: bytes, refused: str) -> Trial:
    return Trial(
        number=number,
        changes=msgspec.json.decode(changes),
        score=score,
        summary=msgspec.json.decode(summary, type=Summary | None),
        returns=np.frombuffer(zlib.decompress(returns), dtype="<f8"),
        refused=refused,
    )


@contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open_runs(folder / FILE) as db:
        if not has_sweeps(db):
            tables = database(db)
            with tables.atomic():
                tables.table("sweeps").create(
                    {"key": str, "ts": int, "name": str, "method": str, "metric": str, "made_of": str},
                    pk="key",
                    if_not_exists=True,
                )
                tables.table("trials").create(
                    {
                        "sweep": str,
                        "number": int,
                        "changes": str,
                        "score": float,
                        "summary": str,
                        "returns": bytes,
                        "refused": str,
                    },
                    pk=("sweep", "number"),
                    if_not_exists=True,
                )
        yield db
