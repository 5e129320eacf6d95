"""The paper venue's matching: a deterministic machine without clock, disk or randomness; research runs it too.

When an order meets a price
- A price touches an order only if it was seen at or after the order's last change by the trader (`since`).
- An order arrives `latency_ms` after its submit. A quote fills it from its arrival on. A bar's opening price stands
  for the whole bar, because nothing inside is recorded in order: an order arriving before that bar's close fills at
  the opening price, stamped with the later of opening and arrival; one arriving later waits for the next opening.
  Amends and cancels take effect at once.
- A bar's range touches orders that were there when it opened.

What it gets
- Market orders and triggered ones take the other side of the book, or the last price with slippage.
- A stop or target inside the range fills at its trigger with slippage; beyond it at the opening (a gap) at the opening
  price with slippage. Stops come before everything else of the bar. What an order opens inside a bar can be stopped
  out in that bar, and reaches its target only later: the path is unknown, so the worse one is taken.
- A resting limit fills at its price once the market trades through it by a tick; an arriving one that can take, takes.
- All fills of an instrument together take at most `participation` of a bar's volume: of the last closed bar at an
  opening or a quote, of the bar itself (less what was taken at its opening) inside it. The rest waits.
"""

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from tradeterm.brokers.paper.account import Account, Changes, Market, Working
from tradeterm.brokers.paper.admission import TRIGGERED, check_amend, check_new
from tradeterm.brokers.paper.bookkeeper import Bookkeeper
from tradeterm.brokers.paper.prices import Costs, PricePoint, exact
from tradeterm.domain.events import BrokerEvent
from tradeterm.domain.instrument import ZERO, Instrument, round_quantity
from tradeterm.domain.market import DAY_MS, Bar, FundingRate, Quote
from tradeterm.domain.orders import Liquidity, Order, OrderSide, OrderStatus, OrderType, TimeInForce

AT_ONCE = (TimeInForce.IOC, TimeInForce.FOK)


