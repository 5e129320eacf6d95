"""The fan of a run: quantiles of curves whose days are those of the run, drawn again."""

import numpy as np
import pytest

from tradeterm.domain.market import DAY_MS
from tradeterm.research.fan import equity_fan
from tradeterm.research.result import Equity


def curve(days: int, seed: int = 1) -> Equity:
    returns = np.random.default_rng(seed).normal(0.001, 0.01, days)
    value = 1000.0 * np.concatenate(([1.0], np.cumprod(1 + returns)))
    return Equity(np.arange(days + 1, dtype=np.int64) * DAY_MS, value)


def test_quantiles_begin_at_the_capital_and_lie_above_each_other() -> None:
    fan = equity_fan(curve(300), seed=3)
    assert fan is not None
    assert len(fan.ts) <= 100
    assert (fan.ts[0], fan.ts[-1]) == (0, 300 * DAY_MS)
    bands = np.array(list(fan.quantiles.values()))
    assert bands.shape == (5, len(fan.ts))
    assert (bands[:, 0] == 1000.0).all()
    assert (np.diff(bands[:, 1:], axis=0) > 0).all()


def test_the_median_grows_as_the_run_did() -> None:
    equity = curve(300)
    fan = equity_fan(equity, paths=2000)
    assert fan is not None
    assert fan.quantiles["0.5"][-1] == pytest.approx(equity.value[-1], rel=0.05)


def test_the_same_seed_gives_the_same_fan() -> None:
    assert equity_fan(curve(60), seed=7) == equity_fan(curve(60), seed=7) != equity_fan(curve(60), seed=8)


def test_too_short_and_lost_runs_have_none() -> None:
    assert equity_fan(curve(19)) is None
    lost = curve(60)
    lost.value[-1] = 0.0
    assert equity_fan(lost) is None
