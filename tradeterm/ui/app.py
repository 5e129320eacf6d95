"""The full-screen console: screens, keys, themes and the one timer that looks at the engine."""

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker

from tradeterm.assistant import grammar
from tradeterm.assistant.ask import ask, complete
from tradeterm.assistant.chat.proposals import ProposalRefused, is_apply, without_code
from tradeterm.config import Config
from tradeterm.console.protocol import Console
from tradeterm.domain.errors import TradetermError
from tradeterm.domain.states import Mode
from tradeterm.profile import Profile
from tradeterm.ui import clipboard, controls, glyphs, signals
from tradeterm.ui.actions import ACTIONS, find_action
from tradeterm.ui.bindings import app_bindings
from tradeterm.ui.chat_session import ChatSession, strategy_fields
from tradeterm.ui.controlled_app import ControlledApp
from tradeterm.ui.keymap import Keymap, resolve
from tradeterm.ui.messages import LineAsked
from tradeterm.ui.modals.choice import Choice, ChoiceModal
from tradeterm.ui.modals.help import HelpModal
from tradeterm.ui.modals.strategy_form import StrategyForm
from tradeterm.ui.model import Level, refusal
from tradeterm.ui.palette import ActionCommands
from tradeterm.ui.poller import Poller
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.chat import ChatScreen
from tradeterm.ui.screens.desk import DeskScreen
from tradeterm.ui.screens.journal import JournalScreen
from tradeterm.ui.screens.orders import OrdersScreen
from tradeterm.ui.screens.research import ResearchScreen
from tradeterm.ui.screens.risk import RiskScreen
from tradeterm.ui.screens.signals import SignalsScreen

NOTICE_MS = 8_000
CHAT_PAINT_SECONDS = 0.1
WARM_AFTER_SECONDS, WARM_EVERY_SECONDS = 1.5, 0.3


_HERE = Path(__file__).parent
# All at once: parsing again for the first look at a screen would cost a visible pause.
STYLES: list[str | PurePath] = [
    _HERE / "app.tcss",
    *sorted(_HERE.glob("modals/*.tcss")),
    *sorted(_HERE.glob("screens/*.tcss")),
]


def wall_clock() -> int:
    return time.time_ns() // 1_000_000


