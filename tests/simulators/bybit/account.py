"""The account: fills into positions, realised result, fees, funding and forced exits into the wallet."""

from decimal import Decimal
from typing import Any

from simulators.bybit import stops, wire
from simulators.bybit.exchange import Exchange
from simulators.bybit.model import ZERO, Execution, Order, Position, VenueError
from simulators.bybit.wire import eight, text

MAINTENANCE = Decimal("0.005")


def book_fill(
    x: Exchange, order: Order, price: Decimal, qty: Decimal, *, maker: bool, exec_type: str = "Trade"
) -> Execution:
    """One fill of `order`: order row, execution, position, wallet. The order closes when nothing is left."""
    rate = x.fees.maker if maker else x.fees.taker
    fee = eight(price * qty * rate)
    position = x.position(order.symbol, order.position_idx)
    closed, pnl = apply(position, order.sign * qty, price)
    order.cum_qty += qty
    order.cum_value += price * qty
    order.cum_fee += fee
    order.closed_pnl += pnl
    order.status = "Filled" if order.cum_qty >= order.qty else "PartiallyFilled"
    market = x.markets[order.symbol]
    execution = Execution(
        exec_id=x.new_id(),
        order_id=order.order_id,
        link_id=order.link_id,
        symbol=order.symbol,
        side=order.side,
        order_type=order.order_type,
        exec_type=exec_type,
        price=price,
        qty=qty,
        fee=fee,
        fee_rate=rate,
        pnl=pnl,
        closed_size=closed,
        leaves=order.leaves,
        order_price=order.price or ZERO,
        order_qty=order.qty,
        mark_price=market.mark,
        is_maker=maker,
        time_ms=x.clock.now_ms(),
        seq=x.next_seq(),
        stop_kind=order.stop_kind,
        create_type=order.create_type,
    )
    position.current_pnl += pnl - fee
    position.total_pnl += pnl - fee
    x.wallet.balance += pnl - fee
    x.wallet.realised += pnl - fee
    x.executions.append(execution)
    x.say_order(order)
    x.say_execution(execution)
    return execution


def apply(position: Position, change: Decimal, price: Decimal) -> tuple[Decimal, Decimal]:
    """Move `position` by a signed quantity at `price`; returns the size that closed and its result, before fees."""
    held = position.size
    if held == 0 or held * change > 0:
        if held == 0:
            position.current_pnl = ZERO
        position.size += change
        position.cost += abs(change) * price
        return ZERO, ZERO
    closed = min(abs(held), abs(change))
    average = position.average
    pnl = eight((price - average) * closed * (1 if held > 0 else -1))
    position.size += change
    if position.size * held > 0:
        position.cost -= average * closed
    else:
        position.cost = abs(position.size) * price
    return closed, pnl


# --- margin --------------------------------------------------------------------------------------------------------


def unrealised(x: Exchange) -> Decimal:
    return sum((p.size * x.markets[p.symbol].mark - p.cost * (1 if p.size > 0 else -1) for p in held(x)), ZERO)


def held(x: Exchange) -> list[Position]:
    return [p for p in x.positions.values() if p.size]


def position_margin(x: Exchange) -> Decimal:
    return sum((abs(p.size) * x.markets[p.symbol].mark / p.leverage for p in held(x)), ZERO)


def order_margin(x: Exchange) -> Decimal:
    """Margin of resting orders that may enlarge a position; conditional ones hold none."""
    total = ZERO
    for symbol in x.markets:
        for o in x.open_orders(symbol):
            if o.price is not None and o.status in ("New", "PartiallyFilled") and not o.reduce_only:
                total += o.leaves * o.price / x.position(symbol, o.position_idx).leverage
    return total


def maintenance(x: Exchange) -> Decimal:
    return sum((abs(p.size) * x.markets[p.symbol].mark * MAINTENANCE for p in held(x)), ZERO)


def available(x: Exchange) -> Decimal:
    return x.wallet.balance + unrealised(x) - position_margin(x) - order_margin(x)


def wallet_row(x: Exchange) -> dict[str, Any]:
    """The one account of `GET /v5/account/wallet-balance` and of the private `wallet` topic."""
    balance, upl = x.wallet.balance, eight(unrealised(x))
    of_orders, of_positions, least = eight(order_margin(x)), eight(position_margin(x)), eight(maintenance(x))
    equity = balance + upl
    left = max(equity - of_orders - of_positions, ZERO)

    def rate(value: Decimal) -> str:
        return text((value / equity).quantize(Decimal("0.0001"))) if equity > 0 else "0"

    coin = {
        "coin": "USDT",
        "equity": text(equity),
        "usdValue": text(equity),
        "walletBalance": text(balance),
        "availableToWithdraw": "",
        "availableToBorrow": "",
        "borrowAmount": "0",
        "accruedInterest": "0",
        "totalOrderIM": text(of_orders),
        "totalPositionIM": text(of_positions),
        "totalPositionMM": text(least),
        "unrealisedPnl": text(upl),
        "cumRealisedPnl": text(x.wallet.realised),
        "bonus": "0",
        "collateralSwitch": True,
        "marginCollateral": True,
        "locked": "0",
        "spotHedgingQty": "0",
        "spotBorrow": "0",
    }
    return {
        "accountType": "UNIFIED",
        "accountLTV": "0",
        "accountIMRate": rate(of_orders + of_positions),
        "accountIMRateByMp": rate(of_orders + of_positions),
        "accountMMRate": rate(least),
        "accountMMRateByMp": rate(least),
        "totalEquity": text(equity),
        "totalWalletBalance": text(balance),
        "totalMarginBalance": text(equity),
        "totalAvailableBalance": text(left),
        "totalPerpUPL": text(upl),
        "totalInitialMargin": text(of_orders + of_positions),
        "totalInitialMarginByMp": text(of_orders + of_positions),
        "totalMaintenanceMargin": text(least),
        "totalMaintenanceMarginByMp": text(least),
        "coin": [coin],
    }


