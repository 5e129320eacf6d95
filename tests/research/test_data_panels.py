"""Panels: aligned in time, the same from cache and file, never stale, safe to lose."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from data_kit import NSE_OPEN, START, save, walk
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.research.data.panels import COLUMNS, FIELDS, MOST_KEPT, load, load_panel
from tradeterm.strategies.panel import Panel


def same(one: Panel, other: Panel) -> bool:
    return one.instruments == other.instruments and all(
        np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
        for name in ("ts_open", *FIELDS, "funding")
    )


@settings(max_examples=25)
@given(
    spans=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 200)), min_size=1, max_size=3),
    lost=st.sets(st.integers(0, 199), max_size=30),
    part=st.tuples(st.integers(0, 400), st.integers(0, 400)),
)
def test_every_bar_is_at_its_time_and_nothing_else_is(
    tmp_path_factory: pytest.TempPathFactory,
    spans: list[tuple[int, int]],
    lost: set[int],
    part: tuple[int, int],
) -> None:
    root = tmp_path_factory.mktemp("data")
    kept = {}
    for i, (lead, count) in enumerate(spans):
        ts, values = walk(count, i, START + lead * MINUTE_MS)
        keep = np.setdiff1d(np.arange(count), list(lost)) if i == 0 and len(lost) < count else np.arange(count)
        save(root / "okx" / "1m" / f"S{i}.parquet", ts[keep], values[keep])
        kept[f"S{i}.OKX"] = dict(zip(ts[keep].tolist(), values[keep].tolist(), strict=True))
    names = list(kept)
    panel = load_panel(root, names, "1m")
    every = sorted(set().union(*kept.values()))
    assert panel.ts_open.tolist() == list(range(every[0], every[-1] + 1, MINUTE_MS))
    assert panel.instruments == tuple(names)
    for column, name in enumerate(names):
        for row, ts in enumerate(panel.ts_open.tolist()):
            found = [float(getattr(panel, field)[row, column]) for field in FIELDS]
            assert found == kept[name][ts] if ts in kept[name] else all(map(np.isnan, found))
    start, end = START + min(part) * MINUTE_MS, START + max(part) * MINUTE_MS
    rows = np.flatnonzero((panel.ts_open >= start) & (panel.ts_open < end))
    if rows.size:
        assert same(load_panel(root, names, "1m", start, end), panel.window(int(rows[0]), int(rows[-1]) + 1))
    assert same(load(root, names, "1m", cache=False).panel, panel)


def test_funding_is_known_from_its_settlement_on(tmp_path: Path) -> None:
    save(tmp_path / "okx" / "1h" / "X.parquet", *walk(20, step=HOUR_MS))
    save(tmp_path / "okx" / "1h" / "Y.parquet", *walk(20, step=HOUR_MS))
    settled = np.array([START + 4 * HOUR_MS + 30, START + 12 * HOUR_MS])  # venues stamp a few ms late
    save(tmp_path / "okx" / "funding" / "X.parquet", settled, np.array([[0.001], [0.002]]))
    panel = load_panel(tmp_path, ["X", "Y"], "1h")
    assert np.isnan(panel.funding[:3, 0]).all()
    assert panel.funding[3:11, 0].tolist() == [0.001] * 8  # the bar that closes at 04:00 knows it
    assert panel.funding[11:, 0].tolist() == [0.002] * 9
    assert np.isnan(panel.funding[:, 1]).all()


def test_without_any_funding_it_takes_no_room(tmp_path: Path) -> None:
    save(tmp_path / "okx" / "1m" / "X.parquet", *walk(20))
    panel = load_panel(tmp_path, ["X"], "1m")
    assert np.isnan(panel.funding).all() and panel.funding.shape == (20, 1) and panel.funding.strides == (0, 0)


def test_an_instrument_is_one_piece_that_nobody_can_change(tmp_path: Path) -> None:
    for name in "XY":
        save(tmp_path / "okx" / "1m" / f"{name}.parquet", *walk(20))
    panel = load_panel(tmp_path, ["X", "Y"], "1m")
    assert panel.only(1).close[:, 0].flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        panel.close[0, 0] = 1.0


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    ts, values = walk(20)
    file = save(tmp_path / "okx" / "1m" / "X.parquet", ts, values)
    first = load(tmp_path, ["X"], "1m")
    stamp = file.stat()
    values[3, 4] = 77.0
    save(file, ts, values)
    os.utime(file, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    second = load(tmp_path, ["X"], "1m")
    assert second.panel.volume[3, 0] == 77.0 and first.panel.volume[3, 0] != 77.0
    assert first.data_hash != second.data_hash
    assert load(tmp_path, ["X"], "1m", START, START + 5 * MINUTE_MS).data_hash not in (
        first.data_hash,
        second.data_hash,
    )


def test_a_layout_may_be_deleted_or_damaged_at_any_time(tmp_path: Path) -> None:
    save(tmp_path / "okx" / "1m" / "X.parquet", *walk(20))
    panel = load_panel(tmp_path, ["X"], "1m")
    shutil.rmtree(tmp_path / COLUMNS)
    assert np.isfinite(panel.close).all()  # what is mapped stays
    assert same(load_panel(tmp_path, ["X"], "1m"), panel)
    for damage in ("close.npy", "ts_open.npy", "notes.json"):
        kept = next(path for path in (tmp_path / COLUMNS).iterdir())
        (kept / damage).write_bytes((kept / damage).read_bytes()[:-9])
        assert same(load_panel(tmp_path, ["X"], "1m"), panel)
        (next((tmp_path / COLUMNS).iterdir()) / damage).unlink()
        assert same(load_panel(tmp_path, ["X"], "1m"), panel)


def test_few_layouts_are_kept_and_no_drafts(tmp_path: Path) -> None:
    left = tmp_path / COLUMNS / ".draft-of-a-killed-process"
    left.mkdir(parents=True)
    os.utime(left, (0, 0))
    for i in range(MOST_KEPT + 3):
        save(tmp_path / "okx" / "1m" / f"S{i}.parquet", *walk(5))
        load_panel(tmp_path, [f"S{i}"], "1m")
    assert len(list((tmp_path / COLUMNS).iterdir())) == MOST_KEPT


def test_a_folder_that_cannot_be_written_is_read_all_the_same(tmp_path: Path) -> None:
    save(tmp_path / "okx" / "1m" / "X.parquet", *walk(20))
    (tmp_path / COLUMNS).write_text("in the way")
    assert load_panel(tmp_path, ["X"], "1m").rows == 20


def test_a_longer_interval_is_joined(tmp_path: Path) -> None:
    ts, values = walk(62, start=START + 3 * MINUTE_MS)
    save(tmp_path / "okx" / "1m" / "X.parquet", ts, values)
    found = load(tmp_path, ["X"], "5m")
    assert found.panel.ts_open[0] == START + 5 * MINUTE_MS and found.panel.rows == 12
    assert found.panel.volume[0, 0] == pytest.approx(values[2:7, 4].sum())
    assert found.report == ("X.OKX: left out 1 bars of which 1m parts are missing",)


def test_sessions_have_rows_for_their_hours_alone(tmp_path: Path) -> None:
    minutes = NSE_OPEN + MINUTE_MS * np.arange(375)
    for name, days in (("A", (0, 1)), ("B", (1, 5))):
        ts = np.concatenate([minutes + day * DAY_MS for day in days])
        save(tmp_path / "nse" / "1m" / f"{name}.parquet", ts, walk(ts.size)[1])
    panel = load_panel(tmp_path, ["A", "B"], "1m")
    assert panel.rows == 3 * 375
    assert np.isfinite(panel.close[:750, 0]).all() and np.isnan(panel.close[750:, 0]).all()
    assert np.isnan(panel.close[:375, 1]).all() and np.isfinite(panel.close[375:, 1]).all()
    assert load_panel(tmp_path, ["A", "B"], "1d").ts_open.tolist() == [NSE_OPEN + day * DAY_MS for day in (0, 1, 5)]


def test_bars_that_cannot_be_right_are_left_out_and_said(tmp_path: Path) -> None:
    ts, values = walk(20)
    values[7, 1] = 1.0
    save(tmp_path / "okx" / "1m" / "X.parquet", ts, values)
    found = load(tmp_path, ["X"], "1m")
    assert np.isnan(found.panel.close[7, 0]) and np.isfinite(np.delete(found.panel.close[:, 0], 7)).all()
    assert found.report == ("X.OKX: dropped 1 bar whose prices or volume cannot be right",)
    assert load(tmp_path, ["X"], "1m").report == found.report  # from the cache too


@pytest.mark.parametrize(
    ("symbols", "interval", "said"),
    [
        ([], "1m", "symbols: found none"),
        (["X", "x"], "1m", "symbols: found X.OKX twice"),
        (["Z"], "1m", "Z: there are no 1m bars"),
        (["X"], "7m", "interval: found '7m'"),
        (["H"], "1m", "H: there are no 1m bars"),
        (["X", "N"], "1m", "keep different trading hours"),
        (["OLD", "NEW"], "1m", "found bars from 1970-01-01 to 2025-01-01"),
    ],
)
def test_what_cannot_be_a_panel(tmp_path: Path, symbols: list[str], interval: str, said: str) -> None:
    save(tmp_path / "okx" / "1m" / "X.parquet", *walk(5))
    save(tmp_path / "okx" / "1h" / "H.parquet", *walk(5, step=HOUR_MS))
    save(tmp_path / "nse" / "1m" / "N.parquet", *walk(5, start=NSE_OPEN))
    save(tmp_path / "okx" / "1m" / "OLD.parquet", *walk(5, start=0))
    save(tmp_path / "okx" / "1m" / "NEW.parquet", *walk(5))
    with pytest.raises(DataError) as caught:
        load_panel(tmp_path, symbols, interval)
    assert said in str(caught.value)


def test_a_cached_panel_needs_no_pyarrow(tmp_path: Path) -> None:
    save(tmp_path / "okx" / "1m" / "X.parquet", *walk(20))
    load_panel(tmp_path, ["X"], "1m")
    code = (
        "import sys; from pathlib import Path; from tradeterm.research.data.panels import load_panel; "
        f"load_panel(Path({str(tmp_path)!r}), ['X'], '1m'); "
        "print(sorted({'pyarrow', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
