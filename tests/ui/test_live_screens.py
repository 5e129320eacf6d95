"""The console on a desk that trades real money: what must be seen, asked and left out."""

import msgspec
import pytest
from conftest import MakeApp
from fake_live import CLOCK_WRONG, DISAGREES, KEY_EXPIRED, LIVE_WALL, blocked, live, live_view, ready
from frozen_app import LARGE, MIDDLE, SMALL, settle
from textual.pilot import Pilot
from textual.widgets import Static

from tradeterm.domain.states import CommandVerb, GateState, TradingState, VenueState
from tradeterm.domain.view import DeskView, GateView
from tradeterm.ui import controls, quit
from tradeterm.ui.app import TradetermApp
from tradeterm.ui.modals.choice import ChoiceModal
from tradeterm.ui.modals.detail import DetailModal
from tradeterm.ui.modals.help import HelpModal
from tradeterm.ui.model import Level, Scene, banner, data_age, judge, stale_part
from tradeterm.ui.palette import ActionCommands
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.summary import OneLine, one_line
from tradeterm.ui.widgets.key_bar import KeyBar
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane
from tradeterm.ui.widgets.status_bar import StatusBar, status_lines
from tradeterm.ui.widgets.tones import text_of


def scene(view: DeskView | None, *, alive: bool = True) -> Scene:
    return judge(view, alive, LIVE_WALL)


def at_venue(state: VenueState, detail: str = "") -> DeskView:
    view = ready().current
    assert view is not None
    venue = msgspec.structs.replace(view.venues[0], state=state, detail=detail)
    return msgspec.structs.replace(view, venues=(venue,))


def table(app: TradetermApp, name: str) -> LiveTable:
    assert app.front is not None
    return app.front.query_one(f"#{name}", LiveTable)


def cells(shown: LiveTable, key: str) -> dict[str, str]:
    row = next(row for row in shown._rows if row.key == key)
    return {column.key: cell.text for column, cell in zip(shown.columns, row.cells, strict=False)}


# The banner


@pytest.mark.parametrize(
    ("state", "detail", "text", "level"),
    [
        (VenueState.READY, "", "", Level.CALM),
        (
            VenueState.BLOCKED,
            "the API key has expired.",
            "bybit is BLOCKED, nothing can be sent: the API key has expired",
            Level.DANGER,
        ),
        (
            VenueState.RESTRICTED,
            "too many requests",
            "bybit is RESTRICTED, only orders that reduce are sent: too many requests",
            Level.WARNING,
        ),
        (
            VenueState.DISCONNECTED,
            "no route to host",
            "bybit is DISCONNECTED, no entries: no route to host",
            Level.WARNING,
        ),
        (VenueState.RECONCILING, "", "bybit is RECONCILING, no entries until it agrees", Level.CALM),
    ],
)
def test_a_venue_in_trouble_is_a_sentence(state: VenueState, detail: str, text: str, level: Level) -> None:
    assert banner(scene(at_venue(state, detail)), "s", "R") == (text, level)


def test_the_gravest_comes_first() -> None:
    text, level = banner(scene(blocked().current), "s", "R")
    assert level is Level.DANGER
    assert text.index("bybit is BLOCKED") < text.index("HALTED: bybit crypto disagrees")
    assert "; R resumes once " in text
    reducing = msgspec.structs.replace(
        at_venue(VenueState.RECONCILING), trading_state=TradingState.REDUCING, trading_reason="a position was reversed"
    )
    text, level = banner(scene(reducing), "s", "R")
    assert level is Level.WARNING and text.startswith("REDUCING") and "RECONCILING" in text


@pytest.mark.parametrize(
    ("state", "text", "level", "bar"),
    [
        (GateState.UP, "", Level.CALM, ""),
        (GateState.DEGRADED, "tier 2 DEGRADED, some entries are blocked: no key", Level.WARNING, " AI DEGRADED "),
        (
            GateState.DOWN,
            "tier 2 DOWN, no entries until `retry` or another configuration: no key",
            Level.DANGER,
            " AI DOWN ",
        ),
    ],
)
def test_a_tier_2_in_trouble_is_a_sentence_and_stays_in_a_narrow_bar(
    state: GateState, text: str, level: Level, bar: str
) -> None:
    gate = GateView(label="claude", state=state, detail="no key" if text else "")
    view = msgspec.structs.replace(at_venue(VenueState.READY), gate=gate)
    assert banner(scene(view), "s", "R") == (text, level)
    line = text_of(status_lines(view, LIVE_WALL, 60, 1)[0])
    assert (bar in line) if bar else ("AI " not in line)


def test_accounts_of_one_venue_speak_once() -> None:
    view = at_venue(VenueState.BLOCKED, "banned")
    other = msgspec.structs.replace(view.venues[0], account="other")
    text, _ = banner(scene(msgspec.structs.replace(view, venues=(*view.venues, other))), "s", "R")
    assert text.count("BLOCKED") == 1


