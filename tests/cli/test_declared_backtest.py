"""A study of a strategy's file is that of the book the file becomes."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tradeterm.cli import main
from tradeterm.cli.backtest import study_of
from tradeterm.cli.parser import parse
from tradeterm.strategies.declared.files import example_files

SPEC: dict[str, Any] = {
    "v": 1, "name": "dips", "symbols": ["ADA", "SUI"], "timeframe": "5m", "side": "both",
    "entry": {"all": [{"ind": "rsi", "n": 14, "op": "crosses_above", "value": 30}]},
    "exit": {"any": [{"ind": "rsi", "n": 14, "op": ">", "value": 55}, {"bars_held": 48}]},
    "stop": {"type": "percent", "pct": 1.5}, "target": {"type": "r", "mult": 2},
    "risk": {"risk_pct": 0.5, "max_leverage": 2},
}  # fmt: skip


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dips.json"
    path.write_text(json.dumps(SPEC))
    return path


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_file_is_its_book(file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, "backtest", str(file), "--demo")
    assert (answer["name"], len(answer["instruments"])) == ("dips", 2)
    assert answer["trades"]
    assert main(["strategy", "book", str(file)]) == 0
    text = capsys.readouterr().out
    book = tomllib.loads(text)["books"]["dips"]
    assert answer["book"]["parameters"]["entry"] == book["parameters"]["entry"]
    assert answer["book"]["exits"]["stop"] == book["exits"]["stop"] == 0.015
    assert answer["book"]["capital"] == 100_000.0
    (config := tmp_path / "own.toml").write_text(text)
    booked = parsed(capsys, "backtest", "dips", "--config", str(config))
    assert booked["trades"] == answer["trades"]


def test_a_name_is_looked_for_among_the_files(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert parsed(capsys, "backtest", "rsi-oversold-btc", "--demo", "--interval", "5m")["name"] == "rsi_oversold_btc"
    assert main(["backtest", "rsi-oversold", "--demo"]) == 2
    assert "did you mean rsi-oversold-btc?" in capsys.readouterr().err


@pytest.mark.parametrize("path", example_files(), ids=lambda path: path.stem)
def test_every_example_runs_or_says_why_not(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["backtest", path.stem, "--demo", "--json"])
    said = capsys.readouterr()
    if status:
        assert len(said.err.splitlines()) == 1 and "`tradeterm data import bybit:" in said.err
    else:
        assert json.loads(said.out)["figures"]


def test_mistakes_are_one_sentence_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (wrong := tmp_path / "wrong.json").write_text(json.dumps({**SPEC, "side": "up"}))
    assert main(["backtest", str(wrong), "--demo"]) == 2
    assert 'side: found "up"' in capsys.readouterr().err
    assert main(["backtest", str(tmp_path / "none.toml"), "--demo"]) == 2
    assert "none.toml" in capsys.readouterr().err


def test_a_number_in_a_condition_can_be_set_and_varied(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = "parameters.entry.all.0.value"
    study = study_of(parse(["lookahead", str(file), "--demo", "--set", f"{at}=25"]))
    assert study.book.parameters["entry"]["all"][0]["value"] == 25
    answer = parsed(capsys, "sweep", str(file), "--demo", "--vary", f"{at}=20,25,30")
    assert [trial["changes"] for trial in answer["trials"]] == [{at: value} for value in (20, 25, 30)]
    assert len({trial["summary"]["trades"] for trial in answer["trials"]}) > 1


def test_a_stop_by_range_is_simulated(capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, "backtest", "vwap-reversion", "--demo")
    assert answer["book"]["exits"]["stop_atr"] == 2.5
    assert answer["trades"]


def test_the_profile_that_has_no_data_is_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notes = parsed(capsys, "backtest", str(file), "--demo")["notes"]
    assert "no data was named or imported in profile demo: this is the bundled recording of a week" in notes
