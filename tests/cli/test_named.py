"""A book and a strategy of one name: which is taken is said, and the other has a name too."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tradeterm.cli import main
from tradeterm.profile import Profile
from tradeterm.resources import demo_config

SAID = "tradeterm: eos: the book of the configuration is taken; strategy:eos is the strategy itself\n"


@pytest.fixture
def shadowed(profile: Profile) -> Profile:
    """The demo's configuration with its book called as its strategy is, and one instrument."""
    text = demo_config().read_text(encoding="utf-8").replace("[books.crypto", "[books.eos")
    profile.config_file.write_text(text, encoding="utf-8")
    return profile


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[Any, str]:
    assert main([*arguments, "--symbols", "SUIUSDT", "--json"]) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


@pytest.mark.parametrize("command", [("backtest",), ("lookahead", "--cuts", "2", "--rows", "5")], ids=lambda it: it[0])
def test_a_book_goes_before_the_strategy_of_its_name(
    shadowed: Profile, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    _, said = told(capsys, *command, "eos")
    assert said == SAID
    assert told(capsys, *command, "strategy:eos")[1] == ""


def test_each_is_what_it_says(shadowed: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    own = shadowed.config_file.read_text(encoding="utf-8").replace("capital = 100000.0", "capital = 7000.0")
    shadowed.config_file.write_text(own, encoding="utf-8")
    assert told(capsys, "backtest", "eos")[0]["book"]["capital"] == 7000.0
    strategy, _ = told(capsys, "backtest", "strategy:eos")
    assert (strategy["name"], strategy["book"]["capital"]) == ("eos", 100_000.0)


def test_the_strategy_beside_other_books(shadowed: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    text = shadowed.config_file.read_text(encoding="utf-8").replace("capital = 100000.0", "capital = 7000.0")
    other = text[text.index("[books.eos]") :].replace("[books.eos", "[books.other")
    shadowed.config_file.write_text(f"{text}\n{other}", encoding="utf-8")
    answer, said = told(capsys, "backtest", "strategy:eos", "other")
    assert said == ""
    assert {book["name"]: book["book"]["capital"] for book in answer["books"]} == {"eos": 100_000.0, "other": 7000.0}


def test_a_book_and_the_strategy_of_its_name_are_two_accounts_of_one_desk(
    shadowed: Profile, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    text = shadowed.config_file.read_text(encoding="utf-8").replace("capital = 100000.0", "capital = 7000.0")
    shadowed.config_file.write_text(text, encoding="utf-8")
    report = tmp_path / "both.md"
    for order in (("eos", "strategy:eos"), ("strategy:eos", "eos")):
        answer, said = told(capsys, "backtest", *order, "--out", str(report))
        assert said == "", "both are named: nothing is hidden"
        assert answer["name"] == "eos + strategy:eos"
        assert {book["name"]: book["book"]["capital"] for book in answer["books"]} == {
            "eos": 7000.0,
            "strategy:eos": 100_000.0,
        }
        assert {trade["book"] for trade in answer["trades"]} == {"eos", "strategy:eos"}
    written = report.read_text(encoding="utf-8")
    (config,) = (part for part in written.split("```") if "[books.eos]" in part)
    books = tomllib.loads(config.partition("\n")[2])["books"]
    assert (books["eos"]["capital"], books["strategy:eos"]["capital"]) == (7000.0, 100_000.0)


def test_what_is_named_twice_over_is_refused(shadowed: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("eos", "strategy:eos"):
        assert main(["backtest", name, name]) == 2
        assert capsys.readouterr().err.endswith('"eos": found twice, allowed each book once\n')


def test_without_a_book_of_its_name_nothing_is_said(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "backtest", "eos")[1] == told(capsys, "backtest", "strategy:eos")[1] == ""


def test_a_strategy_that_is_none_is_refused(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backtest", "strategy:eoss"]) == 2
    assert "did you mean eos?" in capsys.readouterr().err
