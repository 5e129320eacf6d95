"""Does a signal know what had not happened yet, or depend on what should be forgotten?"""

from collections.abc import Iterator, Sequence
from enum import StrEnum

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from tradeterm.research.honesty.summary import count
from tradeterm.research.result import Result
from tradeterm.research.study import Study, run
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.protocol import Signals, Strategy

Rows = NDArray[np.intp]

RUNS = 3
"""Whole backtests that are repeated on data that ends early."""
MOST_CELLS = 2_000_000
"""Of more data (rows times instruments) the last part of that size is looked at."""


class Check(StrEnum):
    """What was done to the data: it ended early, what followed was something else, it began `warmup` rows before; or
    the whole backtest was repeated on data that ended early."""

    CUT = "cut"
    CHANGED_FUTURE = "changed future"
    SHORT_HISTORY = "short history"
    BACKTEST = "backtest"


class Difference(Struct, frozen=True, kw_only=True):
    """The first row at which a check found another answer: `what` is "entry", the reason of an exit, or "trade";
    `whole` is the answer with all of the data, `found` the one of the check. `ts` is the row's close, UTC ms."""

    check: Check
    row: int
    ts: int
    instrument: str
    what: str
    whole: int
    found: int


class LookAhead(Struct, frozen=True, kw_only=True):
    """`differences` has the first one of each check that found any. `cuts` and `rows` are how many places were looked
    at; `clean` is None where the data are too short for any."""

    clean: bool | None
    cuts: int
    rows: int
    differences: tuple[Difference, ...]
    sentence: str


def look_ahead(study: Study, *, cuts: int = 20, rows: int = 200, seed: int | None = None) -> LookAhead:
    """Ask the strategy again on data that ends at each of `cuts` rows, on data with another future from there, and, for
    each of `rows` rows, on the `warmup` rows up to it alone; then repeat the backtest on data that ends early.

    Two thirds of the places are where the strategy says something, which chance would rarely hit, the others anywhere.
    A strategy is clean as far as that goes: what was not looked at is not proven. Raises ValueError for fewer than one.
    """
    if cuts < 1 or rows < 1:
        raise ValueError(f"cuts and rows: found {cuts} and {rows}, allowed 1 or more")
    strategy, skipped = study.strategy, _skipped(study)
    panel = study.panel.window(skipped, study.panel.rows)
    study = structs.replace(study, panel=panel)
    if panel.rows <= strategy.warmup:
        text = f"Nothing was looked at: there are {panel.rows} rows, and the strategy needs {strategy.warmup} first."
        return LookAhead(clean=None, cuts=0, rows=0, differences=(), sentence=text)
    rng = np.random.default_rng(study.seed if seed is None else seed)
    whole = strategy.signals(panel)
    ends = _places(whole, 1, panel.rows - 1, cuts, rng) + 1
    looked_at = _places(whole, strategy.warmup - 1, panel.rows, rows, rng)
    found = [
        *_cuts(strategy, panel, whole, ends),
        *_futures(strategy, panel, whole, ends, rng),
        *_histories(strategy, panel, whole, looked_at),
        *_backtests(study, ends[-RUNS:]),
    ]
    first = {each.check: each for each in sorted(found, key=lambda each: each.row, reverse=True)}
    differences = tuple(
        structs.replace(each, row=each.row + skipped) for each in (first[c] for c in Check if c in first)
    )
    return LookAhead(
        clean=not differences,
        cuts=ends.size,
        rows=looked_at.size,
        differences=differences,
        sentence=_sentence(differences, ends.size, looked_at.size),
    )


