"""The venue's JSON: decimals as text, rows with the documented fields, envelopes."""

from decimal import Decimal
from typing import Any

from simulators.bybit.model import ZERO, Execution, Instrument, Order, Position

Row = dict[str, Any]
EIGHT = Decimal("0.00000001")


def text(value: Decimal) -> str:
    """A plain decimal without needless zeros."""
    return format(value.normalize(), "f") if value else "0"


def eight(value: Decimal) -> Decimal:
    """`value` rounded to the eight places the venue keeps."""
    return value.quantize(EIGHT)


def at(value: Decimal | None, step: Decimal, empty: str = "") -> str:
    """`value` with the decimals of `step`, as prices and sizes are written."""
    return empty if value is None else format(value.quantize(step), "f")


def envelope(result: Row, now_ms: int, code: int = 0, message: str = "OK") -> Row:
    return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": now_ms}


def instrument_row(instrument: Instrument) -> Row:
    i = instrument
    return {
        "symbol": i.symbol,
        "symbolId": 5,
        "contractType": "LinearPerpetual",
        "status": i.status,
        "baseCoin": i.base,
        "quoteCoin": "USDT",
        "launchTime": "1585526400000",
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(-int(i.tick.as_tuple().exponent)),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": at(i.max_leverage, Decimal("0.01")),
            "leverageStep": "0.01",
        },
        "priceFilter": {"minPrice": str(i.tick), "maxPrice": str(i.max_price), "tickSize": str(i.tick)},
        "lotSizeFilter": {
            "maxOrderQty": str(i.max_qty),
            "minOrderQty": str(i.min_qty),
            "qtyStep": str(i.step),
            "postOnlyMaxOrderQty": str(i.max_qty),
            "maxMktOrderQty": str(i.max_market_qty),
            "minNotionalValue": str(i.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": i.funding_minutes,
        "settleCoin": "USDT",
        "copyTrading": "both",
        "upperFundingRate": "0.00375",
        "lowerFundingRate": "-0.00375",
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {
            "priceLimitRatioX": str(i.price_limit_ratio),
            "priceLimitRatioY": str(i.price_limit_ratio * 2),
        },
        "symbolType": "",
    }


def order_row(order: Order, instrument: Instrument) -> Row:
    """The row of `GET /v5/order/realtime` and history."""
    o, tick, step = order, instrument.tick, instrument.step
    leaves = o.leaves
    return {
        "orderId": o.order_id,
        "orderLinkId": o.link_id,
        "parentOrderLinkId": o.parent_link_id,
        "blockTradeId": "",
        "symbol": o.symbol,
        "price": at(o.price, tick, at(ZERO, tick)),
        "qty": at(o.qty, step),
        "side": o.side,
        "isLeverage": "",
        "positionIdx": o.position_idx,
        "orderStatus": o.status,
        "createType": o.create_type,
        "cancelType": o.cancel_type,
        "rejectReason": o.reject_reason,
        "avgPrice": text(eight(o.cum_value / o.cum_qty)) if o.cum_qty else "",
        "leavesQty": at(leaves, step),
        "leavesValue": text(leaves * (o.price or o.last_price_on_created)),
        "cumExecQty": at(o.cum_qty, step),
        "cumExecValue": text(o.cum_value),
        "cumExecFee": text(o.cum_fee),
        "timeInForce": o.tif,
        "orderType": o.order_type,
        "stopOrderType": o.stop_kind,
        "orderIv": "",
        "triggerPrice": at(o.trigger_price, tick),
        "takeProfit": at(o.take_profit, tick),
        "stopLoss": at(o.stop_loss, tick),
        "tpTriggerBy": o.tp_trigger_by,
        "slTriggerBy": o.sl_trigger_by,
        "triggerDirection": o.trigger_direction,
        "triggerBy": o.trigger_by,
        "lastPriceOnCreated": at(o.last_price_on_created, tick),
        "reduceOnly": o.reduce_only,
        "closeOnTrigger": o.close_on_trigger,
        "smpType": "None",
        "smpGroup": 0,
        "smpOrderId": "",
        "tpslMode": o.tpsl_mode,
        "tpLimitPrice": at(o.tp_limit_price, tick),
        "slLimitPrice": at(o.sl_limit_price, tick),
        "placeType": "",
        "createdTime": str(o.created_ms),
        "updatedTime": str(o.updated_ms),
        "cumFeeDetail": {"USDT": text(o.cum_fee)} if o.cum_fee else {},
    }


def order_push(order: Order, instrument: Instrument) -> Row:
    """The row of the private `order` topic."""
    more = {
        "category": "linear",
        "feeCurrency": "USDT",
        "closedPnl": text(order.closed_pnl),
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }
    return order_row(order, instrument) | more


def execution_row(execution: Execution, instrument: Instrument) -> Row:
    """The row of `GET /v5/execution/list`."""
    e, tick, step = execution, instrument.tick, instrument.step
    return {
        "symbol": e.symbol,
        "orderType": e.order_type,
        "underlyingPrice": "",
        "orderLinkId": e.link_id,
        "side": e.side,
        "indexPrice": "",
        "orderId": e.order_id,
        "stopOrderType": e.stop_kind or "UNKNOWN",
        "leavesQty": at(e.leaves, step),
        "execTime": str(e.time_ms),
        "feeCurrency": "USDT",
        "isMaker": e.is_maker,
        "execFee": text(e.fee),
        "feeRate": text(e.fee_rate),
        "execId": e.exec_id,
        "tradeIv": "",
        "blockTradeId": "",
        "markPrice": at(e.mark_price, tick),
        "execPrice": at(e.price, tick),
        "markIv": "",
        "orderQty": at(e.order_qty, step),
        "orderPrice": at(e.order_price, tick),
        "execValue": text(e.value),
        "execType": e.exec_type,
        "execQty": at(e.qty, step),
        "closedSize": at(e.closed_size, step),
        "extraFees": "",
        "execPnl": text(e.pnl),
        "createType": e.create_type,
        "seq": e.seq,
    }


def execution_push(execution: Execution, instrument: Instrument) -> Row:
    """The row of the private `execution` topic."""
    more = {"category": "linear", "isLeverage": "0", "marketUnit": "", "extraFees": []}
    return execution_row(execution, instrument) | more


def position_row(position: Position, instrument: Instrument, mark: Decimal, stops: dict[str, Decimal | None]) -> Row:
    """The row of `GET /v5/position/list`. `stops` gives the triggers of the whole-position exits."""
    p, tick, step = position, instrument.tick, instrument.step
    size = abs(p.size)
    value = p.cost
    return {
        "positionIdx": p.idx,
        "riskId": 1,
        "riskLimitValue": "2000000",
        "symbol": p.symbol,
        "side": p.side,
        "size": at(size, step) if size else "0",
        "avgPrice": text(eight(p.average)),
        "positionValue": text(eight(value)),
        "tradeMode": 0,
        "positionStatus": "Normal",
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if size else 0,
        "leverage": text(p.leverage),
        "breakEvenPrice": text(eight(p.average)),
        "positionBalance": text(eight(value / p.leverage)),
        "markPrice": at(mark, tick),
        "liqPrice": "",
        "bustPrice": "",
        "positionMM": text(eight(size * mark * Decimal("0.005"))),
        "positionMMByMp": text(eight(size * mark * Decimal("0.005"))),
        "positionIM": text(eight(size * mark / p.leverage)),
        "positionIMByMp": text(eight(size * mark / p.leverage)),
        "tpslMode": "Full",
        "takeProfit": at(stops.get("TakeProfit"), tick),
        "stopLoss": at(stops.get("StopLoss"), tick),
        "trailingStop": at(p.trailing_distance, tick, "0"),
        "unrealisedPnl": text(eight(p.size * (mark - p.average))) if size else "",
        "curRealisedPnl": text(p.current_pnl),
        "cumRealisedPnl": text(p.total_pnl),
        "seq": p.seq,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "sessionAvgPrice": "",
        "createdTime": str(p.created_ms),
        "updatedTime": str(p.updated_ms),
    }


def position_push(position: Position, instrument: Instrument, mark: Decimal, stops: dict[str, Decimal | None]) -> Row:
    """The row of the private `position` topic: `entryPrice` stands where REST says `avgPrice`."""
    row = position_row(position, instrument, mark, stops)
    row["entryPrice"] = row.pop("avgPrice")
    row["category"] = "linear"
    for name in ("takeProfit", "stopLoss", "unrealisedPnl"):
        row[name] = row[name] or "0"
    return row
