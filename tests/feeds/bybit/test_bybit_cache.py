"""Bars kept on disk: what was written is read, what was damaged is put aside and said."""

from pathlib import Path

import pytest
from bybit_venue_kit import BTC, FIVE, T0

from tradeterm.domain.market import Bar
from tradeterm.feeds.bybit.cache import BarCache
from tradeterm.feeds.recording import load_bars


def bar(number: int, close: float = 1.5) -> Bar:
    ts = T0 + number * FIVE
    return Bar(BTC, FIVE, ts, 1, 2, 0.5, close, 3.25, ts + FIVE)


def cached(folder: Path) -> BarCache:
    return BarCache(folder, "5m", FIVE)


def test_what_is_kept_is_read_and_can_be_replayed(tmp_path: Path) -> None:
    cache = cached(tmp_path)
    assert cache.load(BTC, "BTCUSDT", 0) == {}
    cache.save(BTC, "BTCUSDT", [bar(0), bar(1)])
    cache.save(BTC, "BTCUSDT", [bar(3), bar(1, close=9), bar(2)])
    assert list(cached(tmp_path).load(BTC, "BTCUSDT", 0).values()) == [bar(n) for n in range(4)]
    assert list(cached(tmp_path).load(BTC, "BTCUSDT", bar(2).ts_open)) == [bar(2).ts_open, bar(3).ts_open]
    assert load_bars(tmp_path / "5m" / "BTCUSDT.parquet", FIVE).report == ()
    assert cache.report == []
    assert [path.name for path in (tmp_path / "5m").iterdir()] == ["BTCUSDT.parquet"]


def test_a_gap_is_no_damage(tmp_path: Path) -> None:
    cache = cached(tmp_path)
    cache.save(BTC, "BTCUSDT", [bar(0), bar(5)])
    assert len(cache.load(BTC, "BTCUSDT", 0)) == 2
    assert cache.report == []


@pytest.mark.parametrize("damage", ["cut", "order", "repeat", "nonsense", "columns"])
def test_damage_is_put_aside_and_said(tmp_path: Path, damage: str) -> None:
    import pyarrow
    from pyarrow import parquet

    cache = cached(tmp_path)
    cache.save(BTC, "BTCUSDT", [bar(n) for n in range(5)])
    path = tmp_path / "5m" / "BTCUSDT.parquet"
    table = parquet.read_table(path, use_threads=False)
    match damage:
        case "cut":
            path.write_bytes(path.read_bytes()[:-20])
        case "order":
            parquet.write_table(table.take([1, 0, 2]), path)
        case "repeat":
            parquet.write_table(table.take([0, 1, 1, 2]), path)
        case "nonsense":
            parquet.write_table(table.set_column(4, "close", pyarrow.array([float("nan")] * 5)), path)
        case "columns":
            parquet.write_table(table.drop_columns(["low"]), path)
    assert cache.load(BTC, "BTCUSDT", 0) == {}
    assert len(cache.report) == 1
    assert cache.report[0].endswith("put aside as BTCUSDT.damaged and fetched anew")
    assert not path.exists()
    assert path.with_suffix(".damaged").exists()
    cache.save(BTC, "BTCUSDT", [bar(0)])
    assert len(cached(tmp_path).load(BTC, "BTCUSDT", 0)) == 1


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "5m").write_text("a file where the folder should be")
    cache = cached(tmp_path)
    cache.save(BTC, "BTCUSDT", [bar(0)])
    assert "the bars cannot be kept" in cache.report[0]
