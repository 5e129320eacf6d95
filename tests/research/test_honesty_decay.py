"""Decay: means and errors against hand and against a known edge."""

import numpy as np
import pytest
from honesty_kit import DAY_ROWS, hourly, piecewise, register, study_of, walk
from msgspec import structs
from research_kit import MONDAY

from tradeterm.domain.market import DAY_MS
from tradeterm.research.costs import Costs
from tradeterm.research.honesty.decay import decay
from tradeterm.strategies.panel import Panel


@pytest.fixture(autouse=True)
def strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def fading(half_life: float, edge: float, *, days: int = 200, noise: float = 0.0005) -> Panel:
    """After every twelfth hour the price rises by `edge`, half of it within `half_life` hours, on top of noise."""
    rows = days * DAY_ROWS
    number = (MONDAY // (DAY_MS // DAY_ROWS) + np.arange(rows) + 1) % 12
    last = np.where(number == 0, 12, number)  # hours since the signal's close
    moves = edge * (2.0 ** (-(last - 1) / half_life) - 2.0 ** (-last / half_life))
    return hourly(100 * np.exp(np.cumsum(moves + np.random.default_rng(0).normal(0, noise, rows))))


def test_by_hand() -> None:
    close = np.array([100.0] * 4 + [102.0, 101.0, 104.0, 100.0])
    panel = hourly(close)
    study = study_of(panel, parameters={"every": 10_00})
    row = 3
    phase = int(panel.ts[row] // panel.interval_ms % 1000)
    found = decay(study.with_parameters({"phase": phase}), bars=6)
    assert [each.bars for each in found.after] == [1, 2, 3, 4]
    assert [each.mean for each in found.after] == pytest.approx([0.02, 0.01, 0.04, 0.0])
    assert all(each.signals == 1 and each.standard_error is None for each in found.after)
    short = decay(study.with_parameters({"phase": phase, "side": -1}), bars=6)
    assert [each.mean for each in short.after] == pytest.approx([-0.02, -0.01, -0.04, 0.0])


@pytest.mark.parametrize("half_life", (1.0, 2.5))
def test_a_known_half_life_is_found(half_life: float) -> None:
    found = decay(study_of(fading(half_life, 0.004), parameters={"every": 12}), bars=12)
    assert found.half_life == pytest.approx(half_life, rel=0.15)
    assert found.edge == pytest.approx(0.004, rel=0.1)
    assert f"half of the edge is earned in {found.half_life:.1f} bars" in found.sentence


def test_no_edge_no_half_life() -> None:
    found = decay(study_of(hourly(walk(5, 200 * DAY_ROWS)), parameters={"every": 12}), bars=12)
    assert (found.edge, found.half_life) == (None, None)
    assert "it cannot be told from luck" in found.sentence


def test_an_edge_that_still_grows_has_no_half_life() -> None:
    noise = 1 + np.random.default_rng(1).normal(0, 0.0001, 40 * DAY_ROWS)
    found = decay(study_of(hourly(piecewise((40, 0.0005)) * noise), parameters={"every": 12}), bars=12)
    assert found.half_life is None
    assert "no half-life" in found.sentence


def test_errors_are_clustered_by_day() -> None:
    """The same bet in ten names at once is one bet, not ten."""
    one = walk(8, 100 * DAY_ROWS)
    alone = decay(study_of(hourly(one), parameters={"every": 24}), bars=3)
    tenfold = decay(study_of(hourly(np.repeat(one, 10, axis=1)), parameters={"every": 24}), bars=3)
    for single, many in zip(alone.after, tenfold.after, strict=True):
        assert many.signals == 10 * single.signals
        assert many.mean == pytest.approx(single.mean)
        assert many.standard_error == pytest.approx(single.standard_error)


def test_error_of_signals_on_days_of_their_own_is_the_plain_one() -> None:
    panel = hourly(walk(8, 100 * DAY_ROWS))
    found = decay(study_of(panel, parameters={"every": 24}), bars=1)
    rows = np.flatnonzero(panel.ts // panel.interval_ms % 24 == 0)
    rows = rows[(rows >= 3) & (rows + 1 < panel.rows)]
    returns = panel.close[rows + 1, 0] / panel.open[rows + 1, 0] - 1
    assert found.after[0].standard_error == pytest.approx(returns.std(ddof=1) / np.sqrt(returns.size))


def test_information_needs_ten_names() -> None:
    assert decay(study_of(hourly(walk(1, 500, 9))), bars=4).information == ()
    ten = decay(study_of(hourly(walk(1, 500, 10))), bars=4)
    assert ten.information == ()  # the same signal in every name orders nothing


def test_costs_stand_beside_the_edge() -> None:
    study = study_of(fading(1.0, 0.004), parameters={"every": 12}, costs=Costs(fee=0.003, slippage=0.0))
    found = decay(study, bars=12)
    assert found.costs == pytest.approx(0.006)
    assert "no more than a round trip costs (0.60 %)" in found.sentence


def test_no_signals() -> None:
    found = decay(study_of(hourly(walk(1, 50)), parameters={"side": 0}), bars=4)
    assert found.after == ()
    assert found.sentence == "There are 0 signals that can be followed: too few to tell an edge."


def test_since_leaves_earlier_signals_out() -> None:
    study = study_of(hourly(walk(1, 500)))
    since = MONDAY + 10 * DAY_MS
    late = decay(structs.replace(study, since=since), bars=2).after[0].signals
    assert 0 < late < decay(study, bars=2).after[0].signals


def test_bars_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="bars: found 0"):
        decay(study_of(hourly(walk(1, 50))), bars=0)
