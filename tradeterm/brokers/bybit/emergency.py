"""Out of everything, without an engine: cancel all orders of some instruments and close their positions.

May be run again at any time: it looks first, and what it sends has ids that follow from what it saw. Protection stays
until its position is gone. Flat is what two looks in a row show: one may lag behind an order that just filled.
"""

import asyncio
import hashlib
import time
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from tradeterm.brokers.bybit.limits import Lane
from tradeterm.brokers.bybit.parameters import CATEGORY
from tradeterm.brokers.bybit.session import BybitVenue
from tradeterm.brokers.protocol import DUPLICATE_CLIENT_ID
from tradeterm.domain.errors import OutcomeUnclear, VenueError, VenueRefused
from tradeterm.venues.bybit import codes
from tradeterm.venues.bybit.rows import OrderRow, PositionRow, positive, rows_of

LONGEST_S = 60.0
LOOK_AGAIN_S = 0.5
_ATTEMPTS = 50


class Report(Struct, frozen=True, kw_only=True):
    """Sentences on what was done and what is left; `flat` only if Bybit itself showed no order and no position.

    `failure` says why it could not be finished, "" if it could.
    """

    done: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    failure: str = ""
    flat: bool = False


async def close_everything(venue: BybitVenue, instruments: Sequence[str], *, longest_s: float = LONGEST_S) -> Report:
    """`instruments` are ids (BTCUSDT.BYBIT). Never raises a VenueError: what goes wrong is in the report."""
    symbols = tuple(dict.fromkeys(name.partition(".")[0] for name in instruments))
    was_open = venue.is_open
    if not was_open:
        venue.rest.open()
    work = _Closing(venue, symbols)
    try:
        return await work.run(longest_s)
    finally:
        if not was_open:
            await venue.rest.close()


class _Closing:
    def __init__(self, venue: BybitVenue, symbols: tuple[str, ...]) -> None:
        self._venue = venue
        self._rest = venue.rest
        self._symbols = frozenset(symbols)
        self._largest: dict[str, Decimal] = {}
        self._done: list[str] = []
        self._failure = ""
        self._hopeless = False

    async def run(self, longest_s: float) -> Report:
        deadline = time.monotonic() + longest_s
        left: tuple[str, ...] = ()
        seen = was_empty = False
        if self._venue.clock.skew_ms is None:
            await self._try(self._rest.measure_clock())
        while True:
            try:
                positions, orders = await self._look()
            except VenueError as error:
                self._failed(str(error), error)
                was_empty = False
            else:
                seen = True
                left = _left(positions, orders)
                if not left and was_empty:
                    return Report(done=tuple(self._done), flat=True)
                was_empty = not left
                self._failure = ""
                await self._act(positions, orders)
            if self._hopeless or (time.monotonic() >= deadline and not was_empty):
                failure = self._failure or f"Bybit still shows orders or positions after {longest_s:g} s"
                unseen = () if seen else ("what is open at Bybit could not be seen",)
                return Report(done=tuple(self._done), left=left or unseen, failure=failure)
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _look(self) -> tuple[list[PositionRow], list[OrderRow]]:
        orders = await self._venue.lookups.open_orders()
        positions = await self._venue.position_rows()  # after the orders: one that fills in between is seen here
        return (
            [row for row in positions if row.symbol in self._symbols and row.size != 0],
            [row for row in orders if row.symbol in self._symbols],
        )

    async def _act(self, positions: list[PositionRow], orders: list[OrderRow]) -> None:
        held = {row.symbol for row in positions}
        for row in orders:
            if row.symbol in held and not (row.reduce_only or row.close_on_trigger):
                await self._cancel(row)
        for position in positions:
            await self._close(position)
        for symbol in sorted({row.symbol for row in orders} - held):
            said = f"cancelled all orders of {symbol}"
            await self._try(self._rest.change("cancel_all_orders", category=CATEGORY, symbol=symbol), said)

    async def _cancel(self, row: OrderRow) -> None:
        which = {"category": CATEGORY, "symbol": row.symbol, "orderId": row.order_id}
        said = f"cancelled {row.side} {row.quantity:f} {row.symbol}"
        await self._try(self._rest.change("cancel_order", **which), said)

    async def _close(self, position: PositionRow) -> None:
        if position.size is None or position.side not in ("Buy", "Sell"):
            self._failure = f"Bybit's row of the position in {position.symbol} cannot be read"
            return
        largest = await self._largest_order(position.symbol)
        quantity = min(position.size, largest) if largest else position.size
        side = "Sell" if position.side == "Buy" else "Buy"
        for attempt in range(_ATTEMPTS):
            link_id = _link_id(position, quantity, attempt)
            try:
                await self._rest.once(
                    "place_order",
                    Lane.URGENT,
                    category=CATEGORY,
                    symbol=position.symbol,
                    side=side,
                    orderType="Market",
                    qty=format(quantity, "f"),
                    orderLinkId=link_id,
                    positionIdx=position.index,
                    reduceOnly=True,
                )
            except VenueRefused as error:
                if error.code != DUPLICATE_CLIENT_ID:
                    self._failed(f"{position.symbol} could not be closed: {error}", error)
                    return
                if await self._working(link_id):
                    return  # an earlier run's order is doing it
                continue
            except OutcomeUnclear:
                return  # the next look tells
            except VenueError as error:
                self._failure = f"{position.symbol} could not be closed: {error}"
                return
            self._done.append(f"closing {quantity:f} {position.symbol} at the market")
            return

    async def _working(self, link_id: str) -> bool:
        """Whether that order may still do something; it may also be too young to be shown."""
        try:
            row = await self._venue.lookups.order(link_id)
        except VenueError:
            return True
        return row is None or row.status in ("New", "PartiallyFilled", "Untriggered", "Triggered")

    async def _largest_order(self, symbol: str) -> Decimal | None:
        if symbol not in self._largest:
            try:
                result = await self._rest.read("get_instruments_info", category=CATEGORY, symbol=symbol)
            except VenueError:
                return None
            for row in rows_of(result.get("list")):
                bounds = row.get("lotSizeFilter")
                found = positive(bounds, "maxMktOrderQty") if isinstance(bounds, dict) else None
                if found is not None:
                    self._largest[symbol] = found
        return self._largest.get(symbol)

    def _failed(self, sentence: str, error: VenueError) -> None:
        """Key or account refused: asking again changes nothing."""
        self._failure = sentence
        self._hopeless |= isinstance(error, VenueRefused) and codes.is_about_account(error.code)

    async def _try(self, request: object, said: str = "") -> None:
        try:
            await request  # type: ignore[misc]
        except VenueError as error:
            self._failed(str(error), error)
        else:
            if said:
                self._done.append(said)


def _link_id(position: PositionRow, quantity: Decimal, attempt: int) -> str:
    """The same for the same position, so that two runs at once send one order between them."""
    facts = (
        f"{position.symbol}/{position.index}/{position.side}/{position.size}/{position.sequence}/{quantity}/{attempt}"
    )
    return "kill-" + hashlib.sha256(facts.encode()).hexdigest()[:24]


def _left(positions: list[PositionRow], orders: list[OrderRow]) -> tuple[str, ...]:
    held = [f"position {row.side} {row.size} {row.symbol}" for row in positions]
    return tuple(held + [f"order {row.side} {row.quantity:f} {row.symbol}" for row in orders])
