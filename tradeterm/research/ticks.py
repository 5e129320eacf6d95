"""Steps of price and quantity in floats: the float of a multiple is the very one a data file holds for that number."""

from decimal import Decimal
from typing import NamedTuple

import numpy as np

from tradeterm.strategies.panel import Floats

_SLACK = 1e-6
"""Of a step: what floating point may be off by, and no real price is."""


class Step(NamedTuple):
    """A tick or a lot of `size`, whose multiples have `decimals` places."""

    size: float
    decimals: int

    @classmethod
    def of(cls, size: Decimal) -> "Step":
        exponent = size.normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        return cls(float(size), max(0, -exponent))

    def up(self, value: float) -> float:
        """The multiple at or above `value`."""
        return round(-((_SLACK - value / self.size) // 1) * self.size, self.decimals)

    def down(self, value: float) -> float:
        """The multiple at or below `value`."""
        return round((value / self.size + _SLACK) // 1 * self.size, self.decimals)

    def all_up(self, values: Floats) -> Floats:
        """`up` of each."""
        steps: Floats = np.ceil(values / self.size - _SLACK) * self.size
        return np.round(steps, self.decimals)
