"""Backtests of a value at risk against published tables and examples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.tail_tests import Zone, christoffersen, kupiec, traffic_light


def hits(n: int, x: int) -> np.ndarray:
    return np.arange(n) < x


@pytest.mark.parametrize(
    ("level", "n", "above", "below"),
    [
        (0.99, 255, -1, 7),
        (0.99, 510, 1, 11),
        (0.99, 1000, 4, 17),
        (0.975, 255, 2, 12),
        (0.975, 510, 6, 21),
        (0.975, 1000, 15, 36),
        (0.95, 255, 6, 21),
        (0.95, 510, 16, 36),
        (0.95, 1000, 37, 65),
        (0.925, 255, 11, 28),
        (0.925, 510, 27, 51),
        (0.925, 1000, 59, 92),
        (0.90, 255, 16, 36),
        (0.90, 510, 38, 65),
        (0.90, 1000, 81, 120),
    ],
)
def test_non_rejection_regions(level: float, n: int, above: int, below: int) -> None:
    """Kupiec (1995), as reprinted in Jorion's Value at Risk: with more than `above` and fewer than `below` failures the
    model is not rejected at 5 %. (No failure in 255 at 99 % is rejected by the ratio, and left open by the table.)"""
    accepted = [x for x in range(1 if above < 0 else 0, n) if kupiec(hits(n, x), level).p_value > 0.05]
    assert accepted == list(range(max(above + 1, 1 if above < 0 else 0), below))


def test_jorions_bank() -> None:
    """Jorion, Value at Risk, 3rd ed., chapter 6: 20 exceptions in 252 days at 95 % give 3.91, and exercise 10: 6 in 252
    at 99 %, 4 of them after another, give 3.498 and 25.837."""
    assert kupiec(hits(252, 20), 0.95).statistic == pytest.approx(3.91, abs=0.005)
    flags = np.zeros(252)
    flags[[50, 51, 52, 150, 151, 152]] = 1
    assert kupiec(flags, 0.99).statistic == pytest.approx(3.498, abs=0.001)
    found = christoffersen(np.append(flags, 0), 0.99)  # the book counts 252 pairs of days
    assert (found.n00, found.n01, found.n10, found.n11) == (244, 2, 2, 4)
    assert found.independence == pytest.approx(25.837, abs=0.001)


def test_the_example_of_a_reference_manual() -> None:
    """MathWorks, Risk Management Toolbox, varbacktest.cc: 57 failures in 1043 at 95 %."""
    flags = np.zeros(1043)
    at = 10
    for length in [2] * 4 + [1] * 49:
        flags[at : at + length] = 1
        at += length + 15
    found = christoffersen(flags, 0.95)
    assert (found.n00, found.n10, found.n01, found.n11) == (932, 53, 53, 4)
    assert found.independence == pytest.approx(0.25866, abs=5e-6)
    assert found.independence_p_value == pytest.approx(0.61104, abs=5e-6)
    assert kupiec(flags, 0.95).statistic == pytest.approx(0.46147, abs=5e-6)
    assert kupiec(flags, 0.95).p_value == pytest.approx(0.49694, abs=5e-6)
    assert found.coverage == pytest.approx(0.72013, abs=5e-6)
    assert found.coverage_p_value == pytest.approx(0.69763, abs=5e-6)


@pytest.mark.parametrize(
    ("x", "probability", "zone"),
    [
        (0, 0.0811, Zone.GREEN),
        (4, 0.8922, Zone.GREEN),
        (5, 0.9588, Zone.YELLOW),
        (9, 0.9997, Zone.YELLOW),
        (10, 0.9999, Zone.RED),
        (250, 1.0, Zone.RED),
    ],
)
def test_basels_zones(x: int, probability: float, zone: Zone) -> None:
    """Basel Committee (1996), table 2: cumulative probabilities of 250 days at 99 %."""
    light = traffic_light(hits(250, x))
    assert light.zone is zone and light.hits == x and light.observations == 250
    assert light.probability == pytest.approx(probability, abs=1e-4)


def test_no_hits_and_nothing_but_hits_have_a_coverage_and_a_bar_alone_no_independence() -> None:
    none, every = kupiec(np.zeros(100), 0.95), kupiec(np.ones(100), 0.95)
    assert none.statistic == pytest.approx(-200 * np.log(0.95)) and none.hits == 0 and none.expected == pytest.approx(5)
    assert every.statistic == pytest.approx(-200 * np.log(0.05))
    assert 0 <= every.p_value < none.p_value < 0.05
    for flags in (np.zeros(1), np.ones(1), np.zeros(0)):
        found = christoffersen(flags)
        assert np.isnan([found.independence, found.independence_p_value, found.coverage, found.coverage_p_value]).all()


@pytest.mark.parametrize("flags", [np.zeros(250), np.ones(250), hits(250, 1)[::-1]], ids=["none", "all", "the last"])
def test_where_no_hit_has_a_bar_after_it_nothing_speaks_against_independence(flags: np.ndarray) -> None:
    """0 ln 0 = 0, so that both models fit alike: LR_ind = 0 and LR_cc = LR_uc."""
    found, alone = christoffersen(flags, 0.99), kupiec(flags, 0.99)
    assert (found.independence, found.independence_p_value) == (0.0, 1.0)
    assert found.coverage == alone.statistic
    assert found.coverage_p_value == pytest.approx(np.exp(-alone.statistic / 2))


def test_no_observations_have_no_value() -> None:
    assert np.isnan(kupiec([]).statistic) and np.isnan(kupiec([]).p_value)
    light = traffic_light([])
    assert light.zone is None and np.isnan(light.probability)


def test_as_many_as_promised_is_a_perfect_score() -> None:
    found = kupiec(hits(1000, 50), 0.95)
    assert found.statistic == pytest.approx(0, abs=1e-9) and found.p_value == pytest.approx(1, abs=1e-4)


@given(st.lists(st.booleans(), min_size=2, max_size=200), st.floats(0.8, 0.999))
def test_statistics_are_never_negative_and_probabilities_are_probabilities(flags: list[bool], level: float) -> None:
    one, two = kupiec(flags, level), christoffersen(flags, level)
    assert one.statistic >= 0 and 0 <= one.p_value <= 1
    assert two.n00 + two.n01 + two.n10 + two.n11 == len(flags) - 1
    assert two.independence >= 0 and two.coverage >= one.statistic
    assert 0 <= two.independence_p_value <= 1 and 0 <= two.coverage_p_value <= 1


def test_clusters_are_seen() -> None:
    spread, cluster = np.zeros(500), np.zeros(500)
    spread[::20] = 1
    cluster[100:125] = 1
    assert christoffersen(cluster).independence_p_value < 1e-6 < 0.05 < christoffersen(spread).independence_p_value


def test_wrong_use() -> None:
    for bad in ([0, 2], [0.5], [[0, 1]], [np.nan]):
        with pytest.raises(ValueError, match="0 and 1"):
            kupiec(bad)
    with pytest.raises(ValueError, match="level"):
        traffic_light([0, 1], 1.0)
