"""TA-Lib without what it would like to import."""

from typing import Any

from tradeterm.without_pandas import import_without_pandas


def load() -> Any:
    """The `talib` module; the first call takes a moment."""
    return import_without_pandas("talib")
