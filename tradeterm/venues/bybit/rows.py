"""Rows of Bybit's private data, read without trust: whatever a field holds, reading it never raises.

Numbers travel as strings. "" and null mean "not said"; a number that is not finite, or absurd, counts as not said too.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation

from msgspec import Struct

from tradeterm.venues.trouble import plain

_LARGEST_EXPONENT = 30
_LONGEST_NUMBER = 64
_LATEST_MS = 1 << 43

Row = Mapping[str, object]


class OrderRow(Struct, frozen=True, kw_only=True):
    """An order as REST and the stream show it. Quantities in base units, times in UTC ms (0: not said)."""

    symbol: str
    order_id: str
    link_id: str
    parent_link_id: str
    status: str
    side: str
    order_type: str
    stop_type: str
    time_in_force: str
    quantity: Decimal
    filled: Decimal
    average_price: Decimal | None
    price: Decimal | None
    trigger_price: Decimal | None
    trigger_direction: int
    stop_loss: Decimal | None
    take_profit: Decimal | None
    reduce_only: bool
    close_on_trigger: bool
    position_index: int
    cancel_type: str
    reject_reason: str
    created: int
    updated: int


class ExecutionRow(Struct, frozen=True, kw_only=True):
    """One execution. `fee` is positive when we pay; funding comes as an execution too."""

    symbol: str
    exec_id: str
    kind: str
    order_id: str
    link_id: str
    side: str
    quantity: Decimal | None
    price: Decimal | None
    fee: Decimal | None
    fee_currency: str
    stop_type: str
    maker: bool
    ts: int


class PositionRow(Struct, frozen=True, kw_only=True):
    symbol: str
    index: int
    side: str
    size: Decimal | None
    average_price: Decimal | None
    leverage: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    sequence: int


def read_order(row: Row) -> OrderRow | None:
    """None for a row of another category, or without symbol or order id."""
    symbol, order_id = text(row, "symbol"), text(row, "orderId")
    if not symbol or not order_id or text(row, "category") not in ("", "linear"):
        return None
    return OrderRow(
        symbol=symbol,
        order_id=order_id,
        link_id=text(row, "orderLinkId"),
        parent_link_id=text(row, "parentOrderLinkId"),
        status=text(row, "orderStatus"),
        side=text(row, "side"),
        order_type=text(row, "orderType"),
        stop_type=text(row, "stopOrderType"),
        time_in_force=text(row, "timeInForce"),
        quantity=_at_least_zero(row, "qty"),
        filled=_at_least_zero(row, "cumExecQty"),
        average_price=positive(row, "avgPrice"),
        price=positive(row, "price"),
        trigger_price=positive(row, "triggerPrice"),
        trigger_direction=whole(row, "triggerDirection"),
        stop_loss=positive(row, "stopLoss"),
        take_profit=positive(row, "takeProfit"),
        reduce_only=flag(row, "reduceOnly"),
        close_on_trigger=flag(row, "closeOnTrigger"),
        position_index=whole(row, "positionIdx"),
        cancel_type=text(row, "cancelType"),
        reject_reason=text(row, "rejectReason"),
        created=time_ms(row, "createdTime"),
        updated=time_ms(row, "updatedTime"),
    )


def read_execution(row: Row) -> ExecutionRow | None:
    """None for a row of another category, or without symbol or execution id."""
    symbol, exec_id = text(row, "symbol"), text(row, "execId")
    if not symbol or not exec_id or text(row, "category") not in ("", "linear"):
        return None
    currency = text(row, "feeCurrency")
    fee = number(row, "execFee")
    return ExecutionRow(
        symbol=symbol,
        exec_id=exec_id,
        kind=text(row, "execType"),
        order_id=text(row, "orderId"),
        link_id=text(row, "orderLinkId"),
        side=text(row, "side"),
        quantity=positive(row, "execQty"),
        price=positive(row, "execPrice"),
        fee=None if fee is None else fee + _extra_fees(row, currency),
        fee_currency=currency,
        stop_type=text(row, "stopOrderType"),
        maker=flag(row, "isMaker"),
        ts=time_ms(row, "execTime"),
    )


def read_position(row: Row) -> PositionRow | None:
    symbol = text(row, "symbol")
    if not symbol or text(row, "category") not in ("", "linear"):
        return None
    return PositionRow(
        symbol=symbol,
        index=whole(row, "positionIdx"),
        side=text(row, "side"),
        size=number(row, "size"),
        average_price=positive(row, "avgPrice") or positive(row, "entryPrice"),
        leverage=positive(row, "leverage"),
        stop_loss=positive(row, "stopLoss"),
        take_profit=positive(row, "takeProfit"),
        sequence=whole(row, "seq"),
    )


def rows_of(data: object) -> Iterator[Row]:
    """The rows of a list; anything else in it is passed over."""
    if isinstance(data, list):
        yield from (row for row in data if isinstance(row, dict))


def text(row: Row, key: str) -> str:
    """A short word of the venue (an id, a state); "" if it is none."""
    value = row.get(key)
    return plain(value) if isinstance(value, str) else ""


def number(row: Row, key: str) -> Decimal | None:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)) or value == "":
        return None
    written = value if isinstance(value, str) else repr(value)
    if len(written) > _LONGEST_NUMBER:
        return None
    try:
        found = Decimal(written)
    except InvalidOperation:
        return None
    sane = found.is_finite() and abs(found.adjusted()) <= _LARGEST_EXPONENT
    return found if sane and abs(int(found.as_tuple().exponent)) <= _LONGEST_NUMBER else None


def positive(row: Row, key: str) -> Decimal | None:
    """A number above zero; Bybit writes 0 where there is no such price."""
    found = number(row, key)
    return found if found is not None and found > 0 else None


def whole(row: Row, key: str) -> int:
    value = row.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 1 << 63 else 0
    if isinstance(value, str) and len(value) <= 20 and value.isascii() and value.lstrip("-").isdigit():
        return int(value) if value.count("-") <= 1 else 0
    return 0


def time_ms(row: Row, key: str) -> int:
    found = whole(row, key)
    return found if 0 < found < _LATEST_MS else 0


def flag(row: Row, key: str) -> bool:
    value = row.get(key)
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _at_least_zero(row: Row, key: str) -> Decimal:
    return positive(row, key) or Decimal(0)


def _extra_fees(row: Row, currency: str) -> Decimal:
    """Taxes a country puts on fees; they are paid beside `execFee`."""
    total = Decimal(0)
    for extra in rows_of(row.get("extraFees")):
        if text(extra, "feeCoin") in ("", currency or text(extra, "feeCoin")):
            total += number(extra, "fee") or Decimal(0)
    return total
