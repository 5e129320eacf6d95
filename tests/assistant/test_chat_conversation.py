"""The loop: what is asked, looked up, said, kept and booked; within its bounds, and whatever goes wrong."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from decimal import Decimal

import pytest
from chat_kit import KEY, Clock, conversing, running_desk, told
from simulators.messages import Fault, MessagesServer, Step, text_answer, tool_answer

from tradeterm.assistant.chat import conversation as loop
from tradeterm.assistant.chat import turn as turns
from tradeterm.assistant.chat.events import Failed, Finished, TextDelta, ToolDone, ToolStarted
from tradeterm.assistant.chat.footer import read_footer
from tradeterm.console.protocol import Console
from tradeterm.profile import Profile

LOOK = tool_answer(("get_portfolio", {}), text="Let me look.", thinking="Which tool?")


@pytest.fixture
def console(profile: Profile) -> Iterator[Console]:
    with running_desk(profile) as found:
        yield found


@pytest.fixture
async def server() -> AsyncIterator[MessagesServer]:
    async with MessagesServer() as running:
        yield running


async def test_an_answer_with_a_look_up_streams_is_kept_and_booked(console: Console, server: MessagesServer) -> None:
    server.script(LOOK, text_answer("Equity is 100,126.39 USDT, today -20.50.", thinking="Now I know."))
    async with conversing(console, server) as conversation:
        events = await told(conversation, "how much do I have?")
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == (
        "Let me look.Equity is 100,126.39 USDT, today -20.50."
    )
    assert [event for event in events if isinstance(event, (ToolStarted, ToolDone))] == [
        ToolStarted("get_portfolio()"),
        ToolDone("get_portfolio()", "done", failed=False),
    ]
    last = events[-1]
    assert isinstance(last, Finished)
    assert (last.text, last.unverified) == ("Let me look.\n\nEquity is 100,126.39 USDT, today -20.50.", ())
    booked = console.ai_usage(0)
    assert [(row.purpose, row.model) for row in booked] == [("chat", "claude-sonnet-5-5")] * 2
    assert last.cost == sum((row.cost or Decimal(0) for row in booked), Decimal(0)) > 0
    assert last.tokens > 0
    operator, assistant = console.chat()
    assert (operator.role, operator.text) == ("operator", "how much do I have?")
    footed = read_footer(assistant.text)
    assert footed.body == last.text
    assert footed.about.startswith("claude-sonnet-5-5 · 1 look-up · 0.0")


async def test_the_history_only_grows_and_its_blocks_come_back_as_they_were(
    console: Console, server: MessagesServer
) -> None:
    server.script(LOOK, text_answer("One.", thinking="hm"), text_answer("Two."))
    async with conversing(console, server) as conversation:
        await told(conversation, "first?")
        await told(conversation, "second?")
    first, second, third = server.asked
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert third["messages"][: len(second["messages"])] == second["messages"]
    assert third["system"] == first["system"]
    assert third["tools"] == first["tools"]
    assert third["messages"][1]["content"] == list(LOOK.content)
    assert third["messages"][3]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    assert not any("forced" in str(body.get("tool_choice")) for body in server.asked)


async def test_a_new_start_tells_the_model_what_was_said_as_plain_text(
    console: Console, server: MessagesServer
) -> None:
    console.say("operator", "how is BTC?")
    console.say("assistant", "Fine: 78,750.\n— claude · 1 look-up · 0.010 USD")
    server.script(text_answer("Hello."))
    async with conversing(console, server) as conversation:
        await told(conversation, "and now?")
    restored, question = server.asked[0]["messages"][0]["content"]
    assert "restored from the ledger as plain text" in restored["text"]
    assert "Fine: 78,750." in restored["text"]
    assert "0.010 USD" not in restored["text"]
    assert question == {"type": "text", "text": "and now?"}


async def test_numbers_that_no_result_holds_are_told(console: Console, server: MessagesServer) -> None:
    server.script(LOOK, text_answer("Equity is 100,126.39 USDT and will be 120,000 soon."))
    async with conversing(console, server) as conversation:
        last = (await told(conversation, "well?"))[-1]
    assert isinstance(last, Finished)
    assert last.unverified == ("120,000",)
    assert read_footer(console.chat()[-1].text).unverified == ("120,000",)


async def test_numbers_of_an_earlier_turn_do_not_count(console: Console, server: MessagesServer) -> None:
    server.script(LOOK, text_answer("Equity is 100,126.39."), text_answer("As I said: 100,126.39."))
    async with conversing(console, server) as conversation:
        await told(conversation, "well?")
        last = (await told(conversation, "again?"))[-1]
    assert isinstance(last, Finished)
    assert last.unverified == ("100,126.39",)


@pytest.mark.parametrize(
    ("fault", "sentence", "requests"),
    [
        (Fault("status", status=401), "The provider refused (401 authentication_error", 1),
        (Fault("status", status=402), "The provider refused (402 billing_error", 1),
        (Fault("status", status=400), "The provider refused (400 invalid_request_error", 1),
        (Fault("status", status=429, retry_after="30"), "The provider refused (429 rate_limit_error", 1),
        (Fault("drop_mid_body"), "The connection to the model broke", 1),
        (Fault("truncate_clean"), "The answer broke off.", 1),
        (Fault("error_event"), "The provider refused (529 overloaded_error", 1),
        (Fault("refusal"), "The model declined to answer.", 1),
        (Fault("context_exceeded"), "The conversation is too long for the model", 1),
    ],
    ids=lambda value: value.name + str(value.status or "") if isinstance(value, Fault) else None,
)
async def test_what_fails_is_said_and_the_next_question_works(
    console: Console, server: MessagesServer, fault: Fault, sentence: str, requests: int
) -> None:
    server.script(Step(text_answer("half of an answer that never ends"), fault), text_answer("Here I am."))
    async with conversing(console, server) as conversation:
        failed = (await told(conversation, "one?"))[-1]
        assert isinstance(failed, Failed)
        assert failed.sentence.startswith(sentence)
        assert len(server.asked) == requests
        assert KEY not in failed.sentence
        assert isinstance((await told(conversation, "two?"))[-1], Finished)
    rows = [row.text for row in console.chat() if row.role == "assistant"]
    assert sentence in rows[0]


@pytest.mark.parametrize("fault", [Fault("drop_before_headers"), Fault("status", status=529, retry_after="0")])
async def test_what_may_pass_is_asked_once_more(console: Console, server: MessagesServer, fault: Fault) -> None:
    server.script(Step(fault=fault), text_answer("Here."))
    async with conversing(console, server) as conversation:
        last = (await told(conversation, "one?"))[-1]
    assert isinstance(last, Finished)
    assert len(server.asked) == 2


async def test_an_answer_that_is_cut_says_so(console: Console, server: MessagesServer) -> None:
    server.script(Step(text_answer("a long answer without an end"), Fault("max_tokens")), text_answer("Next."))
    async with conversing(console, server) as conversation:
        last = (await told(conversation, "one?"))[-1]
        assert isinstance(last, Finished)
        assert "[cut: a reply may have 4,096 tokens, chat.max_tokens]" in last.text
        assert isinstance((await told(conversation, "two?"))[-1], Finished)


async def test_a_tool_call_that_was_cut_does_not_run_and_leaves_no_open_call(
    console: Console, server: MessagesServer
) -> None:
    server.script(tool_answer(("get_portfolio", {}), text="Well,", stop_reason="max_tokens"), text_answer("Next."))
    async with conversing(console, server) as conversation:
        events = await told(conversation, "one?")
        assert not any(isinstance(event, ToolStarted) for event in events)
        assert isinstance((await told(conversation, "two?"))[-1], Finished)


async def test_rounds_are_bounded(console: Console, server: MessagesServer) -> None:
    server.script(*[LOOK] * (loop.MOST_ROUNDS + 1))
    async with conversing(console, server) as conversation:
        last = (await told(conversation, "for ever?"))[-1]
    assert isinstance(last, Failed)
    assert last.sentence == "The answer took more than 8 rounds; ask something narrower."
    assert len(server.asked) == loop.MOST_ROUNDS


async def test_calls_are_bounded_and_the_model_hears_of_it(console: Console, server: MessagesServer) -> None:
    server.script(tool_answer(*[("get_positions", {})] * 25), text_answer("Done."))
    async with conversing(console, server) as conversation:
        events = await told(conversation, "all of it")
    done = [event for event in events if isinstance(event, ToolDone)]
    assert [event.failed for event in done] == [False] * 20 + [True] * 5
    results = server.asked[1]["messages"][-1]["content"]
    assert [block["is_error"] for block in results] == [False] * 20 + [True] * 5


async def test_time_is_bounded(console: Console, server: MessagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "DEADLINE_S", 0.4)
    server.script(Step(text_answer("never"), Fault("stall", seconds=30)))
    async with conversing(console, server) as conversation:
        last = (await told(conversation, "soon?"))[-1]
    assert isinstance(last, Failed)
    assert "took more than" in last.sentence


async def test_a_question_that_could_cost_too_much_is_not_sent(console: Console, server: MessagesServer) -> None:
    async with conversing(console, server, turn_usd=0.001) as conversation:
        last = (await told(conversation, "cheap?"))[-1]
    assert isinstance(last, Failed)
    assert last.sentence == "One question may cost 0.001 USD (chat.turn_usd); ask something narrower."
    assert server.asked == []


async def test_what_was_spent_today_counts_after_a_restart(console: Console, server: MessagesServer) -> None:
    clock = Clock()
    for budget in (0.06, 0.06):
        async with conversing(console, server, clock, budget_usd=budget) as conversation:
            last = (await told(conversation, "cheap?"))[-1]
    assert isinstance(last, (Finished, Failed))
    spent = sum((row.cost or Decimal(0) for row in console.ai_usage(0)), Decimal(0))
    async with conversing(console, server, clock, budget_usd=float(spent) + 0.001) as conversation:
        last = (await told(conversation, "one more?"))[-1]
        assert isinstance(last, Failed)
        assert "(chat.budget_usd), until 00:00 UTC" in last.sentence
        clock.now += 86_400_000
        assert conversation.spending.today() == 0


async def test_a_model_without_a_price_costs_nothing_known(console: Console, server: MessagesServer) -> None:
    async with conversing(console, server, model="fake-chat-1") as conversation:
        last = (await told(conversation, "who are you?"))[-1]
        assert conversation.model == "fake-chat-1"
        assert conversation.spending.today() is None
    assert isinstance(last, Finished)
    assert last.cost is None
    assert read_footer(console.chat()[-1].text).about == "SIMULATED AI (fake-chat-1) · nothing looked up · cost n/a"


@pytest.mark.parametrize("when", ["streaming", "looking up"])
async def test_a_cancelled_answer_leaves_the_conversation_whole(
    console: Console, server: MessagesServer, when: str
) -> None:
    slow = Step(text_answer("word " * 40), Fault("drip", seconds=0.2))
    server.script(*([LOOK] if when == "looking up" else []), slow, text_answer("Here I am."))
    async with conversing(console, server) as conversation:
        started = asyncio.Event()

        async def consume() -> None:
            async with aclosing(conversation.ask("one?")) as events:
                async for event in events:
                    if isinstance(event, TextDelta if when == "streaming" else ToolDone):
                        started.set()

        task = asyncio.create_task(consume())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert "[the operator cancelled this answer]" in console.chat()[-1].text
        before = len(console.ai_usage(0))
        assert before >= 1
        assert isinstance((await told(conversation, "two?"))[-1], Finished)
    messages = server.asked[-1]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert "cancelled" in messages[1]["content"][0]["text"]


async def test_a_line_with_a_secret_is_neither_sent_nor_kept(console: Console, server: MessagesServer) -> None:
    async with conversing(console, server) as conversation:
        last = (await told(conversation, f"my key is {KEY}, is that right?"))[-1]
    assert isinstance(last, Failed)
    assert server.requests == []
    assert KEY not in str(console.chat())


async def test_a_plain_question_of_many_short_words_is_no_seed_phrase(console: Console, server: MessagesServer) -> None:
    line = "what were the worst three trades that made money last week and which were best"
    async with conversing(console, server) as conversation:
        assert isinstance((await told(conversation, line))[-1], Finished)
        phrase = "legal winner thank year wave sausage worth useful legal winner thank yellow"
        assert isinstance((await told(conversation, phrase))[-1], Failed)


async def test_nothing_of_the_key_is_in_a_request_body(console: Console, server: MessagesServer) -> None:
    async with conversing(console, server) as conversation:
        await told(conversation, "how much did we make?")
    assert all(KEY not in str(body) for body in server.asked)
    assert all(request.headers["authorization"] == f"Bearer {KEY}" for request in server.requests)
