"""The bar that is always there: mode, state, money, risk, ages. Fits any width, the least important part goes first."""

from collections.abc import Sequence
from datetime import UTC, tzinfo

from msgspec import Struct

from tradeterm.domain.states import BookState, BreakerLevel, Mode, TradingState, VenueState, WorkerState
from tradeterm.domain.view import BookView, DeskView, FeedView, ReplayView, VenueView
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.plain import plain
from tradeterm.ui.widgets.gauge import bar, tone_of, used
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, clipped, glyphs_of, line_width

TWO_LINES_BELOW = 100
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
        lines.append(joined(_second_line(view, now, glyphs), width, glyphs))
    return lines


def joined(parts: Sequence[Part], width: int, glyphs: Glyphs = UNICODE) -> Line:
    """The parts in one line: first shorter wordings, then fewer parts, until it fits."""
    chosen = [0] * len(parts)
    shown = list(range(len(parts)))

    def total() -> int:
        return sum(line_width(parts[at].wordings[chosen[at]]) for at in shown) + 2 * max(0, len(shown) - 1)

    while total() > width:
        shorter = [at for at in shown if chosen[at] + 1 < len(parts[at].wordings)]
        droppable = [at for at in shown if parts[at].rank > 0]
        if shorter:
            at = max(shorter, key=lambda at: parts[at].rank)
            worst = max(droppable, key=lambda at: parts[at].rank, default=at)
            if parts[worst].rank > parts[at].rank + 2:
                shown.remove(worst)
            else:
                chosen[at] += 1
        elif droppable:
            shown.remove(max(droppable, key=lambda at: parts[at].rank))
        else:
            break
    spans: list[tuple[str, str]] = []
    for at in shown:
        if spans:
            spans.append(("  ", ""))
        spans.extend(parts[at].wordings[chosen[at]])
    return clipped(spans, width, glyphs.ellipsis)


def _first_line(view: DeskView, now: int, tz: tzinfo, glyphs: Glyphs, short: bool) -> list[Part]:
    money = fmt.money(view.equity, view.currency)
    parts = [
        Part(
            0,
            (
                (_badge(view.mode), (" ", ""), _state(view), *_state_reason(view)),
                (_badge(view.mode), (" ", ""), _state(view)),
            ),
        ),
        *_trouble(view, now),
        Part(3, ((("equity ", "muted"), (money, "bold")), ((money, "bold"),))),
        Part(
            4,
            (
                (
                    ("day ", "muted"),
                    _signed(view.day_pnl, fmt.signed_money(view.day_pnl, view.currency)),
                    (" ", ""),
                    _signed(view.day_return, fmt.signed_percent(view.day_return)),
                ),
                (("day ", "muted"), _signed(view.day_return, fmt.signed_percent(view.day_return))),
            ),
        ),
        Part(6, ((("drawdown ", "muted"), _drawdown(view)), (("dd ", "muted"), _drawdown(view)))),
        Part(
            7,
            ((("breaker ", "muted"), _breaker(view)), (_breaker(view),))
            if view.breaker is not BreakerLevel.CLOSED
            else ((("breaker ", "muted"), _breaker(view)),),
        ),
        *(() if short else _ages(view, now, glyphs)),
        *_books(view),
        *_clock(view, now, tz, glyphs),
    ]
    return parts


def _second_line(view: DeskView, now: int, glyphs: Glyphs) -> list[Part]:
    """Risk bars and ages, for narrow terminals."""
    parts = []
    for rank, wanted in enumerate(_BAR_LIMITS, start=2):
        limit = next((limit for limit in view.limits if limit.name.lower().startswith(wanted)), None)
        if limit is not None:
            part = used(limit.value, limit.limit)
            percent = ("—" if part is None else f"{part:.0%}", tone_of(part))
            name = (plain(limit.name).lower() + " ", "muted")
            parts.append(
                Part(
                    rank,
                    (
                        (name, *bar(part, 8, glyphs), (" ", ""), percent),
                        (name, *bar(part, 5, glyphs), (" ", ""), percent),
                        (name, percent),
                    ),
                )
            )
    return [*parts, *_ages(view, now, glyphs)]


def _badge(mode: Mode) -> tuple[str, str]:
    return f" {mode.value.upper()} ", mode.value