def _skipped(study: Study) -> int:
    """Rows that are too many to be looked at."""
    kept = max(MOST_CELLS // max(len(study.panel.instruments), 1), 4 * study.strategy.warmup)
    return max(0, study.panel.rows - kept)


def _places(whole: Signals, least: int, stop: int, most: int, rng: np.random.Generator) -> Rows:
    """Rows in [least, stop), rising: a third with entries, a third with exits, and others."""
    leaves = np.zeros(whole.entries.shape[0], dtype=np.bool_)
    for rule in whole.exits:
        leaves |= rule.long.any(axis=1) | rule.short.any(axis=1)
    chosen: list[int] = []
    for rows in (np.flatnonzero(whole.entries.any(axis=1)), np.flatnonzero(leaves)):
        rows = rows[(rows >= least) & (rows < stop)]
        chosen += rng.choice(rows, min(most // 3, rows.size), replace=False).tolist()
    chosen += rng.integers(least, stop, most - len(chosen)).tolist()
    return np.unique(np.array(chosen, dtype=np.intp))


def _cuts(strategy: Strategy, panel: Panel, whole: Signals, ends: Rows) -> Iterator[Difference]:
    for end in ends.tolist():
        yield from _compared(Check.CUT, panel, whole, strategy.signals(panel.window(0, end)), 0, slice(0, end))


def _futures(
    strategy: Strategy, panel: Panel, whole: Signals, ends: Rows, rng: np.random.Generator
) -> Iterator[Difference]:
    for end in ends.tolist():
        other = _with_another_future(panel.window(0, min(panel.rows, end + strategy.warmup)), end, rng)
        yield from _compared(Check.CHANGED_FUTURE, panel, whole, strategy.signals(other), 0, slice(0, end))


def _histories(strategy: Strategy, panel: Panel, whole: Signals, rows: Rows) -> Iterator[Difference]:
    for row in rows.tolist():
        start = row + 1 - strategy.warmup
        found = strategy.signals(panel.window(start, row + 1))
        yield from _compared(Check.SHORT_HISTORY, panel, whole, found, start, slice(row, row + 1))


def _compared(
    check: Check, panel: Panel, whole: Signals, found: Signals, start: int, rows: slice
) -> Iterator[Difference]:
    """The first difference in `rows` of the panel, where `found` begins at its row `start`."""
    here = slice(rows.start - start, rows.stop - start)
    pairs = [("entry", whole.entries[rows], found.entries[here])]
    for mine, other in zip(whole.exits, found.exits, strict=True):
        sides = ((mine.long, other.long), (mine.short, other.short))
        pairs += [(mine.reason, a[rows].astype(np.int8), b[here].astype(np.int8)) for a, b in sides]
    first: Difference | None = None
    for what, a, b in pairs:
        differs = np.argwhere(a != b)
        if differs.size:
            at, column = (int(place) for place in differs[0])
            row = rows.start + at
            if first is None or row < first.row:
                first = Difference(
                    check=check,
                    row=row,
                    ts=int(panel.ts_open[row]) + panel.interval_ms,
                    instrument=panel.instruments[column],
                    what=what,
                    whole=int(a[at, column]),
                    found=int(b[at, column]),
                )
    if first is not None:
        yield first


def _with_another_future(panel: Panel, end: int, rng: np.random.Generator) -> Panel:
    """From row `end` on other moves, volumes and funding; bars are missing where they were."""
    rows, count_ = panel.rows - end, len(panel.instruments)
    factor = np.exp(np.cumsum(rng.normal(0.0, 0.01, (rows, count_)), axis=0) + rng.normal(0.0, 0.1, count_))
    scaled = {
        "open": factor,
        "high": factor,
        "low": factor,
        "close": factor,
        "volume": np.exp(rng.normal(0.0, 2.0, (rows, count_))),
        "funding": -np.exp(rng.normal(0.0, 2.0, (rows, count_))),
    }
    columns = {}
    for name, by in scaled.items():
        columns[name] = np.array(getattr(panel, name))
        columns[name][end:] *= by
    return structs.replace(panel, **columns)


def _backtests(study: Study, ends: Rows) -> Iterator[Difference]:
    """Trades that were over before the data ended must be the same."""
    whole = _trades(run(study))
    for end in ends.tolist():
        panel = study.panel.window(0, end)
        found = _trades(run(structs.replace(study, panel=panel)))
        wanted = [trade for trade in whole if trade[1] < end]
        found = [trade for trade in found if trade[-1] != "DATA_END"]
        differs = sorted(set(wanted) ^ set(found))
        if differs:
            row, name = differs[0][0], differs[0][2]
            yield Difference(
                check=Check.BACKTEST,
                row=row,
                ts=int(panel.ts_open[row]) + panel.interval_ms,
                instrument=name,
                what="trade",
                whole=sum(trade[0] == row and trade[2] == name for trade in wanted),
                found=sum(trade[0] == row and trade[2] == name for trade in found),
            )


def _trades(result: Result) -> list[tuple[int, int, str, int, float, float, float, str]]:
    return [
        (t.signal_row, t.exit_row, t.instrument, t.side, t.quantity, t.entry_price, t.exit_price, t.reason)
        for t in result.trades
    ]


def _sentence(differences: Sequence[Difference], cuts: int, rows: int) -> str:
    if not differences:
        return (
            f"No look-ahead found: the same signals on data cut and changed at {count(cuts, 'place')}, and on no more"
            f" than its warmup at {count(rows, 'row')}."
        )
    first = differences[0]
    knows = "depends on rows before its warmup" if first.check is Check.SHORT_HISTORY else "knows the future"
    return (
        f"It {knows}: at row {first.row} of {first.instrument} its {first.what} is {first.whole} with all of the data"
        f" and {first.found} without ({first.check})."
    )
