"""The risk screen: what it shows of the risk engine, by which keys, and what it does not do while hidden."""

from functools import partial

import msgspec
import pytest
from conftest import MakeApp
from fake_console import BOOK, NOW, WALL, FakeConsole
from fake_risk import OTHER, RiskConsole, crowd, risk_view, risky
from frozen_app import LARGE, MIDDLE, SMALL, Clock
from textual.pilot import Pilot

from tradeterm.domain.states import BreakerLevel
from tradeterm.ui.app import TradetermApp
from tradeterm.ui.modals.detail import DetailModal
from tradeterm.ui.panels.correlation import CorrelationPanel
from tradeterm.ui.panels.panel import Panel
from tradeterm.ui.screens.parts import Prose, Tab
from tradeterm.ui.screens.risk import RiskScreen
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

PANELS = ("breaker", "tail", "fan", "size", "correlation", "regimes")
LETTERS = {
    "l": "limits", "b": "books", "k": "breaker", "v": "tail", "e": "equity", "s": "size", "x": "exposure",
    "c": "correlation", "r": "regimes", "t": "stress", "m": "fan",
}  # fmt: skip


@pytest.fixture
def make_app(make_app: MakeApp) -> MakeApp:
    """Apps that open on this screen."""
    return partial(make_app, opened_on="risk")


async def at_risk(app: TradetermApp, pilot: Pilot[None]) -> RiskScreen:
    await app.switch_mode("risk")
    await pilot.pause()
    assert isinstance(app.front, RiskScreen)
    return app.front


def painted(screen: RiskScreen, name: str) -> str:
    """The lines of a panel as they stand on the screen."""
    panel = screen.query_one(f"#{name}", Panel)
    return "\n".join(panel.render_line(y).text.rstrip() for y in range(panel.content_size.height))


def prose(screen: RiskScreen, name: str) -> str:
    return str(screen.query_one(f"#{name}", Prose).visual)


def displayed(screen: RiskScreen) -> set[str]:
    return {
        (pane.id or "").removesuffix("-pane")
        for pane in screen.query(Pane)
        if all(node.display for node in pane.ancestors_with_self)
    }


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_every_pane_is_a_letter_away(make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app(risky())
    async with app.run_test(size=size) as pilot:
        screen = await at_risk(app, pilot)
        for letter, name in reversed(LETTERS.items()):  # the first pane has the focus from the start
            await pilot.press("g", letter)
            await pilot.pause()
            assert screen.pane is not None and screen.pane.id == f"{name}-pane"
            assert name in displayed(screen) == {seen.removesuffix("-pane") for seen in screen._seen()}


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (SMALL, {"limits", "books"}),
        (MIDDLE, {"limits", "books", "breaker", "tail", "equity", "size"}),
        (LARGE, set(LETTERS.values())),
        ((160, 24), {"limits", "books"}),
        ((50, 20), set()),
    ],
)
async def test_the_layouts(make_app: MakeApp, size: tuple[int, int], shown: set[str]) -> None:
    app = make_app(risky())
    async with app.run_test(size=size) as pilot:
        screen = await at_risk(app, pilot)
        assert {name.removesuffix("-pane") for name in screen._seen()} == shown


async def test_two_columns_have_two_pages(make_app: MakeApp) -> None:
    app = make_app(risky())
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await at_risk(app, pilot)
        beside = [str(tab.visual) for tab in screen.query(Tab) if tab.has_class("-beside")]
        assert beside == ["Limits", "Breaker", "VaR", "Equity", "Size"]
        await pilot.click(screen.query(Tab)[6])
        await pilot.pause()
        assert displayed(screen) == {"exposure", "correlation", "regimes", "stress", "fan"}
        assert "trend up" in painted(screen, "regimes")


async def test_zoom_and_back(make_app: MakeApp) -> None:
    app = make_app(risky())
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        await pilot.press("g", "c", "z")
        await pilot.pause()
        assert displayed(screen) == {"correlation"}
        assert screen.query_one("#correlation").size.width > 150
        await pilot.press("escape")
        await pilot.pause()
        assert displayed(screen) == set(LETTERS.values())


async def test_what_is_hidden_is_not_read(make_app: MakeApp) -> None:
    console = risky()
    app = make_app(console)
    async with app.run_test(size=SMALL) as pilot:
        screen = await at_risk(app, pilot)
        console.asked.clear()
        console.tick()
        app.catch_up()
        assert console.asked == []
        await pilot.press("g", "c")
        await pilot.pause()
        assert console.asked == ["correlation", "risk_snapshots  1"]
        assert "+.87" in painted(screen, "correlation")


