"""`tradeterm backtest` and `tradeterm runs` on the bundled recording and on an imported folder."""

import csv
import json
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tradeterm.cli import main
from tradeterm.cli.backtest_files import command_line
from tradeterm.cli.parser import parse
from tradeterm.profile import find_profile
from tradeterm.resources import demo_folder

EOS = ("backtest", "eos", "--demo")
SOME = ("--symbols", "ADAUSDT,SUIUSDT")


def out(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(arguments) == status
    return capsys.readouterr().out


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    return json.loads(out(capsys, *arguments, "--json"))


def wrong(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    try:
        assert main(arguments) == status
    except SystemExit as end:
        assert end.code == status
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def test_without_data_the_recording_is_replayed_and_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    text = out(capsys, *EOS)
    lines = text.splitlines()
    assert lines[0].startswith("eos: ADAUSDT.BINANCE, BNBUSDT.BINANCE")
    assert lines[1] == "2025-04-05 00:00 to 2025-04-12 00:00 UTC, bars of 5m, capital 100,000.00 USDT"
    assert "this is the bundled recording" in text
    assert "figures that are annualised" in text
    assert max(map(len, lines)) <= 100
    assert len([line for line in lines if line.strip()]) <= 24


def test_json_has_the_documented_shape(capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, *EOS, *SOME)
    assert list(answer) == [
        *("type", "run", "name", "version", "seed", "seconds", "book", "costs", "funding_hours", "data", "since"),
        *(
            "delay",
            "instruments",
            "ai",
            "insufficient",
            "cautions",
            "notes",
            "figures",
            "ignored",
            "partly_filled",
            "tables",
        ),
        *("equity", "benchmark", "fan", "trades"),
    ]
    assert answer["instruments"] == ["ADAUSDT.BINANCE", "SUIUSDT.BINANCE"]
    figures = {figure["name"]: figure["value"] for figure in answer["figures"]}
    assert figures["trades"] == len(answer["trades"]) > 0
    assert figures["net"] == pytest.approx(sum(trade["pnl"] for trade in answer["trades"]))
    assert answer["equity"][-1][1] == pytest.approx(100_000 + figures["net"])
    assert sum(row["trades"] for row in answer["tables"]["symbol"]) == figures["trades"]
    assert parsed(capsys, *EOS, *SOME)["trades"] == answer["trades"]


def test_a_book_of_the_configuration_brings_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, "backtest", "crypto", "--demo", "--capital", "5000")
    assert answer["instruments"][:2] == ["BTCUSDT.BINANCE", "ETHUSDT.BINANCE"]
    assert answer["book"]["capital"] == 5000.0


def test_settings_reach_every_part_of_the_book(capsys: pytest.CaptureFixture[str]) -> None:
    given = ("threshold=0.06", "exits.target=off", "sizing.method=fixed", "limits.max_positions=1", "costs.fee=0.001")
    answer = parsed(capsys, *EOS, *SOME, *(part for each in given for part in ("--set", each)))
    book = answer["book"]
    assert book["parameters"] == {"threshold": 0.06}
    assert book["exits"]["target"] is None
    assert (book["sizing"]["method"], book["limits"]["max_positions"]) == ("fixed", 1)
    assert answer["costs"]["fee"] == 0.001
    assert not any(trade["reason"] == "TARGET" for trade in answer["trades"])


def test_a_part_of_the_time(capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, *EOS, "--from", "2025-04-08", "--to", "2025-04-10")
    first, last = 1_744_070_400_000, 1_744_243_200_000
    assert (answer["since"], answer["data"]["last"]) == (first, last)
    assert all(first <= trade["entry_ts"] < last for trade in answer["trades"])
    assert answer["trades"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    (
        (("--set", "threshold=9"), 2, "threshold: found 9, allowed 0.001 to 1"),
        (("--set", "exits.stop=9"), 2, "exits.stop: found 9, allowed 0.001 to 0.5"),
        (("--set", "exits.stopp=0.1"), 2, "exits.stopp: found a key that is not known here; did you mean stop?"),
        (("--set", "costs.fee=-1"), 2, "costs.fee: found -1"),
        (("--set", "threshold"), 2, "--set: found"),
        (("--set", "capital=5"), 2, "parameters.capital: found a key"),
        (("--symbols", "NONE"), 1, "NONE: there are no 5m bars in"),
        (("--interval", "7m"), 1, "interval: found"),
        (("--from", "2025-04-09", "--to", "2025-04-08"), 2, "--to: found 2025-04-08, allowed a time after"),
        (("--from", "2031-01-01"), 1, "there are no bars in that time; the data is from 2025-04-05 00:00"),
        (("--from", "yesterday"), 2, "found 'yesterday', allowed a time such as"),
        (("--capital", "0"), 2, "allowed 1 to 1e12"),
        (("--data", "/nowhere"), 2, "/nowhere, which is no folder"),
        (("--out", "run.xlsx"), 2, "--out: found run.xlsx"),
    ),
)
def test_mistakes_are_one_sentence(
    arguments: tuple[str, ...], status: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in wrong(capsys, *EOS, *arguments, status=status)
    assert not (find_profile("demo").root / "research.db").exists()


def test_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean eos?" in wrong(capsys, "backtest", "eoss", "--demo")


def test_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, *EOS, *SOME, "--out", str(tmp_path / "trades.csv"))
    rows = list(csv.DictReader((tmp_path / "trades.csv").read_text().splitlines()))
    assert [float(row["pnl"]) for row in rows] == [trade["pnl"] for trade in answer["trades"]]
    parsed(capsys, *EOS, *SOME, "--out", str(tmp_path / "run.json"))
    assert json.loads((tmp_path / "run.json").read_text())["trades"] == answer["trades"]


def test_a_report_says_how_to_repeat_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = (*SOME, "--from", "2025-04-06", "--set", "threshold=0.05", "--capital", "5000")
    for suffix in (".html", ".md"):
        out(capsys, *EOS, *given, "--report", str(tmp_path / f"report{suffix}"))
    page = (tmp_path / "report.html").read_text()
    assert page.startswith("<!doctype html>")
    assert "tradeterm backtest eos --symbols ADAUSDT,SUIUSDT --from 2025-04-06T00:00:00.000" in page
    assert "--set threshold=0.05 --capital 5000 --demo" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("capital", "start"),
    (
        ("5000", "2025-04-06"),
        ("1234567.89", "2025-04-06T12:34:56"),
        ("1e12", "2025-04-06T12:34:56.789+05:30"),
        ("1.0000000000000002", "1985-01-02"),
    ),
)
def test_what_repeats_it_means_the_same(
    capital: str, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    own = ("--data", "data", "--config", "own.toml", "--ai", "verdicts.jsonl", "--set", "exits.stop=0.01")
    given = parse(["backtest", "eos", *own, "--from", start, "--to", "2025-05-01T00:00:01", "--capital", capital])
    line = shlex.split(command_line(given))
    monkeypatch.chdir("/")
    paths = {"data": "data", "config": "own.toml", "ai": "verdicts.jsonl"}
    changed = {option: str(tmp_path / name) for option, name in paths.items()}
    assert vars(parse(line[1:])) == vars(given) | changed


def test_every_run_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert "nothing was run yet" in out(capsys, "runs", "--demo")
    answers = [parsed(capsys, *EOS, *SOME, "--set", f"threshold={x}") for x in (0.04, 0.05)]
    assert [answer["run"] for answer in answers] == [1, 2]
    listed = parsed(capsys, "runs", "--demo")["runs"]
    assert [row["run"] for row in listed] == [2, 1]
    assert listed[1]["figures"]["trades"] == len(answers[0]["trades"])
    assert parsed(capsys, "runs", "1", "--demo") == answers[0]
    assert out(capsys, "runs", "2", "--demo", "--tables").startswith("eos: ADAUSDT.BINANCE, SUIUSDT.BINANCE")
    assert "run: found 3" in wrong(capsys, "runs", "3", "--demo", status=1)
    assert len(out(capsys, "runs", "--demo").splitlines()) == 3


@pytest.mark.parametrize(
    ("command", "unneeded"),
    (
        (("runs",), ("numpy", "tradeterm.research.result", "tradeterm.desk")),
        (("runs", "1"), ("numpy", "tradeterm.research.result", "tradeterm.desk")),
        (("backtest", "eoss"), ("tradeterm.research.outcome", "tradeterm.research.metrics", "scipy", "pyarrow")),
    ),
    ids=" ".join,
)
def test_what_is_only_shown_starts_without_the_simulator(command: tuple[str, ...], unneeded: tuple[str, ...]) -> None:
    assert main([*EOS, *SOME]) == 0
    code = f"""
import sys
from tradeterm.cli import main
main([*{command}, "--demo"])
print("loaded:", [name for name in {unneeded} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"


def something_else(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA application_id = 7")


@pytest.mark.parametrize(
    ("spoil", "why"),
    (
        (something_else, "move it away"),
        (lambda path: path.write_bytes(b"no database" * 100), "file is not a database"),
        (Path.mkdir, "unable to open database file"),
    ),
    ids=("something else", "corrupt", "not to be written"),
)
def test_a_run_that_cannot_be_kept_is_shown_and_written_all_the_same(
    spoil: Any, why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = find_profile("demo").root / "research.db"
    ledger.parent.mkdir(parents=True)
    spoil(ledger)
    assert main([*EOS, *SOME, "--json", "--out", str(tmp_path / "run.json")]) == 0
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert answer["run"] is None
    assert json.loads((tmp_path / "run.json").read_text()) == answer
    (line,) = said.err.splitlines()
    assert line.startswith(f"tradeterm: this run is not kept: {ledger}: ")
    assert why in line
    assert line.endswith("once that file can be written, or is moved away, the next one is")
    assert out(capsys, *EOS, *SOME).startswith("eos: ADAUSDT.BINANCE, SUIUSDT.BINANCE")


def test_a_file_that_cannot_be_written_costs_no_result(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*EOS, *SOME, "--out", "/dev/full/x.json"]) == 2
    capsys.readouterr()
    (folder := find_profile("demo").root / "x.json").mkdir(parents=True)
    assert main([*EOS, *SOME, "--json", "--out", str(folder)]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["trades"]
    assert said.err == f"tradeterm: {folder}: Is a directory\n"


def test_data_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = demo_folder() / "crypto" / "5m"
    out(capsys, "data", "import", str(source / "SUIUSDT.parquet"), "--venue", "binance", "--demo")
    answer = parsed(capsys, *EOS)
    assert answer["instruments"] == ["SUIUSDT.BINANCE"]
    assert any("no contract facts of SUIUSDT.BINANCE" in note for note in answer["notes"])
    assert not any("bundled" in note for note in answer["notes"])
    hourly = parsed(capsys, *EOS, "--interval", "1h")
    assert hourly["data"]["interval"] == "1h"


def test_the_options_are_those_of_a_study() -> None:
    from tradeterm.cli.backtest import study_of

    study = study_of(parse(["lookahead", "eos", *SOME, "--set", "threshold=0.05"]))
    assert study.book.parameters == {"threshold": 0.05}


def test_several_books_are_traded_as_one_desk(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    answer = parsed(capsys, "backtest", "eos", "crypto", "--demo", *SOME)
    assert answer["name"] == "crypto + eos"  # the configuration's book comes first
    assert [book["name"] for book in answer["books"]] == ["crypto", "eos"]
    assert answer["book"]["capital"] == 200_000.0
    assert {trade["book"] for trade in answer["trades"]} == {"crypto", "eos"}
    nets = [sum(trade["pnl"] for trade in book["trades"]) for book in answer["books"]]
    assert answer["equity"][-1][1] == pytest.approx(200_000 + sum(nets))
    assert [row["net"] for row in answer["tables"]["book"]] == pytest.approx(nets)
    assert parsed(capsys, "runs", str(answer["run"]), "--demo")["books"] == answer["books"]
    report = tmp_path / "desk.md"
    text = out(capsys, "backtest", "eos", "crypto", "--demo", *SOME, "--out", str(report), "--tables", "--ai", "rules")
    assert "by book" in text
    assert "## Books" in report.read_text(encoding="utf-8")
    alone = parsed(capsys, "backtest", "--all", "--demo")
    assert "books" not in alone  # one book is no desk


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    (
        (("backtest",), "name what to backtest, or give --all"),
        (("backtest", "eos", "--all"), "give names or --all"),
        (("backtest", "eos", "eos"), "found twice, allowed each book once"),
        (("backtest", "eos", "crypto", "--ai", "record.jsonl"), "record.jsonl: cannot be read"),
    ),
)
def test_what_is_no_desk_is_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    assert main([*arguments, "--demo"]) == 2
    assert sentence in capsys.readouterr().err


def test_a_desk_that_stopped_for_want_of_an_edge_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", "eos", "--json"]) == 0
    cautions = json.loads(capsys.readouterr().out)["cautions"]
    assert any("got no size: the trades until then had lost" in text for text in cautions)
    assert main(["backtest", "eos", "--set", "sizing.method=fixed", "--json"]) == 0
    cautions = json.loads(capsys.readouterr().out)["cautions"]
    assert not any("got no size" in text for text in cautions)
