"""What a person, or a program, reads from a headless engine."""

import io
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from patience import allowed

from tradeterm.config_file import load_config
from tradeterm.domain.facts import AlertFact, ReconciliationFact
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Verdict, VerdictDecision, VerdictSource
from tradeterm.domain.states import AlertLevel, Mode, TradingState
from tradeterm.engine.lines import Teller, printable
from tradeterm.engine.options import RunStarted
from tradeterm.headless import Printer, run_headless
from tradeterm.profile import find_profile

LAST_DAY = 1_744_329_600_000

pytestmark = pytest.mark.usefixtures("fitted_here")


def headless(**more: object) -> list[str]:
    out = io.StringIO()
    settings = {"speed": 0.0, "until_end": True, "start_ts": LAST_DAY, **more}
    assert run_headless(find_profile("demo"), load_config(None, "demo"), out=out, **settings) == 0  # type: ignore[arg-type]
    return out.getvalue().splitlines()


def test_readable_lines_tell_the_story_in_order() -> None:
    lines = headless()
    assert lines[0].startswith("2025-04-11 00:00:00  start     DEMO started: crypto; tier 2 RULES (no AI); ledger ")
    assert lines[-1].startswith("end: FINISHED; ")
    words = [line[21:].split()[0] for line in lines[:-1]]
    first = words.index("signal")
    assert words[first : first + 6] == ["signal", "verdict", "order", "order", "order", "fill"]
    assert {"reconcile", "trade", "day"} <= set(words)


def test_an_exits_order_says_why_it_was_sent() -> None:
    orders = [line for line in headless() if "  order     EXIT" in line]
    assert orders
    assert all(" MARKET for AVERAGE_CROSS (s" in line for line in orders)


def test_json_lines_are_objects_and_the_last_is_the_summary() -> None:
    found = [json.loads(line) for line in headless(json=True)]
    assert found[0]["type"] == "start"
    assert found[0]["data"]["mode"] == "demo"
    for line in found[1:-1]:
        assert set(line) == {"type", "ts", "text", "data"}
    (order, *_) = [line["data"] for line in found if line["type"] == "order"]
    assert order["type"] == "MARKET"
    summary = found[-1]
    assert summary["type"] == "summary"
    assert summary["trades"] == len([line for line in found if line["type"] == "trade"])
    assert {"signals", "equity", "max_drawdown", "ledger", "pnl", "wins", "journal"} <= set(summary)
    assert Path(summary["ledger"]).exists()


class LostPipe(io.StringIO):
    def __init__(self, lines: int) -> None:
        super().__init__()
        self.left = lines

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise BrokenPipeError
        return super().write(text)


def test_a_bounded_run_whose_reader_went_away_ends_cleanly() -> None:
    out = LostPipe(4)
    profile = find_profile("demo")
    config = load_config(None, "demo")
    assert run_headless(profile, config, speed=30_000.0, until_end=True, start_ts=LAST_DAY, out=out) == 0
    assert len(out.getvalue().splitlines()) == 4
    assert "ended: CLOSED" in profile.log.read_text()


def test_an_unbounded_run_trades_on_when_its_reader_went_away() -> None:
    printer = Printer(LostPipe(0), json=False)
    alert = AlertFact(ts=0, level=AlertLevel.INFO, code="X", text="text")
    printer.fact(0, alert)
    assert printer.gone
    printer.fact(0, alert)
    printer.fact(1, alert)


def test_a_run_that_starts_halted_says_so() -> None:
    out = io.StringIO()
    run = RunStarted(
        run_id="1",
        ts=0,
        mode=Mode.PAPER,
        resumed=True,
        books=("crypto",),
        tier2="RULES (no AI)",
        trading_state=TradingState.HALTED,
        trading_reason="KILL by me",
        ledger="l",
    )
    Printer(out, json=False).started(run)
    assert out.getvalue().startswith("1970-01-01 00:00:00  start     PAPER goes on: crypto; ")
    assert out.getvalue().endswith("; HALTED: KILL by me\n")


