"""REST without a key: time, instruments, candles, tickers, book, trades, funding."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from simulators.bybit import wire
from simulators.bybit.exchange import Exchange
from simulators.bybit.market import INTERVALS, Market
from simulators.bybit.model import Bar, VenueError
from simulators.bybit.paging import Query, limit_of, number
from simulators.bybit.wire import at, text

Result = dict[str, Any]


def linear_market(x: Exchange, query: Query) -> Market:
    if query.get("category", "linear") != "linear":
        raise VenueError(10001, "Not supported symbols")
    return x.market(query.get("symbol", ""))


def server_time(x: Exchange, _query: Query) -> Result:
    ns = x.clock.now_ns()
    return {"timeSecond": str(ns // 10**9), "timeNano": str(ns)}


def instruments(x: Exchange, query: Query) -> Result:
    category = query.get("category", "")
    if category not in ("linear", "inverse", "spot", "option"):
        raise VenueError(10001, "params error: category invalid")
    limit = limit_of(query, 500, 1000)
    found = [m.instrument for m in x.markets.values()] if category == "linear" else []
    if "symbol" in query:
        found = [i for i in found if i.symbol == query["symbol"]]
        if category == "linear" and not found:
            raise VenueError(10001, "params error: symbol invalid")
    status, base, cursor = query.get("status"), query.get("baseCoin"), query.get("cursor", "")
    found = [i for i in found if i.status == (status or i.status) and i.base == (base or i.base)]
    found = sorted((i for i in found if i.symbol > cursor), key=lambda i: i.symbol)
    rows, more = found[:limit], len(found) > limit
    return {
        "category": category,
        "list": [wire.instrument_row(i) for i in rows],
        "nextPageCursor": rows[-1].symbol if more else "",
    }


def kline_row(bar: Bar, market: Market) -> list[str]:
    tick = market.instrument.tick
    prices = [at(price, tick) for price in (bar.open, bar.high, bar.low, bar.close)]
    return [str(bar.start_ms), *prices, text(bar.volume), text(bar.volume * bar.close)]


def _candles(x: Exchange, query: Query) -> tuple[Market, list[Bar]]:
    market = linear_market(x, query)
    interval = query.get("interval", "")
    if interval not in INTERVALS:
        raise VenueError(10001, "Invalid period!")
    start, end = number(query, "start"), number(query, "end")
    return market, market.candles(interval, start, end, limit_of(query, 200, 1000))


def kline(x: Exchange, query: Query) -> Result:
    market, bars = _candles(x, query)
    rows = [kline_row(bar, market) for bar in bars]
    return {"symbol": market.instrument.symbol, "category": "linear", "list": rows}


def price_kline(x: Exchange, query: Query) -> Result:
    market, bars = _candles(x, query)
    rows = [kline_row(bar, market)[:5] for bar in bars]
    return {"symbol": market.instrument.symbol, "category": "linear", "list": rows}


def ticker_fields(market: Market) -> dict[str, str]:
    """What REST and the stream both say of a market."""
    m, i = market, market.instrument
    bid, ask = m.bid, m.ask
    return {
        "symbol": i.symbol,
        "lastPrice": at(m.last, i.tick),
        "indexPrice": at(m.index, i.tick),
        "markPrice": at(m.mark, i.tick),
        "prevPrice24h": at(m.open_24h, i.tick),
        "price24hPcnt": text(((m.last - m.open_24h) / m.open_24h).quantize(Decimal("0.000001"))),
        "highPrice24h": at(m.high_24h, i.tick),
        "lowPrice24h": at(m.low_24h, i.tick),
        "prevPrice1h": at(m.open_24h, i.tick),
        "openInterest": "50000",
        "openInterestValue": text(50000 * m.mark),
        "turnover24h": text(m.volume_24h * m.last),
        "volume24h": text(m.volume_24h),
        "fundingRate": text(m.funding_rate),
        "nextFundingTime": str(m.next_funding_ms),
        "ask1Size": at(m.asks.get(ask), i.step, "0"),
        "bid1Price": at(bid, i.tick),
        "ask1Price": at(ask, i.tick),
        "bid1Size": at(m.bids.get(bid), i.step, "0"),
        "fundingIntervalHour": str(i.funding_minutes // 60),
        "fundingCap": "0.005",
        "preOpenPrice": "",
        "preQty": "",
        "curPreListingPhase": "",
    }


def tickers(x: Exchange, query: Query) -> Result:
    category = query.get("category", "")
    if category not in ("linear", "inverse", "spot", "option"):
        raise VenueError(10001, "params error: category invalid")
    names = [query["symbol"]] if "symbol" in query else list(x.markets)
    more = {
        "predictedDeliveryPrice": "",
        "basisRate": "",
        "deliveryFeeRate": "",
        "deliveryTime": "0",
        "basis": "",
        "basisRateYear": "",
    }
    rows = [ticker_fields(x.market(name)) | more for name in names] if category == "linear" else []
    return {"category": category, "list": rows}


def funding_history(x: Exchange, query: Query) -> Result:
    market = linear_market(x, query)
    start, end = number(query, "startTime"), number(query, "endTime")
    if start is not None and end is None:
        raise VenueError(10001, "params error: endTime is required with startTime")
    limit = limit_of(query, 200, 200)
    last = end if end is not None else x.clock.now_ms()
    chosen = [(ts, rate) for ts, rate in market.funding_history if (start or 0) <= ts <= last]
    rows = [
        {"symbol": market.instrument.symbol, "fundingRate": text(rate), "fundingRateTimestamp": str(ts)}
        for ts, rate in sorted(chosen, reverse=True)[:limit]
    ]
    return {"category": "linear", "list": rows}


def order_book(x: Exchange, query: Query) -> Result:
    market = linear_market(x, query)
    limit = limit_of(query, 25, 1000)
    now = x.clock.now_ms()
    bids, asks = book_levels(market, limit)
    return {
        "s": market.instrument.symbol,
        "b": bids,
        "a": asks,
        "ts": now,
        "u": market.u,
        "seq": market.seq,
        "cts": now,
    }


def book_levels(market: Market, depth: int) -> tuple[list[list[str]], list[list[str]]]:
    """Bids descending, asks ascending."""
    i = market.instrument

    def rows(levels: dict[Decimal, Decimal], falling: bool) -> list[list[str]]:
        best = sorted(levels, reverse=falling)[:depth]
        return [[at(price, i.tick), at(levels[price], i.step)] for price in best]

    return rows(market.bids, True), rows(market.asks, False)


def recent_trades(x: Exchange, query: Query) -> Result:
    market = linear_market(x, query)
    limit = limit_of(query, 500, 1000)
    i = market.instrument
    rows = [
        {
            "execId": t.id,
            "symbol": i.symbol,
            "price": at(t.price, i.tick),
            "size": text(t.qty),
            "side": t.side,
            "time": str(t.time_ms),
            "isBlockTrade": False,
            "isRPITrade": False,
            "seq": str(t.seq),
        }
        for t in list(market.trades)[::-1][:limit]
    ]
    return {"category": "linear", "list": rows}


PUBLIC: dict[str, Callable[[Exchange, Query], Result]] = {
    "market/time": server_time,
    "market/instruments-info": instruments,
    "market/kline": kline,
    "market/mark-price-kline": price_kline,
    "market/index-price-kline": price_kline,
    "market/tickers": tickers,
    "market/funding/history": funding_history,
    "market/orderbook": order_book,
    "market/recent-trade": recent_trades,
}
