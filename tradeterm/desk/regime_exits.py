"""What a regime means for a position that is open: how closely its stop trails, how long it may be held, and when it
goes. A regime that is not known, and `regimes.enabled = false`, leave the book's plain values.
"""

from tradeterm.config import ExitsConfig
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.states import Regime

_AGAINST = {PositionSide.LONG: Regime.TREND_DOWN, PositionSide.SHORT: Regime.TREND_UP}


def trail_distance(exits: ExitsConfig, entry: Regime | None, now: Regime | None) -> float | None:
    """The trailing distance, a fraction of the best price: that of the regime now or at the entry, whichever is
    tighter. None: the stop does not trail."""
    if not exits.regimes.enabled or now is None:
        return exits.trail
    return min(_trail(exits, regime) for regime in (now, entry or now))


def longest_hours(exits: ExitsConfig, now: Regime | None) -> float | None:
    """How long a position may be held: the shorter of the regime's time and `time_limit_hours`. None: for ever."""
    if not exits.regimes.enabled or now is None:
        return exits.time_limit_hours
    hours = _hours(exits, now)
    return hours if exits.time_limit_hours is None else min(hours, exits.time_limit_hours)


def turned_against(exits: ExitsConfig, side: PositionSide, entry: Regime | None, now: Regime | None) -> bool:
    """Whether the regime has changed, since the entry, into one that speaks against the position. Where the regime at
    the entry is not known, it has."""
    wanted = exits.regimes.enabled and exits.regimes.close_on_change
    return wanted and speaks_against(side, now) and now is not entry


def speaks_against(side: PositionSide, regime: Regime | None) -> bool:
    """A trend the other way, or wild prices."""
    return regime is Regime.VOLATILE or (regime is not None and regime is _AGAINST.get(side))


def _trail(exits: ExitsConfig, regime: Regime) -> float:
    match regime:
        case Regime.TREND_UP | Regime.TREND_DOWN:
            return exits.regimes.trail_trend
        case Regime.RANGE:
            return exits.regimes.trail_range
        case Regime.CHOP:
            return exits.regimes.trail_chop
        case Regime.VOLATILE:
            return exits.regimes.trail_volatile


def _hours(exits: ExitsConfig, regime: Regime) -> float:
    match regime:
        case Regime.TREND_UP | Regime.TREND_DOWN:
            return exits.regimes.hours_trend
        case Regime.RANGE:
            return exits.regimes.hours_range
        case Regime.CHOP:
            return exits.regimes.hours_chop
        case Regime.VOLATILE:
            return exits.regimes.hours_volatile
