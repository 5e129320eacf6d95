"""How instruments move together, as a heat map: a signed number in every cell, neighbours are of one group."""

import math
from collections.abc import Sequence
from itertools import groupby

import msgspec

from tradeterm.domain.facts import CorrelationFact
from tradeterm.ui.panels.panel import Detail, Panel, sentence
from tradeterm.ui.plain import fit, plain
from tradeterm.ui.tables.common import symbol
from tradeterm.ui.widgets.tones import Line, Span, clipped, glyphs_of

LEAST_ROWS = 60  # of tradeterm.quant.desk_risk, which is too heavy to import here
_NAME = 6
_WIDE, _CLOSE = 5, 3
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NOTABLE = 0.4


class CorrelationPanel(Panel):
    """Scrolls along the diagonal, where the groups are, when not all of it has room."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._fact: CorrelationFact | None = None
        self._threshold = 1.0
        self._rows: float | None = None
        self._shrinkage: float | None = None

    def set_correlation(
        self, fact: CorrelationFact | None, threshold: float, rows: float | None, shrinkage: float | None
    ) -> None:
        """`threshold` is the correlation from which two instruments are of one group, `rows` the common returns so far,
        `shrinkage` the part of the mean in what groups and limits use (None: not known)."""
        self._shrinkage = shrinkage
        if (fact, threshold, rows) != (self._fact, self._threshold, self._rows):
            self._fact, self._threshold, self._rows = fact, threshold, rows
            self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        fact, glyphs = self._fact, glyphs_of(self)
        if fact is None or not fact.instruments:
            there = "" if self._rows is None else f"{self._rows:.0f} of "
            text = f"Not enough data: {there}{LEAST_ROWS} common returns."
            return sentence(text, width)[:height]
        places = in_groups(fact)
        letters, names = group_letters(fact), short_names(fact.instruments)
        cell = _WIDE if 2 + _NAME + 1 + _WIDE * len(places) <= width else _CLOSE
        number = 3 if cell == _CLOSE else 0  # columns too narrow for names are numbered, and so are the rows
        room = max(1, (width - 3 - _NAME - number) // cell)
        fits = max(1, min(room, height - 1, len(places)))
        if fits < len(places):
            fits = max(1, min(fits, height - 2))  # the last line says what is seen
        self._top = min(self._top, len(places) - fits)
        seen = places[self._top : self._top + fits]
        head: list[Span] = [(" " * (3 + _NAME + number), "")]
        for column, place in enumerate(seen):
            title = f"{self._top + column + 1:>{cell}}" if number else f"{fit(names[place], cell - 1):>{cell}}"
            head.append((title, "muted"))
        lines: list[Line] = [tuple(head)]
        for row, place in enumerate(seen):
            label = f"{self._top + row + 1:>2} " if number else ""
            line: list[Span] = [
                (letters.get(fact.groups[place], " ") + " ", "accent"),
                (label, "muted"),
                (fit(names[place], _NAME, glyphs.ellipsis) + " ", ""),
            ]
            for column, other in enumerate(seen):
                edge = column > 0 and fact.groups[seen[column - 1]] != fact.groups[other]
                line.append((glyphs.axis if edge else " ", "faint"))
                line.append(self._cell(fact.correlation[place][other], place == other, cell - 1))
            lines.append(tuple(line))
        words = f"a letter is a group, from {self._threshold:.2f}"
        if fits < len(places):
            words = f"{glyphs.ellipsis} {self._top + 1} to {self._top + fits} of {len(places)}, {words}"
        lines.append(clipped(((words, "muted"),), width, glyphs.ellipsis))
        return lines[:height]

    def _cell(self, value: float, same: bool, cells: int) -> Span:
        glyphs = glyphs_of(self)
        if same:
            return glyphs.dot.rjust(cells), "faint"
        if not math.isfinite(value):
            return glyphs.dash.rjust(cells), "muted"
        return in_cells(value, cells), tone_of(value, self._threshold)

    def detail(self) -> Detail | None:
        fact = self._fact
        if fact is None:
            return None
        count = len(fact.instruments)
        pairs = [(fact.correlation[one][two], one, two) for one in range(count) for two in range(one)]
        head = f"{fact.observations} common returns; correlation of daily returns, as it was"
        lines = [head, shrunk_words(self._shrinkage), ""]
        letters = group_letters(fact)
        for group, letter in letters.items():
            members = [symbol(name) for name, of in zip(fact.instruments, fact.groups, strict=True) if of == group]
            lines.append(f"{letter}  {' '.join(map(plain, members))}")
        lines += [""] if letters else ["No two instruments move together that much.", ""]
        for value, one, two in sorted(pairs, key=lambda pair: -abs(pair[0])):
            names = (symbol(fact.instruments[two]), symbol(fact.instruments[one]))
            lines.append(f"{value:+.2f}  {plain(names[0])} {plain(names[1])}")
        return Detail("\n".join(lines), msgspec.to_builtins(fact))


def shrunk_words(shrinkage: float | None) -> str:
    """What the groups and the VaR go by."""
    part = "drawn" if shrinkage is None else f"drawn {shrinkage:.0%} of the way"
    return f"groups and VaR go by it {part} to its mean (Ledoit and Wolf)"


def in_groups(fact: CorrelationFact) -> list[int]:
    """Places of the instruments, those of a group side by side: the largest groups first, loners last."""
    sizes = {group: fact.groups.count(group) for group in fact.groups}
    return sorted(range(len(fact.groups)), key=lambda at: (-sizes[fact.groups[at]], fact.groups[at], at))


def group_letters(fact: CorrelationFact) -> dict[int, str]:
    """A letter for each group of more than one, in the order of the map."""
    order = [group for group, _ in groupby(fact.groups[place] for place in in_groups(fact))]
    crowds = [group for group in order if fact.groups.count(group) > 1]
    return dict(zip(crowds, _LETTERS, strict=False))


def short_names(instruments: Sequence[str]) -> list[str]:
    """Symbols without the quote currency that all of them end with."""
    symbols = [plain(symbol(name)) for name in instruments]
    for quote in ("USDT", "USDC", "USD"):
        if all(name.endswith(quote) and len(name) > len(quote) for name in symbols):
            return [name.removesuffix(quote) for name in symbols]
    return symbols


def in_cells(value: float, cells: int) -> str:
    """A correlation in 4 cells, "+.87", or in 2, tenths: "+9"."""
    if cells < 4:
        tenths = min(9, round(abs(value) * 10))
        return f"{'-' if value < 0 else '+'}{tenths}" if tenths else " 0"
    text = f"{value:+.2f}"
    return text.replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:+.1f}"


def tone_of(value: float, threshold: float) -> str:
    """Moving together adds risk, moving apart takes some away."""
    if value >= threshold:
        return "alert"
    if value >= _NOTABLE:
        return "warn"
    return "accent" if value <= -_NOTABLE else "muted"
