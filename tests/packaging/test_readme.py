"""The README is true: its keys are the program's, its commands exist, its two command lines are those CI runs."""

import re
from pathlib import Path

import pytest

from tradeterm.cli import main
from tradeterm.cli.parser import build_parser

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_keys_are_those_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--demo"]) == 0
    found = re.search(r"<!-- keys -->\n```text\n(.*?)```\n<!-- /keys -->", README, re.DOTALL)
    assert found is not None
    assert found[1] == capsys.readouterr().out, "paste what `tradeterm keys --demo` prints between the marks"


def test_every_command_is_described() -> None:
    listed = build_parser().format_help().partition("  COMMAND\n")[2].partition("\n\n")[0]
    commands = re.findall(r"^    (\w+)", listed, re.MULTILINE)
    assert len(commands) > 10
    table = README[README.index("## Commands") : README.index("## Keys")]
    for name in commands:
        assert f"`{name}" in table, name


def test_every_command_line_is_understood() -> None:
    for line in re.findall(r"^ *tradeterm (.*?)(?: +#.*)?$", README, re.MULTILINE):
        build_parser().parse_args(line.split())


@pytest.mark.parametrize("extra", ["-q .", "-q -e '.[test]'"])
def test_the_two_commands_are_what_ci_runs(extra: str) -> None:
    assert f"python3 -m venv .venv && .venv/bin/pip install {extra} && " in README
    assert f'pip" install {extra}\n' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_what_it_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
