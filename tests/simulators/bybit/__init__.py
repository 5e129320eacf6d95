"""A Bybit venue for tests: REST, public and private stream on one loopback port."""

from simulators.bybit.coverage import NakedInterval
from simulators.bybit.faults import Fault, Faults, Rule
from simulators.bybit.limits import Limits
from simulators.bybit.model import Bar, Execution, Instrument, Key, Order, Position, default_instruments
from simulators.bybit.recorded import demo_bars
from simulators.bybit.signing import sign
from simulators.bybit.simulator import KEY, SECRET, BybitSimulator

__all__ = [
    "KEY",
    "SECRET",
    "Bar",
    "BybitSimulator",
    "Execution",
    "Fault",
    "Faults",
    "Instrument",
    "Key",
    "Limits",
    "NakedInterval",
    "Order",
    "Position",
    "Rule",
    "default_instruments",
    "demo_bars",
    "sign",
]
