"""`ledger check` with the desk's own accounting: positions and money rebuilt from nothing but fills."""

from decimal import Decimal
from functools import partial
from pathlib import Path

from tradeterm.config import Config
from tradeterm.desk.positions import rebuild
from tradeterm.engine.instruments import known_instruments
from tradeterm.ledger.check import CheckReport, check_ledger


def check(path: Path, config: Config, *, audit: Path | None = None, saved: Path | None = None) -> CheckReport:
    """Check the ledger at `path`, written with this configuration, and the audit files of a folder. `saved` is where an
    engine on live data kept its contract facts, beside the ledger unless given.

    Raises LedgerError if the ledger cannot be opened, DataError if the contract facts cannot be read.
    """
    instruments = known_instruments(saved or path.parent / "instruments.json", config)
    capitals = {name: Decimal(repr(book.capital)) for name, book in config.books.items()}
    return check_ledger(path, partial(rebuild, instruments=instruments), capitals=capitals, audit=audit)
