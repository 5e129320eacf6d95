"""`tradeterm runs`: who judged the signals of a run."""

import json

import pytest

from tradeterm.cli import main
from tradeterm.cli.parser import parse
from tradeterm.cli.session import profile_of
from tradeterm.profile import Profile
from tradeterm.research.runs import keep_run, kept_run

STUDY = ("backtest", "eos", "--symbols", "SUIUSDT")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> tuple[str, str]:
    assert main(list(arguments)) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_who_judged_a_run_stands_in_the_list(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    told(capsys, *STUDY)
    plain = told(capsys, "runs")[0]
    assert "tier 2" not in plain
    told(capsys, *STUDY, "--ai", "rules")
    folder = profile_of(parse(["runs"])).root
    kept = kept_run(folder, 2)
    assert kept is not None
    keep_run(folder, "backtest", kept.outcome() | {"ai": "LIVE, CONTAMINATED"})
    told(capsys, "lookahead", *STUDY[1:], "--cuts", "2", "--rows", "5")
    listed = json.loads(told(capsys, "runs", "--json")[0])["runs"]
    assert [row["ai"] for row in listed] == ["OFF", "LIVE, CONTAMINATED", "RULES (no AI)", "OFF"]
    head, test, live, rules, off = told(capsys, "runs")[0].splitlines()
    assert head.endswith("data          tier 2")
    assert live.endswith("  LIVE, CONTAMINATED")
    assert rules.endswith("  RULES (no AI)")
    assert off.split() == plain.splitlines()[1].split(), "nothing is said of a run that nobody judged"
    assert "OFF" not in test
