"""The circuit breaker, in its first small form: it rises at once by rule and falls slowly by rule, or by an operator.

ALERT warns; THROTTLE denies entries; HALT stops the desk (protective stops stay) until an operator resumes it.
Causes: money that is not a number, repeated refused orders, a venue that disagrees with us.
"""

from tradeterm.desk.closing import cancel_entries
from tradeterm.desk.turn import Turn
from tradeterm.domain.facts import BreakerFact
from tradeterm.domain.orders import Order
from tradeterm.domain.states import AlertLevel, BreakerLevel, TradingState

FAILURE_WINDOW_MS = 10 * 60_000
COOL_DOWN_MS = 15 * 60_000
FAILURES = ((5, BreakerLevel.HALT), (3, BreakerLevel.THROTTLE), (2, BreakerLevel.ALERT))
_ORDER = tuple(BreakerLevel)
_FALLS_TO = {BreakerLevel.ALERT: BreakerLevel.CLOSED, BreakerLevel.THROTTLE: BreakerLevel.ALERT}
_LOUD = {BreakerLevel.ALERT: AlertLevel.WARNING, BreakerLevel.THROTTLE: AlertLevel.ERROR}


def rise(turn: Turn, level: BreakerLevel, cause: str, numbers: dict[str, str] | None = None) -> None:
    """Go to `level` unless the breaker is there or above."""
    state = turn.state
    if _ORDER.index(level) <= _ORDER.index(state.breaker):
        if level is state.breaker:
            state.breaker_ts = turn.ts
        return
    _set(turn, level, cause, numbers or {})
    turn.alert(_LOUD.get(level, AlertLevel.CRITICAL), f"BREAKER_{level}", f"breaker {level}: {cause}")
    if level in (BreakerLevel.HALT, BreakerLevel.SHUTDOWN):
        turn.set_trading(TradingState.HALTED, f"breaker: {cause}")
        cancel_entries(turn)


def reset(turn: Turn, who: str) -> None:
    """Close the breaker on somebody's word."""
    turn.state.failures.clear()
    if turn.state.breaker is not BreakerLevel.CLOSED:
        _set(turn, BreakerLevel.CLOSED, f"reset by {who}", {})


def note_refused(turn: Turn, order: Order) -> None:
    """Count an order the venue refused."""
    state = turn.state
    state.failures = [ts for ts in state.failures if turn.ts - ts < FAILURE_WINDOW_MS] + [turn.ts]
    count = len(state.failures)
    level = next((level for least, level in FAILURES if count >= least), None)
    if level is not None:
        cause = f"{count} orders refused within {FAILURE_WINDOW_MS // 60_000} minutes"
        rise(turn, level, cause, {"refused": str(count), "last": order.client_order_id})


def cool(turn: Turn) -> None:
    """Fall one level once the cool-down has passed; HALT and above never fall by themselves."""
    lower = _FALLS_TO.get(turn.state.breaker)
    if lower is not None and turn.ts - turn.state.breaker_ts >= COOL_DOWN_MS:
        _set(turn, lower, "quiet since", {"minutes": str(COOL_DOWN_MS // 60_000)})


def _set(turn: Turn, level: BreakerLevel, cause: str, numbers: dict[str, str]) -> None:
    state = turn.state
    turn.record(BreakerFact(ts=turn.ts, from_level=state.breaker, to_level=level, cause=cause, numbers=numbers))
    state.breaker, state.breaker_ts = level, turn.ts
    state.breaker_reason = "" if level is BreakerLevel.CLOSED else cause
