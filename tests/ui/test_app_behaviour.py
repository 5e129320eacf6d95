"""How the console behaves when things happen: answers that come late, engines that go, themes that change."""

from pathlib import Path

import msgspec
import pytest
from conftest import MakeApp
from fake_console import FakeConsole, busy, empty, finished, halted, no_engine, stale
from frozen_app import LARGE, MIDDLE, SMALL, Clock, ended, settle
from textual.widgets import Static

from tradeterm.domain.errors import ConfigError, LedgerError
from tradeterm.domain.states import BookState, CommandStatus, CommandVerb, Mode
from tradeterm.ui.app import TradetermApp
from tradeterm.ui.modals.choice import ChoiceModal
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.parts import Answer
from tradeterm.ui.widgets.candles import CandleChart
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane


def front(app: TradetermApp) -> ConsoleScreen:
    assert app.front is not None
    return app.front


def said(app: TradetermApp, line: str = "notice") -> str:
    text = front(app).query_one(f"#{line}").text
    assert isinstance(text, str)
    return text


def paper(console: FakeConsole) -> FakeConsole:
    """The same desk as a paper desk: it outlives the console."""
    assert console.current is not None
    console.current = msgspec.structs.replace(console.current, mode=Mode.PAPER, replay=None)
    return console


# Commands


