"""Which variant is tried next: all of a grid, draws at random, or what earlier results suggest (Optuna's TPE)."""

import random
from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from tradeterm.domain.errors import ConfigError
from tradeterm.research.sweep.space import Axis, grid_of

if TYPE_CHECKING:
    import optuna

_WORST = -1e9
"""What a variant without a value counts as: one that did not trade teaches the search to look elsewhere."""


class Method(StrEnum):
    """GRID tries every combination, RANDOM draws, OPTUNA draws where results were good."""

    GRID = "grid"
    RANDOM = "random"
    OPTUNA = "optuna"


class Search(Protocol):
    """`ask` for the variant of trial `number` (0, 1, …, in order); `tell` what it scored (more is better, None: no
    value). The same answers give the same questions."""

    def ask(self, number: int) -> dict[str, Any]: ...

    def tell(self, number: int, score: float | None) -> None: ...


def search_of(method: Method, axes: Sequence[Axis], trials: int, seed: int) -> tuple[Search, int]:
    """A search, and how many trials it makes: `trials`, or those of the grid. Raises ConfigError."""
    if method is Method.GRID:
        grid = GridSearch(axes)
        return grid, len(grid.variants)
    if trials < 1:
        raise ConfigError(f"--trials: found {trials}, allowed 1 or more")
    if method is Method.RANDOM:
        return RandomSearch(axes, seed), trials
    return OptunaSearch(axes, seed), trials


class GridSearch:
    def __init__(self, axes: Sequence[Axis]) -> None:
        self.variants = grid_of(axes)

    def ask(self, number: int) -> dict[str, Any]:
        return self.variants[number]

    def tell(self, number: int, score: float | None) -> None:
        """A grid does not learn."""


class RandomSearch:
    """Each trial is drawn by itself, so that any of them can be drawn again."""

    def __init__(self, axes: Sequence[Axis], seed: int) -> None:
        self._axes, self._seed = tuple(axes), seed

    def ask(self, number: int) -> dict[str, Any]:
        draw = random.Random(f"{self._seed}/{number}")
        return {axis.name: _drawn(axis, draw) for axis in self._axes}

    def tell(self, number: int, score: float | None) -> None:
        """Nor do draws."""


class OptunaSearch:
    """Optuna's tree-structured Parzen estimator; trials that run side by side are asked for apart (constant liar)."""

    def __init__(self, axes: Sequence[Axis], seed: int) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._axes = tuple(axes)
        sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._asked: dict[int, optuna.trial.Trial] = {}

    def ask(self, number: int) -> dict[str, Any]:
        trial = self._asked[number] = self._study.ask()
        return {axis.name: _suggested(axis, trial) for axis in self._axes}

    def tell(self, number: int, score: float | None) -> None:
        self._study.tell(self._asked.pop(number), _WORST if score is None else score)


def _drawn(axis: Axis, draw: random.Random) -> Any:
    if not axis.is_range:
        return draw.choice(axis.values)
    return draw.randint(int(axis.low), int(axis.high)) if axis.whole else draw.uniform(axis.low, axis.high)


def _suggested(axis: Axis, trial: "optuna.trial.Trial") -> Any:
    if not axis.is_range:
        return trial.suggest_categorical(axis.name, list(axis.values))
    if axis.whole:
        return trial.suggest_int(axis.name, int(axis.low), int(axis.high))
    return trial.suggest_float(axis.name, axis.low, axis.high)
