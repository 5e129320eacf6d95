"""sqlite-utils without what it would like to import."""

import importlib
import sqlite3
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite_utils import Database


def database(db: sqlite3.Connection) -> "Database":
    """sqlite-utils on an open connection.

    At its first import sqlite-utils imports pandas where there is one, for features nobody here uses: a third of a
    second and 40 MB of every engine. So pandas is not there while it looks.
    """
    if "sqlite_utils" not in sys.modules and "pandas" not in sys.modules:
        sys.modules["pandas"] = None  # type: ignore[assignment]  # the documented way to make an import fail
        try:
            importlib.import_module("sqlite_utils")
        finally:
            del sys.modules["pandas"]
    from sqlite_utils import Database

    return Database(db)
