"""What goes wrong with an AI, through the whole engine: what becomes of the entry, what was asked, what a person sees.

`pytest tests/engine/test_engine_ai_failures.py -m "slow or not slow" -n 0 -s` prints the table. Each run ends with the
first signal of one instrument; a few run with every other test, all of them where slow ones do.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from engine_kit import LAST_DAY, Watcher, demo_profile, options, rows, run, stop_after
from msgspec import Struct
from simulators.messages import Fault, MessagesServer
from test_engine_ai import KEY, decisions, entries, served
from validators.gate_kit import packet, rig, signal

from tradeterm.config import AiConfig, Config, GateConfig
from tradeterm.domain.commands import RequestVerdict
from tradeterm.domain.events import VerdictReceived
from tradeterm.domain.facts import AlertFact
from tradeterm.domain.orders import Order
from tradeterm.domain.signals import SignalOutcome, Verdict, VerdictDecision
from tradeterm.domain.view import DeskView
from tradeterm.engine.gate import Gate
from tradeterm.ledger.live import LiveReader
from tradeterm.ui.model import banner, judge
from tradeterm.ui.widgets.status_bar import status_lines

INSTRUMENT = "ADAUSDT.BINANCE"
START = LAST_DAY + 365 * 60_000
"""Five minutes before its signal."""

FINE, BLOCKED = SignalOutcome.ORDERED, SignalOutcome.BLOCKED


class Scenario(Struct, frozen=True):
    """Faults of the answers in order; then what must come of it. `told` are the alerts; `bar` begins what the status
    bar says of the AI, `banner` is in the banner; both are empty while it is up."""

    name: str
    faults: tuple[Fault, ...]
    code: str = ""
    calls: int = 1
    told: tuple[str, ...] = ()
    bar: str = ""
    banner: str = ""
    gate: dict[str, Any] = {}
    ai: dict[str, Any] = {}
    key: bool = True


def status(number: int, **more: Any) -> Fault:
    return Fault("status", status=number, **more)


SHORT = {"deadline_seconds": 1.0}
DOWN = {"told": ("AI_DOWN",), "bar": "AI DOWN", "banner": "no entries until `retry` or another configuration"}
SCENARIOS = [
    Scenario("good", ()),
    Scenario("malformed JSON", (Fault("bad_json"),), "MALFORMED"),
    Scenario("truncated, dropped twice", (Fault("drop_mid_body"), Fault("drop_mid_body")), "TRANSPORT", 2),
    Scenario("drop mid-body once", (Fault("drop_mid_body"),), "", 2),
    Scenario("clean cut", (Fault("truncate_clean"),), "MALFORMED"),
    Scenario("foreign JSON", (Fault("foreign_json_200"),), "MALFORMED"),
    Scenario("HTML", (Fault("html_200"),), "MALFORMED"),
    Scenario("refusal", (Fault("refusal"),), "REFUSAL"),
    Scenario("max tokens", (Fault("max_tokens"),), "LENGTH"),
    Scenario("401", (status(401),), "CONFIG", **DOWN),
    Scenario("402", (status(402),), "BILLING", **DOWN),
    Scenario("404", (status(404),), "CONFIG", **DOWN),
    Scenario("429, retry-after 0.1 s", (status(429, retry_after="0.1"),), "", 2),
    Scenario("429, retry-after 60 s", (status(429, retry_after="60"),), "TRANSPORT"),
    Scenario("529 twice", (status(529), status(529)), "TRANSPORT", 2),
    Scenario("500 twice", (status(500), status(500)), "TRANSPORT", 2),
    Scenario("500 once", (status(500),), "", 2),
    Scenario("slow", (Fault("delay", seconds=5.0),), "TIMEOUT", gate=SHORT),
    Scenario("drip", (Fault("drip", seconds=0.02),), "TIMEOUT", gate=SHORT),
    Scenario("NaN", (Fault("nan"),), "MALFORMED"),
    Scenario("duplicate keys", (Fault("dup_keys"),), "MALFORMED"),
    Scenario("wrong echo", (Fault("wrong_echo"),), "ECHO"),
    Scenario("ungrounded evidence", (Fault("ungrounded"),), "UNGROUNDED"),
    Scenario("contradictory fields", (Fault("contradiction"),), "CONTRADICTION"),
    Scenario(
        "budget spent", (), "BUDGET", 0, ("AI_BUDGET",), "AI DEGRADED", "some entries are blocked", {},
        {"budget_usd": 0.001},
    ),
    Scenario(
        "no key", (), "CONFIG", 0, (), "AI DOWN", "no key for anthropic: set ANTHROPIC_API_KEY", key=False
    ),
]  # fmt: skip
QUICK = {"malformed JSON", "401", "slow", "budget spent"}
MARKED = [pytest.param(each, id=each.name, marks=() if each.name in QUICK else pytest.mark.slow) for each in SCENARIOS]


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    found: list[str] = []
    yield found
    head = "| scenario | the entry | calls | ms | alerts | status bar | banner |"
    print("", head, "| --- " * 7 + "|", *found, sep="\n")  # noqa: T201


def row(table: list[str], name: str, became: str, calls: int, ms: int, *seen: str) -> None:
    table.append("| " + " | ".join((name, became, str(calls), str(ms), *(text or "-" for text in seen))) + " |")


def configured(server: MessagesServer, scenario: Scenario, *books: str) -> Config:
    """The demo's book, of one instrument, asking the server; one book for each name."""
    config = options().config
    book = msgspec.structs.replace(config.books["crypto"], instruments=(INSTRUMENT,))
    gate = GateConfig(validator="claude", ai=AiConfig(base_url=server.url, **scenario.ai), **scenario.gate)
    return msgspec.structs.replace(config, gate=gate, books=dict.fromkeys(books or ("crypto",), book))


