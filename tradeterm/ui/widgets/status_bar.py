"""The bar that is always there: mode, state, money, risk, ages. Fits any width, the least important part goes first."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from msgspec import Struct

from tradeterm.domain.states import BookState, BreakerLevel, Mode, TradingState, VenueState, WorkerState
from tradeterm.domain.view import BookView, DeskView, FeedView, LimitView, ReplayView, VenueView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.plain import plain
from tradeterm.ui.widgets.gauge import bar, tone_of, used
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, Span, clipped, glyphs_of, line_width

TWO_LINES_BELOW = 100
_GAP = 2
_HEARTBEATS_MISSED = 5
_BAR_LIMITS = ("daily", "exposure", "drawdown", "var")


class Part(Struct, frozen=True):
    """A piece of the bar: fallbacks from longest to shortest wording, dropped by falling `rank` (0 always stays)."""

    rank: int
    wordings: tuple[Line, ...]


def status_lines(
    view: DeskView | None,
    now: int,
    width: int,
    height: int,
    *,
    tz: tzinfo = UTC,
    glyphs: Glyphs = UNICODE,
    note: str = "",
) -> list[Line]:
    """The bar's lines. `now` is the machine's clock in ms; `note` replaces the view while there is none."""
    if view is None:
        return [clipped(((" tradeterm ", "alert"), (" " + (note or "no engine yet"), "muted")), width, glyphs.ellipsis)]
    lines = [joined(_first_line(view, now, tz, glyphs, height > 1), width, glyphs)]
    if height > 1:
        lines.append(joined(_second_line(view, glyphs), width, glyphs))
    return lines


def joined(parts: Sequence[Part], width: int, glyphs: Glyphs = UNICODE) -> Line:
    """The parts in their order, in one line: by rank as many as fit in their shortest wording, then longer wordings."""
    by_rank = sorted((at for at, part in enumerate(parts) if part.wordings[0]), key=lambda at: parts[at].rank)
    chosen: dict[int, Line] = {}
    room = width + _GAP
    for at in by_rank:
        shortest = parts[at].wordings[-1]
        if parts[at].rank == 0 or line_width(shortest) + _GAP <= room:
            chosen[at] = shortest
            room -= line_width(shortest) + _GAP
    for at in (at for at in by_rank if at in chosen):
        spare = room + line_width(chosen[at])
        chosen[at] = next((words for words in parts[at].wordings if line_width(words) <= spare), chosen[at])
        room = spare - line_width(chosen[at])
    spans = [span for at in sorted(chosen) for span in ((" " * _GAP, ""), *chosen[at])]
    return clipped(spans[1:], width, glyphs.ellipsis)


def _first_line(view: DeskView, now: int, tz: tzinfo, glyphs: Glyphs, short: bool) -> list[Part]:
    badge, state, money = _badge(view.mode), _state(view), fmt.money(view.equity, view.currency)
    day_money = _signed(fmt.signed_money(view.day_pnl, view.currency))
    day_return = _signed(fmt.signed_percent(view.day_return))
    return [
        Part(0, ((badge, (" ", ""), state, *_state_reason(view)), (badge, (" ", ""), state))),
        *_trouble(view, now),
        Part(3, ((("equity ", "muted"), (money, "bold")), ((money, "bold"),))),
        Part(4, ((("day ", "muted"), day_money, (" ", ""), day_return), (("day ", "muted"), day_return))),
        Part(6, ((("drawdown ", "muted"), _drawdown(view)), (("dd ", "muted"), _drawdown(view)))),
        _breaker(view),
        *(() if short else _ages(view)),
        *_books(view),
        _clock(view, now, tz, glyphs),
    ]


def _second_line(view: DeskView, glyphs: Glyphs) -> list[Part]:
    """Risk bars and ages, for narrow terminals."""
    parts = []
    for rank, wanted in enumerate(_BAR_LIMITS, start=2):
        limit = _worst(view, wanted)
        if limit is not None:
            part = used(limit.value, limit.limit)
            percent = (fmt.percent(part, 0), tone_of(part))
            name = (plain(limit.name).lower() + " ", "muted")
            bars = tuple((name, *bar(part, length, glyphs), (" ", ""), percent) for length in (10, 7, 5))
            parts.append(Part(rank if part is not None else 20 + rank, bars))
    return [*parts, *_ages(view)]


def _worst(view: DeskView, name: str) -> LimitView | None:
    """The most used limit of that name over all books."""
    named = [limit for limit in view.limits if limit.name.lower().startswith(name)]
    return max(named, key=lambda limit: used(limit.value, limit.limit) or 0.0, default=None)


def _badge(mode: Mode) -> Span:
    return f" {mode.value.upper()} ", mode.value


def _state(view: DeskView) -> Span:
    if view.stopping:
        return "STOPPING", "warn strong"
    if view.kill_pending:
        return "KILLING", "danger"
    tones = {TradingState.ACTIVE: "up strong", TradingState.REDUCING: "warn strong", TradingState.HALTED: "alarm"}
    word = view.trading_state.value
    return (f" {word} " if view.trading_state is TradingState.HALTED else word), tones[view.trading_state]


def _state_reason(view: DeskView) -> Line:
    reason = plain(view.trading_reason)
    return ((" " + reason[:40], "muted"),) if reason and view.trading_state is not TradingState.ACTIVE else ()


def _trouble(view: DeskView, now: int) -> list[Part]:
    """What must never be overlooked: it stays as long as anything does."""
    parts = []
    silent = now - view.wall_ts
    if silent > _HEARTBEATS_MISSED * view.heartbeat_ms:
        parts.append(_shout(0, f"ENGINE SILENT {fmt.age(silent)}", f"SILENT {fmt.age(silent)}", "alarm"))
    if view.unprotected:
        parts.append(_shout(1, f"{view.unprotected} UNPROTECTED", f"{view.unprotected} UNPROT.", "alarm"))
    if view.unknown_orders:
        parts.append(_shout(1, f"{view.unknown_orders} UNKNOWN", f"{view.unknown_orders} UNKNOWN", "alert"))
    ill = next((worker for worker in view.workers if worker.state is not WorkerState.RUNNING), None)
    if ill is not None:
        words = f"{ill.worker.value} {ill.state.value}"
        parts.append(_shout(2, f"worker {words}", words, "alert"))
    return parts


def _shout(rank: int, words: str, short: str, tone: str) -> Part:
    return Part(rank, (((f" {words} ", tone),), ((f" {short} ", tone),)))


def _signed(text: str) -> Span:
    return text, "up" if text.startswith("+") else "down" if text.startswith("-") else ""


def _drawdown(view: DeskView) -> Span:
    """Red or amber as it nears its limit; quiet before."""
    text = fmt.percent(-abs(view.drawdown))
    limit = _worst(view, "drawdown")
    tone = tone_of(used(limit.value, limit.limit)) if limit is not None else ""
    return text, tone if tone in ("warn", "danger") else ""


def _breaker(view: DeskView) -> Part:
    tones = {BreakerLevel.CLOSED: "up", BreakerLevel.ALERT: "warn strong", BreakerLevel.THROTTLE: "warn strong"}
    level = (view.breaker.value, tones.get(view.breaker, "alarm"))
    return Part(7 if view.breaker is BreakerLevel.CLOSED else 2, ((("breaker ", "muted"), level),))


def _books(view: DeskView) -> list[Part]:
    if not view.books:
        return []
    words = [span for book in view.books for span in ((" ", ""), _book(book))][1:]
    stopped = sum(book.state is not BookState.RUNNING for book in view.books)
    running = len(view.books) - stopped
    counts = f"{len(view.books)} books" if not stopped else f"{running}/{len(view.books)} books running"
    return [Part(9, (tuple(words), ((counts, "warn" if stopped else "muted"),)))]


def _book(book: BookView) -> Span:
    name = plain(book.book)
    return (name, "muted") if book.state is BookState.RUNNING else (f"{name} {book.state.value}", "warn")


def _ages(view: DeskView) -> list[Part]:
    parts = []
    stale = [feed for feed in view.feeds if feed.stale]
    if view.feeds:
        parts.append(Part(5 if stale else 8, (_feed(view.feeds, stale, view),)))
    if view.venues:
        worst = next((venue for venue in view.venues if venue.state is not VenueState.READY), view.venues[0])
        words = tuple(span for venue in view.venues for span in ((" " * _GAP, ""), *_venue(venue)))[1:]
        parts.append(Part(5 if worst.state is not VenueState.READY else 10, (words, _venue(worst))))
    if not view.unprotected:
        parts.append(Part(11, ((("0 unprotected", "muted"),), (("0 unprot.", "muted"),))))
    return parts


def _feed(feeds: Sequence[FeedView], stale: Sequence[FeedView], view: DeskView) -> Line:
    if len(stale) == len(feeds):
        return (("data STALE", "stale strong"),)
    if stale:
        return ((f"{len(stale)} of {len(feeds)} STALE", "stale strong"),)
    newest = max(feed.ts_last for feed in feeds)
    return (("data ", "muted"), (fmt.age(view.ts - newest), ""))


def _venue(venue: VenueView) -> Line:
    name = plain(venue.venue)
    if venue.state is not VenueState.READY:
        return ((name + " ", "muted"), (venue.state.value, "warn strong"))
    if venue.simulated:
        return ((name + " ", "muted"), ("simulated", "muted"))
    return ((name + " ", "muted"), ("ok" if venue.latency_ms is None else fmt.duration(venue.latency_ms), ""))


def _clock(view: DeskView, now: int, tz: tzinfo, glyphs: Glyphs) -> Part:
    """The time; in a replay the recording's, with its speed, since that is the time all numbers belong to."""
    if view.replay is None:
        clock = fmt.clock(now, tz)
        return Part(5, (((f"{clock} {fmt.zone_name(tz, now)}", "muted"),), ((clock, "muted"),)))
    replay = view.replay
    speed = _speed(replay, glyphs)
    time = (f"{fmt.short_clock(replay.ts_now, tz)} ", "bright")
    recorded = (f"{fmt.day(replay.ts_now, tz)} {time[0]}", "bright")
    through = used(replay.ts_now - replay.ts_start, replay.ts_end - replay.ts_start)
    done = "" if through is None or replay.finished else f" {min(1.0, through):.0%}"
    return Part(2, ((("recorded ", "muted"), recorded, speed, (done, "muted")), (recorded, speed), (time, speed)))


