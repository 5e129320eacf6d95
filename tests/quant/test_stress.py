"""Calamities: losses reckoned by hand, stops that are never relied on, and what cannot be told named."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.stress import (
    CorrelationOne,
    FlashCrash,
    LiquidityCrisis,
    Replay,
    StressPosition,
    VenueOutage,
    stress,
)

LONG = StressPosition("BTC", 2.0, 50_000.0, stop=49_000.0, volatility_daily=0.03, adv=1000.0)
SHORT = StressPosition("ETH", -10.0, 3_000.0, stop=3_100.0, volatility_daily=0.05, adv=10_000.0)
LOTS = StressPosition("NIFTY", 4.0, 25_000.0, multiplier=75.0, volatility_daily=0.01, adv=1e6)
RETURNS = np.array([[0.02, -0.01], [-0.10, -0.05], [-0.05, 0.02], [0.20, 0.10], [-0.01, 0.0]])


def test_a_flash_crash_takes_longs_past_their_stops() -> None:
    result = stress([LONG, SHORT, LOTS], FlashCrash())
    assert [position.loss for position in result.positions] == pytest.approx([30_000.0, -9_000.0, 2_250_000.0])
    assert result.loss == pytest.approx(30_000 - 9_000 + 2_250_000)
    assert [position.stop_loss for position in result.positions] == pytest.approx([2_000.0, 1_000.0, None])
    assert "30%" in result.assumptions
    assert result.unknown == ()


def test_a_liquidity_crisis_costs_both_sides_spread_and_impact() -> None:
    crisis = LiquidityCrisis(spread=0.001, spread_times=10, depth_times=0.25, coefficient=0.8)
    result = stress([LONG, SHORT], crisis)
    long_cost = 0.005 + 0.8 * 0.03 * math.sqrt(2 / 250)
    short_cost = 0.005 + 0.8 * 0.05 * math.sqrt(10 / 2500)
    assert [position.loss for position in result.positions] == pytest.approx([100_000 * long_cost, 30_000 * short_cost])


def test_a_long_loses_no_more_than_it_is_worth() -> None:
    thin = StressPosition("THIN", 1e6, 10.0, volatility_daily=0.5, adv=100.0)
    result = stress([thin], LiquidityCrisis())
    assert result.loss == pytest.approx(1e7)
    assert "the law is a guess: THIN" in result.assumptions
    short = StressPosition("THIN", -1e6, 10.0, volatility_daily=0.5, adv=100.0)
    assert stress([short], LiquidityCrisis()).loss > 1e7


def test_what_cannot_be_told_is_named_and_not_counted() -> None:
    unknown = StressPosition("NEW", 5.0, 10.0)
    for scenario in (LiquidityCrisis(), CorrelationOne()):
        result = stress([LONG, unknown], scenario)
        assert result.unknown == ("NEW",)
        assert result.positions[1].loss is None
        assert result.loss == result.positions[0].loss
        assert "NEW" in result.assumptions


def test_all_names_move_together_the_worse_way() -> None:
    result = stress([LONG, SHORT], CorrelationOne(sigmas=4))
    # A fall: 100 000·0.12 lost, 30 000·0.20 gained. A rise is the better way round.
    assert [position.loss for position in result.positions] == pytest.approx([12_000.0, -6_000.0])
    assert "fall together" in result.assumptions
    shorts = stress([SHORT], CorrelationOne(sigmas=4, days=4))
    assert shorts.loss == pytest.approx(30_000 * 0.05 * 8)
    assert "rise together" in shorts.assumptions


def test_the_covariance_tells_the_volatilities_and_what_diversification_hid() -> None:
    both = [LONG, StressPosition("ETH", 10.0, 3_000.0)]
    volatilities, correlation = np.array([0.02, 0.04]), np.array([[1.0, 0.0], [0.0, 1.0]])
    result = stress(both, CorrelationOne(sigmas=3), correlation * np.outer(volatilities, volatilities))
    assert result.loss == pytest.approx(3 * (100_000 * 0.02 + 30_000 * 0.04))
    usual = 3 * math.hypot(100_000 * 0.02, 30_000 * 0.04)
    assert f"{usual:,.2f}" in result.assumptions
    assert result.loss > usual


def test_an_outage_lasts_through_the_worst_bars_of_the_book() -> None:
    result = stress([LONG, SHORT], VenueOutage(RETURNS, 2))
    moves = [(np.prod(1 + RETURNS[at : at + 2], axis=0) - 1) for at in range(4)]
    losses = [-(move * [100_000, -30_000]) for move in moves]
    worst = max(losses, key=sum)
    assert result.loss == pytest.approx(sum(worst))
    assert [position.loss for position in result.positions] == pytest.approx(list(worst))
    assert "the worst of 4" in result.assumptions


def test_a_replay_stops_at_its_worst_point() -> None:
    result = stress([LONG, SHORT], Replay(RETURNS, "March"))
    path = np.cumprod(1 + RETURNS, axis=0)
    book = -((path - 1) * [100_000, -30_000]).sum(axis=1)
    assert result.name == "March"
    assert result.loss == pytest.approx(book.max())
    assert f"{book[-1]:,.2f} is lost at the end" in result.assumptions


def test_a_replay_that_only_gains_loses_nothing() -> None:
    assert stress([LONG], Replay(np.array([[0.1], [0.1]]))).loss == 0.0


def test_a_price_that_went_to_nothing_stays_there() -> None:
    result = stress([LONG], VenueOutage(np.array([[-1.0], [0.0], [0.0]]), 2))
    assert result.loss == pytest.approx(100_000)


def test_no_positions_lose_nothing() -> None:
    assert stress([], FlashCrash()).loss == 0.0


holdings = st.builds(
    StressPosition,
    name=st.just("X"),
    quantity=st.floats(-1e4, 1e4),
    price=st.floats(0.01, 1e5),
    stop=st.none(),
    volatility_daily=st.floats(0, 0.5),
    adv=st.floats(1, 1e9),
)
scenarios = [
    FlashCrash(),
    LiquidityCrisis(),
    CorrelationOne(),
    VenueOutage(RETURNS, 2),
    Replay(RETURNS),
]


@given(st.tuples(holdings, holdings), st.sampled_from(scenarios), st.floats(0.5, 1.5))
def test_no_stop_makes_a_loss_smaller(
    positions: tuple[StressPosition, StressPosition], scenario: FlashCrash, part: float
) -> None:
    bare = stress(positions, scenario)
    guarded = [
        StressPosition(
            one.name, one.quantity, one.price, stop=one.price * part, volatility_daily=one.volatility_daily, adv=one.adv
        )
        for one in positions
    ]
    result = stress(guarded, scenario)
    assert result.loss == bare.loss
    assert math.isfinite(result.loss)
    assert all(position.stop_loss is not None and position.stop_loss >= 0 for position in result.positions)


@given(holdings, st.sampled_from(scenarios[:3]), st.floats(1.01, 10))
def test_more_of_it_is_no_smaller_a_loss(position: StressPosition, scenario: FlashCrash, times: float) -> None:
    larger = StressPosition(
        "X", position.quantity * times, position.price, volatility_daily=position.volatility_daily, adv=position.adv
    )
    assert abs(stress([larger], scenario).loss) >= abs(stress([position], scenario).loss) - 1e-9


@pytest.mark.parametrize(
    ("scenario", "complaint"),
    [
        (FlashCrash(fall=1.5), "a fall must be above 0 and at most 1"),
        (FlashCrash(fall=math.nan), "a fall must be above 0 and at most 1"),
        (LiquidityCrisis(spread=-0.1), "spread must not be negative"),
        (LiquidityCrisis(depth_times=0.0), "depth_times must be above zero"),
        (CorrelationOne(sigmas=0.0), "sigmas must be above zero"),
        (VenueOutage(RETURNS, 9), "fewer than the 9 bars"),
        (VenueOutage(RETURNS, 0), "bars must be a whole number"),
        (Replay(RETURNS[:, :1]), "one column for each of the 2 positions"),
        (Replay(RETURNS * math.nan), "finite numbers only"),
        (Replay(RETURNS * 50), "must not be below -1"),
    ],
)
def test_scenarios_that_make_no_sense_are_refused(scenario: FlashCrash, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        stress([LONG, SHORT], scenario)


def test_positions_that_make_no_sense_are_refused() -> None:
    for change in ({"price": 0.0}, {"quantity": math.nan}, {"stop": -1.0}, {"adv": 0.0}, {"volatility_daily": -0.1}):
        with pytest.raises(ValueError, match="must"):
            StressPosition(**({"name": "X", "quantity": 1.0, "price": 1.0} | change))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="matrix of 2 variances"):
        stress([LONG, SHORT], CorrelationOne(), [[0.1]])
