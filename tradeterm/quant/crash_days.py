"""Days on which everything fell, for stress tests: what each name lost to the worst moment, and what came after.

Simple returns of closes, joint: the worst moment is that of the mean of the names. Crypto: Binance USDT perpetuals,
hourly closes (April 2025: 5-minute ones, those of the bundled recording) from the first hour's open; NSE: daily closes
from the close of the session before, as the exchange published them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.instrument import Calendar


class CrashDay(Struct, frozen=True):
    """`falls` has, by symbol, the return to the worst moment and the one from there to the end of the period."""

    name: str
    calendar: Calendar
    falls: Mapping[str, tuple[float, float]]

    @property
    def worst(self) -> tuple[float, float]:
        """Of the name that fell most."""
        return min(self.falls.values())

    @property
    def mildest(self) -> tuple[float, float]:
        """Of the name that fell least."""
        return max(self.falls.values())


CRASH_DAYS = (
    CrashDay(
        "19 May 2021",
        Calendar.ALWAYS,
        {"BTCUSDT": (-0.1824, 0.0465), "ETHUSDT": (-0.3089, 0.0468), "XRPUSDT": (-0.3457, 0.0171)},
    ),
    CrashDay(
        "8-9 November 2022 (FTX)",
        Calendar.ALWAYS,
        {"BTCUSDT": (-0.2370, 0.0129), "ETHUSDT": (-0.2951, -0.0032), "XRPUSDT": (-0.2848, -0.0003)},
    ),
    CrashDay(
        "5 August 2024",
        Calendar.ALWAYS,
        {
            "BTCUSDT": (-0.1437, 0.0846),
            "ETHUSDT": (-0.1712, 0.0858),
            "BNBUSDT": (-0.1695, 0.1248),
            "SOLUSDT": (-0.1917, 0.1609),
            "XRPUSDT": (-0.1575, 0.1097),
            "DOGEUSDT": (-0.2024, 0.1401),
        },
    ),
    CrashDay(
        "6-7 April 2025",
        Calendar.ALWAYS,
        {
            "BTCUSDT": (-0.1062, 0.0604),
            "ETHUSDT": (-0.2108, 0.0897),
            "BNBUSDT": (-0.1193, 0.0617),
            "LINKUSDT": (-0.2080, 0.1259),
            "ADAUSDT": (-0.2162, 0.1425),
            "SUIUSDT": (-0.2189, 0.1666),
            "LTCUSDT": (-0.2315, 0.1173),
            "BCHUSDT": (-0.1757, 0.0990),
        },
    ),
    CrashDay(
        "23 March 2020 (NSE)",
        Calendar.NSE,
        {
            "NIFTY": (-0.1298, 0.0),
            "RELIANCE": (-0.1315, 0.0),
            "HDFCBANK": (-0.1261, 0.0),
            "ICICIBANK": (-0.1785, 0.0),
            "INFY": (-0.1004, 0.0),
            "TCS": (-0.0711, 0.0),
            "SBIN": (-0.1346, 0.0),
            "BAJFINANCE": (-0.2323, 0.0),
        },
    ),
)


def returns_of(day: CrashDay, symbols: Sequence[str], shorts: Sequence[bool] = ()) -> NDArray[np.float64]:
    """The day as two returns, (2, symbols). A name that is not on record falls like the one that fell most; held short
    (`shorts`, none if empty) like the one that fell least, so that it hedges no more than anything on record did.

    Raises ValueError for shorts that are not as many as the symbols.
    """
    sides = shorts or (False,) * len(symbols)
    falls = [
        day.falls.get(symbol, day.mildest if short else day.worst) for symbol, short in zip(symbols, sides, strict=True)
    ]
    return np.array(falls).T.reshape(2, len(symbols))
