import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.significance import (
    SharpeSample,
    deflated_sharpe,
    expected_max_sharpe,
    minimum_track_record,
    pbo_cscv,
    probabilistic_sharpe,
)

# Bailey & López de Prado (2012), section 3: 24 monthly returns of a fund, Sharpe ratio 1.59 a year.
FUND = SharpeSample(0.458, 24, -2.448, 10.164)


def test_probabilistic_sharpe_as_published() -> None:
    assert probabilistic_sharpe(FUND) == pytest.approx(0.913, abs=1e-3)
    assert probabilistic_sharpe(SharpeSample(0.458, 24)) == pytest.approx(0.982, abs=1e-3)


def test_deflated_sharpe_as_published() -> None:
    """Bailey & López de Prado (2014): 2.5 a year over 1250 days, the best of 100 trials whose variance is ½ a year."""
    best = SharpeSample(2.5 / math.sqrt(250), 1250, -3.0, 10.0)
    assert expected_max_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe(best, 100, 0.5 / 250) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe(best, 46, 0.5 / 250) == pytest.approx(0.9505, abs=5e-5)
    normal = SharpeSample(2.5 / math.sqrt(250), 1250)
    assert deflated_sharpe(normal, 88, 0.5 / 250) == pytest.approx(0.9505, abs=5e-5)


