"""What the screens know of the world at one moment, and what follows from it. Pure: no console, no clock, no widget."""

from enum import StrEnum

from msgspec import Struct

from tradeterm.domain.states import BookState, Mode, TradingState, WorkerState
from tradeterm.domain.view import BookView, DeskView, PositionView
from tradeterm.ui import fmt

SILENT_AFTER_MS = 3_000


class Engine(StrEnum):
    """How the engine is doing, as far as a face can tell. ABSENT: none is there and none has been seen."""

    LIVE = "LIVE"
    SILENT = "SILENT"
    GONE = "GONE"
    ABSENT = "ABSENT"


class Level(StrEnum):
    """How loud a line is."""

    CALM = "calm"
    WARNING = "warning"
    DANGER = "danger"


class Scene(Struct, frozen=True):
    """One look at the desk. `wall` is the machine's clock in ms, `silence_ms` the age of the last heartbeat."""

    view: DeskView | None
    engine: Engine
    silence_ms: int
    wall: int

    @property
    def running(self) -> bool:
        return self.engine in (Engine.LIVE, Engine.SILENT)

    @property
    def now(self) -> int:
        """The desk's clock: recorded time in a replay."""
        return self.view.ts if self.view is not None else self.wall

    def position(self, key: str) -> PositionView | None:
        """The open position of the key "book/instrument"."""
        if self.view is None:
            return None
        return next((p for p in self.view.positions if position_key(p) == key), None)

    def book(self, name: str) -> BookView | None:
        """The book of that name; the first one where there is no name."""
        books = self.view.books if self.view is not None else ()
        return next((book for book in books if not name or book.book == name), None)


def judge(view: DeskView | None, alive: bool, wall: int) -> Scene:
    """Put a view and the engine's lock together into one picture."""
    silence = max(0, wall - view.wall_ts) if view is not None else 0
    if view is None:
        engine = Engine.LIVE if alive else Engine.ABSENT
    elif not alive:
        engine = Engine.GONE
    else:
        engine = Engine.SILENT if silence > max(SILENT_AFTER_MS, 3 * view.heartbeat_ms) else Engine.LIVE
    return Scene(view, engine, silence, wall)


# A halt or kill is not among them: it waits in the ledger and is obeyed at the engine's next start.
_NEED_ENGINE = ("engine.stop", "engine.resume", "book.pause", "position.flatten")


def position_key(position: PositionView) -> str:
    return f"{position.book}/{position.instrument}"


def data_age(scene: Scene, instrument: str = "") -> tuple[int | None, bool]:
    """Age in ms of the market data (of one instrument, or the oldest of all), and whether it is stale.

    The engine's own silence counts: nothing a silent engine shows is fresh.
    """
    view = scene.view
    if view is None:
        return None, False
    feeds = [feed for feed in view.feeds if instrument in ("", feed.instrument)]
    if not feeds:
        return None, scene.engine is not Engine.LIVE
    age = max(view.ts - feed.ts_last for feed in feeds)
    if scene.engine is not Engine.LIVE:
        return max(age, scene.silence_ms), True
    if view.replay is not None and view.replay.finished:
        return age, False
    return age, any(feed.stale for feed in feeds)


def banner(scene: Scene, start_key: str, resume_key: str) -> tuple[str, Level]:
    """The one line that must not be missed; empty while all is well. The gravest thing comes first."""
    view = scene.view
    if scene.engine is Engine.ABSENT:
        return f"no engine is running; {start_key} starts one", Level.WARNING
    if view is None:
        return "waiting for the engine's first view", Level.CALM
    if scene.engine is Engine.GONE:
        ago = fmt.age(scene.silence_ms)
        return f"the engine is gone (last heartbeat {ago} ago); {start_key} starts it again", Level.DANGER
    said: list[str] = []
    if scene.engine is Engine.SILENT:
        said.append(f"engine not answering (last heartbeat {fmt.age(scene.silence_ms)} ago)")
    if view.kill_pending:
        said.append("KILL under way: cancelling orders, closing positions")
    elif view.trading_state is not TradingState.ACTIVE:
        reason = f": {view.trading_reason}" if view.trading_reason else ""
        said.append(f"{view.trading_state}{reason}; {resume_key} resumes")
    said.extend(
        f"{worker.worker} worker {worker.state}{f' ({worker.detail})' if worker.detail else ''}, no entries meanwhile"
        for worker in view.workers
        if worker.state is not WorkerState.RUNNING and not view.stopping
    )
    if not said:
        return "", Level.CALM
    grave = scene.engine is Engine.SILENT or view.kill_pending or view.trading_state is TradingState.HALTED
    return " · ".join(said), Level.DANGER if grave else Level.WARNING


def refusal(action: str, scene: Scene, position: str = "", book: str = "") -> str:
    """Why an action cannot be done now, in one clause; empty when it can."""
    view = scene.view
    if action.startswith("replay."):
        return _replay_refusal(action, scene)
    if action in _NEED_ENGINE and not scene.running:
        return "no engine is running"
    if view is None:
        return "the engine has not shown itself yet" if action in ("book.pause", "position.flatten") else ""
    if action == "position.flatten":
        if scene.position(position) is None:
            return "no position is selected" if view.positions else "there is no open position"
    elif action == "book.pause" and scene.book(book) is None:
        return "there is no book"
    elif action == "engine.resume" and view.trading_state is TradingState.ACTIVE and not _paused(view):
        return "nothing is halted or paused"
    return ""


def _replay_refusal(action: str, scene: Scene) -> str:
    replay = scene.view.replay if scene.view is not None else None
    if replay is None:
        return "only a replay of recorded data has a speed"
    if action == "replay.again":
        return "" if replay.finished else "the recording is still playing"
    if not scene.running:
        return "no engine is running"
    return "the recording has ended" if replay.finished else ""


def _paused(view: DeskView) -> bool:
    return any(book.state is not BookState.RUNNING for book in view.books)


def is_demo(scene: Scene) -> bool:
    return scene.view is not None and scene.view.mode is Mode.DEMO
