"""Checks that need more than one file: which sessions an exchange held, and whether those who failed are missing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import INTERVALS_MS
from tradeterm.research.data.calendar import ALWAYS, Stamps, hours_of
from tradeterm.research.data.check import Checked, Finding, Severity, check_bars, check_funding, check_series, report
from tradeterm.research.data.notable import sessions_held, survivorship
from tradeterm.research.data.series import FUNDING, Series
from tradeterm.research.data.store import read_timestamps
from tradeterm.research.data.understand import Wishes, understand


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
    held = {key: sessions_held(days) for key, days in found.items()}
    return {key: days for key, days in held.items() if days is not None}


def _survivorship(files: Sequence[Checked]) -> list[str]:
    groups: dict[tuple[str, str], list[Checked]] = {}
    for file in files:
        if file.interval != FUNDING and file.last is not None:
            groups.setdefault((file.instrument.rpartition(".")[2], file.interval), []).append(file)
    said = (
        survivorship(venue, interval, [file.last for file in group if file.last is not None])
        for (venue, interval), group in groups.items()
    )
    return [text for text in said if text]
