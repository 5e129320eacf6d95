"""Tier 1 of the gate: pure checks in a fixed order. Every result is kept with its numbers; the first denial decides.

A missing number denies. ENTRY_CHECKS judge orders that raise risk; `exit_denial` is the sanity of the others.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec
from msgspec import Struct

from tradeterm.config import LimitsConfig
from tradeterm.desk.rounding import ratio
from tradeterm.desk.sessions import is_open
from tradeterm.domain.instrument import Instrument, on_step
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import GateCheck, GateCode
from tradeterm.domain.states import BookState, BreakerLevel, TradingState

Number = Decimal | int | None
_SECOND = 1000
_CLOCK_BEHIND_MS = 1000
"""How far our clock may be behind that of the venue, which says when a bar is closed. Beyond it nothing is sent."""


class GateRequest(Struct, frozen=True, kw_only=True):
    """A proposed order and the desk as it stands: the whole input of tier 1, nothing else is looked at.

    Times are UTC ms, money is in quote currency, exposures are notional. None means not known, and denies where the
    number is needed. `worst_position` and `worst_total` count this order and every open entry order as filled.
    """

    ts: int
    second_pass: bool
    allowed: bool
    instrument: Instrument | None
    limits: LimitsConfig
    interval_ms: int
    side: PositionSide
    price: Decimal | None
    stop: Decimal | None
    target: Decimal | None
    quantity: Decimal | None
    signal_ts: int
    mark: Decimal | None
    mark_ts: int | None
    bar_ts: int | None
    equity: Decimal | None
    day_pnl: Decimal | None
    drawdown: Decimal | None
    worst_position: Decimal | None
    worst_total: Decimal | None
    positions: int
    open_orders: int
    same_side: str = ""
    other_side: str = ""
    last_entry: int | None = None
    session_ends: bool = False
    trading_state: TradingState = TradingState.ACTIVE
    trading_reason: str = ""
    kill_pending: bool = False
    book_state: BookState = BookState.RUNNING
    reconciling: str = ""
    unknown_orders: tuple[str, ...] = ()
    degraded: tuple[str, ...] = ()
    unprotected: tuple[str, ...] = ()
    breaker: BreakerLevel = BreakerLevel.CLOSED
    breaker_reason: str = ""


Check = Callable[[GateRequest], GateCheck]


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


def _result(code: GateCode, passed: bool, text: str, **numbers: Number | str) -> GateCheck:
    return GateCheck(code, passed, {name: _text(value) for name, value in numbers.items()}, text)


def _text(value: Number | str) -> str:
    if value is None:
        return "none"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _limit(value: float) -> Decimal:
    return Decimal(str(value))


def _fraction(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    if part is None or whole is None or whole <= 0:
        return None
    return ratio(part, whole)


def _distance(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if one is None or other is None else abs(one - other)


def _half(value: Decimal | None) -> Decimal | None:
    return None if value is None else value / 2


def instrument_allowed(r: GateRequest) -> GateCheck:
    ok = r.allowed and r.instrument is not None
    text = "in the book's universe" if ok else "not in the book's universe, or its contract is not known"
    return _result(GateCode.INSTRUMENT_NOT_ALLOWED, ok, text)


def trading_active(r: GateRequest) -> GateCheck:
    ok = r.trading_state is not TradingState.HALTED and not r.kill_pending
    text = "trading is not halted" if ok else f"trading is halted: {r.trading_reason or 'kill'}"
    return _result(GateCode.TRADING_HALTED, ok, text, state=r.trading_state)


def not_reducing(r: GateRequest) -> GateCheck:
    ok = r.trading_state is not TradingState.REDUCING
    text = "entries may raise exposure" if ok else f"only reducing orders: {r.trading_reason}"
    return _result(GateCode.TRADING_STATE_REDUCING, ok, text, state=r.trading_state)


def breaker_closed(r: GateRequest) -> GateCheck:
    ok = r.breaker in (BreakerLevel.CLOSED, BreakerLevel.ALERT)
    text = f"breaker {r.breaker}" + ("" if ok else f": {r.breaker_reason}")
    return _result(GateCode.BREAKER, ok, text, level=r.breaker)


def book_running(r: GateRequest) -> GateCheck:
    ok = r.book_state is BookState.RUNNING
    return _result(GateCode.BOOK_STOPPED, ok, f"book is {r.book_state}", state=r.book_state)


def reconciled(r: GateRequest) -> GateCheck:
    text = r.reconciling or "the venue is reconciled"
    return _result(GateCode.RECONCILING, not r.reconciling, text)


def engine_healthy(r: GateRequest) -> GateCheck:
    ok = not r.degraded
    text = "all workers run" if ok else f"not running: {', '.join(r.degraded)}"
    return _result(GateCode.ENGINE_DEGRADED, ok, text, workers=len(r.degraded))


def no_unknown_order(r: GateRequest) -> GateCheck:
    ok = not r.unknown_orders
    text = "no unanswered order" if ok else f"unanswered: {', '.join(r.unknown_orders)}"
    return _result(GateCode.ORDER_UNKNOWN_PENDING, ok, text, orders=len(r.unknown_orders))


def all_protected(r: GateRequest) -> GateCheck:
    ok = not r.unprotected
    text = "every position has its stop" if ok else f"no stop at the venue: {', '.join(r.unprotected)}"
    return _result(GateCode.UNPROTECTED_POSITION, ok, text, positions=len(r.unprotected))


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
    return _result(GateCode.NOT_FINITE, not bad, text, **needed)


def data_fresh(r: GateRequest) -> GateCheck:
    limit = r.interval_ms + int(r.limits.stale_after_seconds * _SECOND)
    age = None if r.mark_ts is None else r.ts - r.mark_ts
    ok = age is not None and age <= limit
    text = "no market data yet" if age is None else f"data is {_seconds(age)} old, allowed {_seconds(limit)}"
    return _result(GateCode.STALE_DATA, ok, text, age_ms=age, limit_ms=limit)


def bar_closed(r: GateRequest) -> GateCheck:
    ok = r.bar_ts is not None and r.bar_ts == r.signal_ts <= r.ts + _CLOCK_BEHIND_MS
    text = "the signal's bar is closed and the newest" if ok else "the signal is not of the newest closed bar"
    return _result(GateCode.BAR_NOT_CLOSED, ok, text, signal_bar=r.signal_ts, newest_bar=r.bar_ts, now=r.ts)


def market_open(r: GateRequest) -> GateCheck:
    """Also not in the session's last bar, where everything is closed: what opened then would be held over."""
    ok = r.instrument is not None and is_open(r.instrument.calendar, r.ts)
    text = "the market is open" if ok else "the market is closed"
    if ok and r.session_ends:
        ok, text = False, "the session ends with the signal's bar"
    return _result(GateCode.MARKET_CLOSED, ok, text, now=r.ts)