def _speed(replay: ReplayView, glyphs: Glyphs) -> Span:
    if replay.finished:
        return "FINISHED", "accent strong"
    if replay.paused:
        return glyphs.pause + " PAUSED", "warn strong"
    return f"{glyphs.play} " + ("max speed" if replay.speed == 0 else f"{replay.speed:,.0f}x"), "accent"


class StatusBar(Painted):
    """One line, or two in narrow terminals. `update_view` on every poll; it repaints only what changed."""

    DEFAULT_CSS = "StatusBar { height: 1; background: $panel; color: $foreground; dock: top; }"

    def __init__(self, *, tz: tzinfo = UTC, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._tz = tz
        self._view: DeskView | None = None
        self._now = 0
        self._note = ""

    def update_view(self, view: DeskView | None, now: int, note: str = "") -> None:
        """Show a view at the machine's time `now` (ms); without one, `note` says why."""
        self._view, self._now, self._note = view, now, note
        self._fit_height()
        self.repaint()

    def on_resize(self) -> None:
        self._fit_height()

    def _fit_height(self) -> None:
        """Two lines where one is too short for the risk, unless the terminal is tiny."""
        screen = self.app.size
        wanted = 2 if self._view is not None and screen.width < TWO_LINES_BELOW and screen.height >= 15 else 1
        if self.styles.height is None or self.styles.height.value != wanted:
            self.styles.height = wanted

    def paint(self, width: int, height: int) -> Sequence[Line]:
        return status_lines(self._view, self._now, width, height, tz=self._tz, glyphs=glyphs_of(self), note=self._note)
