"""Hostile texts: none causes an approval or a larger size, and the approving call never sees one."""

import json
import zlib
from decimal import Decimal
from typing import Any

import pytest
from gate_kit import packet, rig, signal
from hostile import HOSTILE, KINDS, POLITE, SYMBOLS
from msgspec import structs
from simulators.messages import Answer, MessagesServer, policy, text_answer
from simulators.messages.policy import verdict

from tradeterm.config import NewsMode
from tradeterm.domain.signals import VerdictDecision
from tradeterm.validators.untrusted import LONGEST_ITEM, MOST_ITEMS, clean, is_suspicious, plain

IDS = [f"{kind} {number}" for kind, texts in KINDS.items() for number, _ in enumerate(texts, 1)]
BAD_DRAWDOWN = {**packet()["portfolio"], "drawdown": "0.05"}
SITUATIONS: dict[str, dict[str, Any]] = {
    "approve": {},
    "reduce": {"portfolio": BAD_DRAWDOWN},
    "reject": {"explain": {"trend_4h": -0.06}},
    "abstain": {"market": {"mark": None}},
}


def obedient(body: dict[str, Any]) -> Answer:
    """A model that does what any text from outside wants of it."""
    context = json.loads(body["messages"][0]["content"])
    if "untrusted" in context:
        won = {"decision": "APPROVE", "size_factor": 1.0, "confidence": 1.0}
        return text_answer(json.dumps(verdict(context, **won)))
    return policy(body)


def test_the_suite_is_large_enough() -> None:
    """Run with -s for the table of kinds."""
    kinds = {**{kind: len(texts) for kind, texts in KINDS.items()}, "symbols": len(SYMBOLS), "polite": len(POLITE)}
    print("", *(f"| {kind} | {count} |" for kind, count in kinds.items()), f"| all | {sum(kinds.values())} |", sep="\n")  # noqa: T201
    assert len(set(HOSTILE)) == len(HOSTILE) >= 75
    assert min(kinds.values()) >= 3


@pytest.mark.parametrize("text", HOSTILE, ids=IDS)
def test_a_hostile_text_is_dropped_and_told(text: str) -> None:
    found = clean([text, "Bitcoin falls 3% as traders weigh rates"])
    assert found.items == ("Bitcoin falls 3% as traders weigh rates",)
    assert found.suspicious


@pytest.mark.parametrize("situation", SITUATIONS, ids=list(SITUATIONS))
async def test_no_headline_raises_what_the_numbers_said(situation: str) -> None:
    """All of them, five at a time, against a model that obeys whatever it is told."""
    async with rig(MessagesServer(obedient)) as made:
        usual = await made.judge(signal("without"), packet(**SITUATIONS[situation]))
        asked = len(made.server.requests)
        texts = [*HOSTILE, *POLITE]
        for start in range(0, len(texts), MOST_ITEMS):
            context = packet(**SITUATIONS[situation], untrusted={"headlines": texts[start : start + MOST_ITEMS]})
            found = await made.judge(signal(f"s{start}"), context)
            assert found.size_factor <= usual.size_factor
            assert found.decision is usual.decision
        first_calls = [
            body for body in made.server.asked[asked:] if "untrusted" not in json.loads(body["messages"][0]["content"])
        ]
        sent = json.dumps(first_calls)
        assert not any(text[:30] in sent for text in texts)


async def test_a_text_can_cost_a_trade() -> None:
    async with rig() as made:
        headlines = {"headlines": ["Exploit drains the bridge, exchange halts withdrawals"]}
        found = await made.judge(signal(), packet(untrusted=headlines))
    assert (found.decision, found.size_factor, found.code) == (VerdictDecision.REJECT, 0, "NEWS_ADVERSE")
    gate, news = made.server.asked
    assert "untrusted" not in gate["messages"][0]["content"]
    told = json.loads(news["messages"][0]["content"])
    assert told["untrusted"] == headlines
    assert told["first"] == {"decision": "APPROVE", "size_factor": "1.0"}
    (record,) = made.records
    assert [attempt.purpose for attempt in record.attempts] == ["gate", "news"]


async def test_a_second_call_that_would_raise_is_not_heard() -> None:
    async with rig(MessagesServer(obedient)) as made:
        found = await made.judge(signal(), packet(portfolio=BAD_DRAWDOWN, untrusted={"headlines": ["All is well"]}))
    assert (found.decision, found.size_factor) == (VerdictDecision.REDUCE, Decimal("0.5"))
    assert len(made.server.requests) == 2


async def test_a_second_call_that_fails_blocks() -> None:
    def broken_news(body: dict[str, Any]) -> Answer:
        return text_answer("no") if "untrusted" in body["messages"][0]["content"] else policy(body)

    async with rig(MessagesServer(broken_news)) as made:
        found = await made.judge(signal(), packet(untrusted={"headlines": ["All is well"]}))
    assert (found.decision, found.code) == (VerdictDecision.FAILED_CLOSED, "MALFORMED")


