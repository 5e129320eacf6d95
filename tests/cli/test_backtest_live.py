"""`tradeterm backtest --ai live`: what it says and keeps, a run that was killed, several books, wrong use."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from simulators.messages import Fault, MessagesServer, Step, served

from tradeterm.cli import main
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.resources import demo_folder

KEY = "sk-ant-planted-0123456789abcdef"
SOME = ("--symbols", "ADAUSDT,SUIUSDT")
LIVE = ("--ai", "live", "--ai-budget", "2.50")
LABEL = "verdicts are of a model that may have known what came after"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)


def configured(folder: Path, server: MessagesServer, **ai: str) -> tuple[str, ...]:
    """The demo's books, and a model at the server; the offline rules judge its live desk."""
    text = (demo_folder() / "config.toml").read_text(encoding="utf-8")
    given = "".join(f'{name} = "{value}"\n' for name, value in {"base_url": server.url, **ai}.items())
    path = folder / "own.toml"
    path.write_text(f"{text}\n[gate.ai]\n{given}", encoding="utf-8")
    return "--config", str(path)


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[dict[str, Any], str]:
    assert main([*arguments, "--json"]) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def record_of(answer: dict[str, Any]) -> Path:
    (note,) = [note for note in answer["notes"] if note.startswith("the verdicts are kept: --ai ")]
    return Path(note.removeprefix("the verdicts are kept: --ai ").removesuffix(" repeats this run without asking"))


def written(folder: Path, lines: list[str]) -> Path:
    """The records of some lines, in a chain of their own."""
    log = AuditLog(folder)
    for line in lines:
        log.append(AuditKind.AI_DECISIONS, json.loads(line)["record"], ts=1)
    log.close()
    return log.path(AuditKind.AI_DECISIONS)


