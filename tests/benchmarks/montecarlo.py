"""Simulated paths against the bare time of their random numbers: `python tests/benchmarks/montecarlo.py [repeats]`.

Each level draws 1000 paths of 48 steps. Beside it stands the time of drawing just the numbers it uses, the same kind
and count with the same generator, taken in turns with it so that another program's work falls on both. The budget:
twice that time. Prints the fastest of one run's repeats, which another program disturbed least; asserts nothing.
"""

import sys
import time
from collections.abc import Callable

import numpy as np

from tradeterm.quant.events import Jumps, event_paths
from tradeterm.quant.montecarlo import correlated_paths, garch_paths, gbm_paths, regime_paths
from tradeterm.quant.simulation import Simulation, generator

PATHS, STEPS, ASSETS, RESIDUALS = 1000, 48, 10, 1000
JUMPS_PER_STEP = 3 / STEPS
RESIDUAL_SAMPLE = generator(1).standard_normal(RESIDUALS)
CORRELATION = 0.4 + 0.6 * np.eye(ASSETS)

Job = Callable[[], object]


def normals(count: int = PATHS * STEPS) -> None:
    """The draws of one price path a row."""
    generator(7).standard_normal(count)


def regime_draws() -> None:
    """A normal and a uniform number for each step, and a uniform one for each first state."""
    rng = generator(7)
    rng.standard_normal(PATHS * STEPS)
    rng.random(PATHS * (STEPS + 1))


def residual_draws() -> None:
    """The place of a residual for each step."""
    generator(7).integers(RESIDUALS, size=PATHS * STEPS)


def jump_draws() -> None:
    """The diffusion's normals, and three numbers for each jump there is."""
    rng = generator(7)
    rng.standard_normal(PATHS * STEPS)
    drawn = int(rng.poisson(JUMPS_PER_STEP * STEPS * PATHS))
    rng.random(drawn)
    rng.standard_normal(drawn)
    rng.integers(PATHS, size=drawn)


def student_draws() -> None:
    """A normal for each asset and step, and a chi-square for each step."""
    rng = generator(7)
    rng.standard_normal(PATHS * STEPS * ASSETS)
    rng.chisquare(4.0, PATHS * STEPS)


def levels() -> dict[str, tuple[Job, Job]]:
    """Each level with the draws it is measured against."""
    two = [[0.97, 0.03], [0.10, 0.90]]
    three = [[0.95, 0.04, 0.01], [0.04, 0.92, 0.04], [0.02, 0.08, 0.90]]
    many = [100.0] * ASSETS, [0.0] * ASSETS, [0.4] * ASSETS, CORRELATION, 48 / 8760, STEPS, PATHS, 7
    garch = 100.0, 1e-6, 0.05, 0.05, 0.9, 1e-4, STEPS, PATHS, 7
    jumps = [Jumps(JUMPS_PER_STEP, -0.01, 0.02)]
    paths = gbm_paths(100.0, 0.0, 0.4, 48 / 8760, STEPS, PATHS, 7)
    return {
        "GBM": (lambda: gbm_paths(100.0, 0.0, 0.4, 48 / 8760, STEPS, PATHS, 7), normals),
        "GBM, antithetic": (
            lambda: gbm_paths(100.0, 0.0, 0.4, 48 / 8760, STEPS, PATHS, 7, antithetic=True),
            lambda: normals(PATHS * STEPS // 2),
        ),
        "GBM, the end only": (lambda: gbm_paths(100.0, 0.0, 0.4, 48 / 8760, 1, PATHS, 7), lambda: normals(PATHS)),
        "regimes, 2 states": (
            lambda: regime_paths(100.0, two, [0, 0], [0.005, 0.02], [0.8, 0.2], STEPS, PATHS, 7),
            regime_draws,
        ),
        "regimes, 3 states": (
            lambda: regime_paths(100.0, three, [0, 0, 0], [0.005, 0.01, 0.02], [0.8, 0.1, 0.1], STEPS, PATHS, 7),
            regime_draws,
        ),
        "GARCH, normal": (lambda: garch_paths(*garch), normals),
        "GARCH, residuals": (lambda: garch_paths(*garch, residuals=RESIDUAL_SAMPLE), residual_draws),
        "jumps, 3 a path": (lambda: event_paths(100.0, 0.0, 0.4, 48 / 8760, STEPS, jumps, PATHS, 7), jump_draws),
        "10 assets, normal": (lambda: correlated_paths(*many), lambda: normals(PATHS * STEPS * ASSETS)),
        "10 assets, Student-t": (lambda: correlated_paths(*many, degrees_of_freedom=4.0), student_draws),
        "(summary of GBM)": (lambda: Simulation(paths, 7).summary(101.0, 99.0), normals),
    }


def milliseconds(job: Job) -> float:
    """One call."""
    began = time.perf_counter_ns()
    job()
    return (time.perf_counter_ns() - began) / 1e6


def main() -> None:
    """Print each level, its draws, and the ratio of the two."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    lines = [f"{PATHS} paths of {STEPS} steps, fastest of {repeats}", f"{'':22}{'ms':>8}{'draws':>8}{'ratio':>8}"]
    for name, (job, draws) in levels().items():
        job(), draws()
        few = max(5, repeats // 10) if "10 assets" in name else repeats
        took = [(milliseconds(job), milliseconds(draws)) for _ in range(few)]
        level, bare = (min(times) for times in zip(*took, strict=True))
        lines.append(f"{name:22}{level:8.3f}{bare:8.3f}{level / bare:8.2f}")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
