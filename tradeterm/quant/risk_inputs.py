"""What a refresh of the desk's risk is given; see `tradeterm.quant.desk_risk`."""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.instrument import Calendar

Floats = NDArray[np.float64]


class Name(Struct, frozen=True):
    """An instrument, as far as its risk goes."""

    id: str
    symbol: str
    calendar: Calendar = Calendar.ALWAYS


class Holding(Struct, frozen=True):
    """A position: signed quantity, price and stop in the book's currency (see `StressPosition`)."""

    instrument: str
    quantity: float
    price: float
    multiplier: float = 1.0
    stop: float | None = None


class BookInputs(Struct, frozen=True, kw_only=True):
    """`equity` in the book's currency and `rate`, what one unit of that is in the desk's; None where unknown.
    `trades` are the money results of its closed trades, oldest first. `hits_95` and `hits_99` say of each day with a
    forecast whether the loss was larger."""

    name: str
    instruments: tuple[str, ...]
    equity: float | None
    rate: float | None = 1.0
    holdings: tuple[Holding, ...] = ()
    trades: tuple[float, ...] = ()
    drawdown_limit: float = 0.08
    hits_95: tuple[int, ...] = ()
    hits_99: tuple[int, ...] = ()


class RiskInputs(Struct, frozen=True, kw_only=True):
    """`times` (rows,) are the ascending closing times, UTC ms, of `closes` and `volumes` (rows, names); NaN where an
    instrument has no close."""

    names: tuple[Name, ...]
    times: NDArray[np.int64]
    closes: Floats
    volumes: Floats
    books: tuple[BookInputs, ...]
    desk_hits_95: tuple[int, ...] = ()
    desk_hits_99: tuple[int, ...] = ()
    group_correlation: float = 0.7
    seed: int = 0
