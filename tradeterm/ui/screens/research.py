"""Screen 5: what a strategy would have done, whether that is luck, and what the desk itself has done so far."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widget import Widget

from tradeterm.domain.errors import TradetermError
from tradeterm.domain.facts import RunRow, Trade
from tradeterm.ui import fmt
from tradeterm.ui.actions import ACTIONS, find_action
from tradeterm.ui.keymap import framework_key, show_key
from tradeterm.ui.modals.choice import Choice, ChoiceModal
from tradeterm.ui.modals.detail import DetailModal
from tradeterm.ui.modals.study_form import StudyForm
from tradeterm.ui.model import Level, Scene
from tradeterm.ui.panels.figures import FiguresPanel
from tradeterm.ui.panels.findings import FindingsPanel
from tradeterm.ui.panels.growth import GrowthPanel
from tradeterm.ui.panels.outcome import OutcomePanel
from tradeterm.ui.panels.panel import Panel
from tradeterm.ui.panels.study import Study, StudyPanel
from tradeterm.ui.plain import plain
from tradeterm.ui.research.again import again
from tradeterm.ui.research.command import Command, Make, Progress, Runs
from tradeterm.ui.research.data import Known, known_data
from tradeterm.ui.research.outcome import Backtest, Outcome, Robustness, Sweep, TradeOf, decode_outcome
from tradeterm.ui.research.session import in_a_word
from tradeterm.ui.research.shelf import Shelf
from tradeterm.ui.research.under_way import UnderWay
from tradeterm.ui.research.wanted import Kind, Wanted, arguments
from tradeterm.ui.research.words import COMMANDS, title
from tradeterm.ui.screens.footer import footer
from tradeterm.ui.screens.sided import SidedScreen
from tradeterm.ui.tables import research, runs
from tradeterm.ui.widgets.key_bar import KeyBar, KeyEntry
from tradeterm.ui.widgets.live_table import LiveTable
from tradeterm.ui.widgets.pane import Pane

KEYS = tuple(action for action in ACTIONS if action.local == "research")
_STOPPED = "Stopped."
_SWEEP_STOPPED = "Stopped. The variants that are done are kept: the same sweep goes on from there."


class ResearchScreen(SidedScreen):
    """One study runs at a time, in processes of its own, and goes on while another screen is looked at.

    `make` makes the command of a command line.
    """

    TABS: ClassVar[tuple[tuple[str, tuple[str, ...]], ...]] = (
        ("Runs", ("study-pane", "runs-pane")),
        ("Figures", ("figures-pane",)),
        ("Breakdown", ("breakdown-pane",)),
        ("Equity", ("growth-pane",)),
        ("Trades", ("trades-pane",)),
        ("Desk", ("desk-runs-pane", "desk-trades-pane")),
    )
    BEHIND = 5
    BEHIND_CLASS = "-desk"
    ABOUT = (
        "Research: try a book or a strategy on recorded bars, look at the runs, compare two. "
        "n new run, c cancel it, enter on a run opens it, m marks one and then another to compare them, "
        "w writes a report of the backtest that is open."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            ",".join(map(framework_key, action.keys)), f"own('{action.id}')", action.label, show=False, id=action.id
        )
        for action in KEYS
    ]

    def __init__(self, make: Make = Command) -> None:
        super().__init__()
        self._make = make
        self._command: Runs | None = None
        self._next: tuple[Wanted, Path | None] | None = None
        self._draft = Wanted()
        self._marked: tuple[str, ...] = ()
        self._open: tuple[str, ...] = ()
        self._outcomes: Sequence[Outcome] = ()
        self._desk_runs: dict[str, RunRow] = {}
        self._desk_trades: dict[str, Trade] = {}

    def panes(self) -> Iterable[Widget]:
        runs_table = LiveTable(research.RUN_COLUMNS, empty_text="No run yet: n starts one.", id="runs")
        trades_table = LiveTable(
            research.TRADE_COLUMNS, empty_text="A backtest that is open shows its trades.", id="trades"
        )
        yield Vertical(
            Pane(StudyPanel(id="study"), title="Study", letter="s", id="study-pane"),
            Pane(runs_table, title="Runs", letter="r", id="runs-pane"),
            classes="column",
        )
        yield Vertical(
            Pane(FiguresPanel(id="figures"), title="Figures", letter="f", id="figures-pane"),
            Pane(FindingsPanel(id="breakdown"), title="Breakdown", letter="b", id="breakdown-pane"),
            classes="column",
            id="verdict-column",
        )
        yield Vertical(
            Pane(GrowthPanel(id="growth"), title="Equity", letter="e", id="growth-pane"),
            Pane(trades_table, title="Trades", letter="t", id="trades-pane"),
            classes="column",
        )
        desk_runs = LiveTable(runs.RUN_COLUMNS, empty_text="The engine has not run yet.", id="desk-runs")
        closed = LiveTable(self.columns(runs.TRADE_COLUMNS), empty_text="No closed trade yet.", id="desk-trades")
        yield Vertical(
            Pane(desk_runs, title="Runs of the engine", letter="d", id="desk-runs-pane"),
            Pane(closed, title="Closed trades of the desk", letter="c", id="desk-trades-pane"),
            classes="column",
            id="desk-column",
        )

    def on_mount(self) -> None:
        self._shelf = Shelf(self.desk_app.profile.root)
        super().on_mount()
        if not self.children:
            return
        self._draft = Wanted(name=next(iter(self.desk_app.config.books), ""))
        self._list_runs()

    def on_unmount(self) -> None:
        if self._command is not None:
            self._command.stop()

    # What is seen

    def focus_first(self) -> None:
        self.query_one("#runs", LiveTable).focus()

    def _show_ages(self, scene: Scene) -> None:
        """Nothing here rests on the market data of this moment."""

    def _show_keys(self) -> None:
        app = self.desk_app
        own = [
            KeyEntry(
                action.id, show_key(app.keymap.keys(action.id)[0]), action.label, 0, reason=self._reason(action.id)
            )
            for action in KEYS
        ]
        entries = footer(app.keymap, app.unavailable)
        stops = [entry for entry in entries if entry.action_id in ("engine.halt", "engine.kill")]
        rest = [entry for entry in entries if entry not in stops]
        self.query_one(KeyBar).set_entries([*stops, *own, *rest])

    def show_facts(self, scene: Scene) -> None:
        started, closed = self.console.runs(), self.console.trades()
        self._desk_runs = {run.id: run for run in started}
        self._desk_trades = {trade.id: trade for trade in closed}
        glyphs = self.desk_app.glyphs
        self.query_one("#desk-runs", LiveTable).set_rows(runs.run_rows(started, glyphs, self.zone))
        self.query_one("#desk-trades", LiveTable).set_rows(runs.trade_rows(closed, glyphs, self.zone))
        won = sum(trade.pnl > 0 for trade in closed) / len(closed) if closed else None
        total = sum((trade.pnl for trade in closed), start=0)
        words = f"{len(closed)} trades · {fmt.percent(won, 0)} won · {fmt.signed_money(total)}"
        self._pane("desk-trades-pane", words if closed else "")

    def show_second(self, scene: Scene) -> None:
        panel = self.query_one(StudyPanel)
        way = panel.study.way
        if way is not None:
            self._say(way=msgspec.structs.replace(way, now=max(way.now, scene.wall)))
        if self._shelf.is_old:
            self._list_runs()

    def _pane(self, name: str, summary: str, pane_title: str = "") -> None:
        pane = self.query_one(f"#{name}", Pane)
        pane.set_summary(summary)
        if pane_title:
            pane.set_title(pane_title)

    def _say(self, **changes: Any) -> None:
        panel = self.query_one(StudyPanel)
        panel.set_study(msgspec.structs.replace(panel.study, **changes))

    # The runs there are

    @work(group="research-list", exclusive=True, exit_on_error=False)
    async def _list_runs(self) -> None:
        try:
            await self._shelf.read()
        except TradetermError as error:
            self.desk_app.notice(str(error), Level.DANGER)
        self._show_runs()

    def _show_runs(self) -> None:
        table = self.query_one("#runs", LiveTable)
        listed = list(self._shelf.runs.values())
        table.set_rows(research.run_rows(listed, self._marked, self._open, self.desk_app.glyphs))
        count = f"{len(listed)} run{'' if len(listed) == 1 else 's'}"
        words = [count, "! too few trades"] if any(one.insufficient for one in listed) else [count]
        words += ["? CONTAMINATED by tier 2"] if any(one.contaminated for one in listed) else []
        words += ["without a number: not kept"] if any(one.number is None for one in listed) else []
        self._pane("runs-pane", " · ".join(words) if listed else "")

    # A run

    def _begin(self, wanted: Wanted, report: Path | None = None) -> None:
        """Start it, or ask what shall become of the one under way."""
        if self._command is None:
            self._run(wanted, report)
            return
        lines = ["One study runs at a time, and one is under way.", "It is stopped, and the new one takes its place."]
        choices = [Choice("cancel", "Let it go on"), Choice("yes", "Stop it, start the new one")]
        dialog = ChoiceModal("A run is under way", lines, choices, clock=lambda: self.desk_app.scene.wall)
        self.app.push_screen(dialog, lambda chosen: self._replace(wanted, report) if chosen else None)

    def _replace(self, wanted: Wanted, report: Path | None) -> None:
        if self._command is None:
            self._begin(wanted, report)
        else:
            self._next = (wanted, report)
            self._command.stop()

    @work(group="research", exit_on_error=False)
    async def _run(self, wanted: Wanted, report: Path | None) -> None:
        app, wall = self.desk_app, self.desk_app.scene.wall
        command = self._command = self._make(arguments(wanted, app.profile.name, report), app.profile.root, self._told)
        self.query_one(StudyPanel).set_study(Study(wanted, UnderWay(wall, wall)))
        self._show_keys()
        try:
            if report is not None:
                report.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            ended = await command.run()
            if command.stopped:
                self._say(say=_SWEEP_STOPPED if wanted.kind is Kind.SWEEP else _STOPPED)
            elif ended.status:
                self._say(error=ended.sentence)
            else:
                outcome = await asyncio.to_thread(decode_outcome, ended.answer)
                self._say(say=in_a_word(outcome), report=report)
                await self._take(outcome)
        except (TradetermError, OSError) as error:
            self._say(error=str(error))
        finally:
            self._command = None
            self._say(way=None)
        self._show_keys()
        self._tell_elsewhere(wanted)
        if self._next is not None:
            following, self._next = self._next, None
            self._begin(*following)

    def _told(self, progress: Progress) -> None:
        way = self.query_one(StudyPanel).study.way
        if way is not None:
            self._say(way=way.told(progress, self.desk_app.scene.wall))

    async def _take(self, outcome: Outcome) -> None:
        """A run has ended well: it is listed and open."""
        key = await self._shelf.put(outcome, self.desk_app.scene.wall)
        self._marked = ()
        await self._show((key,), (outcome,))
        self.query_one("#runs", LiveTable).move_cursor(key)

    def _tell_elsewhere(self, wanted: Wanted) -> None:
        """Whoever looks at another screen hears of it."""
        study = self.query_one(StudyPanel).study
        if self.app.screen is not self:
            what = f"{COMMANDS[wanted.kind]} of {plain(wanted.name)}"
            self.desk_app.notice(f"{what}: {study.error or study.say}", Level.WARNING if study.error else Level.CALM)

    # What came of it

    @work(group="research-open", exclusive=True, exit_on_error=False)
    async def _open_runs(self, keys: tuple[str, ...]) -> None:
        try:
            outcomes = [await self._shelf.open(key) for key in keys]
        except TradetermError as error:
            self.desk_app.notice(str(error), Level.DANGER)
            return
        await self._show(keys, outcomes)
        if self.has_class("-narrow") or self.has_class("-short"):
            self.focus_pane("figures-pane")

    async def _show(self, keys: tuple[str, ...], outcomes: Sequence[Outcome]) -> None:
        self._open, self._outcomes = keys, outcomes
        for panel in self.query(OutcomePanel):
            panel.set_outcomes(outcomes)
        whose = " and ".join(title(outcome) for outcome in outcomes)
        self._pane("figures-pane", "simulated", f"Figures of {whose}")
        returns = isinstance(outcomes[0], Robustness | Sweep)
        self._pane("growth-pane", "simulated", f"{'Returns of' if returns else 'Equity of'} {whose}")
        self._pane("breakdown-pane", "simulated")
        trades = self._trades
        rows = await asyncio.to_thread(research.trade_rows, trades, self._currency, self.desk_app.glyphs)
        table = self.query_one("#trades", LiveTable)
        shared = any(trade.book for trade in trades)
        table.set_columns(research.SHARED_TRADE_COLUMNS if shared else research.TRADE_COLUMNS)
        table.set_rows(rows)
        hidden = len(trades) - len(rows)
        words = f"simulated · the last {len(rows):,} of {len(trades):,}" if hidden else f"simulated · {len(trades):,}"
        self._pane("trades-pane", words if trades else "", f"Trades of {title(outcomes[0])}" if trades else "Trades")
        self._show_runs()
        self._show_keys()

    @property
    def _trades(self) -> Sequence[TradeOf]:
        """Those of the run that is open, of the first one of two."""
        first = self._outcomes[0] if self._outcomes else None
        return first.trades if isinstance(first, Backtest) else ()

    @property
    def _currency(self) -> str:
        first = self._outcomes[0] if self._outcomes else None
        return first.book.currency if isinstance(first, Backtest) else ""

    # Keys

    def action_own(self, action: str) -> None:
        """One of this screen's keys."""
        self.desk_app.action_do(action)

    def _reason(self, action: str) -> str:
        """Why one of this screen's own actions cannot be done now."""
        match action:
            case "research.cancel" if self._command is None:
                return "nothing runs"
            case "research.mark" if not self._shelf.runs:
                return "there is no run"
            case "research.report":
                opened = next((one for one in self._outcomes if isinstance(one, Backtest)), None)
                if opened is None:
                    return "no backtest is open"
                if opened.books:
                    return "it is of several books: tradeterm backtest BOOK BOOK --out FILE.html"
                if opened.ai.endswith("RECORD") or opened.ai.startswith("LIVE"):
                    return "it was judged by a record of verdicts, which has to be named: tradeterm backtest --ai FILE"
        return ""

    def perform(self, action: str) -> str:
        if action.startswith("research."):
            reason = self._reason(action) or self._do(action)
            if reason:
                self.desk_app.notice(f"{find_action(action).label}: {reason}", Level.WARNING)
            return ""
        if isinstance(self.focused, StudyPanel) and action == "row.open":
            self._ask()
            return ""
        if isinstance(self.focused, Panel) and action in ("row.open", "row.copy"):
            return self._panel_in_full(self.focused, action)
        return super().perform(action)

    def _do(self, action: str) -> str:
        match action:
            case "research.new":
                self._ask()
            case "research.cancel" if self._command is not None:
                self._next = None
                self._command.stop()
            case "research.mark":
                return self._mark()
            case "research.report":
                self._report()
        return ""

    def _ask(self) -> None:
        self.app.push_screen(StudyForm(self._draft, self.desk_app.config, self._look), self._asked)

    def _asked(self, wanted: Wanted | None) -> None:
        if wanted is not None:
            self._draft = wanted
            self._begin(wanted)

    async def _look(self, folder: str) -> Known:
        return await known_data(self._make, self.desk_app.profile, folder)

    def _mark(self) -> str:
        table = self.query_one("#runs", LiveTable)
        key = table.cursor_key
        if self.focused is not table or key is None:
            return "choose a run of the list"
        if self._shelf.runs[key].command != Kind.BACKTEST:
            return "only backtests are compared"
        self._marked = (
            tuple(one for one in self._marked if one != key) if key in self._marked else (*self._marked[-1:], key)
        )
        self._show_runs()
        if len(self._marked) == 2:
            self.notice("")
            self._open_runs(self._marked)
        elif self._marked:
            self.notice(f"run {key} is marked; mark another to compare them")
        return ""

    def _report(self) -> None:
        """Run the backtest that is open again, with a report."""
        outcome = next(one for one in self._outcomes if isinstance(one, Backtest))
        at = datetime.fromtimestamp(self.desk_app.scene.wall / 1000, UTC)
        file = f"{plain(outcome.name)}-{outcome.run or 'run'}-{at:%Y%m%d-%H%M%S}.html"
        self._begin(again(outcome, self.desk_app.config), self.desk_app.profile.root / "reports" / file)

    def _panel_in_full(self, panel: Panel, action: str) -> str:
        detail = panel.detail()
        if detail is None:
            return "there is nothing more to show"
        json = msgspec.json.format(msgspec.json.encode(detail.subject), indent=2).decode()
        if action == "row.copy":
            self.desk_app.copy(json)
        else:
            pane_title = self.pane.title if self.pane is not None else ""
            self.app.push_screen(DetailModal(pane_title, detail.text, json, self.desk_app.copy))
        return ""

    def open_row(self, table: LiveTable, key: str) -> None:
        if table.id == "runs":
            self._marked = ()
            self._open_runs((key,))
        else:
            super().open_row(table, key)

    def subject(self, table: LiveTable, key: str) -> Any:
        if table.id == "trades":
            return self._trades[int(key)] if int(key) < len(self._trades) else None
        facts: dict[str, dict[str, Any]] = {
            "runs": dict(self._shelf.runs),
            "desk-runs": dict(self._desk_runs),
            "desk-trades": dict(self._desk_trades),
        }
        return facts[table.id or ""].get(key)