def test_the_venue_of_a_recording_and_of_an_engine_that_ends_is_no_news() -> None:
    view = at_venue(VenueState.DISCONNECTED)
    assert banner(scene(msgspec.structs.replace(view, stopping=True)), "s", "R")[0] == ""


def test_outside_text_in_the_banner_is_harmless() -> None:
    text, _ = banner(scene(at_venue(VenueState.BLOCKED, "no\x1b[31m way\nout")), "s", "R")
    assert text.endswith("no way out")


# LIVE in every layout


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (59, 20), (60, 15), SMALL, (99, 50), MIDDLE, LARGE])
@pytest.mark.parametrize("state", ["live", "blocked", "ready"])
async def test_live_is_always_there(make_live_app: MakeApp, state: str, size: tuple[int, int]) -> None:
    app = make_live_app(state)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert app.front is not None
        tiny, bar = app.front.query_one(OneLine), app.front.query_one(StatusBar)
        shown = tiny if tiny.display else bar
        assert shown.display and shown.render_line(0).text.strip().startswith("LIVE")


@pytest.mark.parametrize(
    ("seen", "line"),
    [
        (scene(ready().current), "LIVE ACTIVE ^k halt · 99,712 -0.29%"),
        (scene(blocked().current), "LIVE HALTED ^k halt · bybit BLOCKED · 99,712 -0.29%"),
        (scene(live_view(), alive=False), "LIVE no engine · ^k halt"),
    ],
)
def test_one_line(seen: Scene, line: str) -> None:
    assert text_of(one_line(seen, "^k")) == line


async def test_live_is_said_before_the_first_view(make_live_app: MakeApp) -> None:
    console = live()
    console.current, console.alive = None, False
    app = make_live_app(console)
    async with app.run_test(size=SMALL) as pilot:
        await pilot.pause()
        assert app.front is not None
        assert app.front.query_one(StatusBar).render_line(0).text.startswith(" LIVE ")
        assert app.front.query_one(OneLine).text.startswith("LIVE no engine")


# Ages


def test_one_old_instrument_does_not_age_the_desk() -> None:
    seen = scene(live_view())
    assert data_age(seen) == (700, False)
    assert data_age(seen, "LINKUSDT.BYBIT") == (720_700, True)
    assert stale_part(seen) == "LINKUSDT STALE"
    assert stale_part(scene(ready().current)) == ""


def test_before_the_first_tick_there_is_no_age() -> None:
    view = live_view()
    feeds = tuple(msgspec.structs.replace(feed, ts_last=0, stale=True) for feed in view.feeds)
    assert data_age(scene(msgspec.structs.replace(view, feeds=feeds))) == (None, True)


@pytest.mark.parametrize(("screen", "pane"), [("desk", "positions-pane"), ("risk", "limits-pane")])
async def test_panes_name_what_is_stale(make_live_app: MakeApp, screen: str, pane: str) -> None:
    app = make_live_app("live")
    async with app.run_test(size=MIDDLE) as pilot:
        await app.switch_mode(screen)
        await pilot.pause()
        assert app.front is not None
        priced = app.front.query_one(f"#{pane}", Pane)
        assert "LINKUSDT STALE" in str(priced.border_title) and not priced.is_stale
        if screen == "desk":
            assert cells(table(app, "positions"), "crypto/LINKUSDT.BYBIT")["note"] == "STALE 12m"
            assert not app.front.query_one("#chart-pane", Pane).is_stale


# The orders screen


async def to_orders(app: TradetermApp, pilot: Pilot[None]) -> None:
    await pilot.press("3")
    await settle(app, pilot)


async def test_venues_and_streams_have_a_row_each(make_live_app: MakeApp) -> None:
    app = make_live_app("live")
    async with app.run_test(size=MIDDLE) as pilot:
        await to_orders(app, pilot)
        shown = table(app, "venues")
        assert shown.keys == ("venue/bybit/crypto", "stream/book", "stream/klines", "stream/tickers", "stream/trades")
        venue, book = cells(shown, "venue/bybit/crypto"), cells(shown, "stream/book")
        assert (venue["state"], venue["latency"], venue["clock"]) == ("RESTRICTED", "84ms", "+612ms")
        assert venue["changed"] == "18:36:40" and venue["detail"].startswith(CLOCK_WRONG)
        assert (book["state"], book["heard"]) == ("TROUBLE", "31s")


async def test_streams_age_without_news(make_live_app: MakeApp) -> None:
    app = make_live_app("live")
    async with app.run_test(size=MIDDLE) as pilot:
        await to_orders(app, pilot)
        app._clock.pass_seconds(9)
        app._tick()
        assert cells(table(app, "venues"), "stream/book")["heard"] == "40s"


