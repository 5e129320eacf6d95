"""`ledger check` with the desk's own accounting: positions and money rebuilt from nothing but fills."""

from decimal import Decimal
from functools import partial
from pathlib import Path

from tradeterm.config import Config
from tradeterm.desk.positions import rebuild
from tradeterm.feeds.instruments import load_instruments
from tradeterm.ledger.check import CheckReport, check_ledger
from tradeterm.resources import demo_folder


def check(path: Path, config: Config, *, audit: Path | None = None) -> CheckReport:
    """Check the ledger at `path`, written with this configuration, and the audit files of a folder.

    Raises LedgerError if the ledger cannot be opened, DataError if the contract facts cannot be read.
    """
    folder = Path(config.feed.path) if config.feed.path else demo_folder()
    instruments = {instrument.id: instrument for instrument in load_instruments(folder / "instruments.toml")}
    capitals = {name: Decimal(repr(book.capital)) for name, book in config.books.items()}
    return check_ledger(path, partial(rebuild, instruments=instruments), capitals=capitals, audit=audit)
