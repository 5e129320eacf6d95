"""Bybit, with real orders: one session an API key, one broker a book."""

from tradeterm.brokers.bybit.broker import BybitBroker
from tradeterm.brokers.bybit.session import BybitVenue

__all__ = ["BybitBroker", "BybitVenue"]
