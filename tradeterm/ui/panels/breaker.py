"""The circuit breaker: where it stands and since when, why, what leads out of it, and how it has moved."""

from collections.abc import Sequence

import msgspec

from tradeterm.domain.facts import BreakerFact
from tradeterm.domain.states import BreakerLevel
from tradeterm.domain.view import DeskView
from tradeterm.ui import fmt
from tradeterm.ui.panels.panel import Detail, Panel, wrapped
from tradeterm.ui.plain import plain
from tradeterm.ui.widgets.tones import Line, Span, text_of

PERMITS = {
    BreakerLevel.CLOSED: "all entries pass",
    BreakerLevel.ALERT: "entries at half their size",
    BreakerLevel.THROTTLE: "no entries; exits, stops and targets go on",
    BreakerLevel.HALT: "trading is halted; protective stops stay",
    BreakerLevel.SHUTDOWN: "trading is halted until a person recovers it; protective stops stay",
}
_LOUD = {BreakerLevel.CLOSED: "up strong", BreakerLevel.ALERT: "warn strong", BreakerLevel.THROTTLE: "warn strong"}
_INDENT = 10
_MINUTE = 60_000


class BreakerPanel(Panel):
    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said: Sequence[tuple[Line, int]] = ()
        self._events: Sequence[BreakerFact] = ()

    def say(self, said: Sequence[tuple[Line, int]], events: Sequence[BreakerFact]) -> None:
        """Paragraphs, each with the indent of its further lines, and the changes they tell of."""
        self._events = events
        if said != self._said:
            self._said = said
            self.repaint()

    def detail(self) -> Detail | None:
        return Detail("\n".join(text_of(spans) for spans, _ in self._said), msgspec.to_builtins(tuple(self._events)))

    def paint(self, width: int, height: int) -> Sequence[Line]:
        lines = [line for spans, indent in self._said for line in (wrapped(spans, width, indent) or [()])]
        return self.window(lines, height)


def breaker_lines(
    view: DeskView, events: Sequence[BreakerFact], now: int, *, cool_down_minutes: float, resume_key: str, zone: str
) -> list[tuple[Line, int]]:
    """Paragraphs with their indents. `events` are newest first; `cool_down_minutes` is how long a level must be quiet
    before it falls."""
    ladder: list[Span] = []
    for place, level in enumerate(BreakerLevel):
        here = level is view.breaker
        ladder.append((" → " if place else "", "muted"))
        ladder.append((level.value if here else level.lower(), _LOUD.get(level, "danger") if here else "muted"))
    permits: list[Span] = [(PERMITS[view.breaker], "")]
    if view.breaker_since:
        since = fmt.moment(view.breaker_since, zone)
        permits.append((f", since {since}, {fmt.age(now - view.breaker_since)} ago", "muted"))
    said: list[tuple[Line, int]] = [(tuple(ladder), 0), (tuple(permits), 0)]
    if view.breaker_reason:
        said.append(((("cause     ", "muted"), (plain(view.breaker_reason), "")), _INDENT))
    left = view.breaker_override_until - now
    if left > 0:
        until = f"ends in {countdown(left)}, at {fmt.clock(view.breaker_override_until, zone)}"
        said.append(((("override  ", "muted"), (f"{until}: known causes do not count until then", "warn")), _INDENT))
    way = ways_out(view, events, now, cool_down_minutes, resume_key)
    if way:
        said.append(((("way out   ", "muted"), (way, "")), _INDENT))
    return [*said, ((), 0), *_history(events, zone)]


def ways_out(view: DeskView, events: Sequence[BreakerFact], now: int, cool_down_minutes: float, resume_key: str) -> str:
    """What lowers the breaker from where it stands; nothing for one that is closed."""
    override = "`override REASON` trades on although the cause lasts"
    quiet = events[0].quiet_since if events and events[0].to_level is view.breaker else None
    match view.breaker:
        case BreakerLevel.CLOSED:
            return ""
        case BreakerLevel.ALERT | BreakerLevel.THROTTLE:
            lower = "CLOSED" if view.breaker is BreakerLevel.ALERT else "ALERT"
            if quiet is None:
                return f"falls to {lower} {cool_down_minutes:g} minutes after the cause is over; {override}"
            left = max(0, quiet + round(cool_down_minutes * _MINUTE) - now)
            return f"falls to {lower} in {countdown(left)} if nothing new happens"
        case BreakerLevel.HALT if quiet is not None:
            return f"the cause is over: {resume_key} or `recover REASON`"
        case BreakerLevel.HALT:
            return f"{resume_key} or `recover REASON`, once the cause is over; {override}"
        case _ if quiet is not None:
            return "the cause is over: `recover REASON`"
        case _:
            return "`recover REASON`, once the cause is over; it cannot be overridden, and never falls by itself"


def countdown(ms: int) -> str:
    """Time left: "14m05s", "42s"."""
    return fmt.duration(ms // 1000 * 1000) if ms >= _MINUTE else f"{ms // 1000}s"


def counts_down(view: DeskView, now: int) -> bool:
    """Whether what is shown changes with every second."""
    falls = view.breaker in (BreakerLevel.ALERT, BreakerLevel.THROTTLE)
    return falls or view.breaker_override_until > now


def _history(events: Sequence[BreakerFact], zone: str) -> list[tuple[Line, int]]:
    if not events:
        return [((("It has never moved.", "muted"),), 0)]
    said: list[tuple[Line, int]] = []
    for event in events:
        numbers = " · ".join(f"{plain(name)} {plain(value)}" for name, value in event.numbers.items())
        moved = event.from_level is not event.to_level
        step = f"{event.from_level} → {event.to_level}" if moved else f"{event.to_level} stays"
        cause = f"  {plain(event.cause)}{f' ({numbers})' if numbers else ''}"
        spans = ((f"{fmt.moment(event.ts, zone)}  ", "muted"), (step, "bold" if moved else ""), (cause, "muted"))
        said.append((spans, 2))
    return said
