"""Plain language on the screen: it streams, escape cancels it, its cost is shown, and only typed lines apply."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from conftest import MakeApp
from fake_console import FakeConsole, busy
from frozen_app import BOOKS, LARGE, MIDDLE, SMALL, Clock, ended, settle
from simulators.messages import Fault, MessagesServer, Step, text_answer, tool_answer
from textual.pilot import Pilot
from validators.hostile import HOSTILE

from tradeterm.assistant.chat.proposals import ProposalKind
from tradeterm.config import AiConfig, Config, GateConfig
from tradeterm.domain.states import CommandVerb
from tradeterm.ui.app import TradetermApp
from tradeterm.ui.chat_session import Card
from tradeterm.ui.plain import plain
from tradeterm.ui.screens import conversation
from tradeterm.ui.screens.parts import Answer, Line, Prose
from tradeterm.ui.widgets.pane import Pane

KEY = "sk-ant-planted-0123456789abcdef"
ENVIRON = {"ANTHROPIC_API_KEY": KEY}
MakeOnline = Callable[..., TradetermApp]


@pytest.fixture
async def server() -> AsyncIterator[MessagesServer]:
    async with MessagesServer() as running:
        yield running


@pytest.fixture
def online(make_app: MakeApp, server: MessagesServer) -> MakeOnline:
    def make(console: FakeConsole, model: str = "fake-chat-1") -> TradetermApp:
        gate = GateConfig(validator="claude", ai=AiConfig(base_url=server.url, model=model))
        return make_app(console, base=Config(books=BOOKS, gate=gate), environ=ENVIRON)

    return make


def shown(app: TradetermApp, part: str) -> str:
    assert app.front is not None
    return str(app.front.query_one(f"#{part}", Prose).visual)


async def type_line(pilot: Pilot[None], line: str) -> None:
    app = pilot.app
    assert isinstance(app, TradetermApp)
    app.action_do("prompt.open")
    await pilot.pause()
    app.screen.query_one("Prompt Input").value = line  # type: ignore[attr-defined]
    await pilot.press("enter")
    await pilot.pause()


async def until(pilot: Pilot[None], true: Callable[[], bool]) -> None:
    for _ in range(400):
        if true():
            return
        await asyncio.sleep(0.01)
        await pilot.pause()
    raise AssertionError("it never came")


async def answered(app: TradetermApp, pilot: Pilot[None]) -> None:
    await until(pilot, lambda: app.chat.answer is not None and app.chat.answer.done)
    await settle(app, pilot)
    await asyncio.sleep(0.1)
    await pilot.pause()


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_a_question_is_answered_with_its_look_ups_and_its_cost(online: MakeOnline, size: tuple[int, int]) -> None:
    console = busy()
    app = online(console)
    async with app.run_test(size=size) as pilot:
        await pilot.press("7")
        await type_line(pilot, "how much did we make?")
        await answered(app, pilot)
        text = shown(app, "chat-text")
        assert "Equity is 99,712.40 USDT" in text
        assert "SIMULATED AI (fake-chat-1) · 2 look-ups · cost n/a" in text
        pane = app.screen.query_one("#chat-pane", Pane)
        assert "SIMULATED AI" in pane.title
        assert pane.summary == "SIMULATED AI (fake-chat-1) · this answer cost n/a · today cost n/a"
        assert [row.role for row in console.said] == ["operator", "assistant"]


async def test_the_newest_line_stays_in_sight_until_a_person_scrolls_up(make_app: MakeApp) -> None:
    console = busy()
    for number in range(40):
        console.say("console", f"line {number} " + "word " * 30)
    app = make_app(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        await pilot.pause()
        scroll = app.screen.query_one("#chat")
        for size in (SMALL, LARGE, SMALL):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert scroll.is_vertical_scroll_end
        console.say("console", "one more")
        app.catch_up()
        await pilot.pause()
        assert scroll.is_vertical_scroll_end
        scroll.scroll_home(animate=False)
        await pilot.pause()
        console.say("console", "and another")
        app.catch_up()
        await pilot.pause()
        assert scroll.scroll_y == 0


async def test_look_ups_are_lines_and_text_comes_as_it_is_written(online: MakeOnline, server: MessagesServer) -> None:
    slow = Step(text_answer("Equity is 99,712.40 USDT and all is well with it."), Fault("drip", seconds=0.15))
    server.script(tool_answer(("get_portfolio", {}), ("get_market", {"symbol": "NOPE"}), text="Looking."), slow)
    app = online(busy())
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        await type_line(pilot, "how much do I have?")
        await until(pilot, lambda: "Equity" in shown(app, "chat-live"))
        live = shown(app, "chat-live")
        assert "Looking." in live
        assert "get_portfolio(): done" in live
        assert "get_market(symbol=NOPE): unknown symbol 'NOPE'" in live
        assert "escape cancels" in live
        assert "with it." not in live
        await answered(app, pilot)


async def test_escape_cancels_and_the_next_question_works(online: MakeOnline, server: MessagesServer) -> None:
    server.script(Step(text_answer("word " * 60), Fault("drip", seconds=0.2)), text_answer("Here I am."))
    console = busy()
    app = online(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        await type_line(pilot, "tell me a long story")
        await until(pilot, lambda: "word" in shown(app, "chat-live"))
        await type_line(pilot, "another one at once?")
        assert len(server.asked) == 1
        await pilot.press("escape")
        await answered(app, pilot)
        assert "[the operator cancelled this answer]" in console.said[-1].text
        assert "this answer" not in app.chat.summary
        await type_line(pilot, "and now the next one?")
        await answered(app, pilot)
        assert "Here I am." in shown(app, "chat-text")


async def test_keys_are_painted_while_an_answer_comes(online: MakeOnline, server: MessagesServer) -> None:
    server.script(Step(text_answer("word " * 600), Fault("drip", seconds=0.05)))
    console = busy()
    app = online(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await type_line(pilot, "tell me a long story")
        await until(pilot, lambda: app.chat.busy)
        await pilot.press("ctrl+k")
        await settle_commands(app, pilot)
        assert [row.verb for row in console.sent] == [CommandVerb.HALT]
        assert app.chat.busy
        app.stop_answer()
        await answered(app, pilot)


async def settle_commands(app: TradetermApp, pilot: Pilot[None]) -> None:
    console = app.desk_console
    assert isinstance(console, FakeConsole)
    await until(pilot, lambda: bool(console.sent))


async def test_numbers_that_were_not_looked_up_are_underlined(online: MakeOnline) -> None:
    app = online(busy())
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        await type_line(pilot, "guess the price next week")
        await answered(app, pilot)
        assert "underlined, not in what was looked up: 123,456.70" in shown(app, "chat-text")
        visual = app.screen.query_one("#chat-text", Prose).visual
        underlined = [visual.plain[span.start : span.end] for span in visual.spans if "underline" in str(span.style)]  # type: ignore[attr-defined]
        assert underlined == ["123,456.70"]


async def test_a_pause_is_proposed_and_applied_by_typing(online: MakeOnline, server: MessagesServer) -> None:
    console = busy()
    app = online(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        await type_line(pilot, "please propose pausing crypto")
        await answered(app, pilot)
        (card,) = app.chat.cards()
        text = shown(app, "chat-cards")
        assert "pause book crypto" in text
        assert "state  RUNNING → PAUSED" in text
        assert f"type {card.line}   120 s left" in text
        asked = len(server.requests)
        await type_line(pilot, card.line[:-4] + "zzzz")
        assert console.sent == []
        await type_line(pilot, card.line)
        await settle(app, pilot)
        assert [(row.verb, row.book) for row in console.sent] == [(CommandVerb.PAUSE, "crypto")]
        assert console.sent[0].reason.startswith("proposal p1 ")
        assert len(server.requests) == asked
        assert card.line.split()[-1] not in " ".join(row.text for row in console.said)
        await type_line(pilot, card.line)
        await settle(app, pilot)
        assert len(console.sent) == 1
        assert app.chat.cards() == ()


def test_only_the_newest_card_shows_a_line_to_type() -> None:
    old = Card("p7: pause book a", "No new entries.", (), "APPLY p7 AAAA", 60, ("note: old",), (), 1_000)
    new = Card("p8: strategy dips", "Writes.", (), "APPLY p8 BBBB", 90, ("Buys.", "INSUFFICIENT: few"), (), 2_000)
    lines = conversation.cards((old, new), 500).plain.splitlines()
    assert lines[0] == "p7: pause book a   60 s left"
    assert lines[1:] == ["p8: strategy dips", "Writes.", "Buys.", "INSUFFICIENT: few", "type APPLY p8 BBBB   90 s left"]
    later = conversation.cards((old, new), 2_001).plain.splitlines()
    assert later == [line for line in lines if line != "Buys."]


async def test_a_later_answer_stays_in_sight_beside_a_long_card(online: MakeOnline, clock: Clock) -> None:
    app = online(busy())
    async with app.run_test(size=MIDDLE) as pilot:
        lines = tuple(f"line {number}" for number in range(60))
        app.chat.proposals.add(ProposalKind.STRATEGY, "dips", "strategy dips", "Writes.", {}, {}, lines=lines)
        clock.pass_seconds(1)
        await type_line(pilot, "how much did we make?")
        await answered(app, pilot)
        assert app.front is not None
        said = str(app.front.query_one("#answer-text", Prose).visual)
        assert "Equity is" in said
        assert "line 1" not in said
        assert app.chat.cards()[0].line in said


async def test_a_card_runs_out(online: MakeOnline, clock: Clock) -> None:
    console = busy()
    app = online(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("7")
        await type_line(pilot, "please propose pausing crypto")
        await answered(app, pilot)
        (card,) = app.chat.cards()
        clock.pass_seconds(30)
        app.catch_up()
        assert "90 s left" in shown(app, "chat-cards")
        clock.pass_seconds(90)
        app.catch_up()
        assert not app.screen.query_one("#chat-cards").display
        await type_line(pilot, card.line)
        await settle(app, pilot)
        assert console.sent == []
        assert "has expired after 120 s" in console.said[-1].text


async def test_parameters_become_lines_to_write_down(online: MakeOnline) -> None:
    console = busy()
    app = online(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        await type_line(pilot, "try another threshold please")
        await answered(app, pilot)
        (card,) = app.chat.cards()
        await type_line(pilot, card.line)
        await settle(app, pilot)
        assert console.sent == []
        assert "threshold = 0.05  # was 0.04" in console.said[-1].text


async def test_asked_from_another_screen_it_is_answered_there(online: MakeOnline) -> None:
    app = online(busy())
    async with app.run_test(size=MIDDLE) as pilot:
        await type_line(pilot, "how much did we make?")
        await answered(app, pilot)
        answer = app.screen.query_one(Answer)
        assert answer.has_class("-open")
        assert "Equity is 99,712.40 USDT" in shown(app, "answer-text")
        assert "SIMULATED AI" in str(answer.border_subtitle)
        await pilot.press("escape")
        assert not answer.has_class("-open")


async def test_words_of_the_console_never_go_to_a_model(online: MakeOnline, server: MessagesServer) -> None:
    console = busy()
    app = online(console)
    lines = ("status", "why LINK", "pnl", "help", "postions", "halt everything now", "kill it all", "APPLY p1 ABCD")
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        for line in lines:
            await type_line(pilot, line)
            await settle(app, pilot)
        assert server.requests == []
        assert console.sent == []
        await type_line(pilot, "stop")
        await settle(app, pilot)
        assert [row.verb for row in console.sent] == [CommandVerb.STOP]


async def test_a_failure_is_said(online: MakeOnline, server: MessagesServer) -> None:
    server.script(Fault("status", status=401))
    app = online(busy(), "claude-sonnet-5-5")
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        await type_line(pilot, "how much did we make?")
        await answered(app, pilot)
        assert "The provider refused (401 authentication_error" in shown(app, "chat-text")
        assert "SIMULATED" not in app.screen.query_one("#chat-pane", Pane).title


async def test_a_line_with_a_secret_is_refused_aloud_and_kept_nowhere(
    online: MakeOnline, server: MessagesServer
) -> None:
    console = busy()
    app = online(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        await type_line(pilot, f"is {KEY} a good key?")
        await answered(app, pilot)
        assert "form of a secret" in app.screen.query_one("#notice", Line).text
        assert KEY not in str(console.said)
        assert server.requests == []


async def test_leaving_in_the_middle_of_an_answer_leaves(online: MakeOnline, server: MessagesServer) -> None:
    server.script(Step(text_answer("word " * 60), Fault("drip", seconds=0.2)))
    console = busy()
    app = online(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await type_line(pilot, "tell me a long story")
        await until(pilot, lambda: bool(server.requests))
        app.exit()
        await ended(app)
    assert "cancelled" in console.said[-1].text


async def test_without_an_ai_plain_language_says_what_it_needs(make_app: MakeApp) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await type_line(pilot, "how much did we make today?")
        await settle(app, pilot)
        said = shown(app, "answer-text")
        assert 'Plain language needs an AI and its key: [gate] validator = "claude".' in said
        assert "status, positions, why SYMBOL" in said


async def test_a_key_alone_sends_nothing_anywhere(make_app: MakeApp, server: MessagesServer) -> None:
    app = make_app(busy(), environ={**ENVIRON, "ANTHROPIC_BASE_URL": server.url})
    async with app.run_test(size=MIDDLE) as pilot:
        await type_line(pilot, "how much did we make today?")
        await settle(app, pilot)
        assert server.requests == []


async def test_hostile_answers_break_no_screen(online: MakeOnline, server: MessagesServer) -> None:
    console = busy()
    app = online(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("7")
        for text in HOSTILE:
            server.script(text_answer(f"[b]{text}[/b]\x1b[2J"))
            await type_line(pilot, "well, and what now?")
            await answered(app, pilot)
        assert all(plain(line) == line for line in shown(app, "chat-text").splitlines())
        assert console.sent == []
        assert app.chat.cards() == ()
