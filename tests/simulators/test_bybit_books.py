"""Whatever is asked of the simulated venue, its books add up."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest

from simulators.bybit import matching, stops
from simulators.bybit.exchange import Exchange, new_exchange
from simulators.bybit.faults import Faults
from simulators.bybit.model import Order, VenueError

D = Decimal
SYMBOL = "BTCUSDT"


def act(x: Exchange, rng: Random, n: int) -> None:
    """One random request, or a move of the price."""
    market = x.markets[SYMBOL]
    near = market.last + D(rng.randrange(-3000, 3000)) / 10
    side = rng.choice(("Buy", "Sell"))
    down, up = str(market.last - rng.randrange(50, 900)), str(market.last + rng.randrange(50, 900))
    body: dict[str, Any] = {"category": "linear", "symbol": SYMBOL}
    open_orders = x.open_orders(SYMBOL)
    choice = rng.randrange(10)
    if choice < 4:
        body |= {"side": side, "qty": str(D(rng.randrange(1, 400)) / 1000), "orderLinkId": f"o-{n}"}
        body |= {"orderType": "Market"} if rng.random() < 0.4 else {"orderType": "Limit", "price": str(near)}
        body["timeInForce"] = rng.choice(("GTC", "IOC", "FOK", "PostOnly"))
        if rng.random() < 0.2:
            body["reduceOnly"] = True
        elif rng.random() < 0.7:
            body |= {"stopLoss": down, "takeProfit": up} if side == "Buy" else {"stopLoss": up, "takeProfit": down}
            if rng.random() < 0.2:
                body["tpslMode"] = "Partial"
        if rng.random() < 0.2:
            body |= {"triggerPrice": up, "triggerDirection": 1} if rng.random() < 0.5 else {}
        matching.create(x, body)
    elif choice == 4 and open_orders:
        body["orderId"] = rng.choice(open_orders).order_id
        matching.amend(x, body | rng.choice(({"price": str(near)}, {"qty": "0.2"}, {"triggerPrice": down})))
    elif choice == 5 and open_orders:
        matching.cancel(x, body | {"orderId": rng.choice(open_orders).order_id})
    elif choice == 6:
        what = rng.choice(({"stopLoss": down}, {"stopLoss": up}, {"stopLoss": "0"}, {"trailingStop": "200"}))
        stops.trading_stop(x, body | {"tpslMode": "Full", "positionIdx": 0} | what)
    else:
        market.trade(max(near, D(1000)), D(1), 0, None, None)
        market.refresh_book()
        matching.on_price(x, SYMBOL)


def check(x: Exchange) -> None:
    trades = [e for e in x.executions if e.exec_type != "Funding"]
    size = sum((e.qty * (1 if e.side == "Buy" else -1) for e in trades), D(0))
    position = x.position(SYMBOL)
    assert position.size == size
    assert (position.cost == 0) == (size == 0)
    assert x.wallet.balance == 1_000_000 + sum((e.pnl - e.fee for e in trades), D(0))
    by_order: dict[str, Decimal] = {}
    for e in trades:
        if e.order_id in x.orders:
            by_order[e.order_id] = by_order.get(e.order_id, D(0)) + e.qty
    assert by_order == {o.order_id: o.cum_qty for o in x.orders.values() if o.cum_qty}
    for order in x.orders.values():
        check_order(x, order)


def check_order(x: Exchange, order: Order) -> None:
    if order.is_open and order.is_child:
        assert x.position(SYMBOL).size * order.sign < 0, "an exit stands against its position"
        if order.covers_all and order.status == "Untriggered":
            assert order.qty == abs(x.position(SYMBOL).size)
    if order.status == "Filled":
        assert order.cum_qty >= order.qty
    elif order.is_open:
        assert order.cum_qty < order.qty
    if order.reduce_only and order.is_open and order.status != "Untriggered":
        assert x.position(SYMBOL).size * order.sign < 0
    assert order.status != "Triggered"


@pytest.mark.parametrize("seed", range(6))
def test_the_books_add_up(seed: int) -> None:
    rng = Random(seed)
    x = new_exchange(seed=seed, balance=D(1_000_000))
    faults = Faults(x.clock, Random(seed))
    x.tweaks = faults.tweaks
    if seed % 2:
        faults.storm(0.05)
        x.markets[SYMBOL].liquidity = D("0.15")
    refused = 0
    for n in range(400):
        try:
            act(x, rng, n)
        except VenueError:
            refused += 1
        if n % 10 == 0:
            check(x)
    check(x)
    assert len(x.executions) > 50
    assert 0 < refused < 250
