"""How the venues and the streams of market data are doing, in words. Pure."""

from collections.abc import Iterable

from tradeterm.domain.states import Mode, VenueState
from tradeterm.domain.view import DeskView, StreamView, VenueView
from tradeterm.ui.plain import plain

SKEW_SHOWN_MS = 250

_GRAVEST_FIRST = (
    VenueState.BLOCKED,
    VenueState.DISCONNECTED,
    VenueState.RESTRICTED,
    VenueState.RECONCILING,
    VenueState.CONNECTED,
    VenueState.READY,
)
_MEANWHILE = {
    VenueState.BLOCKED: "BLOCKED, nothing can be sent",
    VenueState.DISCONNECTED: "DISCONNECTED, no entries",
    VenueState.RESTRICTED: "RESTRICTED, only orders that reduce are sent",
    VenueState.RECONCILING: "RECONCILING, no entries until it agrees",
    VenueState.CONNECTED: "CONNECTED and not reconciled yet, no entries",
}


def gravity(venue: VenueView) -> int:
    """A place in the order of alarm, 0 the gravest."""
    return _GRAVEST_FIRST.index(venue.state)


def each_once(venues: Iterable[VenueView]) -> list[VenueView]:
    """The venues, the gravest first; the accounts of a venue share its state, so one of them speaks for all."""
    return sorted({venue.venue: venue for venue in venues}.values(), key=gravity)


def sentence(venue: VenueView, cells: int) -> str:
    """What is wrong with a venue, what that means, and the first `cells` of why; empty while it is READY."""
    meaning = _MEANWHILE.get(venue.state)
    if meaning is None:
        return ""
    why = first_words(venue.detail.strip(" ."), cells)
    return f"{plain(venue.venue)} is {meaning}{': ' + why if why else ''}"


def first_words(text: str, cells: int) -> str:
    """As many whole words as fit, cut with dots; one word that is too long is cut inside."""
    whole = plain(text).strip()
    if len(whole) <= cells:
        return whole
    kept = whole[:cells].rpartition(" ")[0] or whole[: cells - 1]
    return kept.rstrip(" ,;:.") + "…"


def skew_words(skew_ms: float | None) -> str:
    """A clock that is wrong enough to matter: "clock 0.6 s ahead"; empty for one that is right or not measured."""
    if skew_ms is None or abs(skew_ms) <= SKEW_SHOWN_MS:
        return ""
    return f"clock {abs(skew_ms) / 1000:.1f} s {'ahead' if skew_ms > 0 else 'behind'}"


def is_play_money(view: DeskView, venue: VenueView) -> bool:
    """A real venue outside LIVE: the engine refuses to trade anything there but the venue's own play money."""
    return not venue.simulated and view.mode is not Mode.LIVE


def in_trouble(streams: Iterable[StreamView]) -> list[StreamView]:
    return [stream for stream in streams if stream.detail]
