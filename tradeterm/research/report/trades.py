"""The trades themselves: how their results spread, and all of them one by one."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tradeterm.research.metrics import Unit, value_text
from tradeterm.research.report.facts import Table
from tradeterm.research.result import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LISTED = 1000


class Distribution(NamedTuple):
    """A histogram, and what it shows in words."""

    text: str
    draw: "Callable[[int], Figure]"


def distribution(result: Result) -> Distribution | None:
    """Of results in multiples of the risk, or in per cent of the money put in where any trade had no stop; None without
    trades."""
    trades = result.trades
    if not len(trades):
        return None
    if (trades.risk > 0).all():
        values, unit = trades.pnl / trades.risk, "R"
    else:
        values, unit = 100 * trades.pnl / (trades.quantity * trades.entry_price), "%"

    def draw(width: int) -> "Figure":
        from tradeterm.research.report.charts import histogram

        return histogram(values, unit, width)

    low, middle, high = (f"{value:+.2f} {unit}" for value in np.quantile(values, (0.05, 0.5, 0.95)))
    what = "of the loss at its initial stop" if unit == "R" else "of the money put in"
    text = f"Net result of each trade in multiples {what}. " if unit == "R" else f"Net result of each trade {what}. "
    return Distribution(
        f"{text}Average {values.mean():+.2f} {unit}, median {middle}; 9 of 10 lie from {low} to {high}.", draw
    )


def trade_list(result: Result, currency: str) -> tuple[str, Table]:
    """A title, and the trades in the order they closed; of more than MOST_LISTED those that moved the most money.
    Of several books each trade says whose it is."""
    trades, owners = result.trades, result.simulation.owners
    chosen, title = np.arange(len(trades)), f"All {len(trades):,} trades"
    if len(trades) > MOST_LISTED:
        largest = np.argsort(-np.abs(trades.pnl), kind="stable")[:MOST_LISTED]
        chosen = np.sort(largest)
        title = f"The {MOST_LISTED:,} of {len(trades):,} trades that gained or lost the most"
    wanted = set(chosen.tolist())
    rows = tuple(
        (
            str(number + 1),
            *((owners[instrument],) if owners else ()),
            trade.instrument,
            "long" if trade.side > 0 else "short",
            value_text(trade.entry_ts, Unit.TIME),
            value_text(trade.exit_ts, Unit.TIME),
            f"{trade.quantity:.6g}",
            f"{trade.entry_price:.6g}",
            f"{trade.exit_price:.6g}",
            str(trade.reason),
            value_text(trade.pnl, Unit.MONEY, currency),
            value_text(trade.r_multiple, Unit.RATIO),
        )
        for number, (instrument, trade) in enumerate(zip(trades.instrument.tolist(), trades, strict=True))
        if number in wanted
    )
    columns = (
        "#",
        *(("Book",) if owners else ()),
        "Symbol",
        "Side",
        "Entry, UTC",
        "Exit, UTC",
        "Quantity",
        "Entry at",
        "Exit at",
        "Reason",
        "Net",
        "R",
    )
    return title, Table(columns, rows, title)
