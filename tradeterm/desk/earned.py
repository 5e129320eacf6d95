"""What a book's closed trades come to: its edge, its expectancy and its drawdowns. Reckoned once after each trade
(`DeskState.earned`) and when one is forgotten, as a face looks far more often than that."""

import math
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from tradeterm.config import SizingConfig
from tradeterm.desk.edge import Edge, edge, forgotten_at, remembered
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.snapshot import TradeResult
from tradeterm.domain.view import ExpectancyView
from tradeterm.quant.expectancy import expectancy

WINDOWS = (30, 100, 500)
"""Closed trades the expectancy is shown over."""

RECENT = 10
LEAST_SLIPPAGES = 10


class Earned(Struct, frozen=True, kw_only=True):
    """Of these `results`, oldest first. `windows` are WINDOWS, `sized` is the window that sizing looks at, of the
    trades that count for the edge; `until` is when the first of those ceases to (UTC ms; None: there are none).

    `total` is the money of all results; `recent` has, after each of the last RECENT that closed after `since` (UTC ms),
    the running total and the highest it had been by then from `since` on (0 at the start). `slippage` is the mean of
    what the entries of the trades that count lost to their signal's price, a fraction; None under LEAST_SLIPPAGES.
    """

    results: tuple[TradeResult, ...]
    edge: Edge
    windows: tuple[ExpectancyView, ...]
    sized: ExpectancyView
    total: Decimal
    recent: tuple[tuple[Decimal, Decimal], ...]
    until: int | None
    slippage: Decimal | None = None
    since: int = 0

    def holds(self, results: Sequence[TradeResult], ts: int) -> bool:
        """Whether this is what those very results come to at `ts`."""
        return self.results is results and (self.until is None or ts < self.until)


def reckon(config: SizingConfig, results: tuple[TradeResult, ...], ts: int, since: int = 0) -> Earned:
    """What the closed trades, oldest first, come to at `ts`; their drawdowns count from `since` (both UTC ms), or 0 for
    all of them."""
    running = highest = ZERO
    path = []
    for result in results:
        running += result.pnl
        if since and result.ts_closed <= since:
            highest = running
        else:
            highest = max(highest, running)
            path.append((running, highest))
    counted = remembered(config, results, ts)
    return Earned(
        results=results,
        edge=edge(config, counted),
        windows=tuple(expectancy_view(results, window) for window in WINDOWS),
        sized=expectancy_view(counted, config.window),
        total=running,
        since=since,
        recent=tuple(path[-RECENT:]),
        until=forgotten_at(config, counted[0]) if counted else None,
        slippage=_mean_slippage(counted),
    )


def _mean_slippage(results: Sequence[TradeResult]) -> Decimal | None:
    known = [result.slippage for result in results if result.slippage is not None]
    return sum(known, ZERO) / len(known) if len(known) >= LEAST_SLIPPAGES else None


def expectancy_view(results: Sequence[TradeResult], window: int) -> ExpectancyView:
    """Of the last `window` results; see `tradeterm.quant.expectancy`."""
    seen = results[-window:]
    money = expectancy([float(result.pnl) for result in seen])
    multiples = [float(result.r_multiple) for result in seen if result.r_multiple is not None]
    in_r = expectancy(multiples if len(multiples) == len(seen) else [])
    return ExpectancyView(
        window=window,
        trades=money.trades,
        win_rate=_known(money.win_rate),
        payoff=_known(money.payoff),
        expectancy=_known(money.expectancy),
        expectancy_se=_known(money.standard_error),
        expectancy_r=_known(in_r.expectancy),
        expectancy_r_se=_known(in_r.standard_error),
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
