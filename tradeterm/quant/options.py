"""European options: price, Greeks and implied volatility on a spot (Black-Scholes-Merton) or a forward (Black-76).

Units are raw: time in years (`years`), rates and dividend yield continuously compounded per 1.00, volatility per 1.00,
prices and Greeks per unit of the underlying: multiply by the lot size. Arguments broadcast against each other; scalars
give a scalar. `kind` is "call" or "put", or an array of them. A row with a missing, infinite or impossible argument
(price or strike not above 0, volatility below 0) has no value: NaN.

Sources: Black & Scholes 1973, Merton 1973, Black 1976; Manaster & Koehler 1982 and Jäckel, "Let's Be Rational" (Wilmott
2015) for the implied volatility.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import erfcx, ndtr

Floats = NDArray[np.float64]

SECONDS_PER_YEAR = 365 * 86_400
# Factors from raw to displayed units.
PER_POINT = 0.01  # vega and rho: per 1 point, 0.01, of volatility or of the rate
PER_DAY = 1 / 365  # theta: per calendar day

_STEPS = 40
_CONVERGED = 1e-11


class Greeks(NamedTuple):
    """Derivatives of the price, in raw units; × PER_POINT and × PER_DAY for display."""

    delta: Floats  # per 1.00 of the underlying
    gamma: Floats  # of delta, per 1.00 of the underlying
    vega: Floats  # per 1.00 of volatility
    theta: Floats  # per year that passes
    rho: Floats  # per 1.00 of the rate


class _Terms(NamedTuple):
    sign: Floats  # +1 call, -1 put
    asset: Floats  # S exp(-qT)
    bond: Floats  # K exp(-rT)
    root: Floats  # √T
    total: Floats  # σ√T
    d1: Floats
    d2: Floats


def years(seconds: ArrayLike) -> Floats:
    """The time argument from the seconds to the instant of expiry, in years of 365 days."""
    return _plain(np.asarray(seconds, dtype=np.float64) / SECONDS_PER_YEAR)


@np.errstate(all="ignore")
def bs_price(
    spot: ArrayLike,
    strike: ArrayLike,
    time: ArrayLike,
    rate: ArrayLike,
    volatility: ArrayLike,
    kind: ArrayLike,
    dividend: ArrayLike = 0.0,
) -> Floats:
    """Black-Scholes-Merton price: `w [S exp(-qT) N(w d1) - K exp(-rT) N(w d2)]`, w = +1 for a call, -1 for a put.

    At or after expiry the intrinsic value; without volatility that of the discounted forward. Raises ValueError for a
    kind that is neither "call" nor "put".
    """
    w, asset, bond, _, _, d1, d2 = _terms(spot, strike, time, rate, volatility, kind, dividend)
    price = w * (asset * ndtr(w * d1) - bond * ndtr(w * d2))
    return _plain(np.maximum(price, np.maximum(w * (asset - bond), 0)))


@np.errstate(all="ignore")
def bs_greeks(
    spot: ArrayLike,
    strike: ArrayLike,
    time: ArrayLike,
    rate: ArrayLike,
    volatility: ArrayLike,
    kind: ArrayLike,
    dividend: ArrayLike = 0.0,
) -> Greeks:
    """Black-Scholes-Merton Greeks. At or after expiry delta is 0 or ±1, the others 0; at the strike it is 0."""
    w, asset, bond, root, total, d1, d2 = _terms(spot, strike, time, rate, volatility, kind, dividend)
    spots, times, rates, dividends = _floats(spot, time, rate, dividend)
    in_asset, in_bond = w * asset * ndtr(w * d1), w * bond * ndtr(w * d2)
    density = np.exp(-d1 * d1 / 2) / np.sqrt(2 * np.pi)
    decay = asset * density * total / (2 * times)
    return Greeks(
        delta=_plain(in_asset / spots),
        gamma=_plain(np.where(total > 0, asset * density / (spots * spots * total), 0 * asset)),
        vega=_plain(asset * density * root),
        theta=_plain(np.where(times > 0, dividends * in_asset - rates * in_bond - decay, 0 * asset)),
        rho=_plain(np.maximum(times, 0) * in_bond),
    )


def black76_price(
    forward: ArrayLike, strike: ArrayLike, time: ArrayLike, rate: ArrayLike, volatility: ArrayLike, kind: ArrayLike
) -> Floats:
    """Black-76 price on a forward or future of the same expiry: no dividend and carry to guess."""
    return bs_price(forward, strike, time, rate, volatility, kind, dividend=rate)


def black76_greeks(
    forward: ArrayLike, strike: ArrayLike, time: ArrayLike, rate: ArrayLike, volatility: ArrayLike, kind: ArrayLike
) -> Greeks:
    """Black-76 Greeks: delta and gamma are to the forward, and rho holds the forward as it is."""
    greeks = bs_greeks(forward, strike, time, rate, volatility, kind, dividend=rate)
    price = black76_price(forward, strike, time, rate, volatility, kind)
    (left,) = _floats(time)
    return greeks._replace(rho=_plain(-np.maximum(left, 0) * price))


@np.errstate(all="ignore")
def implied_vol(
    price: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    time: ArrayLike,
    rate: ArrayLike,
    kind: ArrayLike,
    dividend: ArrayLike = 0.0,
) -> Floats:
    """The volatility at which `bs_price` is the price.

    NaN where there is none: at or after expiry, at or below the discounted intrinsic value, at or above the greatest
    price an option can have, and where the time value is lost in the rounding of the price. See `unreliable_vol`.
    """
    s, t, r, q = _floats(spot, time, rate, dividend)
    return black76_implied_vol(price, s * np.exp((r - q) * t), strike, t, r, kind)


@np.errstate(all="ignore")
def black76_implied_vol(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, time: ArrayLike, rate: ArrayLike, kind: ArrayLike
) -> Floats:
    """The volatility at which `black76_price` is the price. NaN as in `implied_vol`."""
    p, f, k, t, r = _floats(price, forward, strike, time, rate)
    p, f, k, t, r, w = np.broadcast_arrays(p, f, k, t, r, _signs(kind))
    undiscounted = p * np.exp(r * t)
    intrinsic = np.maximum(w * (f - k), 0)
    # By parity the time value is the price of the out-of-the-money option; one of both prices, over √(FK), is solved.
    value = undiscounted - intrinsic
    lost = (intrinsic > 0) & (value <= 4 * np.finfo(np.float64).eps * undiscounted)
    scale = np.sqrt(f) * np.sqrt(k)
    beta, distance = value / scale, np.abs(np.log(f / k))
    solvable = (value > 0) & (undiscounted < np.where(w > 0, f, k)) & (t > 0) & ~lost & np.isfinite(beta + distance)
    volatility = np.full(solvable.shape, np.nan)
    volatility[solvable] = _total_volatility(beta[solvable], distance[solvable]) / np.sqrt(t[solvable])
    return _plain(volatility)


def unreliable_vol(vega: ArrayLike, tick: float) -> NDArray[np.bool_]:
    """Whether one tick of the option's price moves its implied volatility by over one point; true where there is none.

    `vega` is raw, of `bs_greeks` at that volatility.
    """
    return np.asarray(~(np.asarray(vega, dtype=np.float64) * PER_POINT >= tick))[()]


@np.errstate(all="ignore")
def parity_gap(
    call: ArrayLike,
    put: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    time: ArrayLike,
    rate: ArrayLike,
    dividend: ArrayLike = 0.0,
) -> Floats:
    """`C - P - (S exp(-qT) - K exp(-rT))`: 0 by put-call parity. One wider than the spreads means stale quotes."""
    c, p, s, k, t, r, q = _floats(call, put, spot, strike, time, rate, dividend)
    return _plain(c - p - (s * np.exp(-q * t) - k * np.exp(-r * t)))


@np.errstate(all="ignore")
def parity_holds(
    call_bid: ArrayLike,
    call_ask: ArrayLike,
    put_bid: ArrayLike,
    put_ask: ArrayLike,
    spot: ArrayLike,
    strike: ArrayLike,
    time: ArrayLike,
    rate: ArrayLike,
    dividend: ArrayLike = 0.0,
) -> NDArray[np.bool_]:
    """Whether put-call parity holds within the spreads; false where a quote is missing."""
    least = parity_gap(call_bid, put_ask, spot, strike, time, rate, dividend)
    most = parity_gap(call_ask, put_bid, spot, strike, time, rate, dividend)
    return np.asarray((least <= 0) & (most >= 0))[()]


def parity_forward(call: ArrayLike, put: ArrayLike, strike: ArrayLike, time: float, rate: float) -> float:
    """The forward of one expiry's chain: `K + exp(rT) (C - P)` at the strike where |C - P| is least.

    Strikes without both prices are passed over; NaN where none has both.
    """
    calls, puts, strikes = np.broadcast_arrays(*(np.atleast_1d(x) for x in _floats(call, put, strike)))
    gaps = calls - puts
    quoted = np.flatnonzero(np.isfinite(gaps) & np.isfinite(strikes))
    if quoted.size == 0:
        return float("nan")
    best = quoted[np.argmin(np.abs(gaps[quoted]))]
    return float(strikes[best] + np.exp(rate * time) * gaps[best])


def _terms(
    spot: ArrayLike,
    strike: ArrayLike,
    time: ArrayLike,
    rate: ArrayLike,
    volatility: ArrayLike,
    kind: ArrayLike,
    dividend: ArrayLike,
) -> _Terms:
    w = _signs(kind)
    s, k, t, r, v, q = _floats(spot, strike, time, rate, volatility, dividend)
    possible = (s > 0) & (k > 0) & (v >= 0) & np.isfinite(s + k + t + r + v + q)
    t = np.maximum(t, 0)
    root = np.sqrt(t)
    total = v * root
    log_moneyness = np.log(s / k) + (r - q) * t
    # Without time or volatility left the option is in the money for certain, or not at all.
    certain = np.where(log_moneyness == 0, -w, np.sign(log_moneyness)) * np.inf
    d1 = np.where(total > 0, log_moneyness / total + total / 2, certain)
    asset = np.where(possible, s * np.exp(-q * t), np.nan)
    bond = np.where(possible, k * np.exp(-r * t), np.nan)
    return _Terms(w, asset, bond, root, total, d1, d1 - total)


def _total_volatility(price: Floats, distance: Floats) -> Floats:
    """σ√T of an out-of-the-money option from its price over √(FK), at |ln(F/K)| = distance.

    The price has its inflection at √(2 distance), where the search starts. Newton's method goes on the inverse
    logarithm of the price below it, on the price above it, and in the upper half of the prices on the logarithm of
    what is missing to the greatest.
    """
    greatest = np.exp(-distance / 2)
    inflection = np.sqrt(2 * distance)
    # No price exceeds that at the money, s/√(2π): a lower bound of the solution.
    least = price * np.sqrt(2 * np.pi)
    low = price < greatest * (1 - erfcx(np.sqrt(distance))) / 2
    high = ~low & (price > greatest / 2)
    found = np.empty(price.size)
    for rows, step in ((low, _low_step), (~low & ~high, _middle_step), (high, _high_step)):
        start = np.maximum(inflection, least)[rows]
        most = start if step is _low_step else np.full(start.size, np.inf)
        found[rows] = _search(step, price[rows], distance[rows], start, least[rows], most)
    return found


def _search(
    step: Callable[[Floats, Floats, Floats], Floats],
    price: Floats,
    distance: Floats,
    s: Floats,
    least: Floats,
    most: Floats,
) -> Floats:
    """Newton's method, halving where a step leaves the bounds; NaN where it has not settled."""
    found = np.full(s.size, np.nan)
    rows = np.arange(s.size)
    for _ in range(_STEPS):
        change = step(price, distance, s)
        settled = np.abs(change) <= _CONVERGED * s + 1e-15
        found[rows[settled]] = (s + change)[settled]
        least, most = np.where(change > 0, s, least), np.where(change < 0, s, most)
        inside = (s + change >= least) & (s + change <= most)
        s = np.where(inside, s + change, (least + np.minimum(most, 4 * s)) / 2)
        price, distance, s, least, most = (x[~settled] for x in (price, distance, s, least, most))
        rows = rows[~settled]
        if rows.size == 0:
            break
    return found


