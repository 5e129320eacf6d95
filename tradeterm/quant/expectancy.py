"""What a trade is worth on average, and how sure that is."""

import math
from typing import NamedTuple

from numpy.typing import ArrayLike

from tradeterm.quant import require
from tradeterm.quant.samples import Floats, deviation, ratio, sample


class Expectancy(NamedTuple):
    """Of closed trades, net of costs. NaN is "no value": no such trades, or too few of them.

    Rates are fractions of ALL trades, scratches (exactly 0) included. `average_loss` is a positive amount. Money is in
    the unit of `pnl`, `expectancy_r` in multiples of the initial risk. `win_rate_low` and `win_rate_high` are the
    Wilson 95 % interval of `win_rate`.
    """

    trades: int
    wins: int
    losses: int
    scratches: int
    win_rate: float
    average_win: float
    average_loss: float
    payoff: float
    expectancy: float
    standard_error: float
    t_statistic: float
    expectancy_r: float
    standard_error_r: float
    win_rate_low: float
    win_rate_high: float


def expectancy(pnl: ArrayLike, risk: ArrayLike | None = None) -> Expectancy:
    """Mean profit of a trade, W·average_win − L·average_loss, with its standard error s/√n (ddof 1) and t = mean/error.

    `pnl` holds one amount a trade; `risk` the money each stood to lose at its initial stop, for the figures in R.
    Raises ValueError for numbers that are not finite, unequal lengths and a risk that is not above 0.
    """
    row = sample(pnl, "profits")
    wins, losses = row[row > 0], row[row < 0]
    average_win, average_loss = _mean(wins), -_mean(losses)
    mean, error = _mean(row), _standard_error(row)
    in_r = _multiples(row, risk)
    low, high = wilson(wins.size, row.size)
    return Expectancy(
        trades=row.size,
        wins=wins.size,
        losses=losses.size,
        scratches=row.size - wins.size - losses.size,
        win_rate=ratio(wins.size, row.size),
        average_win=average_win,
        average_loss=average_loss,
        payoff=ratio(average_win, average_loss),
        expectancy=mean,
        standard_error=error,
        t_statistic=ratio(mean, error),
        expectancy_r=math.nan if in_r is None else _mean(in_r),
        standard_error_r=math.nan if in_r is None else _standard_error(in_r),
        win_rate_low=low,
        win_rate_high=high,
    )


def wilson(wins: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Score interval of a rate, `wins` of `n` (Wilson, J. Am. Stat. Assoc. 22, 1927); z = 1.96 is 95 %.

    (NaN, NaN) for n = 0. Raises ValueError unless 0 <= wins <= n and z >= 0.
    """
    require.number(wins=wins, n=n, z=z)
    if not 0 <= wins <= n:
        raise ValueError(f"wins must be from 0 to the number of trades, not {wins} of {n}")
    if not 0 <= z < math.inf:
        raise ValueError(f"z must be 0 or more, not {z}")
    if n == 0:
        return math.nan, math.nan
    rate, pull = wins / n, z * z / n
    centre = (rate + pull / 2) / (1 + pull)
    half = z * math.sqrt(rate * (1 - rate) / n + pull / (4 * n)) / (1 + pull)
    # At the ends the bound is exactly 0 or 1; rounding must not move it.
    return (max(0.0, centre - half) if wins else 0.0), (min(1.0, centre + half) if wins < n else 1.0)


def _multiples(pnl: Floats, risk: ArrayLike | None) -> Floats | None:
    if risk is None:
        return None
    risked = sample(risk, "risks")
    if risked.size != pnl.size:
        raise ValueError(f"one risk a trade is needed: {pnl.size} profits, {risked.size} risks")
    if not (risked > 0).all():
        raise ValueError("the initial risk of a trade must be above 0")
    multiples: Floats = pnl / risked
    return multiples


def _mean(row: Floats) -> float:
    return float(row.mean()) if row.size else math.nan


def _standard_error(row: Floats) -> float:
    return ratio(deviation(row), math.sqrt(row.size))
