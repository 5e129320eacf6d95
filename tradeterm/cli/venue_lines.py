"""How the venues and the streams of market data stand, a line each."""

from tradeterm.assistant.text import clean, span
from tradeterm.domain.view import DeskView, StreamView, VenueView


def venue_lines(view: DeskView, now_ms: int) -> list[str]:
    """`now_ms` is the machine's clock while the engine runs, and the view's own time once it does not."""
    venues = {venue.venue: venue for venue in view.venues}  # a venue stands the same for all its books
    return [*map(_venue, venues.values()), *(_stream(stream, now_ms) for stream in view.streams)]


def age_ms(stream: StreamView, now_ms: int) -> int | None:
    """Time since the stream's last message; None if none has come yet."""
    return max(0, now_ms - stream.ts_last) if stream.ts_last is not None else None


def _venue(venue: VenueView) -> str:
    parts = [f"venue {venue.venue} {venue.state}"]
    if venue.detail:
        parts.append(clean(venue.detail))
    if venue.simulated:
        parts.append("simulated")
    if venue.latency_ms is not None:
        parts.append(f"latency {venue.latency_ms:.0f} ms")
    if venue.skew_ms is not None:
        parts.append(f"our clock {abs(venue.skew_ms):.0f} ms {'ahead' if venue.skew_ms >= 0 else 'behind'}")
    return ", ".join(parts)


def _stream(stream: StreamView, now_ms: int) -> str:
    age = age_ms(stream, now_ms)
    said = "nothing received yet" if age is None else f"last message {span(age)} ago"
    return f"stream {clean(stream.name)}: {said}{f', {clean(stream.detail)}' if stream.detail else ''}"