# With E = exp(-(h² + t²)/2), h = distance/s and t = s/2, the price is E/2 [erfcx((h-t)/√2) - erfcx((h+t)/√2)], what is
# missing to the greatest is E/2 [erfcx((t-h)/√2) + erfcx((h+t)/√2)], and the slope of the price is E/√(2π).


def _low_step(price: Floats, distance: Floats, s: Floats) -> Floats:
    h, t = distance / s, s / 2
    half = (erfcx((h - t) / np.sqrt(2)) - erfcx((h + t) / np.sqrt(2))) / 2
    wanted, found = np.log(price), np.log(half) - (h * h + t * t) / 2
    return np.asarray((wanted - found) * (found / wanted) * half * np.sqrt(2 * np.pi))


def _middle_step(price: Floats, distance: Floats, s: Floats) -> Floats:
    h, t = distance / s, s / 2
    half = (erfcx((h - t) / np.sqrt(2)) - erfcx((h + t) / np.sqrt(2))) / 2
    return np.asarray((price * np.exp((h * h + t * t) / 2) - half) * np.sqrt(2 * np.pi))


def _high_step(price: Floats, distance: Floats, s: Floats) -> Floats:
    h, t = distance / s, s / 2
    half = (erfcx((t - h) / np.sqrt(2)) + erfcx((h + t) / np.sqrt(2))) / 2
    wanted, found = np.log(np.exp(-distance / 2) - price), np.log(half) - (h * h + t * t) / 2
    return np.asarray((found - wanted) * half * np.sqrt(2 * np.pi))


def _floats(*values: ArrayLike) -> tuple[Floats, ...]:
    return tuple(np.asarray(value, dtype=np.float64) for value in values)


def _signs(kind: ArrayLike) -> Floats:
    """+1 for a call, -1 for a put."""
    kinds = np.asarray(kind, dtype=np.str_)
    calls, puts = kinds == "call", kinds == "put"
    if not (calls | puts).all():
        raise ValueError(f"an option is a call or a put, not {kinds[~(calls | puts)].flat[0]!s}")
    return np.where(calls, 1.0, -1.0)


def _plain(x: Floats) -> Floats:
    """No infinity, no negative zero, and a scalar for scalars."""
    finite: Floats = np.where(np.isfinite(x), x + 0.0, np.nan)[()]
    return finite
