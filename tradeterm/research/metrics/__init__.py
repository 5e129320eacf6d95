"""The figures of a backtest: in all, beside its benchmarks, and broken down.

from tradeterm.research.metrics import breakdown, cautions, figure_text, figures

for figure in figures(result, trials=40):
    print(figure.label, figure_text(figure, currency="USDT"))
breakdown(result, "symbol")
"""

from tradeterm.research.figure import Figure, Group, Unit
from tradeterm.research.figure_text import figure_text, value_text
from tradeterm.research.metrics.benchmark import benchmarks, buy_and_hold, equal_weight
from tradeterm.research.metrics.breakdown import By, Row, breakdown
from tradeterm.research.metrics.figures import cautions, figures
from tradeterm.research.metrics.months import Month, months

__all__ = [
    "By",
    "Figure",
    "Group",
    "Month",
    "Row",
    "Unit",
    "benchmarks",
    "breakdown",
    "buy_and_hold",
    "cautions",
    "equal_weight",
    "figure_text",
    "figures",
    "months",
    "value_text",
]
