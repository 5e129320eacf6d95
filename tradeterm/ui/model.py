"""What the screens know of the world at one moment, and what follows from it. Pure: no console, no clock, no widget."""

from enum import StrEnum

from msgspec import Struct

from tradeterm.domain.states import BookState, BreakerLevel, GateState, Mode, TradingState, VenueState, WorkerState
from tradeterm.domain.view import BookView, DeskView, PositionView
from tradeterm.ui import fmt
from tradeterm.ui.plain import plain
from tradeterm.ui.venues import each_once, first_words, sentence

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
    """Age in ms of the market data (of one instrument, or of the desk), and whether it is stale.

    The desk's data is as old as the oldest that is not stale; it is stale when all of it is. The engine's own silence
    counts: nothing a silent engine shows is fresh.
    """
    view = scene.view
    if view is None:
        return None, False
    feeds = [feed for feed in view.feeds if instrument in ("", feed.instrument)]
    if not feeds:
        return None, scene.engine is not Engine.LIVE
    fresh = [feed for feed in feeds if not feed.stale]
    heard = [feed for feed in fresh or feeds if feed.ts_last]
    if not heard:  # nothing has come yet
        return None, True
    age = max(view.ts - feed.ts_last for feed in heard)
    if scene.engine is not Engine.LIVE:
        return max(age, scene.silence_ms), True
    if view.replay is not None and view.replay.finished:
        return age, False
    return age, not fresh


def stale_part(scene: Scene) -> str:
    """Which part of the market data is stale while the rest is fresh: "LINKUSDT STALE", "2 of 6 STALE"; or nothing."""
    view = scene.view
    if view is None or (view.replay is not None and view.replay.finished):
        return ""
    stale = [feed for feed in view.feeds if feed.stale]
    if not stale or len(stale) == len(view.feeds):
        return ""
    return f"{stale[0].symbol if len(stale) == 1 else f'{len(stale)} of {len(view.feeds)}'} STALE"


_WHOLE_WHY, _SHORT_WHY = 200, 48  # cells for a reason that is alone in the line, and for one that shares it
_LOUDEST_FIRST = (Level.DANGER, Level.WARNING, Level.CALM)


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
    said: list[tuple[Level, str]] = []
    if scene.engine is Engine.SILENT:
        said.append((Level.DANGER, f"engine not answering (last heartbeat {fmt.age(scene.silence_ms)} ago)"))
    if view.kill_pending:
        said.append((Level.DANGER, "KILL under way: cancelling orders, closing positions"))
    venues = _venue_troubles(view)
    said += venues
    if not view.kill_pending and view.trading_state is not TradingState.ACTIVE:
        why = first_words(view.trading_reason, _SHORT_WHY) if venues else view.trading_reason
        level = Level.DANGER if view.trading_state is TradingState.HALTED else Level.WARNING
        said.append((level, f"{view.trading_state}{': ' if why else ''}{why}; {_way_out(view, resume_key)}"))
    if view.gate.state is not GateState.UP:
        down = view.gate.state is GateState.DOWN
        meanwhile = "no entries until `retry` or another configuration" if down else "some entries are blocked"
        said.append(
            (Level.DANGER if down else Level.WARNING, f"tier 2 {view.gate.state}, {meanwhile}: {view.gate.detail}")
        )
    said.extend(
        (
            Level.WARNING,
            f"{worker.worker} worker {worker.state}{f' ({worker.detail})' if worker.detail else ''}, "
            "no entries meanwhile",
        )
        for worker in view.workers
        if worker.state is not WorkerState.RUNNING and not view.stopping
    )
    if not said:
        return "", Level.CALM
    said.sort(key=lambda entry: _LOUDEST_FIRST.index(entry[0]))
    return " · ".join(text for _, text in said), said[0][0]


def _way_out(view: DeskView, resume_key: str) -> str:
    """What leads back to trading, with what has to be over before it is not refused."""
    if view.breaker is BreakerLevel.SHUTDOWN:
        return "`recover REASON` leads out once the breaker's cause is over"
    if view.breaker is BreakerLevel.HALT:
        return f"{resume_key} resumes once the breaker's cause is over"
    waiting = [venue.venue for venue in view.venues if venue.state not in (VenueState.READY, VenueState.RESTRICTED)]
    return f"{resume_key} resumes" + (f" once {plain(waiting[0])} is ready" if waiting else "")


def _venue_troubles(view: DeskView) -> list[tuple[Level, str]]:
    """The venues of an engine on live data; those of a recording come and go with it."""
    if view.replay is not None or view.stopping:
        return []
    levels = {VenueState.BLOCKED: Level.DANGER, VenueState.RECONCILING: Level.CALM, VenueState.CONNECTED: Level.CALM}
    ill = [venue for venue in each_once(view.venues) if venue.state is not VenueState.READY]
    alone = view.trading_state is TradingState.ACTIVE and len(ill) == 1
    cells = _WHOLE_WHY if alone else _SHORT_WHY
    return [(levels.get(venue.state, Level.WARNING), sentence(venue, cells)) for venue in ill]


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


def is_live(scene: Scene) -> bool:
    """Whether real money is traded."""
    return scene.view is not None and scene.view.mode is Mode.LIVE
