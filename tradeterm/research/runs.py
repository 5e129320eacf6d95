"""The ledger of research: every run with what it was made of, so that each can be looked at, compared and repeated.

One SQLite file in WAL mode, `research.db` in the profile's folder, open to any reader. A run is one row, written in one
transaction: it is there whole or not at all.
"""

import os
import sqlite3
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm import __version__
from tradeterm.domain.errors import LedgerError
from tradeterm.ledger.database import database

FILE = "research.db"
_APPLICATION_ID = 0x54545253  # "TTRS"
_VERSION = 1
_WAIT_S = 30.0
_STUDY = ("name", "version", "seed", "book", "costs", "funding_hours", "data", "since", "delay", "instruments", "ai")
"""Keys of a run's outcome that say what it was made of; the others, but `trades`, are what came of it."""

_AI = "coalesce(json_extract(study, '$.ai'), 'OFF')"

SUMMED_UP = ("trades", "total_return", "sharpe", "max_drawdown", "profit_factor")
"""Figures that a test of honesty has too, by the names of a backtest's."""


class KeptRun(Struct, frozen=True, kw_only=True):
    """A row of `runs`: `ts` UTC ms when it ended; `study` and `metrics` are JSON, `trades` compressed MessagePack."""

    id: int
    ts: int
    command: str
    name: str
    version: str
    seed: int
    data_hash: str
    study: str
    metrics: str
    trades: bytes

    def outcome(self) -> dict[str, Any]:
        """The plain data it was kept from."""
        made_of, came_of = msgspec.json.decode(self.study), msgspec.json.decode(self.metrics)
        trades = msgspec.msgpack.decode(zlib.decompress(self.trades))
        return {**made_of, **came_of, **({} if trades is None else {"trades": trades})}


class RunLine(Struct, frozen=True, kw_only=True):
    """A run as a list shows it: the columns of `KeptRun`, and of what came of it the `figures` by their names: those of
    a backtest, or `SUMMED_UP` of a walk-forward out of sample and of the run that a robustness test shakes. `ai` is who
    judged its signals as tier 2, as a backtest says it; OFF for a test, in which nobody does."""

    id: int
    ts: int
    command: str
    name: str
    version: str
    seed: int
    data_hash: str
    ai: str
    figures: dict[str, float | None]


class _Figure(Struct):
    name: str
    value: float | None


class _Walked(Struct, frozen=True):
    out_of_sample: dict[str, float | None] = {}


class _Shaken(Struct, frozen=True):
    base: dict[str, float | None] = {}


class _CameOf(Struct):
    figures: tuple[_Figure, ...] = ()
    walk_forward: _Walked = _Walked()
    robustness: _Shaken = _Shaken()


def keep_run(folder: Path, command: str, outcome: Mapping[str, Any]) -> int:
    """Add a run to the ledger in `folder`; its number. `outcome` is that of a backtest, or the answer of a test of
    honesty. Raises LedgerError where it cannot be written."""
    study = {key: outcome[key] for key in _STUDY if key in outcome}
    rest = {key: value for key, value in outcome.items() if key not in study and key != "trades"}
    row = {
        "ts": time.time_ns() // 1_000_000,
        "command": command,
        "name": outcome["name"],
        "version": outcome.get("version", __version__),
        "seed": outcome["seed"],
        "data_hash": outcome["data"]["hash"] if "data" in outcome else outcome["data_hash"],
        "study": msgspec.json.encode(study).decode(),
        "metrics": msgspec.json.encode(rest).decode(),
        "trades": zlib.compress(msgspec.msgpack.encode(outcome.get("trades")), 1),
    }
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with open_runs(folder / FILE) as db, db:
        statement = f"INSERT INTO runs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"
        number = db.execute(statement, tuple(row.values())).lastrowid
    assert number is not None
    return number


def kept_runs(folder: Path) -> tuple[RunLine, ...]:
    """All runs, newest first; none where no run was ever kept. Raises LedgerError."""
    if not (folder / FILE).is_file():
        return ()
    columns = RunLine.__struct_fields__[:-1]
    taken = ", ".join(_AI if name == "ai" else name for name in columns)
    with open_runs(folder / FILE) as db:
        rows = db.execute(f"SELECT {taken}, metrics FROM runs ORDER BY id DESC")
        return tuple(
            RunLine(**dict(zip(columns, row, strict=True)), figures=_figures(metrics)) for *row, metrics in rows
        )


def _figures(metrics: str) -> dict[str, float | None]:
    found = msgspec.json.decode(metrics, type=_CameOf)
    summary = found.walk_forward.out_of_sample or found.robustness.base
    if summary:
        return {name: summary.get(name) for name in SUMMED_UP}
    return {figure.name: figure.value for figure in found.figures}


def kept_run(folder: Path, number: int) -> KeptRun | None:
    """The run of that number. Raises LedgerError."""
    if not (folder / FILE).is_file():
        return None
    fields = KeptRun.__struct_fields__
    with open_runs(folder / FILE) as db:
        row = db.execute(f"SELECT {', '.join(fields)} FROM runs WHERE id = ?", (number,)).fetchone()
    return None if row is None else KeptRun(**dict(zip(fields, row, strict=True)))


@contextmanager
def open_runs(path: Path) -> Iterator[sqlite3.Connection]:
    """The ledger at `path`, made where it is missing. Raises LedgerError, whatever fails within."""
    try:
        if not path.exists():
            _make(path)
        with closing(sqlite3.connect(path, timeout=_WAIT_S)) as db:
            _check(db, path)
            yield db
    except sqlite3.Error as error:
        raise LedgerError(f"{path}: {error}") from None


def _check(db: sqlite3.Connection, path: Path) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    if (version, application) != (_VERSION, _APPLICATION_ID):
        raise LedgerError(f"{path}: is not a ledger of research that this version of tradeterm knows; move it away")


def _make(path: Path) -> None:
    """An empty ledger, put in place whole: of several processes that want one at once the first makes it."""
    with tempfile.TemporaryDirectory(prefix=".research-", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        with closing(sqlite3.connect(draft)) as db:
            db.execute("PRAGMA journal_mode = WAL")
            columns = {name: _TYPES.get(name, str) for name in KeptRun.__struct_fields__}
            database(db).table("runs").create(columns, pk="id", not_null=set(columns) - {"id"})
            db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {_VERSION}")
            db.commit()
        with suppress(FileExistsError):
            os.link(draft, path)


_TYPES: dict[str, type] = {"id": int, "ts": int, "seed": int, "trades": bytes}