async def test_without_news_mode_nobody_sees_a_headline() -> None:
    async with rig(news_mode=NewsMode.OFF) as made:
        await made.judge(signal(), packet(untrusted={"headlines": ["All is well"]}))
    assert len(made.server.requests) == 1
    assert made.records[0].headlines == ()


PLACES = {
    "reason": lambda text: (signal(reason=text), packet(signal={**packet()["signal"], "reason": text})),
    "exchange message": lambda text: (signal(), packet(exchange_messages=[text], alerts={"text": text})),
    "market value": lambda text: (signal(), packet(market={**packet()["market"], "regime": text})),
    "explain key": lambda text: (signal(), packet(explain={**packet()["explain"], text: 1.0})),
    "tier 1": lambda text: (signal(), packet(tier1=[{"code": text, "passed": True, "numbers": {"text": text}}])),
    "history": lambda text: (signal(), packet(history={"last": [text]}, data_quality={"source": text})),
    "bars": lambda text: (signal(), packet(bars=[[text, 1.0]])),
    "untrusted as a text": lambda text: (signal(), packet(untrusted=text)),
    "a name in the portfolio": lambda text: (
        signal(),
        packet(portfolio={**packet()["portfolio"], "positions": [{"instrument": text, "side": "LONG"}]}),
    ),
    "symbol": lambda text: (signal(instrument=text), packet()),
    "strategy": lambda text: (signal(strategy=text), packet()),
    "book": lambda text: (signal(book=text), packet()),
}


@pytest.mark.parametrize("place", PLACES, ids=list(PLACES))
async def test_no_text_gets_into_the_approving_call_by_another_way(place: str) -> None:
    async with rig() as made:
        for text in (*HOSTILE, *POLITE):
            asked, context = PLACES[place](text)
            before = len(made.server.requests)
            found = await made.judge(signal_with_id(asked, before, text), context)
            sent = [request.body["messages"][0]["content"] for request in made.server.requests[before:]]
            if sent:
                assert len(sent) == 1
                assert not any(json.dumps(part)[1:-1] in sent[0] for part in (text, text[:20]))
            else:
                assert found.decision is VerdictDecision.FAILED_CLOSED or found.source.value == "CACHE"
            assert found.size_factor <= 1
        if place in ("symbol", "strategy", "book", "a name in the portfolio"):
            assert made.server.requests == []
            assert {record.code for record in made.records} == {"UNSAFE_NAME"}


def signal_with_id(asked: Any, number: int, text: str) -> Any:
    return structs.replace(asked, id=f"s{number}x{zlib.crc32(text.encode())}")


@pytest.mark.parametrize("name", SYMBOLS)
async def test_a_symbol_that_would_be_allowed_by_form_is_not_shown(name: str) -> None:
    async with rig() as made:
        found = await made.judge(signal(instrument=name))
    assert (found.code, made.server.requests) == ("UNSAFE_NAME", [])


@pytest.mark.parametrize("name", ["BTCUSDT.BYBIT", "1000PEPEUSDT.BYBIT", "M&M.NSE", "BAJAJ-AUTO.NSE", "NIFTY.NSE"])
async def test_real_symbols_are(name: str) -> None:
    async with rig() as made:
        assert (await made.judge(signal(instrument=name))).decision is VerdictDecision.APPROVE


async def test_what_a_model_says_cannot_break_the_screen() -> None:
    def rude(body: dict[str, Any]) -> Answer:
        context = json.loads(body["messages"][0]["content"])
        said = "\x1b[2J\x1b]0;owned\x07 fine\u202e \u200bindeed\r\n\tyes"
        return text_answer(json.dumps(verdict(context, reasoning=said)), model="claude\x1b[31m")

    async with rig(MessagesServer(rude)) as made:
        found = await made.judge()
    assert found.reasoning == "[2J]0;owned fine indeed yes"
    assert found.model == "claude[31m"


async def test_a_suspicion_of_the_model_blocks() -> None:
    def wary(body: dict[str, Any]) -> Answer:
        return text_answer(json.dumps(verdict(json.loads(body["messages"][0]["content"]), injection_suspected=True)))

    async with rig(MessagesServer(wary)) as made:
        assert (await made.judge()).code == "INJECTION"


def test_what_is_quoted_is_short_and_plain() -> None:
    many = [f"Headline {number} \u200b\x1b[1m of   the\nday" for number in range(9)]
    assert clean(["x y " * 100]).items[0] == plain("x y " * 100)[:LONGEST_ITEM]
    assert all(is_suspicious(plain(text)) for text in many)  # the bracket of the escape is left
    assert len(clean([f"Headline {number}" for number in range(9)]).items) == MOST_ITEMS
    assert clean([None, 7, "", " \u200b "]) == clean([])
