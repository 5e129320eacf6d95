"""Checks that need more than one file: which sessions an exchange held, and whether those who failed are missing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import DAY_MS, INTERVALS_MS
from tradeterm.research.data.calendar import ALWAYS, Stamps, hours_of
from tradeterm.research.data.check import Checked, Finding, Severity, check_bars, check_funding, check_series, report
from tradeterm.research.data.moments import date
from tradeterm.research.data.series import FUNDING, Series
from tradeterm.research.data.store import read_timestamps
from tradeterm.research.data.understand import Wishes, understand

LEAST_FILES = 5
"""From so many files on, a set of instruments is taken for a universe."""
ENDED_EARLY_MS = 30 * DAY_MS


class UniverseReport(Struct, frozen=True):
    """All files, and what they tell together."""

    files: tuple[Checked, ...]
    notes: tuple[str, ...]

    @property
    def usable(self) -> bool:
        return all(file.usable for file in self.files)


def check_all(series: Sequence[Series], paths: Sequence[Path] = (), wishes: Wishes | None = None) -> UniverseReport:
    """Check kept series, and files that are not imported yet."""
    days = _market_days(series)
    files = [check_series(one, days.get((one.venue, one.kind))) for one in series]
    files += [_check_path(path, wishes or Wishes()) for path in paths]
    return UniverseReport(tuple(files), tuple(_survivorship(files)))


def _check_path(path: Path, wishes: Wishes) -> Checked:
    try:
        said = understand(path, wishes)
    except DataError as error:
        text = str(error).removeprefix(f"{path}: ")
        return report(path, path.stem, "", None, [Finding(Severity.UNUSABLE, "UNREADABLE", 0, text)])
    name = f"{said.symbol}.{said.venue.upper()}" if said.venue else said.symbol
    if said.is_funding:
        return report(path, name, FUNDING, said.ts, check_funding(said.ts, said.values[:, 0]))
    findings = check_bars(said.ts, said.values, INTERVALS_MS[said.interval], said.hours)
    findings += [Finding(Severity.NOTE, "READ", said.ts.size, remark) for remark in said.remarks]
    return report(path, name, said.interval, said.ts, findings)


def _market_days(series: Sequence[Series]) -> dict[tuple[str, str], Stamps]:
    """Sessions by venue and interval, where enough files can tell: those half of the files have."""
    found: dict[tuple[str, str], list[Stamps]] = {}
    for one in series:
        hours = hours_of(one.venue)
        if one.kind == FUNDING or hours is ALWAYS:
            continue
        try:
            ts = read_timestamps(one)
        except DataError:
            continue  # said of the file itself
        if ts.size:
            found.setdefault((one.venue, one.kind), []).append(np.unique(hours.day(ts)))
    return {key: _held(days) for key, days in found.items() if len(days) >= LEAST_FILES}


def _held(files: list[Stamps]) -> Stamps:
    first, last = min(int(days[0]) for days in files), max(int(days[-1]) for days in files)
    having, reaching = np.zeros(last - first + 1), np.zeros(last - first + 1)
    for days in files:
        having[days - first] += 1
        reaching[days[0] - first : days[-1] - first + 1] += 1
    return np.asarray(np.flatnonzero((2 * having >= reaching) & (having > 0)) + first)


def _survivorship(files: Sequence[Checked]) -> list[str]:
    groups: dict[tuple[str, str], list[Checked]] = {}
    for file in files:
        if file.interval != FUNDING and file.last is not None:
            groups.setdefault((file.instrument.rpartition(".")[2], file.interval), []).append(file)
    notes = []
    for (venue, interval), group in groups.items():
        ends = [file.last for file in group if file.last is not None]
        if len(group) >= LEAST_FILES and max(ends) - min(ends) <= ENDED_EARLY_MS:
            notes.append(
                f"survivorship: all {len(group)} {interval} files of {venue} run to their end on {date(max(ends))}; "
                "none was delisted or failed on the way, so a test on them flatters every strategy that buys"
            )
    return notes
