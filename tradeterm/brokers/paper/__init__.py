"""The paper venue: simulated fills on real prices, with a durable book of its own."""

from tradeterm.brokers.paper.broker import PaperBroker

__all__ = ["PaperBroker"]