@pytest.mark.parametrize(("a_year", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_minimum_track_record_as_published(a_year: int, years: float) -> None:
    """Bailey & López de Prado (2012): a yearly Sharpe ratio of 2 shown to be above 1 with 95 %."""
    record = SharpeSample(2 / math.sqrt(a_year), 1000)
    assert minimum_track_record(record, 1 / math.sqrt(a_year)) / a_year == pytest.approx(years, abs=0.005)


def test_minimum_track_record_of_a_fund_as_published() -> None:
    record = SharpeSample(2 / math.sqrt(12), 1000, -0.72, 5.78)
    assert minimum_track_record(record, 1 / math.sqrt(12)) / 12 == pytest.approx(4.99, abs=0.005)


def test_the_record_that_is_long_enough_is_as_sure_as_asked() -> None:
    needed = minimum_track_record(FUND, 0.1, 0.95)
    long = SharpeSample(FUND.sharpe, round(needed), FUND.skew, FUND.kurtosis)
    assert probabilistic_sharpe(long, 0.1) == pytest.approx(0.95, abs=5e-4)


def test_returns_are_measured() -> None:
    r = np.random.default_rng(7).standard_t(5, 400) / 100 + 0.003
    known = SharpeSample.of(r)
    assert known.sharpe == pytest.approx(r.mean() / r.std(ddof=1))
    assert known.observations == 400
    assert probabilistic_sharpe(r) == probabilistic_sharpe(known)
    assert deflated_sharpe(r, 10, 0.002) < probabilistic_sharpe(r)
    assert math.isfinite(minimum_track_record(r))
    assert minimum_track_record(r) == minimum_track_record(known)


@pytest.mark.parametrize("returns", [[], [0.1], [0.1, 0.1, 0.1], [0.0, 0.0]])
def test_no_deviation_is_no_value(returns: list[float]) -> None:
    assert math.isnan(probabilistic_sharpe(returns))
    assert math.isnan(deflated_sharpe(returns, 5, 0.1))
    assert math.isnan(minimum_track_record(returns))


def test_no_record_is_long_enough_for_what_is_not_better() -> None:
    assert math.isnan(minimum_track_record(FUND, FUND.sharpe))
    assert math.isnan(minimum_track_record(FUND, 1.0))


def test_one_trial_needs_no_deflation() -> None:
    assert expected_max_sharpe(1, 0.5) == 0.0
    assert deflated_sharpe(FUND, 1, 0.5) == probabilistic_sharpe(FUND)


def test_the_best_of_many_is_what_simulation_finds() -> None:
    """The formula is an approximation, about 1 % high at 50 trials."""
    best = np.random.default_rng(3).normal(0.0, 0.1, (20_000, 50)).max(axis=1)
    assert expected_max_sharpe(50, 0.01) == pytest.approx(best.mean(), rel=0.02)


def test_refused() -> None:
    for trials, variance in ((0, 0.1), (5, -0.1), (5, math.nan), (5, math.inf)):
        with pytest.raises(ValueError, match=r"trial|variance"):
            expected_max_sharpe(trials, variance)
    for confidence in (0.4, 1.0, math.nan):
        with pytest.raises(ValueError, match="confidence"):
            minimum_track_record(FUND, 0.0, confidence)
    with pytest.raises(ValueError, match="not finite"):
        probabilistic_sharpe([0.1, math.nan])


def slow_pbo(table: np.ndarray, blocks: int) -> list[float]:
    """The procedure as the paper writes it, block by block."""
    parts = np.split(table[len(table) % blocks :], blocks)
    logits = []
    for inside in combinations(range(blocks), blocks // 2):
        here = np.concatenate([parts[i] for i in inside])
        there = np.concatenate([parts[i] for i in range(blocks) if i not in inside])
        best = int(np.argmax(here.mean(axis=0) / here.std(axis=0, ddof=1)))
        outside = there.mean(axis=0) / there.std(axis=0, ddof=1)
        omega = np.sum(outside <= outside[best]) / (table.shape[1] + 1)
        logits.append(math.log(omega / (1 - omega)))
    return logits


@given(st.integers(0, 1000), st.sampled_from([2, 4, 6]), st.integers(2, 6), st.integers(12, 40), st.floats(-5.0, 5.0))
def test_the_block_sums_are_the_plain_procedure(seed: int, blocks: int, n: int, t: int, shift: float) -> None:
    table = np.random.default_rng(seed).normal(shift, 1.0, (t, n))
    found = pbo_cscv(table, blocks)
    assert found.logits == pytest.approx(slow_pbo(table, blocks))
    assert found.logits.size == math.comb(blocks, blocks // 2)
    assert found.pbo == np.mean(found.logits <= 0)


def test_sixteen_blocks_of_noise_and_of_skill() -> None:
    noise = np.random.default_rng(1).normal(0, 0.01, (1003, 20))
    found = pbo_cscv(noise)
    assert found.logits.size == 12_870
    assert 0.2 < found.pbo < 0.9
    skilled = noise.copy()
    skilled[:, 4] += 0.005
    found = pbo_cscv(skilled)
    assert found.pbo == 0.0
    assert found.probability_of_loss == 0.0
    assert found.in_sample.mean() == pytest.approx(found.out_of_sample.mean())


def test_leftover_rows_go_from_the_start() -> None:
    table = np.random.default_rng(2).normal(0, 1, (35, 4))
    assert np.array_equal(pbo_cscv(table, 4).logits, pbo_cscv(table[3:], 4).logits)


def test_a_variant_that_never_traded_is_ranked_as_zero() -> None:
    table = np.random.default_rng(5).normal(-0.1, 0.01, (40, 3))
    table[:, 1] = 0.0
    found = pbo_cscv(table, 4)
    assert (found.in_sample == 0.0).all()
    assert (found.out_of_sample == 0.0).all()
    assert found.pbo == 0.0


@pytest.mark.parametrize("kind", ["nothing traded", "constants", "the same variant"])
def test_where_no_variant_differs_there_is_no_choice_to_judge(kind: str) -> None:
    table = np.zeros((100, 7))
    if kind == "constants":
        table += np.linspace(0.001, 0.002, 7)
    elif kind == "the same variant":
        table += np.random.default_rng(6).normal(0.001, 0.01, (100, 1))
    found = pbo_cscv(table, 4)
    assert math.isnan(found.pbo)
    assert np.isnan(found.logits).all()


@pytest.mark.parametrize(
    ("shape", "blocks", "words"),
    [
        ((40,), 4, "table"),
        ((40, 1), 4, "two variants"),
        ((40, 3), 5, "even"),
        ((40, 3), 0, "even"),
        ((40, 3), 22, "even"),
        ((10, 3), 16, "16 blocks need"),
        ((3, 3), 2, "2 blocks need at least 4"),
    ],
)
def test_pbo_refuses(shape: tuple[int, ...], blocks: int, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        pbo_cscv(np.zeros(shape), blocks)


def test_pbo_refuses_a_hole() -> None:
    table = np.zeros((40, 3))
    table[7, 1] = math.nan
    with pytest.raises(ValueError, match="not finite"):
        pbo_cscv(table, 4)
