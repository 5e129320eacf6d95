"""What holds on the paper venue whatever happens."""

from collections import defaultdict
from decimal import Decimal as D

from hypothesis import given, settings
from hypothesis import strategies as st
from paper_kit import CAPITAL, Venue, cash, fills
from paper_scenarios import NAMES, Instant, Request, scenario

from tradeterm.domain.errors import VenueRefused
from tradeterm.domain.events import BarClosed, BrokerEvent, FundingUpdate, MarketEvent, OrderUpdate, QuoteUpdate
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import Fill, Liquidity, Order, OrderSide, OrderType

SEEDS = st.integers(0, 2**32 - 1)
COSTS = {"taker_fee": 0.00055, "maker_fee": 0.0002, "slippage": 0.0013, "latency_ms": 100, "participation": 0.05}
STOPS = (OrderType.STOP_MARKET, OrderType.STOP_LIMIT)


class Watched(Venue):
    """A venue that is checked after every single step."""

    def __init__(self) -> None:
        super().__init__(**COSTS)
        self.known: dict[str, Order] = {}
        self.held: dict[str, D] = defaultdict(D)
        self.flow = CAPITAL
        self.room: dict[str, D] = defaultdict(D)
        self.seen: set[str] = set()
        self.working: set[str] = set()

    def market(self, event: MarketEvent) -> None:
        self._remember()
        match event:
            case BarClosed(bar=bar):
                volume = D(repr(bar.volume))
                used = self.account.market(bar.instrument).used
                events = self.hear(self.matching.on_bar(bar))
                taken = [fill for fill in fills(events) if fill.ts_event == bar.ts_event]
                total = sum((fill.quantity for fill in taken), ZERO)
                assert total == 0 or total <= volume * D("0.05") - used
                self._check_range(taken, D(repr(bar.low)), D(repr(bar.high)))
                self.room[bar.instrument] = volume * D("0.05")
            case QuoteUpdate(quote=quote):
                events = self.hear(self.matching.on_quote(quote))
                total = sum((fill.quantity for fill in fills(events)), ZERO)
                assert total <= self.room[quote.instrument]
                for fill in fills(events):
                    self._check_taken(fill, D(repr(quote.last)))
            case FundingUpdate(funding=funding):
                before = dict(self.held)
                events = self.hear(self.matching.on_funding(funding))
                for item in cash(events):
                    assert (item.amount < 0) is (
                        before[funding.instrument] * D(repr(funding.rate)) > 0
                    ) or not item.amount
        self._check(events)

    def ask(self, request: Request) -> None:
        self._remember()
        try:
            match request.kind:
                case "submit":
                    events = self.matching.submit(request.order)
                case "amend":
                    events = self.matching.amend(request.order, **request.changes)
                case _:
                    events = self.matching.cancel(request.order)
        except VenueRefused:
            assert not self.matching.take_changes()  # a refusal changes nothing
            return
        assert not fills(events)  # nothing fills before the next price
        self._check(self.hear(events))

    def _remember(self) -> None:
        self.matching.take_changes()
        self.working = set(self.account.working)
        self.known |= {name: working.order for name, working in self.account.working.items()}

    def _check(self, events: list[BrokerEvent]) -> None:
        for name, changed in self.matching.take_changes().orders.items():
            self.known[name] = changed.order
        for fill in fills(events):
            order = self.known[fill.client_order_id]
            assert fill.exec_id not in self.seen
            self.seen.add(fill.exec_id)
            before = self.held[fill.instrument]
            self.held[fill.instrument] += fill.side.sign * fill.quantity
            if order.reduce_only:
                assert abs(self.held[fill.instrument]) == abs(before) - fill.quantity
            assert fill.quantity > 0 and fill.quantity % D("0.01") == 0 and fill.price % D("0.1") == 0
            self.flow -= fill.side.sign * fill.quantity * fill.price + fill.fee
            assert fill.fee >= 0
        self.flow += sum((item.amount for item in cash(events)), ZERO)
        for name in NAMES:
            assert self.account.holding(name).quantity == self.held[name]
        tied = sum((h.quantity * (h.average_price or ZERO) for h in self.account.holdings.values()), ZERO)
        assert abs(self.account.cash - tied - self.flow) < D("1e-12")
        for working in self.account.working.values():
            order = working.order
            assert order.filled_quantity < order.quantity
            position = self.held[order.instrument]
            if order.reduce_only:
                assert position * order.side.sign < 0
                assert order.leaves_quantity <= abs(position)
            if working.attached:
                assert order.leaves_quantity == abs(position)
            if working.protects:
                assert position * order.side.sign > 0

    def _check_taken(self, fill: Fill, price: D) -> None:
        """Against the trader: never better than the price everybody saw."""
        if fill.liquidity is Liquidity.MAKER:
            assert fill.price == self.known[fill.client_order_id].price
        elif fill.side is OrderSide.BUY:
            assert fill.price > price
        else:
            assert fill.price < price

    def _check_range(self, taken: list[Fill], low: D, high: D) -> None:
        names = [fill.client_order_id for fill in taken]
        for fill in taken:
            order = self.account.working.get(fill.client_order_id)
            known = order.order if order else self.known.get(fill.client_order_id)
            if known is None or known.trigger_price is None:
                continue  # a resting limit, or protection made in this very bar
            self._check_taken(fill, min(max(known.trigger_price, low), high))
        for name in names:
            stop = self.known.get(f"{name[:-1]}s") if name.endswith("t") else None
            if stop is not None and stop.client_order_id in self.working:  # a target was reached: the stop was not
                assert stop.trigger_price is not None and not low <= stop.trigger_price <= high


def play(venue: Watched, instants: list[Instant]) -> None:
    for instant in instants:
        for event in instant.known:
            venue.market(event)
        for request in instant.requests:
            venue.ask(request)
        for event in instant.opens:
            venue.market(event)


@given(SEEDS)
@settings(max_examples=120)
def test_books_balance_after_every_step(seed: int) -> None:
    play(Watched(), scenario(seed))


def test_the_scenarios_are_busy() -> None:
    """So that the property above speaks of something."""
    happened: dict[str, int] = defaultdict(int)
    for seed in range(30):
        venue = Watched()
        play(venue, scenario(seed))
        for event in venue.said:
            happened[type(event).__name__] += 1
            if isinstance(event, OrderUpdate):
                happened[f"{event.kind} {event.code}"] += 1
        for fill in venue.fills():
            happened[fill.client_order_id[-1] if fill.client_order_id[-1] in "st" else "entry"] += 1
    for what, least in {
        "FillReceived": 300,
        "CashEvent": 50,
        "s": 40,
        "t": 20,
        "TRIGGERED ": 100,
        "CANCELED POSITION_CLOSED": 30,
        "CANCELED PROTECTION_TRIGGERED": 20,
        "CANCELED POST_ONLY": 5,
        "CANCELED IOC": 10,
        "CANCELED FOK": 5,
    }.items():
        assert happened[what] >= least, (what, dict(happened))


@given(SEEDS)
@settings(max_examples=30)
def test_the_same_days_give_the_same_events(seed: int) -> None:
    first, second = Watched(), Watched()
    play(first, scenario(seed))
    play(second, scenario(seed))
    assert first.said == second.said