async def test_what_is_not_ours_says_so(make_live_app: MakeApp) -> None:
    app = make_live_app("live")
    async with app.run_test(size=MIDDLE) as pilot:
        await to_orders(app, pilot)
        assert cells(table(app, "orders"), "web-7f31")["intent"] == "EXTERNAL"
        assert table(app, "orders").keys[0] == "s9-1", "UNKNOWN stays on top"
        fills = table(app, "fills")
        origins = {key.rpartition("/")[2]: cells(fills, key)["origin"] for key in fills.keys}
        assert origins["e-web-7f31"] == "EXTERNAL"
        assert origins["e-recon-51c0ffee"] == "ADOPTED"
        assert origins["e-s8-1"] == "ours"


async def test_a_disagreement_opens_in_full(make_live_app: MakeApp) -> None:
    app = make_live_app("blocked")
    async with app.run_test(size=SMALL) as pilot:
        await to_orders(app, pilot)
        await pilot.press("g", "r")
        await settle(app, pilot)
        assert app.front is not None and app.front.pane is not None
        assert app.front.pane.id == "reconciliations-pane"
        assert app.front.pane.summary == "bybit crypto DISAGREES"
        assert table(app, "reconciliations").cursor_key == DISAGREES.id
        await pilot.press("enter")
        await settle(app, pilot)
        assert isinstance(app.screen, DetailModal)
        text = str(app.screen.query_one("#detail-text", Static).content)
        assert all(finding in text for finding in DISAGREES.findings)
        await pilot.press("escape")
        assert isinstance(app.screen, ConsoleScreen)


async def test_a_venue_opens_in_full_and_can_be_copied(make_live_app: MakeApp) -> None:
    app = make_live_app("blocked")
    async with app.run_test(size=SMALL) as pilot:
        await to_orders(app, pilot)
        await pilot.press("g", "v", "y")
        await settle(app, pilot)
        copied = msgspec.json.decode((app.profile.root / "copied.txt").read_text())
        assert copied["state"] == "BLOCKED" and copied["detail"] == KEY_EXPIRED
        await pilot.press("down", "enter")
        await settle(app, pilot)
        assert "reconnecting" in str(app.screen.query_one("#detail-text", Static).content)


async def test_a_recording_has_no_streams(make_app: MakeApp) -> None:
    app = make_app("busy")
    async with app.run_test(size=MIDDLE) as pilot:
        await to_orders(app, pilot)
        assert app.front is not None
        assert app.front.query_one("#venues-pane", Pane).summary == "A recording has no streams."
        assert table(app, "venues").keys == ("venue/paper/crypto",)
        assert [column.key for column in table(app, "fills").columns].count("origin") == 0


# What has no place


async def test_replay_keys_are_gone(make_live_app: MakeApp) -> None:
    console = ready()
    app = make_live_app(console)
    async with app.run_test(size=(240, 60)) as pilot:
        await pilot.pause()
        assert app.front is not None
        entries = app.front.query_one(KeyBar)._entries
        assert not [entry for entry in entries if entry.action_id.startswith("replay.")]
        titles = [hit[0] async for hit in _found(ActionCommands(app.screen))]
        assert titles and not [title for title in titles if "replay" in title.lower() or "Slower" in title]
        await pilot.press("question_mark")
        await settle(app, pilot)
        assert isinstance(app.screen, HelpModal)
        text = "".join(str(column.content) for column in app.screen.query(".column").results(Static))
        assert "Trading" in text and "Replay" not in text
        await pilot.press("escape", "]", "r")
        await settle(app, pilot)
        assert console.sent == []


async def _found(provider: ActionCommands):  # type: ignore[no-untyped-def]
    for command in provider._commands():
        yield command


# Real money


def test_leaving_says_that_money_is_real() -> None:
    title, lines, choices = quit.question(scene(live_view()))
    assert title == "Quit LIVE"
    assert lines[0].startswith("The engine trades on with real money without this console (4 positions")
    assert [choice.id for choice in choices] == ["leave", "stop", "flatten", "cancel"]


def test_a_confirmation_says_that_money_is_real() -> None:
    assert "USDT of real money" in controls.propose("engine.kill", scene(live_view())).consequence


async def test_a_gone_live_engine_is_started_only_when_a_person_says_so(make_live_app: MakeApp) -> None:
    started = []
    console = live()
    console.alive = False
    app = make_live_app(console, start_engine=lambda: started.append(1))
    async with app.run_test(size=SMALL) as pilot:
        await pilot.press("s")
        await settle(app, pilot)
        assert isinstance(app.screen, ChoiceModal) and not started
        assert app.focused is not None and app.focused.id == "cancel"
        await pilot.press("enter")
        await settle(app, pilot)
        assert not started
        await pilot.press("s", "right", "enter")
        await settle(app, pilot)
        assert started == [1]
    assert CommandVerb.START not in [row.verb for row in console.sent]