async def test_command_is_followed_to_its_answer(make_app: MakeApp) -> None:
    console = busy()
    console.acknowledge = CommandStatus.QUEUED
    app = make_app(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("x")
        await settle(app, pilot)
        assert said(app) == "stop: queued"
        console.answer(CommandStatus.ACCEPTED)
        app._tick()
        assert said(app) == "stop accepted"
        console.answer(CommandStatus.DONE, "crypto is STOPPED")
        app._tick()
        assert said(app) == "stop done: crypto is STOPPED"


async def test_refusal_is_shown_with_its_reason(make_app: MakeApp) -> None:
    console = busy()
    console.acknowledge, console.detail = CommandStatus.REFUSED, "the engine is stopping"
    app = make_app(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("x")
        await settle(app, pilot)
        app._tick()
        assert said(app) == "stop refused: the engine is stopping"


async def test_lost_answer_is_an_alert(make_app: MakeApp, clock: Clock) -> None:
    console = busy()
    console.acknowledge = CommandStatus.QUEUED
    app = make_app(console)
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("ctrl+k")
        await settle(app, pilot)
        clock.pass_seconds(4)
        app._tick()
        assert said(app) == "halt: queued"
        clock.pass_seconds(2)
        app._tick()
        assert said(app) == "halt: the engine has not answered for 5 s; it may be gone"
        await pilot.pause()
        assert len(app._notifications) == 1


@pytest.mark.parametrize("where", ["prompt", "filter", "dialog", "typed", "help", "palette", "tiny"])
async def test_halt_works_everywhere(make_app: MakeApp, where: str) -> None:
    keys = {
        "prompt": ["colon", "a"],
        "filter": ["slash", "a"],
        "dialog": ["f"],
        "typed": ["K"],
        "help": ["question_mark"],
        "palette": ["ctrl+p"],
        "tiny": [],
    }[where]
    console = busy()
    app = make_app(console)
    async with app.run_test(size=(20, 5) if where == "tiny" else SMALL) as pilot:
        await pilot.press(*keys, "ctrl+k")
        await settle(app, pilot)
        assert [row.verb for row in console.sent] == [CommandVerb.HALT]


async def test_letters_are_letters_in_the_prompt(make_app: MakeApp) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("colon", "x", "K", "q", "2")
        await settle(app, pilot)
        assert console.sent == [] and app.current_mode == "desk"


async def test_dialog_left_alone_is_a_no(make_app: MakeApp, clock: Clock) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("f")
        await settle(app, pilot)
        dialog = app.screen
        assert isinstance(dialog, ChoiceModal)
        clock.pass_seconds(16)
        dialog._countdown()
        await pilot.pause()
        assert isinstance(app.screen, ConsoleScreen) and console.sent == []


async def test_flatten_says_what_it_would_close(make_app: MakeApp) -> None:
    app = make_app("busy")
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("down", "f")
        await settle(app, pilot)
        assert "ETHUSDT LONG 4.035" in str(app.screen.query_one(".said", Static).content)


async def test_flatten_without_a_position_says_why_not(make_app: MakeApp) -> None:
    app = make_app("empty")
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("f")
        await settle(app, pilot)
        assert said(app) == "Flatten: there is no open position"


async def test_pausing_a_paused_book_resumes_it(make_app: MakeApp) -> None:
    console = busy()
    assert console.current is not None
    books = (msgspec.structs.replace(console.current.books[0], state=BookState.PAUSED),)
    console.current = msgspec.structs.replace(console.current, books=books)
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("p", "right", "enter")
        await settle(app, pilot)
        assert [(row.verb, row.book) for row in console.sent] == [(CommandVerb.RESUME, "crypto")]


# The engine


async def test_silent_engine_is_named(make_app: MakeApp) -> None:
    app = make_app("stale")
    async with app.run_test(size=MIDDLE):
        assert said(app, "banner") == "engine not answering (last heartbeat 7s ago)"
        assert all(pane.is_stale for pane in front(app).query(Pane))


async def test_silence_is_noticed_without_a_new_view(make_app: MakeApp, clock: Clock) -> None:
    app = make_app("busy")
    async with app.run_test(size=MIDDLE):
        assert said(app, "banner") == ""
        clock.pass_seconds(5)
        app._tick()
        assert said(app, "banner").startswith("engine not answering")


async def test_gone_engine_is_started_again(make_app: MakeApp) -> None:
    started: list[bool] = []
    app = make_app("no_engine", start_engine=lambda: started.append(True))
    async with app.run_test(size=MIDDLE) as pilot:
        assert "the engine is gone" in said(app, "banner")
        await pilot.press("s")
        assert started == [True]


async def test_engine_that_cannot_start_says_why(make_app: MakeApp) -> None:
    def start() -> None:
        raise ConfigError("config.toml: books.crypto.capital: found -1, allowed above 0")

    app = make_app(no_engine(), start_engine=start)
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("s")
        await settle(app, pilot)
        assert "capital: found -1" in said(app)


async def test_before_the_first_view(make_app: MakeApp) -> None:
    app = make_app(FakeConsole(None, alive=False, facts=False))
    async with app.run_test(size=MIDDLE) as pilot:
        assert said(app, "banner") == "no engine is running; s starts one"
        for key in "234567":
            await pilot.press(key)


async def test_nothing_is_read_while_nothing_changed(make_app: MakeApp) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=MIDDLE):
        reads = console.reads
        for _ in range(10):
            app._tick()
        assert console.reads == reads


# Leaving


async def test_quit_leaves_the_engine_running(make_app: MakeApp) -> None:
    console = paper(busy())
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("q", "enter")
        await ended(app)
    assert console.sent == [] and app.return_code == 0


async def test_quit_can_stop_entries(make_app: MakeApp) -> None:
    console = paper(busy())
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("q", "down", "enter")
        await ended(app)
    assert [row.verb for row in console.sent] == [CommandVerb.STOP]


async def test_quit_can_flatten_and_end_the_engine_once_flat(make_app: MakeApp) -> None:
    console = paper(busy())
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("q", "down", "down", "enter")
        await settle(app, pilot)
        assert [row.verb for row in console.sent] == [CommandVerb.STOP, CommandVerb.FLATTEN]
        assert app.is_running
        assert console.current is not None
        console.tick(msgspec.structs.replace(console.current, positions=(), open_orders=0))
        app._tick()
        await ended(app)
    assert [row.verb for row in console.sent][-1] is CommandVerb.SHUTDOWN


async def test_quit_of_the_demo_ends_it(make_app: MakeApp) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("q", "enter")
        await ended(app)
    assert [row.verb for row in console.sent] == [CommandVerb.SHUTDOWN]


async def test_quit_without_an_engine_asks_nothing(make_app: MakeApp) -> None:
    app = make_app("no_engine")
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("q")
        await ended(app)
    assert app.return_code == 0


# Screens and panes


async def test_the_chart_follows_the_chosen_row(make_app: MakeApp) -> None:
    app = make_app("busy")
    async with app.run_test(size=LARGE) as pilot:
        pane = front(app).query_one("#chart-pane", Pane)
        assert pane.title == "BTCUSDT 5m"
        await pilot.press("down")
        await settle(app, pilot)
        assert pane.title == "ETHUSDT 5m"


async def test_small_screen_shows_a_hidden_pane_when_it_is_asked_for(make_app: MakeApp) -> None:
    app = make_app("busy")
    async with app.run_test(size=SMALL) as pilot:
        assert not front(app).query_one("#chart-pane").display
        await pilot.press("g", "c")
        await settle(app, pilot)
        assert front(app).query_one("#chart-pane").display
        assert isinstance(app.focused, CandleChart)


async def test_tabs_can_be_clicked(make_app: MakeApp) -> None:
    app = make_app("busy")
    async with app.run_test(size=SMALL) as pilot:
        await pilot.click(front(app).query(".tab").last())
        await settle(app, pilot)
        assert front(app).query_one("#risk-pane").display


async def test_keys_in_the_footer_can_be_clicked(make_app: MakeApp) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.click("#keys", offset=(2, 0))
        await settle(app, pilot)
        assert [row.verb for row in console.sent] == [CommandVerb.HALT]


async def test_filter_is_written_on_the_pane(make_app: MakeApp) -> None:
    app = make_app("busy")
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("slash", "e", "t", "h", "enter")
        await settle(app, pilot)
        assert "only 'eth'" in str(front(app).query_one("#positions-pane", Pane).border_title)


async def test_newest_signal_stays_in_sight(make_app: MakeApp) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=MIDDLE):
        table = front(app).query_one("#signals", LiveTable)
        assert table.cursor_key == "s9"
        app.catch_up()
        assert table.keys[0] == table.cursor_key


