"""The risk of ruin and of drawdowns: closed forms, and trades resampled in blocks.

A number of trades is the clock of everything resampled here; nothing is annualised.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant import require
from tradeterm.quant.barriers import brownian_touch
from tradeterm.quant.bootstrap import BlockMethod, block_indices, optimal_block
from tradeterm.quant.require import Floats
from tradeterm.quant.simulation import Estimate, Seed, proportion

QUANTILES = (0.50, 0.75, 0.90, 0.95, 0.99)


class Sizing(StrEnum):
    """A fixed fraction of the equity at each trade, which compounds, or a fixed amount of cash, which does not."""

    FIXED_FRACTION = "fixed-fraction"
    FIXED_CASH = "fixed-cash"


class DrawdownDistribution(msgspec.Struct, frozen=True):
    """What maximum drawdowns to expect of `trades` trades; one member of each array per level of `QUANTILES`.

    `max_drawdown` is a positive fraction of the peak (1 is ruin). `under_water` is the longest run of trades below a
    former peak, one still open included. `recovery` is the number of trades from the deepest point back to the peak,
    of the paths that had a drawdown: NaN at levels above the share of them that got back. `recovered` is the share of
    all paths that ended back at that peak or later reached it, those without a drawdown included. `drawdowns` has one
    value per path.
    """

    trades: int
    paths: int
    seed: int | None
    block: float
    sizing: Sizing
    max_drawdown: Floats
    under_water: Floats
    recovery: Floats
    recovered: Estimate
    ruined: Estimate
    drawdowns: Floats

    def exceeds(self, drawdown: float) -> Estimate:
        """The probability of a maximum drawdown above this fraction of the peak."""
        return proportion(self.drawdowns > drawdown)


class Survival(NamedTuple):
    """The probability of surviving with each starting capital, and its standard error."""

    capitals: Floats
    probability: Floats
    standard_error: Floats


def risk_of_ruin(win_probability: float, payoff: float, bankroll: float, target: float | None = None) -> float:
    """The probability of losing a bankroll counted in bets, where a bet loses 1 or wins `payoff`.

    Without a target: of ever losing it, s^bankroll with s the root in (0, 1) of p·s^(payoff+1) − s + q = 0, 1 without
    an edge. With a target above the bankroll: before reaching it, (s^target − s^bankroll)/(s^target − 1), and
    1 − bankroll/target for a fair game (Feller, vol. 1, ch. XIV).
    Exact for payoff 1 and whole bankrolls, and without a target for any whole payoff; else an approximation that leaves
    out by how much the last bet overshoots. Raises ValueError for a probability outside 0 to 1 and sizes not above 0.
    """
    require.positive(payoff=payoff, bankroll=bankroll)
    require.number(win_probability=win_probability)
    if not 0 <= win_probability <= 1:
        raise ValueError(f"a probability must lie between 0 and 1, not {win_probability}")
    edge = win_probability * (payoff + 1) - 1
    if target is not None:
        require.positive(target=target)
        if target <= bankroll:
            raise ValueError(f"the target {target} must be above the bankroll {bankroll}")
        if win_probability in {0.0, 1.0}:
            return 1 - win_probability
        if abs(edge) < 1e-12:
            return 1 - bankroll / target
        decay = _lundberg(win_probability, payoff)
        if decay > 0:
            return math.exp(-decay * bankroll) * _less(decay * (target - bankroll)) / _less(decay * target)
        return _less(-decay * (target - bankroll)) / _less(-decay * target)
    if edge < 1e-12:
        return 1.0
    return 0.0 if win_probability == 1 else math.exp(-_lundberg(win_probability, payoff) * bankroll)


def risk_of_ruin_brownian(drift: float, volatility: float, capital: float, horizon: float | None = None) -> float:
    """The probability that an equity with this drift and volatility in money per unit of time ever loses `capital`.

    Without a horizon exp(−2·drift·capital/volatility²) for a positive drift, else 1; with one by reflection.
    """
    require.positive(capital=capital)
    require.finite(drift=drift)
    return brownian_touch(capital, -drift, volatility, horizon)


def kelly_drawdown(kelly_multiple: float, level: float) -> float:
    """The probability that the equity ever falls to `level` (a fraction of its start) when betting that part of Kelly.

    level^(2/multiple − 1) (Thorp 2006): at full Kelly it halves with probability one half; from twice Kelly on, surely.
    """
    require.positive(kelly_multiple=kelly_multiple, level=level)
    if level >= 1:
        return 1.0
    return float(level ** max(0.0, 2 / kelly_multiple - 1))


def drawdown_distribution(
    outcomes: ArrayLike,
    trades: int | None = None,
    paths: int = 1000,
    sizing: Sizing | str = Sizing.FIXED_FRACTION,
    risk: float = 1.0,
    block: float | None = None,
    seed: Seed = 0,
) -> DrawdownDistribution:
    """Maximum drawdowns of resampled trades, in the order of their blocks (stationary bootstrap).

    `outcomes` are returns of the trades, or R multiples; `risk` is what one unit of them is of the equity: 1 for
    returns on equity, 0.01 for R multiples when 1 % is risked. Fixed fraction multiplies the equity by 1 + risk·x,
    fixed cash adds risk·x of the starting equity. An equity of zero stays there. `trades` defaults to as many as there
    are; `block` is a mean length, 1 for independent trades, None for the automatic choice.
    """
    known = require.finite_array("outcomes", outcomes)
    require.positive(risk=risk)
    try:
        rule = Sizing(sizing)
    except ValueError:
        raise ValueError(f"a sizing is 'fixed-fraction' or 'fixed-cash', not {sizing!r}") from None
    number = known.size if trades is None else trades
    length = optimal_block(known).stationary if block is None else block
    drawn = known[block_indices(known, number, length, BlockMethod.STATIONARY, paths, seed)] * risk
    equity = np.ones((paths, number + 1))
    if rule is Sizing.FIXED_FRACTION:
        np.cumprod(np.maximum(1 + drawn, 0.0), axis=1, out=equity[:, 1:])
    else:
        equity[:, 1:] += np.cumsum(drawn, axis=1)
        equity *= np.minimum.accumulate(equity > 0, axis=1)
    peak = np.maximum.accumulate(equity, axis=1)
    depth = 1 - equity / peak
    drawdowns = depth.max(axis=1)
    under_water, recovery = _times(equity < peak, depth.argmax(axis=1))
    return DrawdownDistribution(
        trades=number,
        paths=paths,
        seed=None if isinstance(seed, np.random.Generator) else seed,
        block=length,
        sizing=rule,
        max_drawdown=np.quantile(drawdowns, QUANTILES),
        under_water=np.quantile(under_water, QUANTILES),
        recovery=_quantiles(recovery[drawdowns > 0]),
        recovered=proportion(np.isfinite(recovery)),
        ruined=proportion(equity[:, -1] <= 0),
        drawdowns=drawdowns,
    )


def survival(
    capitals: Sequence[float] | Floats,
    pnl: ArrayLike,
    trades: int | None = None,
    paths: int = 1000,
    floor: float = 0.0,
    block: float | None = None,
    seed: Seed = 0,
) -> Survival:
    """The probability that each starting capital stays above `floor` through `trades` resampled trades.

    `pnl` are results in money at a size that does not follow the capital. All capitals meet the same trades.
    """
    known, starts = require.finite_array("pnl", pnl), require.finite_array("capitals", capitals)
    require.finite(floor=floor)
    if starts.min() <= floor:
        raise ValueError(f"every starting capital must be above the floor {floor}")
    number = known.size if trades is None else trades
    drawn = known[block_indices(known, number, block, BlockMethod.STATIONARY, paths, seed)]
    lowest = np.minimum(np.cumsum(drawn, axis=1).min(axis=1), 0.0)
    alive = (starts[:, np.newaxis] + lowest > floor).mean(axis=1)
    return Survival(starts, alive, np.sqrt(alive * (1 - alive) / paths))


def _less(x: float) -> float:
    """1 − e^(−x), exact for small x."""
    return -math.expm1(-x)


def _lundberg(win_probability: float, payoff: float) -> float:
    """The θ ≠ 0 with p·e^(−θ·payoff) + q·e^θ = 1: positive with an edge, negative without; by halving."""
    p, q = win_probability, 1 - win_probability

    def excess(theta: float) -> float:
        return p * math.expm1(-theta * payoff) + q * math.expm1(theta)

    # Convex and zero at 0, so the other root lies beyond the minimum, and where one term alone exceeds 1 is past it.
    least = math.log(p * payoff / q) / (payoff + 1)
    low, high = least, (-math.log(q) if least > 0 else math.log(p) / payoff)
    while abs(high - low) > 1e-15 * abs(high):
        middle = (low + high) / 2
        if middle in {low, high}:
            break
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return high


def _quantiles(times: Floats) -> Floats:
    """Of times of which some are infinite; NaN from where those begin."""
    known = times[np.isfinite(times)]
    if not known.size:
        return np.full(len(QUANTILES), np.nan)
    longest = float(known.max())
    found = np.quantile(np.minimum(times, 2 * longest + 1), QUANTILES)  # interpolating with infinity gives NaN or worse
    return np.where(found <= longest, found, np.nan)


def _times(under: NDArray[np.bool_], deepest: NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Per path the longest run of trades under water, and the trades from the deepest point back (inf: never)."""
    trade = np.arange(under.shape[1])
    longest = (trade - np.maximum.accumulate(np.where(under, 0, trade), axis=1)).max(axis=1)
    back = np.minimum.accumulate(np.where(under, np.inf, trade)[:, ::-1], axis=1)[:, ::-1]
    return longest.astype(np.float64), back[np.arange(deepest.size), deepest] - deepest
