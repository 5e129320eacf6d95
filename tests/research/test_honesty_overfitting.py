"""Overfitting: luck is called luck, an edge an edge."""

import numpy as np
import pytest

from tradeterm.quant import SharpeSample, deflated_sharpe, pbo_cscv
from tradeterm.research.honesty.overfitting import overfitting

RNG = np.random.default_rng


def test_the_best_of_many_without_an_edge() -> None:
    found = overfitting(RNG(1).normal(0, 0.01, (500, 50)))
    assert found.pbo is not None
    assert found.deflated_sharpe is not None
    assert found.pbo > 0.3
    assert found.deflated_sharpe < 0.9
    assert found.trials == 50


def test_one_with_an_edge_among_many() -> None:
    table = RNG(1).normal(0, 0.01, (500, 50))
    table[:, 7] += 0.004
    found = overfitting(table)
    assert found.best == 7
    assert found.pbo == 0.0
    assert found.deflated_sharpe is not None
    assert found.deflated_sharpe > 0.99


def test_the_figures_are_those_of_quant() -> None:
    table = RNG(4).normal(0.0002, 0.01, (400, 12))
    found = overfitting(table, periods_per_year=252)
    records = [SharpeSample.of(column) for column in table.T]
    sharpes = np.array([record.sharpe for record in records])
    assert found.sharpe == pytest.approx(sharpes.max() * 252**0.5)
    assert found.deflated_sharpe == deflated_sharpe(records[sharpes.argmax()], 12, sharpes.var(ddof=1))
    assert found.pbo == pbo_cscv(table, 16).pbo


def test_what_was_tried_elsewhere_counts() -> None:
    table = RNG(4).normal(0.0005, 0.01, (400, 12))
    few, many = overfitting(table), overfitting(table, trials=5000)
    assert few.deflated_sharpe is not None
    assert many.deflated_sharpe is not None
    assert many.deflated_sharpe < few.deflated_sharpe
    with pytest.raises(ValueError, match="trials: found 3"):
        overfitting(table, trials=3)


def test_one_variant_has_no_probability_of_overfitting() -> None:
    found = overfitting(RNG(4).normal(0.001, 0.01, (400, 1)))
    assert (found.pbo, found.expected) == (None, 0.0)
    assert found.sentence.startswith("The only variant has a Sharpe ratio of")


def test_the_variant_that_was_chosen_is_judged() -> None:
    table = RNG(1).normal(0, 0.01, (500, 5))
    table[:, 3] += 0.004
    best, other = overfitting(table), overfitting(table, chosen=1)
    assert (best.best, other.best) == (3, 1)
    assert other.sharpe == pytest.approx(SharpeSample.of(table[:, 1]).sharpe * 365**0.5)
    assert other.expected == best.expected
    with pytest.raises(ValueError, match="chosen: found 5, allowed a column, 0 to 4"):
        overfitting(table, chosen=5)


@pytest.mark.parametrize("twins", (1, 2))
def test_what_was_tried_counts_where_few_variants_moved(twins: int) -> None:
    table = np.zeros((400, 40))
    table[:, :twins] = RNG(4).normal(0.0005, 0.01, (400, 1))
    found, record = overfitting(table), SharpeSample.of(table[:, 0])
    assert found.deflated_sharpe == deflated_sharpe(record, 40, 1 / 399)
    assert found.expected is not None and found.expected > 1
    assert found.deflated_sharpe < overfitting(table[:, :1]).deflated_sharpe - 0.1  # type: ignore[operator]


def test_few_periods_use_fewer_blocks_or_none() -> None:
    assert overfitting(RNG(4).normal(0, 0.01, (9, 3))).pbo is not None
    assert overfitting(RNG(4).normal(0, 0.01, (3, 3))).pbo is None


def test_variants_that_never_traded() -> None:
    found = overfitting(np.zeros((100, 4)))
    assert (found.best, found.sharpe, found.deflated_sharpe) == (None, None, None)
    assert found.sentence == "The variant to judge did not move, so there is nothing to judge."
    table = np.zeros((100, 2))
    table[:, 1] = RNG(1).normal(0, 0.01, 100)
    assert overfitting(table).best == 1


def test_the_sentence_is_made_of_its_numbers() -> None:
    found = overfitting(RNG(1).normal(0, 0.01, (500, 50)))
    assert f"The best of 50 has a Sharpe ratio of {found.sharpe:.2f}" in found.sentence
    assert f"luck alone would show {found.expected:.2f}" in found.sentence
    assert f"{found.pbo * 100:.0f} % of splits" in found.sentence


@pytest.mark.parametrize("table", (np.zeros(5), np.zeros((5, 0)), np.full((5, 2), np.nan)))
def test_tables_that_make_no_sense(table: np.ndarray) -> None:
    with pytest.raises(ValueError, match="returns"):
        overfitting(table)
