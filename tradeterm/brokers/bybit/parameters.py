"""Our orders as Bybit's parameters. Every number is written plainly; triggers go by the last price, everywhere."""

from decimal import Decimal

from tradeterm.brokers.bybit.registry import check_client_id
from tradeterm.domain.errors import VenueRefused
from tradeterm.domain.orders import Order, OrderSide, OrderType, TimeInForce

CATEGORY = "linear"
TRIGGER_BY = "LastPrice"
ONE_WAY = 0

_RISES, _FALLS = 1, 2
_KINDS = {
    OrderType.MARKET: "Market",
    OrderType.LIMIT: "Limit",
    OrderType.STOP_MARKET: "Market",
    OrderType.STOP_LIMIT: "Limit",
    OrderType.TAKE_PROFIT_MARKET: "Market",
}
_CONDITIONAL = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_MARKET})
_TIMES = {TimeInForce.GTC: "GTC", TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}


def create(order: Order, symbol: str) -> dict[str, object]:
    """Parameters of `place_order`. Raises VenueRefused for what Bybit has no order for: nothing is sent then."""
    check_client_id(order.client_order_id)
    kind = _KINDS.get(order.type)
    if kind is None or order.time_in_force not in _TIMES:
        raise VenueRefused(f"Bybit orders of type {order.type} {order.time_in_force} are not supported", "UNSUPPORTED")
    parameters: dict[str, object] = {
        "category": CATEGORY,
        "symbol": symbol,
        "side": side(order.side),
        "orderType": kind,
        "qty": written(order.quantity, "quantity"),
        "timeInForce": _time_in_force(order, kind),
        "orderLinkId": order.client_order_id,
        "positionIdx": ONE_WAY,
        "reduceOnly": order.reduce_only,
    }
    if kind == "Limit":
        parameters["price"] = written(order.price, "price")
    if order.type in _CONDITIONAL:
        parameters |= {
            "triggerPrice": written(order.trigger_price, "trigger price"),
            "triggerDirection": _direction(order),
            "triggerBy": TRIGGER_BY,
            "closeOnTrigger": order.reduce_only,
        }
    return parameters | _attached(order)


def amend(
    order: Order, quantity: Decimal | None, price: Decimal | None, trigger_price: Decimal | None
) -> dict[str, object]:
    """What changes, as parameters of `amend_order`."""
    changes = {"qty": quantity, "price": price, "triggerPrice": trigger_price}
    return {key: written(value, key) for key, value in changes.items() if value is not None}


def side(order_side: OrderSide) -> str:
    return "Buy" if order_side is OrderSide.BUY else "Sell"


def written(value: Decimal | None, name: str) -> str:
    """A plain decimal, never 1E+3. Raises VenueRefused for a number no order may have."""
    if value is None or not value.is_finite() or value <= 0:
        raise VenueRefused(f"the order's {name} is {value}: nothing was sent", "BAD_NUMBER")
    return format(value, "f")


def _time_in_force(order: Order, kind: str) -> str:
    if order.post_only:
        if kind != "Limit" or order.time_in_force is not TimeInForce.GTC:
            raise VenueRefused("only a limit order that stays may be post-only", "UNSUPPORTED")
        return "PostOnly"
    return "IOC" if kind == "Market" else _TIMES[order.time_in_force]


def _direction(order: Order) -> int:
    """A stop triggers on the losing side of its position, a target on the winning one."""
    rises = (order.side is OrderSide.BUY) != (order.type is OrderType.TAKE_PROFIT_MARKET)
    return _RISES if rises else _FALLS


def _attached(order: Order) -> dict[str, object]:
    if order.stop_loss is None and order.take_profit is None:
        return {}
    if order.reduce_only:
        raise VenueRefused("a reduce-only order cannot carry protection", "UNSUPPORTED")
    parameters: dict[str, object] = {"tpslMode": "Full"}
    if order.stop_loss is not None:
        parameters |= {"stopLoss": written(order.stop_loss, "stop"), "slTriggerBy": TRIGGER_BY}
    if order.take_profit is not None:
        parameters |= {"takeProfit": written(order.take_profit, "target"), "tpTriggerBy": TRIGGER_BY}
    return parameters
