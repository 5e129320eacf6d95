"""`tradeterm report performance`, `compliance` and `gate` on a whole run of the bundled demo."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from seeded import seed
from simulators.messages import MessagesServer, text_answer

from tradeterm.cli import main
from tradeterm.domain.facts import RunRow
from tradeterm.ledger.runs import latest_run
from tradeterm.ledger.store import open_ledger
from tradeterm.profile import HOME_VARIABLE, Profile, find_profile
from tradeterm.resources import example_config

KINDS = ("performance", "compliance", "gate")
PLANTED = "sk-ant-planted-0123456789abcdef"
SECTIONS = {
    "performance": ["Summary", "Book crypto", "Open positions", "Cost of models"],
    "compliance": [
        "Summary", "Runs and configurations", "Rules of tier 1", "Signals and what became of them",
        "Safety violations stopped", "Circuit breaker", "Operator commands", "Decisions of tier 2",
        "Audit files and ledger", "Reconciliations", "Leverage used", "Instruments allowed and traded",
        "Orders in doubt, refused or not ours", "Health of strategies", "Alerts from WARNING on",
        "Gaps in the record",
    ],
    "gate": ["Summary", "RULES (no AI)", "Record of decisions (ai_decisions.jsonl)"],
}  # fmt: skip
FACTS = {
    "performance": ["head", "books", "desk", "positions", "marked", "ai", "ai_usd"],
    "compliance": [
        "head", "runs", "configs", "rules", "desk_limits", "outcomes", "violations", "breaker", "commands", "alerts",
        "health", "decisions", "audit", "ledger", "reconciliations", "leverage", "instruments", "orders", "gaps",
    ],
    "gate": ["head", "cards", "verdicts", "chain", "audit"],
}  # fmt: skip


@pytest.fixture
def demo(ran_demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """A copy of a demo that ran to its end, for a test to spoil."""
    folder = tmp_path / "ran"
    shutil.copytree(ran_demo, folder)
    monkeypatch.setenv(HOME_VARIABLE, str(folder))
    return find_profile("demo")


def run_of(profile: Profile) -> RunRow:
    with closing(open_ledger(profile.ledger, readonly=True)) as db:
        run = latest_run(db)
    assert run is not None
    return run


def report(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(["--demo", "report", *arguments]) == status
    return capsys.readouterr().out


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    return dict(json.loads(report(capsys, *arguments, "--json", status=status)))


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_have_their_chapters(demo: Profile, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    text = report(capsys, kind)
    assert text.startswith(f"# {kind.capitalize()} of demo\n\nDEMO: recorded market data, simulated fills;")
    titles = [title.replace("\\", "") for title in re.findall(r"^## (.*)$", text, re.MULTILINE)]
    assert titles == [*SECTIONS[kind], "About this report"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_has_them_too_and_needs_nothing_else(
    demo: Profile, capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "report.html"
    assert report(capsys, kind, "--out", str(out)) == ""
    page = out.read_text()
    assert re.findall(r"<h2[^>]*>([^<]*)</h2>", page) == SECTIONS[kind]
    assert "default-src 'none'" in page
    assert not re.search(r"<(script|link|img|iframe)|url\((?!#)|@import|href=\"(?!#)|src=", page)
    assert page.count("<svg ") == {"performance": 6, "compliance": 0, "gate": 0}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_the_json_has_the_documented_shape(demo: Profile, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    found = answer(capsys, kind)
    assert list(found) == ["type", "kind", "sound", "sentences", "findings", "narrative", "facts"]
    assert (found["type"], found["kind"], found["sound"], found["narrative"]) == ("report", kind, True, None)
    assert list(found["facts"]) == FACTS[kind]
    assert found["facts"]["head"]["modes"] == ["demo"]


def test_its_money_is_that_of_the_run(demo: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    summary = run_of(demo).summary
    assert summary is not None
    (book,) = answer(capsys, "performance")["facts"]["books"]
    known = {line["name"]: line["value"] for line in book["figures"]}
    assert known["trades"] == summary["trades"]
    assert f"{known['final_equity']:.2f}" == summary["equity"]
    assert known["net"] == pytest.approx(float(str(summary["pnl"])), abs=0.01)
    assert -known["max_drawdown"] == pytest.approx(float(str(summary["max_drawdown"])), abs=1e-6)
    assert book["held"]["total_return"] == pytest.approx(-0.044, abs=0.001)
    for each in book["breakdowns"]:
        assert sum(row["trades"] for row in each["slices"]) == summary["trades"]


def test_its_decisions_are_all_there_and_verified(demo: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    found = answer(capsys, "compliance")
    facts, lines = found["facts"], (demo.audit / "ai_decisions.jsonl").read_text().splitlines()
    assert len(facts["decisions"]) == len(lines) > 30
    assert [each["hash"] for each in facts["decisions"]] == [json.loads(line)["hash"] for line in lines]
    assert {each["state"] for each in facts["decisions"]} == {"VERIFIED"}
    assert facts["ledger"] == {"ok": True, "findings": []}
    assert facts["configs"][0]["source"] == "the journal of its run"
    assert all(row["allowed"] for row in facts["instruments"])
    assert found["findings"] == []


def test_long_tables_are_cut_on_a_terminal_alone(
    demo: Profile, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradeterm.assistant.reports.write.SHOWN", 5)
    out = tmp_path / "report.md"
    report(capsys, "compliance", "--out", str(out))
    whole, cut = out.read_text(), report(capsys, "compliance")
    decisions = len(answer(capsys, "compliance")["facts"]["decisions"])
    assert f"and {decisions - 5} more; --json or --out FILE has all" in cut
    assert "more; --json" not in whole
    assert whole.count("VERIFIED |") > cut.count("VERIFIED |")


def test_the_span_narrows_every_kind(demo: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    span = ("--from", "2025-04-08", "--to", "2025-04-09T00:00Z")
    whole, part = (answer(capsys, "performance", *more)["facts"]["books"][0] for more in ((), span))
    (day,) = [
        row
        for each in whole["breakdowns"]
        if each["by"].startswith("day")
        for row in each["slices"]
        if row["key"] == "2025-04-08"
    ]
    assert 0 < part["trades"] == day["trades"] < whole["trades"]
    assert 0 < len(answer(capsys, "compliance", *span)["facts"]["decisions"]) < 30
    (card,) = answer(capsys, "gate", *span)["facts"]["cards"]
    assert 0 < card["shadows"] < 30
    later = answer(capsys, "performance", "--from", "2031-01-01")["facts"]
    assert (later["books"], later["head"]["first"]) == ([], None)


def test_a_broken_chain_fails_and_says_where(demo: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    path = demo.audit / "ai_decisions.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"REJECT"', b'"REDUCE"', 1))
    text = report(capsys, "compliance", status=1)
    assert "ai\\_decisions.jsonl breaks at line" in text
    assert "its content was changed" in text
    assert not answer(capsys, "gate", status=1)["sound"]
    report(capsys, "performance")


def test_a_spoilt_ledger_fails(demo: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_ledger(demo.ledger)) as db, db:
        db.execute("UPDATE trades SET pnl = '1000' WHERE rowid = 1")
    found = answer(capsys, "compliance", status=1)
    assert not found["facts"]["ledger"]["ok"]
    assert any("disagrees with itself" in finding for finding in found["findings"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--from", "yesterday"), "--from: found 'yesterday', allowed a time such as 2025-04-06"),
        (
            ("--from", "2025-04-09", "--to", "2025-04-09T00:00Z"),
            "--from: found 2025-04-09, allowed a time before --to 2025-04-09T00:00Z",
        ),
        (("--from", "2025-04-10", "--to", "2025-04-09"), "--from: found 2025-04-10, allowed a time before --to"),
        (("--file", "."), "--file: found ., a folder, allowed a ledger file"),
        (("--book", "crpyto"), '--book: found "crpyto", allowed crypto'),
        (("--out", "report.pdf"), "--out: found report.pdf, allowed a file that ends in .html, .md or .json"),
        (("--out", "nowhere/report.md"), "but there is no folder nowhere"),
    ],
)
def test_wrong_use_is_a_sentence(
    demo: Profile, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], sentence: str
) -> None:
    assert main(["--demo", "report", "performance", *arguments]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.out == ""


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_file_is_no_ledger(home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str) -> None:
    other = tmp_path / "ledger-old.sqlite"
    other.touch()
    assert main(["--demo", "report", kind, "--file", str(other)]) == 2
    assert f"--file: found {other}, an empty file, allowed a ledger file" in capsys.readouterr().err


def test_without_a_ledger_there_is_nothing_to_report(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    for kind in KINDS:
        assert main(["--demo", "report", kind]) == 1
        assert "there is no ledger at" in capsys.readouterr().err


def test_another_ledger_file(demo: Profile, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    other = tmp_path / "ledger-old.sqlite"
    shutil.copy(demo.ledger, other)
    assert answer(capsys, "performance", "--file", str(other))["facts"]["head"]["ledger"] == "ledger-old.sqlite"
    assert main(["--demo", "report", "gate", "--file", str(tmp_path / "none.sqlite")]) == 1
    assert "there is no ledger at" in capsys.readouterr().err


def test_a_broken_configuration_does_not_hide_the_past(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    seed(profile)
    profile.config_file.write_text("mode = [")
    for kind in KINDS:
        unproven = kind != "performance"  # the seeded verdict stands in no audit file
        assert main(["--profile", "default", "report", kind, "--json"]) == unproven
        said = capsys.readouterr()
        assert "the configuration is left out" in said.err
        assert json.loads(said.out)["facts"]["head"]["profile"] == "default"


def test_a_narrative_without_a_key_is_the_programs_own(
    demo: Profile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = report(capsys, "performance", "--narrative")
    assert text.index("## Summary") < text.index("## In words") < text.index("## Book crypto")
    assert "Written by the program. Plain language needs an AI and its key" in text
    found = answer(capsys, "compliance", "--narrative")["narrative"]
    assert (found["by"], found["unverified"]) == ("", [])
    assert found["paragraphs"][0].startswith("1 run, ")


async def test_a_narrative_with_a_key_is_the_models(
    profile: Profile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(profile)
    monkeypatch.setenv("ANTHROPIC_API_KEY", PLANTED)
    async with MessagesServer() as server:
        text = example_config().read_text()
        for found, changed in (
            ('validator = "rules"', 'validator = "claude"'),
            (
                'base_url = ""                    # "" is the provider',
                f'base_url = "{server.url}"  # "" is the provider',
            ),
        ):
            assert text.count(found) == 1
            text = text.replace(found, changed)
        profile.config_file.write_text(text)
        server.script(text_answer("One trade lost 12.67 USDT, and 999 did not."))
        command = ["--profile", "default", "report", "performance", "--narrative"]
        assert await asyncio.to_thread(main, command) == 0
    said = capsys.readouterr()
    assert "Written by claude-sonnet-5-5, not checked by a person." in said.out
    assert "One trade lost 12.67 USDT, and 999 \\[not in the facts\\] did not." in said.out
    assert PLANTED not in said.out + said.err
    with closing(open_ledger(profile.ledger, readonly=True)) as db:
        assert db.execute("SELECT purpose, model FROM ai_usage").fetchall() == [("chat", "claude-sonnet-5-5")]


def test_keys_of_the_environment_are_in_no_output(
    demo: Profile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("ANTHROPIC_API_KEY", "BYBIT_API_KEY", "BYBIT_API_SECRET"):
        monkeypatch.setenv(name, PLANTED)
    for kind in KINDS:
        out = tmp_path / f"{kind}.html"
        assert main(["--demo", "report", kind, "--out", str(out), "--json", "--narrative"]) == 0
        said = capsys.readouterr()
        assert PLANTED not in said.out + said.err + out.read_text()
        assert str(demo.root) not in out.read_text()


def test_a_killed_run_is_told_as_one(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "tradeterm", "--demo", "--headless", "--speed", "max"]
    engine = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ.copy()
    )
    assert engine.stdout is not None
    with engine, closing(engine.stdout):
        for line in engine.stdout:
            if " trade " in line:
                break
        engine.send_signal(signal.SIGKILL)
    found = answer(capsys, "compliance")
    assert [run["status"] for run in found["facts"]["runs"]] == ["RUNNING"]
    (gap,) = found["facts"]["gaps"]
    assert gap["text"].endswith("has no end and no engine runs: it was killed or crashed.")
    assert gap["text"] in found["findings"]
    for kind in ("performance", "gate"):
        assert "no end: it was killed or crashed" in report(capsys, kind)
