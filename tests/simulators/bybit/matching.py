"""Orders against the market: accept, match, rest, trigger, amend, cancel."""

from decimal import Decimal

from simulators.bybit import account, stops
from simulators.bybit.checks import Body, check_price, check_qty, check_reach, linear, read_order
from simulators.bybit.exchange import Exchange, Tweaks
from simulators.bybit.market import Market
from simulators.bybit.model import ZERO, Order, VenueError
from simulators.bybit.stops import decimal_of

GONE = (110001, "order not exists or too late to cancel")
MARKET_REACH = Decimal("0.05")  # a market order is an IOC limit this far away: its row's price is no fill price


def create(x: Exchange, body: Body) -> Order:
    """Accept an order and let it meet the market. The reply says only that it was received."""
    order = read_order(x, body)
    order.order_id = x.new_id()
    with x.transaction():
        x.enter(order)
        if order.status == "Untriggered":
            x.say_order(order)
        else:
            work(x, order)
            trigger_due(x, x.markets[order.symbol])  # an exit attached beyond the price is due at once
        if not order.cum_qty:
            ripple(x, order)
    return order


def ripple(x: Exchange, order: Order) -> None:
    """Position and wallet are pushed at every action on an order, whether they changed or not."""
    x.say_position(x.position(order.symbol, order.position_idx))
    account.say_wallet(x)


def work(x: Exchange, order: Order) -> None:
    """Match an order that is live; what is left rests or is cancelled by its time in force."""
    market = x.markets[order.symbol]
    tick = market.instrument.tick
    if order.price is None:
        away = 1 + MARKET_REACH * order.sign
        order.price = max((market.last * away).quantize(tick), tick)
    crosses = order.price >= market.ask if order.side == "Buy" else order.price <= market.bid
    if crosses and order.tif == "PostOnly":
        return close(x, order, "Cancelled", reason="EC_PostOnlyWillTakeLiquidity")
    fills = taker_fills(x, order, market) if crosses else []
    if order.tif == "FOK" and sum((qty for _, qty in fills), ZERO) < order.leaves:
        return close(x, order, "Cancelled", reason="EC_NoImmediateQtyToFill")
    for price, qty in fills:
        fill(x, order, price, qty, maker=False)
        if not order.is_open:
            break
    if order.is_open and order.tif in ("IOC", "FOK"):
        reason = "EC_NoEnoughQtyToFill" if order.cum_qty else "EC_NoImmediateQtyToFill"
        return close(x, order, "Cancelled", reason=reason)
    if order.is_open and not order.cum_qty:
        order.status = "New"
        x.say_order(order)
    return None


def close(x: Exchange, order: Order, status: str, *, cancel: str = "UNKNOWN", reason: str = "") -> None:
    order.status, order.cancel_type = status, cancel
    order.reject_reason = reason or order.reject_reason
    x.say_order(order)


