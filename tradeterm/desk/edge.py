"""What a book may risk on one trade, by what its own closed trades have earned.

Kelly: f = W − (1−W)/R of the last `window` closed trades, net of costs (Kelly 1956), in the equal form
W·(1 − losses/gains) with the sums of what was lost and won. It is only as good as its sample, so it is pulled towards
no edge by n/(n+n₀) with n₀ = `least_trades`, and only the configured part of it is taken. No confidence of a signal or
of a model enters: a probability is only what happened.

Where none of them lost, f is what the formula comes to as the losses go to nothing, so W. So a better result in any
one trade never makes the size smaller.

No size, too, where the same trades lost money: large ones may lose what small ones win in multiples.

Without a size there are no new results, so old ones are forgotten: those that closed more than `forget_days` ago do not
count (`remembered`). A losing book has no size until fewer than `least_trades` are left, or those that are left have an
edge; then it explores anew.

Results are in multiples of the risk taken where that is known of every trade looked at, else in returns on the money
put in: one unit for all, and none left out.
"""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct

from tradeterm.config import SizingConfig, SizingMethod
from tradeterm.desk.rounding import RATIO_STEP, plain
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.snapshot import TradeResult


class Edge(Struct, frozen=True, kw_only=True):
    """The fraction of equity to risk, and why. `kelly` is the whole Kelly fraction of the `trades` looked at before it
    is pulled and cut, below 0 for a losing book; None without a win and a loss."""

    trades: int
    wins: int
    losses: int
    kelly: Decimal | None
    risk_fraction: Decimal
    why: str


def remembered(config: SizingConfig, results: Sequence[TradeResult], ts: int) -> Sequence[TradeResult]:
    """Of the closed trades, oldest first, those that count at `ts` (UTC ms)."""
    return results[bisect_right(results, ts, key=lambda result: forgotten_at(config, result)) :]


def forgotten_at(config: SizingConfig, result: TradeResult) -> int:
    """When a closed trade ceases to count (UTC ms)."""
    return result.ts_closed + int(config.forget_days * DAY_MS)


def edge(config: SizingConfig, results: Sequence[TradeResult]) -> Edge:
    """What may be risked after these closed trades, oldest first, all of which count. Never more than
    `risk_fraction`."""
    seen = results[-config.window :]
    outcomes = in_one_unit(seen)
    gains, losses = [r for r in outcomes if r > 0], [r for r in outcomes if r < 0]
    won, lost = sum(gains, ZERO), -sum(losses, ZERO)
    kelly = None
    if gains and losses:
        kelly = plain((Decimal(len(gains)) / (len(gains) + len(losses)) * (1 - lost / won)).quantize(RATIO_STEP))

    def risking(fraction: Decimal, why: str) -> Edge:
        return Edge(trades=len(seen), wins=len(gains), losses=len(losses), kelly=kelly, risk_fraction=fraction, why=why)

    most = Decimal(str(config.risk_fraction))
    exploring = min(Decimal(str(config.exploration_fraction)), most)
    if config.method is SizingMethod.FIXED:
        return risking(most, "fixed")
    if len(results) < config.least_trades:
        return risking(exploring, f"exploring: {len(results)} of {config.least_trades} trades")
    if lost >= won or sum((result.pnl for result in seen), ZERO) < 0:
        what = "edge is negative" if lost else "no edge"
        ends = datetime.fromtimestamp(forgotten_at(config, results[-config.least_trades]) / 1000, UTC).date()
        return risking(ZERO, f"{what} over {len(seen)} trades: no size until {ends} at the latest")
    pulled = Decimal(len(gains)) / (len(gains) + len(losses) + config.least_trades) * (1 - lost / won)
    part = plain((pulled * Decimal(str(config.kelly_fraction))).quantize(RATIO_STEP, "ROUND_FLOOR"))
    if part >= most:
        return risking(most, f"Kelly over {len(seen)} trades, cut to the risk per trade")
    return risking(part, f"{config.kelly_fraction:g} Kelly over {len(seen)} trades")


def in_one_unit(results: Sequence[TradeResult]) -> list[Decimal]:
    """R multiples if every trade has one, else percent returns."""
    multiples = [result.r_multiple for result in results if result.r_multiple is not None]
    return multiples if len(multiples) == len(results) else [result.return_pct for result in results]
