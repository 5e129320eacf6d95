"""Kelly: the stake that makes capital grow fastest. Kelly (1956); Thorp, "The Kelly Criterion" (2006).

Every function gives full Kelly, never below 0. Bet a part of it (a quarter to a half) and keep the risk cap: the number
is only as good as the sample. NaN is "no number", not "no limit".
"""

import math

import numpy as np
from numpy.typing import ArrayLike

from tradeterm.quant import require
from tradeterm.quant.expectancy import wilson
from tradeterm.quant.samples import Floats, sample


def kelly_fraction(win_rate: float, payoff: float) -> float:
    """W − (1−W)/R: the fraction of capital to RISK on a bet that wins R times it with probability W and else loses it.

    A negative edge is 0. NaN in, NaN out. Raises ValueError for a rate outside 0..1 and a payoff that is not above 0.
    """
    require.number(win_rate=win_rate, payoff=payoff)
    if math.isnan(win_rate) or math.isnan(payoff):
        return math.nan
    if not 0 <= win_rate <= 1:
        raise ValueError(f"a win rate is from 0 to 1, not {win_rate}")
    if not 0 < payoff < math.inf:
        raise ValueError(f"a payoff is above 0 and finite, not {payoff}")
    return max(0.0, win_rate - (1 - win_rate) / payoff)


def kelly_from_trades(returns: ArrayLike, *, prior_trades: float = 0.0, z: float = 0.0) -> float:
    """`kelly_fraction` of the trades' own win rate and payoff; any unit of profit will do, scratches do not count.

    It takes every loss for the average one; `kelly_optimum` does not. `z` above 0 uses the lower Wilson bound of the
    win rate (1.96: 95 %); `prior_trades` shrinks the result (see `shrunk`). NaN without wins or without losses.
    Raises ValueError for numbers that are not finite.
    """
    row = sample(returns, "returns")
    wins, losses = row[row > 0], row[row < 0]
    if not wins.size or not losses.size:
        return math.nan
    decided = wins.size + losses.size
    rate = wins.size / decided if z == 0 else wilson(wins.size, decided, z)[0]
    fraction = kelly_fraction(rate, float(wins.mean() / -losses.mean()))
    return shrunk(fraction, decided, prior_trades)


def kelly_continuous(mean: float, volatility: float, risk_free: float = 0.0) -> float:
    """(μ − r)/σ²: the leverage on an asset that moves continuously. All three over the same time, such as a year.

    NaN for no volatility or no value. Raises ValueError for a negative volatility.
    """
    require.number(mean=mean, volatility=volatility, risk_free=risk_free)
    if volatility < 0:
        raise ValueError(f"a volatility is not negative, {volatility} is")
    variance = volatility * volatility
    if not variance > 0 or not math.isfinite(mean - risk_free) or math.isinf(variance):
        return math.nan
    return max(0.0, (mean - risk_free) / variance)


def kelly_optimum(returns: ArrayLike) -> float:
    """The f that maximises mean ln(1 + f·r) over these outcomes, each as likely as the others; below 1/|worst|.

    f multiplies the returns as given: with returns on the position it is a leverage, with R multiples the fraction of
    capital to risk on 1 R. NaN without wins or without losses, 0 for a mean that is not above 0. Raises ValueError for
    numbers that are not finite.
    """
    row = sample(returns, "returns")
    if not (row > 0).any() or not (row < 0).any():
        return math.nan
    if not row.mean() > 0:
        return 0.0
    worst = -float(row.min())
    scaled = row / worst  # the worst outcome is exactly -1, so that 1 + x·r stays above 0 for every x below 1
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if _growth_slope(scaled, middle) > 0:
            low = middle
        else:
            high = middle
    return low / worst


def shrunk(fraction: float, trades: int, prior_trades: float) -> float:
    """f·n/(n + n₀): as if `prior_trades` trades without an edge had come before the `trades` seen.

    Raises ValueError for negative counts.
    """
    require.number(fraction=fraction, trades=trades, prior_trades=prior_trades)
    if trades < 0 or not 0 <= prior_trades < math.inf:
        raise ValueError("numbers of trades are 0 or more")
    return fraction * trades / (trades + prior_trades) if trades else math.nan


def _growth_slope(row: Floats, stake: float) -> float:
    return float(np.mean(row / (1 + stake * row)))
