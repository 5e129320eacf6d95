"""Messages of the public stream as typed rows. What cannot be decoded is None, never an exception.

Numbers arrive as text. They are floats here, as everywhere in market data, and finite.
"""

import math
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from tradeterm.domain.market import Bar

Number = str | float
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are not what they should be."""


class Reply(Struct):
    """An answer to subscribe, unsubscribe or ping."""

    op: str = ""
    success: bool | None = None
    ret_msg: str = ""
    req_id: str = ""


class KlineRow(Struct):
    start: int
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    confirm: bool


class KlineMessage(Struct):
    topic: str
    data: list[KlineRow]
    ts: int = 0


class TickerRow(Struct, rename="camel"):
    """Of a delta's fields, those that are missing are unchanged."""

    last_price: Number | None = None
    bid1_price: Number | None = None
    bid1_size: Number | None = None
    ask1_price: Number | None = None
    ask1_size: Number | None = None
    funding_rate: Number | None = None
    next_funding_time: str | int | None = None


class TickerMessage(Struct):
    topic: str
    type: str
    data: TickerRow
    ts: int = 0


class TradeRow(Struct):
    T: int
    p: Number


class TradeMessage(Struct):
    topic: str
    data: list[TradeRow]
    ts: int = 0


class BookRow(Struct):
    b: list[tuple[Number, Number]]
    a: list[tuple[Number, Number]]
    u: int


class BookMessage(Struct):
    topic: str
    type: str
    data: BookRow
    ts: int = 0


Message = KlineMessage | TickerMessage | TradeMessage | BookMessage | Reply


class _Head(Struct):
    topic: str = ""


_head = msgspec.json.Decoder(_Head)
_reply = msgspec.json.Decoder(Reply)
_kline = msgspec.json.Decoder(KlineMessage)
_ticker = msgspec.json.Decoder(TickerMessage)
_trade = msgspec.json.Decoder(TradeMessage)
_book = msgspec.json.Decoder(BookMessage)


def topic_of(data: bytes) -> str:
    """The topic of a message, empty for a reply; "unreadable" where the bytes are no JSON object."""
    start = data.find(b'"topic":"', 0, 64)  # as the venue writes it: no need to read the whole message twice
    if start >= 0:
        start += 9
        end = data.find(b'"', start, start + 64)
        if end >= 0:
            return data[start:end].decode("ascii", "replace")
    try:
        return _head.decode(data).topic
    except UNREADABLE:
        return "unreadable"


def decode(data: bytes, topic: str) -> Message | None:
    """The message of that topic, or None if it is none. Its own topic may still be another: look at it."""
    try:
        if topic.startswith("orderbook."):
            return _book.decode(data)
        if topic.startswith("tickers."):
            return _ticker.decode(data)
        if topic.startswith("publicTrade."):
            return _trade.decode(data)
        if topic.startswith("kline."):
            return _kline.decode(data)
        return _reply.decode(data) if not topic else None
    except UNREADABLE:
        return None


def kind_of(topic: str) -> str:
    """The first part of a topic: kline, tickers, publicTrade or orderbook."""
    return topic.partition(".")[0]


def symbol_of(topic: str) -> str:
    return topic.rpartition(".")[2]


def number(value: Number | None) -> float | None:
    """A finite number, or None: venues write "" for what does not exist."""
    if value is None:
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def price(value: Number | None) -> float | None:
    """A finite number above zero, or None."""
    found = number(value)
    return found if found is not None and found > 0 else None


def milliseconds(value: str | int | None) -> int | None:
    """A time that can be one (UTC ms, above zero), or None."""
    try:
        found = int(value) if value is not None else 0
    except ValueError:  # also for more digits than Python reads
        return None
    return found if 0 < found < 10**14 else None


def bar(instrument: str, interval_ms: int, start: int, values: Sequence[Number], ts_recv: int) -> Bar | None:
    """A bar of open, high, low, close, volume; None unless the prices are possible and it opens on the interval's
    grid."""
    numbers = [number(value) for value in values]
    if any(value is None for value in numbers) or start % interval_ms or not 0 < start < 10**14:
        return None
    o, h, low, c, v = (value for value in numbers if value is not None)
    if not (0 < low <= min(o, c) and max(o, c) <= h and v >= 0):
        return None
    return Bar(instrument, interval_ms, start, o, h, low, c, v, ts_recv)
