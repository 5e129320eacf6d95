"""`tradeterm strategy` as a person types it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tradeterm.cli import main
from tradeterm.profile import find_profile

EXAMPLE = "rsi-oversold-btc"


def said(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> tuple[str, str]:
    assert main(("strategy", *arguments)) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    return json.loads(said(capsys, *arguments, "--json", status=status)[0])


@pytest.fixture
def mine() -> Path:
    folder = find_profile().config_home / "strategies"
    folder.mkdir(parents=True)
    return folder


def written(folder: Path, name: str, **changes: Any) -> Path:
    from tradeterm.strategies.declared.files import find_file

    data = json.loads(find_file(EXAMPLE, folder).read_bytes()) | changes
    path = folder / f"{name}.json"
    path.write_text(json.dumps(data))
    return path


def test_the_examples_are_listed_and_good(capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, "list")
    names = [row["name"] for row in answer["strategies"]]
    assert EXAMPLE in names and len(names) >= 3
    assert all(row["ok"] and row["applicable"] and row["from"] == "example" for row in answer["strategies"])
    assert parsed(capsys, "check", *names)["ok"]
    assert f"{EXAMPLE}  example\n  Buys BTC at the close of a 15-minute bar" in said(capsys, "list")[0]


def test_own_files_are_listed_first_and_stand_for_their_name(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    written(mine, EXAMPLE, symbols=["ETH"])
    (mine / "broken.toml").write_text("v = ")
    rows = parsed(capsys, "list")["strategies"]
    assert [(row["name"], row["from"], row["ok"]) for row in rows[:2]] == [
        ("broken", "own", False),
        (EXAMPLE, "own", True),
    ]
    assert "not valid TOML" in rows[0]["text"]
    assert [row["name"] for row in rows].count(EXAMPLE) == 1
    assert said(capsys, "explain", EXAMPLE)[0].startswith("Buys ETH ")


def test_mistakes_are_sentences_and_status_2(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    path = written(mine, "bad", stop={"type": "percent", "pct": 12})
    out, err = said(capsys, "check", EXAMPLE, str(path), status=2)
    assert "rsi-oversold-btc.json: good. rsi-oversold-btc\n" in out
    assert err == (
        f"tradeterm: {path}: stop.pct: found 12.0, allowed below 9: "
        "at 10x a position is liquidated that many percent from its entry\n"
    )
    assert said(capsys, "explain", str(path), status=2)[1].startswith(f"tradeterm: {path}: stop.pct")
    assert "is neither a file nor a strategy" in said(capsys, "explain", "nothing", status=2)[1]


def test_what_cannot_be_applied_is_status_1_and_no_book(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    path = written(mine, "asked", unsupported=["the mood of the news"])
    out, _ = said(capsys, "check", str(path), status=1)
    assert "cannot be applied: unsupported: the mood of the news" in out
    answer = parsed(capsys, "check", str(path), status=1)
    assert answer["ok"] and not answer["files"][0]["applicable"]
    out, err = said(capsys, "book", str(path), status=2)
    assert (out, err) == ("", f"tradeterm: {path}: unsupported: the mood of the news\n")


def test_the_book_goes_into_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = said(capsys, "book", EXAMPLE, "--capital", "25000", "--venue", "bybit")
    table = tomllib.loads(out)["books"]["rsi_oversold_btc"]
    assert (table["capital"], table["venue"], table["instruments"]) == (25_000, "bybit", ["BTCUSDT.BYBIT"])
    assert err.startswith(
        "note: risk.max_leverage: 10 is clamped to 2, the most the account allows\nnote: one position"
    )
    file = find_profile().config_file
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'mode = "paper"\n{out}\n[venues.bybit]\nleverage = 5\n[feed]\nkind = "bybit"\n')
    assert main(("config", "check")) == 0
    assert "clamped to 5, the most the account allows" in said(capsys, "book", EXAMPLE, "--venue", "bybit")[1]
    assert parsed(capsys, "book", EXAMPLE)["name"] == "rsi_oversold_btc"


def test_differences_in_words(capsys: pytest.CaptureFixture[str], mine: Path) -> None:
    path = written(mine, "other", timeframe="1h")
    assert said(capsys, "diff", EXAMPLE, str(path))[0] == 'timeframe: "15m", now "1h"\n'
    assert said(capsys, "diff", EXAMPLE, EXAMPLE)[0] == "no difference\n"
    assert parsed(capsys, "diff", EXAMPLE, str(path))["differences"] == ['timeframe: "15m", now "1h"']


def test_json_has_the_documented_shapes(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(parsed(capsys, "list")) == ["type", "folder", "strategies"]
    assert list(parsed(capsys, "list")["strategies"][0]) == ["name", "from", "file", "ok", "applicable", "text"]
    assert list(parsed(capsys, "explain", EXAMPLE)) == ["type", "file", "name", "applicable", "text", "spec"]
    assert list(parsed(capsys, "book", EXAMPLE)) == ["type", "file", "name", "toml", "notes"]
    checked = parsed(capsys, "check", EXAMPLE)
    assert list(checked["files"][0]) == ["file", "name", "ok", "applicable", "mistakes", "notes"]


def test_what_a_condition_may_look_at(capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, "indicators")
    rsi = next(row for row in answer["indicators"] if row["name"] == "rsi")
    assert rsi == {
        "name": "rsi",
        "arguments": ["n=14 (2 to 100)"],
        "unit": "number of 0 to 100",
        "least": 0,
        "most": 100,
    }
    assert {"op": "rising", "keys": "bars"} in answer["operators"]
    text = said(capsys, "indicators")[0]
    assert len(text.splitlines()) == len(answer["indicators"]) + len(answer["operators"]) + 2
    assert max(map(len, text.splitlines())) <= 100
