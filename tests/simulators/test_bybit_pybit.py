"""pybit, the client the engine uses, trades against the simulated venue from its own thread."""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from decimal import Decimal

import pytest
import requests
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP

from simulators.bybit import KEY, SECRET, BybitSimulator

D = Decimal


@pytest.fixture
def venue() -> Iterator[BybitSimulator]:
    with BybitSimulator.in_thread() as running:
        yield running


@pytest.fixture
def api(venue: BybitSimulator) -> Iterator[HTTP]:
    client = pybit(venue)
    yield client
    client.client.close()


def pybit(venue: BybitSimulator, secret: str = SECRET, **settings: object) -> HTTP:
    client = HTTP(api_key=KEY, api_secret=secret, **({"retry_codes": {-99999}, "timeout": 2} | settings))
    client.endpoint = venue.rest_url
    return client


def entry(api: HTTP, side: str = "Buy", qty: str = "0.1", **more: object) -> dict[str, object]:
    fields = {"category": "linear", "symbol": "BTCUSDT", "side": side, "orderType": "Market", "qty": qty}
    reply: dict[str, object] = api.place_order(**(fields | more))
    return reply


def refused(code: int) -> AbstractContextManager[object]:
    return pytest.raises(InvalidRequestError, check=lambda error: error.status_code == code)


BTC = {"category": "linear", "symbol": "BTCUSDT"}


def test_entry_with_stop_then_the_stop_triggers(venue: BybitSimulator, api: HTTP) -> None:
    entry(api, stopLoss="59000", takeProfit="63000", tpslMode="Full", slTriggerBy="LastPrice", orderLinkId="eos-1")
    position = api.get_positions(**BTC)["result"]["list"][0]
    assert (position["side"], position["size"], position["stopLoss"]) == ("Buy", "0.100", "59000.00")
    children = {o["stopOrderType"]: o for o in api.get_open_orders(**BTC)["result"]["list"]}
    assert set(children) == {"StopLoss", "TakeProfit"}
    api.set_trading_stop(**BTC, tpslMode="Full", positionIdx=0, stopLoss="59500")
    api.amend_order(**BTC, orderId=children["StopLoss"]["orderId"], triggerPrice="59600")
    venue.set_price("BTCUSDT", "59590")
    fills = api.get_executions(**BTC)["result"]["list"]
    assert [(f["side"], f["execPrice"], f["stopOrderType"]) for f in fills] == [
        ("Sell", "59590.00", "StopLoss"),
        ("Buy", "60000.10", "UNKNOWN"),
    ]
    assert api.get_positions(**BTC)["result"]["list"][0]["size"] == "0"
    assert api.get_positions(category="linear", settleCoin="USDT")["result"]["list"] == []
    assert venue.naked_intervals() == []


def test_limit_amend_cancel(venue: BybitSimulator, api: HTTP) -> None:
    entry(api, orderType="Limit", price="59000", timeInForce="PostOnly", orderLinkId="eos-2")
    api.amend_order(**BTC, orderLinkId="eos-2", price="59100")
    assert api.get_open_orders(**BTC)["result"]["list"][0]["price"] == "59100.00"
    api.cancel_order(**BTC, orderLinkId="eos-2")
    with refused(110001):
        api.cancel_order(**BTC, orderLinkId="eos-2")
    assert api.get_open_orders(**BTC)["result"]["list"] == []
    assert api.get_open_orders(**BTC, orderLinkId="eos-2")["result"]["list"][0]["orderStatus"] == "Cancelled"
    assert api.get_order_history(**BTC)["result"]["list"][0]["cancelType"] == "CancelByUser"
    entry(api, orderType="Limit", price="59000")
    assert len(api.cancel_all_orders(category="linear", settleCoin="USDT")["result"]["list"]) == 1


def test_reduce_only_duplicates_leverage_and_modes(venue: BybitSimulator, api: HTTP) -> None:
    with refused(110017):
        entry(api, "Sell", reduceOnly=True)
    entry(api, orderLinkId="eos-3")
    with refused(110072):
        entry(api, orderLinkId="eos-3")
    entry(api, "Sell", "0", reduceOnly=True, closeOnTrigger=True)
    assert venue.positions == {}
    with refused(110025):
        api.switch_position_mode(category="linear", symbol="BTCUSDT", mode=0)
    api.set_leverage(**BTC, buyLeverage="20", sellLeverage="20")
    with refused(110043):
        api.set_leverage(**BTC, buyLeverage="20", sellLeverage="20")
    api.set_margin_mode(setMarginMode="ISOLATED_MARGIN")
    assert api.get_account_info()["result"]["marginMode"] == "ISOLATED_MARGIN"
    assert api.get_fee_rates(**BTC)["result"]["list"][0]["takerFeeRate"] == "0.00055"


