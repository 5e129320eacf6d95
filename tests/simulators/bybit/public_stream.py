"""The public stream: candles, tickers, trades and the book, each as its topic pushes it."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from aiohttp import web

from simulators.bybit.exchange import Exchange
from simulators.bybit.faults import Faults
from simulators.bybit.market import INTERVALS, Levels, Market, Trade, bucket, bucket_end
from simulators.bybit.model import Bar
from simulators.bybit.rest_market import book_levels, kline_row, ticker_fields
from simulators.bybit.socket import Connection, answer
from simulators.bybit.wire import at, text

DEPTHS = ("1", "50", "200", "1000")


class PublicStream:
    """Every public connection. Deltas are against what was last pushed, the same for all."""

    def __init__(self, exchange: Exchange, faults: Faults, new_id: Callable[[], str]) -> None:
        self.connections: list[Connection] = []
        self._x, self._faults, self._new_id = exchange, faults, new_id
        self._ticker: dict[str, dict[str, str]] = {}
        self._cross = 24_987_956_059

    async def handle(self, request: web.Request) -> web.StreamResponse:
        connection = Connection(request, self._new_id())
        self.connections.append(connection)
        try:
            return await connection.serve(self._on_message)
        finally:
            self.connections.remove(connection)

    def _on_message(self, connection: Connection, body: dict[str, Any]) -> None:
        op, args = str(body.get("op", "")), body.get("args")
        if op == "ping":
            return answer(connection, body, "ping", True, "pong")
        if op not in ("subscribe", "unsubscribe") or not isinstance(args, list) or not args:
            return answer(connection, body, op, False, "Params Error")
        topics = [str(arg) for arg in args]
        for topic in topics:
            if not self._known(topic):
                return answer(connection, body, op, False, f"error:handler not found,topic:{topic}")
        if op == "unsubscribe":
            connection.topics -= set(topics)
            return answer(connection, body, op, True)
        again = connection.topics & set(topics)
        if again:
            return answer(connection, body, op, False, f"error:already subscribed,topic:{min(again)}")
        connection.topics |= set(topics)
        answer(connection, body, op, True)
        for topic in topics:
            self._snapshot(connection, topic)
        return None

    def _known(self, topic: str) -> bool:
        kind, *rest = topic.split(".")
        symbol = rest[-1] if rest else ""
        if symbol not in self._x.markets:
            return False
        middle = rest[:-1]
        if kind == "kline":
            return len(middle) == 1 and middle[0] in INTERVALS
        if kind == "orderbook":
            return len(middle) == 1 and middle[0] in DEPTHS
        return kind in ("tickers", "publicTrade", "allLiquidation") and not middle

    def _snapshot(self, connection: Connection, topic: str) -> None:
        kind, *rest = topic.split(".")
        market = self._x.markets[rest[-1]]
        if kind == "tickers":
            connection.send(self._ticker_message(market, self._ticker_now(market), "snapshot"))
        elif kind == "orderbook":
            connection.send(self._book_message(topic, market, int(rest[0])))

    # --- pushes -----------------------------------------------------------------------------------------------------

    def moved(self, market: Market, trades: list[Trade], book: tuple[Levels, Levels]) -> None:
        """The market traded: push trades, ticker, book and open candles."""
        if self._faults.silent("public"):
            return
        symbol = market.instrument.symbol
        self._trades(symbol, trades)
        self.ticker(market)
        self._book(market, book)
        self.open_candles(market)

    def _trades(self, symbol: str, trades: list[Trade]) -> None:
        topic = f"publicTrade.{symbol}"
        rows = [
            {
                "T": t.time_ms,
                "s": symbol,
                "S": t.side,
                "v": text(t.qty),
                "p": at(t.price, self._x.instrument(symbol).tick),
                "L": "PlusTick" if t.side == "Buy" else "MinusTick",
                "i": t.id,
                "BT": False,
                "RPI": False,
                "seq": t.seq,
            }
            for t in trades
        ]
        if rows:
            self._push(topic, {"topic": topic, "type": "snapshot", "ts": self._x.clock.now_ms(), "data": rows})

    def ticker(self, market: Market) -> None:
        """Push the fields of the ticker that changed."""
        symbol = market.instrument.symbol
        old = self._ticker.get(symbol, {})
        new = self._fields(market)
        self._ticker[symbol] = new
        changed = {name: value for name, value in new.items() if old.get(name) != value}
        if changed and old:
            self._push(f"tickers.{symbol}", self._ticker_message(market, {"symbol": symbol} | changed, "delta"))

    def _ticker_now(self, market: Market) -> dict[str, str]:
        return self._ticker.setdefault(market.instrument.symbol, self._fields(market))

    def _fields(self, market: Market) -> dict[str, str]:
        side = market.trades[-1].side if market.trades else "Buy"
        return ticker_fields(market) | {"tickDirection": "PlusTick" if side == "Buy" else "MinusTick"}

    def _ticker_message(self, market: Market, fields: dict[str, str], kind: str) -> dict[str, Any]:
        self._cross += 1
        topic = f"tickers.{market.instrument.symbol}"
        now = self._x.clock.now_ms()
        return {"topic": topic, "type": kind, "data": dict(fields), "cs": self._cross, "ts": now}

    def _book_message(self, topic: str, market: Market, depth: int) -> dict[str, Any]:
        bids, asks = book_levels(market, depth)
        data = {"s": market.instrument.symbol, "b": bids, "a": asks, "u": market.u, "seq": market.seq}
        now = self._x.clock.now_ms()
        return {"topic": topic, "type": "snapshot", "ts": now, "data": data, "cts": now}

    def _book(self, market: Market, changed: tuple[Levels, Levels]) -> None:
        if not changed[0] and not changed[1]:
            return
        i = market.instrument
        if self._faults.skips_book(i.symbol):
            return  # u went on, the message did not
        top = f"orderbook.1.{i.symbol}"
        self._push(top, self._book_message(top, market, 1))

        def rows(levels: dict[Decimal, Decimal], falling: bool) -> list[list[str]]:
            return [
                [at(p, i.tick), at(levels[p], i.step) if levels[p] else "0"] for p in sorted(levels, reverse=falling)
            ]

        data = {
            "s": i.symbol,
            "b": rows(changed[0], True),
            "a": rows(changed[1], False),
            "u": market.u,
            "seq": market.seq,
        }
        now = self._x.clock.now_ms()
        for depth in DEPTHS[1:]:
            topic = f"orderbook.{depth}.{i.symbol}"
            self._push(topic, {"topic": topic, "type": "delta", "ts": now, "data": data, "cts": now})

    def restart_book(self, market: Market) -> None:
        """Push a fresh snapshot with u=1, as after a restart of the venue."""
        market.u = 1
        for depth in DEPTHS:
            topic = f"orderbook.{depth}.{market.instrument.symbol}"
            self._push(topic, self._book_message(topic, market, int(depth)))

    def closed(self, market: Market, bars: list[Bar]) -> None:
        """Candles closed: push those of each subscribed interval that end with them, confirmed."""
        if self._faults.silent("public"):
            return
        for bar in bars:
            end = bar.start_ms + market.base_ms
            for interval in self._intervals(market):
                start = bucket(interval, bar.start_ms)
                whole = market.candle(interval, start) if bucket_end(interval, start) == end else None
                if whole is not None:
                    self._candle(market, interval, whole, True)

    def open_candles(self, market: Market) -> None:
        """Push the open candle of each subscribed interval."""
        if not market.bars or self._faults.silent("public"):
            return
        for interval in self._intervals(market):
            bar = market.candle(interval, bucket(interval, market.bars[-1].start_ms))
            if bar is not None:
                self._candle(market, interval, bar, False)

    def _intervals(self, market: Market) -> set[str]:
        wanted = {topic for c in self.connections for topic in c.topics if topic.startswith("kline.")}
        suffix = f".{market.instrument.symbol}"
        return {topic.split(".")[1] for topic in wanted if topic.endswith(suffix)}

    def _candle(self, market: Market, interval: str, bar: Bar, confirm: bool) -> None:
        start, op, high, low, close, volume, turnover = kline_row(bar, market)
        now = self._x.clock.now_ms()
        row = {
            "start": int(start),
            "end": bucket_end(interval, bar.start_ms) - 1,
            "interval": interval,
            "open": op,
            "close": close,
            "high": high,
            "low": low,
            "volume": volume,
            "turnover": turnover,
            "confirm": confirm,
            "timestamp": now,
        }
        topic = f"kline.{interval}.{market.instrument.symbol}"
        self._push(topic, {"topic": topic, "data": [row], "ts": now, "type": "snapshot"})

    def _push(self, topic: str, message: dict[str, Any]) -> None:
        receivers = [c for c in self.connections if topic in c.topics]
        if receivers:
            for delay in self._faults.deliveries(topic):
                for connection in receivers:
                    connection.send(message, delay)

    def drop(self) -> None:
        for connection in list(self.connections):
            connection.drop()
