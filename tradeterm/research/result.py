"""What a backtest hands back."""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradeterm.quant.performance import Performance, TradeStatistics, trade_statistics
from tradeterm.research.account import Trade, Trades
from tradeterm.research.equity import daily_equity, equity_at
from tradeterm.research.exits import Moment
from tradeterm.research.performance import performance_over
from tradeterm.research.simulate import Simulation
from tradeterm.strategies.panel import Floats

if TYPE_CHECKING:
    import pandas as pd

_WHOLE = 1 - 1e-9
LEAST_TRADES = 30
"""Fewer round trips than these prove nothing."""


class Equity(NamedTuple):
    """Equity by time (UTC ms): the start of trading, each UTC day's end, and the end of the data."""

    ts: NDArray[np.int64]
    value: Floats


class Metrics(NamedTuple):
    """`performance` is of daily equity (None where equity fell to 0 or below), `trades` of closed trades net of costs.

    `fees`, `funding` and `slippage` are what was paid in all; the first two are apart from the trades' gross, slippage
    is in it. `insufficient` says that there are fewer than 30 trades: no figure means much then. `time_in_market` is
    the share of the period with at least one position open.
    """

    performance: Performance | None
    trades: TradeStatistics
    insufficient: bool
    fees: float
    funding: float
    slippage: float
    time_in_market: float


class Result:
    """A finished backtest. Figures are worked out when they are first asked for; bars before `since` (UTC ms) were
    history, and count in none."""

    def __init__(self, simulation: Simulation, periods_per_year: float, since: int | None = None) -> None:
        self.simulation = simulation
        self._periods_per_year = periods_per_year
        self._since = since

    def __repr__(self) -> str:
        return f"Result({len(self.trades)} trades, {self.trades.pnl.sum():+.2f})"

    @property
    def trades(self) -> Trades:
        """Closed trades in the order they closed: an attribute a column, or one `Trade` after the other."""
        return self.simulation.trades

    @property
    def ignored(self) -> Mapping[str, int]:
        """How many signals led to no trade, by why."""
        return self.simulation.ignored

    @cached_property
    def partly_filled(self) -> int:
        """Entries of which their bar's volume let a part through; those of which it let nothing are in `ignored`."""
        market = self.simulation.market
        ordered = {(each.instrument, each.ts): each.quantity for each in self.simulation.decided if not each.why}
        trades = zip(
            *(getattr(self.trades, name).tolist() for name in ("instrument", "signal_row", "quantity")), strict=True
        )
        return sum(quantity < ordered[number, market[number].closed(row)] * _WHOLE for number, row, quantity in trades)

    @cached_property
    def equity(self) -> Equity:
        return Equity(*daily_equity(self.simulation, self._since))

    def equity_at(self, ts: NDArray[np.int64]) -> Floats:
        """Equity at times (UTC ms, rising) of one's own, such as every close."""
        return equity_at(self.simulation, np.asarray(ts, dtype=np.int64))

    @cached_property
    def metrics(self) -> Metrics:
        trades, equity = self.trades, self.equity.value
        return Metrics(
            performance=performance_over(*self.equity, self._periods_per_year) if (equity > 0).all() else None,
            trades=trade_statistics(trades.pnl, bars_held(trades)),
            insufficient=len(trades) < LEAST_TRADES,
            fees=float(trades.fees.sum()),
            funding=float(trades.funding.sum()),
            slippage=float(trades.slippage.sum()),
            time_in_market=self._time_in_market(),
        )

    def to_frame(self) -> "pd.DataFrame":
        """The trades as a pandas frame; times are UTC timestamps."""
        import pandas as pd

        trades = self.trades
        columns = {name: getattr(trades, name) for name in Trade._fields}
        columns["instrument"] = np.array(trades.names, dtype=object)[trades.instrument]
        frame = pd.DataFrame(columns)
        for name in ("entry_ts", "exit_ts"):
            frame[name] = pd.to_datetime(frame[name], unit="ms", utc=True)
        return frame

    def _time_in_market(self) -> float:
        span = int(self.equity.ts[-1] - self.equity.ts[0])
        return _covered(self.trades) / span if span else 0.0


def _covered(trades: Trades) -> float:
    """Time with at least one position, ms: positions that overlap count once."""
    order = np.argsort(trades.entry_ts, kind="stable")
    entries, exits = trades.entry_ts[order], trades.exit_ts[order]
    if not entries.size:
        return 0.0
    until = np.maximum.accumulate(exits)
    fresh = np.concatenate((entries[:1], np.maximum(entries[1:], until[:-1])))
    return float(np.maximum(exits - fresh, 0).sum())


def bars_held(trades: Trades) -> Floats:
    """Rows from the entry to the exit; a trade that ends inside a bar was in it."""
    held: Floats = trades.exit_row - trades.entry_row + (trades.moment != Moment.OPEN).astype(np.float64)
    return held
