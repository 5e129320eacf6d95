"""What a report is told besides the result itself."""

from typing import Protocol

from msgspec import Struct

Cell = str | int | float | None
"""Of a table; None is "no value"."""


class ReportFacts(Struct, frozen=True, kw_only=True):
    """Where a result came from, so that it can be judged and repeated.

    `config` is the book's configuration as TOML; `data_report` says what was left out or repaired of the data, a line
    each; `start`, `end` and `created` are UTC ms; `assumptions` are sentences: how fills are made, what they cost.
    `trials` is the number of variants tried before this one was chosen (None: not known), `regimes` the regime at each
    trade's entry.
    """

    title: str
    config: str
    data_hash: str
    code_version: str
    command: str
    start: int
    end: int
    instruments: tuple[str, ...]
    created: int
    data_report: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    seed: int = 0
    currency: str = ""
    trials: int | None = None
    regimes: tuple[str, ...] | None = None


class Table(Struct, frozen=True):
    """Rows of as many cells as there are columns; the first names its row. `notes`, one a row, explain the names;
    `tints`, shaped as the rows, colour cells from -1 (loss) to 1 (gain), None: not at all."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    notes: tuple[str, ...] = ()
    tints: tuple[tuple[float | None, ...], ...] = ()


class Curve(Struct, frozen=True):
    """A line: `y` over `x`, which are times (UTC ms) if `is_time`. Curves drawn together share what `x` is."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    is_time: bool = False


class Evidence(Protocol):
    """A test of honesty as a report shows it. What also has `curves`, a tuple of `Curve`, is drawn."""

    @property
    def title(self) -> str: ...

    @property
    def sentence(self) -> str: ...

    @property
    def tables(self) -> tuple[Table, ...]: ...
