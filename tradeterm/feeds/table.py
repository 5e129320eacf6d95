"""Tables as people keep them: Parquet, Feather and CSV read into Arrow columns, every trouble one plain sentence."""

import csv
import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.errors import DataError

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)

PARQUET, FEATHER, CSV = (".parquet", ".pq"), (".feather", ".ftr", ".arrow"), (".csv", ".txt", ".tsv")
MOST_ROWS = 100_000_000
MOST_CSV_BYTES = 4 * 1024**3
SECOND_MS = 1000
_EPOCH_UNITS = (("ns", 10**17, 1_000_000), ("µs", 10**14, 1000), ("ms", 10**11, 1))  # unit, least number, divisor
_HEAD_BYTES = 1 << 16
_DELIMITERS = (",", ";", "\t", "|")
_NULLS = ["", "null", "NULL", "NA", "N/A", "n/a", "nan", "NaN", "NAN", "None", "-"]
_GROUPED = r"^-?[0-9]{1,3}(,[0-9]{2,3})*,[0-9]{3}(\.[0-9]+)?$"


class Table(Struct, frozen=True):
    """What a file holds. `names` may repeat; without a header (`has_header` False) they are "1", "2", …

    `sample` is the first line of values of a text file ("" for the others), `ticker` what a yfinance header names.
    """

    path: Path
    names: tuple[str, ...]
    arrow: Any
    has_header: bool = True
    sample: str = ""
    ticker: str = ""

    @property
    def rows(self) -> int:
        return int(self.arrow.num_rows)

    def column(self, index: int) -> Any:
        """One column as a single Arrow array, without dictionary encoding."""
        from pyarrow import types

        column = self.arrow.column(index).combine_chunks()
        return column.dictionary_decode() if types.is_dictionary(column.type) else column


def read_table(path: Path, only: str | None = None) -> Table:
    """Read a whole file; its suffix says how. `only` spares a Parquet file's other columns (other files ignore it).

    Raises DataError, one sentence, for anything that is no such table.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file")
    if not path.is_file():
        raise DataError(f"{path}: is not a file")
    suffix = path.suffix.lower()
    with plainly(path):
        if suffix in PARQUET:
            return _read_parquet(path, only)
        if suffix in FEATHER:
            return _read_feather(path)
        if suffix in CSV:
            return _read_csv(path)
    raise DataError(f"{path}: found a {path.suffix or 'nameless'} file, allowed .parquet, .feather or .csv")


@contextmanager
def plainly(path: Path) -> Iterator[None]:
    """What Arrow and the system say of a file they cannot read, as one DataError."""
    import pyarrow

    try:
        yield
    except MemoryError:
        raise DataError(f"{path}: needs more memory than there is") from None
    except (pyarrow.ArrowException, OSError, OverflowError, UnicodeError) as error:
        raise DataError(f"{path}: cannot be read: {_first_line(error)}") from None


def epoch_ms(path: Path, name: str, stamps: Stamps) -> tuple[Stamps, str]:
    """Epoch numbers in UTC ms, and their unit, which their size tells. Raises DataError where sizes tell two units."""
    if stamps.size == 0:
        return stamps, "ms"
    least, most = int(stamps.min()), int(stamps.max())
    for unit, size, divisor in _EPOCH_UNITS:
        if most >= size:
            if least < size:
                raise DataError(
                    f"{path}: column {name}: found times in different units ({least} and {most}), allowed one unit"
                )
            return stamps // divisor, unit
    return stamps * SECOND_MS, "s"


def numbers(path: Path, name: str, column: Any) -> Floats:
    """A column of numbers as float64, NaN where there is none; text such as "1,234.5" is understood."""
    import pyarrow
    from pyarrow import compute, types

    kind = column.type
    if types.is_string(kind) or types.is_large_string(kind):
        column = _from_text(path, name, column)
    elif types.is_null(kind):
        return np.full(len(column), math.nan)
    elif not (types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind)):
        raise DataError(f"{path}: column {name}: found {kind}, allowed numbers")
    found = compute.cast(column, pyarrow.float64(), safe=False)
    return values(compute.fill_null(found, math.nan) if found.null_count else found, np.float64)


def values(column: Any, kind: type[Number]) -> NDArray[Number]:
    """An Arrow array of 8-byte numbers without nulls. Arrow's own `to_numpy` would import pandas: 0.3 s of start-up."""
    if len(column) == 0:
        return np.empty(0, dtype=kind)
    return np.frombuffer(column.buffers()[1], dtype=kind, count=len(column), offset=8 * column.offset)


def _from_text(path: Path, name: str, column: Any) -> Any:
    import pyarrow
    from pyarrow import compute

    text = compute.utf8_trim_whitespace(column)
    missing = compute.is_in(text, value_set=pyarrow.array(_NULLS, text.type))
    text = compute.if_else(missing, pyarrow.scalar(None, text.type), text)
    grouped = compute.match_substring_regex(text, _GROUPED)
    text = compute.if_else(grouped, compute.replace_substring(text, ",", ""), text)
    try:
        return compute.cast(text, pyarrow.float64())
    except pyarrow.ArrowInvalid:
        row, found = next((i, cell) for i, cell in enumerate(text.to_pylist(), 1) if cell and not _is_number(cell))
        raise DataError(f"{path}: column {name}: found {_shown(found)} in row {row}, allowed a number") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _shown(text: str) -> str:
    plain = "".join(mark if mark.isprintable() else "�" for mark in text)
    return f'"{plain[:40]}…"' if len(plain) > 40 else f'"{plain}"'


