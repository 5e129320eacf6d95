"""The store changes in one step or not at all, and differing data never replaces data silently."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from data_kit import START, save, walk

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import MINUTE_MS
from tradeterm.research.data.check import check_series
from tradeterm.research.data.importer import import_file
from tradeterm.research.data.manifest import Source, file_hash, read_hash, read_manifest
from tradeterm.research.data.series import Series, all_series, find_series, series_at
from tradeterm.research.data.store import merge, read_series
from tradeterm.research.data.understand import Wishes

SOURCE = Source(source="here", imported="2025-01-01T00:00:00Z", rows=1)


def series(root: Path) -> Series:
    return series_at(root, "okx", "1m", "X")


def test_overlapping_files_join(tmp_path: Path) -> None:
    ts, values = walk(30)
    assert merge(tmp_path, series(tmp_path), ts[:20], values[:20], SOURCE, replace=False).added == 20
    done = merge(tmp_path, series(tmp_path), ts[10:], values[10:], SOURCE, replace=False)
    assert (done.rows, done.added, done.same, done.replaced) == (30, 10, 10, 0)
    found_ts, found = read_series(series(tmp_path))
    assert np.array_equal(found_ts, ts) and np.array_equal(found, values)


def test_older_rows_join_in_front(tmp_path: Path) -> None:
    ts, values = walk(30)
    merge(tmp_path, series(tmp_path), ts[20:], values[20:], SOURCE, replace=False)
    merge(tmp_path, series(tmp_path), ts[:5], values[:5], SOURCE, replace=False)
    assert read_series(series(tmp_path))[0].tolist() == [*ts[:5], *ts[20:]]
    manifest = read_manifest(series(tmp_path))
    assert (manifest.rows, manifest.first, manifest.last) == (15, ts[0], ts[-1])


def test_differing_rows_are_refused_with_the_first_difference(tmp_path: Path) -> None:
    ts, values = walk(30)
    merge(tmp_path, series(tmp_path), ts, values, SOURCE, replace=False)
    before = series(tmp_path).path.read_bytes()
    other = values.copy()
    other[7, 3] = other[7, 0]
    other[9, 4] += 1
    with pytest.raises(DataError) as caught:
        merge(tmp_path, series(tmp_path), ts, other, SOURCE, replace=False)
    assert "here: X 1m at 2025-01-01 00:07 UTC: close is" in str(caught.value)
    assert "(2 of 30 rows in both differ); --replace takes the new ones" in str(caught.value)
    assert series(tmp_path).path.read_bytes() == before
    done = merge(tmp_path, series(tmp_path), ts[:10], other[:10], SOURCE, replace=True)
    assert (done.added, done.same, done.replaced) == (0, 8, 2)
    assert np.array_equal(read_series(series(tmp_path))[1], np.concatenate([other[:10], values[10:]]))


def test_what_is_known_already_is_not_written_again(tmp_path: Path) -> None:
    ts, values = walk(30)
    merge(tmp_path, series(tmp_path), ts, values, SOURCE, replace=False)
    stat = series(tmp_path).path.stat()
    merge(tmp_path, series(tmp_path), ts[5:9], values[5:9], SOURCE, replace=False)
    assert series(tmp_path).path.stat().st_mtime_ns == stat.st_mtime_ns


def test_a_manifest_that_is_lost_or_stale_is_made_anew(tmp_path: Path) -> None:
    ts, values = walk(30)
    merge(tmp_path, series(tmp_path), ts, values, SOURCE, replace=False)
    known = read_manifest(series(tmp_path))
    series(tmp_path).manifest.unlink()
    assert read_manifest(series(tmp_path)) == known  # its sources too: the file carries them
    series(tmp_path).manifest.write_text("{")
    assert read_manifest(series(tmp_path)) == known
    save(series(tmp_path).path, ts[:7], values[:7])
    assert read_manifest(series(tmp_path)).rows == 7
    assert read_hash(series(tmp_path)) == file_hash(series(tmp_path).path) != known.sha256


def test_damage_that_changes_neither_size_nor_time_is_found(tmp_path: Path) -> None:
    merge(tmp_path, series(tmp_path), *walk(500), SOURCE, replace=False)
    assert check_series(series(tmp_path)).findings == ()
    path = series(tmp_path).path
    stat, data = path.stat(), bytearray(path.read_bytes())
    data[len(data) // 3] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert {finding.code for finding in check_series(series(tmp_path)).findings} & {"DAMAGED", "UNREADABLE"}


def test_names_find_what_is_kept(tmp_path: Path) -> None:
    ts, values = walk(3)
    for venue, symbol in (("okx", "X"), ("kraken", "X"), ("kraken", "Y")):
        save(tmp_path / venue / "1m" / f"{symbol}.parquet", ts, values)
    save(tmp_path / "kraken" / "1h" / "Y.parquet", ts, values)
    (tmp_path / "okx" / "1m" / ".Z.123.tmp").write_text("")
    assert [f"{one.instrument} {one.kind}" for one in all_series(tmp_path)] == [
        "X.KRAKEN 1m", "Y.KRAKEN 1m", "Y.KRAKEN 1h", "X.OKX 1m",
    ]  # fmt: skip
    assert [one.kind for one in find_series(tmp_path, "y", ("1h", "1m"))] == ["1h", "1m"]
    assert [one.venue for one in find_series(tmp_path, "X.OKX", ("1m",))] == ["okx"]
    with pytest.raises(DataError, match=r"X: found X\.KRAKEN and X\.OKX, allowed one"):
        find_series(tmp_path, "X", ("1m",))
    assert [one.instrument for one in all_series(tmp_path / "okx")] == ["X.OKX"]  # a venue's folder by itself


def _import(root: Path, file: Path) -> None:
    import_file(root, file, Wishes(venue="okx", symbol="X"))


def test_two_processes_lose_nothing(tmp_path: Path) -> None:
    ts, values = walk(3000)
    context = multiprocessing.get_context("spawn")
    thirds = [slice(i * 1000, i * 1000 + 1000) for i in range(3)]
    parts = [save(tmp_path / f"{i}" / "X.parquet", ts[cut], values[cut]) for i, cut in enumerate(thirds)]
    running = [context.Process(target=_import, args=(tmp_path / "data", part)) for part in parts]
    for process in running:
        process.start()
    for process in running:
        process.join(60)
        assert process.exitcode == 0
    found_ts, found = read_series(series(tmp_path / "data"))
    assert np.array_equal(found_ts, ts) and np.array_equal(found, values)
    assert read_manifest(series(tmp_path / "data")).rows == 3000


def _write_for_ever(root: Path, ready: Path) -> None:
    for i in range(10_000):
        ts, values = walk(20_000, seed=i)
        merge(root, series(root), ts, values, SOURCE, replace=True)
        ready.touch()


def test_a_kill_leaves_whole_files(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    root = tmp_path / "data"
    for wait in (0.0, 0.013, 0.029):
        ready = tmp_path / f"ready{wait}"
        process = context.Process(target=_write_for_ever, args=(root, ready))
        process.start()
        while not ready.exists():
            time.sleep(0.005)
        time.sleep(wait)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(30)
        ts, values = read_series(series(root))
        assert ts.size == 20_000 and values.shape == (20_000, 5)
        manifest = read_manifest(series(root))
        assert (manifest.rows, manifest.sha256) == (20_000, file_hash(series(root).path))
    ts, values = walk(5, start=START + 30_000 * MINUTE_MS)
    merge(root, series(root), ts, values, SOURCE, replace=False)
    assert sorted(path.name for path in series(root).path.parent.iterdir()) == ["X.json", "X.parquet"]
