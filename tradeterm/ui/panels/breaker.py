"""The circuit breaker: where it stands and since when, why, what leads out of it, and how it has moved, as text."""

from collections.abc import Sequence

from textual.content import Content

from tradeterm.domain.facts import BreakerFact
from tradeterm.domain.states import BreakerLevel
from tradeterm.domain.view import DeskView
from tradeterm.ui import fmt
from tradeterm.ui.plain import plain

PERMITS = {
    BreakerLevel.CLOSED: "all entries pass",
    BreakerLevel.ALERT: "entries at half their size",
    BreakerLevel.THROTTLE: "no entries; exits, stops and targets go on",
    BreakerLevel.HALT: "trading is halted; protective stops stay",
    BreakerLevel.SHUTDOWN: "trading is halted until a person recovers it; protective stops stay",
}
_LOUD = {
    BreakerLevel.CLOSED: "bold $pnl-up",
    BreakerLevel.ALERT: "bold $warning",
    BreakerLevel.THROTTLE: "bold $warning",
}
_MINUTE = 60_000

Parts = list[tuple[str, str]]


def breaker_text(
    view: DeskView, events: Sequence[BreakerFact], now: int, *, cool_down_minutes: float, resume_key: str, zone: str
) -> Content:
    """`events` are newest first; `cool_down_minutes` is how long a level must be quiet before it falls."""
    parts: Parts = []
    for place, level in enumerate(BreakerLevel):
        style = _LOUD.get(level, "bold $danger") if level is view.breaker else "$muted"
        name = level.value if level is view.breaker else level.lower()
        parts += [(" → " if place else "", "$muted"), (name, style)]
    parts.append((f"\n{PERMITS[view.breaker]}", "$foreground"))
    if view.breaker_since:
        since = f"{fmt.moment(view.breaker_since, zone)}, {fmt.age(now - view.breaker_since)} ago"
        parts.append((f"  since {since}", "$muted"))
    parts.append(("\n", ""))
    if view.breaker_reason:
        parts += [("cause     ", "$muted"), (f"{plain(view.breaker_reason)}\n", "$foreground")]
    parts += _override(view, now, zone)
    way = ways_out(view, events, now, cool_down_minutes, resume_key)
    if way:
        parts += [("way out   ", "$muted"), (f"{way}\n", "$foreground")]
    parts.append(("\n", ""))
    parts += _history(events, zone)
    return Content.assemble(*parts)


def ways_out(view: DeskView, events: Sequence[BreakerFact], now: int, cool_down_minutes: float, resume_key: str) -> str:
    """What lowers the breaker from where it stands; nothing for one that is closed."""
    override = "`override REASON` trades on although the cause lasts"
    match view.breaker:
        case BreakerLevel.CLOSED:
            return ""
        case BreakerLevel.ALERT | BreakerLevel.THROTTLE:
            lower = "CLOSED" if view.breaker is BreakerLevel.ALERT else "ALERT"
            quiet = events[0].quiet_since if events and events[0].to_level is view.breaker else None
            if quiet is None:
                return f"falls to {lower} {cool_down_minutes:g} minutes after the cause is over; {override}"
            left = max(0, quiet + round(cool_down_minutes * _MINUTE) - now)
            return f"falls to {lower} in {countdown(left)} if nothing new happens"
        case BreakerLevel.HALT:
            return f"{resume_key} or `recover REASON`, once the cause is over; {override}"
        case _:
            return "`recover REASON`, once the cause is over; it cannot be overridden, and never falls by itself"


def countdown(ms: int) -> str:
    """Time left: "14m05s", "42s"."""
    return fmt.duration(ms // 1000 * 1000) if ms >= _MINUTE else f"{ms // 1000}s"


def counts_down(view: DeskView, now: int) -> bool:
    """Whether what is shown changes with every second."""
    falls = view.breaker in (BreakerLevel.ALERT, BreakerLevel.THROTTLE)
    return falls or view.breaker_override_until > now


def _override(view: DeskView, now: int, zone: str) -> Parts:
    left = view.breaker_override_until - now
    if not view.breaker_override_until or left <= 0:
        return []
    until = fmt.clock(view.breaker_override_until, zone)
    return [
        ("override  ", "$muted"),
        (f"ends in {countdown(left)}, at {until}: known causes do not count until then\n", "bold $warning"),
    ]


def _history(events: Sequence[BreakerFact], zone: str) -> Parts:
    if not events:
        return [("It has never moved.", "$muted")]
    parts: Parts = []
    for event in events:
        numbers = " · ".join(f"{plain(name)} {plain(value)}" for name, value in event.numbers.items())
        moved = event.from_level is not event.to_level
        parts.append((f"{fmt.moment(event.ts, zone)}  ", "$muted"))
        step = f"{event.from_level} → {event.to_level}" if moved else f"{event.to_level} stays"
        parts.append((step, "bold $foreground" if moved else "$foreground"))
        parts.append((f"  {plain(event.cause)}{f' ({numbers})' if numbers else ''}\n", "$muted"))
    return parts
