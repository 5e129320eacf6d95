"""Does the result survive small changes of what it should not depend on?"""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct, structs

from tradeterm.quant import block_bootstrap, optimal_block
from tradeterm.research.honesty.noise import noisy
from tradeterm.research.honesty.parameters import exit_neighbours, neighbours
from tradeterm.research.honesty.summary import Summary, count, percent, summary, summary_of, traded_equity
from tradeterm.research.result import Result
from tradeterm.research.study import Study, run
from tradeterm.research.workers import MapStudies, map_studies
from tradeterm.strategies.panel import Floats

DELAYS = (1, 2, 3, 4, 5)
COSTS = (1.5, 2.0, 3.0)
LEAST_DAYS = 20
"""Fewer daily returns than these are not resampled."""


class Parameter(Struct, frozen=True, tag="parameter"):
    """One parameter of the strategy has another value."""

    name: str
    value: float


class ExitLevel(Struct, frozen=True, tag="exit"):
    """One number of the book's exits is another."""

    name: str
    value: float


class Delay(Struct, frozen=True, tag="delay"):
    """Every entry waits so many bars longer than the study's own."""

    bars: int


class Noise(Struct, frozen=True, tag="noise"):
    """Prices are off by up to `size` of themselves."""

    size: float
    seed: int


class CostTimes(Struct, frozen=True, tag="costs"):
    """Fees, slippage and impact are multiplied."""

    factor: float


Variation = Parameter | ExitLevel | Delay | Noise | CostTimes


class Varied(Struct, frozen=True):
    variation: Variation
    summary: Summary


class Skipped(Struct, frozen=True, kw_only=True):
    """A share of the trades left out at random, the others as they were: quantiles of the return on the capital, and
    the share of draws that lose. What a skipped trade would have kept other signals from is not simulated."""

    share: float
    draws: int
    low: float
    median: float
    high: float
    losing: float


class Resampled(Struct, frozen=True, kw_only=True):
    """Daily returns drawn again in blocks: the share of curves that end below their start, quantiles (5, 50 and 95 %)
    of the return, and the drawdown that 5 % of the curves exceed (negative). `block` is the mean length, in days."""

    paths: int
    days: int
    block: float
    below_start: float
    low: float
    median: float
    high: float
    worst_drawdown: float


class Robustness(Struct, frozen=True, kw_only=True):
    """`base` is the study as it is, entered without delay. `skipped` is None without trades, `resampled` with fewer
    than 20 days or a curve that fell to 0."""

    base: Summary
    parameters: tuple[Varied, ...]
    exits: tuple[Varied, ...]
    delays: tuple[Varied, ...]
    noise: tuple[Varied, ...]
    costs: tuple[Varied, ...]
    skipped: Skipped | None
    resampled: Resampled | None
    sentence: str

    @property
    def varied(self) -> tuple[Varied, ...]:
        """All runs but the first."""
        return (*self.parameters, *self.exits, *self.delays, *self.noise, *self.costs)


def robustness(
    study: Study,
    *,
    share: float = 0.2,
    noise: float = 0.001,
    noise_runs: int = 5,
    skip: float = 0.1,
    draws: int = 1000,
    paths: int = 1000,
    seed: int | None = None,
    spread: MapStudies = map_studies,
) -> Robustness:
    """Run the study again with every number of the strategy and of the book's exits moved by `share`, entries 1 to 5
    bars late, prices off by up to `noise`, and costs times 1.5, 2 and 3; leave out `skip` of its trades, and draw its
    days again in blocks.

    `seed` is the study's own unless given; the same seed gives the same answer.
    """
    seed = study.seed if seed is None else seed
    moved = [Parameter(near.name, near.other) for near in neighbours(study, share)]
    elsewhere = [ExitLevel(near.name, near.other) for near in exit_neighbours(study, share)]
    late = [Delay(bars) for bars in DELAYS]
    off = [Noise(noise, seed + number) for number in range(noise_runs)]
    dearer = [CostTimes(factor) for factor in COSTS]
    variations: list[Variation] = [*moved, *elsewhere, *late, *off, *dearer]
    found = [Varied(*pair) for pair in zip(variations, spread(trial, study, variations), strict=True)]
    result = run(study)
    base = summary(study, result)
    parts = {kind: tuple(each for each in found if isinstance(each.variation, kind)) for kind in _KINDS}
    skipped = _skipped(study, result, skip, draws, seed)
    resampled = _resampled(traded_equity(study, result)[1], paths, seed)
    return Robustness(
        base=base,
        parameters=parts[Parameter],
        exits=parts[ExitLevel],
        delays=parts[Delay],
        noise=parts[Noise],
        costs=parts[CostTimes],
        skipped=skipped,
        resampled=resampled,
        sentence=_sentence(base, (*parts[Parameter], *parts[ExitLevel]), found, skipped, resampled),
    )