def _first_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).splitlines()
    text = lines[0] if lines else type(error).__name__
    return "".join(mark if mark.isprintable() else "�" for mark in text)[:200]


def _read_parquet(path: Path, only: str | None) -> Table:
    from pyarrow.parquet import ParquetFile

    with ParquetFile(path) as file:
        rows = file.metadata.num_rows
        if not 0 <= rows <= MOST_ROWS:
            raise DataError(f"{path}: found {rows} rows by its footer, allowed at most {MOST_ROWS}")
        arrow = file.read(columns=None if only is None else [only])
    return Table(path, _names(arrow.column_names), arrow)


def _read_feather(path: Path) -> Table:
    from pyarrow import feather

    arrow = feather.read_table(path, memory_map=False)
    if arrow.num_rows > MOST_ROWS:
        raise DataError(f"{path}: found {arrow.num_rows} rows, allowed at most {MOST_ROWS}")
    return Table(path, _names(arrow.column_names), arrow)


def _names(names: list[str]) -> tuple[str, ...]:
    return tuple("".join(mark if mark.isprintable() else "�" for mark in name) for name in names)


def _read_csv(path: Path) -> Table:
    import pyarrow
    from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, read_csv

    size = path.stat().st_size
    if size > MOST_CSV_BYTES:
        raise DataError(f"{path}: found {size} bytes, allowed at most {MOST_CSV_BYTES}; split the file")
    head = _head(path)
    reading = ReadOptions(skip_rows=head.skip, column_names=list(head.columns))
    parsing = ParseOptions(delimiter=head.delimiter)
    nulls = {"null_values": _NULLS, "strings_can_be_null": True}
    try:
        arrow = read_csv(path, reading, parsing, ConvertOptions(**nulls))
    except pyarrow.ArrowInvalid as error:
        if "conversion error" not in str(error):
            raise
        # The first rows looked like another type than later ones do: take the text as it is.
        text = dict.fromkeys(head.columns, pyarrow.string())
        arrow = read_csv(path, reading, parsing, ConvertOptions(column_types=text, **nulls))
    return Table(path, head.names, arrow, head.has_header, head.sample, head.ticker)


class _Head(Struct, frozen=True):
    names: tuple[str, ...]
    columns: tuple[str, ...]
    delimiter: str
    skip: int
    has_header: bool
    sample: str
    ticker: str


def _head(path: Path) -> _Head:
    """How a text table begins: what divides its cells, which lines come before its values, what its columns are."""
    with path.open("rb") as file:
        start = file.read(_HEAD_BYTES)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{path}: found UTF-16 text, allowed UTF-8")
    if b"\0" in start:
        raise DataError(f"{path}: found bytes that are no text, allowed CSV")
    lines = re.split("\r\n|\r|\n", start.decode("utf-8-sig", errors="replace"))
    if not any(line.strip() for line in lines):
        raise DataError(f"{path}: found an empty file, allowed a table")
    known = [(i, line) for i, line in enumerate(lines) if line.strip()]
    _refuse_decimal_commas(path, [line for _, line in known[:5]])
    delimiter = max(_DELIMITERS, key=lambda mark: max(line.count(mark) for _, line in known[:5]))
    begin = next((n for n, (_, line) in enumerate(known[:5]) if delimiter in line), 0)
    at, first = known[begin]
    cells = _cells(first, delimiter)
    if len({cell for cell in cells if cell}) == 0:
        raise DataError(f"{path}: found a first line without names or values, allowed a table")
    has_header = not any(_is_number(cell) for cell in cells)
    rest = [line for _, line in known[begin + 1 :]]
    ticker = ""
    if has_header and len(rest) > 2 and rest[0].startswith("Ticker,") and rest[1].startswith("Date"):
        ticker, cells = _cells(rest[0], delimiter)[1], [_cells(rest[1], delimiter)[0], *cells[1:]]
        at, rest = known[begin + 2][0], rest[2:]
    names = tuple(cells) if has_header else tuple(str(i) for i in range(1, len(cells) + 1))
    columns = tuple(f"{i}" for i in range(len(names)))  # names may repeat, these do not
    sample = (rest[0] if rest else "") if has_header else first
    return _Head(_names(list(names)), columns, delimiter, at + 1 if has_header else at, has_header, sample, ticker)


def _refuse_decimal_commas(path: Path, lines: list[str]) -> None:
    """They would be taken for what divides cells, or for thousands."""
    for line in lines:
        cells = _cells(line, ";")
        found = [cell for cell in cells if re.fullmatch(r"-?[0-9]+,[0-9]+", cell)]
        if len(cells) > len(found) >= 2:
            raise DataError(f'{path}: found "{found[0]}", a decimal comma, allowed decimal points')


def _cells(line: str, delimiter: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
