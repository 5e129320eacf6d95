"""Messages of the public stream as typed rows. What cannot be decoded is None, never an exception.

Numbers arrive as text, and become floats, finite ones, while they are decoded.
"""

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from tradeterm.domain.market import Bar

Number = str | float
Price = Annotated[float, Meta(gt=0, lt=1e15)]
Size = Annotated[float, Meta(ge=0, lt=1e18)]
Rate = Annotated[float, Meta(gt=-1, lt=1)]
Stamp = Annotated[int, Meta(gt=0, lt=10**14)]
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
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Size
    confirm: bool


class KlineMessage(Struct):
    topic: str
    data: list[KlineRow]
    ts: int = 0


class TickerRow(Struct, rename="camel"):
    """UNSET is unchanged, None is what does not exist (the venue writes "")."""

    last_price: Price | UnsetType | None = UNSET
    bid1_price: Price | UnsetType | None = UNSET
    bid1_size: Size | UnsetType | None = UNSET
    ask1_price: Price | UnsetType | None = UNSET
    ask1_size: Size | UnsetType | None = UNSET
    funding_rate: Rate | UnsetType | None = UNSET
    next_funding_time: Stamp | UnsetType | None = UNSET
    open_interest: Size | UnsetType | None = UNSET


class TickerMessage(Struct):
    topic: str
    type: str
    data: TickerRow
    ts: int = 0


class _TickerText(Struct):
    topic: str
    type: str
    data: dict[str, Any]
    ts: int = 0


_TICKER_TYPES = {"lastPrice": Price, "bid1Price": Price, "bid1Size": Size, "ask1Price": Price, "ask1Size": Size,
                 "fundingRate": Rate, "nextFundingTime": Stamp, "openInterest": Size}  # fmt: skip


class TradeRow(Struct):
    T: int
    p: Price


class TradeMessage(Struct):
    topic: str
    data: list[TradeRow]
    ts: int = 0


class BookRow(Struct):
    b: list[tuple[Price, Size]]
    a: list[tuple[Price, Size]]
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
_ticker = msgspec.json.Decoder(TickerMessage, strict=False)
_ticker_text = msgspec.json.Decoder(_TickerText)


def _read_ticker(data: bytes) -> TickerMessage:
    """Field by field where one of them is no number, as "" is none: the others still count."""
    try:
        return _ticker.decode(data)
    except msgspec.ValidationError:
        text = _ticker_text.decode(data)
    fields = {name: value for name, value in text.data.items() if name in _TICKER_TYPES}
    row = {name: _or_none(value, _TICKER_TYPES[name]) for name, value in fields.items()}
    return TickerMessage(text.topic, text.type, msgspec.convert(row, TickerRow), text.ts)


def _or_none(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        return None


READERS: Mapping[str, Callable[[bytes], Message]] = {
    "": msgspec.json.Decoder(Reply).decode,
    "kline": msgspec.json.Decoder(KlineMessage, strict=False).decode,
    "tickers": _read_ticker,
    "publicTrade": msgspec.json.Decoder(TradeMessage, strict=False).decode,
    "orderbook": msgspec.json.Decoder(BookMessage, strict=False).decode,
}
"""By the first part of the topic; a reply has none. They raise what is in UNREADABLE."""


def topic_of(data: bytes) -> str:
    """The topic of a message, empty for a reply; "unreadable" where the bytes are no JSON object."""
    if quick := quick_topic(data):
        return quick.decode("ascii", "replace")
    try:
        return _head.decode(data).topic
    except UNREADABLE:
        return "unreadable"


def quick_topic(data: bytes) -> bytes:
    """The topic where the venue usually writes it, which spares reading the message twice; else empty. A guess: the
    decoded message has the last word."""
    start = data.find(b'"topic":"', 0, 64) + 9
    if start < 9:
        return b""
    return data[start : data.find(b'"', start, start + 64)]


def decode(data: bytes, topic: str) -> Message | None:
    """The message of that topic, or None if it is none. Its own topic may still be another: look at it."""
    read = READERS.get(kind_of(topic))
    try:
        return None if read is None else read(data)
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


def milliseconds(value: str | int | None) -> int | None:
    """A time that can be one (UTC ms, above zero), or None."""
    try:
        found = int(value) if value is not None else 0
    except ValueError:  # also for more digits than Python reads
        return None
    return found if 0 < found < 10**14 else None


def bar(
    instrument: str, interval_ms: int, start: int, o: float, h: float, low: float, c: float, v: float, ts_recv: int
) -> Bar | None:
    """A bar; None unless its prices and volume are possible and it opens on the interval's grid."""
    if start % interval_ms or not 0 < start < 10**14:
        return None
    if not (0 < low <= o <= h < math.inf and low <= c <= h and 0 <= v < math.inf):
        return None
    return Bar(instrument, interval_ms, start, o, h, low, c, v, ts_recv)
