"""Prices and costs of simulated fills: always on the tick, always against the trader."""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from msgspec import Struct

from tradeterm.config import PaperConfig
from tradeterm.domain.events import BarClosed, FundingUpdate, MarketEvent, QuoteUpdate
from tradeterm.domain.instrument import Instrument, round_price, round_price_down, round_price_up
from tradeterm.domain.orders import Liquidity, OrderSide

_CENT = Decimal("0.00000001")


class Costs(Struct, frozen=True):
    """The configured costs as exact numbers."""

    taker_fee: Decimal
    maker_fee: Decimal
    slippage: Decimal
    participation: Decimal
    latency_ms: int

    @classmethod
    def of(cls, config: PaperConfig) -> "Costs":
        return cls(
            taker_fee=Decimal(str(config.taker_fee)),
            maker_fee=Decimal(str(config.maker_fee)),
            slippage=Decimal(str(config.slippage)),
            participation=Decimal(str(config.participation)),
            latency_ms=config.latency_ms,
        )

    def slipped(self, price: Decimal, side: OrderSide, instrument: Instrument) -> Decimal:
        """`price` made worse for the trader: a buyer pays more, a seller gets less, rounded that way too."""
        if side is OrderSide.BUY:
            return round_price_up(price * (1 + self.slippage), instrument)
        return max(round_price_down(price * (1 - self.slippage), instrument), instrument.tick_size)

    def fee(self, notional: Decimal, liquidity: Liquidity) -> Decimal:
        """What a fill costs (negative: a rebate), to 8 places, rounded against the trader."""
        rate = self.maker_fee if liquidity is Liquidity.MAKER else self.taker_fee
        return (notional * rate).quantize(_CENT, rounding=ROUND_CEILING)


def usable(event: MarketEvent) -> bool:
    """Whether every price is a positive number, and volume and rate are numbers."""
    match event:
        case QuoteUpdate(quote=quote):
            prices = [price for price in (quote.last, quote.bid, quote.ask) if price is not None]
        case BarClosed(bar=bar):
            prices = [bar.open, bar.high, bar.low, bar.close]
            if not (math.isfinite(bar.volume) and bar.volume >= 0):
                return False
        case FundingUpdate(funding=funding):
            return math.isfinite(funding.rate)
    return all(math.isfinite(price) and price > 0 for price in prices)


def exact(price: float, instrument: Instrument) -> Decimal:
    """A recorded price on the instrument's tick. Raises ValueError where it is not a positive number."""
    found = round_price(Decimal(repr(price)), instrument)
    if found <= 0:
        raise ValueError(f"{instrument.id}: found a price of {price}, allowed above 0")
    return found


def received(amount: Decimal) -> Decimal:
    """Money to 8 places, rounded against the trader."""
    return amount.quantize(_CENT, rounding=ROUND_FLOOR)


class PricePoint(Struct, frozen=True):
    """A price at one moment: a bar's opening or a quote.

    `span_ms` is how long it stands: an opening price stands for its whole bar, as nothing inside is known; a quote
    only for its moment.
    """

    ts: int
    last: Decimal
    bid: Decimal | None = None
    ask: Decimal | None = None
    span_ms: int = 0

    def taken(self, side: OrderSide, costs: Costs, instrument: Instrument) -> Decimal:
        """What an order that takes liquidity gets: the other side of the book, else the last price with slippage."""
        other = self.ask if side is OrderSide.BUY else self.bid
        return costs.slipped(self.last, side, instrument) if other is None else other

    def reached(self, since: int, arrival: int) -> bool:
        """Whether an order submitted at `since` that arrives at `arrival` meets this price."""
        return since <= self.ts and (arrival <= self.ts or arrival < self.ts + self.span_ms)
