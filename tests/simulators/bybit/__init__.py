"""A Bybit venue for tests: REST, public and private stream on one loopback port.

async with BybitSimulator(prices={"BTCUSDT": 60000}) as venue:       # in this loop
with BybitSimulator.in_thread(seed=1) as venue:                      # in a thread and loop of its own

venue.rest_url, venue.public_url, venue.private_url                  # keys: KEY, SECRET
venue.set_price("BTCUSDT", "59000")                                  # match, trigger, push; from any thread
venue.load_bars(...), venue.play(...), demo_bars(instrument)         # recorded candles
venue.faults.timeout("order/create", after=True)                     # see Faults; storm() is all of them by chance
venue.manual(...), venue.settle_funding(...), venue.go_down(1.0)     # see Controls
venue.orders, venue.executions, venue.positions, venue.wallet        # the truth
venue.naked_intervals(), venue.duplicates(), venue.fault_log
"""

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
