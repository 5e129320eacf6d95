"""What a study says of its data: splits, holes, and who is not in it."""

from pathlib import Path

import numpy as np
from data_kit import save, walk

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research.data.notable import survivorship
from tradeterm.research.data.panels import load
from tradeterm.research.studies import Asked, find_study

NSE_OPEN = 1_736_135_100_000  # Monday 2025-01-06 09:15 India time
DAILY = ("exits.session_end=false",)


def days(root: Path, name: str, count: int = 40, split: int | None = None, without: slice | None = None) -> None:
    ts, values = walk(count * 7 // 5 + 3, start=NSE_OPEN, step=DAY_MS)
    weekday = (ts // DAY_MS + 3) % 7 < 5
    ts, values = ts[weekday][:count], values[weekday][:count]
    if split is not None:
        values[split:, :4] /= 2
    if without is not None:
        ts, values = np.delete(ts, without), np.delete(values, without, axis=0)
    save(root / "nse" / "1d" / f"{name}.parquet", ts, values)


def notes(root: Path, interval: str, **asked: int) -> list[str]:
    settings = DAILY if interval == "1d" else ()
    return list(find_study("eos", None, root, Asked(interval=interval, settings=settings, **asked)).notes)


def test_splits_are_said_with_their_date_where_they_are_in_the_study(tmp_path: Path) -> None:
    days(tmp_path, "WIPRO", split=20)
    (said,) = [note for note in notes(tmp_path, "1d") if "split" in note]
    assert said.startswith("WIPRO.NSE 2025-02-03: opens at ") and "as a split or bonus of 2 would" in said
    assert said.endswith("prices are not adjusted for it")
    before = notes(tmp_path, "1d", end=NSE_OPEN + 20 * DAY_MS)
    assert not [note for note in before if "split" in note]


def test_a_large_hole_is_said(tmp_path: Path) -> None:
    ts, values = walk(400, step=HOUR_MS)
    hole = slice(100, 300)
    save(tmp_path / "okx" / "1h" / "SUI.parquet", np.delete(ts, hole), np.delete(values, hole, axis=0))
    save(tmp_path / "okx" / "1h" / "BTC.parquet", np.delete(ts, slice(9, 12)), np.delete(values, slice(9, 12), axis=0))
    (said,) = [note for note in notes(tmp_path, "1h") if "missing" in note]
    assert said == "SUI.OKX: 200 of 400 bars are missing in 1 place, the most (200) from 2025-01-05 04:00"


def test_sessions_that_others_have_are_said(tmp_path: Path) -> None:
    for number in range(5):
        days(tmp_path, f"S{number}", without=slice(10, 20) if number == 3 else None)
    (said,) = [note for note in notes(tmp_path, "1d") if "session" in note]
    assert said == "S3.NSE: without 10 sessions that others have, the first on 2025-01-20"


def test_survivorship_is_said_of_a_universe_over_a_long_time(tmp_path: Path) -> None:
    for number in range(5):
        days(tmp_path, f"S{number}", 300)
    (said,) = [note for note in notes(tmp_path, "1d") if "survivorship" in note]
    assert said.startswith("survivorship: all 5 1d files of NSE run to their end on 2026-02-")
    short = notes(tmp_path, "1d", start=NSE_OPEN + 300 * DAY_MS)
    assert not [note for note in short if "survivorship" in note]


def test_what_was_found_is_kept_with_the_columns(tmp_path: Path) -> None:
    days(tmp_path, "WIPRO", split=20)
    found = [load(tmp_path, ["WIPRO"], "1d", cache=cache).findings for cache in (True, True, False)]
    assert [[one.code for _, one in each] for each in found] == [["SPLIT"]] * 3


def test_one_early_end_of_many_is_still_survivorship() -> None:
    ends = [NSE_OPEN] * 39
    assert survivorship("NSE", "1d", [*ends, NSE_OPEN - 31 * DAY_MS]) == (
        "survivorship: 39 of 40 1d files of NSE run to their end on 2025-01-06; hardly any was delisted or failed on "
        "the way, so a test on them flatters every strategy that buys"
    )
    assert survivorship("NSE", "1d", [*ends, *[NSE_OPEN - 31 * DAY_MS] * 3]) is None
    assert survivorship("NSE", "1d", []) is None
