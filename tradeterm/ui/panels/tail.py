"""What may be lost in a day: VaR and CVaR over time, the losses that came, and those that were larger."""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from itertools import pairwise

import msgspec

from tradeterm.domain.facts import RiskSnapshotFact
from tradeterm.domain.market import DAY_MS
from tradeterm.ui import fmt
from tradeterm.ui.panels.correlation import LEAST_ROWS
from tradeterm.ui.panels.panel import ChoicePanel, Detail, sentence
from tradeterm.ui.plain import plain
from tradeterm.ui.widgets.axes import time_labels
from tradeterm.ui.widgets.curves import Cross, Curve, Stroke, curve_lines
from tradeterm.ui.widgets.tones import Line, Span, clipped, glyphs_of

LEAST_DAYS = 250  # of tradeterm.quant.desk_risk, which is too heavy to import here
METHODS = (
    ("", "normal (the limits use it)"),
    ("_historical", "historical"),
    ("_student_t", "Student-t"),
    ("_filtered", "GARCH-filtered"),
    ("_monte_carlo", "Monte Carlo (simulated)"),
)
_PLOT = 6  # lines without which a plot says nothing
_COMPONENT = "component_var_99/"
_LATE_MS = 12 * 3_600_000


class TailPanel(ChoicePanel):
    """The desk's snapshots (key ""), or a book's."""

    def __init__(self, *, tz: tzinfo = UTC, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tz = tz
        self._snapshots: Sequence[RiskSnapshotFact] = ()

    def set_snapshots(self, snapshots: Sequence[RiskSnapshotFact]) -> None:
        """Oldest first."""
        self._snapshots = snapshots
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        glyphs = glyphs_of(self)
        if not self._snapshots:
            return sentence("No forecast yet: the first comes with the risk models' first fit.", width)[:height]
        values = self._snapshots[-1].values
        words = [clipped(line, width, glyphs.ellipsis) for line in _words(values, width)]
        if height < _PLOT or not self._anything():
            return words[:height]
        words = words[: max(1, height - _PLOT)]
        return [*words, *self._plot(width, height - len(words))]

    def _anything(self) -> bool:
        """Whether there is anything to plot: before the first trade all is zero."""
        return any(snapshot.values.get("cvar_99") for snapshot in self._snapshots)

    def _plot(self, width: int, height: int) -> list[Line]:
        def below(xs: Sequence[float]) -> str:
            return time_labels([round(x) for x in xs], len(xs), self._tz)

        def series(name: str) -> tuple[tuple[float, float | None], ...]:
            return tuple((snapshot.ts, snapshot.values.get(name)) for snapshot in self._snapshots)

        losses = daily_losses(self._snapshots)
        curves = (
            Curve(losses, "volume", "lost in a day", Stroke.FILLED, "."),
            Curve(series("cvar_99"), "warn", "CVaR 99", Stroke.DOTTED, "c"),
            Curve(series("var_99"), "line", "VaR 99", Stroke.SOLID, "v"),
        )
        crosses = [Cross(ts, loss) for ts, loss in exceedances(self._snapshots)]
        return curve_lines(curves, width, height, show=_percent, below=below, crosses=crosses, glyphs=glyphs_of(self))

    def detail(self) -> Detail | None:
        if not self._snapshots:
            return None
        newest = self._snapshots[-1]
        return Detail("\n".join(_detail(newest, self._tz)), msgspec.to_builtins(newest))


def daily_losses(snapshots: Sequence[RiskSnapshotFact]) -> tuple[tuple[float, float | None], ...]:
    """What was lost in the day up to each snapshot, a fraction; 0 for a gain, None if not known."""
    known = [(snapshot.ts, equity) for snapshot in snapshots if (equity := snapshot.values.get("equity"))]
    losses: list[tuple[float, float | None]] = []
    first = 0
    for ts, equity in known:
        while known[first + 1][0] <= ts - DAY_MS if first + 1 < len(known) else False:
            first += 1
        then, before = known[first]
        seen = then <= ts - DAY_MS < then + _LATE_MS and before > 0
        losses.append((ts, max(0.0, 1 - equity / before) if seen else None))
    return tuple(losses)


def exceedances(snapshots: Sequence[RiskSnapshotFact]) -> list[tuple[int, float]]:
    """When a day ended on which more was lost than the 99 % VaR before it, as the engine counted, and how much."""
    losses = dict(daily_losses(snapshots))
    found = []
    for before, after in pairwise(snapshots):
        counted, now = before.values.get("hits_99"), after.values.get("hits_99")
        if counted is not None and now is not None and now > counted:
            found.append((after.ts, losses.get(after.ts) or after.values.get("var_99") or 0.0))
    return found


def missing(values: dict[str, float | None]) -> str:
    """Why there is no VaR, in words; empty where there is one."""
    if values.get("var_99") is not None:
        return ""
    rows = values.get("rows") or 0.0
    if rows < LEAST_ROWS:
        return f"Not enough data: {rows:.0f} of {LEAST_ROWS} common returns."
    if values.get("equity") is None:
        return "Not known: the equity is not known."
    return "Not known: something that is held has too little history."


def tested(values: dict[str, float | None]) -> str:
    """How the forecasts have done, in words: what was held at the forecast against a day in which it was traded."""
    days = values.get("days") or 0.0
    if not days:
        return "No forecast has seen its day end yet."
    beyond_99, beyond_95 = values.get("hits_99") or 0, values.get("hits_95") or 0
    said = f"{beyond_99:.0f} of {days:.0f} days, with trading, beyond 99%, {beyond_95:.0f} beyond 95%"
    if days < LEAST_DAYS:
        return f"{said}; tests need {LEAST_DAYS}"
    return f"{said}; Kupiec p {_p(values, 'kupiec_99')}, Christoffersen p {_p(values, 'christoffersen_99')}"


def _words(values: dict[str, float | None], width: int) -> list[Line]:
    lack = missing(values)
    if lack:
        return [*sentence(lack, width, "warn"), *sentence(tested(values), width)]
    figures = [(f"{fmt.percent(values.get(name), 2)}", "bold") for name in ("var_99", "cvar_99", "var_95", "cvar_95")]
    first: Line = (
        ("99%: VaR ", "muted"),
        figures[0],
        (" CVaR ", "muted"),
        figures[1],
        ("  95%: ", "muted"),
        figures[2],
        (" ", ""),
        figures[3],
    )
    if not values.get("var_99"):
        return [first, (("Nothing is held, so nothing is at risk.", "muted"),), *sentence(tested(values), width)]
    others: list[Span] = []
    for suffix, name in (("_historical", "history"), ("_student_t", "Student-t"), ("_filtered", "GARCH")):
        others += [(f"{name} ", "muted"), (f"{fmt.percent(values.get(f'var_99{suffix}'), 2)}  ", "")]
    return [first, *sentence(tested(values), width), tuple(others)]


def _detail(newest: RiskSnapshotFact, tz: tzinfo) -> list[str]:
    values = newest.values
    lines = [
        f"{plain(newest.book) or 'the desk'}, one day ahead, of its equity, at {fmt.moment(newest.ts, tz)}",
        f"{values.get('rows') or 0:.0f} common returns",
        missing(values),
        "",
        f"{'':<27} {'VaR 95':>8} {'CVaR 95':>8} {'VaR 99':>8} {'CVaR 99':>8}",
    ]
    for suffix, name in METHODS:
        figures = [f"{figure}_{level}{suffix}" for level in ("95", "99") for figure in ("var", "cvar")]
        lines.append(f"{name:<27} " + " ".join(f"{fmt.percent(values.get(figure), 2):>8}" for figure in figures))
    parts = {name[len(_COMPONENT) :]: value for name, value in values.items() if name.startswith(_COMPONENT)}
    if parts:
        lines += ["", "What each instrument brings to VaR 99"]
        lines += [f"  {plain(name):<30} {fmt.signed_percent(value)}" for name, value in parts.items()]
    lines += ["", tested(values)]
    for level in ("95", "99"):
        if values.get(f"kupiec_{level}") is not None:
            lines.append(
                f"  VaR {level}: coverage (Kupiec) p {_p(values, f'kupiec_{level}')},"
                f" independence (Christoffersen) p {_p(values, f'christoffersen_{level}')}"
            )
    if values.get("market_volatility") is not None:
        lines += ["", f"market of the book, next day: deviation {fmt.percent(values['market_volatility'], 2)} (GARCH),"]
        lines.append(f"probability of the wilder state {fmt.percent(values.get('market_stress'), 0)} (hidden Markov)")
    return [line for at, line in enumerate(lines) if line or at]


def _p(values: dict[str, float | None], name: str) -> str:
    return fmt.number(values.get(name), 3)


def _percent(value: float) -> str:
    return fmt.percent(value, 2)