def signal_fresh(r: GateRequest) -> GateCheck:
    """Too old, or (second pass) the price has moved more than half the way to the stop since the signal."""
    age, limit = r.ts - r.signal_ts, int(r.limits.signal_max_age_seconds * _SECOND)
    room, moved = _half(_distance(r.price, r.stop)), _distance(r.price, r.mark)
    ok, text = age <= limit, f"the signal is {_seconds(age)} old, allowed {_seconds(limit)}"
    if ok and r.second_pass:
        ok = room is not None and moved is not None and moved <= room
        text = "age and price still hold" if ok else "the price has moved away since the signal"
    return _result(GateCode.SIGNAL_EXPIRED, ok, text, age_ms=age, limit_ms=limit, moved=moved, room=room)


def no_duplicate(r: GateRequest) -> GateCheck:
    text = f"already there: {r.same_side}" if r.same_side else "nothing open on this side"
    return _result(GateCode.DUPLICATE_SIGNAL, not r.same_side, text)


def no_opposite(r: GateRequest) -> GateCheck:
    text = f"on the other side: {r.other_side}" if r.other_side else "nothing open on the other side"
    return _result(GateCode.OPPOSITE_SIGNAL, not r.other_side, text)


def cooled_down(r: GateRequest) -> GateCheck:
    wait = int(r.limits.cool_down_minutes * 60 * _SECOND)
    since = None if r.last_entry is None else r.ts - r.last_entry
    ok = since is None or since >= wait
    text = "no entry before" if since is None else f"last entry {_seconds(since)} ago, wait {_seconds(wait)}"
    return _result(GateCode.COOL_DOWN, ok, text, since_ms=since, wait_ms=wait)


def position_count(r: GateRequest) -> GateCheck:
    ok = r.positions < r.limits.max_positions
    text = f"{r.positions} open or on their way, allowed {r.limits.max_positions}"
    return _result(GateCode.POSITION_COUNT_CAP, ok, text, positions=r.positions, limit=r.limits.max_positions)


def order_count(r: GateRequest) -> GateCheck:
    ok = r.open_orders < r.limits.max_open_orders
    text = f"{r.open_orders} open orders, allowed {r.limits.max_open_orders}"
    return _result(GateCode.ORDER_COUNT_CAP, ok, text, orders=r.open_orders, limit=r.limits.max_open_orders)


def daily_loss(r: GateRequest) -> GateCheck:
    loss = None if r.day_pnl is None or r.equity is None else _fraction(-r.day_pnl, r.equity - r.day_pnl)
    limit = _limit(r.limits.daily_loss)
    ok = loss is not None and loss < limit
    text = "today's result is not known" if loss is None else f"{_percent(loss)} lost today, limit {_percent(limit)}"
    return _result(GateCode.DAILY_LOSS_LIMIT, ok, text, loss=loss, limit=limit)


