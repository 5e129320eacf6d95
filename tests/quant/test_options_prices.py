"""Textbook option prices, the laws they obey, and implied volatility there and back."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.quant import options as op

NAN = float("nan")
INF = float("inf")


@pytest.mark.parametrize(
    ("arguments", "dividend", "published"),
    [
        # Hull, Options, Futures and Other Derivatives: the examples of the Black-Scholes chapter.
        ((42, 40, 0.5, 0.10, 0.20, "call"), 0.0, 4.76),
        ((42, 40, 0.5, 0.10, 0.20, "put"), 0.0, 0.81),
        # Hull: a call on an index that pays a yield.
        ((930, 900, 2 / 12, 0.08, 0.20, "call"), 0.03, 51.83),
        # Haug, The Complete Guide to Option Pricing Formulas: a stock, and an index with a yield.
        ((60, 65, 0.25, 0.08, 0.30, "call"), 0.0, 2.1334),
        ((100, 95, 0.5, 0.10, 0.20, "put"), 0.05, 2.4648),
    ],
)
def test_published_prices(arguments: tuple[Any, ...], dividend: float, published: float) -> None:
    decimals = len(str(published).partition(".")[2])
    assert round(float(op.bs_price(*arguments, dividend)), decimals) == published


def test_published_prices_on_a_future() -> None:
    assert round(float(op.black76_price(20, 20, 4 / 12, 0.09, 0.25, "put")), 2) == 1.12  # Hull
    np.testing.assert_allclose(op.black76_price(19, 19, 0.75, 0.10, 0.28, ["call", "put"]), 1.7011, atol=5e-5)  # Haug


def test_published_greeks() -> None:
    """Hull's running example of the chapter on Greeks: 20 weeks, theta a year, vega and rho per 1.00."""
    delta, gamma, vega, theta, rho = op.bs_greeks(49, 50, 20 / 52, 0.05, 0.20, "call")
    assert [round(float(x), d) for x, d in ((delta, 3), (gamma, 3), (vega, 1), (theta, 2), (rho, 2))] == [
        0.522, 0.066, 12.1, -4.31, 8.91,
    ]  # fmt: skip
    assert round(float(theta * op.PER_DAY), 4) == -0.0118
    assert round(float(vega * op.PER_POINT), 3) == 0.121


GRID = {
    "spot": np.array([60.0, 90, 100, 101, 250])[:, None, None, None],
    "time": np.array([1 / 365, 0.3, 4])[:, None, None],
    "volatility": np.array([0.05, 0.3, 1.5])[:, None],
    "rate": np.array([-0.01, 0.0, 0.08]),
}


def grid_price(kind: str, **changed: Any) -> np.ndarray:
    values = {**GRID, **changed}
    return op.bs_price(values["spot"], 100, values["time"], values["rate"], values["volatility"], kind, 0.03)