class Matching:
    """Carries orders and prices into fills for one account.

    Every step returns the events a venue's private stream would send; `take_changes` hands over what the step
    changed in the account, to be stored before the events are passed on.
    """

    def __init__(self, account: Account, instruments: Mapping[str, Instrument], costs: Costs) -> None:
        self.account = account
        self._instruments = instruments
        self._costs = costs
        self._books = Bookkeeper(account, instruments, costs)

    def take_changes(self) -> Changes:
        return self._books.take_changes()

    def submit(self, order: Order) -> list[BrokerEvent]:
        """Take an order; a reduce-only one is cut to the position. Raises VenueRefused, changing nothing."""
        check_new(order, self.account, self._instruments)
        now = self._books.begin(order.ts_created)
        if order.reduce_only:
            held = abs(self.account.holding(order.instrument).quantity)
            order = replace(order, quantity=min(order.quantity, held))
        self._books.accept(order, since=now, arrival=now + self._costs.latency_ms)
        return self._books.end()

    def amend(
        self,
        order: Order,
        *,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        trigger_price: Decimal | None = None,
    ) -> list[BrokerEvent]:
        """Change a working order. A trigger the market has passed already is set off by the next price.

        Raises VenueRefused, changing nothing.
        """
        working = self._books.find(order.client_order_id)
        instrument = self._instruments[working.order.instrument]
        check_amend(working, instrument, quantity=quantity, price=price, trigger_price=trigger_price)
        now = self._books.begin(order.ts_updated)
        working.since = now
        working.order = replace(
            working.order,
            quantity=quantity or working.order.quantity,
            price=price or working.order.price,
            trigger_price=trigger_price or working.order.trigger_price,
            ts_updated=now,
        )
        self._books.acknowledge(working)
        return self._books.end()

    def cancel(self, order: Order) -> list[BrokerEvent]:
        """Take an order out. Raises VenueRefused where it is not working (any more)."""
        working = self._books.find(order.client_order_id)
        self._books.begin(order.ts_updated)
        self._books.close(working, OrderStatus.CANCELED, "", "canceled on request")
        return self._books.end()

    def on_quote(self, quote: Quote) -> list[BrokerEvent]:
        instrument, market = self._instruments[quote.instrument], self.account.market(quote.instrument)
        if quote.ts_event <= market.quote_ts:
            return []
        last = exact(quote.last, instrument)
        bid = None if quote.bid is None else exact(quote.bid, instrument)
        ask = None if quote.ask is None else exact(quote.ask, instrument)
        bare = bid is None and ask is None and market.interval_ms > 0
        opens_bar = bare and quote.ts_event % market.interval_ms == 0
        self._books.begin(quote.ts_event)
        market.quote_ts, market.last = quote.ts_event, last
        span = market.interval_ms if opens_bar else 0
        self._meet(PricePoint(quote.ts_event, last, bid, ask, span), instrument, market)
        return self._books.end()

    def on_bar(self, bar: Bar) -> list[BrokerEvent]:
        instrument, market = self._instruments[bar.instrument], self.account.market(bar.instrument)
        if bar.ts_event <= market.bar_ts:
            return []
        opened, low, high, close = (exact(price, instrument) for price in (bar.open, bar.low, bar.high, bar.close))
        self._books.begin(bar.ts_event)
        if market.quote_ts < bar.ts_open:  # nobody quoted this bar, so its opening is met now
            self._meet(PricePoint(bar.ts_open, opened, span_ms=bar.interval_ms), instrument, market)
        market.volume = Decimal(repr(bar.volume))
        self._within(bar, low, high, instrument, market)
        market.interval_ms, market.bar_ts = bar.interval_ms, bar.ts_event
        market.last, market.used = close, ZERO
        if bar.instrument in self.account.holdings or self._books.orders(bar.instrument):
            self._books.touch(bar.instrument)  # what a later fill depends on; without orders it is seen again in time
        return self._books.end()

    def on_funding(self, funding: FundingRate) -> list[BrokerEvent]:
        """Settle on the position held at this moment, at the last price seen."""
        market, holding = self.account.market(funding.instrument), self.account.holding(funding.instrument)
        if funding.ts_event <= market.funding_ts:
            return []
        self._books.begin(funding.ts_event)
        market.funding_ts = funding.ts_event
        if holding.quantity and market.last is not None:
            self._books.settle(funding, holding, market.last)
        return self._books.end()

    def _meet(self, point: PricePoint, instrument: Instrument, market: Market) -> None:
        """One price, order by order."""
        for working in self._books.orders(instrument.id):
            order = working.order
            if order.is_closed or not point.reached(working.since, working.arrival):
                continue
            if order.time_in_force is TimeInForce.DAY and point.ts // DAY_MS > working.arrival // DAY_MS:
                self._books.close(working, OrderStatus.EXPIRED, "DAY", "the day it was good for has ended")
                continue
            if order.type in TRIGGERED and not working.triggered:
                if not _touched(order, point.last, point.last):
                    continue
                self._books.trigger(working)
            self._at(working, point, instrument, market)

    def _at(self, working: Working, point: PricePoint, instrument: Instrument, market: Market) -> None:
        """A live order at a price: fill what can be filled; IOC and FOK end with it."""
        order, ts = working.order, max(point.ts, working.arrival)
        arriving = not working.met
        if arriving:
            working.met = True
            self._books.changed(working)
        taken = point.taken(order.side, self._costs, instrument)
        room = self._room(instrument, market)
        if order.price is None or (arriving and _takes(order, order.price, taken)):
            if order.post_only:
                self._books.close(working, OrderStatus.CANCELED, "POST_ONLY", "it would have taken liquidity")
            elif order.time_in_force is TimeInForce.FOK and room < order.leaves_quantity:
                self._books.close(working, OrderStatus.CANCELED, "FOK", f"only {room} could be filled at once")
            else:
                self._books.fill(working, room, taken, Liquidity.TAKER, ts, point.ts, market)
        elif not arriving and _through(order, order.price, point.last, instrument):
            self._books.fill(working, room, order.price, Liquidity.MAKER, ts, point.ts, market)
        if order.time_in_force in AT_ONCE and not working.order.is_closed:
            self._books.close(working, OrderStatus.CANCELED, str(order.time_in_force), "not filled at once")

    def _within(self, bar: Bar, low: Decimal, high: Decimal, instrument: Instrument, market: Market) -> None:
        """The range of a bar: stops, then the rest, then the stops of what was opened on the way."""
        there = self._books.orders(instrument.id)
        for working in there:
            order = working.order
            if order.is_closed or working.since > bar.ts_open or working.arrival >= bar.ts_event:
                continue
            if order.type in TRIGGERED and not working.triggered:
                self._trigger_within(working, low, high, bar.ts_event, instrument, market)
            elif order.price is not None and working.met:
                extreme = low if order.side is OrderSide.BUY else high
                if _through(order, order.price, extreme, instrument):
                    room = self._room(instrument, market)
                    self._books.fill(working, room, order.price, Liquidity.MAKER, bar.ts_event, bar.ts_event, market)
        known = {working.order.client_order_id for working in there}
        for working in self._books.orders(instrument.id):
            if working.order.type is OrderType.STOP_MARKET and working.order.client_order_id not in known:
                self._trigger_within(working, low, high, bar.ts_event, instrument, market)

    def _trigger_within(
        self, working: Working, low: Decimal, high: Decimal, ts: int, instrument: Instrument, market: Market
    ) -> None:
        order = working.order
        if order.trigger_price is None or not _touched(order, low, high):
            return
        self._books.trigger(working)
        working.met = True
        at = min(max(order.trigger_price, low), high)
        taken = self._costs.slipped(at, order.side, instrument)
        if order.price is None or _takes(order, order.price, taken):
            self._books.fill(working, self._room(instrument, market), taken, Liquidity.TAKER, ts, ts, market)

    def _room(self, instrument: Instrument, market: Market) -> Decimal:
        """What the account may still trade of the bar; nothing while no bar was seen."""
        if market.volume is None:
            return ZERO
        return max(ZERO, round_quantity(market.volume * self._costs.participation - market.used, instrument))


def _touched(order: Order, low: Decimal, high: Decimal) -> bool:
    """Whether prices from `low` to `high` set the order off: a stop on its bad side, a target on its good one."""
    if order.trigger_price is None:
        return False
    rising = (order.side is OrderSide.BUY) is (order.type is not OrderType.TAKE_PROFIT_MARKET)
    return high >= order.trigger_price if rising else low <= order.trigger_price


def _takes(order: Order, limit: Decimal, taken: Decimal) -> bool:
    return taken <= limit if order.side is OrderSide.BUY else taken >= limit


def _through(order: Order, limit: Decimal, price: Decimal, instrument: Instrument) -> bool:
    """Whether the market traded a tick beyond a resting limit."""
    if order.side is OrderSide.BUY:
        return price <= limit - instrument.tick_size
    return price >= limit + instrument.tick_size