async def test_finished_demo_offers_to_play_again(make_app: MakeApp) -> None:
    console = finished()
    app = make_app(console)
    async with app.run_test(size=MIDDLE) as pilot:
        assert front(app).query_one("#result-pane").display
        await pilot.press("r")
        await settle(app, pilot)
        assert [row.verb for row in console.sent] == [CommandVerb.REPLAY]


async def test_outside_text_is_not_markup(make_app: MakeApp) -> None:
    app = make_app("busy")
    async with app.run_test(size=LARGE) as pilot:
        await pilot.press("6")
        alerts = front(app).query_one("#alerts", LiveTable)
        await pilot.press("end", "up", "enter")
        await settle(app, pilot)
        assert alerts.cursor_row is not None
        assert "[bold red]not markup[/]" in alerts.cursor_row.cells[4].text
        assert "[bold red]not markup[/]" in str(app.screen.query_one("#detail-text", Static).render())


# The ask line


async def test_question_is_answered_and_kept(make_app: MakeApp) -> None:
    console = empty()
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("colon", *"help", "enter")
        await pilot.pause()
        answer = front(app).query_one(Answer)
        assert answer.has_class("-open")
        assert [row.role for row in console.said] == ["operator", "console"]
        await pilot.press("escape")
        await settle(app, pilot)
        assert not answer.has_class("-open")


async def test_control_word_is_confirmed_like_its_key(make_app: MakeApp) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("colon", *"flatten", "enter")
        await pilot.pause()
        assert isinstance(app.screen, ChoiceModal) and console.sent == []
        await pilot.press("escape")
        await pilot.press("colon", *"halt", "enter")
        await pilot.pause()
        assert [row.verb for row in console.sent] == [CommandVerb.HALT]


# Keys and themes


async def test_remapped_key(make_app: MakeApp) -> None:
    console = busy()
    app = make_app(console, keys={"engine.stop": "ctrl+x", "engine.halt": "ctrl+l"})
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("x", "ctrl+k")
        await settle(app, pilot)
        assert console.sent == []
        await pilot.press("ctrl+x", "colon", "ctrl+l")
        await settle(app, pilot)
        assert [row.verb for row in console.sent] == [CommandVerb.STOP, CommandVerb.HALT]


def test_clashing_key_is_refused_before_anything_starts(make_app: MakeApp) -> None:
    with pytest.raises(ConfigError, match="already the key"):
        make_app("busy", keys={"engine.stop": "K"})


async def test_saved_theme_is_taken_over(make_app: MakeApp, clock: Clock, tmp_path: Path) -> None:
    folder = tmp_path / "config" / "themes"
    folder.mkdir(parents=True)
    required = '[colours]\nbackground = "#000000"\nforeground = "#eeeeee"\naccent = "#aabbcc"\nup = "#00ff00"\n'
    required += 'down = "#ff0000"\nwarning = "#ffff00"\ndanger = "#ff0000"\n'
    (folder / "mine.toml").write_text(required)
    app = make_app("busy", theme="mine")
    async with app.run_test(size=SMALL) as pilot:
        assert app.theme == "tradeterm-mine"
        (folder / "mine.toml").write_text(required.replace("#aabbcc", "#123456") + "# saved\n")
        clock.pass_seconds(2)
        app._tick()
        await pilot.pause()
        assert app.theme_variables["accent"] == "#123456"
        (folder / "mine.toml").write_text(required.replace("#aabbcc", "blue"))
        clock.pass_seconds(2)
        app._tick()
        await pilot.pause()
        assert app.theme_variables["accent"] == "#123456", "a bad file changes nothing"
        assert "'blue'" in next(iter(app._notifications)).message


async def test_halted_desk_says_how_to_resume(make_app: MakeApp) -> None:
    app = make_app(halted())
    async with app.run_test(size=MIDDLE):
        assert said(app, "banner") == "HALTED: halted by sam; R resumes once the breaker's cause is over"


async def test_stale_console_is_not_calm(make_app: MakeApp) -> None:
    app = make_app(stale())
    async with app.run_test(size=(20, 5)):
        assert said(app, "tiny").startswith("SILENT")


async def test_a_ledger_that_cannot_be_written_is_said(make_app: MakeApp) -> None:
    class FullDisk(FakeConsole):
        def send(self, *arguments: object, **options: object) -> int:
            raise LedgerError("ledger.sqlite cannot be written: the disk is full")

    app = make_app(FullDisk(busy().current))
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("ctrl+k")
        await settle(app, pilot)
        assert said(app) == "halt was not sent: ledger.sqlite cannot be written: the disk is full"


async def test_a_ledger_that_cannot_be_read_is_said_and_the_screen_stays(make_app: MakeApp) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=MIDDLE) as pilot:

        def unreadable(*arguments: object) -> None:
            raise LedgerError("ledger.sqlite is newer than this program")

        console.signals = unreadable
        app.catch_up()
        await pilot.pause()
        assert said(app) == "ledger.sqlite is newer than this program"
        await pilot.press("2")
        assert app.current_mode == "signals"