def drawdown(r: GateRequest) -> GateCheck:
    limit = _limit(r.limits.drawdown)
    ok = r.drawdown is not None and r.drawdown < limit
    text = "not known" if r.drawdown is None else f"{_percent(r.drawdown)} below the peak, limit {_percent(limit)}"
    return _result(GateCode.DRAWDOWN_LIMIT, ok, text, drawdown=r.drawdown, limit=limit)


def on_tick(r: GateRequest) -> GateCheck:
    tick = None if r.instrument is None else r.instrument.tick_size
    prices = [price for price in (r.stop, r.target) if price is not None]
    ok = tick is not None and all(on_step(price, tick) for price in prices)
    text = "stop and target are on the tick" if ok else "stop or target is off the tick"
    return _result(GateCode.PRICE_OFF_TICK, ok, text, tick=tick, stop=r.stop, target=r.target)


def on_lot(r: GateRequest) -> GateCheck:
    lot = None if r.instrument is None else r.instrument.lot_size
    ok = lot is not None and r.quantity is not None and on_step(r.quantity, lot)
    return _result(GateCode.QTY_OFF_LOT, ok, "on the lot" if ok else "off the lot", quantity=r.quantity, lot=lot)


def min_quantity(r: GateRequest) -> GateCheck:
    least = None if r.instrument is None else r.instrument.min_quantity
    ok = least is not None and r.quantity is not None and r.quantity >= least and r.quantity > 0
    text = f"quantity {_text(r.quantity)}, least {_text(least)}"
    return _result(GateCode.QTY_BELOW_MIN, ok, text, quantity=r.quantity, least=least)


def _notional(r: GateRequest) -> Decimal | None:
    if r.instrument is None or r.quantity is None or r.price is None:
        return None
    return r.instrument.notional(r.quantity, r.price)


def min_notional(r: GateRequest) -> GateCheck:
    value, least = _notional(r), None if r.instrument is None else r.instrument.min_notional
    ok = value is not None and least is not None and value >= least
    text = f"worth {_text(value)}, least {_text(least)}"
    return _result(GateCode.NOTIONAL_BELOW_MIN, ok, text, notional=value, least=least)


def max_notional(r: GateRequest) -> GateCheck:
    value, limit = _notional(r), _limit(r.limits.max_order_notional)
    ok = value is not None and value <= limit
    text = f"worth {_text(value)}, largest order {_text(limit)}"
    return _result(GateCode.NOTIONAL_EXCEEDS_MAX_PER_ORDER, ok, text, notional=value, limit=limit)


def position_exposure(r: GateRequest) -> GateCheck:
    share, limit = _fraction(r.worst_position, r.equity), _limit(r.limits.max_position_exposure)
    return _share(GateCode.POSITION_EXPOSURE_LIMIT, share, limit, "of equity in this instrument")


def total_exposure(r: GateRequest) -> GateCheck:
    share, limit = _fraction(r.worst_total, r.equity), _limit(r.limits.max_total_exposure)
    return _share(GateCode.EXPOSURE_LIMIT, share, limit, "of equity in the market")


def leverage(r: GateRequest) -> GateCheck:
    limit = _limit(r.limits.max_leverage)
    if r.instrument is not None:
        limit = min(limit, r.instrument.max_leverage)
    return _share(GateCode.LEVERAGE_CAP, _fraction(r.worst_total, r.equity), limit, "of equity, leverage")


def _share(code: GateCode, share: Decimal | None, limit: Decimal, what: str) -> GateCheck:
    ok = share is not None and share <= limit
    text = "not known" if share is None else f"{_percent(share)} {what}, limit {_percent(limit)}"
    return _result(code, ok, text, share=share, limit=limit)


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
    on_lot,
    min_quantity,
    min_notional,
    max_notional,
    position_exposure,
    total_exposure,
    leverage,
)


def exit_denial(instrument: Instrument | None, position: Decimal, change: Decimal) -> GateCheck | None:
    """The sanity of a reduce-only order: `change` (signed) must be a number, on the lot, and shrink `position`."""
    if not change.is_finite():
        return _result(GateCode.NOT_FINITE, False, "the quantity is not a number", quantity=change)
    if instrument is None:
        return _result(GateCode.INSTRUMENT_NOT_ALLOWED, False, "the contract is not known")
    if not on_step(change, instrument.lot_size):
        return _result(GateCode.QTY_OFF_LOT, False, "off the lot", quantity=change, lot=instrument.lot_size)
    if change == 0 or position * change >= 0 or abs(change) > abs(position):
        text = "it would not shrink the position"
        return _result(GateCode.REDUCE_ONLY_WOULD_INCREASE, False, text, position=position, change=change)
    return None


def _percent(value: Decimal) -> str:
    return f"{format((value * 100).quantize(Decimal('0.01')), 'f')}%"


def _seconds(ms: int) -> str:
    return f"{ms / _SECOND:g} s"
