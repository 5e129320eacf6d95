"""Questions about orders and executions: where Bybit keeps the answer, and in which order to ask."""

from collections.abc import Mapping

from tradeterm.brokers.bybit.parameters import CATEGORY
from tradeterm.brokers.bybit.registry import LEGS, Registry, external_order_id
from tradeterm.brokers.bybit.rest import Rest
from tradeterm.venues.bybit.rows import ExecutionRow, OrderRow, Row, read_execution, read_order, rows_of

WEEK_MS = 7 * 86_400_000
FURTHEST_BACK_MS = 5 * WEEK_MS
"""Executions are looked for this far back; older ones stay unasked."""

MARGIN_MS = 5_000
_PAGE = 50
_OPEN, _CLOSED = 0, 1


class Lookups:
    """Every method raises VenueUnavailable when the venue cannot be asked, VenueRefused when it will not say."""

    def __init__(self, rest: Rest, registry: Registry) -> None:
        self._rest = rest
        self._registry = registry

    async def order(self, client_id: str) -> OrderRow | None:
        """By our client id: among open orders, those closed of late, then in the history."""
        order_id = self._registry.order_id_of(client_id) or external_order_id(client_id)
        named = self._registry.order(client_id)
        parent = self._registry.parent_of(client_id)
        if parent is not None and (named is None or named.parent_id == parent):
            if order_id is not None:
                found = await self.order_by_id(order_id)
                if found is not None and self._registry.identify(found) == client_id and found.status != "Deactivated":
                    return found
            return await self._child(client_id, parent)
        if client_id.startswith("ext-"):
            return await self.order_by_id(order_id) if order_id is not None else None
        return await self._find({"orderLinkId": client_id}, link_id=client_id)

    async def order_by_id(self, order_id: str) -> OrderRow | None:
        return await self._find({"orderId": order_id}, order_id=order_id)

    async def open_orders(self) -> list[OrderRow]:
        """All of the account, normal and conditional."""
        rows = await self._rest.pages(
            "get_open_orders", category=CATEGORY, settleCoin="USDT", openOnly=_OPEN, limit=_PAGE
        )
        return _orders(rows)

    async def executions(self, since: int, now: int) -> list[ExecutionRow]:
        """Of all symbols, oldest first, in windows of a week as the venue wants. Times are the venue's; 0 is a week
        ago, and nothing is looked for more than five weeks back."""
        begin = max(since - MARGIN_MS, now - FURTHEST_BACK_MS) if since > 0 else now - WEEK_MS + 2 * MARGIN_MS
        found: list[Row] = []
        while begin <= now + MARGIN_MS:
            end = begin + WEEK_MS - 1
            found += await self._rest.pages(
                "get_executions", category=CATEGORY, startTime=begin, endTime=end, limit=100
            )
            begin = end + 1
        return _executions(found)

    async def executions_of(self, **where: str) -> list[ExecutionRow]:
        """Of one order (orderId) or one symbol (symbol) within the last week."""
        return _executions(await self._rest.pages("get_executions", category=CATEGORY, limit=100, **where))

    async def latest_of_symbol(self, symbol: str) -> list[ExecutionRow]:
        result = await self._rest.read("get_executions", category=CATEGORY, symbol=symbol, limit=50)
        return _executions(list(rows_of(result.get("list"))))

    async def _find(self, which: Mapping[str, str], *, link_id: str = "", order_id: str = "") -> OrderRow | None:
        def right(row: OrderRow) -> bool:
            return row.link_id == link_id if link_id else row.order_id == order_id

        for open_only in (_OPEN, _CLOSED):
            result = await self._rest.read("get_open_orders", category=CATEGORY, openOnly=open_only, **which)
            for row in _orders(list(rows_of(result.get("list")))):
                if right(row):
                    return row
        result = await self._rest.read("get_order_history", category=CATEGORY, **which)
        return next((row for row in _orders(list(rows_of(result.get("list")))) if right(row)), None)

    async def _child(self, client_id: str, parent: str) -> OrderRow | None:
        """Attached protection has no name: look through the symbol's stop orders. The newest that is not dead wins."""
        symbol = self._registry.symbol_of(parent)
        if symbol is None:
            return None
        where = {"category": CATEGORY, "symbol": symbol, "orderFilter": "StopOrder"}
        candidates: list[OrderRow] = []
        for open_only in (_OPEN, _CLOSED):
            rows = await self._rest.pages("get_open_orders", openOnly=open_only, limit=_PAGE, **where)
            candidates += self._children(rows, client_id)
            if candidates and open_only == _OPEN:
                break
        if not candidates:
            result = await self._rest.read("get_order_history", limit=_PAGE, **where)
            candidates = self._children(list(rows_of(result.get("list"))), client_id)
        return max(candidates, key=lambda row: (row.filled > 0, row.updated), default=None)

    def _children(self, rows: list[Row], client_id: str) -> list[OrderRow]:
        return [row for row in _orders(rows) if row.stop_type in LEGS and self._registry.identify(row) == client_id]


def _orders(rows: list[Row]) -> list[OrderRow]:
    return [found for row in rows if (found := read_order(row)) is not None]


def _executions(rows: list[Row]) -> list[ExecutionRow]:
    """Each once, oldest first."""
    found = {row.exec_id: row for raw in rows if (row := read_execution(raw)) is not None}
    return sorted(found.values(), key=lambda row: row.ts)
