"""Every key of the action table, pressed."""

from collections.abc import Awaitable, Callable

import msgspec
import pytest
from conftest import MakeApp
from fake_console import FakeConsole, busy, finished, halted
from frozen_app import MIDDLE, settle
from textual.command import CommandPalette
from textual.pilot import Pilot

from tradeterm.domain.states import CommandVerb
from tradeterm.ui.actions import ACTIONS, Action
from tradeterm.ui.app import TradetermApp
from tradeterm.ui.keymap import framework_key
from tradeterm.ui.modals.choice import ChoiceModal
from tradeterm.ui.modals.detail import DetailModal
from tradeterm.ui.modals.help import HelpModal
from tradeterm.ui.modals.jump import JumpModal
from tradeterm.ui.modals.study_form import StudyForm
from tradeterm.ui.modals.typed_confirm import TypedConfirmModal
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.parts import FilterLine
from tradeterm.ui.widgets.candles import CandleChart
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.prompt import Prompt

Check = Callable[[TradetermApp, Pilot[None], FakeConsole], Awaitable[None]]


def front(app: TradetermApp) -> ConsoleScreen:
    assert app.front is not None
    return app.front


def verbs(console: FakeConsole) -> list[CommandVerb]:
    return [row.verb for row in console.sent]


def shows(screen: str) -> Check:
    async def check(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
        assert app.current_mode == screen
        assert type(front(app)).__name__.lower() == f"{screen}screen"

    return check


def sends(verb: CommandVerb, argument: str = "") -> Check:
    async def check(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
        assert [(row.verb, row.argument) for row in console.sent] == [(verb, argument)]

    return check


def asks(verb: CommandVerb, book: str = "", instrument: str = "") -> Check:
    """A dialog opens with Cancel in focus; nothing is sent until the other answer is chosen."""

    async def check(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
        assert isinstance(app.screen, ChoiceModal)
        assert app.focused is not None and app.focused.id == "cancel"
        assert console.sent == []
        await pilot.press("right", "enter")
        await settle(app, pilot)
        assert [(row.verb, row.book, row.instrument) for row in console.sent] == [(verb, book, instrument)]

    return check


def opens(modal: type) -> Check:
    async def check(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
        assert isinstance(app.screen, modal)
        await pilot.press("escape")
        assert isinstance(app.screen, ConsoleScreen)

    return check


def says(text: str) -> Check:
    async def check(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
        assert text in str(front(app).query_one("#notice").visual)

    return check


def focuses(pane: str) -> Check:
    async def check(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
        held = front(app).pane
        assert held is not None and held.id == pane

    return check


def cursor_on(key: str) -> Check:
    async def check(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
        assert front(app).query_one("#positions", LiveTable).cursor_key == f"crypto/{key}USDT.BINANCE"

    return check


async def typed_kill(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    assert isinstance(app.screen, TypedConfirmModal)
    await pilot.press("k", "i", "l", "enter")
    assert console.sent == [], "the whole word counts"
    await pilot.press("L", "enter")
    await settle(app, pilot)
    assert verbs(console) == [CommandVerb.KILL]


async def prompt_has_focus(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    assert app.focused is front(app).query_one(Prompt).input
    await pilot.press("escape")
    assert isinstance(app.focused, LiveTable)


async def filter_has_focus(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    assert isinstance(app.focused, FilterLine)
    await pilot.press("e", "t", "h")
    table = front(app).query_one("#positions", LiveTable)
    assert table.row_count == 1
    await pilot.press("enter")
    assert app.focused is table and table.row_count == 1
    await pilot.press("escape")
    assert table.row_count == 3


async def sorted_table(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    table = front(app).query_one("#positions", LiveTable)
    assert table.sorted_by == ("symbol", False)
    assert front(app).query_one("#notice").text == "sorted by Symbol, rising"


async def zoomed(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    pane = front(app).query_one("#positions-pane")
    assert pane.size.width > 110 and not front(app).query_one("#chart-pane").display
    await pilot.press("z")
    await pilot.pause()
    assert front(app).query_one("#chart-pane").display


async def frozen(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    table = front(app).query_one("#positions", LiveTable)
    view = console.view()
    assert view is not None
    console.tick(msgspec.structs.replace(view, positions=()))
    app.catch_up()
    assert table.row_count == 3, "a frozen pane holds still"
    await pilot.press("space")
    assert table.row_count == 0, "and catches up afterwards"


async def copied(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    text = (app.profile.root / "copied.txt").read_text()
    assert msgspec.json.decode(text)["instrument"] == "BTCUSDT.BINANCE"
    assert "copied.txt" in front(app).query_one("#notice").text


async def other_theme(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    names = list(app.known_themes)
    assert app.theme == f"tradeterm-{names[(names.index('dark') + 1) % len(names)]}"


async def chart_moved(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    assert front(app).query_one(CandleChart).offset_candles > 0


async def chart_at_the_end(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    assert front(app).query_one(CandleChart).offset_candles == 0


async def chart_merges_bars(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    await pilot.press("minus", "minus")
    assert front(app).query_one(CandleChart).bars_per_candle > 1


async def chart_single_bars(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    assert front(app).query_one(CandleChart).bars_per_candle == 1


CHECKS: dict[str, Check] = {
    **{f"screen.{name}": shows(name) for name in TradetermApp.MODES},
    "engine.start": asks(CommandVerb.START),
    "engine.stop": sends(CommandVerb.STOP),
    "book.pause": asks(CommandVerb.PAUSE, "crypto"),
    "position.flatten": asks(CommandVerb.FLATTEN, "crypto", "BTCUSDT.BINANCE"),
    "engine.halt": sends(CommandVerb.HALT),
    "engine.kill": typed_kill,
    "engine.resume": asks(CommandVerb.RESUME),
    "prompt.open": prompt_has_focus,
    "table.filter": filter_has_focus,
    "pane.next": focuses("signals-pane"),
    "pane.previous": focuses("chart-pane"),
    "pane.jump": opens(JumpModal),
    "row.open": opens(DetailModal),
    "table.sort": sorted_table,
    "pane.zoom": zoomed,
    "pane.freeze": frozen,
    "row.copy": copied,
    "app.theme": other_theme,
    "app.palette": opens(CommandPalette),
    "app.keys": opens(HelpModal),
    "app.quit": opens(ChoiceModal),
    "replay.faster": sends(CommandVerb.SPEED, "faster"),
    "replay.slower": sends(CommandVerb.SPEED, "slower"),
    "replay.pause": sends(CommandVerb.SPEED, "pause"),
    "replay.again": sends(CommandVerb.REPLAY),
    "table.up": cursor_on("BTC"),
    "table.down": cursor_on("ETH"),
    "table.page_up": cursor_on("BTC"),
    "table.page_down": cursor_on("BNB"),
    "table.first": cursor_on("BTC"),
    "table.last": cursor_on("BNB"),
    "chart.earlier": chart_moved,
    "chart.later": chart_at_the_end,
    "chart.closer": chart_single_bars,
    "chart.wider": chart_merges_bars,
    "research.new": opens(StudyForm),
    "research.cancel": says("Cancel run: nothing runs"),
    "research.mark": says("Compare: there is no run"),
    "research.report": says("Report: no backtest is open"),
}
STATES = {"engine.resume": halted, "replay.again": finished}


def test_every_action_has_a_check() -> None:
    assert set(CHECKS) == {action.id for action in ACTIONS}


@pytest.mark.parametrize(
    ("action", "key"),
    [pytest.param(action, key, id=f"{action.id} {key}") for action in ACTIONS for key in action.keys],
)
async def test_key(make_app: MakeApp, action: Action, key: str) -> None:
    console = STATES.get(action.id, busy)()
    app = make_app(console)
    async with app.run_test(size=MIDDLE) as pilot:
        if action.local == "chart":
            front(app).query_one(CandleChart).focus()
        if action.id == "screen.desk":
            await pilot.press("3")
        if action.local == "research":
            await pilot.press("5")
            await settle(app, pilot)
        await pilot.press(framework_key(key))
        await settle(app, pilot)
        await CHECKS[action.id](app, pilot, console)
