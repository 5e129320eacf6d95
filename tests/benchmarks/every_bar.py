"""EOS in its simplest form as a Python function that sees each bar: `python every_bar.py FOLDER SYMBOL,SYMBOL…`.

One run of the public function on imported 1-minute bars, with the numbers of `backtest_speed.py`, which times it as a
whole process. Prints trades and metrics as JSON; the run is not kept.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from tradeterm.research import Costs, ExitPolicy, MaxPositions, backtest
from tradeterm.research.data.panels import load_panel

THRESHOLD, DAY_BARS = 0.04, 1440
Prices = tuple[float, float, float, float]


def crossing(name: str) -> Callable[[int, Prices, int], int]:
    """Fade a close that crosses the threshold from the day's open."""
    was = 0
    down = up = 0.0

    def on_bar(row: int, prices: Prices, side: int) -> int:
        nonlocal was, down, up
        if not row % DAY_BARS:
            was, down, up = 0, prices[0] * (1 - THRESHOLD), prices[0] * (1 + THRESHOLD)
        close = prices[3]
        now = 1 if close < down else -1 if close > up else 0
        if now == was:
            return 0
        was = now
        return now

    return on_bar


def main() -> None:
    folder, symbols = Path(sys.argv[1]), sys.argv[2].split(",")
    result = backtest(
        load_panel(folder, symbols, "1m"),
        crossing,
        exits=ExitPolicy(stop=0.02, target=0.03, trail=0.015, trail_after=0.01, session_end=True),
        costs=Costs(fee=0.00055, slippage=0.0002),
        size=0.10,
        limits=MaxPositions(len(symbols)),
    )
    told = {"trades": [trade.pnl for trade in result.trades], "metrics": msgspec.to_builtins(result.metrics)}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main()
