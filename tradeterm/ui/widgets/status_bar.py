"""The bar that is always there: mode, state, money, risk, ages. Fits any width, the least important part goes first."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from msgspec import Struct

from tradeterm.domain.states import BookState, BreakerLevel, GateState, Mode, TradingState, VenueState, WorkerState
from tradeterm.domain.view import BookView, DeskView, FeedView, LimitView, ReplayView, VenueView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.plain import plain
from tradeterm.ui.venues import each_once, first_words, in_trouble, is_play_money, skew_words
from tradeterm.ui.widgets.gauge import bar, tone_of, used, value_text
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, Span, clipped, glyphs_of, line_width

TWO_LINES_BELOW = 100
_GAP = 2
_HEARTBEATS_MISSED = 5
_DETAIL_CELLS = 28
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
    mode: Mode | None = None,
) -> list[Line]:
    """The bar's lines. `now` is the machine's clock in ms; `note` replaces the view while there is none, and `mode`,
    the configured one, then says LIVE already."""
    if view is None:
        badge = _badge(Mode.LIVE) if mode is Mode.LIVE else (" tradeterm ", "alert")
        return [clipped((badge, (" " + (note or "no engine yet"), "muted")), width, glyphs.ellipsis)]
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
    money = fmt.money(view.equity, view.currency)
    day_money = _signed(fmt.signed_money(view.day_pnl, view.currency))
    day_return = _signed(fmt.signed_percent(view.day_return))
    return [
        Part(0, _mode_and_state(view)),
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
    """Risk bars and ages, for narrow terminals: a bar is the used part of the limit, the number beside it the value."""
    parts = []
    for rank, wanted in enumerate(_BAR_LIMITS, start=2):
        limit = _worst(view, wanted)
        if limit is not None:
            part = used(limit.value, limit.limit)
            value = (value_text(limit), tone_of(part))
            name = (plain(limit.name).lower() + " ", "muted")
            bars = tuple((name, *bar(part, length, glyphs), (" ", ""), value) for length in (10, 7, 5))
            parts.append(Part(rank if part is not None else 20 + rank, bars))
    return [*parts, *_ages(view)]


def _worst(view: DeskView, name: str) -> LimitView | None:
    """The most used limit of that name over all books."""
    named = [limit for limit in view.limits if limit.name.lower().startswith(name)]
    return max(named, key=lambda limit: used(limit.value, limit.limit) or 0.0, default=None)


def _mode_and_state(view: DeskView) -> tuple[Line, ...]:
    badge, state, reason = _badge(view.mode), _state(view), _state_reason(view)
    wordings: tuple[Line, ...] = ((badge, (" ", ""), state, *reason), (badge, (" ", ""), state))
    if view.mode is not Mode.LIVE:
        return wordings
    return ((badge, ("REAL MONEY ", "live"), (" ", ""), state, *reason), *wordings)


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
    refusing = [venue for venue in each_once(view.venues) if venue.state in _REFUSING]
    parts += [part for venue in refusing for part in _refusing(venue)]
    if view.gate.state is not GateState.UP:
        down = view.gate.state is GateState.DOWN
        words = f"AI {view.gate.state.value}"
        parts.append(_shout(1 if down else 2, words, words, "alarm" if down else "alert"))
        parts.append(Part(8, (((first_words(view.gate.detail, _DETAIL_CELLS), "warn"),),)))
    ill = next((worker for worker in view.workers if worker.state is not WorkerState.RUNNING), None)
    if ill is not None:
        words = f"{ill.worker.value} {ill.state.value}"
        parts.append(_shout(2, f"worker {words}", words, "alert"))
    return parts


_REFUSING = {VenueState.BLOCKED: (1, "alarm"), VenueState.RESTRICTED: (2, "alert")}


def _refusing(venue: VenueView) -> list[Part]:
    """A venue that takes nothing, or only what reduces: its state, and the first words of why; the banner has all."""
    rank, tone = _REFUSING[venue.state]
    state = f"{plain(venue.venue)} {venue.state.value}"
    why = tuple(((first_words(venue.detail, cells), "warn"),) for cells in (_DETAIL_CELLS, _DETAIL_CELLS // 2))
    return [_shout(rank, state, state, tone), *([Part(8, why)] if venue.detail else [])]


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
    parts += [*_venues(view), *_streams(view)]
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


def _venues(view: DeskView) -> list[Part]:
    """Each venue that is not shouted about already, the gravest first, and a clock that is wrong."""
    parts = []
    venues = each_once(view.venues)
    quiet = [venue for venue in venues if venue.state not in _REFUSING]
    if quiet:
        words = tuple(span for venue in quiet for span in ((" " * _GAP, ""), *_venue(view, venue)))[1:]
        ready = quiet[0].state is VenueState.READY
        parts.append(Part(10 if ready else 5, (words, _venue(view, quiet[0]))))
    wrong = max((venue for venue in venues if venue.skew_ms is not None), key=_skew, default=None)
    if wrong is not None and (words_of_clock := skew_words(wrong.skew_ms)):
        parts.append(Part(4, (((words_of_clock, "warn strong"),),)))
    return parts


def _skew(venue: VenueView) -> float:
    return abs(venue.skew_ms or 0.0)


def _venue(view: DeskView, venue: VenueView) -> Line:
    name = (plain(venue.venue) + " ", "muted")
    if venue.state is not VenueState.READY:
        return (name, (venue.state.value, "warn strong"))
    if venue.simulated:
        return (name, ("simulated", "muted"))
    latency = ("ok" if venue.latency_ms is None else fmt.duration(venue.latency_ms), "")
    return (name, latency, (" play money", "muted")) if is_play_money(view, venue) else (name, latency)


def _streams(view: DeskView) -> list[Part]:
    ill = in_trouble(view.streams)
    if not ill:
        return []
    counted = ((f"{len(ill)} stream{'s' * (len(ill) > 1)} in trouble", "warn strong"),)
    one = ((f"{plain(ill[0].name)} {first_words(ill[0].detail, _DETAIL_CELLS)}", "warn strong"),)
    return [Part(6, (one, counted) if len(ill) == 1 else (counted,))]


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

    def __init__(
        self, *, tz: tzinfo = UTC, mode: Mode | None = None, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._tz = tz
        self._mode = mode
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
        return status_lines(
            self._view,
            self._now,
            width,
            height,
            tz=self._tz,
            glyphs=glyphs_of(self),
            note=self._note,
            mode=self._mode,
        )
