"""The research screen: how a study is asked for, followed, stopped and read, and what it looks like at every size."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_research
import msgspec
import pytest
from conftest import MakeApp
from fake_research import FakeCommands, backtest, keep
from frozen_app import LARGE, MIDDLE, SMALL, Clock
from textual.pilot import Pilot
from textual.widgets import Input

from tradeterm.ui.app import TradetermApp
from tradeterm.ui.modals.choice import ChoiceModal
from tradeterm.ui.modals.detail import DetailModal
from tradeterm.ui.modals.study_form import StudyForm
from tradeterm.ui.panels.panel import Panel
from tradeterm.ui.research.command import Command
from tradeterm.ui.research.wanted import Kind, Wanted
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.screens.research import ResearchScreen
from tradeterm.ui.widgets.key_bar import KeyBar
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

Compare = Callable[..., bool]
MakeResearch = Callable[..., TradetermApp]

LETTERS = {
    "s": "study", "r": "runs", "f": "figures", "b": "breakdown", "e": "growth", "t": "trades", "d": "desk-runs",
    "c": "desk-trades",
}  # fmt: skip
SIZES = [pytest.param(size, id=f"{size[0]}x{size[1]}") for size in (SMALL, MIDDLE, LARGE)]


@pytest.fixture
def commands() -> FakeCommands:
    return FakeCommands()


@pytest.fixture
def make_research(make_app: MakeApp, commands: FakeCommands, tmp_path: Path) -> MakeResearch:
    """Make an app whose research runs nothing; `kept` are runs of its ledger, oldest first."""

    def make(*kept: dict[str, Any], state: str = "busy", **options: Any) -> TradetermApp:
        for outcome in kept:
            keep(tmp_path / "state", outcome)
        app = make_app(state, opened_on="research", **options)
        app._modes["research"] = commands.screen
        return app

    return make


async def at_research(app: TradetermApp, pilot: Pilot[None]) -> ResearchScreen:
    await app.switch_mode("research")
    await settled(app, pilot)
    assert isinstance(app.front, ResearchScreen)
    return app.front


async def settled(app: TradetermApp, pilot: Pilot[None]) -> None:
    """Wait for all workers but a study that is under way."""
    for _ in range(200):
        busy = [worker for worker in app.workers if worker.group != "research" and not worker.is_finished]
        if not busy:
            break
        await asyncio.sleep(0.005)
    await pilot.pause()


async def ended(app: TradetermApp, pilot: Pilot[None]) -> None:
    """Wait until the study has ended and all is painted."""
    await app.workers.wait_for_complete()
    await pilot.pause()


def fill(app: TradetermApp, **fields: str) -> None:
    """Write into fields of the form at once: each key typed is painted, which takes its time."""
    for name, text in fields.items():
        app.screen.query_one(f"#field-{name}", Input).value = text


def typed(app: TradetermApp, name: str) -> str:
    return app.screen.query_one(f"#field-{name}", Input).value


def painted(screen: ResearchScreen, name: str) -> str:
    panel = screen.query_one(f"#{name}", Panel)
    return "\n".join(panel.render_line(y).text.rstrip() for y in range(panel.content_size.height))


def said(screen: ResearchScreen, name: str) -> str:
    """The same in one line."""
    return " ".join(painted(screen, name).split())


def displayed(screen: ResearchScreen) -> set[str]:
    return {
        (pane.id or "").removesuffix("-pane")
        for pane in screen.query(Pane)
        if all(node.display for node in pane.ancestors_with_self)
    }


def noticed(app: TradetermApp) -> str:
    assert app.front is not None
    return str(app.front.query_one("#notice").visual)


def hint(app: TradetermApp) -> str:
    return str(app.screen.query_one("#form-words", Prose).visual)


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_every_pane_is_a_letter_away(make_research: MakeResearch, size: tuple[int, int]) -> None:
    app = make_research()
    async with app.run_test(size=size) as pilot:
        screen = await at_research(app, pilot)
        for letter, name in reversed(LETTERS.items()):  # the first pane has the focus from the start
            await pilot.press("g", letter)
            await pilot.pause()
            assert screen.pane is not None and screen.pane.id == f"{name}-pane"
            assert name in displayed(screen)


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (SMALL, {"study", "runs"}),
        (MIDDLE, {"study", "runs", "figures", "breakdown", "growth", "trades"}),
        (LARGE, {"study", "runs", "figures", "breakdown", "growth", "trades"}),
        ((160, 24), {"study", "runs"}),
    ],
)
async def test_the_layouts(make_research: MakeResearch, size: tuple[int, int], shown: set[str]) -> None:
    app = make_research()
    async with app.run_test(size=size) as pilot:
        assert displayed(await at_research(app, pilot)) == shown


async def test_empty_says_what_to_do(make_research: MakeResearch) -> None:
    app = make_research(state="empty")
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        assert "n starts a run" in said(screen, "study")
        assert "enter opens a run" in painted(screen, "figures")
        assert screen.query_one("#runs", LiveTable).row_count == 0
        await pilot.press("c")
        assert "nothing runs" in noticed(app)
        await pilot.press("w")
        assert "no backtest is open" in noticed(app)
        await pilot.press("m")
        assert "there is no run" in noticed(app)


async def test_a_study_from_the_form_to_its_figures(
    make_research: MakeResearch, commands: FakeCommands, tmp_path: Path, clock: Clock
) -> None:
    app = make_research()
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("n")
        await settled(app, pilot)
        assert isinstance(app.screen, StudyForm)
        await pilot.press("down", "down")
        fill(app, symbols="BTCUSDT, ET", interval="15m", start="2025-02-01", settings="threshold=0.03 exits.stop=0.01")
        await pilot.press("end", "H", "right", "enter")
        await pilot.pause()
        assert commands.last.arguments == [
            "backtest", "crypto", "--json", "--profile=demo", "--symbols=BTCUSDT,ETHUSDT", "--interval=15m",
            "--from=2025-02-01", "--set=threshold=0.03", "--set=exits.stop=0.01", "--tables",
        ]  # fmt: skip
        assert "running" in painted(screen, "study") and "threshold=0.03" in painted(screen, "study")
        number = keep(tmp_path / "state", backtest())
        commands.last.end({"type": "backtest", "run": number, **backtest()})
        await ended(app, pilot)
        assert "Done in 410ms: +9.15% in 40 trades, buy & hold +4.21%." in said(screen, "study")
        figures = painted(screen, "figures")
        assert "backtest 1 of eos, simulated" in figures and "under a year" in figures
        assert any(line.split() == ["Max", "drawdown", "-0.60%", "-19.87%"] for line in figures.splitlines())
        assert "below its peak, deepest" in painted(screen, "growth")
        assert "By symbol" in painted(screen, "breakdown")
        assert screen.query_one("#trades", LiveTable).row_count == 40
        assert screen.query_one("#runs", LiveTable).cursor_key == "1"
        await pilot.press("n")
        await settled(app, pilot)
        assert typed(app, "interval") == "15m"


async def test_progress_rate_and_time_left(make_research: MakeResearch, commands: FakeCommands, clock: Clock) -> None:
    app = make_research()
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("n")
        await settled(app, pilot)
        await pilot.press("up", "right", "right", "enter")
        await pilot.pause()
        assert commands.last.arguments[:2] == ["robustness", "crypto"]
        commands.last.tell(0, 100)
        clock.pass_seconds(10)
        app._tick()
        commands.last.tell(40, 100)
        app._tick()
        await pilot.pause()
        shown = painted(screen, "study")
        assert "40%" in shown and "changed runs 40 of 100  4.0/s  15s left" in shown
        commands.last.tell(1, 7, "larger capital")
        await pilot.pause()
        assert "larger capital 1 of 7" in painted(screen, "study") and "left" not in painted(screen, "study")
        commands.last.end(fake_research.robustness())
        await ended(app, pilot)
        assert "9 of 14 changed runs earn" in said(screen, "figures")
        assert "threshold" in painted(screen, "growth") and "+7.10% to +10.20%" in painted(screen, "growth")
        assert screen.query_one("#runs", LiveTable).cursor_row is not None
        assert "not kept" in screen.query_one("#runs-pane", Pane).summary


async def test_cancel(make_research: MakeResearch, commands: FakeCommands) -> None:
    app = make_research()
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("n")
        await settled(app, pilot)
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("c")
        await ended(app, pilot)
        assert commands.last.stopped and "Stopped." in painted(screen, "study")
        await pilot.press("c")
        assert "nothing runs" in noticed(app)


async def test_trades_of_several_books_say_whose_they_are(make_research: MakeResearch, commands: FakeCommands) -> None:
    app = make_research()
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        table = screen.query_one("#trades", LiveTable)
        one = backtest()
        several = {**one, "trades": [{**trade, "book": "second"} for trade in one["trades"]]}
        for number, (outcome, heads) in enumerate(((several, 1), (one, 0), (several, 1))):
            await pilot.press("n")
            await settled(app, pilot)
            await pilot.press("enter")
            await pilot.pause()
            commands.last.end({"type": "backtest", "run": number + 1, **outcome})
            await ended(app, pilot)
            assert [column.key for column in table.columns].count("book") == heads
            assert table.row_count == 40
            shown = table.render_line(0).text + table.render_line(1).text
            assert ("Book" in shown) == ("second" in shown) == bool(heads)


async def test_an_error_is_the_sentence_of_the_command(make_research: MakeResearch, commands: FakeCommands) -> None:
    app = make_research()
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("n")
        await settled(app, pilot)
        await pilot.press("enter")
        await pilot.pause()
        commands.last.end(said='tradeterm: "eo": is neither a book nor a strategy; did you mean eos?\n', status=2)
        await ended(app, pilot)
        assert '"eo": is neither a book nor a strategy; did you mean eos?' in said(screen, "study")
        await pilot.press("n")
        await settled(app, pilot)
        await pilot.press("enter")
        await pilot.pause()
        commands.last.end({"type": "backtest"})
        await ended(app, pilot)
        assert "is not understood" in said(screen, "study")


async def test_one_at_a_time(make_research: MakeResearch, commands: FakeCommands) -> None:
    app = make_research()
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        for _ in range(2):
            await pilot.press("n")
            await settled(app, pilot)
            await pilot.press("enter")
            await pilot.pause()
        assert isinstance(app.screen, ChoiceModal)
        await pilot.press("enter")  # the safe answer
        await pilot.pause()
        assert len(commands.made) == 1 and not commands.last.stopped
        await pilot.press("n")
        await settled(app, pilot)
        await pilot.press("enter")
        await pilot.pause()
        await pilot.press("right", "enter")
        await settled(app, pilot)
        assert len(commands.made) == 2 and commands.made[0].stopped and not commands.last.stopped
        assert "running" in painted(screen, "study")


async def test_leaving_the_screen_does_not_stop_it(make_research: MakeResearch, commands: FakeCommands) -> None:
    app = make_research()
    async with app.run_test(size=LARGE) as pilot:
        await at_research(app, pilot)
        await pilot.press("n")
        await settled(app, pilot)
        await pilot.press("enter")
        await pilot.press("1")
        await pilot.pause()
        assert app.current_mode == "desk" and not commands.last.stopped
        commands.last.end(said="tradeterm: there are no 7m bars\n", status=2)
        await ended(app, pilot)
        assert "backtest of crypto: there are no 7m bars" in noticed(app)
        await pilot.press("5", "n")
        await settled(app, pilot)
        await pilot.press("enter")
        await pilot.pause()
    assert commands.last.stopped


async def test_compare_two_runs(make_research: MakeResearch) -> None:
    other = backtest(-0.5, 12, book={**fake_research.BOOK, "parameters": {"threshold": 0.03}})
    app = make_research(backtest(), other)
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        table = screen.query_one("#runs", LiveTable)
        assert table.keys == ("2", "1")
        await pilot.press("m", "down", "m")
        await settled(app, pilot)
        figures = painted(screen, "figures")
        assert "INSUFFICIENT" in figures and "both BTCUSDT, ETHUSDT" in figures
        rows = [line.split() for line in figures.splitlines()]
        assert ["run", "2", "run", "1"] in [row[:4] for row in rows]
        assert ["threshold", "0.03", "default"] in rows
        assert ["Total", "return", "-4.57%", "+9.15%"] in [row[:4] for row in rows]
        curves = painted(screen, "growth")
        assert "run 1" in curves and "run 2" in curves and "below their peaks" in curves
        await pilot.press("enter")
        await settled(app, pilot)
        assert "run 2" not in painted(screen, "growth")


async def test_other_data_is_said(make_research: MakeResearch) -> None:
    other = backtest()
    other["data"] = {**other["data"], "hash": "0" * 64}
    app = make_research(backtest(), other)
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("m", "down", "m")
        await settled(app, pilot)
        assert "Data or time differ" in painted(screen, "figures")


async def test_only_backtests_are_compared(make_research: MakeResearch, commands: FakeCommands) -> None:
    app = make_research()
    async with app.run_test(size=LARGE) as pilot:
        await at_research(app, pilot)
        await pilot.press("n")
        await settled(app, pilot)
        await pilot.press("up", "right", "enter")
        await pilot.pause()
        commands.last.end(fake_research.walk_forward())
        await ended(app, pilot)
        await pilot.press("m")
        assert "only backtests are compared" in noticed(app)


async def test_the_report_is_of_the_same_study(
    make_research: MakeResearch, commands: FakeCommands, tmp_path: Path
) -> None:
    kept = backtest(book={**fake_research.BOOK, "parameters": {"threshold": 0.03}}, seed=7)
    app = make_research(kept)
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("enter")
        await settled(app, pilot)
        await pilot.press("w")
        await pilot.pause()
        report = tmp_path / "state" / "reports" / "eos-1-20260115-100000.html"
        assert commands.last.arguments == [
            "backtest", "eos", "--json", "--profile=demo", "--data=/data", "--symbols=BTCUSDT.BYBIT,ETHUSDT.BYBIT",
            "--interval=5m", "--from=2025-01-15T00:00:00", "--to=2025-04-15T00:00:00", "--capital=100000", "--seed=7",
            "--set=threshold=0.03", "--tables", f"--out={report}",
        ]  # fmt: skip
        assert report.parent.is_dir()
        commands.last.end({"type": "backtest", "run": keep(tmp_path / "state", kept), **kept})
        await ended(app, pilot)
        await pilot.press("g", "s", "y")
        await pilot.pause()
        assert msgspec.json.decode((app.profile.root / "copied.txt").read_bytes())["report"] == str(report)
        assert "report" in painted(screen, "study")


async def test_the_form_says_what_may_be_written(make_research: MakeResearch, commands: FakeCommands) -> None:
    app = make_research()
    async with app.run_test(size=SMALL) as pilot:
        await at_research(app, pilot)
        await pilot.press("n")
        await settled(app, pilot)
        assert "eos  strategy" in hint(app) and "crypto  book, strategy eos" in hint(app)
        await pilot.press("down")
        assert "bundled recording: 2 symbols, bars of 5m, 15 Jan 2025 to 15 Apr 2025" in hint(app)
        app.screen.query_one("#field-settings").focus()
        fill(app, settings="volume_")
        await pilot.press("end", "w")
        await pilot.pause()
        assert "length of the volume mean, bars; a whole number from 2 to 500; now 20" in hint(app)
        await pilot.press("right")
        assert typed(app, "settings") == "volume_window="
        app.screen.query_one("#kind").focus()
        await pilot.press("left")  # from the first kind to the last: a sweep
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, StudyForm) and not commands.made
        assert "A sweep varies something" in str(app.screen.query_one("#form-lack").visual)
        fill(app, vary="threshold=0.03:0.05:0.01")
        await pilot.press("enter")
        await pilot.pause()
        assert "--vary=threshold=0.03:0.05:0.01" in commands.last.arguments
        commands.last.stop()


async def test_escape_asks_for_nothing(make_research: MakeResearch, commands: FakeCommands) -> None:
    app = make_research()
    async with app.run_test(size=SMALL) as pilot:
        await at_research(app, pilot)
        await pilot.press("n", "escape")
        await pilot.pause()
        assert isinstance(app.screen, ResearchScreen) and not commands.made


async def test_keys_by_mouse(make_research: MakeResearch) -> None:
    app = make_research(backtest())
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        bar = screen.query_one(KeyBar)
        await pilot.click(bar, offset=(bar.render_line(0).text.index("New run"), 0))
        await settled(app, pilot)
        assert isinstance(app.screen, StudyForm)
        await pilot.press("escape")
        runs = screen.query_one("#runs", LiveTable)
        await pilot.click(runs, offset=(4, 1), times=2)
        await settled(app, pilot)
        assert "backtest 1 of eos" in painted(screen, "figures")


async def test_the_curve_stands_beside_its_benchmark_and_its_fan(make_research: MakeResearch) -> None:
    points = fake_research.equity()
    held = [(ts, 100_000.0) for ts, _ in points]
    bands = {level: [value * factor for _, value in points] for level, factor in (("0.05", 0.9), ("0.95", 1.1))}
    fan = {"ts": [ts for ts, _ in points], "quantiles": bands, "paths": 500, "block": 4.2, "seed": 0}
    app = make_research(backtest(benchmark=held, fan=fan))
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("enter")
        await settled(app, pilot)
        text = said(screen, "growth")
        assert "5, 95 % of 500 resampled" in text
        assert all(label in text for label in ("5 %", "95 %", "held", "equity"))


async def test_several_books_are_reported_by_the_command_alone(make_research: MakeResearch) -> None:
    app = make_research(backtest(name="crypto + eos", books=[{"name": "crypto"}, {"name": "eos"}]))
    async with app.run_test(size=MIDDLE) as pilot:
        await at_research(app, pilot)
        await pilot.press("enter")
        await settled(app, pilot)
        await pilot.press("w")
        await pilot.pause()
        assert "it is of several books" in noticed(app)


async def test_its_keys_are_moved_as_all_others(make_research: MakeResearch) -> None:
    app = make_research(keys={"research.new": "N"})
    async with app.run_test(size=MIDDLE) as pilot:
        await at_research(app, pilot)
        await pilot.press("n")
        await pilot.pause()
        assert not isinstance(app.screen, StudyForm)
        await pilot.press("N")
        await pilot.pause()
        assert isinstance(app.screen, StudyForm)


async def test_a_small_screen_turns_to_the_figures(make_research: MakeResearch) -> None:
    app = make_research(backtest(), backtest(0.5, 12))
    async with app.run_test(size=SMALL) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("enter")
        await settled(app, pilot)
        assert displayed(screen) == {"figures"}
        assert "INSUFFICIENT: so few trades prove nothing." in painted(screen, "figures")
        await pilot.press("end")
        lines = painted(screen, "figures")
        assert "INSUFFICIENT" in lines and "Signals without a trade: 11 QTY_BELOW_MIN" in lines
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, DetailModal)
        assert msgspec.json.decode(app.screen._texts[1])[0]["run"] == 2


async def test_runs_made_elsewhere_appear(make_research: MakeResearch, tmp_path: Path, clock: Clock) -> None:
    app = make_research()
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        keep(tmp_path / "state", backtest())
        clock.pass_seconds(1)
        app._tick()
        await settled(app, pilot)
        assert screen.query_one("#runs", LiveTable).keys == ("1",)


async def test_a_broken_ledger_is_said(make_research: MakeResearch, tmp_path: Path) -> None:
    app = make_research(backtest())
    (tmp_path / "state" / "research.db").write_bytes(b"not a database, surely not a database" * 100)
    async with app.run_test(size=LARGE) as pilot:
        await at_research(app, pilot)
        assert "research.db" in noticed(app)


async def test_ascii_stays_ascii(make_research: MakeResearch, commands: FakeCommands) -> None:
    app = make_research(backtest(), backtest(-0.5, 12), glyphs="ascii")
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("m", "down", "m")
        await settled(app, pilot)
        for name in ("figures", "growth", "breakdown"):
            assert painted(screen, name).isascii() and "?" not in painted(screen, name), name
        await pilot.press("n")
        await settled(app, pilot)
        await pilot.press("up", "right", "right", "enter")
        await pilot.pause()
        commands.last.tell(3, 9)
        assert painted(screen, "study").isascii()
        commands.last.end(fake_research.robustness())
        await ended(app, pilot)
        assert painted(screen, "growth").isascii() and painted(screen, "breakdown").isascii()
        for size in ((60, 15), (99, 30), (240, 60), (20, 5)):
            await pilot.resize_terminal(*size)
            await pilot.pause()


# With real processes


@pytest.fixture
def demo_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRADETERM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


async def test_a_real_backtest_of_the_bundled_recording(make_app: MakeApp, demo_home: Path) -> None:
    from tradeterm.profile import find_profile

    app = make_app("busy")
    app.profile = find_profile("demo")
    async with app.run_test(size=LARGE) as pilot:
        screen = await at_research(app, pilot)
        await pilot.press("n")
        await settled(app, pilot)
        await pilot.press("enter")
        await ended(app, pilot)
        assert "Done in" in painted(screen, "study"), painted(screen, "study")
        assert "bundled recording of a week" in said(screen, "figures")
        assert screen.query_one("#runs", LiveTable).keys == ("1",)
        assert screen.query_one("#trades", LiveTable).row_count > 0
        assert "backtest 1 of crypto" in screen.query_one("#trades-pane", Pane).title


async def test_stopping_kills_all_processes(demo_home: Path) -> None:
    heard = asyncio.Event()
    command = Command(
        ["robustness", "eos", "--json", "--profile=demo"], demo_home / "profiles" / "demo", lambda told: heard.set()
    )
    running = asyncio.create_task(command.run())
    await asyncio.wait_for(heard.wait(), 20)
    assert command._process is not None
    group = command._process.pid
    assert os.getpgid(group) == group and os.getpriority(os.PRIO_PROCESS, group) == 10
    command.stop()
    done = await asyncio.wait_for(running, 5)
    assert done.status < 0 and done.answer == b""
    with pytest.raises(ProcessLookupError):
        os.killpg(group, 0)


# Pictures


def picture(*keys: str, answer: dict[str, Any] | None = None) -> Callable[[Pilot[None]], object]:
    """Go to the screen, press keys; before that, with an answer, run the study that gives it."""

    async def before(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, TradetermApp)
        screen = await at_research(app, pilot)
        if answer is not None:
            screen._run(Wanted(kind=Kind(answer["type"]), name="eos"), None)
            await pilot.pause()
            command = screen._command
            assert isinstance(command, fake_research.FakeCommand)
            command.end(answer)
            await ended(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settled(app, pilot)

    return before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_open(snap_compare: Compare, make_research: MakeResearch, theme: str, size: tuple[int, int]) -> None:
    app = make_research(backtest(-0.5, 12), backtest(), theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=picture("enter"))


@pytest.mark.parametrize("size", SIZES)
def test_compared(snap_compare: Compare, make_research: MakeResearch, size: tuple[int, int]) -> None:
    app = make_research(backtest(-0.5, 12), backtest())
    assert snap_compare(app, terminal_size=size, run_before=picture("m", "down", "m"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("kind", ["walk_forward", "robustness", "sweep"])
def test_answered(snap_compare: Compare, make_research: MakeResearch, kind: str, size: tuple[int, int]) -> None:
    answer = getattr(fake_research, kind)()
    keys = ("g", "e") if size == SMALL else ()
    assert snap_compare(make_research(), terminal_size=size, run_before=picture(*keys, answer=answer))


@pytest.mark.parametrize("letter", ["b", "e", "t", "d"])
def test_tab(snap_compare: Compare, make_research: MakeResearch, letter: str) -> None:
    app = make_research(backtest())
    assert snap_compare(app, terminal_size=SMALL, run_before=picture("enter", "g", letter))


@pytest.mark.parametrize("size", SIZES)
def test_form(snap_compare: Compare, make_research: MakeResearch, size: tuple[int, int]) -> None:
    keys = ("n", *["down"] * 7, *"vol")
    assert snap_compare(make_research(), terminal_size=size, run_before=picture(*keys))


@pytest.mark.parametrize("size", SIZES)
def test_running(
    snap_compare: Compare, make_research: MakeResearch, commands: FakeCommands, clock: Clock, size: tuple[int, int]
) -> None:
    async def before(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, TradetermApp)
        screen = await at_research(app, pilot)
        screen._run(Wanted(kind=Kind.SWEEP, name="eos", vary=("threshold=0.03:0.05:0.005",)), None)
        await pilot.pause()
        commands.last.tell(0, 480, "variants")
        clock.pass_seconds(12)
        app._tick()
        commands.last.tell(310, 480, "variants")
        await pilot.pause()

    assert snap_compare(make_research(backtest()), terminal_size=size, run_before=before)


@pytest.mark.parametrize(("theme", "glyphs"), [("mono", "ascii"), ("ansi", "unicode"), ("mono", "unicode")])
def test_poor_terminals(snap_compare: Compare, make_research: MakeResearch, theme: str, glyphs: str) -> None:
    app = make_research(backtest(-0.5, 12), backtest(), theme=theme, glyphs=glyphs)
    assert snap_compare(app, terminal_size=MIDDLE, run_before=picture("m", "down", "m"))
