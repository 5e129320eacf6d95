"""Where a price may go: the same question asked of models that know more and more of how it has moved.

None of them knows where to: a recent mean is no forecast, so the expected price is the last one in each (GARCH comes
near it, its volatility being random). Steps are bars; a market that closes has no steps overnight, and its nights are
among the moves the models were fitted on.
"""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum

import numpy as np
from msgspec import Struct

from tradeterm.feeds.table import Floats
from tradeterm.quant import (
    CalendarEntry,
    Estimate,
    Headline,
    Simulation,
    event_paths,
    fit_garch,
    fit_hmm,
    garch_paths,
    garch_refusal,
    gbm_paths,
    hmm_refusal,
    news_effect,
    regime_paths,
)
from tradeterm.quant.simulation import BAND_LEVELS
from tradeterm.research.known_bars import KnownBars

LEAST_RETURNS = 100


class Level(StrEnum):
    """How much a model knows: one volatility; calm and rough times; clustering and fat tails; news."""

    GBM = "gbm"
    REGIME = "regime"
    GARCH = "garch"
    EVENTS = "events"


class Question(Struct, frozen=True, kw_only=True):
    """What is asked: `steps` bars ahead; the target and the stop are prices on either side of the last one."""

    steps: int
    paths: int = 1000
    seed: int = 0
    target: float | None = None
    stop: float | None = None
    headlines: Sequence[Headline] = ()
    calendar: Sequence[CalendarEntry] = ()


class Chance(Struct, frozen=True):
    probability: float
    standard_error: float


class Mean(Struct, frozen=True):
    price: float
    standard_error: float


class PriceBand(Struct, frozen=True):
    """The prices between which the middle `level` of the paths end, each with its standard error."""

    level: float
    low: float
    low_error: float
    high: float
    high_error: float


class Outlook(Struct, frozen=True, kw_only=True):
    """What one model says; `model` is what it took from the bars. Without enough of them `missing` says why, and there
    are no figures."""

    level: Level
    model: str = ""
    missing: str = ""
    up: Chance | None = None
    target_first: Chance | None = None
    stop_first: Chance | None = None
    neither: Chance | None = None
    mean: Mean | None = None
    bands: tuple[PriceBand, ...] = ()


class _NoModel(Exception):
    """In words: what is missing."""


def price_outlook(level: Level, bars: KnownBars, question: Question) -> Outlook:
    """What one model says of the price after the last of the bars.

    Raises ValueError where the last price does not lie between target and stop.
    """
    returns = bars.returns
    if returns.size < LEAST_RETURNS:
        return Outlook(level=level, missing=f"not enough data: {returns.size + 1} of {LEAST_RETURNS + 1} bars")
    try:
        paths, model = _MODELS[level](bars, returns, question)
    except _NoModel as error:
        return Outlook(level=level, missing=str(error))
    simulation = Simulation(paths, question.seed)
    summary = simulation.summary(question.target, question.stop)
    return Outlook(
        level=level,
        model=model,
        up=_chance(summary.up),
        target_first=_chance(summary.target_first) if question.target is not None else None,
        stop_first=_chance(summary.stop_first) if question.stop is not None else None,
        neither=_chance(summary.neither),
        mean=Mean(summary.mean, summary.mean_error),
        bands=_bands(paths[:, -1]),
    )


def _chance(found: Estimate | None) -> Chance | None:
    return None if found is None else Chance(*found)


def _gbm(bars: KnownBars, returns: Floats, question: Question) -> tuple[Floats, str]:
    volatility = float(returns.std(ddof=1))
    paths = gbm_paths(
        float(bars.close[-1]), 0.0, volatility, question.steps, question.steps, question.paths, question.seed
    )
    return paths, f"volatility {_percent(volatility)} a bar"


def _regime(bars: KnownBars, returns: Floats, question: Question) -> tuple[Floats, str]:
    fit = fit_hmm(returns, states=2, seed=question.seed)
    if fit is None or not fit.converged:
        raise _NoModel(f"no fit: {hmm_refusal(returns) or 'it did not converge'}")
    now, volatilities = fit.filter(returns)[-1], np.sqrt(fit.variances)
    paths = regime_paths(
        float(bars.close[-1]),
        fit.transition,
        -fit.variances / 2,
        volatilities,
        now,
        question.steps,
        question.paths,
        question.seed,
    )
    calm, rough = volatilities
    return paths, f"calm {_percent(calm)} and rough {_percent(rough)} a bar, calm now with probability {now[0]:.2f}"


def _garch(bars: KnownBars, returns: Floats, question: Question) -> tuple[Floats, str]:
    fit = fit_garch(returns, "gjr")
    if fit is None or not fit.converged:
        raise _NoModel(f"no fit: {garch_refusal(returns) or 'it did not converge'}")
    paths = garch_paths(
        float(bars.close[-1]),
        fit.omega,
        fit.alpha,
        fit.gamma,
        fit.beta,
        fit.next_variance,
        question.steps,
        question.paths,
        question.seed,
        mean=-float(fit.forecast(question.steps).mean()) / 2,
        residuals=fit.residuals,
    )
    rough = ", hardly returns to its mean: take it with care" if fit.nearly_integrated else ""
    return paths, f"next bar {_percent(math.sqrt(fit.next_variance))}, persistence {fit.persistence:.3f}{rough}"


def _events(bars: KnownBars, returns: Floats, question: Question) -> tuple[Floats, str]:
    start = int(bars.ts[-1])
    effect = news_effect(
        question.headlines,
        question.calendar,
        start=start,
        end=start + question.steps * bars.interval_ms,
        steps=question.steps,
    )
    volatility = float(returns.std(ddof=1))
    paths = event_paths(
        float(bars.close[-1]),
        0.0,
        volatility,
        question.steps,
        question.steps,
        effect.jumps,
        question.paths,
        question.seed,
        volatility_factor=effect.volatility_factor,
    )
    return (
        paths,
        f"volatility {_percent(volatility)} a bar, {effect.used} of {effect.used + effect.ignored} events count",
    )


_MODELS: dict[Level, Callable[[KnownBars, Floats, Question], tuple[Floats, str]]] = {
    Level.GBM: _gbm,
    Level.REGIME: _regime,
    Level.GARCH: _garch,
    Level.EVENTS: _events,
}


def _bands(ends: Floats) -> tuple[PriceBand, ...]:
    bands = []
    for level in BAND_LEVELS:
        tail = (1 - level) / 2
        bands.append(PriceBand(level, *_quantile(ends, tail), *_quantile(ends, 1 - tail)))
    return tuple(bands)


def _quantile(ends: Floats, p: float) -> tuple[float, float]:
    """A quantile and its standard error: half the distance of the quantiles √(p(1−p)/n) to either side."""
    spread = math.sqrt(p * (1 - p) / ends.size)
    low, middle, high = np.quantile(ends, (max(0.0, p - spread), p, min(1.0, p + spread))).tolist()
    return middle, (high - low) / 2


def _percent(fraction: float) -> str:
    return f"{fraction * 100:.3f} %"
