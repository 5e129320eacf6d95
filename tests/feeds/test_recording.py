"""What the data checks repair, what they refuse, and what they say of it."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import MINUTE_MS
from tradeterm.feeds.recording import find_file, load_bars, load_funding
from tradeterm.resources import demo_folder

START = 1_743_811_200_000
STEP = 5 * MINUTE_MS
GOOD = [
    (START, 100.0, 102.0, 99.0, 101.0, 5.0),
    (START + STEP, 101.0, 103.0, 100.0, 102.0, 6.0),
    (START + 2 * STEP, 102.0, 104.0, 101.0, 103.0, 7.0),
]
NAMES = ("timestamp", "open", "high", "low", "close", "volume")


def save(folder: Path, rows: list[tuple[float, ...]], name: str = "X.parquet", names: tuple[str, ...] = NAMES) -> Path:
    columns = dict(zip(names, (list(column) for column in zip(*rows, strict=True)), strict=True)) if rows else {}
    table = pa.table(columns or {name: pa.array([], pa.float64()) for name in names})
    if "timestamp" in columns:
        stamps = pa.array([int(ts) for ts in columns["timestamp"]], pa.int64()).cast(pa.timestamp("ms", tz="UTC"))
        table = table.set_column(0, "timestamp", stamps)
    elif not columns:
        table = table.set_column(0, "timestamp", pa.array([], pa.timestamp("ms", tz="UTC")))
    path = folder / name
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path)
    return path


def test_good_bars_come_through_untouched(tmp_path: Path) -> None:
    bars = load_bars(save(tmp_path, GOOD), STEP)
    assert bars.ts_open.tolist() == [row[0] for row in GOOD]
    assert list(zip(bars.open, bars.high, bars.low, bars.close, bars.volume, strict=True)) == [r[1:] for r in GOOD]
    assert bars.report == ()
    assert bars.close.dtype == np.float64 and bars.ts_open.dtype == np.int64


def test_csv_is_the_same(tmp_path: Path) -> None:
    bars = load_bars(save(tmp_path, GOOD, "X.csv"), STEP)
    assert bars.ts_open.tolist() == [row[0] for row in GOOD]
    assert bars.volume.tolist() == [5.0, 6.0, 7.0]


@pytest.mark.parametrize("unit", [1, 1000, 1_000_000, 1_000_000_000])
def test_epoch_numbers_tell_their_unit_by_their_size(tmp_path: Path, unit: int) -> None:
    stamps = [ts // 1000 * unit for ts, *_ in GOOD]
    columns = {"timestamp": stamps, **{name: [row[i] for row in GOOD] for i, name in enumerate(NAMES) if i}}
    parquet.write_table(pa.table(columns), tmp_path / "X.parquet")
    assert load_bars(tmp_path / "X.parquet", STEP).ts_open.tolist() == [row[0] for row in GOOD]


def test_a_time_without_zone_is_utc(tmp_path: Path) -> None:
    lines = ["timestamp,open,high,low,close,volume", "2025-04-05 00:00:00,1,1,1,1,0"]
    (tmp_path / "X.csv").write_text("\n".join(lines))
    assert load_bars(tmp_path / "X.csv", STEP).ts_open.tolist() == [START]


def test_unsorted_bars_are_sorted_and_repeats_dropped(tmp_path: Path) -> None:
    bars = load_bars(save(tmp_path, [GOOD[2], GOOD[0], GOOD[1], GOOD[1]]), STEP)
    assert bars.ts_open.tolist() == [row[0] for row in GOOD]
    assert bars.report == (
        "X.parquet: the bars were out of order and were sorted by time",
        "X.parquet: dropped 1 bar given more than once",
    )


def test_two_different_bars_of_one_time_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, [*GOOD, (START, 100.0, 102.0, 99.0, 100.5, 5.0)])
    with pytest.raises(DataError) as caught:
        load_bars(path, STEP)
    assert str(caught.value) == f"{path}: timestamp: found two different bars at {START}, allowed one a time"


@pytest.mark.parametrize(
    "bad",
    [
        (float("nan"), 103.0, 100.0, 102.0, 6.0),
        (101.0, float("inf"), 100.0, 102.0, 6.0),
        (101.0, 103.0, 100.0, 102.0, float("nan")),
        (101.0, 103.0, 100.0, 102.0, -1.0),
        (101.0, 101.5, 100.0, 102.0, 6.0),  # the high is below the close
        (101.0, 103.0, 101.5, 102.0, 6.0),  # the low is above the open
        (0.0, 103.0, 0.0, 102.0, 6.0),
        (-1.0, 103.0, -2.0, 102.0, 6.0),
    ],
)
def test_a_bar_that_cannot_be_right_is_dropped_and_said(tmp_path: Path, bad: tuple[float, ...]) -> None:
    bars = load_bars(save(tmp_path, [GOOD[0], (START + STEP, *bad), GOOD[2]]), STEP)
    assert bars.ts_open.tolist() == [START, START + 2 * STEP]
    assert bars.report == (
        "X.parquet: dropped 1 bar whose prices or volume cannot be right",
        "X.parquet: 1 of 3 bars are missing, the first at 2025-04-05 00:05 UTC; nothing is invented for them",
    )


def test_bars_off_the_grid_are_dropped(tmp_path: Path) -> None:
    bars = load_bars(save(tmp_path, [*GOOD, (START + 2 * STEP + 1000, *GOOD[2][1:])]), STEP)
    assert bars.rows == 3
    assert bars.report == (f"X.parquet: dropped 1 bar opening between multiples of {STEP} ms",)


def refusal(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        load_bars(path, STEP)
    text = str(caught.value)
    assert "\n" not in text and "Traceback" not in text
    return text


def test_nothing_left_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, [(START, float("nan"), 1.0, 1.0, 1.0, 1.0)])
    assert refusal(path) == (
        f"{path}: no bar is left after the checks: dropped 1 bar whose prices or volume cannot be right"
    )
    empty = save(tmp_path, [], "E.parquet")
    assert refusal(empty) == f"{empty}: found no bars, allowed at least one"


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, [row[:5] for row in GOOD], names=NAMES[:5])
    assert refusal(path) == (
        f"{path}: column volume: found only timestamp, open, high, low, close, "
        "allowed timestamp, open, high, low, close, volume"
    )


def test_a_column_of_words_is_named(tmp_path: Path) -> None:
    path = tmp_path / "X.csv"
    path.write_text("timestamp,open,high,low,close,volume\n2025-04-05 00:00:00,one,1,1,1,0\n")
    assert refusal(path) == f'{path}: column open: found "one" in row 1, allowed a number'
    path.write_text("timestamp,open,high,low,close,volume\nyesterday,1,1,1,1,0\n")
    assert refusal(path) == f"{path}: column timestamp: found string, allowed a time or epoch milliseconds"
    path.write_text("timestamp,open,high,low,close,volume\n2025-04-05 00:00:00,1,1,1,1,0\n,1,1,1,1,0\n")
    assert refusal(path) == f"{path}: column timestamp: found 1 rows without a time, allowed none"


def test_files_that_are_no_recording(tmp_path: Path) -> None:
    (tmp_path / "X.parquet").write_bytes(b"PAR1 not really")
    assert refusal(tmp_path / "X.parquet").startswith(f"{tmp_path / 'X.parquet'}: cannot be read: ")
    (tmp_path / "X.txt").write_text("hello")
    assert refusal(tmp_path / "X.txt") == f"{tmp_path / 'X.txt'}: found a .txt file, allowed .parquet or .csv"
    assert refusal(tmp_path / "N.parquet") == f"{tmp_path / 'N.parquet'}: there is no such file"
    (tmp_path / "E.csv").write_text("")
    assert refusal(tmp_path / "E.csv") == f"{tmp_path / 'E.csv'}: found an empty file, allowed a table"


def test_funding_is_stamped_to_the_second(tmp_path: Path) -> None:
    rows = [(START + 7, 0.0001), (START + 8 * 3_600_000 - 3, -0.0002), (START + 16 * 3_600_000, float("nan"))]
    funding = load_funding(save(tmp_path, rows, names=("timestamp", "funding_rate")))
    assert funding.ts.tolist() == [START, START + 8 * 3_600_000]
    assert funding.rate.tolist() == [0.0001, -0.0002]
    assert funding.report == ("X.parquet: dropped 1 settlement whose rate cannot be right",)


def test_files_are_found_by_kind_and_symbol(tmp_path: Path) -> None:
    assert find_file(tmp_path, "5m", "X") is None
    (tmp_path / "any" / "5m").mkdir(parents=True)
    save(tmp_path / "any" / "5m", GOOD, "X.csv")
    assert find_file(tmp_path, "5m", "X") == tmp_path / "any" / "5m" / "X.csv"
    (tmp_path / "5m").mkdir()
    save(tmp_path / "5m", GOOD, "X.parquet")
    assert find_file(tmp_path, "5m", "X") == tmp_path / "5m" / "X.parquet"


def test_the_bundled_recording_needs_no_repair() -> None:
    files = sorted((demo_folder() / "crypto" / "5m").glob("*.parquet"))
    assert len(files) == 6
    for path in files:
        bars = load_bars(path, STEP)
        assert (bars.rows, bars.report) == (2016, ())
        assert datetime.fromtimestamp(bars.ts_open[0] / 1000, UTC) == datetime(2025, 4, 5, tzinfo=UTC)
    for path in (demo_folder() / "crypto" / "funding").glob("*.parquet"):
        assert load_funding(path).report == ()


def test_reading_leaves_pandas_alone() -> None:
    """Starting would take a third of a second longer; Arrow imports it by itself where its `to_numpy` is used."""
    code = (
        "import sys; from tradeterm.config_file import load_config; from tradeterm.feeds.registry import make_feed; "
        "make_feed(load_config(None, 'demo'), None); sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