async def test_long_series_are_read_again_only_when_they_grew(make_app: MakeApp) -> None:
    console = risky()
    app = make_app(console)
    async with app.run_test(size=LARGE) as pilot:
        await at_risk(app, pilot)
        console.asked.clear()
        console.tick()
        app.catch_up()
        await pilot.pause()
        assert {"equity  1", "risk_snapshots  1", "regimes 1"} <= set(console.asked)
        assert not {"equity  2000", "risk_snapshots  400", "regimes 1000"} & set(console.asked)


async def test_a_frozen_pane_stays_and_catches_up(make_app: MakeApp) -> None:
    console = risky()
    app = make_app(console)
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        await pilot.press("g", "x", "space")
        view = risk_view()
        console.tick(msgspec.structs.replace(view, risk=msgspec.structs.replace(view.risk, gross=0.31)))
        app.catch_up()
        await pilot.pause()
        assert "gross 24.0%" in painted(screen, "exposure")
        await pilot.press("space")
        await pilot.pause()
        assert "gross 31.0%" in painted(screen, "exposure")


async def test_limits_of_the_desk_come_first_with_their_headroom(make_app: MakeApp) -> None:
    app = make_app(risky())
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        table = screen.query_one("#limits", LiveTable)
        assert table.keys[0] == "/VaR 99" and f"{OTHER}/drawdown" in table.keys
        cells = {column.key: cell.text for column, cell in zip(table.columns, table._rows[0].cells, strict=True)}
        assert (cells["value"], cells["limit"], cells["room"], cells["book"]) == ("2.71", "10.00%", "7.29%", "desk")


async def test_the_sentence_is_of_the_chosen_book(make_app: MakeApp) -> None:
    app = make_app(risky())
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        assert "crypto risks 0.61% a trade: 0.25 Kelly over 45 trades" in prose(screen, "edge")
        assert "+0.31R ± 0.12 a trade over 45, won 58%, payoff 1.91, Kelly 0.36" in prose(screen, "edge")
        await pilot.press("g", "b", "down")
        await pilot.pause()
        assert "exploring: 12 of 30 trades" in prose(screen, "edge")
        assert "Not enough data for an expectancy: 12 trades closed" in prose(screen, "edge")
        assert "MODERATE, half size: mean over deviation is -0.12" in prose(screen, "edge")
        assert screen.selected_book() == OTHER
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, DetailModal)
        assert "from_level" in app.screen._texts[0]


async def test_a_size_is_followed_to_its_quantity(make_app: MakeApp) -> None:
    app = make_app(risky())
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        lines = painted(screen, "size").splitlines()
        assert "ETHUSDT LONG" in lines[0]
        assert any(line.split()[:3] == ["position", "cap", "5.74520"] and "binds" in line for line in lines)
        assert any(line.startswith("× breaker alert") and line.endswith("2.88593") for line in lines)
        assert any("= quantity 2.885" in line and "bound by position cap" in line for line in lines)
        await pilot.press("g", "s", "down")
        await pilot.pause()
        assert "BNBUSDT" in painted(screen, "size") and "exploring" in painted(screen, "size")
        assert screen.query_one("#size-pane", Pane).title == "Size 2 of 4"
        await pilot.press("home")
        assert "ETHUSDT" in painted(screen, "size")


async def test_var_of_the_desk_and_of_a_book_without_data(make_app: MakeApp) -> None:
    app = make_app(risky())
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        shown = painted(screen, "tail")
        assert "VaR 2.07%" in shown and "1 of 6 days, with trading, beyond 99%" in shown and "✗" in shown
        await pilot.press("g", "v", "end")
        await pilot.pause()
        assert screen.query_one("#tail-pane", Pane).title == f"VaR of {OTHER}"
        assert "Not enough data: 41 of 60 common returns." in painted(screen, "tail")


