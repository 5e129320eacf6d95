"""Facts for the ledger's tests: short makers, and strategies for every type of fact."""

import types
import typing
from decimal import Decimal
from enum import Enum
from typing import Any

from hypothesis import strategies as st
from msgspec import Struct

from tradeterm.domain.facts import EquityPoint, OrderEventFact, SignalFact, Trade
from tradeterm.domain.orders import (
    Fill,
    Liquidity,
    Order,
    OrderEventKind,
    OrderIntent,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
)
from tradeterm.domain.signals import SignalKind, SignalOutcome

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
INTEGER = st.integers(-(2**63), 2**63 - 1)


def make_order(client_order_id: str = "o1", **changes: Any) -> Order:
    values: dict[str, Any] = {
        "book": "eos",
        "venue": "paper",
        "account": "eos",
        "instrument": "BTCUSDT.BINANCE",
        "side": OrderSide.BUY,
        "type": OrderType.MARKET,
        "quantity": Decimal("1.50"),
        "intent": OrderIntent.ENTRY,
        "ts_created": 1000,
        "ts_updated": 1000,
    }
    return Order(client_order_id=client_order_id, **values | changes)


def make_fill(exec_id: str = "e1", **changes: Any) -> Fill:
    values: dict[str, Any] = {
        "venue": "paper",
        "account": "eos",
        "book": "eos",
        "instrument": "BTCUSDT.BINANCE",
        "client_order_id": "o1",
        "venue_order_id": "v1",
        "side": OrderSide.BUY,
        "quantity": Decimal("1.50"),
        "price": Decimal("100.10"),
        "fee": Decimal("0.07"),
        "fee_currency": "USDT",
        "liquidity": Liquidity.TAKER,
        "ts_event": 1000,
        "ts_recv": 1001,
    }
    return Fill(exec_id=exec_id, **values | changes)


def make_signal(id: str = "s1", **changes: Any) -> SignalFact:
    values: dict[str, Any] = {
        "ts": 1000,
        "book": "eos",
        "strategy": "eos",
        "instrument": "BTCUSDT.BINANCE",
        "kind": SignalKind.ENTRY,
        "side": PositionSide.LONG,
        "price": Decimal("100.1"),
        "ts_bar": 1000,
        "reason": "move",
        "explain": {"move": -0.05, "volume": None},
        "outcome": SignalOutcome.ORDERED,
    }
    return SignalFact(id=id, **values | changes)


def make_event(client_order_id: str = "o1", **changes: Any) -> OrderEventFact:
    values: dict[str, Any] = {
        "ts": 1000,
        "book": "eos",
        "kind": OrderEventKind.FULL_FILL,
        "from_status": OrderStatus.ACCEPTED,
        "to_status": OrderStatus.FILLED,
    }
    return OrderEventFact(client_order_id=client_order_id, **values | changes)


def make_trade(id: str = "o1", **changes: Any) -> Trade:
    values: dict[str, Any] = {
        "book": "eos",
        "venue": "paper",
        "account": "eos",
        "instrument": "BTCUSDT.BINANCE",
        "side": PositionSide.LONG,
        "quantity": Decimal("1.5"),
        "entry_price": Decimal("100"),
        "exit_price": Decimal("102"),
        "ts_opened": 1000,
        "ts_closed": 2000,
        "gross_pnl": Decimal("3"),
        "fees": Decimal("0.14"),
        "funding": Decimal("0"),
        "pnl": Decimal("2.86"),
        "return_pct": Decimal("1.9"),
        "r_multiple": None,
        "exit_reason": "target",
        "signal_id": None,
    }
    return Trade(id=id, **values | changes)


def make_equity(ts: int, equity: str = "1000", **changes: Any) -> EquityPoint:
    values: dict[str, Any] = {
        "book": "",
        "cash": Decimal(equity),
        "unrealized_pnl": Decimal(0),
        "day_pnl": Decimal(0),
        "drawdown": Decimal(0),
        "exposure": Decimal(0),
    }
    return EquityPoint(ts=ts, equity=Decimal(equity), **values | changes)


def of_hint(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type hint as the domain's structs use them."""
    origin, members = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        return st.one_of(*(of_hint(member) for member in members))
    if origin is tuple and members[-1] is Ellipsis:
        return st.lists(of_hint(members[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(of_hint(member) for member in members))
    if origin is dict:
        return st.dictionaries(of_hint(members[0]), of_hint(members[1]), max_size=3)
    if hint is type(None):
        return st.none()
    if hint is str:
        return TEXT
    if hint is bool:
        return st.booleans()
    if hint is int:
        return INTEGER
    if hint is float:
        return st.floats(allow_nan=False, allow_infinity=False)
    if hint is Decimal:
        return st.decimals(allow_nan=False, allow_infinity=False)
    if issubclass(hint, Enum):
        return st.sampled_from(hint)
    return struct_of(hint)


def struct_of(type_: type[Struct]) -> st.SearchStrategy[Any]:
    hints = typing.get_type_hints(type_)
    return st.builds(type_, **{name: of_hint(hints[name]) for name in type_.__struct_fields__})