def _state(view: DeskView) -> tuple[str, str]:
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
        parts.append(
            Part(0, (((f" ENGINE SILENT {fmt.age(silent)} ", "alarm"),), ((f" SILENT {fmt.age(silent)} ", "alarm"),)))
        )
    if view.unprotected:
        parts.append(
            Part(1, (((f" {view.unprotected} UNPROTECTED ", "alarm"),), ((f" {view.unprotected} UNPROT. ", "alarm"),)))
        )
    if view.unknown_orders:
        parts.append(Part(1, (((f" {view.unknown_orders} UNKNOWN ", "alert"),),)))
    ill = [worker for worker in view.workers if worker.state is not WorkerState.RUNNING]
    if ill:
        worker = ill[0]
        parts.append(
            Part(
                2,
                (
                    ((f" {worker.worker.value} worker {worker.state.value} ", "alert"),),
                    ((f" {worker.worker.value} {worker.state.value} ", "alert"),),
                ),
            )
        )
    return parts


def _signed(value: object, text: str) -> tuple[str, str]:
    return text, "up" if text.startswith("+") else "down" if text.startswith("-") else ""


def _drawdown(view: DeskView) -> tuple[str, str]:
    text = fmt.percent(-abs(view.drawdown))
    limit = next((limit for limit in view.limits if limit.name.lower().startswith("drawdown")), None)
    part = used(limit.value, limit.limit) if limit else None
    return text, "" if part is None or not view.drawdown else {"up": ""}.get(tone_of(part), tone_of(part))


def _breaker(view: DeskView) -> tuple[str, str]:
    tones = {BreakerLevel.CLOSED: "up", BreakerLevel.ALERT: "warn strong", BreakerLevel.THROTTLE: "warn strong"}
    return view.breaker.value, tones.get(view.breaker, "alarm")


def _books(view: DeskView) -> list[Part]:
    if not view.books:
        return []
    words = [span for book in view.books for span in ((" ", ""), _book(book))][1:]
    stopped = sum(book.state is not BookState.RUNNING for book in view.books)
    running = len(view.books) - stopped
    counts = f"{len(view.books)} books" if not stopped else f"{running}/{len(view.books)} books running"
    return [Part(9, (tuple(words), ((counts, "warn" if stopped else "muted"),)))]


def _book(book: BookView) -> tuple[str, str]:
    name = plain(book.book)
    return (name, "muted") if book.state is BookState.RUNNING else (f"{name} {book.state.value}", "warn")


def _ages(view: DeskView, now: int, glyphs: Glyphs) -> list[Part]:
    parts = []
    stale = [feed for feed in view.feeds if feed.stale]
    if view.feeds:
        parts.append(Part(5 if stale else 8, (_feed(view.feeds, stale, view),)))
    if view.venues:
        worst = next((venue for venue in view.venues if venue.state is not VenueState.READY), view.venues[0])
        words = tuple(span for venue in view.venues for span in (*_venue(venue), ("  ", "")))[:-1]
        parts.append(Part(5 if worst.state is not VenueState.READY else 10, (words, _venue(worst))))
    parts.append(Part(11, (((f"{view.unprotected} unprot.", "muted"),),)) if not view.unprotected else Part(99, ((),)))
    return [part for part in parts if line_width(part.wordings[0])]


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


def _clock(view: DeskView, now: int, tz: tzinfo, glyphs: Glyphs) -> list[Part]:
    if view.replay is None:
        zone = fmt.zone_name(tz, now)
        return [Part(5, (((f"{fmt.clock(now, tz)} {zone}", "muted"),), ((fmt.clock(now, tz), "muted"),)))]
    replay = view.replay
    recorded = f"{fmt.day(replay.ts_now, tz)} {fmt.short_clock(replay.ts_now, tz)}"
    speed = _speed(replay, glyphs)
    through = used(replay.ts_now - replay.ts_start, replay.ts_end - replay.ts_start)
    done = "" if through is None else f" {through:.0%}"
    return [
        Part(
            2,
            (
                (("recorded ", "muted"), (recorded, "bright"), (" ", ""), speed, (done, "muted")),
                ((recorded, "bright"), (" ", ""), speed),
                (speed,),
            ),
        )
    ]


def _speed(replay: ReplayView, glyphs: Glyphs) -> tuple[str, str]:
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
