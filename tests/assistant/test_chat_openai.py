"""Models that speak OpenAI's chat completions: the same loop, the same bounds, the same secrecy."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest
from chat_kit import Clock, running_desk, told
from hypothesis import given
from hypothesis import strategies as st
from simulators.messages import Fault, MessagesServer, Step, text_answer, tool_answer

from tradeterm.assistant.chat.conversation import Conversation
from tradeterm.assistant.chat.events import Failed, Finished, ProposalMade, TextDelta, ToolDone
from tradeterm.assistant.chat.footer import read_footer
from tradeterm.assistant.chat.openai_model import OpenAiAsker, _chunks, _Growing
from tradeterm.assistant.chat.opening import open_conversation, why_offline
from tradeterm.config import AiConfig, AiProvider, BookConfig, ChatConfig, Config, GateConfig
from tradeterm.console.protocol import Console
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile
from tradeterm.validators.secrets import Key

KEY = "AIzaPlanted0123456789abcdefghij"
ENVIRON = {"GEMINI_API_KEY": KEY, "OPENROUTER_API_KEY": KEY, "TRADETERM_AI_KEY": KEY}
LOOK = tool_answer(("get_portfolio", {}), text="Let me look.")
PROVIDERS = (AiProvider.GEMINI, AiProvider.OPENROUTER, AiProvider.OTHER)


@pytest.fixture
def console(profile: Profile) -> Iterator[Console]:
    with running_desk(profile) as found:
        yield found


@pytest.fixture
async def server() -> AsyncIterator[MessagesServer]:
    async with MessagesServer() as running:
        yield running


def config(url: str = "http://127.0.0.1:1", provider: AiProvider = AiProvider.GEMINI, **chat: Any) -> Config:
    book = BookConfig(strategy="eos", venue="paper", instruments=("BTCUSDT.BINANCE",), capital=100_000.0)
    ai = AiConfig(provider=provider, base_url=url, model="gemini-3-pro")
    gate = GateConfig(validator="openai-shaped", ai=ai)
    return Config(books={"crypto": book}, gate=gate, chat=ChatConfig(**chat))


@asynccontextmanager
async def conversing(console: Console, server: MessagesServer, **options: Any) -> AsyncIterator[Conversation]:
    conversation = open_conversation(config(server.url, **options), console, Clock(), ENVIRON)
    try:
        yield conversation
    finally:
        await conversation.close()


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_look_up_and_its_answer(console: Console, server: MessagesServer, provider: AiProvider) -> None:
    server.script(LOOK, text_answer("Equity is 100,126.39 USDT, today −20.50. Gut: 77."))
    async with conversing(console, server, provider=provider) as conversation:
        events = await told(conversation, "how much do I have?")
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == (
        "Let me look.Equity is 100,126.39 USDT, today −20.50. Gut: 77."
    )
    assert [event for event in events if isinstance(event, ToolDone)] == [
        ToolDone("get_portfolio()", "done", failed=False)
    ]
    last = events[-1]
    assert isinstance(last, Finished)
    assert last.unverified == ("77",)
    assert last.cost is None  # no price is known, and none is made up
    assert last.tokens > 0
    assert [row.model for row in console.ai_usage(0)] == ["gemini-3-pro"] * 2
    assert all((row.input_tokens or 0) > 0 and (row.output_tokens or 0) > 0 for row in console.ai_usage(0))
    assert read_footer(console.chat()[-1].text).about == "gemini-3-pro · 1 look-up · cost n/a"
    first, second = server.asked
    assert {request.path for request in server.requests} == {"/chat/completions"}
    assert (first["stream"], first["messages"][0]["role"], first["max_tokens"]) == (True, "system", 4096)
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert [turn["role"] for turn in second["messages"]] == ["system", "user", "assistant", "tool"]
    assert json.loads(second["messages"][-1]["content"])["currency"] == "USDT"
    assert second["tools"] == first["tools"]


async def test_the_history_only_grows(console: Console, server: MessagesServer) -> None:
    server.script(LOOK, text_answer("One."), text_answer("Two."))
    async with conversing(console, server) as conversation:
        await told(conversation, "first?")
        await told(conversation, "second?")
    _, second, third = server.asked
    assert third["messages"][: len(second["messages"])] == second["messages"]
    assert [turn["role"] for turn in third["messages"][-2:]] == ["assistant", "user"]


async def test_several_calls_at_once_are_each_answered(console: Console, server: MessagesServer) -> None:
    server.script(
        tool_answer(("get_positions", {}), ("get_market", {"symbol": "NOPE"}), ("place_order", {})),
        text_answer("Done."),
    )
    async with conversing(console, server) as conversation:
        events = await told(conversation, "well?")
    assert [event.failed for event in events if isinstance(event, ToolDone)] == [False, True, True]
    results = [turn for turn in server.asked[1]["messages"] if turn["role"] == "tool"]
    assert len({turn["tool_call_id"] for turn in results}) == 3
    assert "unknown symbol" in json.loads(results[1]["content"])["error"]
    assert console.commands() == []


async def test_it_can_propose_and_cannot_apply(console: Console, server: MessagesServer) -> None:
    server.script(tool_answer(("propose_pause", {"book": "crypto"})), text_answer("APPLY p1 AAAA"))
    async with conversing(console, server) as conversation:
        events = await told(conversation, "pause it")
    (made,) = [event for event in events if isinstance(event, ProposalMade)]
    assert all(made.line.split()[-1] not in json.dumps(body["messages"]) for body in server.asked)
    assert console.commands() == []


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault("status", status=401), "The provider refused (401 authentication_error"),
        (Fault("status", status=402), "The provider refused (402 billing_error"),
        (Fault("status", status=404), "The provider refused (404 not_found_error"),
        (Fault("status", status=429, retry_after="30"), "The provider refused (429 rate_limit_error"),
        (Fault("drop_mid_body"), "The connection to the model broke"),
        (Fault("truncate_clean"), "The answer broke off."),
        (Fault("error_event"), "The provider refused (502: provider returned error)."),
        (Fault("html_200"), "The model's answer cannot be read: ValueError."),
        (Fault("foreign_json_200"), "The model's answer cannot be read: ValueError."),
        (Fault("deep"), "The model's answer cannot be read"),
        (Fault("refusal"), "The model declined to answer."),
    ],
    ids=lambda value: value.name + str(value.status or "") if isinstance(value, Fault) else None,
)
async def test_what_fails_is_said_and_the_next_question_works(
    console: Console, server: MessagesServer, fault: Fault, sentence: str
) -> None:
    server.script(Step(text_answer("half of an answer that never ends"), fault), text_answer("Here I am."))
    async with conversing(console, server) as conversation:
        failed = (await told(conversation, "one?"))[-1]
        assert isinstance(failed, Failed)
        assert failed.sentence.startswith(sentence)
        assert len(server.asked) == 1
        assert KEY not in failed.sentence
        assert isinstance((await told(conversation, "two?"))[-1], Finished)


@pytest.mark.parametrize("fault", [Fault("drop_before_headers"), Fault("status", status=503, retry_after="0")])
async def test_what_may_pass_is_asked_once_more(console: Console, server: MessagesServer, fault: Fault) -> None:
    server.script(Step(fault=fault), text_answer("Here."))
    async with conversing(console, server) as conversation:
        assert isinstance((await told(conversation, "one?"))[-1], Finished)
    assert len(server.asked) == 2


async def test_a_call_that_was_cut_does_not_run(console: Console, server: MessagesServer) -> None:
    server.script(tool_answer(("get_portfolio", {}), text="Well,", stop_reason="max_tokens"), text_answer("Next."))
    async with conversing(console, server) as conversation:
        events = await told(conversation, "one?")
        assert not any(isinstance(event, ToolDone) for event in events)
        assert isinstance((await told(conversation, "two?"))[-1], Finished)


async def test_escape_closes_the_stream_and_the_next_question_works(console: Console, server: MessagesServer) -> None:
    server.script(Step(text_answer("word " * 40), Fault("drip", seconds=0.2)), text_answer("Here I am."))
    async with conversing(console, server) as conversation:
        started = asyncio.Event()

        async def consume() -> None:
            async with aclosing(conversation.ask("one?")) as events:
                async for event in events:
                    if isinstance(event, TextDelta):
                        started.set()

        task = asyncio.create_task(consume())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert "[the operator cancelled this answer]" in console.chat()[-1].text
        assert isinstance((await told(conversation, "two?"))[-1], Finished)
    assert [turn["role"] for turn in server.asked[-1]["messages"]] == ["system", "user", "assistant", "user"]


async def test_tokens_bound_what_no_price_does(console: Console, server: MessagesServer) -> None:
    server.script(*[tool_answer(("get_portfolio", {}), usage={"input_tokens": 399_000})] * 2)
    async with conversing(console, server) as conversation:
        last = (await told(conversation, "well?"))[-1]
    assert isinstance(last, Failed)
    assert last.sentence == "One question may take 400,000 tokens; ask something narrower."
    assert len(server.asked) == 1


async def test_the_key_is_in_one_header_and_nowhere_else(console: Console, server: MessagesServer) -> None:
    async with conversing(console, server) as conversation:
        await told(conversation, "how much did we make?")
        last = (await told(conversation, f"my key is {KEY}"))[-1]
    assert isinstance(last, Failed)
    assert all(KEY not in str(body) for body in server.asked)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests)
    assert KEY not in str(console.chat())


def test_who_can_be_asked() -> None:
    assert why_offline(config(), ENVIRON) == ""
    assert (
        why_offline(config(), {})
        == "Plain language needs a key: set GEMINI_API_KEY, or name a file in gate.ai.key_file."
    )
    assert why_offline(config(provider=AiProvider.ANTHROPIC), ENVIRON) == (
        "Plain language needs gate.ai.provider gemini, openrouter or other."
    )
    assert why_offline(config("http://example.com"), ENVIRON) == "gate.ai.base_url must begin with https://."
    with pytest.raises(ConfigError, match=r"gate\.ai\.base_url"):
        OpenAiAsker(AiConfig(provider=AiProvider.OTHER, base_url=""), Key(KEY), 512)


# What providers do differently


def grown(*deltas: dict[str, Any], finish: str = "tool_calls") -> Any:
    growing = _Growing("m")
    for delta in deltas:
        list(growing.take({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}))
    list(growing.take({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}))
    return growing.whole()


def test_calls_without_numbers_or_ids_are_calls_all_the_same() -> None:
    one = {"id": "", "function": {"name": "get_orders", "arguments": "{}"}}
    two = {"id": "", "function": {"name": "get_market", "arguments": '{"symbol": "BTC"}'}}
    reply = grown({"tool_calls": [one, two]}, finish="stop")
    assert reply.stop_reason == "tool_use"
    assert [(block["name"], block["input"]) for block in reply.content] == [
        ("get_orders", {}), ("get_market", {"symbol": "BTC"})
    ]  # fmt: skip
    assert len({block["id"] for block in reply.content}) == 2


def test_an_end_for_tools_without_a_call_is_an_answer() -> None:
    assert grown({"content": "Done."}, finish="tool_calls").stop_reason == "end_turn"


def test_two_calls_under_one_number_are_two() -> None:
    one = {"index": 0, "id": "a", "function": {"name": "get_orders", "arguments": "{}"}}
    two = {"index": 0, "id": "b", "function": {"name": "get_trades", "arguments": "{}"}}
    assert [block["name"] for block in grown({"tool_calls": [one]}, {"tool_calls": [two]}).content] == [
        "get_orders", "get_trades"
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", '{"a": NaN}', "nonsense"])
async def test_arguments_that_are_no_object_are_refused_in_a_sentence(
    console: Console, server: MessagesServer, arguments: str
) -> None:
    call = {"index": 0, "id": "x", "function": {"name": "get_orders", "arguments": arguments}}
    (block,) = grown({"tool_calls": [call]}).content
    async with conversing(console, server) as conversation:
        from tradeterm.assistant.chat.tools.tool import answered

        result = await answered(conversation._tools, block["name"], block["input"], None)
    assert result.failed
    assert result.brief == "the input must be an object"


@given(st.lists(st.integers(1, 400), max_size=12))
def test_lines_are_whole_however_they_are_cut(cuts: list[int]) -> None:
    text = (
        ": comment\r\n\r\n"
        + "".join(f'data: {{"n": {n}, "t": "ünïcode"}}\r\n\r\n' for n in range(5))
        + "data: [DONE]\n\n"
    )

    async def pieces() -> AsyncIterator[str]:
        at = 0
        for cut in cuts:
            yield text[at : at + cut]
            at += cut
        yield text[at:]

    async def read() -> list[dict[str, Any]]:
        return [chunk async for chunk in _chunks(pieces())]

    assert [chunk["n"] for chunk in asyncio.run(read())] == [0, 1, 2, 3, 4]
