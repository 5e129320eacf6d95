"""The runs that research has kept, as a list and one by one. It reads files: never on the loop."""

from pathlib import Path

import msgspec
from msgspec import Struct

from tradeterm.domain.errors import TradetermError
from tradeterm.research.runs import FILE, kept_run, open_runs
from tradeterm.ui.research.outcome import CONTAMINATED, Outcome, Summary, kept_outcome

MOST_LISTED = 500
LEAST_TRADES = 30
"""Fewer prove nothing: `tradeterm.research.metrics`."""


class _Figure(Struct, frozen=True):
    name: str
    value: float | None


class _Walked(Struct, frozen=True):
    out_of_sample: Summary | None = None


class _Shaken(Struct, frozen=True):
    base: Summary | None = None


class _Metrics(Struct, frozen=True):
    """What came of a backtest, or of a test, which says here what its data was."""

    figures: tuple[_Figure, ...] = ()
    insufficient: bool = False
    walk_forward: _Walked = _Walked()
    robustness: _Shaken = _Shaken()
    interval: str = ""
    first: int | None = None
    last: int | None = None


class _Data(Struct, frozen=True):
    interval: str = ""
    first: int | None = None
    last: int | None = None


class _Study(Struct, frozen=True):
    data: _Data | None = None
    instruments: tuple[str, ...] = ()
    ai: str = ""


class Listed(Struct, frozen=True):
    """A line of the list of runs. `number` is None for one of this session, which is not in the ledger; `ts` is when it
    ended, `first` and `last` bound its data, UTC ms; `contaminated` says that a model judged in it which may have known
    what came after."""

    number: int | None
    ts: int
    command: str
    name: str
    seed: int
    data_hash: str
    interval: str
    symbols: int
    first: int | None
    last: int | None
    trades: float | None
    total_return: float | None
    sharpe: float | None
    max_drawdown: float | None
    insufficient: bool
    contaminated: bool = False


def listed_runs(folder: Path) -> tuple[Listed, ...]:
    """The newest runs of the ledger in `folder`, newest first. Raises TradetermError."""
    if not (folder / FILE).is_file():
        return ()
    with open_runs(folder / FILE) as db:
        rows = db.execute(
            "SELECT id, ts, command, name, seed, data_hash, study, metrics FROM runs ORDER BY id DESC LIMIT ?",
            (MOST_LISTED,),
        ).fetchall()
    return tuple(_listed(*row) for row in rows)


def _listed(
    number: int, ts: int, command: str, name: str, seed: int, data_hash: str, study: str, metrics: str
) -> Listed:
    try:
        made_of, came_of = msgspec.json.decode(study, type=_Study), msgspec.json.decode(metrics, type=_Metrics)
    except msgspec.DecodeError:  # of another version: it is there, its figures are not known
        made_of, came_of = _Study(), _Metrics()
    figures = {figure.name: figure.value for figure in came_of.figures}
    data = made_of.data or _Data(came_of.interval, came_of.first, came_of.last)
    summary = came_of.walk_forward.out_of_sample or came_of.robustness.base
    if summary is not None:
        figures = msgspec.structs.asdict(summary)
    return Listed(
        number=number,
        ts=ts,
        command=command,
        name=name,
        seed=seed,
        data_hash=data_hash,
        interval=data.interval,
        symbols=len(made_of.instruments),
        first=data.first,
        last=data.last,
        trades=figures.get("trades"),
        total_return=figures.get("total_return"),
        sharpe=figures.get("sharpe"),
        max_drawdown=figures.get("max_drawdown"),
        insufficient=came_of.insufficient if summary is None else summary.trades < LEAST_TRADES,
        contaminated=CONTAMINATED in made_of.ai,
    )


def runs_changed(folder: Path) -> tuple[tuple[int, int], ...]:
    """Another value than before where the ledger was written to since; a look at its files, not into them."""
    found = []
    for name in (FILE, f"{FILE}-wal"):
        try:
            stat = (folder / name).stat()
            found.append((stat.st_mtime_ns, stat.st_size))
        except OSError:
            found.append((0, 0))
    return tuple(found)


def open_run(folder: Path, number: int) -> Outcome:
    """The run of that number. Raises TradetermError where it is not there or not understood."""
    found = kept_run(folder, number)
    if found is None:
        raise TradetermError(f"run {number} is not in {folder / FILE}")
    return kept_outcome(found.command, number, found.outcome())
