"""Prices that are a little off, as another venue's or another minute's would be."""

import numpy as np
from msgspec import structs

from tradeterm.strategies.panel import Floats, Panel


def noisy(panel: Panel, size: float, seed: int) -> Panel:
    """The panel with every price off by a factor drawn evenly from 1 − `size` to 1 + `size`, each by one of its own.

    A bar's high and low are moved on where its open or close would lie outside them. Missing bars stay missing; volume
    and funding are as they were. Raises ValueError unless 0 <= size < 1.
    """
    if not 0 <= size < 1:
        raise ValueError(f"size: found {size}, allowed from 0 to below 1")
    rng = np.random.default_rng(seed)
    opened, high, low, close = (_off(prices, size, rng) for prices in (panel.open, panel.high, panel.low, panel.close))
    return structs.replace(
        panel,
        open=opened,
        high=np.maximum(high, np.maximum(opened, close)),
        low=np.minimum(low, np.minimum(opened, close)),
        close=close,
    )


def _off(prices: Floats, size: float, rng: np.random.Generator) -> Floats:
    factors = rng.uniform(1 - size, 1 + size, prices.shape)
    factors *= prices
    return factors
