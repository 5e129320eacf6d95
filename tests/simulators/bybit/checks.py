"""From a request's fields to an order, or to the refusal the venue would give."""

import re
from decimal import Decimal

from simulators.bybit.account import available
from simulators.bybit.exchange import Exchange
from simulators.bybit.market import Market
from simulators.bybit.model import ZERO, Instrument, Order, VenueError
from simulators.bybit.stops import check_exit, decimal_of

LINK_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
MAX_ACTIVE = 500
MAX_CONDITIONAL = 10
TRIGGERS = ("", "LastPrice", "MarkPrice", "IndexPrice")

Body = dict[str, object]


def word(body: Body, name: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str) or value not in allowed:
        raise VenueError(10001, f"params error: {name} invalid")
    return value


def flag(body: Body, name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise VenueError(10001, f"params error: {name} must be a boolean")
    return value


def linear(body: Body) -> None:
    """Only linear perpetuals live here."""
    category = body.get("category")
    if category in ("spot", "inverse", "option"):
        raise VenueError(10001, "Not supported symbols")
    if category != "linear":
        raise VenueError(10001, "params error: category invalid")


def read_order(x: Exchange, body: Body) -> Order:
    """An order as asked for, with every rule checked that binds before it is accepted."""
    linear(body)
    market = x.market(str(body.get("symbol", "")))
    i = market.instrument
    if i.status != "Trading":
        raise VenueError(110074, "This contract is not live")
    side = word(body, "side", ("Buy", "Sell"))
    order_type = word(body, "orderType", ("Market", "Limit"))
    tif = word(body, "timeInForce", ("GTC", "IOC", "FOK", "PostOnly"), "IOC" if order_type == "Market" else "GTC")
    link_id = _link_id(x, body)
    idx = _position_idx(x, body, market, side)
    reduce_only, close = flag(body, "reduceOnly"), flag(body, "closeOnTrigger")
    qty = decimal_of(body, "qty")
    if qty is None:
        raise VenueError(10001, "params error: qty missing")
    price = decimal_of(body, "price") if order_type == "Limit" else None
    now = x.clock.now_ms()
    order = Order(
        order_id="",
        link_id=link_id,
        symbol=i.symbol,
        side=side,
        order_type=order_type,
        qty=qty,
        price=price,
        tif="IOC" if order_type == "Market" else tif,
        created_ms=now,
        updated_ms=now,
        last_price_on_created=market.last,
        reduce_only=reduce_only,
        close_on_trigger=close,
        position_idx=idx,
    )
    _conditional(order, body, market)
    if order_type == "Limit":
        _price(order, market)
    _exits(x, order, body, market)
    if reduce_only or close:
        _reduce(x, order)
    check_qty(order, i, market)
    _room(x, order, market)
    return order


def _link_id(x: Exchange, body: Body) -> str:
    link_id = body.get("orderLinkId", "")
    if not isinstance(link_id, str):
        raise VenueError(10001, "params error: orderLinkId must be a string")
    if link_id and not LINK_ID.fullmatch(link_id):
        raise VenueError(10001, "OrderLinkedID only support letters, numbers, dashes and underscores, up to 36")
    if link_id in x.by_link:
        raise VenueError(110072, "OrderLinkedID is duplicate")
    return link_id


def _position_idx(x: Exchange, body: Body, market: Market, side: str) -> int:
    idx = body.get("positionIdx", 0)
    if not isinstance(idx, int) or isinstance(idx, bool) or idx not in x.indices(market.instrument.symbol):
        raise VenueError(10001, "position idx not match position mode")
    reducing = body.get("reduceOnly") is True or body.get("closeOnTrigger") is True
    if idx and not reducing and (idx == 1) != (side == "Buy"):
        raise VenueError(10001, "position idx not match position mode")
    return idx


def _conditional(order: Order, body: Body, market: Market) -> None:
    trigger = decimal_of(body, "triggerPrice")
    if trigger is None:
        return
    direction = body.get("triggerDirection")
    if direction not in (1, 2) or isinstance(direction, bool):
        raise VenueError(10001, "params error: triggerDirection invalid")
    by = word(body, "triggerBy", TRIGGERS, "") or "LastPrice"
    check_price(trigger, market.instrument, "triggerPrice")
    current = market.trigger_price(by)
    if direction == 1 and trigger <= current:
        raise VenueError(110092, f"expect Rising, but trigger_price[{trigger}] <= current[{current}]??{by}")
    if direction == 2 and trigger >= current:
        raise VenueError(110093, f"expect Falling, but trigger_price[{trigger}] >= current[{current}]??{by}")
    order.trigger_price, order.trigger_direction, order.trigger_by = trigger, direction, by
    order.stop_kind, order.status = "Stop", "Untriggered"


def check_price(price: Decimal | None, i: Instrument, name: str = "price") -> None:
    if price is None or price <= 0 or price % i.tick or not i.tick <= price <= i.max_price:
        raise VenueError(10001, f"params error: {name} invalid")


def _price(order: Order, market: Market) -> None:
    check_price(order.price, market.instrument)
    check_reach(order, market)


def check_reach(order: Order, market: Market) -> None:
    """A price far beyond the mark, on the side that would trade, is out of the allowed range."""
    price, ratio, mark = order.price or ZERO, market.instrument.price_limit_ratio, market.mark
    if order.status == "Untriggered":
        mark = order.trigger_price or mark
    if (order.side == "Buy" and price > mark * (1 + ratio)) or (order.side == "Sell" and price < mark * (1 - ratio)):
        raise VenueError(110003, "Order price exceeds the allowable range.")


def _exits(x: Exchange, order: Order, body: Body, market: Market) -> None:
    order.tpsl_mode = word(body, "tpslMode", ("", "Full", "Partial"), "")
    order.take_profit = decimal_of(body, "takeProfit") or None
    order.stop_loss = decimal_of(body, "stopLoss") or None
    order.tp_trigger_by = word(body, "tpTriggerBy", TRIGGERS, "")
    order.sl_trigger_by = word(body, "slTriggerBy", TRIGGERS, "")
    order.tp_order_type = word(body, "tpOrderType", ("", "Market", "Limit"), "")
    order.sl_order_type = word(body, "slOrderType", ("", "Market", "Limit"), "")
    order.tp_limit_price = decimal_of(body, "tpLimitPrice") or None
    order.sl_limit_price = decimal_of(body, "slLimitPrice") or None
    if order.take_profit is None and order.stop_loss is None:
        return
    if order.reduce_only:
        raise VenueError(10001, "reduce only order cannot set tp/sl")
    order.tpsl_mode = order.tpsl_mode or "Full"
    if order.tpsl_mode == "Full" and "Limit" in (order.tp_order_type, order.sl_order_type):
        raise VenueError(10001, "tpslMode Full supports Market tp/sl only")
    for kind, limit in ((order.tp_order_type, order.tp_limit_price), (order.sl_order_type, order.sl_limit_price)):
        if (kind == "Limit") != (limit is not None):
            raise VenueError(10001, "params error: tpLimitPrice/slLimitPrice invalid")
    refused = x.tweaks(order.symbol, "stop").refuse_stops
    if refused:
        raise VenueError(refused, "the stop was refused")
    for kind, trigger, by in (
        ("StopLoss", order.stop_loss, order.sl_trigger_by),
        ("TakeProfit", order.take_profit, order.tp_trigger_by),
    ):
        if trigger is not None:
            base = order.price or order.trigger_price or market.trigger_price(by)
            check_exit(kind, order.side, trigger, base, market.instrument.tick)
    order.tp_trigger_by = order.tp_trigger_by or ("LastPrice" if order.take_profit else "")
    order.sl_trigger_by = order.sl_trigger_by or ("LastPrice" if order.stop_loss else "")


def _reduce(x: Exchange, order: Order) -> None:
    """Cut a reducing order to the position; refuse it when nothing is there to reduce."""
    position = x.position(order.symbol, order.position_idx)
    if order.status == "Untriggered" and order.close_on_trigger and order.qty > 0:
        return  # cut when it triggers
    if not position.size or (position.size > 0) == (order.side == "Buy"):
        raise VenueError(110017, "current position is zero, cannot fix reduce-only order qty")
    size = abs(position.size)
    if order.qty == 0 and order.reduce_only and order.close_on_trigger:
        most = x.instrument(order.symbol)
        order.qty = min(size, most.max_market_qty if order.price is None else most.max_qty)
    order.qty = min(order.qty, size) if order.status != "Untriggered" else order.qty


def check_qty(order: Order, i: Instrument, market: Market) -> None:
    if order.qty <= 0 or order.qty % i.step:
        raise VenueError(10001, "Qty invalid")
    if order.qty < i.min_qty:
        raise VenueError(10001, "The number of contracts below minimum limit allowed")
    most = i.max_market_qty if order.price is None else i.max_qty
    if order.qty > most:
        raise VenueError(10001, "The number of contracts exceeds maximum limit allowed: too large")
    price = order.price or order.trigger_price or market.last
    if not (order.reduce_only or order.close_on_trigger) and order.qty * price < i.min_notional:
        raise VenueError(110094, f"Order does not meet minimum order value {i.min_notional}USDT")


def _room(x: Exchange, order: Order, market: Market) -> None:
    """Room for one more order, and margin for what it would add to the position."""
    mine = [o for o in x.open_orders(order.symbol) if not o.is_child]
    if order.status == "Untriggered":
        if sum(1 for o in mine if o.status == "Untriggered") >= MAX_CONDITIONAL:
            raise VenueError(110009, "The number of stop orders exceeds the maximum allowable limit")
        return
    if len(mine) >= MAX_ACTIVE:
        raise VenueError(110020, "Not allowed to have more than 500 active orders")
    if order.reduce_only or order.close_on_trigger:
        return
    position = x.position(order.symbol, order.position_idx)
    against = position.size * order.sign < 0
    adds = max(order.qty - (2 * abs(position.size) if against else ZERO), ZERO)
    price = order.price or market.best(order.side)
    cost = adds * price / position.leverage + order.qty * price * x.fees.taker
    if adds and cost > available(x):
        raise VenueError(110007, "ab not enough for new order")
