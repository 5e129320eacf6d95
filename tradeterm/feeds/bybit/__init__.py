"""Live market data of Bybit's USDT perpetuals: public REST and the public stream."""

from tradeterm.feeds.bybit.feed import BybitFeed

__all__ = ["BybitFeed"]
