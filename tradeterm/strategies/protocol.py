"""What a strategy is. Row i of its answer may use rows ..i only, and no more than `warmup` rows of history."""

from typing import Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.strategies.panel import Flags, Panel


class ExitRule(Struct, frozen=True, kw_only=True):
    """A strategy's own exit: where longs, and where shorts, should go. Shapes (rows, instruments)."""

    reason: str
    long: Flags
    short: Flags
    requires_profit: bool = False


class Signals(Struct, frozen=True, kw_only=True):
    """`entries` is int8 (rows, instruments): +1 open long, −1 open short, 0 nothing."""

    entries: NDArray[np.int8]
    exits: tuple[ExitRule, ...]


class Strategy(Protocol):
    """Pure functions of a panel: the same code serves research (all history) and live (a rolling window, last row)."""

    name: str
    warmup: int

    def signals(self, panel: Panel) -> Signals: ...

    def explain(self, panel: Panel, row: int, instrument: int) -> dict[str, float | None]:
        """The named numbers behind the signal at (row, instrument); None where there is no value."""
        ...
