"""Paths with jumps (Merton 1976), and the jumps that scored headlines and a calendar let one expect.

The table below is judgement, not a fit: it says how much rougher the near future is taken to be, never in which
direction the price is expected to go, because every jump is compensated in the drift. No news is a geometric Brownian
motion exactly.

| headline, by the size of its score | jumps a day when fresh | deviation of a jump | volatility when fresh |
|---|---|---|---|
| 0.30 to 0.60 | 0.25 | 1 % | x 1.10 |
| 0.60 to 0.85 | 1.00 | 2 % | x 1.25 |
| 0.85 to 1.00 | 3.00 | 4 % | x 1.50 |

Rate and extra volatility halve every 6 hours and end after 48. The mean of a jump is half its deviation, with the sign
of the score. Headlines of one row and one sign are taken for one story: the freshest counts.

| calendar | jumps expected at its moment | deviation of a jump |
|---|---|---|
| low | 0.10 | 0.5 % |
| medium | 0.30 | 1 % |
| high | 0.75 | 2 % |
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from tradeterm.quant import require
from tradeterm.quant.montecarlo import compounded
from tradeterm.quant.require import Floats
from tradeterm.quant.simulation import Seed, generator

HOUR_MS = 3_600_000
HALF_LIFE_HOURS = 6.0
FORGOTTEN_HOURS = 48.0


class HeadlineEffect(NamedTuple):
    """One row of the table: from which size of score, and what a fresh headline of that size does."""

    least_score: float
    jumps_per_day: float
    deviation: float
    volatility: float


class CalendarEffect(NamedTuple):
    """What one calendar entry does at its moment."""

    jumps: float
    deviation: float


class Impact(StrEnum):
    """How much a calendar entry is said to matter."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


HEADLINE_EFFECTS = (
    HeadlineEffect(0.85, 3.00, 0.04, 1.50),
    HeadlineEffect(0.60, 1.00, 0.02, 1.25),
    HeadlineEffect(0.30, 0.25, 0.01, 1.10),
)
CALENDAR_EFFECTS = (
    (Impact.LOW, CalendarEffect(0.10, 0.005)),
    (Impact.MEDIUM, CalendarEffect(0.30, 0.010)),
    (Impact.HIGH, CalendarEffect(0.75, 0.020)),
)


class Headline(msgspec.Struct, frozen=True):
    """When it was published (UTC, ms) and how it was scored, from -1 (very bad) to 1 (very good)."""

    ts: int
    score: float


class CalendarEntry(msgspec.Struct, frozen=True):
    """When it takes place, when that became known (both UTC, ms), and how much it matters."""

    ts: int
    ts_known: int
    impact: Impact


class Jumps(NamedTuple):
    """One source of jumps: the number expected in a step (of every step, or an array of one for each), and the mean and
    deviation of the log jump. For Merton's rate λ a year that number is λ·horizon/steps."""

    per_step: float | Floats
    mean: float
    deviation: float


class NewsEffect(NamedTuple):
    """For `event_paths`: the jumps, a factor on the volatility of each step, and how many items counted and did not."""

    jumps: tuple[Jumps, ...]
    volatility_factor: Floats
    used: int
    ignored: int


def event_paths(
    spot: float,
    drift: float,
    volatility: float,
    horizon: float,
    steps: int,
    jumps: Sequence[Jumps] = (),
    paths: int = 1000,
    seed: Seed = 0,
    *,
    volatility_factor: ArrayLike = 1.0,
) -> Floats:
    """Merton's jump diffusion: (paths, steps + 1), in the units of `montecarlo.gbm_paths`.

    The drift is compensated for the jumps, so E[S_T] = spot·exp(drift·horizon) with or without them. The sources are
    independent of each other. `volatility_factor` multiplies the volatility, of all steps or of each. Without jumps and
    with factor 1 these are the paths of `gbm_paths` for the same seed.
    """
    require.positive(spot=spot, horizon=horizon)
    require.finite(drift=drift)
    require.not_negative(volatility=volatility)
    require.count(steps=steps, paths=paths)
    for source in jumps:
        require.finite(mean=source.mean)
        require.not_negative(deviation=source.deviation)
    expected = [_each_step("the expected number of jumps", source.per_step, steps) for source in jumps]
    rough = volatility * _each_step("the volatility factor", volatility_factor, steps)
    step = horizon / steps
    mean = (drift - rough * rough / 2) * step
    for source, numbers in zip(jumps, expected, strict=True):
        mean -= numbers * math.expm1(source.mean + source.deviation**2 / 2)
    rng = generator(seed)
    out = np.empty((steps + 1, paths))
    moves = out[1:]
    rng.standard_normal(out=moves)
    moves *= (rough * math.sqrt(step))[:, np.newaxis]
    moves += mean[:, np.newaxis]
    for source, numbers in zip(jumps, expected, strict=True):
        _add_jumps(moves, source, numbers, rng)
    return compounded(out, spot)


