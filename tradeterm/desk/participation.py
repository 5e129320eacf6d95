"""How much of the market an order may be: volume of the closed bars of the last hour, and what the desk traded in it.

Only bars that were seen count, so that a gap or a fresh start allows less, never more. Bars longer than an hour are
scaled down to one. Without a usable, recent bar nothing is known, and nothing is allowed.
"""

import math
from decimal import Decimal

from msgspec import Struct

from tradeterm.config import ExecutionConfig
from tradeterm.desk.state import DeskState, Mark
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.market import HOUR_MS
from tradeterm.domain.orders import OrderIntent, OrderStatus


class Volume(Struct, frozen=True):
    """Base units everybody traded in bars of the last hour that together last `span_ms`."""

    total: Decimal
    span_ms: int

    def within(self, window_ms: int) -> Decimal:
        """The mean for a time of that length."""
        return self.total * window_ms / self.span_ms

    @property
    def hour(self) -> Decimal:
        """What is known of the last hour's."""
        return self.total if self.span_ms <= HOUR_MS else self.within(HOUR_MS)


def remember(mark: Mark, interval_ms: int, ts: int, volume: float) -> None:
    """Keep the volume of a bar closed at `ts`, newer than the last one; an hour of them, and always the newest."""
    known = [item for item in mark.volumes.get(interval_ms, ()) if item[0] > ts - HOUR_MS]
    mark.volumes[interval_ms] = (*known, (ts, volume))


def recent_volume(mark: Mark | None, interval_ms: int, ts: int) -> Volume | None:
    """The last hour's volume at `ts`; None if the newest bar is older than two of its kind, or a volume no number."""
    bars = () if mark is None else mark.volumes.get(interval_ms, ())
    if not bars or ts - bars[-1][0] > 2 * interval_ms:
        return None
    volumes = [volume for closed, volume in bars if closed > ts - HOUR_MS] or [bars[-1][1]]
    if not all(math.isfinite(volume) and volume >= 0 for volume in volumes):
        return None
    return Volume(sum((Decimal(str(volume)) for volume in volumes), ZERO), len(volumes) * interval_ms)


def traded(state: DeskState, instrument: str, ts: int) -> Decimal:
    """What all books' orders of the last hour filled of the instrument, and their working entries still may."""
    total = ZERO
    for order in state.orders.values():
        if order.instrument != instrument or order.intent is OrderIntent.EXTERNAL:
            continue
        if order.ts_updated > ts - HOUR_MS:
            total += order.filled_quantity
        if order.intent is OrderIntent.ENTRY and not order.is_closed and order.status is not OrderStatus.INITIALIZED:
            total += order.leaves_quantity
    return total


def room(
    state: DeskState, execution: ExecutionConfig, instrument: str, interval_ms: int, ts: int, window_ms: int
) -> Decimal | None:
    """How large an order may be that stands for `window_ms` of trading; None if the volume is not known."""
    volume = recent_volume(state.marks.get(instrument), interval_ms, ts)
    if volume is None:
        return None
    order = Decimal(str(execution.participation_per_order)) * volume.within(window_ms)
    hour = Decimal(str(execution.participation_per_hour)) * volume.hour - traded(state, instrument, ts)
    return max(ZERO, min(order, hour))
