"""Rolling up old samples of equity. Facts are never pruned."""

import itertools
import sqlite3
from decimal import Decimal
from typing import Any

from tradeterm.config import LedgerConfig
from tradeterm.domain.facts import EquityPoint
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.ledger.codec import codec_of

_CODEC = codec_of(EquityPoint)
_NAMES = ", ".join(_CODEC.names)


def roll_up(db: sqlite3.Connection, config: LedgerConfig, now: int) -> int:
    """Replace samples older than the configured ages by one row a minute, an hour, a day; returns rows removed.

    A row of `resolution` (ms) stands for that stretch of time: its last sample, with the deepest drawdown of the
    stretch. At any time one resolution holds, so a curve is simply all rows in order. `now` is desk time. Meant for
    `LedgerWriter.do`, or inside `with db:`; doing it twice changes nothing.
    """
    ages = (
        (MINUTE_MS, config.keep_samples_days),
        (HOUR_MS, config.keep_minutes_days),
        (DAY_MS, config.keep_hours_days),
    )
    return sum(_coarsen(db, resolution, now - int(days * DAY_MS)) for resolution, days in ages)


def _coarsen(db: sqlite3.Connection, resolution: int, before: int) -> int:
    before -= before % resolution  # whole stretches only
    rows = db.execute(
        f"SELECT {_NAMES}, resolution FROM equity WHERE ts < ?1 AND book IN"
        " (SELECT DISTINCT book FROM equity WHERE ts < ?1 AND resolution < ?2) AND resolution <= ?2 ORDER BY book, ts",
        (before, resolution),
    ).fetchall()
    removed = 0
    book, ts, drawdown = (_CODEC.names.index(name) for name in ("book", "ts", "drawdown"))

    def stretch(row: tuple[Any, ...]) -> tuple[str, int]:
        return row[book], row[ts] // resolution

    for _, group in itertools.groupby(rows, key=stretch):
        samples = list(group)
        if all(row[-1] == resolution for row in samples):
            continue
        last = list(samples[-1][:-1])
        last[drawdown] = max((row[drawdown] for row in samples), key=Decimal)
        db.executemany(
            "DELETE FROM equity WHERE ts = ? AND book = ? AND resolution = ?",
            [(row[ts], row[book], row[-1]) for row in samples],
        )
        marks = ", ".join("?" * len(last))
        db.execute(f"INSERT INTO equity ({_NAMES}, resolution) VALUES ({marks}, ?)", (*last, resolution))
        removed += len(samples) - 1
    return removed
