"""Exits that belong to a position: attached stops and targets, trading-stop, trailing; they end with it."""

from decimal import Decimal

from simulators.bybit.exchange import Exchange
from simulators.bybit.model import ZERO, Order, Position, VenueError

CREATE_TYPES = {
    "StopLoss": "CreateByStopLoss",
    "TakeProfit": "CreateByTakeProfit",
    "PartialStopLoss": "CreateByPartialStopLoss",
    "PartialTakeProfit": "CreateByPartialTakeProfit",
    "TrailingStop": "CreateByTrailingStop",
}
NOT_MODIFIED = 34040


def check_exit(kind: str, side: str, trigger: Decimal, base: Decimal, tick: Decimal) -> None:
    """Refuse a stop or target on the wrong side of `base` for a position of `side`, or off the tick."""
    if trigger <= 0 or trigger % tick:
        raise VenueError(10001, f"params error: {kind} invalid")
    below = (kind == "StopLoss") == (side == "Buy")
    if below and trigger >= base:
        raise VenueError(10001, f"{kind}:{trigger} set for {side} position should lower than base_price:{base}")
    if not below and trigger <= base:
        raise VenueError(10001, f"{kind}:{trigger} set for {side} position should be higher than base_price:{base}")


def attach(x: Exchange, entry: Order) -> None:
    """The entry's first fill: its stop and target become orders of the position."""
    if entry.attached_done or (entry.stop_loss is None and entry.take_profit is None):
        return
    entry.attached_done = True
    position = x.position(entry.symbol, entry.position_idx)
    if not position.size or (position.size > 0) != (entry.side == "Buy"):
        return
    partial = entry.tpsl_mode == "Partial"
    for kind, trigger, by, limit in (
        ("StopLoss", entry.stop_loss, entry.sl_trigger_by, entry.sl_limit_price),
        ("TakeProfit", entry.take_profit, entry.tp_trigger_by, entry.tp_limit_price),
    ):
        if trigger is None:
            continue
        if partial:
            add_child(x, position, f"Partial{kind}", trigger, by, entry.link_id, qty=entry.qty, limit=limit)
        else:
            set_whole(x, position, kind, trigger, by, entry.link_id)


def set_whole(x: Exchange, position: Position, kind: str, trigger: Decimal, by: str, parent: str | None = None) -> bool:
    """Set the stop or target of the whole position: modifies the one there is. False when nothing changed."""
    for order in x.exits(position.symbol, position.idx):
        if order.stop_kind == kind and order.covers_all and order.status == "Untriggered":
            if order.trigger_price == trigger and order.trigger_by == (by or order.trigger_by):
                return False
            order.trigger_price = trigger
            order.trigger_by = by or order.trigger_by
            if parent is not None:
                order.parent_link_id = parent
            order.qty = abs(position.size)
            x.say_order(order)
            return True
    add_child(x, position, kind, trigger, by, parent or "")
    return True


def add_child(
    x: Exchange,
    position: Position,
    kind: str,
    trigger: Decimal,
    by: str,
    parent: str,
    *,
    qty: Decimal | None = None,
    limit: Decimal | None = None,
) -> Order:
    now = x.clock.now_ms()
    long = position.size > 0
    losing = kind.endswith(("StopLoss", "TrailingStop"))
    order = Order(
        order_id=x.new_id(),
        link_id="",
        symbol=position.symbol,
        side="Sell" if long else "Buy",
        order_type="Limit" if limit else "Market",
        qty=qty or abs(position.size),
        price=limit,
        tif="GTC" if limit else "IOC",
        created_ms=now,
        updated_ms=now,
        last_price_on_created=x.markets[position.symbol].last,
        reduce_only=True,
        close_on_trigger=True,
        position_idx=position.idx,
        trigger_price=trigger,
        trigger_direction=2 if losing == long else 1,
        trigger_by=by or "LastPrice",
        stop_kind=kind,
        create_type=CREATE_TYPES[kind],
        parent_link_id=parent,
        tpsl_mode="Full" if qty is None else "Partial",
        status="Untriggered",
    )
    x.enter(order)
    x.say_order(order)
    return order


def position_changed(x: Exchange, symbol: str, idx: int) -> None:
    """Keep the exits in step with the position: sized to it, and gone with it."""
    position = x.position(symbol, idx)
    for order in x.exits(symbol, idx):
        if position.size == 0 or (position.size > 0) != (order.side == "Sell"):
            order.status, order.cancel_type = "Deactivated", "CancelByTpSlTsClear"
            x.say_order(order)
        elif order.covers_all and order.status == "Untriggered" and order.qty != abs(position.size):
            order.qty = abs(position.size)
            x.say_order(order)
    if position.size == 0:
        position.trailing_distance = position.trailing_active = None
    for order in x.open_orders(symbol):
        against = position.size == 0 or (position.size > 0) != (order.side == "Sell")
        resting = order.status in ("New", "PartiallyFilled") and order.price is not None
        if order.reduce_only and resting and against and order.position_idx == idx:
            order.status, order.cancel_type = "Cancelled", "CancelByReduceOnly"
            x.say_order(order)


