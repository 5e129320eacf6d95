"""What the run's instruments would have made without a strategy, on the same capital, period and costs.

Both own every instrument long from its first bar in the period (before it, its share is cash) to its last, in any
fraction of a lot. Every purchase and sale pays the fee and the slippage (of the costs' market impact nothing). Funding
is paid out of the holding, and received into it, at no cost: a settlement at the rate r leaves 1 - r of the quantity,
and none from r = 1 on. So nothing is ever borrowed, and neither is ever worth less than 0. Those of several books are
the sums of each book's, on its own capital.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tradeterm.research.bars import Bars
from tradeterm.research.costs import Costs
from tradeterm.research.desk_simulation import DeskSimulation
from tradeterm.research.result import Equity, Result
from tradeterm.research.simulate import Simulation
from tradeterm.strategies.panel import Floats

Times = NDArray[np.int64]


class _Held(NamedTuple):
    """One unit of an instrument: what it cost, and what funding left of it is worth at each time (NaN before it was
    bought)."""

    fill: float
    worth: Floats


def buy_and_hold(result: Result, ts: Times | None = None) -> Equity:
    """Equity of equal money put into each instrument and left there, at the times of the result's own or at `ts` (UTC
    ms, rising), which begin and end as those do."""
    ts = result.equity.ts if ts is None else ts
    return Equity(ts, _sum([_left_alone(part, ts, _holdings(part, ts)) for part in _parts(result)]))


def equal_weight(result: Result) -> Equity:
    """Equity, at the times of the result's own, of the same money in each instrument, made equal again at each of those
    times (each day)."""
    ts = result.equity.ts
    return Equity(ts, _sum([_rebalanced(part, ts, _holdings(part, ts)) for part in _parts(result)]))


def benchmarks(result: Result) -> tuple[Equity, Equity]:
    """Both, from one look at the prices."""
    ts = result.equity.ts
    held = [(part, _holdings(part, ts)) for part in _parts(result)]
    return (
        Equity(ts, _sum([_left_alone(part, ts, holdings) for part, holdings in held])),
        Equity(ts, _sum([_rebalanced(part, ts, holdings) for part, holdings in held])),
    )


def _parts(result: Result) -> tuple[Simulation, ...]:
    simulation = result.simulation
    return simulation.parts if isinstance(simulation, DeskSimulation) else (simulation,)


def _sum(values: Sequence[Floats]) -> Floats:
    total: Floats = np.sum(values, axis=0)
    return total


def _left_alone(simulation: Simulation, ts: Times, holdings: Sequence[_Held]) -> Floats:
    capital, costs = simulation.capital, simulation.costs
    equity = np.full(len(ts), capital)
    for held in holdings:
        money = capital / len(simulation.market)
        worth = money * held.worth / (held.fill * (1 + costs.fee))
        worth[-1] *= 1 - _sale(costs)
        equity += np.where(np.isnan(worth), 0.0, worth - money)
    return equity


def _rebalanced(simulation: Simulation, ts: Times, holdings: Sequence[_Held]) -> Floats:
    costs = simulation.costs
    growth = np.zeros((len(ts) - 1, len(simulation.market)))
    for number, held in enumerate(holdings):
        bought = np.isnan(held.worth[:-1]) & ~np.isnan(held.worth[1:])
        base = np.where(bought, held.fill * (1 + costs.fee), held.worth[:-1])
        owned = base > 0
        growth[owned, number] = held.worth[1:][owned] / base[owned] - 1
    mean = growth.mean(axis=1)
    # What each grew apart from the mean is sold or bought back; at the end all of it is sold.
    traded = np.abs(growth - mean[:, None]).mean(axis=1)
    traded[-1:] = 1 + mean[-1:]
    steps = np.maximum(1 + mean - traded * _sale(costs), 0.0)
    values: Floats = simulation.capital * np.concatenate(([1.0], np.cumprod(steps)))
    return values


def _sale(costs: Costs) -> float:
    return 1 - (1 - costs.slippage) * (1 - costs.fee)


def _holdings(simulation: Simulation, ts: Times) -> list[_Held]:
    """Of the instruments that have a bar in the period."""
    found = [_hold(bars, ts, simulation.costs) for bars in simulation.market]
    return [held for held in found if held is not None]


def _hold(bars: Bars, ts: Times, costs: Costs) -> _Held | None:
    row = bars.next_bar(bars.first_closing(int(ts[0]) + bars.length_ms)) if bars.rows else 0
    if row >= bars.rows or bars.closed(row) > ts[-1]:
        return None
    bought, end = bars.opened(row), bars.closed(bars.last)
    worth = _marks(bars, ts)
    fill = float(bars.open[row]) * (1 + costs.slippage)
    worth[ts < bars.closed(row)] = np.nan
    if bars.funding is not None:
        due = (bars.funding.ts > bought) & (bars.funding.ts < min(end, int(ts[-1])))
        settled, rates = bars.funding.ts[due], bars.funding.rate[due]
        rates = np.where(np.isnan(rates) | np.isnan(_marks(bars, settled)), 0.0, rates)
        left = np.concatenate(([1.0], np.cumprod(np.maximum(1 - rates, 0.0))))
        worth *= left[np.searchsorted(settled, ts, side="right")]
    bars.release()
    return _Held(fill, worth)


def _marks(bars: Bars, ts: Times) -> Floats:
    """The newest close at each time; NaN before the first."""
    if bars.regular:
        rows = (ts - bars.start - bars.length_ms) // bars.interval_ms
    else:
        rows = np.searchsorted(bars.ts_open, ts - bars.length_ms, side="right") - 1
    rows = np.minimum(rows, bars.last)
    marks: Floats = np.where(rows >= 0, bars.close[np.maximum(rows, 0)], np.nan)
    first = bars.next_bar(0)
    for gap in np.flatnonzero(np.isnan(marks) & (rows > first)):
        marks[gap] = bars.last_close(int(ts[gap]))
    return marks
