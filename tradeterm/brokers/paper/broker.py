"""The paper venue as a broker: matching, with every step in its durable book before anybody hears of it."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from tradeterm.brokers.paper.account import Account
from tradeterm.brokers.paper.matching import Matching
from tradeterm.brokers.paper.prices import Costs, usable
from tradeterm.brokers.paper.store import PaperStore
from tradeterm.brokers.protocol import Condition, Sink, VenueBalance, VenuePosition
from tradeterm.config import PaperConfig
from tradeterm.domain.errors import VenueError, VenueUnavailable
from tradeterm.domain.events import BarClosed, BrokerEvent, FundingUpdate, MarketEvent, OrderUpdate, QuoteUpdate
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.orders import Cash, Fill, Order


class PaperBroker:
    """One account, kept in the SQLite file at `path`; the file's cash goes before `capital` once it exists.

    Survives the engine: what was filled stays filled, market data it has processed is not taken twice, and a step
    that could not be stored did not happen (the account is read again at the next `connect`).
    """

    venue = "paper"
    simulated = True
    lookup_is_final = True

    def __init__(
        self,
        path: Path,
        account: str,
        instruments: Sequence[Instrument],
        costs: PaperConfig,
        capital: Decimal,
        currency: str,
    ) -> None:
        self.account = account
        self._path = path
        self._instruments = {item.id: item for item in instruments}
        self._costs = Costs.of(costs)
        self._capital = capital
        self._currency = currency
        self._open: tuple[PaperStore, Matching, Sink] | None = None

    async def connect(self, sink: Sink, known: Sequence[Order] = ()) -> None:
        """Open the book. Nothing that happened before is delivered; look it up."""
        await self.close()
        store = PaperStore(self._path)
        try:
            account = store.load(Account(self.venue, self.account, self._currency, self._capital))
            self._check(account)
        except VenueError:
            store.close()
            raise
        self._open = store, Matching(account, self._instruments, self._costs), sink

    async def close(self) -> None:
        if self._open is not None:
            self._open[0].close()
            self._open = None

    async def submit(self, order: Order) -> str:
        _, matching, _ = self._connected()
        events = self._carry_out(lambda: matching.submit(order))
        return next(e.venue_order_id for e in events if isinstance(e, OrderUpdate) and e.venue_order_id)

    async def amend(
        self,
        order: Order,
        *,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        trigger_price: Decimal | None = None,
    ) -> None:
        _, matching, _ = self._connected()
        self._carry_out(lambda: matching.amend(order, quantity=quantity, price=price, trigger_price=trigger_price))

    async def cancel(self, order: Order) -> None:
        _, matching, _ = self._connected()
        self._carry_out(lambda: matching.cancel(order))

    async def order(self, client_order_id: str) -> Order | None:
        store, matching, _ = self._connected()
        working = matching.account.working.get(client_order_id)
        return working.order if working is not None else store.order(client_order_id)

    async def open_orders(self) -> Sequence[Order]:
        return [working.order for working in self._connected()[1].account.working.values()]

    async def executions(self, since_ts: int) -> Sequence[Fill | Cash]:
        return self._connected()[0].executions(since_ts)

    async def positions(self) -> Sequence[VenuePosition]:
        holdings = self._connected()[1].account.holdings.values()
        return [VenuePosition(item.instrument, item.quantity, item.average_price) for item in holdings]

    async def balances(self) -> Sequence[VenueBalance]:
        account = self._connected()[1].account
        return [VenueBalance(account.currency, account.cash)]

    def condition(self) -> Condition:
        return Condition()

    def on_market(self, event: MarketEvent) -> None:
        """Move with the market; instruments this account does not trade are passed over.

        So is data that is no number: nothing trades at it, and the desk, which sees it next, says so.
        """
        _, matching, _ = self._connected()
        if not usable(event):
            return
        match event:
            case QuoteUpdate(quote=quote) if quote.instrument in self._instruments:
                self._carry_out(lambda: matching.on_quote(quote))
            case BarClosed(bar=bar) if bar.instrument in self._instruments:
                self._carry_out(lambda: matching.on_bar(bar))
            case FundingUpdate(funding=funding) if funding.instrument in self._instruments:
                self._carry_out(lambda: matching.on_funding(funding))

    def _carry_out(self, step: Callable[[], list[BrokerEvent]]) -> list[BrokerEvent]:
        """Do a step, store it, then tell. A step that cannot be stored is forgotten with everything in memory."""
        store, matching, sink = self._connected()
        events = step()
        changes = matching.take_changes()
        if changes:
            try:
                store.write(changes, matching.account)
            except VenueError:
                self._open = None
                store.close()
                raise
        for event in events:
            sink(event)
        return events

    def _connected(self) -> tuple[PaperStore, Matching, Sink]:
        if self._open is None:
            raise VenueUnavailable(f"the paper venue of {self.account} is not connected")
        return self._open

    def _check(self, account: Account) -> None:
        """What the book holds must be tradable, or it could never be closed."""
        held = {*account.holdings, *(working.order.instrument for working in account.working.values())}
        missing = sorted(held - self._instruments.keys())
        if missing:
            raise VenueUnavailable(
                f"{self._path}: holds {', '.join(missing)}, which book {self.account} does not list; "
                "list it until it is closed"
            )
