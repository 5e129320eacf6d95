"""A book's equity ahead, if its next trades are like its last ones."""

import numpy as np
from msgspec import Struct
from numpy.typing import ArrayLike

from tradeterm.quant import require
from tradeterm.quant.bootstrap import block_bootstrap
from tradeterm.quant.simulation import Estimate, proportion

LEAST_TRADES = 30
AHEAD = 100
STEPS = tuple(range(0, AHEAD + 1, 10))
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class EquityFan(Struct, frozen=True):
    """Equity at each of `steps` trades ahead, one row a quantile of `QUANTILES`, from `paths` resampled series.

    `profit` is the probability of having more than now after the last step, `deep` that of a drawdown beyond the limit
    on the way, each with its standard error; `drawdowns` are the 50, 95 and 99 % quantiles of the largest drawdown.
    """

    steps: tuple[int, ...]
    bands: tuple[tuple[float, ...], ...]
    profit: Estimate
    deep: Estimate
    drawdowns: tuple[float, float, float]
    paths: int
    seed: int


def trade_returns(equity: float, pnl: ArrayLike) -> np.ndarray[tuple[int], np.dtype[np.float64]] | None:
    """What each trade made of the equity it began with, oldest first: `equity` is that after the last one.

    None where that equity was not positive before one of them, or a trade lost all of it.
    """
    money = np.asarray(pnl, dtype=np.float64)
    before = equity - np.cumsum(money[::-1])[::-1]
    if not np.isfinite(before).all() or (before <= 0).any() or (money <= -before).any():
        return None
    return money / before


def equity_fan(
    equity: float, pnl: ArrayLike, drawdown_limit: float, *, paths: int = 1000, seed: int = 0
) -> EquityFan | None:
    """The last trades (money, oldest first) drawn again in blocks (stationary bootstrap) and compounded on `equity`.

    None under 30 trades and where there are no returns (`trade_returns`). Raises ValueError for an equity that is not
    positive and a limit that is not.
    """
    require.positive(equity=equity, drawdown_limit=drawdown_limit)
    outcomes = trade_returns(equity, pnl)
    if outcomes is None or outcomes.size < LEAST_TRADES:
        return None
    growth = np.ones((paths, AHEAD + 1))
    np.cumprod(1 + block_bootstrap(outcomes, size=AHEAD, paths=paths, seed=seed), axis=1, out=growth[:, 1:])
    drawdowns = (1 - growth / np.maximum.accumulate(growth, axis=1)).max(axis=1)
    low, high, extreme = np.quantile(drawdowns, (0.5, 0.95, 0.99)).tolist()
    bands = equity * np.quantile(growth[:, list(STEPS)], QUANTILES, axis=0)
    return EquityFan(
        steps=STEPS,
        bands=tuple(map(tuple, bands.tolist())),
        profit=proportion(growth[:, -1] > 1),
        deep=proportion(drawdowns > drawdown_limit),
        drawdowns=(low, high, extreme),
        paths=paths,
        seed=seed,
    )