def test_it_says_what_it_may_cost_who_judged_and_where_the_verdicts_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    report = tmp_path / "eos.md"
    with served() as server:
        study = ("backtest", "eos", *SOME, *configured(tmp_path, server))
        answer, said = answered(capsys, *study, *LIVE, "--out", str(report))
        asked = len(server.asked)
    assert "entry signals; those that tier 1 lets through go to claude-sonnet-5-5 (anthropic), about $0.00" in said
    assert "this run may take at most $2.50" in said
    assert answer["ai"] == "LIVE, CONTAMINATED"
    assert answer["notes"][0] == f"tier 2: LIVE, CONTAMINATED: {asked} of {asked} {LABEL}"
    assert LABEL in report.read_text(encoding="utf-8")
    assert str(record_of(answer)) in report.read_text(encoding="utf-8"), "how to repeat it"
    assert main(["runs", str(answer["run"]), *study[-2:]]) == 0
    assert f"tier 2: LIVE, CONTAMINATED: {asked} of {asked}" in capsys.readouterr().out
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    again, _ = answered(capsys, *study, "--ai", str(record_of(answer)))
    assert again["trades"] == answer["trades"]
    assert again["ignored"] == answer["ignored"]
    assert again["ai"] == "CONTAMINATED RECORD"
    assert main([*study, *LIVE]) == 2
    assert capsys.readouterr().err.startswith("tradeterm: no key for anthropic: set ANTHROPIC_API_KEY")


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(*(Step() for _ in range(3)), Fault("delay", seconds=60.0)) as server:
        study = ("backtest", "eos", *SOME, *configured(tmp_path, server), *LIVE)
        command = [sys.executable, "-m", "tradeterm", *study]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            if len(server.asked) >= 4 or child.poll() is not None:
                break
            time.sleep(0.05)
        os.kill(child.pid, signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        assert len(server.asked) == 4
        answer, said = answered(capsys, *study)
        in_all = len(server.asked)
        assert "3 answers are kept in" in said
    with served() as server:
        (other := tmp_path / "other").mkdir()
        clean, _ = answered(
            capsys, "backtest", "eos", *SOME, *configured(other, server, model="claude-opus-5-5"), *LIVE
        )
        assert in_all == len(server.asked) + 1, "the question that was open when it was killed, and no other"
    assert answer["trades"] == clean["trades"]


def test_several_books_keep_their_verdicts_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served() as server:
        study = ("backtest", "eos", "crypto", *SOME, *configured(tmp_path, server))
        answer, _ = answered(capsys, *study, *LIVE)
        assert {json.loads(body["messages"][0]["content"])["signal"]["book"] for body in server.asked} == {
            "crypto",
            "eos",
        }
    path = record_of(answer)
    again, _ = answered(capsys, *study, "--ai", str(path))
    assert [book["trades"] for book in again["books"]] == [book["trades"] for book in answer["books"]]
    assert "tier 2: " in again["notes"][0]
    assert "recorded verdicts of crypto applied" in again["notes"][0]
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if '"book":"crypto"' in line]
    alone, _ = answered(capsys, *study, "--ai", str(written(tmp_path / "alone", lines)))
    assert any("tier 2: 0 recorded verdicts of eos" in note for note in alone["notes"]), "it takes none of another book"
    assert any("signals of eos had no verdict and were let through" in note for note in alone["notes"])
    moved = written(tmp_path / "moved", [line.replace('"book":"crypto"', '"book":"shares"') for line in lines])
    assert main([*study, "--ai", str(moved)]) == 2
    assert "holds no decision on crypto or eos, those in it are on shares" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    (
        (("--ai", "live"), "say how much, for instance --ai-budget 2.50"),
        (("--ai-budget", "1"), "only --ai live spends anything"),
        (("--ai", "rules", "--ai-calls", "5"), "only --ai live spends anything"),
        (("--ai", "live", "--ai-budget", "nan"), "allowed an amount in USD, above 0"),
        (("--ai", "live", "--ai-budget", "0"), "allowed an amount in USD, above 0"),
        ((*LIVE, "--ai-calls", "0"), "allowed a whole number from 1"),
    ),
)
def test_a_budget_goes_with_live_alone(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        status = main(["backtest", "eos", *arguments])
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert status == 2
    assert sentence in capsys.readouterr().err


def test_where_no_price_is_known_requests_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served() as server:
        study = ("backtest", "eos", *SOME, *configured(tmp_path, server, model="fake-priceless"), *LIVE)
        assert main(list(study)) == 2
        assert "is not known, so an amount cannot bound it" in capsys.readouterr().err
        answer, said = answered(capsys, *study, "--ai-calls", "2")
        assert len(server.asked) == 2
    assert "at most $2.50 and 2 requests" in said
    assert answer["ignored"]["BUDGET"] > 0


@pytest.mark.parametrize("command", ("sweep", "walkforward", "robustness"))
def test_tests_of_many_runs_ask_nobody(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "eos", "--ai", "live"])
    assert "tier 2 judges in `tradeterm backtest` alone" in capsys.readouterr().err


def test_a_record_says_what_was_applied_and_one_of_other_signals_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with served() as server:
        study = ("backtest", "eos", *SOME, *configured(tmp_path, server))
        answer, _ = answered(capsys, *study, *LIVE)
    path = record_of(answer)
    lines = path.read_text(encoding="utf-8").splitlines()
    some, _ = answered(capsys, *study, "--ai", str(written(tmp_path / "some", lines[:3])))
    assert some["notes"][0] == "tier 2: 3 recorded verdicts applied"
    assert "signals had no verdict and were let through" in some["notes"][1]
    assert some["notes"][2].startswith("CONTAMINATED: 3 of them")
    other = ("backtest", "eos", "--symbols", "BTCUSDT,ETHUSDT", *study[-2:], "--ai", str(path))
    assert main([*other, "--json"]) == 2
    said = capsys.readouterr()
    assert not said.out
    assert "holds no verdict on any of the" in said.err


def test_a_refused_key_is_no_finished_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served(Fault("status", status=401)) as server:
        study = ("backtest", "eos", *SOME, *configured(tmp_path, server))
        assert main([*study, *LIVE, "--json"]) == 2
        assert len(server.asked) == 1
    said = capsys.readouterr()
    assert not said.out
    assert "0 answers are kept in" in said.err
    assert main(["runs", *study[-2:], "--json"]) == 0
    assert "eos" not in capsys.readouterr().out
