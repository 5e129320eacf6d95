"""Random draws that can be repeated, and what simulated price paths say, with the error of each figure."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradeterm.quant import require
from tradeterm.quant.require import Floats

BAND_LEVELS = (0.70, 0.90, 0.95)

Seed = int | np.random.Generator


def generator(seed: Seed) -> np.random.Generator:
    """The generator itself, or a new one for the whole number: the same number, the same draws.

    SFC64 because it is the fastest of numpy's generators, and normal draws are most of the work.
    """
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"a seed must be a whole number of zero or more, not {seed!r}")
    return np.random.Generator(np.random.SFC64(int(seed)))


class Estimate(NamedTuple):
    """A simulated probability and its standard error."""

    probability: float
    standard_error: float


class Band(NamedTuple):
    """The prices between which the middle `level` of the paths end."""

    level: float
    low: float
    high: float


class Summary(NamedTuple):
    """What the paths say: `up` ends above the start; the passages are None where no target or stop was asked for."""

    n: int
    seed: int | None
    mean: float
    mean_error: float
    up: Estimate
    target_first: Estimate | None
    stop_first: Estimate | None
    neither: Estimate | None
    bands: tuple[Band, ...]


class Simulation(msgspec.Struct, frozen=True):
    """Simulated prices with what is needed to make them again.

    `paths` is (n, steps + 1), the first column the start, prices above zero; `seed` is None where the paths come from
    elsewhere; `antithetic` says that path i + n/2 mirrors path i, so that errors are computed from the pairs.
    """

    paths: Floats
    seed: int | None = None
    antithetic: bool = False

    def __post_init__(self) -> None:
        paths = require.finite_array("paths", self.paths, dimensions=2)
        if paths.shape[1] < 2 or paths.min() <= 0 or np.ptp(paths[:, 0]) != 0:
            raise ValueError("paths need one common start, at least one step and prices above zero")
        if self.antithetic and self.n % 2:
            raise ValueError("antithetic paths come in pairs: their number must be even")

    @property
    def n(self) -> int:
        """The number of paths."""
        return int(self.paths.shape[0])

    def summary(
        self, target: float | None = None, stop: float | None = None, levels: Sequence[float] = BAND_LEVELS
    ) -> Summary:
        """Probabilities with standard errors, the mean of the end prices and their bands.

        Target and stop are watched at the steps only (`barriers.first_passage(..., checks=steps)` predicts that).
        """
        last = self.paths[:, -1]
        first: tuple[Estimate, ...] | tuple[None, ...] = (None, None, None)
        if target is not None or stop is not None:
            touched = first_touch(self.paths, target, stop)
            first = tuple(self.estimate(touched == code) for code in (1, -1, 0))
        low, high = self._quantiles(last, levels)
        mean, mean_error = self._mean(last)
        return Summary(
            n=self.n,
            seed=self.seed,
            mean=mean,
            mean_error=mean_error,
            up=self.estimate(last > self.paths[0, 0]),
            target_first=first[0],
            stop_first=first[1],
            neither=first[2],
            bands=tuple(Band(level, float(a), float(b)) for level, a, b in zip(levels, low, high, strict=True)),
        )

    def bands(self, levels: Sequence[float] = BAND_LEVELS) -> Floats:
        """The lower and upper edge of each band at every step: (levels, 2, steps + 1), for a fan chart."""
        return np.stack(self._quantiles(self.paths, levels), axis=1)

    def estimate(self, happened: NDArray[np.bool_]) -> Estimate:
        """The probability of what happened on some of the paths (one truth per path)."""
        if not self.antithetic:
            return proportion(happened)
        return Estimate(*self._mean(happened.astype(np.float64)))

    def _mean(self, values: Floats) -> tuple[float, float]:
        """The mean of one value per path, and its standard error; NaN for one path or one pair."""
        if self.antithetic:
            half = self.n // 2
            values = (values[:half] + values[half:]) / 2
        if values.size < 2:
            return float(values.mean()), math.nan
        return float(values.mean()), float(values.std(ddof=1)) / math.sqrt(values.size)

    def _quantiles(self, prices: Floats, levels: Sequence[float]) -> tuple[Floats, Floats]:
        for level in levels:
            if not 0 < level < 1:
                raise ValueError(f"a band's level must lie between 0 and 1, not {level}")
        tails = [(1 - level) / 2 for level in levels]
        edges = np.quantile(prices, tails + [1 - tail for tail in tails], axis=0)
        return edges[: len(tails)], edges[len(tails) :]


def proportion(happened: NDArray[np.bool_]) -> Estimate:
    """The share of independent trials in which it happened, with the error √(p(1−p)/n)."""
    p = float(np.mean(happened))
    return Estimate(p, math.sqrt(p * (1 - p) / happened.size))


def first_touch(paths: Floats, target: float | None = None, stop: float | None = None) -> NDArray[np.int8]:
    """Per path 1 if the target is touched first, −1 if the stop is, 0 if neither; a missing level is never touched.

    Long where the target is above the start (or the stop below it), else short. Raises ValueError where both are on
    one side of the start or one is equal to it.
    """
    start = float(paths[0, 0])
    levels = {"target": target, "stop": stop}
    require.positive(**{name: level for name, level in levels.items() if level is not None})
    above = start < (target if target is not None else math.inf if stop is not None and stop < start else -math.inf)
    if (target is not None and target == start) or (stop is not None and (stop == start or (stop > start) == above)):
        raise ValueError(f"the start {start} must lie between target {target} and stop {stop}")
    won, lost = _first_step(paths, target, above), _first_step(paths, stop, not above)
    return np.asarray(np.sign(lost - won), dtype=np.int8)


def _first_step(paths: Floats, level: float | None, above: bool) -> NDArray[np.intp]:
    never = paths.shape[1]
    if level is None:
        return np.full(paths.shape[0], never, dtype=np.intp)
    hit = paths >= level if above else paths <= level
    return np.asarray(np.where(hit.any(axis=1), hit.argmax(axis=1), never), dtype=np.intp)
