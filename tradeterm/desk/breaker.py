"""The circuit breaker: rules (`breaker_rules.py`) raise it at once; time or a person lowers it, and nothing else.

What each level permits:

- CLOSED: everything.
- ALERT: everything, entries at half their size; somebody is told.
- THROTTLE: no entries. Exits, stops and targets go on.
- HALT: trading is HALTED: entries are cancelled. Protective stops stay, and positions end by their own exits, the
  strategy's among them: what reduces risk is never held back.
- SHUTDOWN: as HALT, and RESUME does not end it. The breaker itself closes nothing: whether to close everything into
  chaos, a person decides (FLATTEN and KILL work at every level).

ALERT and THROTTLE fall by one level after `cool_down_minutes` without a cause at that level or above, so never below
what a present cause demands. HALT and SHUTDOWN never fall by themselves; once no cause of such a level is measured
their reason says so. RESUME ends a HALT, RECOVER (with a reason)
either, both only once no cause of such a level is measured any more; the breaker is then where the present causes have
it. OVERRIDE (with a reason) lets the causes it finds count for nothing for `override_minutes`: a new one, or one of
them that gets worse, still raises the breaker, and what lasts when the override ends raises it again. Another OVERRIDE
covers what it finds then, and no more what an earlier one did. SHUTDOWN cannot be overridden, nor what breaks a law of
the house (`Cause.overridable`).

Every change is a `BreakerFact` that carries all a restart needs: level, cause, and the exact time its cool-down began.
"""

from collections import deque
from decimal import Decimal

from tradeterm.desk.account import unknown_equity
from tradeterm.desk.breaker_rules import KEEP_LATENCIES, Cause, counted_at, measure, rank, window_ms
from tradeterm.desk.closing import cancel_entries
from tradeterm.desk.turn import Turn
from tradeterm.domain.facts import BreakerFact
from tradeterm.domain.orders import Order
from tradeterm.domain.states import AlertLevel, BreakerLevel, TradingState

_MINUTE = 60_000
_EVENT = "event"
_FALLS_TO = {BreakerLevel.ALERT: BreakerLevel.CLOSED, BreakerLevel.THROTTLE: BreakerLevel.ALERT}
_LOUD = {BreakerLevel.ALERT: AlertLevel.WARNING, BreakerLevel.THROTTLE: AlertLevel.ERROR}
_SIZES = {BreakerLevel.CLOSED: Decimal(1), BreakerLevel.ALERT: Decimal("0.5")}
HALTED_BY_BREAKER = "breaker: "
"""How the reason of a HALT that the breaker made begins."""


def size_factor(level: BreakerLevel) -> Decimal:
    """What an entry's size is multiplied by."""
    return _SIZES.get(level, Decimal(0))


def is_latched(level: BreakerLevel) -> bool:
    """Whether only a person leads out of it."""
    return level in (BreakerLevel.HALT, BreakerLevel.SHUTDOWN)


def review(turn: Turn) -> None:
    """Measure, and rise, fall or stay by rule. May be called at any time, any number of times."""
    state = turn.state
    _end_override(turn)
    causes = standing(turn)
    worst = causes[0].level if causes else BreakerLevel.CLOSED
    if rank(worst) > rank(state.breaker):
        _raise(turn, causes[0])
    elif causes and worst is state.breaker:
        _hold(turn, [cause for cause in causes if cause.level is worst])
    else:
        _cool(turn, causes)
    enforce(turn)


def rise(turn: Turn, level: BreakerLevel, cause: str, numbers: dict[str, str] | None = None) -> None:
    """Go to `level` for something that happened, unless the breaker is there or above, also by what is measured now."""
    review(turn)
    if rank(level) > rank(turn.state.breaker):
        _raise(turn, Cause(_EVENT, level, cause, numbers or {}))
        enforce(turn)


def enforce(turn: Turn) -> None:
    """At HALT and SHUTDOWN nothing trades, whatever somebody else set meanwhile."""
    state = turn.state
    if is_latched(state.breaker) and state.trading_state is not TradingState.HALTED:
        turn.set_trading(TradingState.HALTED, HALTED_BY_BREAKER + state.breaker_reason)
        cancel_entries(turn)


def standing(turn: Turn) -> list[Cause]:
    """The causes that count, the worst first: those measured now that no override covers."""
    state = turn.state
    covered = state.breaker_overridden if turn.ts < state.breaker_override_until else {}
    return [
        cause
        for cause in measure(state, turn.ts)
        if not cause.overridable or rank(cause.level) > rank(covered.get(cause.rule, BreakerLevel.CLOSED))
    ]


def blocking(turn: Turn) -> list[Cause]:
    """The causes that count and demand HALT or more."""
    return [cause for cause in standing(turn) if is_latched(cause.level)]


def release(turn: Turn, why: str) -> None:
    """Lead out of HALT or SHUTDOWN, down to what the present causes demand; the caller has seen that none blocks."""
    causes = standing(turn)
    _fall(turn, causes[0].level if causes else BreakerLevel.CLOSED, causes, why)


def override(turn: Turn, causes: list[Cause], why: str) -> None:
    """Let these causes, which are present, count for nothing for a while, in place of what an override before covered;
    the caller has seen that it may."""
    state = turn.state
    state.breaker_overridden = {cause.rule: cause.level for cause in reversed(causes)}  # of a rule's the worst
    state.breaker_override_until = turn.ts + int(state.config.breaker.override_minutes * _MINUTE)
    release(turn, why)


def note_order(turn: Turn, order: Order) -> None:
    """Count an order, if it was refused or has filled at a price that can be judged."""
    if counted_at(order) is not None:
        turn.state.recent_orders[order.client_order_id] = None
        review(turn)


