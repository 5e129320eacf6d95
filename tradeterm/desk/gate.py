"""Tier 1 of the gate: pure checks in a fixed order. Every result is kept with its numbers; the first denial decides.

A missing number denies. ENTRY_CHECKS judge orders that raise risk; `exit_denial` is the sanity of the others.
"""

from decimal import Decimal

import msgspec

from tradeterm.desk.checks import Check, GateRequest, exact, fraction, number_text, percent, result, within
from tradeterm.desk.portfolio_gate import PORTFOLIO_CHECKS
from tradeterm.desk.sessions import is_open
from tradeterm.domain.instrument import Instrument, on_step
from tradeterm.domain.signals import GateCheck, GateCode
from tradeterm.domain.states import BookState, BreakerLevel, TradingState

_SECOND = 1000
_CLOCK_BEHIND_MS = 1000
"""How far our clock may be behind that of the venue, which says when a bar is closed. Beyond it nothing is sent."""


def run(request: GateRequest, checks: tuple[Check, ...]) -> tuple[GateCheck, ...]:
    """All results, in order. A decimal that is not finite counts as missing."""
    seen = _without_bad_numbers(request)
    return tuple(check(seen) for check in checks)


def denial(checks: tuple[GateCheck, ...]) -> GateCheck | None:
    """The check that decides: the first that did not pass."""
    return next((check for check in checks if not check.passed), None)


def _without_bad_numbers(request: GateRequest) -> GateRequest:
    bad: dict[str, None] = {}
    for name in request.__struct_fields__:
        value = getattr(request, name)
        if isinstance(value, Decimal) and not value.is_finite():
            bad[name] = None
    if "target" in bad:
        bad["stop"] = None  # a target may be absent, never wrong: the protection as a whole is unusable
    return msgspec.structs.replace(request, **bad) if bad else request


