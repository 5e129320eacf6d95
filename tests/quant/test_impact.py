import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant.impact import almgren_impact, outside_fit, sqrt_impact


def test_square_root_law() -> None:
    assert sqrt_impact(100.0, 10_000.0, 0.02) == pytest.approx(0.002)
    assert sqrt_impact(-100.0, 10_000.0, 0.02, coefficient=0.5) == pytest.approx(0.001)
    assert isinstance(sqrt_impact(100.0, 10_000.0, 0.02), float)
    assert sqrt_impact([100, 400], 10_000, 0.02).tolist() == pytest.approx([0.002, 0.004])


@pytest.mark.parametrize("adv", [math.nan, 0.0])
def test_unknown_volume_is_no_value(adv: float) -> None:
    assert math.isnan(sqrt_impact(10.0, adv, 0.02))
    assert np.isnan(almgren_impact(10.0, adv, 0.02, 1e6, 0.5)).all()
    assert outside_fit(10.0, adv)


def test_unknown_volatility_is_no_value() -> None:
    assert math.isnan(sqrt_impact(10.0, 100.0, math.nan))


@pytest.mark.parametrize(
    "numbers", [(math.nan, 1.0, 0.1), (1.0, -1.0, 0.1), (1.0, 1.0, -0.1), (1.0, math.inf, 0.1), (math.inf, 1.0, 0.1)]
)
def test_refused(numbers: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        sqrt_impact(*numbers)
    with pytest.raises(ValueError, match="finite"):
        almgren_impact(*numbers, 1e6, 0.5)


@pytest.mark.parametrize("coefficient", [-1.0, math.nan, math.inf])
def test_no_such_coefficient(coefficient: float) -> None:
    with pytest.raises(ValueError, match="coefficient"):
        sqrt_impact(1.0, 1.0, 0.1, coefficient)


@pytest.mark.parametrize(
    ("adv", "shares", "sigma", "duration", "permanent", "temporary", "cost"),
    [  # Almgren et al. (2005), table 3, in basis points: IBM and DRI, 10 % of a day's volume
        (6.561, 1728.0, 0.0157, 0.1, 20, 22, 32),
        (6.561, 1728.0, 0.0157, 0.2, 20, 15, 25),
        (6.561, 1728.0, 0.0157, 0.5, 20, 8, 18),
        (1.929, 168.0, 0.0226, 0.1, 22, 32, 43),
        (1.929, 168.0, 0.0226, 0.2, 22, 21, 32),
        (1.929, 168.0, 0.0226, 0.5, 22, 12, 23),
    ],
)
def test_almgren_as_published(
    adv: float, shares: float, sigma: float, duration: float, permanent: int, temporary: int, cost: int
) -> None:
    found = almgren_impact(0.1 * adv, adv, sigma, shares, duration)
    assert found.permanent * 1e4 == pytest.approx(permanent, abs=0.6)
    assert found.temporary * 1e4 == pytest.approx(temporary, abs=0.6)
    assert found.cost * 1e4 == pytest.approx(cost, abs=0.6)


def test_the_fitted_range() -> None:
    assert outside_fit([9.0, 10.0, 11.0, -11.0], 100.0).tolist() == [False, False, True, True]


@given(st.floats(-1e9, 1e9), st.floats(1e-3, 1e9), st.floats(0.0, 1.0))
def test_always_against_the_trader(quantity: float, adv: float, sigma: float) -> None:
    for cost in (sqrt_impact(quantity, adv, sigma), *almgren_impact(quantity, adv, sigma, adv * 100, 0.5)):
        assert cost >= 0
    assert sqrt_impact(quantity, adv, sigma) == sqrt_impact(-quantity, adv, sigma)
    assert sqrt_impact(2 * quantity, adv, sigma) >= sqrt_impact(quantity, adv, sigma)
