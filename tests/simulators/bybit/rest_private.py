"""REST with a key: orders, executions, positions, wallet, settings of the account."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from simulators.bybit import account, matching, stops, wire
from simulators.bybit.call import Call, Result, chosen_symbols
from simulators.bybit.checks import linear
from simulators.bybit.model import Execution, Order, VenueError
from simulators.bybit.paging import page, window
from simulators.bybit.rest_reports import closed_pnl, transaction_log
from simulators.bybit.stops import decimal_of
from simulators.bybit.wire import text

DAY_MS = 86_400_000


@dataclass(frozen=True)
class Endpoint:
    method: str
    handle: Callable[[Call], Result]
    group: str = "read"
    right: str | None = None


def ids(order: Order) -> Result:
    return {"orderId": order.order_id, "orderLinkId": order.link_id}


def create(call: Call) -> Result:
    return ids(matching.create(call.exchange, call.body))


def amend(call: Call) -> Result:
    return ids(matching.amend(call.exchange, call.body))


def cancel(call: Call) -> Result:
    return ids(matching.cancel(call.exchange, call.body))


def cancel_all(call: Call) -> Result:
    return {"list": [ids(order) for order in matching.cancel_all(call.exchange, call.body)], "success": "1"}


def _order_rows(call: Call, orders: Iterable[Order], usual: int) -> Result:
    newest = sorted(orders, key=lambda o: o.number, reverse=True)
    rows, cursor = page(newest, lambda o: o.number, call.query, usual, 50)
    x = call.exchange
    return {
        "list": [wire.order_row(o, x.instrument(o.symbol)) for o in rows],
        "nextPageCursor": cursor,
        "category": "linear",
    }


def realtime(call: Call) -> Result:
    x, query = call.exchange, call.query
    linear(dict(query))
    by_id = bool(query.get("orderId") or query.get("orderLinkId"))
    symbols = chosen_symbols(x, query, required=not by_id)
    seen_until = x.clock.now_ms() - call.lag_ms
    if by_id:
        named = x.orders.get(query.get("orderId", "")) or x.by_link.get(query.get("orderLinkId", ""))
        orders = [named] if named is not None else []
    elif query.get("openOnly", "0") == "0":
        orders = [o for symbol in symbols for o in x.open_orders(symbol)]
    else:
        closed = [o for o in x.orders.values() if not o.is_open]
        orders = sorted(closed, key=lambda o: o.updated_ms)[-500:]
    only = query.get("orderFilter")
    if only in ("Order", "StopOrder"):
        orders = [o for o in orders if bool(o.stop_kind) == (only == "StopOrder")]
    return _order_rows(call, (o for o in orders if o.symbol in symbols and o.created_ms <= seen_until), 20)


def history(call: Call) -> Result:
    x, query = call.exchange, call.query
    linear(dict(query))
    symbols = chosen_symbols(x, query, required=False)
    now = x.clock.now_ms()
    start, end = window(query, now)

    def kept(o: Order) -> bool:
        forgotten = not o.cum_qty and o.updated_ms < now - DAY_MS
        named = query.get("orderId", o.order_id) == o.order_id and query.get("orderLinkId", o.link_id) == o.link_id
        state = query.get("orderStatus") or o.status
        seen = o.updated_ms <= now - call.lag_ms and start <= o.created_ms <= end
        return named and seen and not o.is_open and not forgotten and o.status == state and o.symbol in symbols

    return _order_rows(call, (o for o in x.orders.values() if kept(o)), 20)


def executions(call: Call) -> Result:
    x, query = call.exchange, call.query
    linear(dict(query))
    symbols = chosen_symbols(x, query, required=False)
    now = x.clock.now_ms()
    start, end = window(query, now)

    def wanted(e: Execution) -> bool:
        named = query.get("orderId", e.order_id) == e.order_id and query.get("orderLinkId", e.link_id) == e.link_id
        seen = e.time_ms <= now - call.lag_ms and start <= e.time_ms <= end
        return named and seen and e.symbol in symbols and e.exec_type == (query.get("execType") or e.exec_type)

    newest = [e for e in reversed(x.executions) if wanted(e)]
    rows, cursor = page(newest, lambda e: e.seq, query, 50, 100)
    listed = [wire.execution_row(e, x.instrument(e.symbol)) for e in rows]
    return {"nextPageCursor": cursor, "category": "linear", "list": listed}


def positions(call: Call) -> Result:
    query = call.query
    linear(dict(query))
    if not query.get("symbol") and not query.get("settleCoin"):
        raise VenueError(10001, "Missing some parameters that must be filled in, symbol or settleCoin")
    other = not query.get("symbol") and query.get("settleCoin") != "USDT"
    rows = [] if other else account.position_rows(call.exchange, query.get("symbol") or None, call.lag_ms)
    return {"list": rows, "nextPageCursor": "", "category": "linear"}


def wallet(call: Call) -> Result:
    if call.query.get("accountType") != "UNIFIED":
        raise VenueError(10001, "accountType only support UNIFIED.")
    row = account.wallet_row(call.exchange)
    coins = call.query.get("coin")
    if coins:
        row["coin"] = [coin for coin in row["coin"] if coin["coin"] in coins.split(",")]
    return {"list": [row]}


def account_info(call: Call) -> Result:
    return {
        "marginMode": call.exchange.margin_mode,
        "updatedTime": str(call.exchange.clock.now_ms()),
        "unifiedMarginStatus": 6,
        "dcpStatus": "OFF",
        "timeWindow": 10,
        "smpGroup": 0,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
    }


def fee_rate(call: Call) -> Result:
    x, query = call.exchange, call.query
    fees = {"takerFeeRate": text(x.fees.taker), "makerFeeRate": text(x.fees.maker)}
    return {"list": [{"symbol": s} | fees for s in sorted(chosen_symbols(x, query, required=False))]}


def query_api(call: Call) -> Result:
    key = call.key
    contract = [name for name in ("Order", "Position") if name in key.permissions]
    return {
        "id": "1",
        "note": "simulator",
        "apiKey": key.key,
        "readOnly": int(key.read_only),
        "secret": "",
        "permissions": {
            "ContractTrade": contract,
            "Spot": [],
            "Wallet": ["AccountTransfer"] if "Wallet" in key.permissions else [],
            "Options": [],
            "Derivatives": ["DerivativesTrade"] if contract else [],
            "CopyTrading": [],
            "BlockTrade": [],
            "Exchange": [],
            "NFT": [],
            "Affiliate": [],
            "Earn": [],
        },
        "ips": sorted(key.ips) or ["*"],
        "type": 1,
        "deadlineDay": -2 if key.ips else 90,
        "expiredAt": "1970-01-01T00:00:00Z",
        "createdAt": "2025-10-13T03:20:45Z",
        "unified": 0,
        "uta": 1,
        "userID": 1,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_1",
        "kycRegion": "",
    }


def set_leverage(call: Call) -> Result:
    x, body = call.exchange, call.body
    linear(body)
    market = x.market(str(body.get("symbol", "")))
    buy, sell = decimal_of(body, "buyLeverage"), decimal_of(body, "sellLeverage")
    if buy is None or sell is None or buy != sell:
        raise VenueError(10001, "params error: buyLeverage and sellLeverage must be equal")
    if not 1 <= buy <= market.instrument.max_leverage or buy % Decimal("0.01"):
        raise VenueError(110013, f"cannot set leverage gt maxLeverage {market.instrument.max_leverage}")
    found = [x.position(market.instrument.symbol, idx) for idx in x.indices(market.instrument.symbol)]
    if all(p.leverage == buy for p in found):
        raise VenueError(110043, "leverage not modified")
    with x.transaction():
        for position in found:
            position.leverage = buy
            x.say_position(position)
    return {}


def switch_mode(call: Call) -> Result:
    x, body = call.exchange, call.body
    linear(body)
    mode = body.get("mode")
    if mode not in (0, 3) or isinstance(mode, bool):
        raise VenueError(10001, "params error: mode invalid")
    if not body.get("symbol") and body.get("coin") != "USDT":
        raise VenueError(10001, "params error: symbol or coin is required")
    symbols = [x.market(str(body["symbol"])).instrument.symbol] if body.get("symbol") else list(x.markets)
    if all((s in x.hedged) == (mode == 3) for s in symbols):
        raise VenueError(110025, "Position mode is not modified")
    if any(p.size for p in x.positions.values() if p.symbol in symbols):
        raise VenueError(110024, "You have an existing position, so the position mode cannot be switched")
    if any(x.open_orders(s) for s in symbols):
        raise VenueError(110028, "You have existing open orders, so the position mode cannot be switched")
    x.hedged = x.hedged | set(symbols) if mode == 3 else x.hedged - set(symbols)
    return {}


def set_margin_mode(call: Call) -> Result:
    x, mode = call.exchange, call.body.get("setMarginMode")
    if mode not in ("ISOLATED_MARGIN", "REGULAR_MARGIN", "PORTFOLIO_MARGIN"):
        raise VenueError(10001, "params error: setMarginMode invalid")
    if mode == x.margin_mode:
        raise VenueError(110026, "Cross/isolated margin mode is not modified")
    if account.held(x) or any(x.open_orders(symbol) for symbol in x.markets):
        raise VenueError(3400045, "Set margin mode failed")
    x.margin_mode = str(mode)
    return {"reasons": []}


def trading_stop(call: Call) -> Result:
    linear(call.body)
    stops.trading_stop(call.exchange, call.body)
    return {}


def dcp_info(_call: Call) -> Result:
    return {"dcpInfos": []}


PRIVATE: dict[str, Endpoint] = {
    "order/create": Endpoint("POST", create, "order/create", "Order"),
    "order/amend": Endpoint("POST", amend, "order/amend", "Order"),
    "order/cancel": Endpoint("POST", cancel, "order/cancel", "Order"),
    "order/cancel-all": Endpoint("POST", cancel_all, "order/cancel-all", "Order"),
    "order/realtime": Endpoint("GET", realtime),
    "order/history": Endpoint("GET", history),
    "execution/list": Endpoint("GET", executions),
    "position/list": Endpoint("GET", positions),
    "position/set-leverage": Endpoint("POST", set_leverage, "set-leverage", "Position"),
    "position/switch-mode": Endpoint("POST", switch_mode, "switch-mode", "Position"),
    "position/trading-stop": Endpoint("POST", trading_stop, "trading-stop", "Position"),
    "position/closed-pnl": Endpoint("GET", closed_pnl),
    "account/wallet-balance": Endpoint("GET", wallet),
    "account/transaction-log": Endpoint("GET", transaction_log, "transaction-log"),
    "account/info": Endpoint("GET", account_info),
    "account/fee-rate": Endpoint("GET", fee_rate, "fee-rate"),
    "account/set-margin-mode": Endpoint("POST", set_margin_mode, "margin-mode", "Position"),
    "account/query-dcp-info": Endpoint("GET", dcp_info, "fee-rate"),
    "user/query-api": Endpoint("GET", query_api),
}
