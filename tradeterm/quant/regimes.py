"""Market regimes: by rule from indicators, and from the states of a hidden Markov model.

Arrays of codes are int8: the place of a `Regime` in its enumeration (or a state of the model), -1 for no regime. The
first axis is time; further axes are instruments. Row t uses rows up to t only.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.domain.states import Regime

Codes = NDArray[np.int8]

NO_REGIME = -1


def regime_of(code: int) -> Regime | None:
    """The regime a code stands for; None for -1."""
    return None if code == NO_REGIME else tuple(Regime)[code]


def code_of(regime: Regime) -> int:
    return tuple(Regime).index(regime)


def classify(
    adx: ArrayLike,
    ema_fast: ArrayLike,
    ema_mid: ArrayLike,
    ema_slow: ArrayLike,
    gk_volatility: ArrayLike,
    *,
    trend_adx: float = 30.0,
    range_adx: float = 20.0,
    volatile: float = 0.8,
) -> Codes:
    """Regime of each bar, the first rule that holds:

    - none (-1) where an input is missing
    - VOLATILE: annualised Garman-Klass volatility (a fraction) above `volatile`
    - TREND_UP: ADX at least `trend_adx` and ema_fast > ema_mid > ema_slow; TREND_DOWN: the same, falling
    - RANGE: ADX below `range_adx`
    - CHOP: anything else, so also a strong ADX whose averages are not in line

    Raises ValueError if range_adx is above trend_adx.
    """
    if range_adx > trend_adx:
        raise ValueError(f"the ADX of a range ({range_adx}) may not lie above that of a trend ({trend_adx})")
    strength, fast, mid, slow, volatility = np.broadcast_arrays(
        *(np.asarray(values, dtype=np.float64) for values in (adx, ema_fast, ema_mid, ema_slow, gk_volatility))
    )
    trending = strength >= trend_adx
    rules = [
        (~np.isfinite(strength + fast + mid + slow + volatility), NO_REGIME),
        (volatility > volatile, code_of(Regime.VOLATILE)),
        (trending & (fast > mid) & (mid > slow), code_of(Regime.TREND_UP)),
        (trending & (fast < mid) & (mid < slow), code_of(Regime.TREND_DOWN)),
        (strength < range_adx, code_of(Regime.RANGE)),
    ]
    conditions, codes = zip(*rules, strict=True)
    return np.asarray(np.select(conditions, codes, default=code_of(Regime.CHOP)), dtype=np.int8)


def persist(codes: ArrayLike, bars: int = 3) -> Codes:
    """Codes without whipsaw: a new code counts once it has held for `bars` bars; until then the old one.

    No regime (-1) counts at once and forgets what was before. Without any code that has held, -1.

    Raises ValueError for bars < 1.
    """
    if bars < 1:
        raise ValueError(f"a regime must hold for at least one bar, not {bars}")
    raw = np.asarray(codes, dtype=np.int8)
    return _last_confirmed(raw, (_run_lengths(raw) >= bars) | (raw == NO_REGIME))


def hmm_labels(filtered: ArrayLike, threshold: float = 0.7, bars: int = 2) -> Codes:
    """State of each bar from filtered probabilities (T, K), with hysteresis, (T,).

    A state counts once its probability has been above `threshold` for `bars` bars in a row, and stays until another one
    does so. A row with a missing probability is -1 and forgets what was before. Never feed smoothed probabilities.

    Raises ValueError unless 0.5 <= threshold < 1 and bars >= 1.
    """
    if not 0.5 <= threshold < 1:
        raise ValueError(f"the threshold lies between 0.5 and 1, not at {threshold}")
    if bars < 1:
        raise ValueError(f"a state must hold for at least one bar, not {bars}")
    p = np.asarray(filtered, dtype=np.float64)
    if p.ndim != 2:
        raise ValueError(f"probabilities are an array (bars, states), not one of {p.ndim} dimensions")
    missing: NDArray[np.bool_] = np.logical_not(np.isfinite(p).all(axis=1))
    likeliest = np.where(missing, NO_REGIME, np.where(missing[:, None], 0.0, p).argmax(axis=1)).astype(np.int8)
    sure = ~missing & (p.max(axis=1, initial=0.0, where=~missing[:, None]) > threshold)
    # A bar that is not sure breaks a run, so it gets a code of its own.
    runs = _run_lengths(np.where(sure, likeliest, np.int8(-2)))
    return _last_confirmed(likeliest, (sure & (runs >= bars)) | missing)


def _run_lengths(codes: Codes) -> NDArray[np.int64]:
    """How many bars in a row, up to and with this one, have had this bar's code."""
    row = np.arange(codes.shape[0]).reshape(-1, *(1,) * (codes.ndim - 1))
    changed = np.ones(codes.shape, dtype=np.bool_)
    changed[1:] = codes[1:] != codes[:-1]
    return np.asarray(row - np.maximum.accumulate(np.where(changed, row, 0), axis=0) + 1)


def _last_confirmed(codes: Codes, confirmed: NDArray[np.bool_]) -> Codes:
    row = np.arange(codes.shape[0]).reshape(-1, *(1,) * (codes.ndim - 1))
    last = np.maximum.accumulate(np.where(confirmed, row, -1), axis=0)
    held = np.take_along_axis(codes, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, held, np.int8(NO_REGIME))
