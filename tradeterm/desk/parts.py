"""The arithmetic of sending a quantity in parts: how many, how large, when. Exact on the lot; nothing random."""

import hashlib
from collections.abc import Sequence
from decimal import ROUND_CEILING, Decimal

from msgspec import Struct

from tradeterm.config import ExecutionConfig
from tradeterm.domain.instrument import ZERO, Instrument, round_quantity
from tradeterm.domain.market import MINUTE_MS

_SECOND = 1000


class Part(Struct, frozen=True):
    """A planned part; `due` is its earliest time, UTC ms."""

    due: int
    quantity: Decimal


def plan(
    execution: ExecutionConfig, name: str, quantity: Decimal, least: Decimal, lot: Decimal, ts: int
) -> tuple[Part, ...]:
    """`quantity`, a multiple of `lot`, in equal parts from `ts` on; odd lots go with the first ones.

    There are at most `slices`, none smaller than `least` (unless the whole is), and no more than the shortest spacing
    allows. Each but the first is shifted by a part of the spacing that follows from `name` and its number.
    """
    duration, shortest = duration_ms(execution), child_ms(execution)
    count = max(1, min(execution.slices, duration // shortest, int(quantity // least)))
    spacing = duration // count
    lots, odd = divmod(int(quantity / lot), count)
    return tuple(
        Part(
            due=ts + number * spacing + (_shift(execution, name, number, spacing) if number else 0),
            quantity=(lots + (number < odd)) * lot,
        )
        for number in range(count)
    )


def due_quantity(parts: Sequence[Part], ts: int) -> Decimal:
    """What should have been sent by `ts`."""
    return sum((part.quantity for part in parts if part.due <= ts), ZERO)


def part_quantity(left: Decimal, want: Decimal, room: Decimal, least: Decimal, instrument: Instrument) -> Decimal:
    """How much of `left` to send when `want` is due and `room` is allowed; 0 where nothing may be sent now.

    What would be left is either nothing or at least `least`, so that no tail is too small to be sent.
    """
    wanted = left if left - want < least else max(want, least)
    if ZERO < left - wanted < least:
        wanted = left
    quantity = min(wanted, round_quantity(room, instrument))
    if ZERO < left - quantity < least:
        quantity = round_quantity(left - least, instrument)
    return quantity if quantity >= least else ZERO


def least_quantity(instrument: Instrument, price: Decimal) -> Decimal:
    """The smallest order at `price`, on the lot."""
    worth = instrument.min_notional / (price * instrument.multiplier)
    least = max(instrument.min_quantity, worth, instrument.lot_size)
    return (least / instrument.lot_size).to_integral_value(ROUND_CEILING) * instrument.lot_size


def duration_ms(execution: ExecutionConfig) -> int:
    return int(execution.duration_minutes * MINUTE_MS)


def child_ms(execution: ExecutionConfig) -> int:
    return int(execution.child_seconds * _SECOND)


def _shift(execution: ExecutionConfig, name: str, number: int, spacing: int) -> int:
    """Up to half of `jitter` of the spacing, earlier or later."""
    digest = hashlib.sha256(f"{name}/{number}".encode()).digest()
    share = int.from_bytes(digest[:4]) / 2**32 - 0.5
    return int(share * execution.jitter * spacing)
