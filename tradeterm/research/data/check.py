"""What is wrong with a file of bars or settlements, each fault with its weight; nothing is changed."""

from enum import StrEnum
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import DAY_MS, HOUR_MS, INTERVALS_MS
from tradeterm.feeds.recording import sane_bars
from tradeterm.research.data.calendar import ALWAYS, Hours, hours_of
from tradeterm.research.data.manifest import file_hash, read_hash
from tradeterm.research.data.moments import date, utc
from tradeterm.research.data.series import FUNDING, Series
from tradeterm.research.data.store import read_series

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_WRONG = 0.01
"""More than this share of bars that cannot be right makes a file unusable."""
MOST_MISSING = 0.5
SPLIT_RATIO = 1.4
"""A price that is divided or multiplied by this between two sessions is taken for a split until shown otherwise."""
_FACTORS = (1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 20.0, 50.0, 100.0)
_FACTOR_NEAR = 0.08
LONGEST_CLOSURE_D = 6
"""A price may have gone anywhere over more days than that."""
FROZEN_S = 6 * HOUR_MS // 1000
FROZEN_BARS = 5
EXTREME_RATE = 0.02


class Severity(StrEnum):
    NOTE = "NOTE"
    WARNING = "WARNING"
    UNUSABLE = "UNUSABLE"


class Finding(Struct, frozen=True):
    """One fault: a stable code, how many rows it concerns, one sentence, and when it is first seen (UTC ms)."""

    severity: Severity
    code: str
    count: int
    text: str
    first: int | None = None


class Checked(Struct, frozen=True, kw_only=True):
    """A file's report. `first` and `last` are UTC ms, None where nothing could be read."""

    path: str
    instrument: str
    interval: str
    rows: int
    first: int | None
    last: int | None
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        return all(finding.severity is not Severity.UNUSABLE for finding in self.findings)


def check_series(series: Series, market_days: Stamps | None = None) -> Checked:
    """Check one kept file; `market_days` are the sessions its exchange is known to have held. Never raises DataError:
    a file that cannot be read is a finding."""
    try:
        ts, values = read_series(series)
        damage = _damage(series)
    except DataError as error:
        return report(series.path, series.instrument, series.kind, None, [_unreadable(str(error), series.path)])
    if series.kind == FUNDING:
        return report(series.path, series.instrument, series.kind, ts, [*damage, *check_funding(ts, values[:, 0])])
    findings = check_bars(ts, values, INTERVALS_MS[series.kind], hours_of(series.venue), market_days)
    return report(series.path, series.instrument, series.kind, ts, [*damage, *findings])


def report(path: Path, instrument: str, interval: str, ts: Stamps | None, findings: list[Finding]) -> Checked:
    known = ts is not None and ts.size > 0
    return Checked(
        path=str(path),
        instrument=instrument,
        interval=interval,
        rows=0 if ts is None else int(ts.size),
        first=int(ts.min()) if known and ts is not None else None,
        last=int(ts.max()) if known and ts is not None else None,
        findings=tuple(findings),
    )


def check_bars(
    ts: Stamps, values: Floats, interval_ms: int, hours: Hours = ALWAYS, market_days: Stamps | None = None
) -> list[Finding]:
    """Faults of bars as they lie in the file: `values` is (rows, 5) of open, high, low, close, volume."""
    if ts.size == 0:
        return [Finding(Severity.UNUSABLE, "EMPTY", 0, "there are no bars")]
    found = [*_order(ts, values, "bars"), *_cells(ts, values)]
    off = (ts - hours.open_ms) % interval_ms != 0
    found += _share(off, ts, "GRID", "open off the interval's grid and are left out when read")
    if hours is not ALWAYS:
        found += _hours(ts, hours)
    good = sane_bars(values) & ~off
    order = np.argsort(ts[good], kind="stable")
    ts, values = ts[good][order], values[good][order]
    once = np.concatenate([[True], np.diff(ts) > 0])[: ts.size]
    ts, values = ts[once], values[once]
    if ts.size:
        found += check_gaps(ts, interval_ms, hours, market_days)
        found += check_splits(ts, values, hours)
        found += _frozen(ts, values, interval_ms)
        found += _volume(ts, values)
    return found