def seen_by_a_person() -> tuple[str, str]:
    """What the status bar says of the AI, and the banner, by the last view that was published."""
    with closing(LiveReader(demo_profile().live)) as reader:
        view = reader.view()
    assert isinstance(view, DeskView)
    running = msgspec.structs.replace(view, stopping=False, workers=())  # as it was before the run ended
    (line,) = status_lines(running, running.wall_ts, 240, 1)
    found = re.search(r"AI (?:DOWN|DEGRADED).*?(?=  equity)", "".join(text for text, _ in line))
    said, _ = banner(judge(running, True, running.wall_ts), "s", "r")
    return " ".join(found.group().split()) if found else "", said if "tier 2" in said else ""


def one_signal(config: Config, count: int = 1) -> Watcher:
    hook, stop = stop_after(Verdict, count)
    return run(config=config, hook=hook, should_stop=stop, start_ts=START, until_end=False)


@pytest.mark.parametrize("scenario", MARKED)
def test_each_failure_blocks_and_is_seen(scenario: Scenario, table: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if scenario.key:
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    else:
        monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with served() as server:
        server.script(*scenario.faults)
        seen = one_signal(configured(server, scenario))
        calls = len(server.requests)
    bar, said = seen_by_a_person()
    (verdict,) = seen.of(Verdict)
    (fact,) = entries(seen).values()
    alerts = tuple(alert.code for alert in seen.of(AlertFact) if alert.code.startswith("AI_"))
    code = f"{fact.outcome.value} {fact.outcome_code}".strip()
    row(table, scenario.name, code, calls, verdict.latency_ms, ", ".join(alerts), bar, said)
    assert calls == scenario.calls
    assert (verdict.code, alerts) == (scenario.code, scenario.told)
    orders = [order for order in seen.of(Order) if order.instrument == INSTRUMENT]
    if scenario.code:
        assert (fact.outcome, fact.outcome_code, orders) == (BLOCKED, scenario.code, [])
        assert (verdict.decision, verdict.size_factor) == (VerdictDecision.FAILED_CLOSED, 0)
        assert fact.outcome_text
    else:
        assert (fact.outcome, verdict.decision) == (FINE, VerdictDecision.APPROVE)
        assert orders
    assert bar.startswith(scenario.bar)
    assert bool(bar) is bool(scenario.bar)
    assert scenario.banner in said
    assert bool(said) is bool(scenario.banner)
    if scenario.key:
        (record,) = decisions()
        assert (record["code"], len(record["attempts"])) == (scenario.code, scenario.calls)
    assert KEY.encode() not in demo_profile().ledger.read_bytes()
    assert (rows("SELECT count(*) FROM fills") == [(0,)]) is bool(scenario.code)


@pytest.mark.slow
def test_two_signals_of_one_moment_are_two_questions(table: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two books want the same: each is asked about for itself, and what one is told is not the other's."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    with served() as server:
        server.script(Fault("refusal"))
        seen = one_signal(configured(server, SCENARIOS[0], "crypto", "second"), 2)
        calls = len(server.requests)
    verdicts = seen.of(Verdict)
    assert ([verdict.code for verdict in verdicts], calls) == (["REFUSAL", ""], 2)
    outcomes = {fact.book: fact.outcome for fact in entries(seen).values()}
    assert sorted(outcomes.values()) == [BLOCKED, FINE]
    for verdict in verdicts:
        became = f"{outcomes[verdict.book].value} {verdict.code}".strip()
        row(table, "two signals at once", became, calls, verdict.latency_ms, "", "", "")


async def test_two_questions_at_once_and_one_that_comes_twice(table: list[str]) -> None:
    """At the engine's gate, where a live desk hands them over without waiting."""
    async with rig() as made:
        answered: list[Verdict] = []

        def post(event: Any) -> None:
            assert isinstance(event, VerdictReceived)
            answered.append(event.verdict)

        gate = Gate(lambda: made.validator, deadline_s=10.0, post=post, now=lambda: made.wall)
        made.server.script(Fault("delay", seconds=0.3), Fault("delay", seconds=0.3))
        both = [RequestVerdict(signal=signal("sa"), context=packet())]
        both.append(RequestVerdict(signal=signal("sb", instrument="ETHUSDT.BYBIT"), context=packet()))
        await asyncio.gather(*(gate.carry_out(each) for each in both))
        assert [verdict.decision for verdict in answered] == [VerdictDecision.APPROVE] * 2
        assert len(made.server.requests) == 2
        assert sum(verdict.latency_ms for verdict in answered) > 1.5 * max(verdict.latency_ms for verdict in answered)
        row(table, "two questions at once", "APPROVE, APPROVE", 2, answered[1].latency_ms, "", "", "")
        await asyncio.gather(gate.carry_out(both[0]), gate.carry_out(both[0]))
        assert answered[2] == answered[3] == next(verdict for verdict in answered if verdict.signal_id == "sa")
        assert answered[2].size_factor == Decimal(1)
        assert (len(made.server.requests), len(made.records)) == (2, 2), "asked, paid for and recorded once"
        row(table, "duplicate signal", "the first verdict", 0, answered[2].latency_ms, "", "", "")


async def test_a_situation_that_cannot_be_told_blocks_its_entry_alone() -> None:
    async with rig() as made:
        answered: list[Verdict] = []
        broken = {"sa"}

        def besides(asked: Any, ts: int) -> dict[str, Any]:
            if asked.id in broken:
                raise ZeroDivisionError
            return {"trend": {"from_vwap": 0.01}}

        def post(event: Any) -> None:
            answered.append(event.verdict)

        gate = Gate(lambda: made.validator, deadline_s=10.0, post=post, now=lambda: made.wall, besides=besides)
        with pytest.raises(ZeroDivisionError):
            await gate.carry_out(RequestVerdict(signal=signal("sa"), context=packet()))
        await gate.carry_out(RequestVerdict(signal=signal("sb"), context=packet()))
    assert [(verdict.signal_id, verdict.code) for verdict in answered] == [("sa", "VALIDATOR_FAILED"), ("sb", "")]
    assert answered[0].decision is VerdictDecision.FAILED_CLOSED
    (record,) = made.records
    assert record.context["trend"] == {"from_vwap": "0.01"}
