"""The simulated venue's rows have the fields of recorded and documented ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulators.bybit import BybitSimulator
from simulators.bybit.kit import Client, client, private, public, read

pytestmark = pytest.mark.shared


@pytest.fixture
def fixtures() -> Path:
    for folder in Path(__file__).resolve().parents:
        found = folder.parent / "shared" / "fixtures" / "bybit"
        if found.is_dir():
            return found
    pytest.skip("the recorded payloads are not here")


# Fields of the examples that the simulator leaves out on purpose.
ABSENT = {
    "rest_position_list_inverse.json": {"mmrSysUpdateTime"},  # misspelt in the example
    "rest_instruments_linear.json": set(),
}


def load(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def first_row(payload: Any) -> dict[str, Any]:
    data = payload.get("result", payload.get("data"))
    rows = data.get("list", data) if isinstance(data, dict) else data
    row: dict[str, Any] = rows[0] if isinstance(rows, list) else rows
    return row


def compare(ours: dict[str, Any], theirs: dict[str, Any], where: str, absent: set[str]) -> None:
    missing = set(theirs) - set(ours) - absent
    assert not missing, f"{where}: {sorted(missing)}"
    for name, value in theirs.items():
        if name in ours and value is not None and ours[name] is not None:
            assert type(ours[name]) is type(value), f"{where}.{name}: {ours[name]!r}, recorded {value!r}"


async def act(c: Client) -> None:
    """Trade so that every list has a row."""
    await c.order(orderLinkId="l-1", stopLoss="59000", takeProfit="65000")
    await c.order("Sell", "0.05", reduceOnly=True)
    await c.order(kind="Limit", price="59000", orderLinkId="l-2")


REST = {
    "rest_order_realtime.json": ("order/realtime", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_execution_list.json": ("execution/list", {"category": "linear"}),
    "rest_position_list_inverse.json": ("position/list", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_wallet_balance.json": ("account/wallet-balance", {"accountType": "UNIFIED"}),
    "rest_account_info.json": ("account/info", {}),
    "rest_fee_rate.json": ("account/fee-rate", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_closed_pnl.json": ("position/closed-pnl", {"category": "linear"}),
    "rest_instruments_linear.json": ("market/instruments-info", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_tickers_inverse.json": ("market/tickers", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_funding_history.json": ("market/funding/history", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_recent_trade_spot.json": ("market/recent-trade", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_orderbook_spot.json": ("market/orderbook", {"category": "linear", "symbol": "BTCUSDT"}),
    "rest_server_time.json": ("market/time", {}),
}


async def test_rest_rows(fixtures: Path) -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        venue.set_price("BTCUSDT", "60000")
        await act(c)
        for name, (endpoint, query) in REST.items():
            ours, theirs = await c.get(endpoint, **query), load(fixtures, name)
            assert ours["retCode"] == 0, endpoint
            if "list" in theirs["result"]:
                assert set(theirs["result"]) <= set(ours["result"]), endpoint
            compare(first_row(ours), first_row(theirs), endpoint, ABSENT.get(name, set()))
        ours = (await c.get("market/instruments-info", category="linear", symbol="BTCUSDT"))["result"]["list"][0]
        theirs = load(fixtures, "rest_instruments_linear.json")["result"]["list"][0]
        for name in ("priceFilter", "lotSizeFilter", "leverageFilter", "riskParameters"):
            assert set(ours[name]) == set(theirs[name])


async def test_candles_newest_first_in_strings(fixtures: Path) -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        venue.set_price("BTCUSDT", "60000")
        ours = await c.get("market/kline", category="linear", symbol="BTCUSDT", interval=1)
        theirs = load(fixtures, "rest_kline_inverse.json")
        assert set(theirs["result"]) == set(ours["result"])
        assert [type(v) for v in ours["result"]["list"][0]] == [type(v) for v in theirs["result"]["list"][0]]


PUSHES = {
    "order": "nt_ws_account_order.json",
    "execution": "ws_execution_linear.json",
    "position": "ws_position_flat_hedge.json",
    "wallet": "ws_wallet.json",
}


async def test_private_pushes(fixtures: Path) -> None:
    async with BybitSimulator() as venue, client(venue) as c, private(venue, *PUSHES) as socket:
        await act(c)
        seen = {m["topic"]: m for m in await read(socket, 9)}
        for topic, name in PUSHES.items():
            theirs = load(fixtures, name)
            assert set(theirs) == set(seen[topic])
            compare(seen[topic]["data"][0], theirs["data"][0], topic, {"takeProfit"} if topic == "order" else set())


async def test_public_pushes(fixtures: Path) -> None:
    names = {
        "kline.5.BTCUSDT": "ws_kline_open_candle.json",
        "publicTrade.BTCUSDT": "ws_public_trade.json",
        "orderbook.50.BTCUSDT": "ws_orderbook_delta.json",
        "tickers.BTCUSDT": "ws_ticker_linear_snapshot.json",
    }
    async with BybitSimulator() as venue, public(venue, *names) as socket:
        snapshots = {m["topic"]: m for m in await read(socket, 2)}
        venue.set_price("BTCUSDT", "60001")
        pushed = {m["topic"]: m for m in await read(socket, 4)}
        for topic, name in names.items():
            ours = (snapshots if topic.startswith("tickers") else pushed)[topic]
            theirs = load(fixtures, name)
            assert set(theirs) <= set(ours)
            if topic.startswith("tickers"):
                compare(ours["data"], theirs["data"], topic, set())
            elif isinstance(theirs["data"], list):
                compare(ours["data"][0], theirs["data"][0], topic, set())
            else:
                compare(ours["data"], theirs["data"], topic, set())


async def test_acknowledgements(fixtures: Path) -> None:
    async with BybitSimulator() as venue, client(venue) as c:
        created = await c.order(orderLinkId="l-1")
        assert set(created["result"]) == set(load(fixtures, "rest_order_create_ack.json")["result"])
        listed = await c.post("order/cancel-all", category="linear", symbol="BTCUSDT")
        assert set(listed["result"]) == set(load(fixtures, "rest_order_cancel_all.json")["result"])
        assert set(load(fixtures, "rest_envelope_ok.json")) == set(created)