def check_funding(ts: Stamps, rates: Floats) -> list[Finding]:
    """Faults of settlements: `rates` are fractions of the notional."""
    if ts.size == 0:
        return [Finding(Severity.UNUSABLE, "EMPTY", 0, "there are no settlements")]
    ts = (ts + 500) // 1000 * 1000
    found = _order(ts, rates[:, None], "settlements")
    found += _share(~np.isfinite(rates), ts, "NON_FINITE", "have no finite rate and are left out", "settlements")
    found += _share(np.abs(rates) >= 1, ts, "RATE", "have a rate of 100 % or more and are left out", "settlements")
    extreme = (np.abs(rates) >= EXTREME_RATE) & (np.abs(rates) < 1)
    if extreme.any():
        text = f"{_many(extreme, 'settlements')} of {EXTREME_RATE:.0%} or more: look whether rates are fractions"
        found.append(Finding(Severity.WARNING, "RATE", int(extreme.sum()), text, _first(ts, extreme)))
    steps = np.diff(np.unique(ts))
    if steps.size:
        usual = int(np.median(steps))
        gaps = 2 * steps > 3 * usual
        if gaps.any():
            at = int(np.unique(ts)[:-1][gaps][0]) + usual
            text = (
                f"{plural(int(gaps.sum()), 'gap')} between settlements {usual / HOUR_MS:g} h apart, first at {utc(at)}"
            )
            found.append(Finding(Severity.WARNING, "GAP", int(gaps.sum()), text, at))
    return found


def _damage(series: Series) -> list[Finding]:
    """Whether the disk gives back what was written."""
    if read_hash(series) == file_hash(series.path):
        return []
    text = "the file is not what was written, though its size and time are: the disk or a program has damaged it"
    return [Finding(Severity.UNUSABLE, "DAMAGED", 0, text)]


def _unreadable(text: str, path: Path) -> Finding:
    return Finding(Severity.UNUSABLE, "UNREADABLE", 0, text.removeprefix(f"{path}: "))


def _order(ts: Stamps, values: Floats, noun: str) -> list[Finding]:
    found = []
    back = np.concatenate([[False], np.diff(ts) < 0])
    if back.any():
        text = f"{_many(back, noun)} come before an earlier one; they are sorted when read"
        found.append(Finding(Severity.WARNING, "ORDER", int(back.sum()), text, _first(ts, back)))
    order = np.argsort(ts, kind="stable")
    sorted_ts, rows = ts[order], values[order]
    again = np.concatenate([[False], np.diff(sorted_ts) == 0])
    same = np.concatenate([[True], ((rows[1:] == rows[:-1]) | (np.isnan(rows[1:]) & np.isnan(rows[:-1]))).all(axis=1)])
    if (again & same).any():
        text = f"{_many(again & same, noun)} are given more than once; one is taken"
        found.append(
            Finding(Severity.WARNING, "DUPLICATE", int((again & same).sum()), text, _first(sorted_ts, again & same))
        )
    if (again & ~same).any():
        first = _first(sorted_ts, again & ~same)
        text = f"{_many(again & ~same, noun)} differ from another of the same time, first at {utc(first)}"
        found.append(Finding(Severity.UNUSABLE, "CONFLICT", int((again & ~same).sum()), text, first))
    return found


def _cells(ts: Stamps, values: Floats) -> list[Finding]:
    o, h, low, c, v = values.T
    infinite: Flags = np.asarray(~np.isfinite(values).all(axis=1))
    none: Flags = np.asarray((values[:, :4] <= 0).any(axis=1))
    with np.errstate(invalid="ignore"):
        crossed = (h < np.maximum(o, c)) | (low > np.minimum(o, c))
    found = _share(infinite, ts, "NON_FINITE", "have a value that is not finite and are left out when read")
    found += _share(none, ts, "NON_POSITIVE", "have a price of 0 or less and are left out when read")
    found += _share(crossed & ~none, ts, "OHLC", "have a high or low that does not hold open and close; left out")
    return found + _share(v < 0, ts, "VOLUME", "have a negative volume and are left out when read")


def _hours(ts: Stamps, hours: Hours) -> list[Finding]:
    outside = hours.outside(ts)
    if not outside.any():
        return []
    text = f"{_many(outside, 'bars')} lie outside 09:15-15:30 India time, first at {utc(_first(ts, outside))} UTC"
    shifted = hours.outside(ts - hours.offset_ms)
    if 2 * int(shifted.sum()) < int(outside.sum()):
        text += "; 5:30 h earlier they fit: India time seems to be stored as UTC, import again with --timezone"
    many = int(outside.sum()) > MOST_WRONG * ts.size
    severity = Severity.UNUSABLE if many else Severity.WARNING
    return [Finding(severity, "TIME_ZONE", int(outside.sum()), text, _first(ts, outside))]


