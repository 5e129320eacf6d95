"""What a run's equity might have come to, had its days come in another order: quantiles of curves drawn again."""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from tradeterm.research.result import Equity

LEAST_DAYS = 20
"""Fewer daily returns than these are not resampled."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_MOST_POINTS = 100


class Fan(Struct, frozen=True, kw_only=True):
    """Equity at each of `ts` (UTC ms): of `paths` curves, each of whose days are those of the run drawn again in blocks
    of `block` days on average, the quantiles by their names ("0.05" to "0.95")."""

    ts: tuple[int, ...]
    quantiles: Mapping[str, tuple[float, ...]]
    paths: int
    block: float
    seed: int


def equity_fan(equity: Equity, *, paths: int = 500, seed: int = 0) -> Fan | None:
    """By a stationary bootstrap of daily returns. None under 20 days, and where equity fell to 0.

    Every quantile is one of its day alone: no single curve runs along it.
    """
    ts, value = equity
    if len(value) <= LEAST_DAYS or not (value > 0).all():
        return None
    from tradeterm.quant.bootstrap import block_bootstrap, optimal_block

    returns = value[1:] / value[:-1] - 1
    block = optimal_block(returns).stationary
    drawn = np.log1p(block_bootstrap(returns, block=block, paths=paths, seed=seed))
    np.cumsum(drawn, axis=1, out=drawn)
    at = np.unique(np.linspace(0, len(ts) - 1, min(len(ts), _MOST_POINTS)).round().astype(np.intp))
    bands = value[0] * np.exp(np.quantile(drawn[:, at[1:] - 1], QUANTILES, axis=0))
    return Fan(
        ts=tuple(ts[at].tolist()),
        quantiles={str(level): (float(value[0]), *band) for level, band in zip(QUANTILES, bands.tolist(), strict=True)},
        paths=paths,
        block=block,
        seed=seed,
    )
