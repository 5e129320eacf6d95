"""The equity of a run of research and how far it was below its peak; of two runs, both; of variants, their returns."""

from collections.abc import Sequence

from tradeterm.ui import fmt
from tradeterm.ui.panels.outcome import OutcomePanel
from tradeterm.ui.panels.panel import sentence
from tradeterm.ui.research.outcome import Backtest, LookAhead, Point, Robustness, Sweep, WalkForward
from tradeterm.ui.research.spread import groups_of, spread_lines
from tradeterm.ui.research.words import short_title, value_text
from tradeterm.ui.widgets.axes import time_labels
from tradeterm.ui.widgets.curves import Curve, Stroke, curve_lines
from tradeterm.ui.widgets.line_chart import plot_lines
from tradeterm.ui.widgets.tones import Line, clipped, glyphs_of

_BOTH = 10  # lines that two plots need


class GrowthPanel(OutcomePanel):
    """Times are UTC, as in all of research."""

    def paint(self, width: int, height: int) -> Sequence[Line]:
        match self._outcomes:
            case [Backtest() as one]:
                return self._backtest(one, width, height)
            case [WalkForward() as walked]:
                walk = walked.walk_forward
                points = tuple(zip(walk.ts, walk.equity, strict=False))
                return self._one(points, "", (("joined out of sample", "muted"),), width, height)
            case [Robustness() | Sweep() as varied]:
                return self._varied(varied, width, height)
            case [Backtest() as one, Backtest() as other]:
                return self._two(one, other, width, height)
            case [LookAhead()]:
                return sentence("A look-ahead test has no curve.", width)[:height]
        return sentence(self.lack, width)[:height]

    def _one(self, points: Sequence[Point], currency: str, words: Line, width: int, height: int) -> Sequence[Line]:
        glyphs = glyphs_of(self)
        if len(points) < 2:
            return sentence("Too short for a curve: it has a point a day.", width)[:height]
        room = height - 1
        above = room if room < _BOTH else (room - 1) * 3 // 5
        lines = [
            clipped(words, width, glyphs.ellipsis),
            *plot_lines(points, width, above, show=lambda value: fmt.money(value, currency, 0), glyphs=glyphs),
        ]
        if above < room:
            fallen = fallen_from_peak(points)
            deepest = fmt.percent(min(value for _, value in fallen), 2)
            lines.append(clipped((("below its peak, deepest ", "muted"), (deepest, "")), width))
            under = room - above - 1
            lines += plot_lines(fallen, width, under, fill=True, tone="down", show=_percent, glyphs=glyphs)
        return lines[:height]

    def _backtest(self, one: Backtest, width: int, height: int) -> Sequence[Line]:
        """Equity beside buying and holding, within the curves its days drawn again would have made."""
        glyphs, currency = glyphs_of(self), one.book.currency
        if len(one.equity) < 2 or not one.benchmark:
            return self._one(one.equity, currency, _words(one), width, height)
        curves = [Curve(one.benchmark, "muted", "held", Stroke.DOTTED, "o"), Curve(one.equity, "line", "equity")]
        said = _words(one)
        if one.fan is not None:
            low, high = (tuple(zip(one.fan.ts, one.fan.quantiles[level], strict=True)) for level in ("0.05", "0.95"))
            curves = [
                Curve(low, "down", "5 %", Stroke.DOTTED, "."),
                Curve(high, "up", "95 %", Stroke.DOTTED, "."),
                *curves,
            ]
            said = (*said, (f"  5, 95 % of {one.fan.paths} resampled", "muted"))
        room = height - 1
        above = room if room < _BOTH else (room - 1) * 3 // 5
        lines = [clipped(said, width, glyphs.ellipsis)]
        lines += curve_lines(curves, width, above, show=_whole, below=_times, glyphs=glyphs)
        if above < room:
            fallen = fallen_from_peak(one.equity)
            deepest = fmt.percent(min(value for _, value in fallen), 2)
            lines.append(clipped((("below its peak, deepest ", "muted"), (deepest, "")), width))
            lines += plot_lines(fallen, width, room - above - 1, fill=True, tone="down", show=_percent, glyphs=glyphs)
        return lines[:height]

    def _two(self, one: Backtest, other: Backtest, width: int, height: int) -> Sequence[Line]:
        glyphs = glyphs_of(self)
        runs = ((one, "line", Stroke.SOLID, "*"), (other, "bright", Stroke.DOTTED, "o"))
        grown = [Curve(_grown(run.equity), tone, short_title(run), stroke, sign) for run, tone, stroke, sign in runs]
        above = height if height < _BOTH else (height - 1) * 3 // 5
        lines = curve_lines(grown, width, above, show=_percent, below=_times, glyphs=glyphs)
        if above < height:
            fallen = [
                Curve(tuple(fallen_from_peak(run.equity)), tone, short_title(run), stroke, sign)
                for run, tone, stroke, sign in runs
            ]
            lines.append((("below their peaks", "muted"),))
            lines += curve_lines(fallen, width, height - above - 1, show=_percent, below=_times, glyphs=glyphs)
        return lines[:height]

    def _varied(self, outcome: Robustness | Sweep, width: int, height: int) -> Sequence[Line]:
        glyphs = glyphs_of(self)
        note = "Return of every variant; the bar is zero."
        if isinstance(outcome, Robustness):
            note += " * quantiles of 5, 50 and 95 %."
        notes = sentence(note, width)
        return [*self.window(spread_lines(groups_of(outcome), width, glyphs), height - len(notes)), *notes][:height]


def fallen_from_peak(points: Sequence[Point]) -> list[Point]:
    """How far below its highest so far, as a fraction of that: 0 or less."""
    peak, found = points[0][1] if points else 0.0, []
    for ts, value in points:
        peak = max(peak, value)
        found.append((ts, value / peak - 1 if peak > 0 else 0.0))
    return found


def _grown(points: Sequence[Point]) -> tuple[Point, ...]:
    start = points[0][1] if points else 0.0
    return tuple((ts, value / start - 1) for ts, value in points) if start > 0 else ()


def _words(outcome: Backtest) -> Line:
    gain = outcome.figure("total_return")
    if gain is None:
        return ()
    return (
        ("return ", "muted"),
        (value_text(gain.value, gain.unit, signed=True), "bold"),
        ("  buy & hold ", "muted"),
        (value_text(gain.buy_and_hold, gain.unit, signed=True), ""),
    )


def _whole(value: float) -> str:
    return fmt.money(value, places=0)


def _percent(value: float) -> str:
    return fmt.percent(value, 1)


def _times(xs: Sequence[float]) -> str:
    return time_labels([int(x) for x in xs], len(xs))
