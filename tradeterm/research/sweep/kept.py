"""The sweeps in the ledger of research, as a list shows them."""

import sqlite3
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm import __version__
from tradeterm.research.runs import FILE, open_runs


class SweepState(StrEnum):
    """DONE has all trials that were asked for. RESUMABLE has not, and the same command goes on from there. CANCELLED
    has not either, but was begun by another version, which alone could go on."""

    DONE = "done"
    RESUMABLE = "resumable"
    CANCELLED = "cancelled"


class BestTrial(Struct, frozen=True, kw_only=True):
    """The trial with the highest score by the sweep's metric."""

    number: int
    changes: dict[str, Any]
    score: float


class KeptSweep(Struct, frozen=True, kw_only=True):
    """A sweep: `ts` UTC ms when it was begun, `varied` what it varies, `trials` how many are done of `wanted` (None: an
    older version did not keep it). Without a score there is no `best`."""

    key: str
    ts: int
    name: str
    version: str
    data_hash: str
    method: str
    metric: str
    varied: tuple[str, ...]
    trials: int
    wanted: int | None
    best: BestTrial | None

    @property
    def state(self) -> SweepState | None:
        """None where nobody knows how many trials were wanted."""
        if self.wanted is None:
            return None
        if self.trials >= self.wanted:
            return SweepState.DONE
        return SweepState.RESUMABLE if self.version == __version__ else SweepState.CANCELLED


def kept_sweeps(folder: Path) -> tuple[KeptSweep, ...]:
    """All sweeps, newest first; none where no sweep was ever begun. Raises LedgerError."""
    if not (folder / FILE).is_file():
        return ()
    with open_runs(folder / FILE) as db:
        if not has_sweeps(db):
            return ()
        rows = db.execute(
            "SELECT key, ts, name, method, metric, made_of, (SELECT count(*) FROM trials WHERE sweep = key)"
            " FROM sweeps ORDER BY ts DESC"
        ).fetchall()
        return tuple(_kept(db, *row) for row in rows)


def kept_answer(folder: Path, key: str) -> dict[str, Any] | None:
    """What that sweep came to, as `tradeterm sweep --json` answers it; None where it is not there, has not ended, or an
    older version did not keep it. Raises LedgerError."""
    if not (folder / FILE).is_file():
        return None
    with open_runs(folder / FILE) as db:
        if not has_sweeps(db):
            return None
        found = db.execute("SELECT json_extract(made_of, '$.answer') FROM sweeps WHERE key = ?", (key,)).fetchone()
        if found is None or found[0] is None:
            return None
        rows = db.execute(
            "SELECT number, changes, score, summary, refused FROM trials WHERE sweep = ? ORDER BY number", (key,)
        ).fetchall()
    answer: dict[str, Any] = msgspec.json.decode(found[0])
    answer["trials"] = [
        {
            "number": number,
            "changes": msgspec.json.decode(changes),
            "score": score,
            "summary": msgspec.json.decode(summary),
            "refused": refused,
        }
        for number, changes, score, summary, refused in rows
    ]
    return answer


def has_sweeps(db: sqlite3.Connection) -> bool:
    """Whether the ledger has their tables, which the first sweep makes."""
    known = db.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('sweeps', 'trials')").fetchone()
    return bool(known == (2,))


def _kept(
    db: sqlite3.Connection, key: str, ts: int, name: str, method: str, metric: str, made_of: str, trials: int
) -> KeptSweep:
    made: Mapping[str, Any] = msgspec.json.decode(made_of)
    best = db.execute(
        "SELECT number, changes, score FROM trials WHERE sweep = ? AND score IS NOT NULL"
        " ORDER BY score DESC, number LIMIT 1",
        (key,),
    ).fetchone()
    return KeptSweep(
        key=key,
        ts=ts,
        name=name,
        version=made["version"],
        data_hash=made["data_hash"],
        method=method,
        metric=metric,
        varied=tuple(axis["name"] for axis in made["plan"]["axes"]),
        trials=trials,
        wanted=made.get("wanted"),
        best=None if best is None else BestTrial(number=best[0], changes=msgspec.json.decode(best[1]), score=best[2]),
    )
