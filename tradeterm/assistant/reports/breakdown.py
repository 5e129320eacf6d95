"""Closed trades by what they have in common."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from tradeterm.assistant.reports.said import said
from tradeterm.domain.facts import Trade

ZERO = Decimal(0)


class By(StrEnum):
    """HOUR is that of the entry, DAY that of the exit, both UTC."""

    SYMBOL = "symbol"
    SIDE = "side"
    EXIT_REASON = "exit reason"
    STRATEGY = "strategy"
    HOUR = "hour of the entry, UTC"
    DAY = "day of the exit, UTC"


class Slice(Struct, frozen=True, kw_only=True):
    """The trades of one key; money in the book's currency, net of costs. `profit_factor` is gains over losses, None
    without a loss; `mean_r` is None where no risk was known; `mean_ms` is how long they were held."""

    key: str
    trades: int
    won: int
    net: Decimal
    fees: Decimal
    funding: Decimal
    profit_factor: float | None
    mean_r: float | None
    mean_ms: int


class Breakdown(Struct, frozen=True):
    by: By
    slices: tuple[Slice, ...]


_KEYS: dict[By, Callable[[Trade], str]] = {
    By.SYMBOL: lambda trade: said(trade.instrument, 60),
    By.SIDE: lambda trade: trade.side.value.lower(),
    By.EXIT_REASON: lambda trade: said(trade.exit_reason, 80) or "not known",
    By.STRATEGY: lambda trade: said(trade.strategy, 60) or "not known",
    By.HOUR: lambda trade: f"{datetime.fromtimestamp(trade.ts_opened / 1000, UTC):%H}",
    By.DAY: lambda trade: f"{datetime.fromtimestamp(trade.ts_closed / 1000, UTC):%Y-%m-%d}",
}


def breakdowns(trades: Sequence[Trade]) -> tuple[Breakdown, ...]:
    """One for each of `By`, its lines in the order of their keys; none without trades."""
    return tuple(Breakdown(by, _slices(trades, key)) for by, key in _KEYS.items()) if trades else ()


def _slices(trades: Sequence[Trade], key: Callable[[Trade], str]) -> tuple[Slice, ...]:
    groups: dict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        groups[key(trade)].append(trade)
    return tuple(_slice(name, groups[name]) for name in sorted(groups))


def _slice(key: str, trades: Sequence[Trade]) -> Slice:
    gains = sum((trade.pnl for trade in trades if trade.pnl > 0), ZERO)
    losses = -sum((trade.pnl for trade in trades if trade.pnl < 0), ZERO)
    known = [trade.r_multiple for trade in trades if trade.r_multiple is not None]
    return Slice(
        key=key,
        trades=len(trades),
        won=sum(trade.pnl > 0 for trade in trades),
        net=gains - losses,
        fees=sum((trade.fees for trade in trades), ZERO),
        funding=sum((trade.funding for trade in trades), ZERO),
        profit_factor=float(gains / losses) if losses else None,
        mean_r=float(sum(known, ZERO) / len(known)) if known else None,
        mean_ms=sum(trade.ts_closed - trade.ts_opened for trade in trades) // len(trades),
    )