def taker_fills(x: Exchange, order: Order, market: Market) -> list[tuple[Decimal, Decimal]]:
    """(price, quantity) of what a taker meets now, best first."""
    # An exit of the venue always closes whole: what it left open would be bare through no fault of the client.
    tweaks = Tweaks() if order.is_child else x.tweaks(order.symbol, "match")
    left = order.leaves
    if tweaks.fill_share is not None:
        step = market.instrument.step
        left = max(left * tweaks.fill_share // step * step, step)
    price, tick = market.best(order.side), market.instrument.tick * order.sign
    found: list[tuple[Decimal, Decimal]] = []
    if market.liquidity is None:
        found = [(price, left)]
    else:
        while left > 0 and (price - (order.price or price)) * order.sign <= 0 and price > 0:
            take = min(left, market.liquidity)
            found.append((price, take))
            left -= take
            price += tick
    if tweaks.parts > 1:
        found = [part for price, qty in found for part in cut(price, qty, tweaks.parts, market.instrument.step)]
    if tweaks.overfill and found:
        found[-1] = (found[-1][0], found[-1][1] + tweaks.overfill)
    return found


def cut(price: Decimal, qty: Decimal, parts: int, step: Decimal) -> list[tuple[Decimal, Decimal]]:
    """`qty` in up to `parts` pieces, none empty."""
    piece = max(qty / parts // step * step, step)
    out: list[tuple[Decimal, Decimal]] = []
    while qty > 0:
        take = qty if len(out) == parts - 1 else min(piece, qty)
        out.append((price, take))
        qty -= take
    return out


def fill(x: Exchange, order: Order, price: Decimal, qty: Decimal, *, maker: bool) -> None:
    """One fill and all that follows from it: position, attached exits, exits resized or gone, wallet."""
    position = x.position(order.symbol, order.position_idx)
    if order.reduce_only or order.close_on_trigger:
        against = position.size * order.sign < 0
        room = abs(position.size) if against else ZERO
        if room < qty:
            if not room:
                return close(x, order, "Cancelled", cancel="CancelByReduceOnly")
            order.qty = order.cum_qty + room
            qty = room
    with x.transaction():
        account.book_fill(x, order, price, qty, maker=maker)
        stops.position_changed(x, order.symbol, order.position_idx)
        stops.attach(x, order)
        x.say_position(position)
        account.say_wallet(x)
    return None


# --- the market moves ----------------------------------------------------------------------------------------------


def on_price(x: Exchange, symbol: str) -> None:
    """The price of `symbol` moved: fill what rests in reach, follow trailing stops, trigger what is due, liquidate."""
    market = x.markets[symbol]
    with x.transaction():
        for order in x.open_orders(symbol):
            if order.status in ("New", "PartiallyFilled") and order.price is not None:
                reached = order.price >= market.ask if order.side == "Buy" else order.price <= market.bid
                if reached and order.is_open:
                    qty = order.leaves if market.liquidity is None else min(order.leaves, market.liquidity)
                    share = None if order.is_child else x.tweaks(symbol, "match").fill_share
                    if share is not None:
                        step = market.instrument.step
                        qty = max(qty * share // step * step, step)
                    fill(x, order, order.price, qty, maker=True)
        for position in [p for p in x.positions.values() if p.symbol == symbol]:
            stops.trail(x, position)
        trigger_due(x, market)
        account.liquidate_if_due(x)


def trigger_due(x: Exchange, market: Market) -> None:
    for order in x.open_orders(market.instrument.symbol):
        if order.status != "Untriggered" or order.trigger_price is None:
            continue
        now = market.trigger_price(order.trigger_by)
        due = now >= order.trigger_price if order.trigger_direction == 1 else now <= order.trigger_price
        if due:
            trigger(x, order)


def trigger(x: Exchange, order: Order) -> None:
    """A conditional order or exit becomes a live order; one that only reduces is cut to the position first."""
    if order.reduce_only or order.close_on_trigger:
        position = x.position(order.symbol, order.position_idx)
        if position.size * order.sign >= 0:
            return close(x, order, "Deactivated", cancel="CancelByReduceOnly")
        size = abs(position.size)
        order.qty = size if order.covers_all else min(order.qty, size)
    order.status = "Triggered"
    x.say_order(order)
    work(x, order)
    return None


# --- amend and cancel ----------------------------------------------------------------------------------------------


def find(x: Exchange, body: Body) -> Order:
    """The order a request names; the venue's id wins when both are given."""
    order_id, link_id = body.get("orderId"), body.get("orderLinkId")
    if not order_id and not link_id:
        raise VenueError(10001, "params error: orderId or orderLinkId is required")
    order = x.orders.get(str(order_id)) if order_id else x.by_link.get(str(link_id))
    if order is None or order.symbol != body.get("symbol"):
        raise VenueError(*GONE)
    return order


def cancel(x: Exchange, body: Body) -> Order:
    linear(body)
    x.market(str(body.get("symbol", "")))
    order = find(x, body)
    if not order.is_open:
        raise VenueError(*GONE)
    with x.transaction():
        live = order.price is not None and order.status in ("New", "PartiallyFilled")
        if live and x.tweaks(order.symbol, "cancel").cancel_loses:
            assert order.price is not None
            fill(x, order, order.price, order.leaves, maker=True)
            order.cancel_type, order.reject_reason = "CancelByUser", "EC_OrigClOrdIDDoesNotExist"
            x.say_order(order)
        else:
            cancel_order(x, order)
            ripple(x, order)
    return order


def cancel_order(x: Exchange, order: Order, why: str = "CancelByUser") -> None:
    waiting = order.status == "Untriggered"
    reason = "EC_NoError" if waiting else "EC_PerCancelRequest"
    close(x, order, "Deactivated" if waiting else "Cancelled", cancel=why, reason=reason)


def cancel_all(x: Exchange, body: Body) -> list[Order]:
    linear(body)
    symbol, settle, base = body.get("symbol"), body.get("settleCoin"), body.get("baseCoin")
    if not symbol and not settle and not base:
        raise VenueError(10001, "params error: symbol, baseCoin or settleCoin is required")
    if symbol:
        x.market(str(symbol))
    chosen: list[Order] = []
    for name, market in x.markets.items():
        if symbol and name != symbol:
            continue
        if not symbol and (settle not in (None, "", "USDT") or base not in (None, "", market.instrument.base)):
            continue
        chosen += x.open_orders(name)
    only = body.get("orderFilter")
    if only == "Order":
        chosen = [o for o in chosen if not o.stop_kind]
    elif only == "StopOrder":
        chosen = [o for o in chosen if o.stop_kind]
    if len(chosen) > 500:
        chosen = x.rng.sample(chosen, 500)
    with x.transaction():
        for order in chosen:
            cancel_order(x, order)
            ripple(x, order)
    return chosen


def amend(x: Exchange, body: Body) -> Order:
    """Change an open order in place: only what the request names."""
    linear(body)
    market = x.market(str(body.get("symbol", "")))
    order = find(x, body)
    if not order.is_open or order.status == "Triggered":
        raise VenueError(*GONE)
    names = ("qty", "price", "triggerPrice", "takeProfit", "stopLoss")
    new = {name: value for name in names if (value := decimal_of(body, name)) is not None}
    if not new:
        raise VenueError(10001, "params error: nothing to change")
    i = market.instrument
    if "price" in new:
        if order.order_type == "Market":
            raise VenueError(10001, "params error: price of a market order")
        check_price(new["price"], i)
    if "triggerPrice" in new:
        if order.status != "Untriggered":
            raise VenueError(110001, "the order is triggered")
        check_price(new["triggerPrice"], i, "triggerPrice")
        now = market.trigger_price(order.trigger_by)
        if order.trigger_direction == 1 and new["triggerPrice"] <= now:
            raise VenueError(110092, f"expect Rising, but trigger_price[{new['triggerPrice']}] <= current[{now}]")
        if order.trigger_direction == 2 and new["triggerPrice"] >= now:
            raise VenueError(110093, f"expect Falling, but trigger_price[{new['triggerPrice']}] >= current[{now}]")
        refused = x.tweaks(order.symbol, "stop").refuse_stops if order.is_child else 0
        if refused:
            raise VenueError(refused, "the stop was refused")
    for kind, name in (("StopLoss", "stopLoss"), ("TakeProfit", "takeProfit")):
        if new.get(name):
            if order.attached_done or order.is_child:
                raise VenueError(10001, f"params error: {name} of an order that has filled")
            base = new.get("price") or order.price or order.trigger_price or market.last
            stops.check_exit(kind, order.side, new[name], base, i.tick)
    before = (order.qty, order.price)
    if "qty" in new:
        if order.covers_all:
            raise VenueError(10001, "the size of a tpslMode Full order is the position's")
        if new["qty"] < order.cum_qty:
            raise VenueError(110064, "the new quantity is below the filled quantity")
        order.qty = new["qty"]
    order.price = new.get("price", order.price)
    try:
        check_qty(order, i, market)
        if order.order_type == "Limit":
            check_reach(order, market)
    except VenueError:
        order.qty, order.price = before
        raise
    order.trigger_price = new.get("triggerPrice", order.trigger_price)
    if not order.attached_done:
        order.take_profit = (new["takeProfit"] or None) if "takeProfit" in new else order.take_profit
        order.stop_loss = (new["stopLoss"] or None) if "stopLoss" in new else order.stop_loss
    with x.transaction():
        if order.cum_qty and order.cum_qty == order.qty:
            close(x, order, "Filled")
        elif order.status in ("New", "PartiallyFilled") and before != (order.qty, order.price):
            x.say_order(order)
            work_again(x, order, market)
        else:
            x.say_order(order)
        ripple(x, order)
    return order


def work_again(x: Exchange, order: Order, market: Market) -> None:
    """An amended order may now take."""
    assert order.price is not None
    if order.price >= market.ask if order.side == "Buy" else order.price <= market.bid:
        work(x, order)
