"""Performance of equity whose times are known: growth a year goes by the calendar, not by the number of periods."""

import math

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS
from tradeterm.quant.performance import Performance, performance
from tradeterm.quant.samples import ratio
from tradeterm.strategies.panel import Floats

YEAR_MS = 365 * DAY_MS


def performance_over(ts: NDArray[np.int64], equity: Floats, periods_per_year: float) -> Performance:
    """`quant.performance` of equity at `ts` (UTC ms), with `years` the time elapsed, a year of 365 days, and `cagr` and
    `calmar` by it. What is of single periods (volatility, Sharpe, Sortino) is annualised by `periods_per_year`.

    A market that shuts, holes in the data and a last day cut short make the number of periods no measure of time.
    Raises ValueError where `quant.performance` does.
    """
    found = performance(equity=equity, periods_per_year=periods_per_year)
    years = float(ts[-1] - ts[0]) / YEAR_MS if len(ts) else 0.0
    growth = math.log1p(found.total_return) / years if years else math.nan
    cagr = math.expm1(growth) if not growth > _BEYOND_A_FLOAT else math.nan
    return found._replace(years=years, cagr=cagr, calmar=ratio(cagr, abs(found.max_drawdown)))


_BEYOND_A_FLOAT = 700