class TradetermApp(ControlledApp, inherit_bindings=False):
    """A face on one engine. It reads the console, sends commands, and holds nothing that could be lost.

    `clock` is the machine's time in ms; `start_engine` launches an engine for this profile or raises TradetermError;
    with `polling` off nothing moves until `catch_up` is called.
    """

    CSS_PATH = STYLES
    TITLE = "tradeterm"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny-width"), (60, "-narrow"), (100, "-two"), (160, "-three")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny-height"), (15, "-short"), (30, "-tall")]  # noqa: RUF012
    COMMANDS: ClassVar = {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = app_bindings()
    MODES: ClassVar[dict[str, str | Callable[[], Screen[Any]]]] = {
        "desk": DeskScreen,
        "signals": SignalsScreen,
        "orders": OrdersScreen,
        "risk": RiskScreen,
        "research": ResearchScreen,
        "journal": JournalScreen,
        "chat": ChatScreen,
    }
    DEFAULT_MODE = "desk"
    ALLOW_SELECT = False

    def __init__(
        self,
        console: Console,
        config: Config,
        profile: Profile,
        *,
        clock: Callable[[], int] = wall_clock,
        polling: bool = True,
        start_engine: Callable[[], None] | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        super().__init__(console, clock, start_engine, config.ui.theme, profile.config_home / "themes")
        self.config, self.profile = config, profile
        self.keymap: Keymap = resolve(ACTIONS, config.keys)
        self.glyphs = glyphs.choose(config.ui.glyphs, environ, getattr(sys.__stderr__, "encoding", None))
        self._polling, self._environ = polling, environ
        self._poller = Poller(console, clock)
        self._notice_until = 0
        self.chat = ChatSession(config, console, clock, environ, self._chat_moved, profile)
        self._talking: Worker[None] | None = None
        self._authoring: Worker[None] | None = None
        self._asked_on: ConsoleScreen | None = None
        self._chat_timer: Timer | None = None
        self.set_class(self.glyphs.ascii, "-ascii")
        # Twice each: Textual styles a screen when it is built, and once more when it is first shown as a whole.
        self._cold = [mode for mode in self.MODES if mode != self.DEFAULT_MODE for _ in range(2)]
        self.animation_level = "none"
        self.set_keymap(self.keymap.for_textual())

    def on_mount(self) -> None:
        if not self.is_headless:
            signals.install(self.leave)
        if self._polling:
            self.set_interval(1 / self.config.ui.paint_rate, self._tick)
            self.set_timer(WARM_AFTER_SECONDS, self._warm)
            self.run_worker(self.chat.prepare, thread=True, group="chat", exit_on_error=False)

    async def _warm(self) -> None:
        """Build one more screen behind the scenes, so that the first look at it is as quick as every later one."""
        if not self._cold:
            gc.freeze()  # what stands now stays: looking through it for garbage would stop the screen for 100 ms
            return
        self.set_timer(WARM_EVERY_SECONDS, self._warm)
        here = self.current_mode
        if len(self.screen_stack) > 1:  # not behind a dialog
            return
        cold = self._cold.pop(0)
        if cold != here:
            with self.batch_update():
                await self.switch_mode(cold)
                await self.switch_mode(here)

    # Looking at the engine

    @property
    def front(self) -> ConsoleScreen | None:
        """The screen under whatever dialog is open."""
        return next((screen for screen in self.screen_stack if isinstance(screen, ConsoleScreen)), None)

    def _tick(self) -> None:
        if not self.is_headless and signals.terminal_gone():
            self.leave(129)
            return
        self._paint(everything=False)
        self.reload_themes(self._clock())

    def catch_up(self) -> None:
        """Paint everything once: a screen that was hidden, a pane that was frozen, a test."""
        self._paint(everything=True)

    def _paint(self, *, everything: bool) -> None:
        with self.reading():
            self._look(everything)

    def _look(self, everything: bool) -> None:
        look = self._poller.look(everything=everything)
        self.scene = look.scene
        front = self.front
        if front is not None and front.is_mounted and front.children and look.anything:
            with self.batch_update():
                front.paint(look)
        if self._notice_until and self._clock() > self._notice_until:
            self._notice_until = 0
            self.notice("")
        self.follow_commands()

    # Doing things

    def unavailable(self, action: str) -> str | None:
        """Why an action cannot be done now; "" when it can, None for one that has no place here at all."""
        replay = self.scene.view.replay if self.scene.view is not None else None
        if action.startswith("replay.") and (replay is None or (action == "replay.again") is not replay.finished):
            return None
        return refusal(action, self.scene, *self._selected())

    def _selected(self) -> tuple[str, str]:
        """The position and the book that trading keys mean; none on a screen whose panes are still being made."""
        try:
            front = self.front
            return ("", "") if front is None else (front.selected_position(), front.selected_book())
        except NoMatches:
            return "", ""

    def has_place(self, action: str) -> bool:
        """Whether an action means anything here: what plays a recording does not where there is none."""
        view = self.scene.view
        return view is None or view.replay is not None or not action.startswith("replay.")

    def action_do(self, action: str) -> None:
        """Do an action of the action table, or say in words why not."""
        front = self.front
        if front is None:
            return
        position, book = self._selected()
        reason = refusal(action, self.scene, position, book)
        area, _, verb = action.partition(".")
        if reason:
            self.notice(f"{find_action(action).label}: {reason}", Level.WARNING)
        elif area == "screen":
            self.switch_mode(verb)
        elif action == "engine.start" and not self.scene.running:
            self._launch_asked()
        elif area in ("engine", "book", "position", "replay"):
            self.propose(controls.propose(action, self.scene, position, book))
        elif action == "app.keys":
            known = [action.id for action in ACTIONS if self.has_place(action.id)]
            reasons = {name: refusal(name, self.scene, position, book) for name in known}
            self.push_screen(HelpModal(self.keymap, front.ABOUT, reasons))
        elif action == "app.theme":
            self.notice(f"theme {self.next_theme()}")
        elif action == "app.quit":
            self._quit()
        elif refused := front.perform(action):
            self.notice(f"{find_action(action).label}: {refused}", Level.WARNING)

    def _launch_asked(self) -> None:
        """Start an engine; one that trades real money only when a person says so."""
        if self.config.mode is not Mode.LIVE:
            self._launch()
            return
        lines = ["The engine trades real money by itself as soon as it has started."]
        choices = [Choice("cancel", "Cancel"), Choice("yes", "Start LIVE trading", danger=True)]
        self.push_screen(
            ChoiceModal("Start LIVE", lines, choices, clock=self._clock, danger=True),
            lambda chosen: self._launch() if chosen else None,
        )

    @on(LineAsked)
    def _line_asked(self, message: LineAsked) -> None:
        with self.reading():
            self._answer(message.line)

    def _answer(self, line: str) -> None:
        request = grammar.read(line)
        plain = isinstance(request, grammar.Misread) and request.plain
        if is_apply(line):
            self._apply(line)
        elif isinstance(request, grammar.Request) and request.word.takes is grammar.Takes.FORM:
            self._authoring = self.run_worker(self._write_strategy(), group="author", exclusive=True)
        elif plain and not self.chat.offline:
            self._converse(line)
        elif plain:
            self._show(line, f"{self.chat.offline} {grammar.hint(line)}")
        else:
            answer = ask(self.desk_console, line)
            if answer.action is None:
                self._show(line, answer.text)
            else:
                self._say(line, answer.text)
                self.propose(answer.action)

    def _show(self, line: str, text: str) -> None:
        self._say(line, text)
        if self.front is not None:
            self.front.show_answer(line, text)

    def _say(self, line: str, text: str) -> None:
        said = (("operator", line), ("console", text))
        self.run_worker(lambda: self._note(said), thread=True, group="write", exit_on_error=False)

    def _note(self, said: Sequence[tuple[str, str]]) -> None:
        """Add lines to the conversation."""
        for role, text in said:
            self.desk_console.say(role, text)

    def _apply(self, line: str) -> None:
        """A proposal's line, typed here: code reads it, and no model ever does."""
        try:
            applied = self.chat.apply(line)
        except ProposalRefused as refused:
            self._show(without_code(line), str(refused))
            return
        self._show(without_code(line), applied.text)
        if applied.command is not None:
            self.propose(applied.command)

    def _converse(self, line: str) -> None:
        if self.chat.busy:
            self.notice("an answer is under way; escape cancels it", Level.WARNING)
            return
        self._asked_on = self.front
        if self._asked_on is not None:
            self._asked_on.follow_chat()
        self._talking = self.run_worker(self.chat.ask(line), group="chat", exit_on_error=False)

    async def _write_strategy(self) -> None:
        """The form, then a card on the chat's screen; escape ends the backtest in between."""
        fields = await asyncio.to_thread(strategy_fields)
        spec = await self.push_screen_wait(StrategyForm(fields, {}, self.chat.written))
        if spec is None:
            return
        self.notice("backtesting the strategy; escape cancels")
        try:
            proposal = await self.chat.author(spec)
        except TradetermError as error:
            self.notice(str(error), Level.WARNING)
            return
        self.notice(f"{proposal.id}: {proposal.title} is on a card")
        if not isinstance(self.front, ChatScreen):
            await self.switch_mode("chat")

    def stop_answer(self) -> bool:
        """Whether there was an answer, or the backtest of a strategy, under way to cancel."""
        if self._authoring is not None and self._authoring.is_running:
            self._authoring.cancel()
            self.notice("cancelled; there is no card")
            return True
        if self._talking is None or not self.chat.busy:
            return False
        self._talking.cancel()
        return True

    def _chat_moved(self) -> None:
        """Paint soon: text comes in small pieces, and each paint costs."""
        if self._chat_timer is None:
            self._chat_timer = self.set_timer(CHAT_PAINT_SECONDS, self._paint_chat)

    def _paint_chat(self) -> None:
        self._chat_timer = None
        front = self.front
        if front is not None and (front is self._asked_on or isinstance(front, ChatScreen)):
            with self.reading():
                front.show_chat(self.chat)
        if not self.chat.busy:
            self.catch_up()  # the whole answer is in the ledger now
            if self.chat.answer is not None and self.chat.answer.failure:
                self.notice(self.chat.answer.failure, Level.WARNING)

    def candidates(self, line: str) -> Sequence[str]:
        """Lines that would complete the typed one."""
        with self.reading():
            return complete(self.desk_console, line)
        return ()

    # Saying things

    def notice(self, text: str, level: Level = Level.CALM) -> None:
        """Say something on the bottom line for a few seconds."""
        self._notice_until = self._clock() + NOTICE_MS if text else 0
        if self.front is not None:
            self.front.notice(text, level)

    def copy(self, text: str) -> None:
        send = None if self.is_headless else self.copy_to_clipboard
        file = self.profile.root / "copied.txt"
        self.notice(clipboard.copy(text, send=send, environ=self._environ, file=file))

    # Leaving

    async def on_unmount(self) -> None:
        await self.chat.close()

    def leave(self, status: int) -> None:
        """End now, whatever is open: a signal came, or the terminal is gone."""
        signals.end_surely(status)
        self.exit(return_code=status)


def run_ui(
    profile: Profile, config: Config, console: Console, *, start_engine: Callable[[], None] | None = None
) -> int:
    """Show the console until the person leaves; returns the exit status of the process (128+n after a signal).

    `env.prepare` must have run before this module was imported.
    """
    app = TradetermApp(console, config, profile, start_engine=start_engine)
    app.run(mouse=config.ui.mouse)
    return app.return_code or 0
