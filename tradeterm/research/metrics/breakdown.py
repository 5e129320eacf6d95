"""Where the money came from: trades by what they have in common."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.quant.samples import ratio
from tradeterm.research.account import Trades
from tradeterm.research.bars import Bars
from tradeterm.research.result import Result

_AHEAD_OF_UTC = {Calendar.ALWAYS: 0, Calendar.NSE: 5 * HOUR_MS + 30 * MINUTE_MS}


class By(StrEnum):
    """HOUR is that of the entry and MONTH that of the exit, both in the exchange's time (UTC around the clock, India
    time for NSE). REGIME is that at the entry. BOOK is whose it is, where there are several."""

    BOOK = "book"
    SYMBOL = "symbol"
    SIDE = "side"
    REASON = "reason"
    HOUR = "hour"
    MONTH = "month"
    REGIME = "regime"


class Row(NamedTuple):
    """The trades of one `key`, net of costs; None is "no value". Money in quote currency; `costs` are slippage, fees
    and funding; `expectancy_r` is in multiples of the risk, `average_duration` in ms."""

    key: str
    trades: int
    win_rate: float
    profit_factor: float | None
    expectancy: float
    expectancy_r: float | None
    average_duration: float
    costs: float
    net: float


def breakdown(result: Result, by: By | str, *, regimes: Sequence[str] | None = None) -> tuple[Row, ...]:
    """A row for each book, symbol, side, exit reason, hour of entry, month of exit or regime that has trades; none for
    books where there is but one.

    Books, symbols, sides, hours and months come in their own order, reasons and regimes by the number of trades. A
    regime needs `regimes`: one word for each trade of `result.trades`. Raises ValueError for another `by`, and for
    regimes that are missing or not one a trade.
    """
    by, trades = By(by), result.trades
    if by is By.BOOK:
        return _by_name(trades, result.simulation.owners)
    if by is By.SYMBOL:
        return _by_name(trades, trades.names)
    if by is By.SIDE:
        return _rows(trades, np.where(trades.side > 0, 0, 1), ("long", "short"))
    if by is By.HOUR:
        return _rows(trades, _hours(result.simulation.market, trades), [f"{hour:02d}" for hour in range(24)])
    if by is By.MONTH:
        return _by_word(trades, _months(result.simulation.market, trades))
    if by is By.REASON:
        return _by_number(_by_word(trades, trades.reason))
    if regimes is None or len(regimes) != len(trades):
        found = "none" if regimes is None else len(regimes)
        raise ValueError(f"regimes: found {found}, allowed one for each of {len(trades)} trades")
    return _by_number(_by_word(trades, regimes))


def _by_name(trades: Trades, names: Sequence[str]) -> tuple[Row, ...]:
    """`names` are those of the instruments; several may have the same."""
    once = {name: number for number, name in enumerate(dict.fromkeys(names))}
    numbers = np.array([once[name] for name in names], dtype=np.int64)
    return _rows(trades, numbers[trades.instrument], tuple(once)) if names else ()


def _hours(market: Sequence[Bars], trades: Trades) -> NDArray[np.int64]:
    found: NDArray[np.int64] = (trades.entry_ts + _ahead(market, trades)) % DAY_MS // HOUR_MS
    return found


def _months(market: Sequence[Bars], trades: Trades) -> list[str]:
    """An exit at midnight is still of the day before, as the equity of that instant is."""
    local = trades.exit_ts + _ahead(market, trades) - 1
    return [str(month) for month in local.astype("datetime64[ms]").astype("datetime64[M]")]


def _ahead(market: Sequence[Bars], trades: Trades) -> NDArray[np.int64]:
    offsets = np.array([_AHEAD_OF_UTC[bars.calendar] for bars in market], dtype=np.int64)
    return offsets[trades.instrument]


def _by_word(trades: Trades, words: Iterable[str]) -> tuple[Row, ...]:
    words = [str(word) for word in words]  # a reason may be a member of an enum
    names = sorted(set(words))
    number = {name: at for at, name in enumerate(names)}
    return _rows(trades, np.array([number[word] for word in words], dtype=np.int64), names)


def _by_number(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: -row.trades))


def _rows(trades: Trades, group: NDArray[np.int64], names: Sequence[str]) -> tuple[Row, ...]:
    return tuple(
        _row(name, trades, at) for number, name in enumerate(names) if (at := np.flatnonzero(group == number)).size
    )


def _row(key: str, trades: Trades, at: NDArray[np.intp]) -> Row:
    pnl, risk = trades.pnl[at], trades.risk[at]
    at_risk = risk > 0
    factor = ratio(float(pnl[pnl > 0].sum()), -float(pnl[pnl < 0].sum()))
    return Row(
        key=key,
        trades=len(at),
        win_rate=float((pnl > 0).mean()),
        profit_factor=factor if factor == factor else None,
        expectancy=float(pnl.mean()),
        expectancy_r=float((pnl[at_risk] / risk[at_risk]).mean()) if at_risk.any() else None,
        average_duration=float((trades.exit_ts[at] - trades.entry_ts[at]).mean()),
        costs=float((trades.slippage[at] + trades.fees[at] + trades.funding[at]).sum()),
        net=float(pnl.sum()),
    )
