"""Panels from arrays of one's own, and what must hold of a panel before it is simulated. Mistakes are ValueErrors."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.domain.market import INTERVALS_MS
from tradeterm.research.plainly import mistake
from tradeterm.strategies.panel import Floats, Panel

_PRICES = ("open", "high", "low", "close")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMES = "whole UTC milliseconds or datetimes"


def panel_of(
    open: ArrayLike,
    high: ArrayLike,
    low: ArrayLike,
    close: ArrayLike,
    volume: ArrayLike | None = None,
    ts: ArrayLike | None = None,
    *,
    interval: str | int,
    instruments: str | Sequence[str] | None = None,
    funding: ArrayLike | None = None,
) -> Panel:
    """A checked panel from columns of shape (rows,) for one instrument or (rows, instruments) for several.

    NaN (or a mask) in all four prices of a row means that the instrument has no bar there. `ts` are the bars' opening
    times: UTC milliseconds, or datetimes of numpy, pandas or Python, which without a zone are UTC; without `ts` rows
    follow each other from 1970 on. `interval` is the
    length of a bar: "1m" to "1d", or milliseconds. `funding` is the last settled rate known at each close. Raises
    ValueError where `check_panel` does.
    """
    interval_ms = _interval(interval)
    prices = {name: _matrix(name, values) for name, values in zip(_PRICES, (open, high, low, close), strict=True)}
    rows, count = prices["close"].shape
    unknown = np.full((rows, count), np.nan)
    panel = Panel(
        instruments=_names(instruments, count),
        interval_ms=interval_ms,
        ts_open=np.arange(rows, dtype=np.int64) * interval_ms if ts is None else _times(ts),
        volume=unknown if volume is None else _matrix("volume", volume),
        funding=unknown if funding is None else _matrix("funding", funding),
        **prices,
    )
    check_panel(panel)
    return panel


def check_panel(panel: Panel) -> None:
    """Raise ValueError, naming instrument and row, unless shapes agree, times rise by an interval at least, and each
    cell has either no price or four that are positive, finite and in order."""
    rows, count = panel.rows, len(panel.instruments)
    if rows == 0 or count == 0:
        raise ValueError("a panel needs at least one row and one instrument")
    if len(set(panel.instruments)) != count:
        raise ValueError("instruments: found a name twice, allowed once each")
    for name in (*_PRICES, "volume", "funding"):
        shape = getattr(panel, name).shape
        if shape != (rows, count):
            raise ValueError(f"{name}: found shape {shape}, allowed {(rows, count)} (rows, instruments)")
    late = np.flatnonzero(np.diff(panel.ts_open) < panel.interval_ms)
    if late.size:
        row = int(late[0]) + 1
        after = panel.ts_open[row] - panel.ts_open[row - 1]
        raise ValueError(f"ts: row {row} opens {after} ms after the row before, allowed {panel.interval_ms} or more")
    for column, name in enumerate(panel.instruments):
        _check_prices(name, *(getattr(panel, field)[:, column] for field in _PRICES))
        volume = panel.volume[:, column]
        _refuse(name, "a volume below 0 or not finite", (volume < 0) | np.isinf(volume))
        _refuse(name, "a funding rate that is not finite", np.isinf(panel.funding[:, column]))


def is_regular(panel: Panel) -> bool:
    """Whether every row follows an interval after the one before."""
    return bool(panel.rows) and bool((np.diff(panel.ts_open) == panel.interval_ms).all())


def _check_prices(name: str, opened: Floats, high: Floats, low: Floats, close: Floats) -> None:
    missing = np.isnan(close)
    for prices in (opened, high, low):
        _refuse(name, "a bar with some prices missing", np.isnan(prices) != missing)
    for prices in (opened, high, low, close):
        _refuse(name, "a price that is not positive and finite", (prices <= 0) | np.isinf(prices))
    _refuse(name, "a high below the open or the close", (high < opened) | (high < close))
    _refuse(name, "a low above the open or the close", (low > opened) | (low > close))


def _refuse(name: str, what: str, wrong: NDArray[np.bool_]) -> None:
    at = int(wrong.argmax()) if wrong.size else 0
    if wrong.size and wrong[at]:
        raise ValueError(f"{name}: row {at} has {what}")


def _matrix(name: str, values: ArrayLike) -> Floats:
    found = _floats(name, values)
    if found.ndim == 1:
        found = found[:, None]
    if found.ndim != 2:
        raise ValueError(f"{name}: found {found.ndim} dimensions, allowed 1 (rows) or 2 (rows, instruments)")
    return found


def _interval(given: str | int) -> int:
    if isinstance(given, str) and given in INTERVALS_MS:
        return INTERVALS_MS[given]
    if isinstance(given, bool) or not isinstance(given, int | np.integer):
        raise mistake("interval", given, f"{', '.join(INTERVALS_MS)} or whole milliseconds")
    if given <= 0:
        raise ValueError(f"interval: found {given} ms, allowed above 0")
    return int(given)


def _names(given: str | Sequence[str] | None, count: int) -> tuple[str, ...]:
    if given is None:
        return tuple(f"X{i}" if count > 1 else "X" for i in range(count))
    names = tuple(given) if isinstance(given, Iterable) and not isinstance(given, str) else (given,)
    for name in names:
        if not (isinstance(name, str) and name):
            raise mistake("instruments", name, "names")
    return names


def _floats(name: str, values: ArrayLike) -> Floats:
    """Numbers of any kind; NaN where a masked array hides one."""
    nothing = f"{name}: found values that are no numbers"
    try:
        found = np.asarray(values)
    except ValueError:  # ragged
        raise ValueError(nothing) from None
    if found.dtype.kind == "O":
        if any(isinstance(value, str) for value in found.flat):
            raise ValueError(nothing)
        try:
            found = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(nothing) from None
    elif found.dtype.kind not in "iuf":
        raise ValueError(f"{name}: found {found.dtype}, allowed numbers")
    found = found.astype(np.float64, copy=False)
    return np.where(np.ma.getmaskarray(values), np.nan, found) if isinstance(values, np.ma.MaskedArray) else found


def _times(ts: Any) -> NDArray[np.int64]:
    columns = getattr(ts, "dt", ts)  # of a pandas series
    if getattr(columns, "tz", None) is not None:
        ts = columns.tz_convert(None)
    try:
        found = np.asarray(ts)
    except ValueError:  # ragged
        raise ValueError("ts: found values that are no times") from None
    if found.ndim != 1:
        raise ValueError(f"ts: found {found.ndim} dimensions, allowed 1")
    if found.dtype.kind == "O":
        found = np.array([_since_1970(value) for value in found], dtype="timedelta64[ms]").astype(np.int64)
    if np.issubdtype(found.dtype, np.datetime64):
        if np.isnat(found).any():
            raise ValueError("ts: found a missing time")
        return found.astype("datetime64[ms]").astype(np.int64)
    if not np.issubdtype(found.dtype, np.integer):
        raise ValueError(f"ts: found {found.dtype}, allowed {_TIMES}")
    if found.size and int(found.max()) > np.iinfo(np.int64).max:
        raise ValueError(f"ts: found {found.max()}, allowed {_TIMES}")
    return found.astype(np.int64)


def _since_1970(value: object) -> timedelta:
    if not isinstance(value, datetime):
        raise mistake("ts", value, _TIMES)
    if value != value:  # pandas' missing time
        raise ValueError("ts: found a missing time")
    return (value if value.tzinfo else value.replace(tzinfo=UTC)) - _EPOCH