_KINDS = (Parameter, ExitLevel, Delay, Noise, CostTimes)


def trial(study: Study, variation: Variation) -> Summary:
    """What the study comes to with one thing changed."""
    return summary_of(varied(study, variation))


def varied(study: Study, variation: Variation) -> Study:
    match variation:
        case Parameter(name, value):
            return study.with_parameters({name: value})
        case ExitLevel(name, value):
            book = structs.replace(study.book, exits=structs.replace(study.book.exits, **{name: value}))
            return structs.replace(study, book=book)
        case Delay(bars):
            return structs.replace(study, delay=study.delay + bars)
        case Noise(size, seed):
            return structs.replace(study, panel=noisy(study.panel, size, seed))
        case CostTimes(factor):
            costs = study.costs
            impact = None if costs.impact is None else costs.impact * factor
            impacts = {name: value * factor for name, value in costs.impacts.items()}
            dearer = structs.replace(
                costs, fee=costs.fee * factor, slippage=costs.slippage * factor, impact=impact, impacts=impacts
            )
            return structs.replace(study, costs=dearer)


def _skipped(study: Study, result: Result, share: float, draws: int, seed: int) -> Skipped | None:
    pnl = result.trades.pnl
    if not pnl.size:
        return None
    rng = np.random.default_rng(seed)
    kept = rng.random((draws, pnl.size)).argsort(axis=1) >= math.ceil(share * pnl.size)
    returns = kept @ pnl / study.book.capital
    low, median, high = (float(value) for value in np.quantile(returns, (0.05, 0.5, 0.95)))
    losing = float(np.mean(returns < 0))
    return Skipped(share=share, draws=draws, low=low, median=median, high=high, losing=losing)


def _resampled(equity: Floats, paths: int, seed: int) -> Resampled | None:
    if len(equity) <= LEAST_DAYS or not (equity > 0).all():
        return None
    returns = equity[1:] / equity[:-1] - 1
    block = optimal_block(returns).stationary
    curves = np.cumprod(1 + block_bootstrap(returns, block=block, paths=paths, seed=seed), axis=1)
    peaks = np.maximum(np.maximum.accumulate(curves, axis=1), 1.0)
    ends, depths = curves[:, -1] - 1, (curves / peaks - 1).min(axis=1)
    low, median, high = (float(value) for value in np.quantile(ends, (0.05, 0.5, 0.95)))
    return Resampled(
        paths=paths,
        days=returns.size,
        block=block,
        below_start=float(np.mean(ends < 0)),
        low=low,
        median=median,
        high=high,
        worst_drawdown=float(np.quantile(depths, 0.05)),
    )


def _sentence(
    base: Summary,
    moved: Sequence[Varied],
    found: Sequence[Varied],
    skipped: Skipped | None,
    resampled: Resampled | None,
) -> str:
    if not base.trades:
        return "It made no trade, so there is nothing to shake."
    earning = sum(each.summary.total_return > 0 for each in found)
    text = f"It returns {percent(base.total_return)} in {count(base.trades, 'trade')}, and {earning} of {len(found)}"
    text += " changed runs earn"
    returns = [each.summary.total_return for each in moved]
    if returns:
        text += f", {percent(min(returns))} to {percent(max(returns))} with one number moved"
    breaks = next(
        (each for each in found if base.total_return > 0 and each.summary.total_return <= 0 and _is_harsh(each)), None
    )
    if breaks is not None:
        text += f"; {named(breaks.variation)} ends the profit"
    if resampled is not None:
        text += (
            f"; {resampled.below_start * 100:.0f} % of resampled curves end below their start and 5 % fall by more than"
            f" {abs(resampled.worst_drawdown) * 100:.1f} %"
        )
    elif skipped is not None:
        text += f"; {skipped.losing * 100:.0f} % of draws without {skipped.share * 100:g} % of the trades lose"
    return f"{text}."


def _is_harsh(each: Varied) -> bool:
    return isinstance(each.variation, Delay | CostTimes)


def named(variation: Variation) -> str:
    """The variation in words."""
    match variation:
        case Delay(bars):
            return f"entering {count(bars, 'bar')} late"
        case CostTimes(factor):
            return f"{factor:g} times the costs"
        case Noise(size, seed):
            return f"noise of {size * 100:g} % (seed {seed})"
        case Parameter(name, value):
            return f"{name} = {value:g}"
        case ExitLevel(name, value):
            return f"exits.{name} = {value:g}"
