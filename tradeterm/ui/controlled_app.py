"""An app that asks before it sends a command, sends it, and follows it to its answer."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from textual import on
from textual.worker import Worker, WorkerState

from tradeterm.assistant.ask import Confirm, Proposed
from tradeterm.console.protocol import Console
from tradeterm.domain.errors import TradetermError
from tradeterm.domain.states import CommandVerb
from tradeterm.ui import controls, quit
from tradeterm.ui.modals.choice import Choice, ChoiceModal
from tradeterm.ui.modals.typed_confirm import TypedConfirmModal
from tradeterm.ui.model import Level, Scene, judge
from tradeterm.ui.plain import plain
from tradeterm.ui.themed_app import ThemedApp
from tradeterm.ui.tracker import News, Tracker

_DANGEROUS = (CommandVerb.FLATTEN, CommandVerb.RESUME, CommandVerb.RECOVER, CommandVerb.OVERRIDE)


class ControlledApp(ThemedApp, inherit_bindings=False):
    """`scene` is the latest look at the desk. Nothing that writes runs on the loop: a busy ledger must not hold the
    screen up."""

    def __init__(
        self,
        console: Console,
        clock: Callable[[], int],
        start_engine: Callable[[], None] | None,
        theme: str,
        user_themes: Path,
    ) -> None:
        super().__init__(theme, user_themes)
        self.desk_console = console
        self.scene: Scene = judge(None, False, clock())
        self._clock = clock
        self._start_engine = start_engine
        self._tracker = Tracker()
        self._going_flat = False

    def notice(self, text: str, level: Level = Level.CALM) -> None:
        """Say something where the person looks."""
        raise NotImplementedError

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Around whatever reads the console: a ledger that cannot be read is said, and does not end the screen."""
        try:
            yield
        except TradetermError as error:
            self.notice(str(error), Level.DANGER)

    def _tell(self, news: News) -> None:
        self.notice(news.text, news.level)
        if news.level is Level.DANGER:
            self.notify(plain(news.text), title="Alert", severity="error", timeout=15, markup=False)

    def follow_commands(self) -> None:
        """Say what became of commands since the last call, and leave once the desk is flat if that was wanted."""
        for news in self._tracker.follow(self.desk_console, self._clock()) if self._tracker.waiting else ():
            self._tell(news)
        if self._going_flat and quit.is_flat(self.scene):
            self._going_flat = False
            self._send(controls.SHUTDOWN, leave=True)

    # Asking and sending

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
            deed = Choice("yes", title, danger=proposed.verb in _DANGEROUS)
            self.push_screen(
                ChoiceModal(title, lines, [Choice("cancel", "Cancel"), deed], clock=self._clock),
                lambda chosen: self._send(proposed) if chosen else None,
            )
        else:
            self._send(proposed)

    def _send(self, *commands: Proposed, leave: bool = False) -> None:
        """Write commands in order, then leave if wanted. Off the loop: a busy ledger must not hold the screen up."""
        self.run_worker(lambda: self._deliver(commands, leave), thread=True, group="write", exit_on_error=False)

    def _deliver(self, commands: Sequence[Proposed], leave: bool) -> None:
        for proposed in commands:
            words = controls.words(proposed)
            try:
                command = self.desk_console.send(
                    proposed.verb,
                    book=proposed.book,
                    instrument=proposed.instrument,
                    argument=proposed.argument,
                    reason=proposed.reason,
                )
            except TradetermError as error:
                self.call_from_thread(self._tell, News(f"{words} was not sent: {error}", Level.DANGER))
                return
            self.call_from_thread(self._sent, command, words)
        if leave:
            self.call_from_thread(self.exit)

    def _sent(self, command: int, words: str) -> None:
        self._tell(self._tracker.add(command, words, self._clock()))

    def _launch(self) -> None:
        """Start an engine, which takes a moment, in a worker."""
        start = self._start_engine
        if start is None:
            self.notice("an engine cannot be started from here; leave, and open `tradeterm` again", Level.WARNING)
            return
        self.notice("starting the engine")
        self.run_worker(start, thread=True, group="launch", exclusive=True, exit_on_error=False)

    @on(Worker.StateChanged)
    def _worker_changed(self, event: Worker.StateChanged) -> None:
        """What goes wrong in a worker is said, whatever it is."""
        if event.state is WorkerState.ERROR:
            self._tell(News(str(event.worker.error), Level.DANGER))

    # Leaving

    def _quit(self) -> None:
        if not quit.needs_asking(self.scene):
            self.exit()
            return
        title, lines, choices = quit.question(self.scene)
        dialog = ChoiceModal(title, lines, choices, clock=self._clock, stacked=True)
        self.push_screen(dialog, self._quit_chosen)

    def _quit_chosen(self, chosen: str | None) -> None:
        if chosen == quit.LEAVE:
            self.exit()
        elif chosen == quit.STOP:
            self._send(controls.STOP, leave=True)
        elif chosen == quit.END:
            self._send(controls.SHUTDOWN, leave=True)
        elif chosen == quit.FLATTEN:
            self._send(controls.STOP, controls.flatten_all(self.scene))
            self._going_flat = True
