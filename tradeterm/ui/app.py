"""The full-screen console: screens, keys, themes and the one timer that looks at the engine."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any, ClassVar

from textual import on, work
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tradeterm.assistant.ask import Confirm, Proposed, ask, complete
from tradeterm.config import Config
from tradeterm.console.protocol import Console
from tradeterm.domain.errors import TradetermError
from tradeterm.domain.states import CommandVerb
from tradeterm.profile import Profile
from tradeterm.ui import clipboard, controls, glyphs, quit, signals
from tradeterm.ui.actions import ACTIONS, find_action
from tradeterm.ui.keymap import Keymap, framework_key, resolve
from tradeterm.ui.messages import LineAsked
from tradeterm.ui.modals.choice import Choice, ChoiceModal
from tradeterm.ui.modals.help import HelpModal
from tradeterm.ui.modals.typed_confirm import TypedConfirmModal
from tradeterm.ui.model import Level, Scene, judge, refusal
from tradeterm.ui.palette import ActionCommands
from tradeterm.ui.plain import plain
from tradeterm.ui.poller import Poller
from tradeterm.ui.screens.base import ConsoleScreen
from tradeterm.ui.screens.chat import ChatScreen
from tradeterm.ui.screens.desk import DeskScreen
from tradeterm.ui.screens.journal import JournalScreen
from tradeterm.ui.screens.orders import OrdersScreen
from tradeterm.ui.screens.research import ResearchScreen
from tradeterm.ui.screens.risk import RiskScreen
from tradeterm.ui.screens.signals import SignalsScreen
from tradeterm.ui.themed_app import ThemedApp
from tradeterm.ui.tracker import News, Tracker

NOTICE_MS = 8_000
WARM_AFTER_SECONDS, WARM_EVERY_SECONDS = 1.5, 0.4


# All at once: parsing again for the first look at a screen would cost a visible pause.
_STYLED_SCREENS = ("desk", "signals", "orders", "risk", "research", "journal", "chat")
STYLES: list[str | PurePath] = [
    Path(__file__).parent / name
    for name in ("app.tcss", "modals/modals.tcss", *(f"screens/{screen}.tcss" for screen in _STYLED_SCREENS))
]


def wall_clock() -> int:
    return time.time_ns() // 1_000_000


def _bindings() -> list[BindingType]:
    """One binding an action, with its id, so that the keymap can move it. Widgets bind their own local keys."""
    bound: list[BindingType] = [Binding("ctrl+c", "do('app.quit')", "Quit", show=False, system=True)]
    for action in ACTIONS:
        if not action.local:
            keys = ",".join(framework_key(key) for key in action.keys)
            deed = "command_palette" if action.id == "app.palette" else f"do('{action.id}')"
            bound.append(Binding(keys, deed, action.label, show=False, id=action.id, priority=action.priority))
    return bound


class TradetermApp(ThemedApp, inherit_bindings=False):
    """A face on one engine. It reads the console, sends commands, and holds nothing that could be lost.

    `clock` is the machine's time in ms; `start_engine` launches an engine for this profile or raises TradetermError;
    with `polling` off nothing moves until `catch_up` is called.
    """

    CSS_PATH: ClassVar = STYLES
    TITLE = "tradeterm"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny-width"), (60, "-narrow"), (100, "-two"), (160, "-three")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny-height"), (15, "-short"), (30, "-tall")]  # noqa: RUF012
    COMMANDS: ClassVar = {ActionCommands}
    BINDINGS: ClassVar[list[BindingType]] = _bindings()
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
        super().__init__(config.ui.theme, profile.config_home / "themes")
        self.desk_console, self.config, self.profile = console, config, profile
        self.keymap: Keymap = resolve(ACTIONS, config.keys)
        self.glyphs = glyphs.choose(config.ui.glyphs, environ, "utf-8")
        self.scene: Scene = judge(None, False, clock())
        self._clock, self._polling, self._start_engine, self._environ = clock, polling, start_engine, environ
        self._poller, self._tracker = Poller(console, clock), Tracker()
        self._notice_until = 0
        self._going_flat = False
        self._warmed = {self.DEFAULT_MODE}
        self.animation_level = "none"
        self.set_keymap(self.keymap.for_textual())

    def on_mount(self) -> None:
        if not self.is_headless:
            signals.install(self.leave)
        if self._polling:
            self.set_interval(1 / self.config.ui.paint_rate, self._tick)

        if self._polling:
            self.set_timer(WARM_AFTER_SECONDS, self._warm)

    async def _warm(self) -> None:
        """Build one more screen behind the scenes, so that the first look at it is as quick as every later one."""
        here = self.current_mode
        cold = next((mode for mode in self.MODES if mode not in self._warmed), None)
        if cold is None or len(self.screen_stack) > 1:
            return
        self._warmed.add(cold)
        if cold != here:
            with self.batch_update():
                await self.switch_mode(cold)
                await self.switch_mode(here)
        self.set_timer(WARM_EVERY_SECONDS, self._warm)

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
        for news in self._tracker.follow(self.desk_console, self._clock()) if self._tracker.waiting else ():
            self._tell(news)
        self.reload_themes(self._clock())

    def catch_up(self) -> None:
        """Paint everything once: a screen that was hidden, a pane that was frozen, a test."""
        self._paint(everything=True)

    def _paint(self, *, everything: bool) -> None:
        look = self._poller.look(everything=everything)
        self.scene = look.scene
        front = self.front
        if front is None or not front.is_mounted or not look.anything:
            return
        with self.batch_update():
            front.paint(look)
            if self._notice_until and self._clock() > self._notice_until:
                self._notice_until = 0
                front.notice("")
        if self._going_flat and quit.is_flat(self.scene):
            self._send(Proposed(verb=CommandVerb.SHUTDOWN, consequence=""))
            self.exit()

    # Doing things

    def unavailable(self, action: str) -> str | None:
        """Why an action cannot be done now; "" when it can, None for one that has no place here at all."""
        front = self.front
        replay = self.scene.view.replay if self.scene.view is not None else None
        if action.startswith("replay.") and (replay is None or (action == "replay.again") is not replay.finished):
            return None
        position, book = (front.selected_position(), front.selected_book()) if front is not None else ("", "")
        return refusal(action, self.scene, position, book)

    def action_do(self, action: str) -> None:
        """Do an action of the action table, or say in words why not."""
        front = self.front
        if front is None:
            return
        position, book = front.selected_position(), front.selected_book()
        reason = refusal(action, self.scene, position, book)
        area, _, verb = action.partition(".")
        if reason:
            self.notice(f"{find_action(action).label}: {reason}", Level.WARNING)
        elif area == "screen":
            self.switch_mode(verb)
        elif action == "engine.start" and not self.scene.running:
            self._launch()
        elif area in ("engine", "book", "position", "replay"):
            self.propose(controls.propose(action, self.scene, position, book))
        elif action == "app.keys":
            reasons = {known.id: refusal(known.id, self.scene, position, book) for known in ACTIONS}
            self.push_screen(HelpModal(self.keymap, front.ABOUT, reasons))
        elif action == "app.theme":
            self.notice(f"theme {self.next_theme()}")
        elif action == "app.quit":
            self._quit()
        elif refused := front.perform(action):
            self.notice(f"{find_action(action).label}: {refused}", Level.WARNING)

    def propose(self, proposed: Proposed) -> None:
        """Ask what has to be asked, then send."""
        words = controls.words(proposed)
        title = words[0].upper() + words[1:]
        lines = [proposed.consequence]
        if proposed.confirm is Confirm.TYPED:
            self.push_screen(
                TypedConfirmModal(title, lines, controls.KILL_WORD, clock=self._clock),
                lambda sure: self._send(proposed) if sure else None,
            )
        elif proposed.confirm is Confirm.YES:
            deed = Choice("yes", title, danger=proposed.verb in (CommandVerb.FLATTEN, CommandVerb.RESUME))
            self.push_screen(
                ChoiceModal(title, lines, [Choice("cancel", "Cancel"), deed], clock=self._clock),
                lambda chosen: self._send(proposed) if chosen else None,
            )
        else:
            self._send(proposed)

    def _send(self, proposed: Proposed) -> None:
        command = self.desk_console.send(
            proposed.verb, book=proposed.book, instrument=proposed.instrument, argument=proposed.argument
        )
        self._tell(self._tracker.add(command, controls.words(proposed), self._clock()))

    @work(thread=True, group="launch", exclusive=True, exit_on_error=False)
    def _launch(self) -> None:
        if self._start_engine is None:
            self.call_from_thread(
                self.notice, "an engine cannot be started from here; leave, and open `tradeterm` again", Level.WARNING
            )
            return
        self.call_from_thread(self.notice, "starting the engine", Level.CALM)
        try:
            self._start_engine()
        except TradetermError as error:
            self.call_from_thread(self.notice, str(error), Level.DANGER)

    @on(LineAsked)
    def _line_asked(self, message: LineAsked) -> None:
        answer = ask(self.desk_console, message.line)
        self.desk_console.say("operator", message.line)
        self.desk_console.say("console", answer.text)
        if answer.action is not None:
            self.propose(answer.action)
        elif self.front is not None:
            self.front.show_answer(message.line, answer.text)
            self.catch_up()

    def candidates(self, line: str) -> Sequence[str]:
        return complete(self.desk_console, line)

    # Saying things

    def _tell(self, news: News) -> None:
        self.notice(news.text, news.level)
        if news.level is Level.DANGER:
            self.notify(plain(news.text), title="Alert", severity="error", timeout=15, markup=False)

    def notice(self, text: str, level: Level = Level.CALM) -> None:
        """Say something on the bottom line for a few seconds."""
        self._notice_until = self._clock() + NOTICE_MS
        if self.front is not None:
            self.front.notice(text, level)

    def copy(self, text: str) -> None:
        send = None if self.is_headless else self.copy_to_clipboard
        file = self.profile.root / "copied.txt"
        self.notice(clipboard.copy(text, send=send, environ=self._environ, file=file))

    # Leaving

    def _quit(self) -> None:
        if not quit.needs_asking(self.scene):
            self.exit()
            return
        title, lines, choices = quit.question(self.scene)
        dialog = ChoiceModal(title, lines, choices, clock=self._clock, stacked=True)
        self.push_screen(dialog, self._quit_chosen)

    def _quit_chosen(self, chosen: str | None) -> None:
        if chosen == quit.STOP:
            self._send(Proposed(verb=CommandVerb.STOP, consequence=""))
        elif chosen == quit.END:
            self._send(Proposed(verb=CommandVerb.SHUTDOWN, consequence=""))
        elif chosen == quit.FLATTEN:
            self._send(Proposed(verb=CommandVerb.STOP, consequence=""))
            self._send(controls.flatten_all(self.scene))
            self._going_flat = True
            self.notice("closing everything; the console ends when the desk is flat", Level.WARNING)
            return
        if chosen is not None:
            self.exit()

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
