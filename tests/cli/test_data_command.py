"""`tradeterm data`: what people and programs are told, with which exit status, and how soon."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tradeterm.cli import main
from tradeterm.profile import Profile
from tradeterm.resources import demo_folder

MINE = ("--profile", "default")
START = 1_735_689_600_000


def words(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["data", *arguments, *MINE]) == status
    return capsys.readouterr().out


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    return json.loads(words(capsys, *arguments, "--json", status=status))


def klines(folder: Path, name: str = "BTCUSDT-1m.csv", rows: int = 11, price: float = 100.0) -> Path:
    folder.mkdir(exist_ok=True)
    lines = [f"{START + i * 60_000},{price},{price + 1},{price - 1},{price},{i + 1}" for i in range(rows) if i != 7]
    (folder / name).write_text("\n".join(["open_time,open,high,low,close,volume", *lines, ""]))
    return folder / name


def test_an_empty_folder_says_what_to_do(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    where = profile.root / "data"
    assert words(capsys, "list") == f"there is no data in {where} yet; `tradeterm data import FILE` brings some\n"
    assert words(capsys, "check") == f"there is no data in {where} yet; `tradeterm data import FILE` brings some\n"
    assert parsed(capsys, "list") == {"type": "data_list", "folder": str(where), "series": [], "unreadable": []}
    assert not where.exists()


def test_import_shows_how_it_understood_the_file(
    capsys: pytest.CaptureFixture[str], profile: Profile, tmp_path: Path
) -> None:
    file = klines(tmp_path / "binance")
    kept = profile.root / "data" / "binance" / "1m" / "BTCUSDT.parquet"
    assert words(capsys, "import", str(file)).splitlines() == [
        f"{file}: 10 rows of BTCUSDT.BINANCE 1m, 2025-01-01 00:00 to 2025-01-01 00:10 UTC",
        "  read as bars: ts=open_time, open=open, high=high, low=low, close=close, volume=volume; epoch ms",
        f"  10 new, 0 the same as before, 0 replaced: {kept}",
    ]
    answer = parsed(capsys, "import", str(file))
    assert list(answer) == ["type", "folder", "dry_run", "ok", "imported", "instruments", "refused"]
    assert list(answer["imported"][0]) == [
        "source", "path", "instrument", "interval", "style", "mapping", "times", "zone", "rows", "first", "last",
        "added", "same", "replaced", "repaired",
    ]  # fmt: skip
    assert (answer["imported"][0]["added"], answer["imported"][0]["same"]) == (0, 10)


def test_list_and_check_of_what_is_kept(capsys: pytest.CaptureFixture[str], profile: Profile, tmp_path: Path) -> None:
    words(capsys, "import", str(klines(tmp_path / "binance")))
    lines = words(capsys, "list").splitlines()
    assert lines[0].split() == ["instrument", "interval", "rows", "first", "last", "imported"]
    assert lines[1].startswith("BTCUSDT.BINANCE  1m          10  2025-01-01 00:00  2025-01-01 00:10  ")
    answer = parsed(capsys, "list")["series"][0]
    assert list(answer) == [
        "instrument", "venue", "symbol", "interval", "rows", "first", "last", "path", "sha256", "size", "sources",
    ]  # fmt: skip
    assert (answer["first"], len(answer["sha256"])) == (START, 64)
    for name in ("BTCUSDT", "btcusdt.binance"):
        assert words(capsys, "check", name).startswith("BTCUSDT.BINANCE 1m: usable, 10 rows")
    answer = parsed(capsys, "check")
    assert list(answer) == ["type", "folder", "ok", "files", "notes"]
    assert answer["files"][0]["findings"][0]["code"] == "GAP" and answer["files"][0]["usable"]


def test_an_unusable_file_fails_the_check(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("time,open,high,low,close\n1735689600,1,1,1,1\n1735689660,1,0.5,1,1\n")
    out = words(capsys, "check", str(bad), status=1)
    assert "BAD 1m: UNUSABLE, 2 rows" in out and "UNUSABLE  OHLC" in out
    answer = parsed(capsys, "check", str(bad), str(klines(tmp_path / "x")), status=1)
    assert [file["usable"] for file in answer["files"]] == [False, True]
    assert main(["data", "check", "NOBODY", *MINE]) == 1
    assert "NOBODY: is neither a file nor a symbol in" in capsys.readouterr().err


def test_a_folder_is_imported_as_far_as_it_goes(
    capsys: pytest.CaptureFixture[str], profile: Profile, tmp_path: Path
) -> None:
    folder = tmp_path / "binance"
    klines(folder, "AAAUSDT.csv")
    klines(folder, "BBBUSDT.csv")
    (folder / "notes.txt").write_text("remember the milk")
    answer = parsed(capsys, "import", str(folder), str(tmp_path / "none.csv"), status=1)
    assert [one["instrument"] for one in answer["imported"]] == ["AAAUSDT.BINANCE", "BBBUSDT.BINANCE"]
    assert not answer["ok"] and len(answer["refused"]) == 2
    assert answer["refused"][1] == f"{tmp_path / 'none.csv'}: there is no such file"


def test_differing_data_needs_a_word(capsys: pytest.CaptureFixture[str], profile: Profile, tmp_path: Path) -> None:
    words(capsys, "import", str(klines(tmp_path / "binance")))
    other = klines(tmp_path / "binance", price=101.0)
    assert main(["data", "import", str(other), *MINE]) == 1
    said = capsys.readouterr().err
    assert "open is 101 here and 100 in" in said and "--replace takes the new ones" in said
    assert "would be 0 new, 0 the same as before, 10 replaced" in words(
        capsys, "import", str(other), "--replace", "--dry-run"
    )
    assert "0 new, 0 the same as before, 10 replaced" in words(capsys, "import", str(other), "--replace")


def test_contract_facts_come_along(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    facts = demo_folder() / "instruments.toml"
    for _ in range(2):
        assert "contract facts of BTCUSDT.BINANCE" in words(capsys, "import", str(facts))
    from tradeterm.feeds.instruments import load_instruments

    assert load_instruments(profile.root / "data" / "binance" / "instruments.toml") == load_instruments(facts)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("import", "x.csv", "--columns", "foo=bar"), 1, "--columns: found 'foo=bar', allowed FIELD=COLUMN"),
        (("import", "x.csv", "--interval", "7m"), 1, "--interval: found '7m', allowed 1m, 3m"),
        (("import", "x.csv", "--timezone", "Nowhere"), 1, "--timezone: found 'Nowhere'"),
        (("list", "--data", "nowhere"), 2, "--data: found nowhere, which is no folder"),
        (("import", "bybit:BTCUSDT"), 1, "no 1m bars are kept yet; say where to begin with --from"),
        (("import", "bybit:BTCUSDT", "--from", "soon"), 1, "--from: found 'soon', allowed a time such as"),
        (("import", "nobody:BTC/USDT", "--from", "2025-01-01"), 1, "no such exchange in ccxt"),
    ],
)
def test_wrong_use_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, said: str
) -> None:
    assert main(["data", *arguments, *MINE]) == status
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and "Traceback" not in error


def test_without_ccxt_one_sentence(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", None)
    assert main(["data", "import", "kraken:BTC/USD", "--from", "2025-01-01", *MINE]) == 1
    assert capsys.readouterr().err == (
        "tradeterm: kraken: history of this venue needs ccxt, which is not installed: pip install ccxt\n"
    )


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tradeterm.cli import main; main(['data', 'list', '--profile', 'default']); "
        "print(sorted({'numpy', 'pandas', 'pyarrow', 'scipy', 'httpx', 'textual'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_folder_of_ones_own_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, folder = str(demo_folder() / "crypto" / "5m" / "SUIUSDT.parquet"), tmp_path / "new" / "data"
    given = ("data", "import", source, "--venue", "binance", "--data", str(folder))
    assert main([*given, "--dry-run"]) == 0
    assert not folder.exists()
    assert main(given) == 0
    assert (folder / "binance" / "5m" / "SUIUSDT.parquet").is_file()
    capsys.readouterr()
    (file := tmp_path / "file").write_text("")
    assert main(["data", "import", source, "--data", str(file)]) == 2
    assert capsys.readouterr().err == f"tradeterm: --data: found {file}, which is no folder\n"
    assert main(["data", "list", "--data", str(tmp_path / "none")]) == 2
