"""A kill where no engine answers: straight to the venues, with the configuration and what the last engine showed."""

from contextlib import closing

from msgspec import Struct

from tradeterm.brokers.registry import BYBIT
from tradeterm.config import BybitConfig, Config, enabled_books
from tradeterm.domain.errors import ConfigError
from tradeterm.ledger.live import LiveReader
from tradeterm.profile import Profile

LONGEST_S = 60.0
UNSEEN = "what is open there could not be seen"


class VenueKill(Struct, frozen=True, kw_only=True):
    """What became of one venue. `done` and `left` (what is open still) are sentences without a full stop, in order.

    `flat` is true only if the venue itself showed no order and no position afterwards. `failure` says why it could not
    be finished, "" if it could.
    """

    venue: str
    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    failure: str = ""
    flat: bool = False


def traded_there(config: Config, profile: Profile) -> dict[str, tuple[str, ...]]:
    """By real venue (paper is none) the instruments of the enabled books, and those the last engine held there."""
    found: dict[str, dict[str, None]] = {}
    for book in enabled_books(config).books.values():
        if book.venue == BYBIT:
            found.setdefault(book.venue, {}).update(dict.fromkeys(book.instruments))
    with closing(LiveReader(profile.live)) as live:
        view = live.view()
    books = {book.book: book.venue for book in view.books} if view is not None else {}
    for position in view.positions if view is not None else ():
        venue = books.get(position.book, "")
        if venue in found:
            found[venue][position.instrument] = None
    return {venue: tuple(instruments) for venue, instruments in found.items()}


async def kill_at_venue(config: Config, profile: Profile) -> tuple[VenueKill, ...]:
    """Cancel every order and close every position of `traded_there`, venue by venue, at most LONGEST_S each.

    Never raises for what a venue, the network or a missing key does: that is the venue's `failure`.
    """
    return tuple(
        [
            await _kill_at_bybit(config.venues.bybit, instruments, LONGEST_S)
            for instruments in traded_there(config, profile).values()
        ]
    )


async def _kill_at_bybit(settings: BybitConfig, instruments: tuple[str, ...], longest_s: float) -> VenueKill:
    from tradeterm.brokers.bybit import BybitVenue
    from tradeterm.brokers.bybit.emergency import close_everything
    from tradeterm.venues.bybit.endpoints import endpoints
    from tradeterm.venues.credentials import bybit_credentials

    try:
        venue = BybitVenue(endpoints(settings), settings, bybit_credentials(settings))
    except ConfigError as error:
        return VenueKill(venue=BYBIT, left=(UNSEEN,), failure=str(error))
    report = await close_everything(venue, instruments, longest_s=longest_s)
    return VenueKill(venue=BYBIT, done=report.done, left=report.left, failure=report.failure, flat=report.flat)
