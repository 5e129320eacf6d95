"""Indicators on float64 arrays; NaN where there is no value. The first axis is time."""

from tradeterm.indicators.rolling import sma

__all__ = ["sma"]