async def test_enter_opens_all_of_it(make_app: MakeApp) -> None:
    app = make_app(risky())
    async with app.run_test(size=SMALL) as pilot:
        screen = await at_risk(app, pilot)
        for letter, words in {
            "v": "GARCH-filtered",
            "c": "+0.87  BTCUSDT ETHUSDT",
            "r": "since when",
            "s": "bound by position cap",
            "x": "correlated 1: 53.0% of 60%",
            "m": "Simulated: 1000 paths",
            "t": "assumptions",
            "k": "known causes do not count",
        }.items():
            await pilot.press("g", letter)
            await pilot.pause()
            await pilot.press("enter")
            await pilot.pause()
            assert isinstance(app.screen, DetailModal), letter
            text, json = app.screen._texts
            assert words in text
            assert msgspec.json.decode(json)
            await pilot.press("escape")
            await pilot.pause()
            assert app.screen is screen


async def test_copy_is_the_same_as_json(make_app: MakeApp) -> None:
    app = make_app(risky())
    async with app.run_test(size=LARGE) as pilot:
        await at_risk(app, pilot)
        await pilot.press("g", "m", "y")
        await pilot.pause()
        assert msgspec.json.decode((app.profile.root / "copied.txt").read_bytes())["seed"] == 20184


async def test_without_models_every_pane_says_what_is_missing(make_app: MakeApp) -> None:
    app = make_app("empty")
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        for name, words in {
            "tail": "No forecast yet",
            "equity": "No closed bar yet",
            "size": "Nothing was sized yet",
            "exposure": "not known yet",
            "correlation": "Not enough data: 60 common returns.",
            "regimes": "Not known yet",
            "fan": "Not enough data: 0 of 30 closed trades.",
        }.items():
            assert words in painted(screen, name), name
        assert "not known yet" in prose(screen, "edge") and "It has never moved" in painted(screen, "breaker")
        await pilot.press("g", "v", "enter")
        assert "nothing more to show" in str(screen.query_one("#notice").visual)


async def test_before_the_first_view(make_app: MakeApp) -> None:
    app = make_app(FakeConsole(None, alive=False, facts=False))
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        assert screen.query_one("#limits", LiveTable).row_count == 0


async def test_the_override_counts_down_by_itself(make_app: MakeApp, clock: Clock) -> None:
    console = risky()
    app = make_app(console)
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        assert "ends in 51m00s" in painted(screen, "breaker")
        clock.pass_seconds(1)
        console.tick(msgspec.structs.replace(risk_view(), ts=NOW + 1000, wall_ts=WALL + 900))
        app._tick()
        await pilot.pause()
        assert "ends in 50m59s" in painted(screen, "breaker")


async def test_the_fan_of_each_book(make_app: MakeApp) -> None:
    app = make_app(risky())
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_risk(app, pilot)
        assert "gain 83.4% ± 1.2  fall over 8% 4.1% ± 0.6" in painted(screen, "fan")
        assert (
            "simulated" in screen.query_one("#fan-pane", Pane).title
            and BOOK in screen.query_one("#fan-pane", Pane).title
        )
        await pilot.press("g", "m", "down")
        await pilot.pause()
        assert painted(screen, "fan").startswith("Not enough data: 12 of 30 closed trades.")


async def test_a_large_matrix_is_scrolled_along_its_diagonal(make_app: MakeApp) -> None:
    class Crowd(RiskConsole):
        def correlation(self):
            return crowd()

    app = make_app(Crowd(risk_view()))
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await at_risk(app, pilot)
        await pilot.press("g", "c")
        await pilot.pause()
        first = painted(screen, "correlation")
        assert "C00" in first and "C49" not in first and "1 to 14 of 50" in first
        await pilot.press("end")
        await pilot.pause()
        assert "C49" in painted(screen, "correlation") and "of 50" in painted(screen, "correlation")
        panel = screen.query_one(CorrelationPanel)
        widest = max(len(panel.render_line(y).text.rstrip()) for y in range(panel.content_size.height))
        assert widest <= panel.content_size.width


async def test_any_level_at_any_size(make_app: MakeApp) -> None:
    view = risk_view()
    console = RiskConsole(view)
    app = make_app(console, glyphs="ascii")
    async with app.run_test(size=(60, 15)) as pilot:
        screen = await at_risk(app, pilot)
        for size in ((60, 15), SMALL, (99, 30), MIDDLE, (240, 60), (20, 5), LARGE):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            for level in BreakerLevel:
                console.tick(msgspec.structs.replace(view, breaker=level))
                app.catch_up()
                await pilot.pause()
                if size == LARGE:
                    assert level.value in painted(screen, "breaker")
                    assert "?" not in painted(screen, "breaker")
                    assert all(painted(screen, name).isascii() for name in PANELS)