def note_latency(turn: Turn, venue: str, latency_ms: float) -> None:
    """Remember how long a venue's API took; the next Timer judges it. What is not a time is not measured."""
    if 0 <= latency_ms < float("inf"):
        turn.state.latencies.setdefault(venue, deque(maxlen=KEEP_LATENCIES)).append((turn.ts, latency_ms))


def note_lost(turn: Turn) -> None:
    """A venue that was ready is not any more."""
    turn.state.venue_losses.append(turn.ts)
    review(turn)


def on_time(turn: Turn) -> None:
    """Forget what has left the window, and review."""
    _forget(turn)
    review(turn)


def remember(turn: Turn) -> None:
    """After a restart: find the orders that still count, and hold what the breaker demands."""
    turn.state.recent_orders = dict.fromkeys(turn.state.orders)
    _forget(turn)
    enforce(turn)


def _forget(turn: Turn) -> None:
    """Drop what has left the window."""
    state, window = turn.state, window_ms(turn.state)
    for name in list(state.recent_orders):
        order = state.orders.get(name)
        counted = None if order is None else counted_at(order)
        if counted is None or turn.ts - counted >= window:
            del state.recent_orders[name]
    if state.venue_losses:
        state.venue_losses = [ts for ts in state.venue_losses if turn.ts - ts < window]


def _raise(turn: Turn, cause: Cause) -> None:
    _set(turn, cause.level, cause.text, cause.numbers, rule=cause.rule)
    turn.alert(
        _LOUD.get(cause.level, AlertLevel.CRITICAL), f"BREAKER_{cause.level}", f"breaker {cause.level}: {cause.text}"
    )


def _hold(turn: Turn, causes: list[Cause]) -> None:
    """A cause lasts at the present level: its cool-down does not run, and it is the one shown."""
    state = turn.state
    shown = state.breaker_rule in [cause.rule for cause in causes]
    if state.breaker_quiet_since is not None or not shown:
        cause = next((cause for cause in causes if cause.rule == state.breaker_rule), causes[0])
        _set(turn, state.breaker, cause.text, cause.numbers, rule=cause.rule)


def _cool(turn: Turn, causes: list[Cause]) -> None:
    """No cause at the present level: fall once that has lasted. What only a person leads out of is said to be over."""
    state = turn.state
    if is_latched(state.breaker):
        _tell_over(turn, causes)
        return
    lower = _FALLS_TO.get(state.breaker)
    if lower is None:
        return
    minutes = state.config.breaker.cool_down_minutes
    if state.breaker_quiet_since is None:
        text = f"over: {state.breaker_reason}; falls after {minutes:g} quiet minutes"
        _set(turn, state.breaker, text, {}, rule=state.breaker_rule, quiet_since=turn.ts)
    elif turn.ts - state.breaker_quiet_since >= round(minutes * _MINUTE):
        _fall(turn, lower, causes, f"{minutes:g} minutes without a cause")


def _tell_over(turn: Turn, causes: list[Cause]) -> None:
    """Once nothing demands HALT any more, as far as can be measured: the reason is of the past, and the level stays."""
    state = turn.state
    blocked = any(is_latched(cause.level) for cause in causes) or unknown_equity(state, state.books.values())
    if state.breaker_quiet_since is None and not blocked:
        way = "RESUME" if state.breaker is BreakerLevel.HALT else "RECOVER with a reason"
        text = f"over: {state.breaker_reason}; {way} ends it"
        _set(turn, state.breaker, text, {}, rule=state.breaker_rule, quiet_since=turn.ts)


def _fall(turn: Turn, level: BreakerLevel, causes: list[Cause], why: str) -> None:
    """Go down to `level`, where the causes that stand at it hold the breaker; its cool-down begins where none does."""
    held = next((cause for cause in causes if cause.level is level), None)
    if held is not None:
        _set(turn, level, f"{why}; now {held.text}", held.numbers, rule=held.rule)
    else:
        _set(turn, level, why, {}, quiet_since=None if level is BreakerLevel.CLOSED else turn.ts)
    turn.alert(AlertLevel.INFO, f"BREAKER_{level}", f"breaker {level}: {turn.state.breaker_reason or why}")


def _end_override(turn: Turn) -> None:
    state = turn.state
    if not state.breaker_override_until or turn.ts < state.breaker_override_until:
        return
    state.breaker_override_until = 0
    state.breaker_overridden.clear()
    text, quiet = "the override has ended", state.breaker_quiet_since
    _set(turn, state.breaker, state.breaker_reason or text, {"override": "ended"}, state.breaker_rule, quiet)
    turn.alert(AlertLevel.INFO, "BREAKER_OVERRIDE", text)


def _set(
    turn: Turn,
    level: BreakerLevel,
    cause: str,
    numbers: dict[str, str],
    rule: str = "",
    quiet_since: int | None = None,
) -> None:
    """Record and take over: the fact holds everything that a restart restores."""
    state = turn.state
    turn.record(
        BreakerFact(
            ts=turn.ts,
            from_level=state.breaker,
            to_level=level,
            cause=cause,
            numbers=numbers,
            rule=rule,
            quiet_since=quiet_since,
            override_until=state.breaker_override_until,
            overridden=tuple(sorted(state.breaker_overridden.items())),
        )
    )
    if level is not state.breaker:
        state.breaker, state.breaker_ts = level, turn.ts
    state.breaker_rule, state.breaker_quiet_since = rule, quiet_since
    state.breaker_reason = "" if level is BreakerLevel.CLOSED else cause
    if is_latched(level) and state.trading_reason.startswith(HALTED_BY_BREAKER):
        turn.set_trading(state.trading_state, HALTED_BY_BREAKER + cause)
