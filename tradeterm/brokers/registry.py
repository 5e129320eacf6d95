"""Brokers by the name in a book's `venue`. A new one is a file beside this and a case in `make_broker`."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from tradeterm.brokers.protocol import Broker
from tradeterm.config import PaperConfig
from tradeterm.decode import one_of, show
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.instrument import Instrument


def broker_names() -> tuple[str, ...]:
    return ("paper",)


def check_broker(name: str, where: str) -> None:
    """Raise ConfigError for a venue nobody here can trade at; `where` is its key, such as "books.crypto.venue"."""
    if name not in broker_names():
        names = list(broker_names())
        raise ConfigError(f"{where}: found {show(name)}, allowed {one_of(names)}")


def make_broker(
    name: str,
    *,
    where: str,
    folder: Path,
    account: str,
    instruments: Sequence[Instrument],
    costs: PaperConfig,
    capital: Decimal,
    currency: str,
) -> Broker:
    """The broker of one account. `folder` holds the books of simulated venues, one file an account."""
    check_broker(name, where)
    from tradeterm.brokers.paper import PaperBroker

    return PaperBroker(folder / f"{account}.sqlite", account, instruments, costs, capital, currency)