def test_wrong_signature_and_wrong_clock(venue: BybitSimulator, api: HTTP) -> None:
    with refused(10004):
        pybit(venue, "wrong").get_wallet_balance(accountType="UNIFIED")
    venue.clock_offset_ms = 6000
    with refused(10002):
        entry(api)
    venue.clock_offset_ms = -1500
    with refused(10002):
        entry(api)
    assert venue.orders == ()


def test_cursors_go_back_as_they_came(venue: BybitSimulator, api: HTTP) -> None:
    for n in range(5):
        entry(api, qty="0.001", orderLinkId=f"p-{n}")
    seen: list[str] = []
    cursor = None
    while cursor != "":
        page = api.get_executions(**BTC, limit=2, cursor=cursor)["result"]
        seen += [row["orderLinkId"] for row in page["list"]]
        cursor = page["nextPageCursor"]
    assert seen == ["p-4", "p-3", "p-2", "p-1", "p-0"]


def test_market_data(venue: BybitSimulator, api: HTTP) -> None:
    venue.set_price("BTCUSDT", "60010")
    assert int(api.get_server_time()["result"]["timeNano"]) > 0
    rows = api.get_instruments_info(category="linear", limit=4)["result"]
    more = api.get_instruments_info(category="linear", limit=4, cursor=rows["nextPageCursor"])["result"]
    assert len({row["symbol"] for row in rows["list"] + more["list"]}) == 6
    assert api.get_tickers(**BTC)["result"]["list"][0]["lastPrice"] == "60010.00"
    assert api.get_kline(**BTC, interval="1")["result"]["list"][0][4] == "60010.00"
    assert api.get_orderbook(**BTC)["result"]["b"][0][0] == "60010.00"
    assert api.get_public_trade_history(**BTC)["result"]["list"][0]["price"] == "60010.00"
    assert len(api.get_funding_rate_history(**BTC, limit=5)["result"]["list"]) == 5


def test_an_accepted_order_whose_reply_never_comes_is_found_by_its_link_id(venue: BybitSimulator, api: HTTP) -> None:
    venue.faults.timeout("order/create", after=True, seconds=5)
    with pytest.raises(requests.exceptions.ReadTimeout):
        entry(pybit(venue, timeout=0.3), orderLinkId="eos-4", stopLoss="59000")
    with refused(110072):
        entry(api, orderLinkId="eos-4", stopLoss="59000")
    found = api.get_open_orders(**BTC, orderLinkId="eos-4")["result"]["list"][0]
    assert (found["orderStatus"], found["cumExecQty"]) == ("Filled", "0.100")
    assert [fault.name for fault in venue.fault_log] == ["timeout after acceptance"]


def test_what_pybit_makes_of_each_broken_reply(venue: BybitSimulator, api: HTTP) -> None:
    faults = venue.faults
    faults.timeout("order/create", after=False, seconds=5)
    with pytest.raises(requests.exceptions.ReadTimeout):
        entry(pybit(venue, timeout=0.3))
    for after in (False, True):
        faults.reset("order/create", after=after)
        with pytest.raises(requests.exceptions.ConnectionError):
            entry(api, orderLinkId=f"reset-{after}")
    for status in (500, 502, 503, 403, 429):
        faults.http("order/create", status)
        with pytest.raises(FailedRequestError, check=lambda error, status=status: error.status_code == status):
            entry(api)
    for broken in (faults.gateway_page, faults.unreadable):
        broken("order/create")
        with pytest.raises(FailedRequestError, check=lambda error: error.status_code == 409):
            entry(api, orderLinkId=f"{broken.__name__}")
    for code in (10000, 10002, 10003, 10004, 10005, 10006, 10010, 10016, 33004, 110007):
        faults.ret_code("order/create", code)
        with refused(code):
            entry(api)
    faults.rate_limited("order/create", reset_in_ms=-500)
    with refused(10006):
        entry(api)
    assert [order.link_id for order in venue.orders] == ["reset-True", "gateway_page", "unreadable"]
    assert len(venue.fault_log) == 21


def test_pybits_own_retry_trips_over_a_reset_in_the_past(venue: BybitSimulator) -> None:
    venue.faults.rate_limited("order/create", reset_in_ms=-500)
    with pytest.raises(ValueError, match="non-negative"):
        entry(pybit(venue, retry_codes={10006}))


def test_the_venue_can_go_down_and_come_back_where_it_was(venue: BybitSimulator, api: HTTP) -> None:
    entry(api, orderLinkId="before")
    venue.go_down(0.3)
    up: list[bool] = []
    while up[-2:] != [False, True]:
        api.client.close()  # a connection that is kept may outlive the listener
        try:
            api.get_server_time()
        except requests.exceptions.ConnectionError:
            up.append(False)
        else:
            up.append(True)
        time.sleep(0.02)
    assert api.get_open_orders(**BTC, orderLinkId="before")["result"]["list"][0]["orderStatus"] == "Filled"
