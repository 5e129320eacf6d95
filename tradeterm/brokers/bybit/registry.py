"""Whose order is it: the venue's order ids and our client ids.

Bybit makes the protection attached to an entry as orders of its own, without a link id. They get the client ids
`<entry id>s` (stop) and `<entry id>t` (target): by the parent's link id where the row names it, else by time: they
belong to the last entry with such protection on that symbol that came before them.
"""

import re
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from msgspec import Struct

from tradeterm.domain.errors import VenueRefused
from tradeterm.domain.orders import Order, OrderIntent
from tradeterm.venues.bybit.rows import OrderRow

EXTERNAL = "ext-"
STOP, TARGET = "s", "t"
LEGS = {"StopLoss": STOP, "TakeProfit": TARGET}
"""stopOrderType of protection that covers the whole position."""

CLOCK_MARGIN_MS = 1000
_REMEMBERED = 20_000
_ENTRIES_A_SYMBOL = 200
_ALLOWED = re.compile(r"[A-Za-z0-9_-]{1,36}")
_NONE = ("", "UNKNOWN")

K = TypeVar("K")
V = TypeVar("V")


class Recent(OrderedDict[K, V], Generic[K, V]):
    """A mapping that forgets its oldest items."""

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > _REMEMBERED:
            self.popitem(last=False)


class Entry(Struct, frozen=True, order=True):
    """An entry with attached protection. `legs` are the suffixes it has."""

    ts: int
    client_id: str
    legs: str


class Registry:
    """Learns from what we send, from the ledger's orders and from the venue's rows."""

    def __init__(self) -> None:
        self._ours: Recent[str, Order] = Recent()
        self._client_ids: Recent[str, str] = Recent()
        self._order_ids: Recent[str, tuple[int, str]] = Recent()
        self._entries: dict[str, list[Entry]] = {}

    def sending(self, order: Order, symbol: str, venue_ts: int) -> None:
        """We are about to send it; `venue_ts` is the venue's time."""
        self._ours[order.client_order_id] = order
        if order.stop_loss is not None or order.take_profit is not None:
            legs = (STOP if order.stop_loss is not None else "") + (TARGET if order.take_profit is not None else "")
            self._protect(symbol, Entry(venue_ts, order.client_order_id, legs))

    def know(self, orders: Iterable[Order], symbols: Mapping[str, str], to_venue: Callable[[int], int]) -> None:
        """Orders of the ledger; `symbols` by instrument id, `to_venue` turns our time into the venue's."""
        for order in orders:
            symbol = symbols.get(order.instrument)
            if symbol is None:
                continue
            if order.is_closed and not order.filled_quantity:
                self._ours[order.client_order_id] = order  # it never protected anything
            elif order.intent is not OrderIntent.EXTERNAL:
                self.sending(order, symbol, to_venue(order.ts_created))
            if order.venue_order_id:
                self.learn(order.venue_order_id, order.client_order_id)

    def forget(self, order: Order, symbol: str) -> None:
        """It was refused: it protects nothing."""
        kept = [entry for entry in self._entries.get(symbol, ()) if entry.client_id != order.client_order_id]
        self._entries[symbol] = kept

    def learn(self, order_id: str, client_id: str, created: int = 0) -> None:
        """Which is which. The same protection may be made anew: the youngest order has the name."""
        if not order_id or self._client_ids.get(order_id) == client_id:
            return
        self._client_ids[order_id] = client_id
        if created >= self._order_ids.get(client_id, (0, ""))[0]:
            self._order_ids[client_id] = (created, order_id)

    def client_id_of(self, order_id: str) -> str | None:
        return self._client_ids.get(order_id)

    def order_id_of(self, client_id: str) -> str | None:
        found = self._order_ids.get(client_id)
        return None if found is None else found[1]

    def order(self, client_id: str) -> Order | None:
        """An order of ours as it was sent, or as the ledger had it."""
        return self._ours.get(client_id)

    def parent_of(self, client_id: str) -> str | None:
        """The entry whose attached protection has this client id."""
        parent, leg = client_id[:-1], client_id[-1:]
        if leg not in (STOP, TARGET) or not parent:
            return None
        order = self._ours.get(client_id)
        if order is not None:
            return parent if order.parent_id == parent else None
        known = any(entry.client_id == parent for entries in self._entries.values() for entry in entries)
        return parent if known or parent in self._ours else None

    def symbol_of(self, client_id: str) -> str | None:
        """Where an entry with attached protection was."""
        for symbol, entries in self._entries.items():
            if any(entry.client_id == client_id for entry in entries):
                return symbol
        return None

    def identify(self, row: OrderRow) -> str:
        """The client id of an order of the venue, remembered from now on."""
        client_id = row.link_id or self._child(row) or self.client_id_of(row.order_id) or external_id(row.order_id)
        self.learn(row.order_id, client_id, row.created)
        if row.link_id and (row.stop_loss is not None or row.take_profit is not None):
            legs = (STOP if row.stop_loss is not None else "") + (TARGET if row.take_profit is not None else "")
            self._protect(row.symbol, Entry(row.created, row.link_id, legs))
        return client_id

    def child_of(self, symbol: str, leg: str, created: int) -> str | None:
        """The client id of protection without a name that came to be at `created` (venue time)."""
        for entry in reversed(self._entries.get(symbol, ())):
            if entry.ts <= created + CLOCK_MARGIN_MS:
                return entry.client_id + leg if leg in entry.legs else None
        return None

    def _child(self, row: OrderRow) -> str | None:
        leg = LEGS.get(row.stop_type)
        if leg is None or row.link_id:
            return None
        known = self.client_id_of(row.order_id)
        if known is not None and not known.startswith(EXTERNAL):
            return known  # a later entry with protection may have moved it: it stays who it was
        if row.parent_link_id not in _NONE:
            return row.parent_link_id + leg
        return self.child_of(row.symbol, leg, row.created)

    def _protect(self, symbol: str, entry: Entry) -> None:
        entries = self._entries.setdefault(symbol, [])
        if any(known.client_id == entry.client_id for known in entries):
            return
        insort(entries, entry)
        del entries[:-_ENTRIES_A_SYMBOL]


def external_id(order_id: str) -> str:
    """A client id for an order that has none: `ext-` and the order id, without dashes, cut to fit."""
    return EXTERNAL + order_id.replace("-", "")[-32:]


def external_order_id(client_id: str) -> str | None:
    """The order id behind an external client id, where it can be told (a UUID)."""
    plain = client_id.removeprefix(EXTERNAL)
    if plain == client_id or not re.fullmatch(r"[0-9a-f]{32}", plain):
        return None
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def check_client_id(client_id: str) -> None:
    """Raises VenueRefused for an id Bybit would not take."""
    if not _ALLOWED.fullmatch(client_id):
        raise VenueRefused(f"the client id {client_id!r} is not 1 to 36 letters, digits, - and _", "BAD_CLIENT_ID")
