"""A Bybit venue for tests: REST, public and private stream on one loopback port."""

from simulators.bybit.limits import Limits
from simulators.bybit.model import Bar, Execution, Instrument, Key, Order, Position
from simulators.bybit.simulator import KEY, SECRET, BybitSimulator

__all__ = ["KEY", "SECRET", "Bar", "BybitSimulator", "Execution", "Instrument", "Key", "Limits", "Order", "Position"]
