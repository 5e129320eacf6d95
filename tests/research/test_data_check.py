"""Each fault is found, weighed and put into words; good data has none."""

from pathlib import Path

import numpy as np
import pytest
from data_kit import NSE_OPEN, START, save, walk

from tradeterm.desk.sessions import is_open
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.research.data.calendar import ALWAYS, NSE
from tradeterm.research.data.check import Finding, Severity, check_bars, check_funding
from tradeterm.research.data.series import all_series
from tradeterm.research.data.universe import check_all
from tradeterm.resources import demo_folder


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_good_bars_have_no_faults() -> None:
    assert check_bars(*walk(2000), MINUTE_MS) == []


def test_the_hours_are_those_of_the_desk() -> None:
    week = START + MINUTE_MS * np.arange(7 * 1440)
    for hours in (ALWAYS, NSE):
        ours = ~hours.outside(week) & hours.workday(hours.day(week))
        assert ours.tolist() == [is_open(hours.calendar, int(ts)) for ts in week]
    assert (NSE.calendar, ALWAYS.calendar) == (Calendar.NSE, Calendar.ALWAYS)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({3: np.nan}, "NON_FINITE"),
        ({4: np.inf}, "NON_FINITE"),
        ({2: 0.0}, "NON_POSITIVE"),
        ({1: 50.0}, "OHLC"),
        ({4: -1.0}, "VOLUME"),
    ],
)
def test_a_cell_that_cannot_be_right(cells: dict[int, float], code: str) -> None:
    ts, values = walk(2000)
    for column, value in cells.items():
        values[700, column] = value
    found = {finding.code: finding for finding in check_bars(ts, values, MINUTE_MS)}
    assert set(found) == {code, "GAP"}  # it is left out, so it is missing
    assert (found[code].severity, found[code].count, found[code].first) == (Severity.WARNING, 1, ts[700])
    values[:100, list(cells)] = list(cells.values())
    worse = {finding.code: finding.severity for finding in check_bars(ts, values, MINUTE_MS)}
    assert worse[code] is Severity.UNUSABLE


def test_order_and_repeats() -> None:
    ts, values = walk(2000)
    swapped = np.r_[0:500, 501, 500, 502:2000]
    assert only(check_bars(ts[swapped], values[swapped], MINUTE_MS)).code == "ORDER"
    again = np.r_[0:500, 499, 500:2000]
    assert only(check_bars(ts[again], values[again], MINUTE_MS)).code == "DUPLICATE"
    differing = values[again].copy()
    differing[500, 4] += 1
    conflict = only(check_bars(ts[again], differing, MINUTE_MS))
    assert (conflict.code, conflict.severity) == ("CONFLICT", Severity.UNUSABLE)


def test_gaps_and_bars_off_the_grid() -> None:
    ts, values = walk(2000)
    some = np.r_[0:500, 510:1500, 1501:2000]
    gap = only(check_bars(ts[some], values[some], MINUTE_MS))
    assert (gap.code, gap.count, gap.first) == ("GAP", 11, ts[500])
    assert gap.text == "11 of 2000 bars are missing in 2 places, the most (10) from 2025-01-01 08:20"
    assert only(check_bars(ts + 1000, values, MINUTE_MS)).code == "GRID"
    few = np.r_[0:10, 1990:2000]
    assert only(check_bars(ts[few], values[few], MINUTE_MS)).severity is Severity.UNUSABLE


def test_frozen_prices() -> None:
    ts, values = walk(2000)
    values[600:1100, :4] = values[599, 3]
    values[1100, 0] = values[599, 3]
    values[1100, 1:3] = max(values[1100, 1], values[599, 3]), min(values[1100, 2], values[599, 3])
    found = only(check_bars(ts, values, MINUTE_MS))
    assert (found.code, found.count) == ("FROZEN", 500)


def nse_days(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Daily bars on workdays from Wednesday 2025-01-01 on."""
    ts, values = walk(count, start=NSE_OPEN, step=DAY_MS)
    keep = NSE.workday(NSE.day(ts))
    return ts[keep], values[keep]


def test_splits_show_overnight() -> None:
    ts, values = nse_days(100)
    assert check_bars(ts, values, DAY_MS, NSE) == []
    values[40:, :4] /= 5
    found = only(check_bars(ts, values, DAY_MS, NSE))
    assert found.code == "SPLIT" and "as a split or bonus of 5 would" in found.text
    kept = np.r_[0:30, 40 : ts.size]
    jump = next(one for one in check_bars(ts[kept], values[kept], DAY_MS, NSE) if one.code != "SESSION")
    assert jump.code == "JUMP" and "days without a bar" in jump.text


def test_india_time_stored_as_utc_is_seen() -> None:
    inside = NSE_OPEN + MINUTE_MS * np.arange(375)
    ts = np.concatenate([inside + day * DAY_MS for day in (0, 1, 2)])
    values = walk(ts.size)[1]
    assert check_bars(ts, values, MINUTE_MS, NSE) == []
    found = next(one for one in check_bars(ts + 330 * MINUTE_MS, values, MINUTE_MS, NSE) if one.code == "TIME_ZONE")
    assert found.severity is Severity.UNUSABLE
    assert "5:30 h earlier they fit" in found.text


def test_funding() -> None:
    ts = START + 8 * HOUR_MS * np.arange(30)
    rates = np.full(30, 0.0001)
    assert check_funding(ts, rates) == []
    assert only(check_funding(np.delete(ts, 7), np.delete(rates, 7))).code == "GAP"
    rates[3] = 0.5
    assert only(check_funding(ts, rates)).code == "RATE"
    rates[3] = np.nan
    assert only(check_funding(ts, rates)).code == "NON_FINITE"


def test_sessions_that_others_have_and_survivorship(tmp_path: Path) -> None:
    ts, values = nse_days(200)
    for name in "ABCDE":
        rows = np.delete(np.arange(ts.size), 17) if name == "C" else np.arange(ts.size)
        save(tmp_path / "nse" / "1d" / f"{name}.parquet", ts[rows], values[rows])
    report = check_all(all_series(tmp_path))
    assert [file.instrument for file in report.files if file.findings] == ["C.NSE"]
    finding = report.files[2].findings[0]
    assert (finding.code, finding.count, finding.first) == ("SESSION", 1, ts[17])
    assert report.usable and len(report.notes) == 1 and "all 5 1d files of NSE run to their end" in report.notes[0]
    save(tmp_path / "nse" / "1d" / "F.parquet", ts[:100], values[:100])
    assert check_all(all_series(tmp_path)).notes == ()


def test_an_unreadable_file_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "okx" / "1m").mkdir(parents=True)
    (tmp_path / "okx" / "1m" / "X.parquet").write_bytes(b"PAR1 not really PAR1")
    report = check_all(all_series(tmp_path))
    assert not report.usable
    assert report.files[0].findings[0].code == "UNREADABLE"


def test_the_bundled_data_is_good() -> None:
    report = check_all(all_series(demo_folder()))
    assert len(report.files) == 8
    assert [finding for file in report.files for finding in file.findings] == []
