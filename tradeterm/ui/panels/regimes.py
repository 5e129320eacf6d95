"""What each instrument's price is doing, in words, and what it did before, as a strip of letters."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, tzinfo

import msgspec
from msgspec import Struct

from tradeterm.domain.facts import RegimeFact
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.domain.states import Regime
from tradeterm.domain.view import RegimeView
from tradeterm.ui import fmt
from tradeterm.ui.panels.correlation import short_names
from tradeterm.ui.panels.panel import Detail, Panel, sentence
from tradeterm.ui.plain import fit, plain
from tradeterm.ui.tables.common import in_words, symbol
from tradeterm.ui.widgets.axes import time_labels
from tradeterm.ui.widgets.tones import Line, Span, glyphs_of

LETTERS = {
    Regime.TREND_UP: ("U", "up"),
    Regime.TREND_DOWN: ("D", "down"),
    Regime.RANGE: ("R", "accent"),
    Regime.CHOP: ("C", "warn"),
    Regime.VOLATILE: ("V", "danger"),
}
_STEPS = (5 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS, 4 * HOUR_MS, 8 * HOUR_MS, DAY_MS)
_LONGEST = 3 * DAY_MS
_NAME, _WORD, _AGE, _VOLATILITY, _TIMES = 7, 10, 5, 5, 5
_LEAST_STRIP = 12


class Course(Struct, frozen=True):
    """An instrument's regimes: when each began, oldest first, and what is known of the present one."""

    instrument: str
    starts: tuple[int, ...]
    regimes: tuple[Regime | None, ...]
    volatility: float | None = None
    multiplier: float | None = None

    def at(self, ts: int) -> Regime | None:
        place = bisect_right(self.starts, ts)
        return self.regimes[place - 1] if place else None


class RegimesPanel(Panel):
    def __init__(self, *, tz: tzinfo = UTC, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tz = tz
        self._courses: Sequence[Course] = ()
        self._now = 0

    def set_courses(self, courses: Sequence[Course], now: int) -> None:
        self._courses, self._now = courses, now
        self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        glyphs = glyphs_of(self)
        if not self._courses:
            text = "Not known yet: a regime needs 51 closed bars in a row, and holds once it lasted for 3."
            return sentence(text, width)[:height]
        fixed = _NAME + 1 + _WORD + 1 + _AGE + 1
        with_numbers = width >= fixed + _VOLATILITY + 1 + _TIMES + 1 + 2 * _LEAST_STRIP
        if with_numbers:
            fixed += _VOLATILITY + 1 + _TIMES + 1
        cells = max(0, width - fixed)
        columns = _columns(self._courses, self._now, cells) if cells >= _LEAST_STRIP else ()
        names = short_names([course.instrument for course in self._courses])
        body: list[Line] = []
        for course, name in zip(self._courses, names, strict=True):
            body.append((*self._head(course, name, with_numbers), *_strip(course, columns, glyphs.dot)))
        foot: list[Line] = []
        if columns and height >= 4:
            foot = [((" " * fixed + time_labels(columns, len(columns), self._tz), "axis"),)]
        return [*self.window(body, height - len(foot)), *foot]

    def _head(self, course: Course, name: str, with_numbers: bool) -> list[Span]:
        glyphs = glyphs_of(self)
        regime = course.regimes[-1] if course.regimes else None
        known = bool(course.starts) and course.starts[-1] > 0
        age = fmt.age(self._now - course.starts[-1]) if known else fmt.DASH
        spans = [
            (fit(name, _NAME, glyphs.ellipsis) + " ", ""),
            (fit(word(regime), _WORD) + " ", LETTERS[regime][1] if regime else "muted"),
            (age.rjust(_AGE) + " ", "muted"),
        ]
        if with_numbers:
            times = f"×{course.multiplier:.2f}" if course.multiplier is not None else fmt.DASH
            spans.append((fmt.percent(course.volatility, 0).rjust(_VOLATILITY) + " ", ""))
            spans.append((times.rjust(_TIMES) + " ", "muted"))
        return spans

    def detail(self) -> Detail | None:
        if not self._courses:
            return None
        lines = ["volatility a year, what a trade's size is multiplied by, and since when", ""]
        for course in self._courses:
            regime = course.regimes[-1] if course.regimes else None
            since = fmt.moment(course.starts[-1], self._tz) if course.starts and course.starts[-1] else fmt.DASH
            times = f"×{course.multiplier:.2f}" if course.multiplier is not None else fmt.DASH
            volatility = fmt.percent(course.volatility, 0)
            lines.append(f"{plain(symbol(course.instrument)):<14}{word(regime):<12}{volatility:>6} {times:>6}  {since}")
        lines += ["", *(f"{letter}  {word(regime)}" for regime, (letter, _) in LETTERS.items())]
        return Detail("\n".join(lines), msgspec.to_builtins(tuple(self._courses)))


def word(regime: Regime | None) -> str:
    return in_words(regime.value) if regime is not None else "unknown"


def legend() -> str:
    return "Up Down Range Chop Volatile"


def courses(views: Sequence[RegimeView], facts: Sequence[RegimeFact]) -> list[Course]:
    """One course an instrument, from its facts (newest first) and from what the desk says now."""
    told: dict[str, list[RegimeFact]] = {}
    for fact in reversed(facts):
        told.setdefault(fact.instrument, []).append(fact)
    now = {view.instrument: view for view in views}
    found = []
    for name in [*now, *(name for name in told if name not in now)]:
        starts = [fact.ts for fact in told.get(name, ())]
        regimes = [fact.regime for fact in told.get(name, ())]
        view = now.get(name)
        if view is not None and (not regimes or regimes[-1] is not view.regime):
            starts.append(view.since or 0)
            regimes.append(view.regime)
        numbers = told[name][-1].numbers if name in told else {}
        volatility = view.volatility if view is not None else numbers.get("volatility")
        found.append(
            Course(name, tuple(starts), tuple(regimes), volatility, view.multiplier if view is not None else None)
        )
    return found


def _columns(known: Sequence[Course], now: int, cells: int) -> tuple[int, ...]:
    """The times of the strip's cells, the last one now: as fine as shows what is known, three days at most."""
    first = min((course.starts[0] for course in known if course.starts and course.starts[0]), default=now)
    span = min(_LONGEST, max(HOUR_MS, now - first))
    step = next((step for step in _STEPS if step * cells >= span), _STEPS[-1])
    return tuple(now - (cells - 1 - cell) * step for cell in range(cells))


def _strip(course: Course, columns: Sequence[int], unknown: str) -> list[Span]:
    spans: list[Span] = []
    for ts in columns:
        regime = course.at(ts)
        letter, tone = LETTERS[regime] if regime is not None else (unknown, "faint")
        if spans and spans[-1][1] == tone:
            spans[-1] = (spans[-1][0] + letter, tone)
        else:
            spans.append((letter, tone))
    return spans
