"""Charts drawn by matplotlib. Colours are words of the page: each is written as a code that `svg` turns into the style
sheet's variable of that name, so that one drawing serves light, dark and print."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from tradeterm.research.report.cells import printable
from tradeterm.research.report.curve import EquityCurve
from tradeterm.research.report.facts import Curve
from tradeterm.strategies.panel import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FONT = 12.5
_POINTS_PER_INCH = 72  # of SVG: a point is a pixel of the page
_LOG_FROM = 5.0
_FEW = 10.0
"""Ranges up to this need places after the point."""
_MOST_BINS = 60
_DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (2, 2)), (0, (8, 2, 2, 2)))


class Ink(StrEnum):
    """A colour of the style sheet, as the code that stands for it in a drawing."""

    TEXT = "#000001"
    MUTED = "#000002"
    GRID = "#000003"
    LINE = "#000004"
    OTHER = "#000005"
    GAIN = "#000006"
    LOSS = "#000007"


def equity_chart(curve: EquityCurve, width: int) -> "Figure":
    """Equity, and below it the fall from the peak."""
    from matplotlib.ticker import PercentFormatter

    figure = _figure(width, 380 if width > 500 else 340)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    ts = curve.ts.astype("datetime64[ms]")
    upper.plot(ts, curve.equity, color=Ink.LINE, linewidth=1.8)
    _money_axis(upper, curve.equity)
    lower.fill_between(ts, curve.fall, 0, color=Ink.LOSS, alpha=0.28, linewidth=0)
    lower.plot(ts, curve.fall, color=Ink.LOSS, linewidth=1)
    lower.set_ylim(top=0)
    lower.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    for axes, title in ((upper, "Equity"), (lower, "Fall from the peak")):
        axes.set_title(title, loc="left", fontsize=FONT, color=Ink.MUTED)
        _quiet(axes)
    _time_axis(lower)
    return figure


def market_chart(curve: EquityCurve, width: int) -> "Figure":
    """Equity beside that of buying and holding, on a scale of its own: the one may be flat beside the other."""
    figure = _figure(width, 260)
    axes = figure.subplots()
    ts = curve.ts.astype("datetime64[ms]")
    axes.plot(ts, curve.equity, color=Ink.LINE, linewidth=1.8, label="Strategy")
    axes.plot(ts, curve.held, color=Ink.OTHER, linewidth=1.2, dashes=(4, 2), label="Buy and hold", zorder=1.9)
    _money_axis(axes, np.concatenate((curve.equity, curve.held)))
    _legend(axes)
    _quiet(axes)
    _time_axis(axes)
    return figure


def histogram(values: Floats, unit: str, width: int) -> "Figure":
    """How many trades ended where, losers and winners apart, with the average marked."""
    from matplotlib.ticker import MaxNLocator

    figure = _figure(width, 260)
    axes = figure.subplots()
    low, high = float(values.min()), float(values.max())
    count = int(np.clip(2 * len(values) ** 0.5, 8, _MOST_BINS if width > 500 else _MOST_BINS // 2))
    step = (high - low or 1.0) / count
    edges = step * np.arange(np.floor(low / step), np.ceil(high / step) + 1)  # 0 is an edge: no bar is half a loss
    if len(edges) < 2:
        edges = step * np.array([-1.0, 0.0, 1.0])
    for mine, ink in ((values[values < 0], Ink.LOSS), (values[values >= 0], Ink.GAIN)):
        axes.hist(mine, bins=list(edges), color=ink, rwidth=0.9)
    axes.axvline(0, color=Ink.MUTED, linewidth=1)
    mean = float(values.mean())
    axes.axvline(mean, color=Ink.TEXT, linewidth=1.2, linestyle=(0, (4, 2)), label=f"Average {mean:+.2f} {unit}")
    _legend(axes)
    axes.set_xlabel(f"Result of a trade, {unit}")
    axes.set_ylabel("Trades")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    _quiet(axes)
    return figure


def curves_chart(curves: Sequence[Curve], width: int) -> "Figure":
    """Lines on common axes, told apart by their dashes too."""
    figure = _figure(width, 300)
    axes = figure.subplots()
    inks = (Ink.LINE, Ink.OTHER, Ink.GAIN, Ink.LOSS)
    for number, curve in enumerate(curves):
        x = np.asarray(curve.x, dtype=np.float64)
        dashes = _DASHES[number // len(inks) % len(_DASHES)] if len(curves) > len(inks) else _DASHES[number]
        axes.plot(
            x.astype(np.int64).astype("datetime64[ms]") if curve.is_time else x,
            np.asarray(curve.y, dtype=np.float64),
            color=inks[number % len(inks)],
            linewidth=1.6,
            linestyle=dashes,
            label=printable(curve.label),
        )
    if any(curve.is_time for curve in curves):
        _time_axis(axes)
    _thousands(axes, np.concatenate([np.asarray(curve.y, dtype=np.float64) for curve in curves]))
    _legend(axes)
    _quiet(axes)
    return figure


def _figure(width: int, height: int) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width / _POINTS_PER_INCH, height / _POINTS_PER_INCH), layout="constrained", facecolor="none")


def _money_axis(axes: "Axes", shown: Floats) -> None:
    """By factors where equity grew or fell by many, so that a move of a tenth is as high everywhere."""
    from matplotlib.ticker import LogLocator, NullLocator

    if shown.min() > 0 and shown.max() / shown.min() > _LOG_FROM:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(NullLocator())
    _thousands(axes, shown)


def _thousands(axes: "Axes", shown: Floats) -> None:
    from matplotlib.ticker import StrMethodFormatter

    known = shown[np.isfinite(shown)]
    if known.size and np.ptp(known) > _FEW:
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def _legend(axes: "Axes") -> None:
    legend = axes.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=4,
        frameon=False,
        borderpad=0,
        handlelength=1.8,
        fontsize=FONT,
        labelcolor=Ink.TEXT,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)  # a label is outside text, in which a dollar means nothing


def _time_axis(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    offset = axes.xaxis.get_offset_text()
    offset.set_color(Ink.MUTED)
    offset.set_fontsize(FONT)


def _quiet(axes: "Axes") -> None:
    """Nothing but the data and faint lines across."""
    axes.set_facecolor("none")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(Ink.GRID)
    axes.tick_params(length=0, labelsize=FONT, labelcolor=Ink.MUTED)
    axes.grid(axis="y", color=Ink.GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.005)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(Ink.MUTED)
        label.set_fontsize(FONT)
