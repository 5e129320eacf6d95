"""Imports of packages that would import pandas as well, for features nobody here uses."""

import importlib
import sys
from types import ModuleType


def import_without_pandas(name: str) -> ModuleType:
    """The module `name`, imported as if pandas were not installed, unless pandas is there already.

    sqlite-utils and TA-Lib look for pandas at their first import: a third of a second and 40 MB of every engine.
    """
    if name in sys.modules or "pandas" in sys.modules:
        return importlib.import_module(name)
    sys.modules["pandas"] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        return importlib.import_module(name)
    finally:
        del sys.modules["pandas"]