def trading_stop(x: Exchange, body: dict[str, object]) -> None:
    """`POST /v5/position/trading-stop`: Full modifies in place, Partial adds, "0" takes away."""
    symbol = str(body.get("symbol", ""))
    market = x.market(symbol)
    idx = int(str(body.get("positionIdx", 0)))
    if idx not in x.indices(symbol):
        raise VenueError(10001, "position idx not match position mode")
    mode = str(body.get("tpslMode") or "Full")
    if mode not in ("Full", "Partial"):
        raise VenueError(10001, "params error: tpslMode invalid")
    position = x.position(symbol, idx)
    if not position.size:
        raise VenueError(10001, "can not set tp/sl/ts for zero position")
    wanted = {kind: decimal_of(body, name) for kind, name in (("TakeProfit", "takeProfit"), ("StopLoss", "stopLoss"))}
    distance, active = decimal_of(body, "trailingStop"), decimal_of(body, "activePrice")
    if distance is None and all(value is None for value in wanted.values()):
        raise VenueError(10001, "params error: nothing to set")
    if any(wanted.values()) or distance:
        refused = x.tweaks(symbol, "stop").refuse_stops
        if refused:
            raise VenueError(refused, "the stop was refused")
    by = {"TakeProfit": str(body.get("tpTriggerBy") or ""), "StopLoss": str(body.get("slTriggerBy") or "")}
    sizes = {"TakeProfit": decimal_of(body, "tpSize"), "StopLoss": decimal_of(body, "slSize")}
    for kind, trigger in wanted.items():
        if trigger:
            base = market.trigger_price(by[kind])
            check_exit(kind, position.side, trigger, base, market.instrument.tick)
            if mode == "Partial" and not sizes[kind]:
                raise VenueError(10001, "params error: tpSize/slSize is required")
    changed = False
    with x.transaction():
        for kind, trigger in wanted.items():
            if trigger is None:
                continue
            if trigger == 0:
                changed |= take_away(x, position, kind)
            elif mode == "Full":
                changed |= set_whole(x, position, kind, trigger, by[kind])
            else:
                limit = decimal_of(body, "tpLimitPrice" if kind == "TakeProfit" else "slLimitPrice")
                add_child(x, position, f"Partial{kind}", trigger, by[kind], "", qty=sizes[kind], limit=limit)
                changed = True
        if distance is not None:
            changed |= set_trailing(x, position, distance, active)
        if changed:
            x.say_position(position)
    if not changed:
        raise VenueError(NOT_MODIFIED, "not modified")


def take_away(x: Exchange, position: Position, kind: str) -> bool:
    found = [o for o in x.exits(position.symbol, position.idx) if o.stop_kind == kind and o.status == "Untriggered"]
    for order in found:
        order.status, order.cancel_type = "Deactivated", "CancelByUser"
        x.say_order(order)
    return bool(found)


def set_trailing(x: Exchange, position: Position, distance: Decimal, active: Decimal | None) -> bool:
    if distance == 0:
        position.trailing_distance = position.trailing_active = None
        return take_away(x, position, "TrailingStop")
    if (position.trailing_distance, position.trailing_active) == (distance, active or None):
        return False
    take_away(x, position, "TrailingStop")
    position.trailing_distance, position.trailing_active = distance, active or None
    trail(x, position)
    return True


def trail(x: Exchange, position: Position) -> None:
    """Arm the trailing stop when its price is reached, and let it follow the last price, never back."""
    if position.trailing_distance is None or not position.size:
        return
    last = x.markets[position.symbol].last
    long = position.size > 0
    active = position.trailing_active
    found = [o for o in x.exits(position.symbol, position.idx) if o.stop_kind == "TrailingStop"]
    if not found and active is not None and (last < active if long else last > active):
        return
    trigger = last - position.trailing_distance if long else last + position.trailing_distance
    if not found:
        add_child(x, position, "TrailingStop", trigger, "LastPrice", "")
        return
    old = found[0].trigger_price or ZERO
    if found[0].status == "Untriggered" and (trigger > old if long else trigger < old):
        found[0].trigger_price = trigger
        x.say_order(found[0])


def decimal_of(body: dict[str, object], name: str) -> Decimal | None:
    """A decimal field of a request: None when it is missing or empty; refuses what is no plain number."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise VenueError(10001, f"params error: {name} must be a string")
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise VenueError(10001, f"params error: {name} invalid") from None
    if not number.is_finite() or "e" in value.lower() or number < 0:
        raise VenueError(10001, f"params error: {name} invalid")
    return number
