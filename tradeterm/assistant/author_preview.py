"""What a book would have made on the data at hand: with costs, against buying and holding, in and out of sample."""

import time
from pathlib import Path

from msgspec import Struct

from tradeterm.config import Config
from tradeterm.domain.errors import DataError, LedgerError
from tradeterm.research.data.series import all_series
from tradeterm.research.honesty.look_ahead import look_ahead
from tradeterm.research.metrics import cautions, figures
from tradeterm.research.outcome import outcome_of
from tradeterm.research.result import LEAST_TRADES
from tradeterm.research.runs import keep_run
from tradeterm.research.studies import Asked, Found, find_study
from tradeterm.research.study import Study, run
from tradeterm.research.tried import variants_tried

IN_SAMPLE = 0.7
"""Share of the time that comes first."""

_BUNDLED = "no data was named or imported: "
_COMMAND = "backtest"  # it is one, and is looked at as one


class Task(Struct, frozen=True, kw_only=True):
    """The book `name` of `config` with `settings` (KEY=VALUE), on the data under `root`, a profile's folder, or the
    bundled recording; entries in [start, end), UTC ms."""

    config: Config
    name: str
    root: str
    settings: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None


class Part(Struct, frozen=True, kw_only=True):
    """A stretch of the time, UTC ms; the keys in _pct are percentages. `costs` are fees, slippage and funding, in the
    currency of the book; None is no value."""

    name: str
    first: int
    last: int
    trades: int
    insufficient: bool
    return_pct: float | None
    buy_and_hold_pct: float | None
    max_drawdown_pct: float | None
    win_rate_pct: float | None
    profit_factor: float | None
    costs: float


class Preview(Struct, frozen=True, kw_only=True):
    """`data` says which data it is of, `trials` how many variants were tried on them, this one included, and `run` is
    its number in the ledger of research; both are None where that cannot be used. `clean` is None where the data are
    too short to look for look-ahead."""

    data: str
    interval: str
    instruments: tuple[str, ...]
    currency: str
    parts: tuple[Part, ...]
    trials: int | None
    run: int | None
    clean: bool | None
    look_ahead: str
    notes: tuple[str, ...]

    @property
    def whole(self) -> Part:
        return self.parts[0]


def preview(task: Task) -> Preview:
    """Raises ConfigError for what cannot be simulated, DataError where there are no such bars."""
    started = time.perf_counter()
    found, data = _found(task)
    result = run(found.study)
    trials, number = None, None
    notes = [note for note in found.notes if not note.startswith(_BUNDLED)]
    try:
        root = Path(task.root)
        outcome = outcome_of(found, result, seconds=time.perf_counter() - started)
        number = keep_run(root, _COMMAND, outcome)
        trials = variants_tried(root, found.study, found.data_hash, found.name)
    except (LedgerError, OSError) as error:
        notes.append(f"this run is not kept, and it is not known how many were tried: {error}")
    seen = look_ahead(found.study, cuts=10, rows=60)
    return Preview(
        data=data,
        interval=found.interval,
        instruments=found.study.panel.instruments,
        currency=found.study.book.currency,
        parts=_parts(found.study),
        trials=trials,
        run=number,
        clean=seen.clean,
        look_ahead=seen.sentence,
        notes=(*cautions(result), *notes),
    )


def _found(task: Task) -> tuple[Found, str]:
    """The study on the profile's own data, else on the recording; and which in words."""
    asked = Asked(start=task.start, end=task.end, settings=task.settings)
    own = Path(task.root) / "data"
    why = ""
    if all_series(own):
        try:
            return find_study(task.name, task.config, own, asked), f"your own data ({own})"
        except DataError as error:
            why = f"; your own data do not serve: {error}"
    return find_study(task.name, task.config, None, asked), f"the bundled recording of a week in April 2025{why}"


def _parts(study: Study) -> tuple[Part, ...]:
    """All of it, then both parts by themselves, each with the history it needs."""
    opened, last = int(study.panel.ts_open[0]), int(study.panel.ts[-1])
    first = opened if study.since is None else max(opened, study.since)
    split = first + int((last - first) * IN_SAMPLE) // study.panel.interval_ms * study.panel.interval_ms
    whole = _part("all", study, first, last)
    if split <= first or last <= split:
        return (whole,)
    return (
        whole,
        _part("in sample", study.between(first, split), first, split),
        _part("out of sample", study.between(split, last + 1), split, last),
    )


def _part(name: str, study: Study, first: int, last: int) -> Part:
    result = run(study)
    values = {figure.name: figure for figure in figures(result)}
    metrics = result.metrics
    return Part(
        name=name,
        first=first,
        last=last,
        trades=len(result.trades),
        insufficient=len(result.trades) < LEAST_TRADES,
        return_pct=_pct(values["total_return"].value),
        buy_and_hold_pct=_pct(values["total_return"].buy_and_hold),
        max_drawdown_pct=_pct(values["max_drawdown"].value),
        win_rate_pct=_pct(values["win_rate"].value),
        profit_factor=None if values["profit_factor"].value is None else round(values["profit_factor"].value, 4),
        costs=round(metrics.fees + metrics.slippage + metrics.funding, 2),
    )


def _pct(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 4)
