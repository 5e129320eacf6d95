"""Random days on the paper venue: prices that jump, orders of every kind, amends, cancels and funding."""

from decimal import Decimal as D
from typing import Any

import numpy as np
from msgspec import Struct
from paper_kit import BUY, LIMIT, MARKET, SELL, STEP, STOP, order, row

from tradeterm.domain.events import BarClosed, FundingUpdate, MarketEvent, QuoteUpdate
from tradeterm.domain.market import Bar, FundingRate, Quote
from tradeterm.domain.orders import Order, OrderIntent, OrderType, TimeInForce

NAMES = ("X.V", "Y.V")


class Request(Struct, frozen=True):
    """What the trader asks: submit `order`, or amend or cancel the one of that client id."""

    kind: str
    order: Order
    changes: dict[str, D] = {}


class Instant(Struct, frozen=True):
    """What happens at one time, in this order."""

    known: tuple[MarketEvent, ...]
    requests: tuple[Request, ...]
    opens: tuple[MarketEvent, ...]


def scenario(seed: int, rows: int = 24) -> list[Instant]:
    rng = np.random.default_rng(seed)
    price = {"X.V": 100.0, "Y.V": 20.0}
    bars: dict[str, list[Bar]] = {name: [] for name in NAMES}
    for number in range(rows):
        for name in NAMES:
            opened = _tenth(price[name] * (1 + rng.normal(0, 0.004)))
            close = _tenth(opened * (1 + rng.normal(0, 0.01)))
            high = _tenth(max(opened, close) * (1 + abs(rng.normal(0, 0.01))))
            low = _tenth(min(opened, close) * (1 - abs(rng.normal(0, 0.01))))
            volume = float(round(rng.lognormal(4, 1), 2)) if rng.random() > 0.1 else 0.0
            bars[name].append(Bar(name, STEP, row(number), opened, high, low, close, volume, row(number + 1)))
            price[name] = close
    ids: list[str] = []
    instants = []
    for number in range(1, rows):
        known: list[MarketEvent] = [BarClosed(ts=row(number), bar=bars[name][number - 1]) for name in NAMES]
        if number % 5 == 0:
            rate = FundingRate("X.V", row(number), float(rng.normal(0, 0.0005)), row(number))
            known.append(FundingUpdate(ts=row(number), funding=rate))
        last = {name: bars[name][number - 1].close for name in NAMES}
        requests = tuple(_request(rng, number, ids, last) for _ in range(int(rng.integers(0, 4))))
        opens: list[MarketEvent] = [
            QuoteUpdate(ts=row(number), quote=Quote(name, row(number), row(number), bars[name][number].open))
            for name in NAMES
            if rng.random() > 0.1
        ]
        instants.append(Instant(tuple(known), requests, tuple(opens)))
    return instants


def _request(rng: np.random.Generator, number: int, ids: list[str], last: dict[str, float]) -> Request:
    choice = rng.random()
    if ids and choice < 0.15:
        return Request("cancel", order(_picked(rng, ids), at=number))
    name = NAMES[int(rng.integers(0, 2))]
    if ids and choice < 0.35:
        changed = "trigger_price" if rng.random() < 0.7 else "price"
        new = _price(last[name] * (1 + rng.normal(0, 0.01)))
        return Request("amend", order(_picked(rng, ids), at=number), {changed: new})
    side = BUY if rng.random() < 0.5 else SELL
    fields: dict[str, Any] = {"instrument": name, "type": MARKET, "intent": OrderIntent.ENTRY}
    kind = rng.random()
    away = _price(last[name] * (1 + rng.normal(0, 0.008)))
    if kind < 0.3:
        fields |= {"type": LIMIT, "price": away, "post_only": bool(rng.random() < 0.3)}
    elif kind < 0.45:
        fields |= {"type": STOP, "trigger_price": away}
    elif kind < 0.55:
        fields |= {"type": OrderType.STOP_LIMIT, "trigger_price": away, "price": away}
    if not fields.get("post_only") and rng.random() < 0.3:
        choices = (TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY)
        fields["time_in_force"] = choices[int(rng.integers(0, 3))]
    if rng.random() < 0.3:
        fields |= {"reduce_only": True, "intent": OrderIntent.EXIT}
    elif rng.random() < 0.7:
        fields["stop_loss"] = _price(last[name] * (1 - 0.01 * side.sign))
        if rng.random() < 0.7:
            fields["take_profit"] = _price(last[name] * (1 + 0.012 * side.sign))
    client_id = f"o{len(ids)}"
    ids.append(client_id)
    quantity = str(D(int(rng.integers(50, 2000))) / 100)
    return Request("submit", order(client_id, side, quantity, number, **fields))


def _picked(rng: np.random.Generator, ids: list[str]) -> str:
    """Any order so far, or the protection it may have."""
    return ids[int(rng.integers(0, len(ids)))] + ("", "s", "t")[int(rng.integers(0, 3))]


def _tenth(price: float) -> float:
    return max(0.1, round(price, 1))


def _price(price: float) -> D:
    return D(str(_tenth(price)))