def _distance(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else abs(one - other)


def _half(value: Decimal | None) -> Decimal | None:
    return None if value is None else value / 2


def instrument_allowed(r: GateRequest) -> GateCheck:
    ok = r.allowed and r.instrument is not None
    text = "in the book's universe" if ok else "not in the book's universe, or its contract is not known"
    return result(GateCode.INSTRUMENT_NOT_ALLOWED, ok, text)


def trading_active(r: GateRequest) -> GateCheck:
    ok = r.trading_state is not TradingState.HALTED and not r.kill_pending
    text = "trading is not halted" if ok else f"trading is halted: {r.trading_reason or 'kill'}"
    return result(GateCode.TRADING_HALTED, ok, text, state=r.trading_state)


def not_reducing(r: GateRequest) -> GateCheck:
    ok = r.trading_state is not TradingState.REDUCING
    text = "entries may raise exposure" if ok else f"only reducing orders: {r.trading_reason}"
    return result(GateCode.TRADING_STATE_REDUCING, ok, text, state=r.trading_state)


def breaker_closed(r: GateRequest) -> GateCheck:
    ok = r.breaker in (BreakerLevel.CLOSED, BreakerLevel.ALERT)
    text = f"breaker {r.breaker}" + ("" if ok else f": {r.breaker_reason}")
    return result(GateCode.BREAKER, ok, text, level=r.breaker)


def book_running(r: GateRequest) -> GateCheck:
    ok = r.book_state is BookState.RUNNING
    return result(GateCode.BOOK_STOPPED, ok, f"book is {r.book_state}", state=r.book_state)


def reconciled(r: GateRequest) -> GateCheck:
    text = r.reconciling or "the venue is reconciled"
    return result(GateCode.RECONCILING, not r.reconciling, text)


def engine_healthy(r: GateRequest) -> GateCheck:
    ok = not r.degraded
    text = "all workers run" if ok else f"not running: {', '.join(r.degraded)}"
    return result(GateCode.ENGINE_DEGRADED, ok, text, workers=len(r.degraded))


def no_unknown_order(r: GateRequest) -> GateCheck:
    ok = not r.unknown_orders
    text = "no unanswered order" if ok else f"unanswered: {', '.join(r.unknown_orders)}"
    return result(GateCode.ORDER_UNKNOWN_PENDING, ok, text, orders=len(r.unknown_orders))


def all_protected(r: GateRequest) -> GateCheck:
    ok = not r.unprotected
    text = "every position has its stop" if ok else f"no stop at the venue: {', '.join(r.unprotected)}"
    return result(GateCode.UNPROTECTED_POSITION, ok, text, positions=len(r.unprotected))


def numbers_finite(r: GateRequest) -> GateCheck:
    needed = {
        "price": r.price,
        "stop": r.stop,
        "quantity": r.quantity,
        "mark": r.mark,
        "equity": r.equity,
        "worst_total": r.worst_total,
        "worst_position": r.worst_position,
    }
    bad = [name for name, value in needed.items() if value is None]
    prices = {"price": r.price, "stop": r.stop, "mark": r.mark, "target": r.target}
    bad += [name for name, value in prices.items() if value is not None and value <= 0]
    text = f"missing or not a number: {', '.join(bad)}" if bad else "all numbers are there"
    if r.stop is None and r.bound:
        text += f" ({r.bound})"
    return result(GateCode.NOT_FINITE, not bad, text, **needed)


def data_fresh(r: GateRequest) -> GateCheck:
    limit = r.interval_ms + int(r.limits.stale_after_seconds * _SECOND)
    age = None if r.mark_ts is None else r.ts - r.mark_ts
    ok = age is not None and age <= limit
    text = "no market data yet" if age is None else f"data is {_seconds(age)} old, allowed {_seconds(limit)}"
    return result(GateCode.STALE_DATA, ok, text, age_ms=age, limit_ms=limit)


def bar_closed(r: GateRequest) -> GateCheck:
    ok = r.bar_ts is not None and r.bar_ts == r.signal_ts <= r.ts + _CLOCK_BEHIND_MS
    text = "the signal's bar is closed and the newest" if ok else "the signal is not of the newest closed bar"
    return result(GateCode.BAR_NOT_CLOSED, ok, text, signal_bar=r.signal_ts, newest_bar=r.bar_ts, now=r.ts)


def market_open(r: GateRequest) -> GateCheck:
    """Also not in the session's last bar, where everything is closed: what opened then would be held over."""
    ok = r.instrument is not None and is_open(r.instrument.calendar, r.ts)
    text = "the market is open" if ok else "the market is closed"
    if ok and r.session_ends:
        ok, text = False, "the session ends with the signal's bar"
    return result(GateCode.MARKET_CLOSED, ok, text, now=r.ts)


def signal_fresh(r: GateRequest) -> GateCheck:
    """Too old, or (second pass) the price has moved more than half the way to the stop since the signal."""
    age, limit = r.ts - r.signal_ts, int(r.limits.signal_max_age_seconds * _SECOND)
    room, moved = _half(_distance(r.price, r.stop)), _distance(r.price, r.mark)
    ok, text = age <= limit, f"the signal is {_seconds(age)} old, allowed {_seconds(limit)}"
    if ok and r.second_pass:
        ok = room is not None and moved is not None and moved <= room
        text = "age and price still hold" if ok else "the price has moved away since the signal"
    return result(GateCode.SIGNAL_EXPIRED, ok, text, age_ms=age, limit_ms=limit, moved=moved, room=room)


def no_duplicate(r: GateRequest) -> GateCheck:
    text = f"already there: {r.same_side}" if r.same_side else "nothing open on this side"
    return result(GateCode.DUPLICATE_SIGNAL, not r.same_side, text)


def no_opposite(r: GateRequest) -> GateCheck:
    text = f"on the other side: {r.other_side}" if r.other_side else "nothing open on the other side"
    return result(GateCode.OPPOSITE_SIGNAL, not r.other_side, text)


def cooled_down(r: GateRequest) -> GateCheck:
    wait = int(r.limits.cool_down_minutes * 60 * _SECOND)
    since = None if r.last_entry is None else r.ts - r.last_entry
    ok = since is None or since >= wait
    text = "no entry before" if since is None else f"last entry {_seconds(since)} ago, wait {_seconds(wait)}"
    return result(GateCode.COOL_DOWN, ok, text, since_ms=since, wait_ms=wait)


def position_count(r: GateRequest) -> GateCheck:
    ok = r.positions < r.limits.max_positions
    text = f"{r.positions} open or on their way, allowed {r.limits.max_positions}"
    return result(GateCode.POSITION_COUNT_CAP, ok, text, positions=r.positions, limit=r.limits.max_positions)


def order_count(r: GateRequest) -> GateCheck:
    ok = r.open_orders < r.limits.max_open_orders
    text = f"{r.open_orders} open orders, allowed {r.limits.max_open_orders}"
    return result(GateCode.ORDER_COUNT_CAP, ok, text, orders=r.open_orders, limit=r.limits.max_open_orders)


def daily_loss(r: GateRequest) -> GateCheck:
    loss = None if r.day_pnl is None or r.equity is None else fraction(-r.day_pnl, r.equity - r.day_pnl)
    limit = exact(r.limits.daily_loss)
    ok = loss is not None and loss < limit
    text = "today's result is not known" if loss is None else f"{percent(loss)} lost today, limit {percent(limit)}"
    return result(GateCode.DAILY_LOSS_LIMIT, ok, text, loss=loss, limit=limit)


def drawdown(r: GateRequest) -> GateCheck:
    limit = exact(r.limits.drawdown)
    ok = r.drawdown is not None and r.drawdown < limit
    text = "not known" if r.drawdown is None else f"{percent(r.drawdown)} below the peak, limit {percent(limit)}"
    return result(GateCode.DRAWDOWN_LIMIT, ok, text, drawdown=r.drawdown, limit=limit)


def on_tick(r: GateRequest) -> GateCheck:
    tick = None if r.instrument is None else r.instrument.tick_size
    prices = [price for price in (r.stop, r.target) if price is not None]
    ok = tick is not None and all(on_step(price, tick) for price in prices)
    text = "stop and target are on the tick" if ok else "stop or target is off the tick"
    return result(GateCode.PRICE_OFF_TICK, ok, text, tick=tick, stop=r.stop, target=r.target)


def has_edge(r: GateRequest) -> GateCheck:
    """A desk whose own trades have lost gives the next ones no size."""
    ok = not r.no_edge or bool(r.quantity)
    return result(GateCode.NO_EDGE, ok, r.no_edge or "the book's edge gives a size", quantity=r.quantity)


def on_lot(r: GateRequest) -> GateCheck:
    lot = None if r.instrument is None else r.instrument.lot_size
    ok = lot is not None and r.quantity is not None and on_step(r.quantity, lot)
    return result(GateCode.QTY_OFF_LOT, ok, "on the lot" if ok else "off the lot", quantity=r.quantity, lot=lot)


def min_quantity(r: GateRequest) -> GateCheck:
    least = None if r.instrument is None else r.instrument.min_quantity
    ok = least is not None and r.quantity is not None and r.quantity >= least and r.quantity > 0
    text = f"quantity {number_text(r.quantity)}, least {number_text(least)}"
    if not ok and r.bound:
        text += f" ({r.bound})"
    return result(GateCode.QTY_BELOW_MIN, ok, text, quantity=r.quantity, least=least)


def _notional(r: GateRequest) -> Decimal | None:
    if r.instrument is None or r.quantity is None or r.price is None:
        return None
    return r.instrument.notional(r.quantity, r.price)


def min_notional(r: GateRequest) -> GateCheck:
    value, least = _notional(r), None if r.instrument is None else r.instrument.min_notional
    ok = value is not None and least is not None and value >= least
    text = f"worth {number_text(value)}, least {number_text(least)}"
    return result(GateCode.NOTIONAL_BELOW_MIN, ok, text, notional=value, least=least)


def max_notional(r: GateRequest) -> GateCheck:
    value, limit = _notional(r), exact(r.limits.max_order_notional)
    ok = value is not None and value <= limit
    text = f"worth {number_text(value)}, largest order {number_text(limit)}"
    return result(GateCode.NOTIONAL_EXCEEDS_MAX_PER_ORDER, ok, text, notional=value, limit=limit)


def position_exposure(r: GateRequest) -> GateCheck:
    share, limit = fraction(r.worst_position, r.equity), exact(r.limits.max_position_exposure)
    return within(GateCode.POSITION_EXPOSURE_LIMIT, share, limit, "of equity in this instrument")


def total_exposure(r: GateRequest) -> GateCheck:
    share, limit = fraction(r.worst_total, r.equity), exact(r.limits.max_total_exposure)
    return within(GateCode.EXPOSURE_LIMIT, share, limit, "of equity in the market")


def leverage(r: GateRequest) -> GateCheck:
    limit = exact(r.limits.max_leverage)
    if r.instrument is not None:
        limit = min(limit, r.instrument.max_leverage)
    return within(GateCode.LEVERAGE_CAP, fraction(r.worst_total, r.equity), limit, "of equity, leverage")


ENTRY_CHECKS: tuple[Check, ...] = (
    instrument_allowed,
    trading_active,
    not_reducing,
    breaker_closed,
    book_running,
    reconciled,
    engine_healthy,
    no_unknown_order,
    all_protected,
    numbers_finite,
    data_fresh,
    bar_closed,
    market_open,
    signal_fresh,
    no_duplicate,
    no_opposite,
    cooled_down,
    position_count,
    order_count,
    daily_loss,
    drawdown,
    on_tick,
    has_edge,
    on_lot,
    min_quantity,
    min_notional,
    max_notional,
    position_exposure,
    total_exposure,
    leverage,
    *PORTFOLIO_CHECKS,
)


def exit_denial(instrument: Instrument | None, position: Decimal, change: Decimal) -> GateCheck | None:
    """The sanity of a reduce-only order: `change` (signed) must be a number, on the lot, and shrink `position`."""
    if not change.is_finite():
        return result(GateCode.NOT_FINITE, False, "the quantity is not a number", quantity=change)
    if instrument is None:
        return result(GateCode.INSTRUMENT_NOT_ALLOWED, False, "the contract is not known")
    if not on_step(change, instrument.lot_size):
        return result(GateCode.QTY_OFF_LOT, False, "off the lot", quantity=change, lot=instrument.lot_size)
    if change == 0 or position * change >= 0 or abs(change) > abs(position):
        text = "it would not shrink the position"
        return result(GateCode.REDUCE_ONLY_WOULD_INCREASE, False, text, position=position, change=change)
    return None


def _seconds(ms: int) -> str:
    return f"{ms / _SECOND:g} s"
