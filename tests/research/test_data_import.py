"""Files of exchanges, brokers and programs come out as the same bars, and what is unclear is refused in words."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from data_kit import NSE_OPEN, START, save, text, walk
from pyarrow import feather, parquet

from tradeterm.domain.errors import DataError
from tradeterm.domain.market import DAY_MS, MINUTE_MS
from tradeterm.research.data.importer import Imported, data_files, import_file
from tradeterm.research.data.manifest import read_manifest
from tradeterm.research.data.series import all_series, series_at
from tradeterm.research.data.store import read_series
from tradeterm.research.data.understand import Wishes

BARS = [[1.0, 2.0, 0.5, 1.5, 10.0], [1.5, 2.5, 1.0, 2.0, 20.0], [2.0, 3.0, 1.5, 2.5, 30.0]]


def kept(root: Path, done: Imported) -> tuple[list[int], list[list[float]]]:
    ts, values = read_series(
        series_at(root, done.instrument.split(".")[1].lower(), done.interval, done.instrument.split(".")[0])
    )
    return ts.tolist(), values.tolist()


def minutes(count: int, start: int = START) -> list[int]:
    return [start + i * MINUTE_MS for i in range(count)]


ROWS = [(ts, *bar) for ts, bar in zip(minutes(3), BARS, strict=True)]
DUMPS = {
    "binance/BTCUSDT-1m-2025-01.csv": [  # Binance, without a header
        f"{ts},{o},{h},{lo},{c},{v},{ts + 59_999},15,3,7,8,0" for ts, o, h, lo, c, v in ROWS
    ],
    "binance/spot-BTCUSDT-1m.csv": [  # Binance spot from 2025 on: microseconds
        f"{ts}000,{o},{h},{lo},{c},{v},{ts}999,15,3,7,8,0" for ts, o, h, lo, c, v in ROWS
    ],
    "Binance_BTCUSDT_1m.csv": [  # cryptodatadownload: a line before the header, newest first
        "https://www.CryptoDataDownload.com",
        "Unix,Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USDT,tradecount",
        *reversed(
            [
                f"{ts},{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d %H:%M:%S},BTCUSDT,{o},{h},{lo},{c},{v},99,3"
                for ts, o, h, lo, c, v in ROWS
            ]
        ),
    ],
    "bybit/BTCUSDT_1_2025-01-01_2025-01-31.csv": [  # Bybit
        "id,symbol,period,start_at,volume,open,high,low,close",
        *(f"{i},BTCUSDT,1,{ts // 1000},{v},{o},{h},{lo},{c}" for i, (ts, o, h, lo, c, v) in enumerate(ROWS)),
    ],
    "okx/BTC-USDT-1m.csv": [  # ISO with T and Z, names in capitals, semicolons, a byte order mark
        "\ufeffDATETIME;OPEN;HIGH;LOW;CLOSE;VOL",
        *(
            f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%dT%H:%M:%SZ};{o};{h};{lo};{c};{v}"
            for ts, o, h, lo, c, v in ROWS
        ),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", DUMPS)
def test_dumps_of_exchanges(tmp_path: Path, name: str) -> None:
    root = tmp_path / "data"
    done = import_file(root, text(tmp_path / name, *DUMPS[name]), Wishes())
    assert (done.instrument.split(".")[0], done.interval) == ("BTCUSDT", "1m")
    assert kept(root, done) == (minutes(3), BARS)
    assert (done.rows, done.added, done.first, done.last) == (3, 3, START, START + 2 * MINUTE_MS)


def india(ts: int, form: str) -> str:
    return datetime.fromtimestamp((ts + 19_800_000) / 1000, UTC).strftime(form)


INDIAN = {
    "kite/RELIANCE.csv": ["date,open,high,low,close,volume,oi", "%Y-%m-%d %H:%M:%S+05:30,{}"],
    "nse/RELIANCE.csv": ["Date,Time,Open,High,Low,Close,Volume", "%Y%m%d,%H:%M,{}"],
    "nse/headerless/RELIANCE.csv": ["", "%Y%m%d,%H:%M,{}"],
    "nse/words/RELIANCE.csv": ["TIMESTAMP,OPEN,HIGH,LOW,CLOSE,TOTTRDQTY", "%d-%b-%Y %H:%M,{}"],
    "nse/slashes/RELIANCE.csv": ["Date,Open,High,Low,Close,Volume", "%d/%m/%Y %I:%M %p,{}"],
}


@pytest.mark.parametrize("name", INDIAN)
def test_clocks_in_indian_files_show_indian_time(tmp_path: Path, name: str) -> None:
    root, (header, form) = tmp_path / "data", INDIAN[name]
    start = NSE_OPEN + 14 * DAY_MS  # the 15th: day and month can be told apart
    lines = [
        india(ts, form).format(",".join(map(str, bar)) + (",0" if "oi" in header else ""))
        for ts, bar in zip(minutes(3, start), BARS, strict=True)
    ]
    done = import_file(root, text(tmp_path / name, *([header] if header else []), *lines), Wishes())
    assert done.instrument in ("RELIANCE.NSE", "RELIANCE.KITE")
    assert kept(root, done) == (minutes(3, start), BARS)


def test_yahoo_days_are_sessions_of_the_exchange(tmp_path: Path) -> None:
    file = text(
        tmp_path / "RELIANCE.NS.csv",
        "Date,Open,High,Low,Close,Adj Close,Volume",
        "2025-01-01,1,2,0.5,1.5,1.4,10",
        "2025-01-02,null,null,null,null,null,null",
        *(f"2025-01-{day:02d},1,2,0.5,1.5,1.4,10" for day in range(3, 31)),
        *(f"2025-{month:02d}-{day:02d},1,2,0.5,1.5,1.4,10" for month in range(2, 7) for day in range(1, 29)),
    )
    done = import_file(tmp_path / "data", file, Wishes())
    assert (done.instrument, done.interval, done.style, done.first) == ("RELIANCE.NSE", "1d", "Yahoo", NSE_OPEN)
    assert done.mapping["close"] == "Close"
    assert "dropped 1 bar whose prices or volume cannot be right" in done.repaired
    assert kept(tmp_path / "data", done)[0][1] == NSE_OPEN + 2 * DAY_MS


def test_yfinance_tells_its_ticker(tmp_path: Path) -> None:
    file = text(
        tmp_path / "download.csv",
        "Price,Close,High,Low,Open,Volume",
        "Ticker,INFY.NS,INFY.NS,INFY.NS,INFY.NS,INFY.NS",
        "Date,,,,,",
        "2025-01-01,1.5,2.0,0.5,1.0,10",
        "2025-01-02,1.5,2.0,0.5,1.0,10",
    )
    assert import_file(tmp_path / "data", file, Wishes()).instrument == "INFY.NSE"


def test_feather_and_parquet_are_the_same(tmp_path: Path) -> None:
    ts, values = walk(50)
    source = save(tmp_path / "source" / "BTCUSDT.parquet", ts, values)
    feather.write_feather(parquet.read_table(source), tmp_path / "BTC_USDT_USDT-1m-futures.feather")
    for path in (source, tmp_path / "BTC_USDT_USDT-1m-futures.feather"):
        done = import_file(tmp_path / "data", path, Wishes(venue="okx"))
        assert (done.instrument, done.rows) == ("BTCUSDT.OKX", 50)
    assert (done.added, done.same) == (0, 50)


def test_funding_is_known_by_its_column(tmp_path: Path) -> None:
    hour8 = 8 * 60 * MINUTE_MS
    lines = [f"{START + i * hour8 + 17},8,0.000{i + 1}" for i in range(3)]
    file = text(
        tmp_path / "binance" / "BTCUSDT-fundingRate-2025-01.csv",
        "calc_time,funding_interval_hours,last_funding_rate",
        *lines,
    )
    done = import_file(tmp_path / "data", file, Wishes())
    assert (done.instrument, done.interval) == ("BTCUSDT.BINANCE", "funding")
    assert kept(tmp_path / "data", done) == ([START + i * hour8 for i in range(3)], [[0.0001], [0.0002], [0.0003]])


def test_one_symbol_of_many(tmp_path: Path) -> None:
    lines = [f"{ts},{name},1,2,0.5,1.5,10" for ts in minutes(3) for name in ("AAA", "BBB")]
    file = text(tmp_path / "all.csv", "ts,symbol,open,high,low,close,volume", *lines)
    with pytest.raises(
        DataError, match=r"column symbol: found 2 symbols \(AAA, BBB\), allowed one; name it with --symbol"
    ):
        import_file(tmp_path / "data", file, Wishes(venue="okx"))
    assert import_file(tmp_path / "data", file, Wishes(venue="okx", symbol="bbb")).rows == 3


def test_columns_can_be_named(tmp_path: Path) -> None:
    lines = [f"{ts},2,1,0.5,1.5,7" for ts in minutes(3)]
    file = text(tmp_path / "X.csv", "when,top,first,bottom,end,amount", *lines)
    with pytest.raises(DataError, match="column ts: found only when, top, first, bottom, end, amount"):
        import_file(tmp_path / "data", file, Wishes(venue="okx"))
    names = {"ts": "when", "open": "first", "high": "top", "low": "bottom", "close": "end", "volume": "amount"}
    done = import_file(tmp_path / "data", file, Wishes(venue="okx", columns=names))
    assert kept(tmp_path / "data", done)[1][0] == [1.0, 2.0, 0.5, 1.5, 7.0]
    assert done.mapping == names


def test_numbers_with_separators_and_types_that_change(tmp_path: Path) -> None:
    lines = [f'2025-01-01 00:{i:02d},"1,23,456.5","1,23,457",123456,123456.5,{i}' for i in range(3)]
    file = text(tmp_path / "X.csv", "time,open,high,low,close,volume", *lines)
    assert kept(tmp_path / "data", import_file(tmp_path / "data", file, Wishes(venue="okx")))[1][0][0] == 123456.5
    many = 60_000  # beyond the first block, from which types are taken
    lines = [f"{START + i * MINUTE_MS},100,101,99,100,{5 if i < many - 1 else 5.5}" for i in range(many)]
    file = text(tmp_path / "Y.csv", "time,open,high,low,close,volume", *lines)
    assert kept(tmp_path / "data", import_file(tmp_path / "data", file, Wishes(venue="okx")))[1][-1][4] == 5.5


def test_summer_time_of_a_named_zone(tmp_path: Path) -> None:
    lines = [f"2025-03-09 {hour:02d}:00,1,2,0.5,1.5,1" for hour in (0, 1, 3, 4)]  # New York skips 02:00
    file = text(tmp_path / "X.csv", "time,open,high,low,close,volume", *lines)
    done = import_file(tmp_path / "data", file, Wishes(venue="okx", timezone="America/New_York"))
    ts = kept(tmp_path / "data", done)[0]
    assert np.diff(ts).tolist() == [3_600_000] * 3 and ts[0] == int(
        datetime(2025, 3, 9, 5, tzinfo=UTC).timestamp() * 1000
    )
    assert done.zone == "America/New_York"


def bars(*times: str) -> list[str]:
    return ["time,open,high,low,close,volume", *(f"{time},1,2,0.5,1.5,10" for time in times)]


@pytest.mark.parametrize(
    ("lines", "wishes", "said"),
    [
        (bars("1735689600000", "1735689660000"), {"venue": ""}, "nothing in it tells the venue"),
        (bars("1735689600000", "1735689660000"), {"interval": "5m"}, "found bars 1m apart, allowed 5m, which"),
        (bars("1735689600000", "1735689667000"), {}, "found bars 67 s apart, allowed 1m, 3m"),
        (bars("1735689600000"), {}, "one bar tells no interval"),
        (bars("1735689600000", "1735689660"), {}, "found times in different units"),
        (bars("2025-01-01T00:00Z", "2025-01-01 00:01"), {}, "found times with and without a zone"),
        (bars("03/04/2025 10:00", "03/04/2025 10:01"), {}, "whose day and month cannot be told apart"),
        (bars("yesterday", "today"), {}, 'column time: found "yesterday" in row 1, allowed a time'),
        (bars("99999999999999", "99999999999998"), {}, "allowed 1970 to 2099"),
        (bars("2025-01-01 00:00", ""), {}, "found 1 rows without a time, allowed none"),
        (bars("2025-01-01 00:00", "2025-01-01 00:01"), {"timezone": "Mars/Base"}, "--timezone: found 'Mars/Base'"),
        (bars("2025-01-01 00:00", "2025-01-01 00:01"), {"symbol": "../../x"}, "symbol: found"),
        (bars("2025-01-01 00:00", "2025-01-01 00:01"), {"venue": "../x"}, "venue: found"),
        (bars("2025-01-01 00:00", "2025-01-01 00:01"), {"venue": "nse"}, "lie outside 09:15-15:30 India time"),
        (["t,o,h,l,c", "2025-01-01 00:00,5,2,1,1", "2025-01-01 00:01,5,2,1,1"], {}, "2 of 2 bars have prices"),
        (["t,o,h,l,close,Close", "1735689600,1,1,1,1,1"], {}, "found close and Close, allowed one"),
        (["t,o,h,l,c", "1735689600,1,1,1,x", "1735689660,1,1,1,1"], {}, 'column c: found "x" in row 1'),
        (["time,open,high,low,close"], {}, "found no rows"),
        (["a,b", "1,2"], {}, "column ts: found only a, b"),
        (["1,2,3", "1,2,3"], {}, "found 3 columns without names"),
    ],
)  # fmt: skip
def test_what_is_unclear_is_refused_in_one_sentence(
    tmp_path: Path, lines: list[str], wishes: dict[str, str], said: str
) -> None:
    file = text(tmp_path / "X.csv", *lines)
    with pytest.raises(DataError) as caught:
        import_file(tmp_path / "data", file, Wishes(**({"venue": "okx"} | wishes)))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert all_series(tmp_path / "data") == []


def test_a_file_without_volume_says_so(tmp_path: Path) -> None:
    file = text(tmp_path / "X.csv", "time,open,high,low,close", "1735689600,1,2,1,1", "1735689660,1,2,1,1")
    done = import_file(tmp_path / "data", file, Wishes(venue="okx"))
    assert done.repaired == ("there is no volume; 0 stands for it",)
    manifest = read_manifest(series_at(tmp_path / "data", "okx", "1m", "X"))
    assert manifest.sources[0].repaired == done.repaired and manifest.sources[0].source == str(file)


def test_a_trial_run_keeps_nothing(tmp_path: Path) -> None:
    file = text(tmp_path / "X.csv", *bars("2025-01-01 00:00", "2025-01-01 00:01"))
    assert import_file(tmp_path / "data", file, Wishes(venue="okx"), dry_run=True).added == 2
    assert not (tmp_path / "data").exists()


def test_a_link_to_a_folder_is_not_followed(tmp_path: Path) -> None:
    save(tmp_path / "a" / "X.parquet", *walk(3))
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a")
    (tmp_path / "a" / "Y.parquet").symlink_to(tmp_path / "a" / "X.parquet")
    (tmp_path / "a" / ".hidden.parquet").write_text("")
    assert [path.name for path in data_files(tmp_path / "a")] == ["X.parquet", "Y.parquet"]


def test_decimal_commas_are_named(tmp_path: Path) -> None:
    rows = [f"{ts};1,5;2,25;0,5;1,75;10,0" for ts in minutes(3)]
    for lines in (["timestamp;open;high;low;close;volume", *rows], rows):
        with pytest.raises(DataError) as caught:
            import_file(tmp_path / "data", text(tmp_path / "X_BINANCE.csv", *lines), Wishes())
        assert str(caught.value).endswith('X_BINANCE.csv: found "1,5", a decimal comma, allowed decimal points')


def test_the_hour_that_autumn_repeats_is_named(tmp_path: Path) -> None:
    """00:00 to 01:55 UTC of that night: 02:00 to 02:55 on a clock in Berlin, twice."""
    start = int(datetime(2024, 10, 26, 23, 0, tzinfo=UTC).timestamp() * 1000)
    berlin = ZoneInfo("Europe/Berlin")
    stamps = [start + 5 * i * MINUTE_MS for i in range(60)]
    walls = [datetime.fromtimestamp(ts / 1000, berlin).strftime("%Y-%m-%d %H:%M") for ts in stamps]
    rows = [f"{wall},1,2,0.5,{1 + i / 100},10" for i, wall in enumerate(walls)]
    path = text(tmp_path / "X_BINANCE.csv", "timestamp,open,high,low,close,volume", *rows)
    with pytest.raises(DataError) as caught:
        import_file(tmp_path / "data", path, Wishes(timezone="Europe/Berlin"))
    assert str(caught.value) == (
        f"{path}: column timestamp: found 2024-10-27 02:00 twice: clocks in Europe/Berlin go back then and show that "
        "hour again; allowed times in UTC, or with an offset such as +02:00"
    )
    done = import_file(
        tmp_path / "data",
        text(tmp_path / "Y_BINANCE.csv", "timestamp,open,high,low,close,volume", *rows[:24]),
        Wishes(timezone="Europe/Berlin"),
    )
    assert (done.first, done.last) == (stamps[0], stamps[23])
