"""A book's equity ahead, simulated from its own closed trades: bands, and what is how likely."""

from collections.abc import Sequence

import msgspec

from tradeterm.domain.facts import FanFact
from tradeterm.ui import fmt
from tradeterm.ui.panels.panel import ChoicePanel, Detail, give_or_take, sentence
from tradeterm.ui.plain import plain
from tradeterm.ui.widgets.curves import Curve, Stroke, curve_lines
from tradeterm.ui.widgets.tones import Line, clipped, glyphs_of

LEAST_TRADES = 30  # of tradeterm.quant.equity_fan, which is too heavy to import here
_PLOT = 5


class FanPanel(ChoicePanel):
    """The newest fan of each book."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._fans: dict[str, FanFact] = {}
        self._trades: dict[str, int] = {}
        self._limits: dict[str, float] = {}

    def set_fans(self, fans: Sequence[FanFact], trades: dict[str, int], limits: dict[str, float]) -> None:
        """`trades` are the closed ones of every book, `limits` their largest drawdowns allowed where known."""
        self._fans = {fan.book: fan for fan in fans}
        self._trades, self._limits = trades, limits
        self.set_choices(list(trades))
        self.repaint()

    @property
    def fan(self) -> FanFact | None:
        return self._fans.get(self.chosen)

    def move(self, step: int) -> None:
        super().move(step)
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        fan, glyphs = self.fan, glyphs_of(self)
        if fan is None or not fan.bands:
            return sentence(self._lack(), width)[:height]
        words = [clipped(line, width, glyphs.ellipsis) for line in self._words(fan)]
        if height < _PLOT:
            return words[:height]
        if height - len(words) < _PLOT:
            words = words[: max(0, height - _PLOT)]
        plot = curve_lines(
            fan_curves(fan), width, height - len(words), show=_thousands, below=trades_ahead, glyphs=glyphs
        )
        return [*words, *plot]

    def _lack(self) -> str:
        fan = self.fan
        told = fan.numbers.get("trades") if fan is not None else None
        trades = self._trades.get(self.chosen, 0) if told is None else int(told)
        if trades >= LEAST_TRADES:
            return f"Not simulated yet: {trades} closed trades are enough, it comes with the next fit."
        return f"Not enough data: {trades} of {LEAST_TRADES} closed trades."

    def _words(self, fan: FanFact) -> list[Line]:
        numbers, sign = fan.numbers, give_or_take(glyphs_of(self).ascii)
        limit = self._limits.get(fan.book)
        deep = f"  fall over {fmt.percent(limit, 0)} " if limit is not None else "  fall over the limit "
        likely: Line = (
            ("gain ", "muted"),
            (_probability(numbers, "profit", sign), "bold"),
            (deep, "muted"),
            (_probability(numbers, "deep", sign), "bold"),
        )
        depths = [fmt.percent(numbers.get(f"drawdown_{level}"), 1) for level in (50, 95, 99)]
        depth: Line = (
            ("deepest fall ", "muted"),
            (depths[0], ""),
            (", 1 in 20 ", "muted"),
            (depths[1], ""),
            (", 1 in 100 ", "muted"),
            (depths[2], ""),
        )
        return [likely, depth]

    def detail(self) -> Detail | None:
        fan = self.fan
        if fan is None or not fan.bands:
            return None
        lines = [
            f"Simulated: {fan.paths} paths of {fan.steps[-1] if fan.steps else 0} trades, drawn in blocks from"
            f" {fan.numbers.get('trades') or 0:.0f} closed trades of {plain(fan.book)}; seed {fan.seed}",
            "",
            f"{'trades':>7} " + " ".join(f"{float(level):>11.0%}" for level in fan.bands),
        ]
        for at, step in enumerate(fan.steps):
            lines.append(f"{step:>7} " + " ".join(f"{_thousands(band[at]):>11}" for band in fan.bands.values()))
        lines.append("")
        lines += ["".join(text for text, _ in line) for line in self._words(fan)]
        return Detail("\n".join(lines), msgspec.to_builtins(fan))


def fan_curves(fan: FanFact) -> list[Curve]:
    """The bands as curves: the outer ones dotted, the median solid and last, so that it lies on top."""
    levels = sorted(fan.bands, key=lambda level: -abs(float(level) - 0.5))
    curves = []
    for level in levels:
        points = tuple((float(step), value) for step, value in zip(fan.steps, fan.bands[level], strict=True))
        middle, outer = float(level) == 0.5, abs(float(level) - 0.5) > 0.3
        curves.append(
            Curve(
                points,
                "line" if middle else "muted",
                "median" if middle else f"{float(level):.0%}",
                Stroke.DOTTED if outer else Stroke.SOLID,
                "#" if middle else "." if outer else ":",
            )
        )
    return curves


def trades_ahead(xs: Sequence[float]) -> str:
    """The line under the plot: how many trades ahead."""
    if len(xs) < 20:
        return ""
    return "now" + f"in {xs[-1]:.0f} trades".rjust(len(xs) - 3)


def _probability(numbers: dict[str, float | None], name: str, sign: str) -> str:
    """ "63.0% ± 1.5": the standard error is in points."""
    error = numbers.get(f"{name}_se")
    return fmt.percent(numbers.get(name), 1) + (f" {sign} {100 * error:.1f}" if error is not None else "")


def _thousands(value: float) -> str:
    return fmt.money(value, places=0)
