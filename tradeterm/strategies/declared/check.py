"""What the parts of a specification say together."""

from collections.abc import Iterator

from tradeterm.decode import show
from tradeterm.domain.market import HOUR_MS, INTERVALS_MS
from tradeterm.strategies.declared.spec import AtrStop, Spec

DESK_ATR_BARS = 14
"""The period of the desk's own average true range, by which it sets a stop."""

MOST_LEVERAGE = 10.0
"""The most that any book's limits allow."""

MAINTENANCE = 0.01
"""Margin, of the notional, at which a venue liquidates: more than the lowest tier of large contracts asks."""

_LONGEST_HOURS = 720.0


def mistakes_of(spec: Spec) -> list[str]:
    """One sentence a mistake, at the leverage that any book may have."""
    return [*stop_mistakes(spec, min(spec.risk.max_leverage, MOST_LEVERAGE)), *_time_mistakes(spec)]


def liquidation_distance(leverage: float) -> float:
    """How far from its entry a position is liquidated that has margin for `leverage`, as a fraction of the price."""
    return 1 / leverage - MAINTENANCE


def stop_mistakes(spec: Spec, leverage: float) -> Iterator[str]:
    """The sentence for a stop that the liquidation would come before, or that the desk cannot set."""
    stop = spec.stop
    if isinstance(stop, AtrStop) and stop.n != DESK_ATR_BARS:
        yield f"stop.n: found {stop.n}, allowed {DESK_ATR_BARS}, the period of the desk's own ATR"
    key, percent = ("fallback_pct", stop.fallback_pct) if isinstance(stop, AtrStop) else ("pct", stop.pct)
    distance = 100 * liquidation_distance(leverage)
    if leverage > 1 and percent >= distance:
        yield (
            f"stop.{key}: found {show(percent)}, allowed below {distance:.3g}: "
            f"at {leverage:g}x a position is liquidated that many percent from its entry"
        )


def _time_mistakes(spec: Spec) -> Iterator[str]:
    if spec.bars_held is not None and held_hours(spec) > _LONGEST_HOURS:
        most = int(_LONGEST_HOURS * HOUR_MS // INTERVALS_MS[spec.timeframe])
        yield f"exit.any: found bars_held {spec.bars_held}, allowed 1 to {most}, which is {_LONGEST_HOURS:g} hours"


def held_hours(spec: Spec) -> float:
    """The longest holding time in hours; infinite without one."""
    return float("inf") if spec.bars_held is None else spec.bars_held * INTERVALS_MS[spec.timeframe] / HOUR_MS
