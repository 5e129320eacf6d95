"""How long each position stood without a live stop, measured by the venue itself."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from simulators.bybit.model import STOP_KINDS, ZERO, Order, Position

if TYPE_CHECKING:
    from simulators.bybit.exchange import Exchange


@dataclass(frozen=True)
class NakedInterval:
    """A time in which a position, or a part of it, had no stop. `ended_ms` is None while it lasts."""

    symbol: str
    started_ms: int
    seconds: float
    ended_ms: int | None


@dataclass
class Coverage:
    """Notes after every change of the venue which positions are bare; time is measured monotonically."""

    _since: dict[tuple[str, int], tuple[float, int]] = field(default_factory=dict)
    _ended: list[NakedInterval] = field(default_factory=list)

    def measure(self, exchange: Exchange) -> None:
        now, wall = time.monotonic(), exchange.clock.now_ms()
        for key, position in exchange.positions.items():
            bare = position.size != 0 and not covered(position, exchange.open_orders(position.symbol))
            if bare and key not in self._since:
                self._since[key] = (now, wall)
            elif not bare and key in self._since:
                start, start_wall = self._since.pop(key)
                self._ended.append(NakedInterval(key[0], start_wall, now - start, wall))

    def intervals(self, symbol: str | None) -> list[NakedInterval]:
        """Finished intervals and those that still last, oldest first."""
        now = time.monotonic()
        lasting = [NakedInterval(key[0], wall, now - start, None) for key, (start, wall) in self._since.items()]
        found = [i for i in [*self._ended, *lasting] if symbol is None or i.symbol == symbol]
        return sorted(found, key=lambda interval: interval.started_ms)


def covered(position: Position, orders: list[Order]) -> bool:
    """True when stops that can only reduce hold the whole size, on the losing side of the position."""
    held: Decimal = ZERO
    against = "Sell" if position.size > 0 else "Buy"
    direction = 2 if position.size > 0 else 1
    for order in orders:
        if order.position_idx != position.idx or order.side != against or order.stop_kind not in STOP_KINDS:
            continue
        if not (order.reduce_only or order.close_on_trigger) or order.trigger_direction != direction:
            continue
        if order.covers_all:
            return True
        held += order.leaves
    return held >= abs(position.size)