def test_outside_text_cannot_break_a_line() -> None:
    alert = AlertFact(ts=0, level=AlertLevel.ERROR, code="VENUE", text="bad\x1b[2Jnews\nwith a second line\x07")
    line = Teller().tell(0, alert)
    assert line is not None
    assert line.text == "ERROR VENUE: bad [2Jnews with a second line "
    assert printable("plain – text ×2") == "plain – text ×2"


def test_headless_never_imports_the_screen_or_what_it_does_not_need() -> None:
    script = (
        "import sys, io; from tradeterm.headless import run_headless; from tradeterm.profile import find_profile;"
        "from tradeterm.config_file import load_config;"
        f"run_headless(find_profile('demo'), load_config(None, 'demo'), speed=0.0, until_end=True,"
        f" start_ts={LAST_DAY}, out=io.StringIO());"
        "print([name for name in ('textual', 'rich', 'pandas', 'scipy', 'pybit', 'anthropic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=os.environ)
    assert done.stdout.strip() == "[]"


def test_the_command_line_runs_it_and_survives_a_closed_pipe(home: Path) -> None:
    command = [sys.executable, "-m", "tradeterm", "--headless", "--demo", "--speed", "max", "--until-end"]
    process = subprocess.Popen(
        [*command, "--start-ts", str(LAST_DAY)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert "DEMO started" in process.stdout.readline()
    process.stdout.close()
    assert process.wait(20) == 0
    assert process.stderr.read() == ""
    process.stderr.close()


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 0), ("SIGHUP", 0), ("SIGINT", 130)])
def test_a_signal_ends_it_cleanly_in_under_three_seconds(home: Path, name: str, status: int) -> None:
    import signal
    import time

    command = [sys.executable, "-m", "tradeterm", "--headless", "--demo", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    sent = time.monotonic()
    process.send_signal(getattr(signal, name))
    out, errors = process.communicate(timeout=60)
    assert time.monotonic() - sent < allowed(3.0)
    assert (process.returncode, errors) == (status, "")
    assert json.loads(out.splitlines()[-1])["status"] == "CLOSED"


def test_a_reconciliation_without_a_finding_is_said_once() -> None:
    def said(teller: Teller, *, agreed: bool = True, findings: tuple[str, ...] = ()) -> str | None:
        fact = ReconciliationFact(id="r", ts=1, venue="bybit", account="a", agreed=agreed, findings=findings)
        line = teller.tell(1, fact)
        return line.text if line is not None else None

    teller = Teller()
    assert said(teller) == "bybit/a agreed: no difference"
    assert said(teller) is None
    assert said(teller, findings=("missing fill x booked",)) == "bybit/a agreed: missing fill x booked"
    assert said(teller) == "bybit/a agreed: no difference"
    assert said(teller, agreed=False, findings=("position",)) == "bybit/a DISAGREED: position"


@pytest.mark.parametrize(
    ("source", "model", "judge"),
    [
        (VerdictSource.LIVE, "fake-gate-1", "SIMULATED AI (fake-gate-1)"),
        (VerdictSource.LIVE, "claude-x", "claude-x"),
        (VerdictSource.RULES, "rules", "RULES"),
        (VerdictSource.NONE, "", "NONE"),
    ],
)
def test_a_verdict_names_who_judged(source: VerdictSource, model: str, judge: str) -> None:
    verdict = Verdict(
        id="v1", signal_id="s1", book="crypto", instrument="BTC.X", side=PositionSide.LONG,
        decision=VerdictDecision.APPROVE, size_factor=Decimal(1), confidence=None, reason_codes=(), reasoning="good",
        source=source, model=model, latency_ms=0, ts=7,
    )  # fmt: skip
    line = Teller().tell(7, verdict)
    assert line is not None
    assert line.text == f"APPROVE BTC.X LONG by {judge}: good"