def say_wallet(x: Exchange) -> None:
    x.say("wallet", wallet_row(x))


# --- what happens without an order of ours -------------------------------------------------------------------------


def settle_funding(x: Exchange, symbol: str, rate: Decimal | None = None, ts_ms: int | None = None) -> list[Execution]:
    """Pay funding on what is held of `symbol` now: value at mark times the rate; positive means longs pay."""
    market = x.market(symbol)
    rate = market.funding_rate if rate is None else rate
    ts_ms = ts_ms or x.clock.now_ms()
    market.funding_history.append((ts_ms, rate))
    paid = []
    with x.transaction():
        for position in [p for p in held(x) if p.symbol == symbol]:
            size = abs(position.size)
            fee = eight(size * market.mark * rate * (1 if position.size > 0 else -1))
            row = _foreign(x, position, position.side, "Funding", market.mark, size, fee=fee, rate=rate, closed=ZERO)
            x.wallet.balance -= fee
            x.wallet.realised -= fee
            position.current_pnl -= fee
            position.total_pnl -= fee
            x.say_execution(row)
            x.say_position(position)
            paid.append(row)
        if paid:
            say_wallet(x)
    return paid


def force_out(x: Exchange, symbol: str, exec_type: str, qty: Decimal | None = None, idx: int = 0) -> Execution:
    """Close a position, or `qty` of it, without an order of ours: `BustTrade` (liquidation) or `AdlTrade`."""
    position = x.position(symbol, idx)
    if not position.size:
        raise VenueError(10001, "the position is flat")
    market = x.market(symbol)
    size = min(qty or abs(position.size), abs(position.size))
    side = "Sell" if position.size > 0 else "Buy"
    with x.transaction():
        if exec_type == "BustTrade":
            for order in [o for o in x.open_orders(symbol) if not o.is_child]:
                order.status, order.cancel_type = "Cancelled", "CancelAllBeforeLiq"
                x.say_order(order)
        price = market.best(side)
        closed, pnl = apply(position, -size if position.size > 0 else size, price)
        fee = eight(price * size * x.fees.taker)
        row = _foreign(x, position, side, exec_type, price, size, fee=fee, rate=x.fees.taker, closed=closed, pnl=pnl)
        x.wallet.balance += pnl - fee
        x.wallet.realised += pnl - fee
        position.current_pnl += pnl - fee
        position.total_pnl += pnl - fee
        x.say_execution(row)
        stops.position_changed(x, symbol, idx)
        x.say_position(position)
        say_wallet(x)
    return row


def liquidate_if_due(x: Exchange) -> None:
    """Liquidate everything when equity no longer covers the maintenance margin."""
    if held(x) and x.wallet.balance + unrealised(x) < maintenance(x):
        for position in held(x):
            force_out(x, position.symbol, "BustTrade", idx=position.idx)


def _foreign(
    x: Exchange,
    position: Position,
    side: str,
    exec_type: str,
    price: Decimal,
    qty: Decimal,
    *,
    fee: Decimal,
    rate: Decimal,
    closed: Decimal,
    pnl: Decimal = ZERO,
) -> Execution:
    create = {"BustTrade": "CreateByLiq", "AdlTrade": "CreateByAdl_PassThrough"}.get(exec_type, "")
    row = Execution(
        exec_id=x.new_id(),
        order_id=x.new_id(),
        link_id="",
        symbol=position.symbol,
        side=side,
        order_type="UNKNOWN" if exec_type == "Funding" else "Market",
        exec_type=exec_type,
        price=price,
        qty=qty,
        fee=fee,
        fee_rate=rate,
        pnl=pnl,
        closed_size=closed,
        leaves=ZERO,
        order_price=ZERO if exec_type == "Funding" else price,
        order_qty=ZERO if exec_type == "Funding" else qty,
        mark_price=x.markets[position.symbol].mark,
        is_maker=False,
        time_ms=x.clock.now_ms(),
        seq=x.next_seq(),
        create_type=create,
    )
    x.executions.append(row)
    return row


def at_that_time(x: Exchange, position: Position, lag_ms: int) -> Position:
    if not lag_ms:
        return position
    then = x.clock.now_ms() - lag_ms
    known = [p for p in x.past.get((position.symbol, position.idx), ()) if p.updated_ms <= then]
    return known[-1] if known else Position(position.symbol, position.idx, leverage=position.leverage)


def position_rows(x: Exchange, symbol: str | None, lag_ms: int = 0) -> list[dict[str, Any]]:
    """Rows of `GET /v5/position/list`: with a symbol also when flat, without only what is held.

    With a lag they are what they were then.
    """
    if symbol is None:
        found = [at_that_time(x, p, lag_ms) for p in list(x.positions.values())]
        found = [p for p in found if p.size]
    else:
        x.market(symbol)
        found = [at_that_time(x, x.position(symbol, idx), lag_ms) for idx in x.indices(symbol)]
    rows = []
    for p in found:
        market = x.markets[p.symbol]
        rows.append(wire.position_row(p, market.instrument, market.mark, x.whole_exits(p.symbol, p.idx)))
    return rows