def check_gaps(ts: Stamps, interval_ms: int, hours: Hours, market_days: Stamps | None) -> list[Finding]:
    """Bars missing between the first and the last: every one around the clock; with hours, those of sessions that
    have any, and the sessions without one."""
    if hours is ALWAYS:
        steps = np.diff(ts) // interval_ms - 1
        wanted = ts.size + int(steps.sum())
        return _gap(ts[:-1] + interval_ms, steps, wanted, interval_ms)
    inside = ts[~hours.outside(ts)]
    if inside.size == 0:
        return []
    found = []
    days, counts = np.unique(hours.day(inside), return_counts=True)
    if interval_ms < DAY_MS:
        slots = hours.slots(interval_ms)
        found += _gap(days * DAY_MS + hours.open_ms, slots - counts, days.size * slots, interval_ms)
    span = np.arange(days[0], days[-1] + 1)
    if market_days is not None:
        missed = np.setdiff1d(span[np.isin(span, market_days)], days)
        if missed.size:
            at = hours.opening(int(missed[0]))
            text = f"without {plural(missed.size, 'session')} that others have, the first on {date(at)}"
            found.append(Finding(Severity.WARNING, "SESSION", int(missed.size), text, at))
    else:
        missed = np.setdiff1d(span[hours.workday(span)], days)
        if missed.size:
            at = hours.opening(int(missed[0]))
            text = f"no bar on {plural(missed.size, 'workday')}, holidays among them, the first on {date(at)}"
            found.append(Finding(Severity.NOTE, "SESSION", int(missed.size), text, at))
    return found


def _gap(starts: Stamps, missing: Stamps, wanted: int, interval_ms: int) -> list[Finding]:
    gaps = missing > 0
    if not gaps.any():
        return []
    total, longest = int(missing[gaps].sum()), int(np.argmax(missing))
    first = int(starts[gaps][0])
    text = (
        f"{total} of {wanted} bars are missing in {plural(int(gaps.sum()), 'place')}, "
        f"the most ({int(missing[longest])}) from {utc(int(starts[longest]))}"
    )
    severity = Severity.UNUSABLE if total > MOST_MISSING * wanted else Severity.WARNING
    return [Finding(severity, "GAP", total, text, first)]


def check_splits(ts: Stamps, values: Floats, hours: Hours) -> list[Finding]:
    """Prices that jump between a close and the next open: with hours overnight, around the clock from bar to bar."""
    ratio = values[:-1, 3] / values[1:, 0]
    jump = (ratio >= SPLIT_RATIO) | (ratio <= 1 / SPLIT_RATIO)
    if hours is not ALWAYS:
        jump &= np.diff(hours.day(ts)) > 0
    found = []
    for row in np.flatnonzero(jump)[:20]:
        at, change = int(ts[row + 1]), float(ratio[row])
        size = max(change, 1 / change)
        idle = (at - int(ts[row])) // DAY_MS
        factor = next((f for f in _FACTORS if abs(size / f - 1) <= _FACTOR_NEAR), None)
        likely = factor and change > 1 and hours is not ALWAYS and idle <= LONGEST_CLOSURE_D
        guess = f", as a split or bonus of {factor:g} would" if likely else ""
        guess += f", after {idle} days without a bar" if idle > LONGEST_CLOSURE_D else ""
        text = f"{date(at)}: opens at {values[row + 1, 0]:g} after {values[row, 3]:g} (÷ {change:.4g}){guess}"
        found.append(Finding(Severity.WARNING, "SPLIT" if likely else "JUMP", 1, text, at))
    return found


def _frozen(ts: Stamps, values: Floats, interval_ms: int) -> list[Finding]:
    """Runs of bars without any movement."""
    still = (values[:, 1] == values[:, 2]) & np.concatenate([[False], values[1:, 3] == values[:-1, 3]])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], still, [False]]).astype(np.int8)))
    lengths = edges[1::2] - edges[::2]
    least = max(FROZEN_BARS, FROZEN_S * 1000 // interval_ms)
    long = lengths >= least
    if not long.any():
        return []
    longest = int(np.argmax(lengths))
    at = int(ts[edges[::2][longest]])
    places = plural(int(long.sum()), "place")
    text = f"no movement over {least} bars or more in {places}, {int(lengths[longest])} from {utc(at)}"
    return [Finding(Severity.WARNING, "FROZEN", int(lengths[long].sum()), text, at)]


def _volume(ts: Stamps, values: Floats) -> list[Finding]:
    """Bars that moved and traded nothing."""
    silent = (values[:, 4] == 0) & (values[:, 1] > values[:, 2])
    if not silent.any():
        return []
    text = f"{_many(silent, 'bars')} moved without volume; sizes and costs that need volume have none there"
    return [Finding(Severity.NOTE, "VOLUME", int(silent.sum()), text, _first(ts, silent))]


def _share(wrong: Flags, ts: Stamps, code: str, text: str, noun: str = "bars") -> list[Finding]:
    count = int(wrong.sum())
    if count == 0:
        return []
    severity = Severity.UNUSABLE if count > MOST_WRONG * wrong.size else Severity.WARNING
    first = _first(ts, wrong)
    return [Finding(severity, code, count, f"{_many(wrong, noun)} {text}, first at {utc(first)}", first)]


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count != 1 else ''}"


def _many(wrong: Flags, noun: str) -> str:
    return f"{int(wrong.sum())} of {wrong.size} {noun}"


def _first(ts: Stamps, wrong: Flags) -> int:
    return int(ts[np.flatnonzero(wrong)[0]])
