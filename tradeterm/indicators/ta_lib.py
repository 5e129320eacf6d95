"""TA-Lib alone: where pandas is installed it would import that as well, a third of a second and 35 MB for nothing."""

import sys
from typing import Any


def load() -> Any:
    """The `talib` module; the first call takes a moment."""
    if "talib" in sys.modules or "pandas" in sys.modules:
        import talib

        return talib
    sys.modules["pandas"] = None  # type: ignore[assignment]  # how an import is told that there is none
    try:
        import talib
    finally:
        del sys.modules["pandas"]
    return talib
