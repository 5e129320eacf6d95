"""What an order's own size moves the price by, as a fraction of the price and always against the trader.

Half the spread and fees come on top. Quantities are in one unit of the instrument, signed or not.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.quant import require
from tradeterm.quant.samples import Floats

FITTED_PARTICIPATION = 0.10
"""Orders above this part of the average daily volume are outside what the formulas were fitted on."""


class AlmgrenImpact(NamedTuple):
    """Fractions of price: `permanent` stays after the order, `temporary` is paid on top, `cost` is what the order pays
    on average against the price before it, permanent/2 + temporary.
    """

    permanent: Floats
    temporary: Floats
    cost: Floats


def sqrt_impact(quantity: ArrayLike, adv: ArrayLike, daily_volatility: ArrayLike, coefficient: float = 1.0) -> Floats:
    """Square-root law: coefficient·σ·√(|quantity|/adv).

    `adv` is the average daily volume in the unit of `quantity`, `daily_volatility` a fraction a day, `coefficient`
    about 1 (0.5 to 1.5; calibrate on fills of your own). Broadcasts; numbers in, a number out. NaN where the volume is
    unknown (NaN or 0) or the volatility is NaN. Raises ValueError for negative volumes, volatilities or coefficients
    and for what is infinite.
    """
    require.number(coefficient=coefficient)
    if not 0 <= coefficient < np.inf:
        raise ValueError(f"the coefficient is 0 or more, not {coefficient}")
    volatility = _not_negative(daily_volatility, "a volatility")
    return coefficient * volatility * np.sqrt(_participation(quantity, adv))


def almgren_impact(
    quantity: ArrayLike,
    adv: ArrayLike,
    daily_volatility: ArrayLike,
    shares_outstanding: ArrayLike,
    duration: ArrayLike,
) -> AlmgrenImpact:
    """Almgren, Thum, Hauptmann & Li, "Direct Estimation of Equity Market Impact" (2005); fitted on large US stocks.

    permanent = 0.314·σ·(X/V)·(Θ/V)^¼, temporary = 0.142·σ·(X/(V·T))^⅗, with V `adv`, Θ `shares_outstanding` and T
    `duration`, the fraction of a day the order is spread over. Broadcasts. NaN where a size is unknown (NaN or 0).
    Raises ValueError as `sqrt_impact` does.
    """
    share = _participation(quantity, adv)
    volatility = _not_negative(daily_volatility, "a volatility")
    turnover = _known(shares_outstanding, "a number of shares") / _known(adv, "a daily volume")
    permanent = 0.314 * volatility * share * turnover**0.25
    temporary = 0.142 * volatility * (share / _known(duration, "a duration")) ** 0.6
    return AlmgrenImpact(permanent, temporary, permanent / 2 + temporary)


def outside_fit(quantity: ArrayLike, adv: ArrayLike, most: float = FITTED_PARTICIPATION) -> NDArray[np.bool_]:
    """Where an estimate should be refused or flagged: the daily volume is unknown or the order above `most` of it."""
    return ~(_participation(quantity, adv) <= most)


def _participation(quantity: ArrayLike, adv: ArrayLike) -> Floats:
    size = np.abs(np.asarray(quantity, dtype=np.float64))
    if not np.isfinite(size).all():
        raise ValueError("a quantity is not finite")
    share: Floats = size / _known(adv, "a daily volume")
    return share


def _known(values: ArrayLike, what: str) -> Floats:
    """The values, NaN where 0 stands for "unknown"."""
    checked = _not_negative(values, what)
    return np.where(checked > 0, checked, np.nan)[()]


def _not_negative(values: ArrayLike, what: str) -> Floats:
    checked = np.asarray(values, dtype=np.float64)[()]
    if (checked < 0).any() or np.isinf(checked).any():
        raise ValueError(f"{what} is 0 or more and finite")
    return checked
