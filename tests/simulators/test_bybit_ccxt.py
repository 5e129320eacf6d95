"""ccxt's bybit client, written by others, trades against the simulated venue: a second opinion on its rules."""

from collections.abc import Iterator
from typing import Any

import ccxt
import pytest

from simulators.bybit import KEY, SECRET, BybitSimulator

BTC = "BTC/USDT:USDT"


@pytest.fixture(scope="module")
def venue() -> Iterator[BybitSimulator]:
    with BybitSimulator.in_thread() as running:
        yield running


@pytest.fixture(scope="module")
def api(venue: BybitSimulator) -> Iterator[Any]:
    client = ccxt_client(venue)
    client.load_markets()
    yield client
    client.session.close()


def ccxt_client(venue: BybitSimulator, secret: str = SECRET) -> Any:
    client = ccxt.bybit({"apiKey": KEY, "secret": secret, "enableRateLimit": False, "timeout": 3000})
    client.urls["api"] = dict.fromkeys(client.urls["api"], venue.rest_url)
    client.has["fetchCurrencies"] = False
    client.options["defaultType"] = "swap"
    return client


@pytest.fixture(autouse=True)
def flat(venue: BybitSimulator) -> Iterator[None]:
    venue.set_price("BTCUSDT", "60000")
    yield
    venue.faults.clear()
    venue.clock_offset_ms = 0
    if "BTCUSDT" in venue.positions:
        venue.manual_close("BTCUSDT")


def test_instruments_and_market_data(venue: BybitSimulator, api: Any) -> None:
    market = api.market(BTC)
    assert (market["linear"], market["precision"]["amount"], market["precision"]["price"]) == (True, 0.001, 0.1)
    assert market["limits"]["amount"]["min"] == 0.001
    assert api.fetch_ticker(BTC)["last"] == 60000
    assert api.fetch_order_book(BTC)["asks"][0][0] == 60000.1
    assert api.fetch_ohlcv(BTC, "1m")[-1][4] == 60000
    assert api.fetch_trades(BTC)[-1]["price"] == 60000
    assert api.fetch_funding_rate(BTC)["fundingRate"] == 0.0001
    assert api.fetch_time() > 0


def test_entry_with_stop_then_the_stop_triggers(venue: BybitSimulator, api: Any) -> None:
    more = {"stopLoss": {"triggerPrice": 59000}, "orderLinkId": "c-1"}
    order = api.create_order(BTC, "market", "buy", 0.1, None, more)
    position = api.fetch_position(BTC)
    assert (position["side"], position["contracts"], position["stopLossPrice"]) == ("long", 0.1, 59000)
    filled = api.fetch_closed_order(order["id"], BTC)
    assert (filled["status"], filled["average"], filled["clientOrderId"]) == ("closed", 60000.1, "c-1")
    stop = api.fetch_open_orders(BTC, params={"trigger": True})[0]
    assert (stop["reduceOnly"], stop["triggerPrice"]) == (True, 59000)
    venue.set_price("BTCUSDT", "58990")
    assert api.fetch_positions([BTC]) == [] or api.fetch_position(BTC)["contracts"] in (0, None)
    trades = api.fetch_my_trades(BTC)
    assert [trade["side"] for trade in trades[-2:]] == ["buy", "sell"]
    assert trades[-1]["price"] == 58990
    assert api.fetch_balance()["USDT"]["total"] == pytest.approx(float(venue.wallet.balance))


def test_limit_edit_cancel(venue: BybitSimulator, api: Any) -> None:
    order = api.create_order(BTC, "limit", "buy", 0.1, 59000, {"timeInForce": "PostOnly"})
    api.edit_order(order["id"], BTC, "limit", "buy", 0.2, 59100)
    open_order = api.fetch_open_order(order["id"], BTC)
    assert (open_order["price"], open_order["amount"], open_order["postOnly"]) == (59100, 0.2, True)
    api.cancel_order(order["id"], BTC)
    assert api.fetch_canceled_orders(BTC)[-1]["id"] == order["id"]
    with pytest.raises(ccxt.OrderNotFound):
        api.cancel_order(order["id"], BTC)


def test_refusals_are_what_ccxt_expects(venue: BybitSimulator, api: Any) -> None:
    with pytest.raises(ccxt.InvalidOrder):
        api.create_order(BTC, "market", "sell", 0.1, None, {"reduceOnly": True})
    api.create_order(BTC, "market", "buy", 0.1, None, {"orderLinkId": "c-2"})
    with pytest.raises(ccxt.InvalidOrder):
        api.create_order(BTC, "market", "buy", 0.1, None, {"orderLinkId": "c-2"})
    with pytest.raises(ccxt.InsufficientFunds):
        api.create_order(BTC, "market", "buy", 100)
    with pytest.raises(ccxt.AuthenticationError):
        ccxt_client(venue, "wrong").fetch_balance()
    venue.clock_offset_ms = 8000
    with pytest.raises(ccxt.InvalidNonce):
        api.fetch_balance()


def test_leverage_and_modes(venue: BybitSimulator, api: Any) -> None:
    api.set_leverage(7, BTC)
    with pytest.raises(ccxt.ExchangeError, match="110043"):
        api.set_leverage(7, BTC)
    with pytest.raises(ccxt.ExchangeError, match="110025"):
        api.set_position_mode(False, BTC)
    assert api.fetch_trading_fee(BTC)["taker"] == 0.00055


def test_broken_replies(venue: BybitSimulator, api: Any) -> None:
    venue.faults.http("order/create", 503)
    with pytest.raises(ccxt.NetworkError):
        api.create_order(BTC, "market", "buy", 0.1)
    venue.faults.ret_code("order/create", 10006)
    with pytest.raises(ccxt.RateLimitExceeded):
        api.create_order(BTC, "market", "buy", 0.1)
    assert "BTCUSDT" not in venue.positions