def news_effect(
    headlines: Sequence[Headline], calendar: Sequence[CalendarEntry], *, start: int, end: int, steps: int
) -> NewsEffect:
    """What is known at `start` turned into jumps for `steps` equal steps from `start` to `end` (UTC, ms).

    A headline counts if it was published before `start`, at most 48 hours before, and scores 0.3 or more either way. A
    calendar entry counts if it was known before `start` and takes place in [start, end). The rest is only counted.
    Raises ValueError for a score outside -1 to 1 and an end that is not after the start.
    """
    require.count(steps=steps)
    if end <= start:
        raise ValueError("the end must come after the start")
    edges = (end - start) / HOUR_MS * np.arange(steps + 1) / steps
    factor = np.ones(steps)
    freshest: dict[tuple[HeadlineEffect, int], float] = {}
    used = 0
    for headline in headlines:
        if not -1 <= headline.score <= 1:
            raise ValueError(f"a headline's score must lie between -1 and 1, not {headline.score}")
        age = (start - headline.ts) / HOUR_MS
        effect = _effect_of(headline.score)
        if effect is None or not 0 < age <= FORGOTTEN_HOURS:
            continue
        used += 1
        story = effect, 1 if headline.score > 0 else -1
        freshest[story] = min(age, freshest.get(story, age))
    jumps = []
    for (effect, sign), age in sorted(freshest.items()):
        left: Floats = 0.5 ** (np.minimum(age + edges, FORGOTTEN_HOURS) / HALF_LIFE_HOURS)
        per_step = (left[:-1] - left[1:]) * (effect.jumps_per_day / 24 * HALF_LIFE_HOURS / math.log(2))
        jumps.append(Jumps(per_step, sign * effect.deviation / 2, effect.deviation))
        fresh = np.where(age + edges[:-1] < FORGOTTEN_HOURS, left[:-1], 0.0)
        factor = np.maximum(factor, 1 + (effect.volatility - 1) * fresh)
    for impact, lump in CALENDAR_EFFECTS:
        moments = [item.ts for item in calendar if item.impact == impact and _counts(item, start, end)]
        if moments:
            used += len(moments)
            steps_of = [(moment - start) * steps // (end - start) for moment in moments]
            at_step: Floats = lump.jumps * np.bincount(steps_of, minlength=steps).astype(np.float64)
            jumps.append(Jumps(at_step, 0.0, lump.deviation))
    return NewsEffect(tuple(jumps), factor, used, len(headlines) + len(calendar) - used)


def _counts(item: CalendarEntry, start: int, end: int) -> bool:
    return item.ts_known < start <= item.ts < end


def _effect_of(score: float) -> HeadlineEffect | None:
    return next((effect for effect in HEADLINE_EFFECTS if abs(score) >= effect.least_score), None)


def _each_step(what: str, values: ArrayLike, steps: int) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in {(), (steps,)}:
        raise ValueError(f"{what} must be one number or one for each of the {steps} steps, not shape {array.shape}")
    if not np.isfinite(array).all() or (array < 0).any():
        raise ValueError(f"{what} must be finite and not negative")
    return np.broadcast_to(array, (steps,))


def _add_jumps(moves: Floats, source: Jumps, numbers: Floats, rng: np.random.Generator) -> None:
    steps, paths = moves.shape
    total = float(numbers.sum())
    if total > steps:
        counts = rng.poisson(numbers[:, np.newaxis], moves.shape)
        moves += source.mean * counts + source.deviation * np.sqrt(counts) * rng.standard_normal(moves.shape)
    elif total > 0:
        # Rare jumps, all at once: their total is Poisson, and given it each falls on a path and step of its own.
        drawn = int(rng.poisson(total * paths))
        step = np.searchsorted(np.cumsum(numbers)[:-1], rng.random(drawn) * total, side="right")
        sizes = source.mean + source.deviation * rng.standard_normal(drawn)
        np.add.at(moves, (step, rng.integers(paths, size=drawn)), sizes)
