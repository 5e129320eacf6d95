"""`tradeterm strategy new`: questions on a terminal, or options; nothing is written but by the card's own line."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from author_kit import SPEC, changed
from test_author_files import PREVIEW

from tradeterm.assistant import author_proposal
from tradeterm.assistant.author import folder_of
from tradeterm.assistant.author_form import FIELDS
from tradeterm.cli import main, strategy_new
from tradeterm.profile import Profile
from tradeterm.strategies.declared.read import read_file


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    async def made(tasks: Any, deadline_s: float = 0.0) -> tuple[Any, ...]:
        return (PREVIEW,) * len(tasks)

    monkeypatch.setattr(author_proposal, "previews", made)


class Typed(io.StringIO):
    """A terminal on which lines are typed; `APPLY` becomes the card's own line."""

    def __init__(self, lines: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        super().__init__()
        self._lines = list(lines)
        self._capsys = capsys
        self.said = ""

    def isatty(self) -> bool:
        return True

    def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
        self.said += self._capsys.readouterr().out
        if not self._lines:
            return ""
        line = self._lines.pop(0)
        if line == "APPLY":
            found = re.search(r"APPLY p1 \w{4}", self.said)
            assert found is not None
            line = found[0]
        return f"{line}\n"


def typing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *lines: str) -> Typed:
    terminal = Typed(list(lines), capsys)
    monkeypatch.setattr("sys.stdin", terminal)
    return terminal


def test_the_options_are_the_fields() -> None:
    assert tuple(field.key for field in FIELDS) == strategy_new._KEYS


def test_without_a_terminal_the_card_is_shown_and_nothing_written(
    profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["strategy", "new", "--name", "dips", "--symbols", "ADA", "--stop", "1.5 %"]) == 0
    out, err = capsys.readouterr()
    assert "Buys ADA at the close of a 15-minute bar" in out
    assert "Preview with costs, on data of the test" in out
    assert "APPLY" not in out
    assert "nothing is written" in err
    assert not folder_of(profile).exists()


def test_json_has_the_documented_shape(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategy", "new", "--name", "dips", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == ["type", "name", "applicable", "card", "blocked", "spec", "preview"]
    assert (answer["type"], answer["name"], answer["applicable"]) == ("strategy_new", "dips", True)
    assert answer["preview"]["parts"][0]["trades"] == 3


def test_mistakes_are_status_2_and_what_is_open_status_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["strategy", "new", "--entry", "rsj > 3"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "tradeterm: Name: nothing is typed, allowed 1 to 40 of a-z, 0-9, _ and -, a letter first",
        'tradeterm: Enter when: found "rsj", which is no indicator; did you mean rsi?',
    ]
    (path := tmp_path / "open.json").write_text(json.dumps(changed(questions=["which venue?"])))
    assert main(["strategy", "new", "--from", str(path)]) == 1
    assert "cannot be applied: open question: which venue?" in capsys.readouterr().out


def test_questions_are_asked_again_until_they_are_answered(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = ["dips", "ADA", "5m", "both", "rsj > 3", "rsi < 30", "", "48", "1.5 %", "2 r", "-", "0.5", "2", "1", "2"]
    terminal = typing(monkeypatch, capsys, *answers, "APPLY")
    assert main(["strategy", "new"]) == 0
    out = terminal.said + capsys.readouterr().out
    spec = read_file(folder_of(profile) / "dips.json")
    assert (spec.name, spec.side, spec.risk.max_leverage, spec.trail) == ("dips", "both", 2, None)
    assert "--profile paper-dips --config" in out
    assert out.count("Enter when: ") == 2


def test_what_only_fits_together_is_asked_with_the_typed_values(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stop beyond the liquidation is a mistake of two fields: all are asked once more, with what was typed."""
    terminal = typing(monkeypatch, capsys, *["12 %", *[""] * 7, "1 %", *[""] * 6, "APPLY"])
    options = [f"--{field.key.replace('_', '-')}={field.default or 'dips'}" for field in FIELDS if field.key != "stop"]
    options = [option for option in options if not option.startswith(("--max-leverage", "--trail"))]
    assert main(["strategy", "new", *options, "--max-leverage", "10", "--trail", ""]) == 0
    assert "[dips]" in terminal.said
    assert read_file(folder_of(profile) / "dips.json").stop.pct == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(("line", "status"), [("", 0), ("yes", 3), ("APPLY p1 AAAA", 3)])
def test_another_line_applies_nothing(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, line: str,
    status: int,
) -> None:  # fmt: skip
    (path := tmp_path / "dips.json").write_text(json.dumps(SPEC))
    typing(monkeypatch, capsys, line)
    assert main(["strategy", "new", "--from", str(path)]) == status
    assert not folder_of(profile).exists()


def test_a_terminal_that_goes_away_writes_nothing(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typing(monkeypatch, capsys, "dips", "ADA")
    assert main(["strategy", "new"]) == 2
    assert "nothing was written" in capsys.readouterr().err
    assert not folder_of(profile).exists()


def test_an_example_can_be_taken_as_it_is(
    profile: Profile, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typing(monkeypatch, capsys, "APPLY")
    assert main(["strategy", "new", "--from", "rsi-oversold-btc"]) == 0
    assert read_file(folder_of(profile) / "rsi-oversold-btc.json").risk.max_leverage == 10
    assert "--profile paper-rsi-oversold-btc --config" in capsys.readouterr().out
