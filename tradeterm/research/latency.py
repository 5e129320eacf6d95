"""Orders that arrive late: how late by chance, and what price is assumed inside a bar that nobody recorded.

Of a bar four prices are known. An order that arrives a part f of the bar after its open is taken to have met the price
that far on the way from the open to the bar's worst price for it: open + (worst - open) x sqrt(f), since a price that
wanders moves with the root of time. That is never better than the open.
"""

import math
from random import Random

from tradeterm.research.bars import Bars


def arrival(bars: Bars, row: int, side: int, price: float, latency: tuple[float, float], seed: int) -> float:
    """What an order on `side` (+1 buys) meets that was to fill at `price`, the open of `row`.

    Its delay is drawn evenly between the two of `latency` (ms), by the seed, the instrument, the bar and the side: the
    same order is as late in every run.
    """
    late = Random(f"{seed}/{bars.instrument}/{bars.opened(row)}/{side}").uniform(*latency)
    worst = float(bars.high[row] if side > 0 else bars.low[row])
    return price + (worst - price) * math.sqrt(min(1.0, late / bars.length_ms))
