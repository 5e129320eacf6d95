"""sqlite-utils without what it would like to import."""

import sqlite3
from typing import TYPE_CHECKING

from tradeterm.without_pandas import import_without_pandas

if TYPE_CHECKING:
    from sqlite_utils import Database


def database(db: sqlite3.Connection) -> "Database":
    """sqlite-utils on an open connection."""
    import_without_pandas("sqlite_utils")
    from sqlite_utils import Database

    return Database(db)
