"""Closed forms for a geometric Brownian motion: above a level at the end, touching one, one level before another.

Units: `drift` and `volatility` are per year and `horizon` is in years; any other unit does, if all three share it.
`drift` is that of the price (E[S_T] = S·exp(drift·T)), so the logarithm drifts by `drift − volatility²/2`.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.special import erfcx, ndtr

from tradeterm.quant import require
from tradeterm.quant.require import Floats

# −ζ(1/2)/√(2π) (Broadie, Glasserman & Kou 1997).
DISCRETE_SHIFT = 0.5825971579390106


class FirstPassage(NamedTuple):
    """Probabilities that the target is touched first, that the stop is, and that neither is. They sum to one."""

    target: float
    stop: float
    neither: float


def prob_above(spot: float, level: float, drift: float, volatility: float, horizon: float) -> float:
    """P(S_T > level) at the horizon.

    With no volatility the price goes to spot·exp(drift·horizon) for certain and the answer is 0 or 1.
    Raises ValueError for numbers that are not finite, prices or a horizon of zero or less, negative volatility.
    """
    _check(spot, drift, volatility, horizon)
    require.positive(level=level)
    distance = math.log(spot / level)
    if volatility == 0:
        return float(distance + drift * horizon > 0)
    spread = volatility * math.sqrt(horizon)
    return float(ndtr((distance + drift * horizon) / spread - spread / 2))


def prob_touch(
    spot: float, level: float, drift: float, volatility: float, horizon: float, checks: int | None = None
) -> float:
    """The probability that the price reaches `level`, above or below `spot`, within the horizon (reflection principle).

    Watched continuously, or at `checks` evenly spaced moments (the last one at the horizon): then the barrier is moved
    away by 0.5826·volatility·√(horizon/checks) in logarithm (Broadie, Glasserman & Kou 1997). 1 where spot = level.
    """
    _check(spot, drift, volatility, horizon)
    require.positive(level=level)
    if level == spot:
        return 1.0
    away = abs(math.log(level / spot)) + _shift(volatility, horizon, checks)
    log_drift = drift - volatility * volatility / 2
    return brownian_touch(away, log_drift if level > spot else -log_drift, volatility, horizon)


def brownian_touch(distance: float, drift: float, volatility: float, horizon: float | None = None) -> float:
    """The probability that a Brownian motion with drift, started at 0, reaches `distance` > 0 within the horizon.

    No horizon means ever. Drift and volatility are those of the motion itself; there is no logarithm here.
    """
    require.positive(distance=distance)
    require.finite(drift=drift)
    require.not_negative(volatility=volatility)
    if horizon is None:
        if drift >= 0:
            return float(drift > 0 or volatility > 0)
        return 0.0 if volatility == 0 else math.exp(2 * drift * distance / volatility / volatility)
    require.positive(horizon=horizon)
    if volatility == 0:
        return float(drift * horizon >= distance)
    spread = volatility * math.sqrt(horizon)
    scaled = distance / spread
    return min(1.0, float(_image(np.array([scaled]), scaled, drift * horizon / spread)[0]))


def first_passage(
    spot: float,
    target: float,
    stop: float,
    drift: float,
    volatility: float,
    horizon: float | None = None,
    checks: int | None = None,
) -> FirstPassage:
    """Which of `target` and `stop` is touched first; long if the target is above `spot`, short if it is below.

    No horizon means no time limit (the gambler's ruin of a Brownian motion). With a horizon the double-barrier series
    is summed: images where the barriers are far, eigenfunctions where they are near (Cox & Miller 1965, ch. 5).
    `checks` is as in `prob_touch` and needs a horizon. Raises ValueError unless spot lies between the two.
    """
    _check(spot, drift, volatility, 1.0 if horizon is None else horizon)
    require.positive(target=target, stop=stop)
    if not min(target, stop) < spot < max(target, stop):
        raise ValueError(f"spot {spot} must lie between target {target} and stop {stop}")
    if horizon is None and checks is not None:
        raise ValueError("a number of checks needs a horizon to spread them over")
    shift = 0.0 if horizon is None else _shift(volatility, horizon, checks)
    gain = abs(math.log(target / spot)) + shift
    risk = abs(math.log(stop / spot)) + shift
    log_drift = drift - volatility * volatility / 2
    towards = log_drift if target > spot else -log_drift
    if volatility == 0:
        return _certain_passage(gain, risk, towards, horizon)
    if horizon is None:
        rate = 2 * towards / volatility / volatility
        won = _gamble(gain, risk, rate)
        return FirstPassage(won, 1 - won, 0.0)
    spread = volatility * math.sqrt(horizon)
    mean = towards * horizon / spread
    won = min(1.0, max(0.0, _up_before_down(gain / spread, risk / spread, mean)))
    lost = min(1.0 - won, max(0.0, _up_before_down(risk / spread, gain / spread, -mean)))
    return FirstPassage(won, lost, 1 - won - lost)


def _check(spot: float, drift: float, volatility: float, horizon: float) -> None:
    require.positive(spot=spot, horizon=horizon)
    require.finite(drift=drift)
    require.not_negative(volatility=volatility)


def _shift(volatility: float, horizon: float, checks: int | None) -> float:
    if checks is None:
        return 0.0
    require.count(checks=checks)
    return DISCRETE_SHIFT * volatility * math.sqrt(horizon / checks)


def _certain_passage(gain: float, risk: float, drift: float, horizon: float | None) -> FirstPassage:
    travelled = math.inf if horizon is None else abs(drift) * horizon
    if drift > 0 and travelled >= gain:
        return FirstPassage(1.0, 0.0, 0.0)
    if drift < 0 and travelled >= risk:
        return FirstPassage(0.0, 1.0, 0.0)
    return FirstPassage(0.0, 0.0, 1.0)


def _gamble(gain: float, risk: float, rate: float) -> float:
    """P(up by `gain` before down by `risk`) without time limit; rate = 2·drift/variance. No exponential overflows."""
    width = gain + risk
    if abs(rate) * width < 1e-12:
        return risk / width
    ratio = math.expm1(-abs(rate) * risk) / math.expm1(-abs(rate) * width)
    return ratio if rate > 0 else math.exp(rate * gain) * ratio


# Below, lengths are in units of volatility·√horizon and `mean` is the drift over the horizon in the same unit.


def _up_before_down(gain: float, risk: float, mean: float) -> float:
    width = gain + risk
    if width >= 1:
        turns = 2 * width * np.arange(7.0)
        images = _image(turns + gain, gain, mean).sum() - _image(turns[1:] - gain, gain, mean).sum()
        return float(images)
    n = np.arange(1, 25)
    decay = mean * mean / 2 + (n * np.pi / width) ** 2 / 2
    modes = n * (-1.0) ** (n + 1) * np.sin(n * np.pi * risk / width) / decay * np.exp(mean * gain - decay)
    return _gamble(gain, risk, 2 * mean) - float(np.pi / width**2 * modes.sum())


def _image(at: Floats, gain: float, mean: float) -> Floats:
    """exp(mean·(gain−at)) times the probability of touching `at` in unit time, without over- or underflow."""
    shared = -((gain - mean) ** 2 + (at - gain) * (at + gain)) / 2
    return _tail(at - mean, mean * (gain - at), shared) + _tail(at + mean, mean * (gain + at), shared)


def _tail(x: Floats, exponent: Floats, shared: Floats) -> Floats:
    """exp(exponent)·N(−x), where shared = exponent − x²/2 is known without cancellation."""
    right = x > 0
    far = np.exp(np.where(right, shared, 0.0)) * erfcx(np.where(right, x, 0.0) / math.sqrt(2)) / 2
    near = np.exp(np.where(right, 0.0, exponent)) * ndtr(-np.where(right, 0.0, x))
    return np.asarray(np.where(right, far, near), dtype=np.float64)
