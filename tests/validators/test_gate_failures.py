"""What can go wrong with an AI verdict: each with its code, its calls and its time. Run with -s for the table."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from gate_kit import Rig, packet, rig, signal
from msgspec import Struct
from simulators.messages import Fault

from tradeterm.config import OfflinePolicy
from tradeterm.domain.signals import Verdict, VerdictDecision

APPROVED = ""


class Scenario(Struct, frozen=True):
    """Faults of the answers in order, the code expected, the calls made, and the longest it may take in seconds."""

    name: str
    faults: tuple[Fault, ...]
    code: str
    calls: int = 1
    within_s: float = 2.0
    gate: dict[str, Any] = {}


def status(number: int, **more: Any) -> Fault:
    return Fault("status", status=number, **more)


SHORT = {"deadline_seconds": 1.0}
SCENARIOS = [
    Scenario("good", (), APPROVED),
    Scenario("malformed JSON", (Fault("bad_json"),), "MALFORMED"),
    Scenario("truncated, connection dropped", (Fault("drop_mid_body"), Fault("drop_mid_body")), "TRANSPORT", 2),
    Scenario("drop mid-body once", (Fault("drop_mid_body"),), APPROVED, 2),
    Scenario("drop before headers", (Fault("drop_before_headers"), Fault("drop_before_headers")), "TRANSPORT", 2),
    Scenario("clean cut", (Fault("truncate_clean"),), "MALFORMED"),
    Scenario("not UTF-8", (Fault("bad_utf8"),), "MALFORMED"),
    Scenario("foreign JSON", (Fault("foreign_json_200"),), "MALFORMED"),
    Scenario("HTML", (Fault("html_200"),), "MALFORMED"),
    Scenario("error as an answer", (Fault("error_in_200"), Fault("error_in_200")), "TRANSPORT", 2),
    Scenario("100 KB", (Fault("huge"),), "MALFORMED"),
    Scenario("nested 30,000 deep", (Fault("deep"),), "MALFORMED"),
    Scenario("refusal", (Fault("refusal"),), "REFUSAL"),
    Scenario("max tokens", (Fault("max_tokens"),), "LENGTH"),
    Scenario("context exceeded", (Fault("context_exceeded"),), "LENGTH"),
    Scenario("400", (status(400),), "CONFIG"),
    Scenario("401", (status(401),), "CONFIG"),
    Scenario("402", (status(402),), "BILLING"),
    Scenario("404", (status(404),), "CONFIG"),
    Scenario("429, retry-after 0.1 s", (status(429, retry_after="0.1"),), APPROVED, 2),
    Scenario("429, retry-after 60 s", (status(429, retry_after="60"),), "TRANSPORT", 1, 0.5),
    Scenario("429, should not retry", (status(429, should_retry="false"),), "TRANSPORT"),
    Scenario("429, spend limit", (status(429, error_code="enforced_spend_limit_reached"),), "BILLING"),
    Scenario("529 twice", (status(529), status(529)), "TRANSPORT", 2),
    Scenario("500 once", (status(500),), APPROVED, 2),
    Scenario("500 twice", (status(500), status(500)), "TRANSPORT", 2),
    Scenario("slow", (Fault("delay", seconds=5.0),), "TIMEOUT", 1, 1.5, SHORT),
    Scenario("drip", (Fault("drip", seconds=0.02),), "TIMEOUT", 1, 1.5, SHORT),
    Scenario("stall mid-body", (Fault("stall", seconds=5.0),), "TIMEOUT", 1, 1.5, SHORT),
    Scenario("NaN", (Fault("nan"),), "MALFORMED"),
    Scenario("1e400", (Fault("huge_number"),), "SCHEMA"),
    Scenario("duplicate keys", (Fault("dup_keys"),), "MALFORMED"),
    Scenario("number as text", (Fault("text_number"),), "SCHEMA"),
    Scenario("true as number", (Fault("true_number"),), "SCHEMA"),
    Scenario("extra key", (Fault("extra_key"),), "SCHEMA"),
    Scenario("fenced", (Fault("fenced"),), "MALFORMED"),
    Scenario("two texts", (Fault("two_texts"),), "MALFORMED"),
    Scenario("wrong echo", (Fault("wrong_echo"),), "ECHO"),
    Scenario("ungrounded evidence", (Fault("ungrounded"),), "UNGROUNDED"),
    Scenario("contradictory fields", (Fault("contradiction"),), "CONTRADICTION"),
]


@pytest.fixture(scope="module")
def table() -> Any:
    rows: list[str] = []
    yield rows
    head = f"{'scenario':<32} {'outcome':<22} {'calls':>5} {'ms':>6}  screen"
    print("", head, "-" * len(head), *rows, sep="\n")  # noqa: T201


def row(table: list[str], name: str, verdict: Verdict, calls: int, seconds: float) -> None:
    outcome = f"{verdict.decision.value.lower()}({verdict.code})" if verdict.code else verdict.decision.value.lower()
    outcome = outcome.replace("failed_closed", "blocked")
    table.append(f"{name:<32} {outcome:<22} {calls:>5} {seconds * 1000:>6.0f}  {verdict.reasoning}")


@asynccontextmanager
async def timed(table: list[str], name: str, made: Rig) -> AsyncIterator[list[Verdict]]:
    """A row for each verdict put into the list."""
    found: list[Verdict] = []
    calls, started = len(made.server.requests), time.perf_counter()
    yield found
    seconds = time.perf_counter() - started
    for verdict in found:
        row(table, name, verdict, len(made.server.requests) - calls, seconds)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario.name for scenario in SCENARIOS])
async def test_each_failure_has_its_code_its_calls_and_its_time(scenario: Scenario, table: list[str]) -> None:
    async with rig(**scenario.gate) as made:
        made.server.script(*scenario.faults)
        started = time.perf_counter()
        verdict = await made.judge()
        seconds = time.perf_counter() - started
        row(table, scenario.name, verdict, len(made.server.requests), seconds)
    assert len(made.server.requests) == scenario.calls
    if scenario.code == APPROVED:
        assert (verdict.decision, verdict.size_factor, verdict.code) == (VerdictDecision.APPROVE, 1, "")
    else:
        assert (verdict.decision, verdict.size_factor, verdict.code) == (
            VerdictDecision.FAILED_CLOSED,
            0,
            scenario.code,
        )
    assert verdict.reasoning
    (record,) = made.records
    assert record.as_verdict() == verdict
    assert len(record.attempts) == scenario.calls
    assert seconds < scenario.within_s + 3  # the machine may be busy; a hang is what this finds


async def test_the_budget_is_spent(table: list[str]) -> None:
    async with rig(ai={"budget_calls": 1}) as made:
        assert (await made.judge()).decision is VerdictDecision.APPROVE
        async with timed(table, "budget of calls spent", made) as found:
            found.append(await made.judge())
        assert (found[0].code, len(made.server.requests)) == ("BUDGET", 1)
        assert (await made.judge()).code == "BUDGET"
        assert made.codes == ["AI_BUDGET"]
        made.wall += 86_400_000
        assert (await made.judge()).decision is VerdictDecision.APPROVE


async def test_the_worst_case_is_reserved_before_a_call(table: list[str]) -> None:
    async with rig(ai={"budget_usd": 0.001}) as made:
        async with timed(table, "budget in USD spent", made) as found:
            found.append(await made.judge())
        assert (found[0].code, made.server.requests) == ("BUDGET", [])


async def test_two_signals_at_once_about_different_instruments(table: list[str]) -> None:
    async with rig() as made:
        made.server.script(Fault("delay", seconds=0.2), Fault("delay", seconds=0.2))
        async with timed(table, "two signals at once", made) as found:
            found += await asyncio.gather(
                made.judge(signal("sa")), made.judge(signal("sb", instrument="ETHUSDT.BYBIT"))
            )
    assert [verdict.decision for verdict in found] == [VerdictDecision.APPROVE] * 2
    assert len(made.server.requests) == 2


async def test_two_signals_at_once_about_the_same_side(table: list[str]) -> None:
    async with rig() as made:
        made.server.script(Fault("delay", seconds=0.2))
        async with timed(table, "two at once, same side", made) as found:
            found += await asyncio.gather(made.judge(signal("sa")), made.judge(signal("sb")))
    assert sorted(verdict.code for verdict in found) == ["", "IN_FLIGHT"]
    assert len(made.server.requests) == 1


async def test_a_duplicate_signal_gets_the_first_verdict(table: list[str]) -> None:
    async with rig() as made:
        async with timed(table, "duplicate signal", made) as found:
            found += await asyncio.gather(made.judge(signal("sa")), made.judge(signal("sa")))
        assert found[0] == found[1] == await made.judge(signal("sa"))
        assert (len(made.server.requests), len(made.records)) == (1, 1)


async def test_equal_situations_share_a_call_and_half_a_minute_of_its_verdict() -> None:
    async with rig() as made:
        made.server.script(Fault("delay", seconds=0.1))
        found = await asyncio.gather(*(made.judge(signal(f"s{n}"), packet()) for n in range(3)))
        found.append(await made.judge(signal("later"), packet()))
    assert [verdict.decision for verdict in found] == [VerdictDecision.APPROVE] * 4
    assert [verdict.source.value for verdict in found] == ["LIVE", "CACHE", "CACHE", "CACHE"]
    assert [verdict.signal_id for verdict in found] == ["s0", "s1", "s2", "later"]
    assert (len(made.server.requests), len(made.records)) == (1, 4)
    assert [len(record.attempts) for record in made.records] == [1, 0, 0, 0]
    assert all(record.simulated for record in made.records)


async def test_a_failure_is_shared_in_flight_and_never_kept() -> None:
    async with rig() as made:
        made.server.script(Fault("refusal"))
        found = await asyncio.gather(*(made.judge(signal(f"s{n}"), packet()) for n in range(2)))
        assert [verdict.code for verdict in found] == ["REFUSAL", "REFUSAL"]
        assert (await made.judge(signal("later"), packet())).decision is VerdictDecision.APPROVE


async def test_no_key(table: list[str]) -> None:
    async with rig(environ={}) as made:
        async with timed(table, "no key", made) as found:
            found.append(await made.judge())
        assert (found[0].decision, found[0].code) == (VerdictDecision.FAILED_CLOSED, "CONFIG")
        assert made.server.requests == []
        assert made.validator.status.state.value == "DOWN"
        assert "ANTHROPIC_API_KEY" in made.validator.status.text
        assert "no key" in made.validator.label
    async with rig(environ={}, offline_policy=OfflinePolicy.RULES) as made:
        assert made.validator.label == "RULES (no AI)"


async def test_what_waiting_does_not_cure_is_asked_once_until_somebody_tries_again() -> None:
    async with rig() as made:
        made.server.script(status(401))
        assert [(await made.judge()).code for _ in range(3)] == ["CONFIG"] * 3
        assert (len(made.server.requests), made.codes) == (1, ["AI_DOWN"])
        assert made.validator.status.state.value == "DOWN"
        made.validator.retry()
        assert (await made.judge()).decision is VerdictDecision.APPROVE
        assert made.validator.status.state.value == "UP"


async def test_five_outages_open_the_breaker() -> None:
    async with rig() as made:
        made.server.script(*(status(500, should_retry="false") for _ in range(5)))
        assert [(await made.judge()).code for _ in range(5)] == ["TRANSPORT"] * 5
        assert (await made.judge()).code == "BREAKER"
        assert (len(made.server.requests), made.codes) == (5, ["AI_OUTAGE"])
        assert made.validator.status.state.value == "DEGRADED"


async def test_three_unusable_answers_in_a_row_are_told_once() -> None:
    async with rig() as made:
        made.server.script(Fault("nan"), Fault("wrong_echo"), Fault("ungrounded"), Fault("nan"))
        for _ in range(4):
            await made.judge()
        assert made.codes == ["AI_UNUSABLE"]


async def test_more_than_the_queue_holds_is_blocked_at_once() -> None:
    async with rig() as made:
        made.server.script(*(Fault("delay", seconds=0.3) for _ in range(4)))
        many = [signal(f"s{n}", instrument=f"T{n}USDT.BYBIT") for n in range(40)]
        found = await asyncio.gather(*(made.judge(each) for each in many))
    codes = [verdict.code for verdict in found]
    assert codes.count("QUEUE") == 4
    assert codes.count("") == 36


async def test_who_waits_too_long_for_a_place_is_stale() -> None:
    async with rig(deadline_seconds=1.0) as made:
        made.server.script(*(Fault("delay", seconds=3.0) for _ in range(4)))
        many = [signal(f"s{n}", instrument=f"T{n}USDT.BYBIT") for n in range(5)]
        found = await asyncio.gather(*(made.judge(each) for each in many))
    assert sorted(verdict.code for verdict in found) == ["STALE", *["TIMEOUT"] * 4]
    assert len(made.server.requests) == 4


async def test_a_cancelled_question_is_recorded_and_booked() -> None:
    async with rig() as made:
        made.server.script(Fault("delay", seconds=5.0))
        task = asyncio.create_task(made.judge(signal("sa")))
        await made.server.came(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        (record,) = made.records
        assert (record.code, record.attempts[0].estimated) == ("CANCELLED", True)
        assert record.cost_usd is not None
        assert record.cost_usd > 0
        assert (await made.judge(signal("sa"))).code == "CANCELLED"


async def test_what_cannot_be_recorded_blocks() -> None:
    async def broken(record: object) -> None:
        raise OSError(28, "no space left on the disk")

    async with rig(around={"record": broken}) as made:
        verdict = await made.judge()
    assert (verdict.decision, verdict.code, verdict.size_factor) == (VerdictDecision.FAILED_CLOSED, "AUDIT", 0)
    assert made.codes == ["AI_AUDIT"]


async def test_a_low_confidence_and_a_suspicion_let_nothing_through() -> None:
    async with rig(ai={"least_confidence": 0.63}) as made:
        assert (await made.judge()).code == "LOW_CONFIDENCE"


async def test_an_abstention_blocks_and_is_no_rejection() -> None:
    async with rig() as made:
        verdict = await made.judge(signal(), packet(market={"mark": None}))
    assert (verdict.decision, verdict.size_factor) == (VerdictDecision.ABSTAIN, 0)
    assert (verdict.code, verdict.source.value) == ("MISSING_DATA", "LIVE")
