"""Research: backtests by the fill rules of `fills.py`.

from tradeterm.research import ExitPolicy, backtest, panel_of

panel = panel_of(open, high, low, close, ts=times, interval="1h")
result = backtest(panel, signals, exits=ExitPolicy(stop=0.02, target=0.04))
result.metrics, result.equity, result.to_frame()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradeterm.research.backtesting import backtest
    from tradeterm.research.bars import Liquidity
    from tradeterm.research.costs import Costs
    from tradeterm.research.fills import Anchor, EntryBar, ExitPolicy
    from tradeterm.research.panels import panel_of
    from tradeterm.research.result import Result
    from tradeterm.research.sizers import (
        DeskSizer,
        EquityFraction,
        FixedQuantity,
        MaxExposure,
        MaxPositions,
        RiskFraction,
    )

__all__ = [
    "Anchor",
    "Costs",
    "DeskSizer",
    "EntryBar",
    "EquityFraction",
    "ExitPolicy",
    "FixedQuantity",
    "Liquidity",
    "MaxExposure",
    "MaxPositions",
    "Result",
    "RiskFraction",
    "backtest",
    "panel_of",
]

_HOME = {
    "Anchor": "fills",
    "Costs": "costs",
    "EntryBar": "fills",
    "ExitPolicy": "fills",
    "Liquidity": "bars",
    "Result": "result",
    "backtest": "backtesting",
    "panel_of": "panels",
}


def __getattr__(name: str) -> Any:
    """Each name on its first use: commands that only look at stored data start without the simulator and the desk."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'sizers')}"), name)
