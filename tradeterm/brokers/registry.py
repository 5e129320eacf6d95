"""Brokers by the name in a book's `venue`. A new one is a file beside this and a case in `make_brokers`."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

from tradeterm.brokers.protocol import Broker
from tradeterm.config import BookConfig, Config, enabled_books
from tradeterm.decode import one_of, show
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.instrument import Instrument

PAPER, BYBIT = "paper", "bybit"


def broker_names() -> tuple[str, ...]:
    return (PAPER, BYBIT)


def check_broker(name: str, where: str) -> None:
    """Raise ConfigError for a venue nobody here can trade at; `where` is its key, such as "books.crypto.venue"."""
    if name not in broker_names():
        raise ConfigError(f"{where}: found {show(name)}, allowed {one_of(list(broker_names()))}")


def make_brokers(config: Config, instruments: Mapping[str, Instrument], folder: Path) -> dict[str, Broker]:
    """A broker for every enabled book, by the book's name. `folder` holds the books of simulated venues, one file each.

    Raises ConfigError for a venue that is not known or lacks its keys.
    """
    books = enabled_books(config).books
    for name, book in books.items():
        check_broker(book.venue, f"books.{name}.venue")
    made: dict[str, Broker] = {}
    for name, book in books.items():
        if book.venue == PAPER:
            made[name] = _paper(name, book, config, instruments, folder)
    real = {name: book for name, book in books.items() if book.venue == BYBIT}
    return made | (_bybit(real, config, instruments) if real else {})


def _paper(name: str, book: BookConfig, config: Config, instruments: Mapping[str, Instrument], folder: Path) -> Broker:
    from tradeterm.brokers.paper import PaperBroker

    return PaperBroker(
        folder / f"{name}.sqlite",
        name,
        [instruments[instrument] for instrument in book.instruments],
        config.paper,
        Decimal(repr(book.capital)),
        book.currency,
    )


def _bybit(books: Mapping[str, BookConfig], config: Config, instruments: Mapping[str, Instrument]) -> dict[str, Broker]:
    """All books share one session: it is one account, with one key and one set of rate limits."""
    from tradeterm.brokers.bybit import BybitBroker, BybitVenue
    from tradeterm.venues.bybit.endpoints import endpoints
    from tradeterm.venues.credentials import bybit_credentials

    settings = config.venues.bybit
    venue = BybitVenue(endpoints(settings), settings, bybit_credentials(settings))
    return {
        name: BybitBroker(venue, name, [instruments[instrument] for instrument in book.instruments])
        for name, book in books.items()
    }