@pytest.mark.parametrize("kind", ["call", "put"])
@pytest.mark.parametrize(
    ("greek", "argument", "sign", "step"),
    [
        ("delta", "spot", 1, 1e-4),
        ("vega", "volatility", 1, 1e-5),
        ("theta", "time", -1, 1e-6),
        ("rho", "rate", 1, 1e-5),
    ],
)
def test_greeks_are_the_slopes_of_the_price(kind: str, greek: str, argument: str, sign: int, step: float) -> None:
    up, down = (grid_price(kind, **{argument: GRID[argument] + change}) for change in (step, -step))
    greeks = op.bs_greeks(GRID["spot"], 100, GRID["time"], GRID["rate"], GRID["volatility"], kind, 0.03)
    np.testing.assert_allclose(getattr(greeks, greek), sign * (up - down) / (2 * step), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", ["call", "put"])
def test_gamma_is_the_slope_of_delta(kind: str) -> None:
    step = 1e-4
    up, down = (
        op.bs_greeks(GRID["spot"] + change, 100, GRID["time"], GRID["rate"], GRID["volatility"], kind, 0.03).delta
        for change in (step, -step)
    )
    greeks = op.bs_greeks(GRID["spot"], 100, GRID["time"], GRID["rate"], GRID["volatility"], kind, 0.03)
    np.testing.assert_allclose(greeks.gamma, (up - down) / (2 * step), rtol=1e-4, atol=1e-6)


def test_greeks_to_a_forward() -> None:
    def price(forward: float = 102, time: float = 0.4, rate: float = 0.07) -> float:
        return float(op.black76_price(forward, 100, time, rate, 0.25, "put"))

    greeks, step = op.black76_greeks(102, 100, 0.4, 0.07, 0.25, "put"), 1e-5
    assert greeks.delta == pytest.approx((price(102 + step) - price(102 - step)) / (2 * step), rel=1e-6)
    assert greeks.theta == pytest.approx((price(time=0.4 - step) - price(time=0.4 + step)) / (2 * step), rel=1e-6)
    assert greeks.rho == pytest.approx((price(rate=0.07 + step) - price(rate=0.07 - step)) / (2 * step), rel=1e-6)


@given(
    st.floats(1e-3, 1e6), st.floats(0.1, 10), st.floats(0, 10), st.floats(-0.1, 0.3), st.floats(0, 3), st.floats(0, 0.2)
)
def test_parity_and_bounds(
    spot: float, ratio: float, time: float, rate: float, volatility: float, yield_: float
) -> None:
    strike = spot * ratio
    arguments = (spot, strike, time, rate)
    call, put = (op.bs_price(*arguments, volatility, kind, yield_) for kind in ("call", "put"))
    asset, bond = spot * np.exp(-yield_ * time), strike * np.exp(-rate * time)
    scale = asset + bond
    assert abs(float(op.parity_gap(call, put, *arguments, yield_))) <= 1e-12 * scale
    assert max(asset - bond, 0) <= call <= asset + 1e-12 * scale
    assert max(bond - asset, 0) <= put <= bond + 1e-12 * scale
    greeks = [op.bs_greeks(*arguments, volatility, kind, yield_) for kind in ("call", "put")]
    assert float(greeks[0].gamma) >= 0
    assert float(greeks[0].vega) >= 0
    assert greeks[0].gamma == greeks[1].gamma
    assert greeks[0].vega == greeks[1].vega


@pytest.mark.parametrize("time", [0.0, -1e-9, -2.0])
@pytest.mark.parametrize(
    ("kind", "spot", "price", "delta"),
    [
        ("call", 110, 10, 1),
        ("call", 100, 0, 0),
        ("call", 90, 0, 0),
        ("put", 110, 0, 0),
        ("put", 100, 0, 0),
        ("put", 90, 10, -1),
    ],
)
def test_at_and_after_expiry(time: float, kind: str, spot: float, price: float, delta: float) -> None:
    assert op.bs_price(spot, 100, time, 0.05, 0.2, kind, 0.02) == price
    assert op.bs_greeks(spot, 100, time, 0.05, 0.2, kind, 0.02) == (delta, 0, 0, 0, 0)
    assert np.isnan(op.implied_vol(price, spot, 100, time, 0.05, kind, 0.02))


def test_without_volatility() -> None:
    call, put = op.bs_price(100, 100, 1, 0.05, 0, ["call", "put"])
    assert call == pytest.approx(100 - 100 * np.exp(-0.05))
    assert put == 0
    delta, gamma, vega, theta, rho = op.bs_greeks(100, 100, 1, 0.05, 0, "call")
    assert (delta, gamma, vega) == (1, 0, 0)
    assert theta == pytest.approx(-5 * np.exp(-0.05))
    assert rho == pytest.approx(100 * np.exp(-0.05))
    assert op.black76_price(100, 100, 1, 0.05, 0, "call") == 0
    assert op.black76_greeks(100, 100, 1, 0.05, 0, "put") == (0, 0, 0, 0, 0)


@pytest.mark.parametrize("seconds", [1, 60, 3600])
def test_the_last_seconds_before_expiry(seconds: int) -> None:
    """Whole days would say that a day is left."""
    time = op.years(seconds)
    for spot in (80, 99.9, 100, 100.1, 120):
        price, greeks = (
            op.bs_price(spot, 100, time, 0.07, 0.2, "call"),
            op.bs_greeks(spot, 100, time, 0.07, 0.2, "call"),
        )
        assert abs(float(price) - max(spot - 100, 0)) < 0.1
        assert np.isfinite(np.array(greeks, dtype=np.float64)).all()


@pytest.mark.parametrize(
    "changed",
    [{"spot": 0}, {"spot": -1}, {"strike": 0}, {"volatility": -0.1}, *({name: bad} for bad in (NAN, INF, -INF)
     for name in ("spot", "strike", "time", "rate", "volatility", "dividend"))],
)  # fmt: skip
def test_an_impossible_row_has_no_value_and_spoils_no_other(changed: dict[str, float]) -> None:
    good = {"spot": 100.0, "strike": 95.0, "time": 0.5, "rate": 0.05, "volatility": 0.2, "dividend": 0.01}
    rows = {name: np.array([value, changed.get(name, value)]) for name, value in good.items()}
    price = op.bs_price(**rows, kind="put")
    assert np.isnan(price).tolist() == [False, True]
    assert np.isnan(np.array(op.bs_greeks(**rows, kind="put"))).tolist() == [[False, True]] * 5
    if "volatility" not in changed:
        del rows["volatility"]
        found = op.implied_vol(np.array([2.5, 2.5]), **rows, kind="put")
        assert np.isnan(found).tolist() == [False, True]


@pytest.mark.parametrize("kind", ["Call", "", "c", None, ["call", "future"]])
def test_a_kind_is_a_call_or_a_put(kind: Any) -> None:
    for function in (op.bs_price, op.bs_greeks, op.implied_vol):
        with pytest.raises(ValueError, match="an option is a call or a put, not"):
            function(100, 100, 1, 0, 0.2, kind) if function is not op.implied_vol else function(8, 100, 100, 1, 0, kind)


def test_shapes() -> None:
    chain = op.bs_price([100, 101], [[90], [100], [110]], 0.1, 0.05, 0.2, [["call"], ["put"], ["call"]])
    assert chain.shape == (3, 2)
    assert chain[1, 1] == op.bs_price(101, 100, 0.1, 0.05, 0.2, "put")
    assert op.bs_greeks([100, 101], [[90], [100], [110]], 0.1, 0.05, 0.2, "put").rho.shape == (3, 2)
    assert op.implied_vol(chain, [100, 101], [[90], [100], [110]], 0.1, 0.05, [["call"], ["put"], ["call"]]).shape == (
        3,
        2,
    )
    assert op.bs_price([], 100, 1, 0, 0.2, "call").shape == op.implied_vol([], 100, 100, 1, 0, "call").shape == (0,)
    assert f"{op.bs_price(100, 100, 1, 0, 0.2, 'call'):.2f}" == "7.97"
    assert f"{op.implied_vol(7.97, 100, 100, 1, 0, 'call'):.2f}" == "0.20"


def test_implied_volatility_there_and_back() -> None:
    """Out of the money and at it, from 1 % to 300 % and from an hour to five years, wherever a price is left at all."""
    random = np.random.default_rng(11)
    size = 20_000
    time = np.exp(random.uniform(np.log(1e-4), np.log(5), size))
    volatility = np.exp(random.uniform(np.log(0.01), np.log(3), size))
    rate, dividend = random.uniform(-0.02, 0.1, size), random.uniform(0, 0.05, size)
    strike = 100 * np.exp((rate - dividend) * time + random.normal(0, 2, size) * volatility * np.sqrt(time))
    kind = np.where(strike > 100 * np.exp((rate - dividend) * time), "call", "put")
    price = op.bs_price(100, strike, time, rate, volatility, kind, dividend)
    assert (price > 0).all()
    found = op.implied_vol(price, 100, strike, time, rate, kind, dividend)
    np.testing.assert_allclose(found, volatility, rtol=1e-8)


def test_implied_volatility_far_from_the_money() -> None:
    """ln(F/K) up to 5 and σ√T from 1e-5 to 6: every price that a float holds, but for those next to the greatest."""
    random = np.random.default_rng(12)
    forward = np.exp(-np.concatenate([[0.0], np.exp(random.uniform(np.log(1e-12), np.log(5), 20_000))]))
    volatility = np.exp(random.uniform(np.log(1e-5), np.log(6), forward.size))
    price = op.black76_price(forward, 1, 1, 0, volatility, "call")
    kept = price > 1e-290
    assert kept.sum() > 10_000
    found = op.black76_implied_vol(price, forward, 1, 1, 0, "call")
    np.testing.assert_allclose(found[kept], volatility[kept], rtol=1e-6)


def test_implied_volatility_in_the_money_is_that_of_the_other_side() -> None:
    strike = np.array([60.0, 80, 95, 105, 120, 160])
    prices = {kind: op.bs_price(100, strike, 0.5, 0.06, 0.35, kind, 0.01) for kind in ("call", "put")}
    for kind, price in prices.items():
        np.testing.assert_allclose(op.implied_vol(price, 100, strike, 0.5, 0.06, kind, 0.01), 0.35, rtol=1e-9)


@pytest.mark.parametrize(
    ("price", "spot", "kind"),
    [
        (0, 100, "call"), (-1, 100, "put"), (9.99, 110, "call"), (10, 110, "call"), (9.99, 90, "put"), (10, 90, "put"),
        (110, 110, "call"), (111, 110, "call"), (100, 90, "put"), (NAN, 100, "put"), (INF, 100, "call"),
        (np.nextafter(100.0, 200), 200, "call"),
    ],
)  # fmt: skip
def test_prices_that_no_volatility_gives(price: float, spot: float, kind: str) -> None:
    """At or below the intrinsic value, at or above the underlying or the strike, or a time value of rounding alone."""
    assert np.isnan(op.implied_vol(price, spot, 100, 0.5, 0, kind))


def test_unreliable_volatility() -> None:
    """A far option: a tick of 0.05 is worth many points of volatility; at the money it is a fraction of one."""
    vega = op.bs_greeks(100, [100, 160], 0.1, 0.06, 0.2, "call").vega
    assert op.unreliable_vol(vega, 0.05).tolist() == [False, True]
    assert op.unreliable_vol([0.0, NAN, 5.0], 0.05).tolist() == [True, True, False]


def test_parity_within_the_spreads() -> None:
    gap = float(op.parity_gap(5, 3, 100, 100, 1, 0.05, 0.02))
    assert gap == pytest.approx(2 - 100 * (np.exp(-0.02) - np.exp(-0.05)))
    quotes = ([5.0, 5.0, 9.0, NAN], [5.2, 5.2, 9.2, 5.2], [2.1, 4.9, 2.1, 2.1], [2.3, 5.1, 2.3, 2.3])
    assert op.parity_holds(*quotes, 100, 100, 1, 0.05, 0.02).tolist() == [True, False, False, False]


def test_the_forward_of_a_chain() -> None:
    strike = np.array([90.0, 95, 100, 105, 110])
    call, put = (op.black76_price(103, strike, 0.2, 0.07, 0.3, kind) for kind in ("call", "put"))
    assert op.parity_forward(call, put, strike, 0.2, 0.07) == pytest.approx(103)
    call[3], call[0] = NAN, 99  # The nearest has no quote; the farthest has a stale one.
    assert op.parity_forward(call, put, strike, 0.2, 0.07) == pytest.approx(103)
    assert np.isnan(op.parity_forward([NAN], [1], [100], 0.2, 0.07))
