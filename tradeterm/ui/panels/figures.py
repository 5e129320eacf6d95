"""What a run of research came to, in figures: one run beside its benchmark, or two runs side by side."""

from collections.abc import Sequence

import msgspec

from tradeterm.ui import fmt
from tradeterm.ui.panels.outcome import OutcomePanel
from tradeterm.ui.panels.panel import Detail, sentence, wrapped
from tradeterm.ui.plain import plain
from tradeterm.ui.research.outcome import CONTAMINATED, Backtest, LookAhead, Outcome, Robustness, Sweep, WalkForward
from tradeterm.ui.research.words import (
    INSUFFICIENT,
    LABELS,
    changes_text,
    figure_span,
    made_of,
    sentences,
    short_title,
    title,
    value_text,
    warnings,
)
from tradeterm.ui.tables.common import gain_tone
from tradeterm.ui.widgets.tones import Line, Span, clipped, glyphs_of, line_width

_LEAST_ROWS = 4
_TWO_BLOCKS = 92  # cells from which the figures stand in two columns
_OF_EQUITY = 12  # figures that have a benchmark: they are the first ones

Row = tuple[str, Sequence[Span]]


class FiguresPanel(OutcomePanel):
    """What warns of the figures stays above them while they are scrolled."""

    def paint(self, width: int, height: int) -> Sequence[Line]:
        if not self._outcomes:
            return sentence(self.lack, width)[:height]
        ellipsis = glyphs_of(self).ellipsis
        head, body = _head(self._outcomes, width), _body(self._outcomes, width, ellipsis)
        if len(head) + _LEAST_ROWS > height:
            return self.window([*head, *body], height)
        return [*head, *self.window(body, height - len(head))]

    def detail(self) -> Detail | None:
        if not self._outcomes:
            return None
        lines = [*_head(self._outcomes, 100), *_body(self._outcomes, 100, "…")]
        text = "\n".join("".join(part for part, _ in line).rstrip() for line in lines)
        return Detail(text, [msgspec.to_builtins(outcome) for outcome in self._outcomes])


def _head(outcomes: Sequence[Outcome], width: int) -> list[Line]:
    lines: list[Line] = []
    parts = [made_of(outcome) for outcome in outcomes]
    shared = [part for part in parts[0] if all(part in other for other in parts)] if len(parts) > 1 else []
    for outcome, made in zip(outcomes, parts, strict=True):
        lines += wrapped([(title(outcome), "bold"), (", simulated", "muted")], width)
        lines += wrapped([(" · ".join(part for part in made if part not in shared), "muted")], width)
    if shared:
        lines += wrapped([("both ", "muted"), (" · ".join(shared), "muted")], width)
    for text in _cautions(outcomes):
        lines += wrapped([(text, "warn strong" if _is_grave(text) else "warn")], width)
    for text in dict.fromkeys(note for one in outcomes for note in one.notes if CONTAMINATED not in note):
        lines += wrapped([(plain(text), "muted")], width)
    for text in (each for outcome in outcomes for each in sentences(outcome)):
        lines += [(), *wrapped([(text, "")], width)]
    return [*lines, ()]


def _cautions(outcomes: Sequence[Outcome]) -> list[str]:
    found: list[str] = []
    for outcome in outcomes:
        whose = f"{short_title(outcome)}: " if len(outcomes) > 1 else ""
        found += [whose + text if _is_grave(text) else text for text in warnings(outcome)]
    found = sorted(dict.fromkeys(found), key=lambda text: not _is_grave(text))
    backtests = [outcome for outcome in outcomes if isinstance(outcome, Backtest)]
    if len({(one.data.hash, one.starts, one.data.last) for one in backtests}) > 1:
        found.append("Data or time differ: the figures may not compare one to one.")
    return found


def _is_grave(text: str) -> bool:
    return INSUFFICIENT in text or CONTAMINATED in text


def _body(outcomes: Sequence[Outcome], width: int, ellipsis: str) -> list[Line]:
    match outcomes:
        case [Backtest() as one]:
            return [*_of_one(one, width, ellipsis), *_ignored(one, width)]
        case [Backtest() as one, Backtest() as other]:
            return _aligned(_of_two(one, other), width, ellipsis)
        case [outcome]:
            return _aligned(_of_tests(outcome), width, ellipsis)
    return []


def _of_one(outcome: Backtest, width: int, ellipsis: str) -> list[Line]:
    currency = outcome.book.currency
    head: Row = ("", (("strategy", "muted"), ("buy & hold", "muted")))
    rows: list[Row] = []
    for name, label in LABELS.items():
        figure = outcome.figure(name)
        if figure is not None:
            held = fmt.DASH if figure.buy_and_hold is None else value_text(figure.buy_and_hold, figure.unit, currency)
            rows.append((label, (figure_span(figure, currency), (held if held != fmt.DASH else "", "muted"))))
    if width < _TWO_BLOCKS:
        return _aligned([head, *rows], width, ellipsis)
    left = _aligned([head, *rows[:_OF_EQUITY]], width // 2, ellipsis)
    right = _aligned([("", ()), *((label, spans[:1]) for label, spans in rows[_OF_EQUITY:])], width // 2 - 4, ellipsis)
    return [
        _beside(left[at] if at < len(left) else (), right[at] if at < len(right) else (), width // 2 + 4)
        for at in range(max(len(left), len(right)))
    ]


def _of_two(one: Backtest, other: Backtest) -> list[Row]:
    rows: list[Row] = [("", ((short_title(one), "muted"), (short_title(other), "muted"), ("buy & hold", "muted")))]
    for key in sorted(one.book.parameters.keys() | other.book.parameters.keys()):
        values = [run.book.parameters.get(key) for run in (one, other)]
        if values[0] != values[1]:
            texts = ["default" if value is None else changes_text({key: value}).partition("=")[2] for value in values]
            rows.append((plain(key), [*((text, "accent") for text in texts), ("", "")]))
    for name, label in LABELS.items():
        found = one.figure(name), other.figure(name)
        if any(found):
            held = found[0].buy_and_hold if found[0] is not None else None
            unit = next(figure.unit for figure in found if figure is not None)
            benchmark = "" if held is None else value_text(held, unit, one.book.currency)
            spans = [figure_span(figure, run.book.currency) for figure, run in zip(found, (one, other), strict=True)]
            rows.append((label, [*spans, (benchmark, "muted")]))
    return rows


def _of_tests(outcome: Outcome) -> list[Row]:
    match outcome:
        case WalkForward():
            walk, fitted = outcome.walk_forward, outcome.overfitting
            gain, unchanged = walk.out_of_sample.total_return, walk.unchanged_return
            earned = sum(fold.out_of_sample.total_return > 0 for fold in walk.folds)
            return [
                ("Return out of sample", [(fmt.signed_percent(gain), gain_tone(gain))]),
                ("With nothing chosen", [(fmt.signed_percent(unchanged), gain_tone(unchanged))]),
                ("Sharpe out of sample", [(fmt.number(walk.out_of_sample.sharpe), "")]),
                ("Windows that earn", [(f"{earned} of {len(walk.folds)}", "")]),
                ("Efficiency", [(fmt.number(walk.efficiency), "")]),
                ("Trades out of sample", [(fmt.number(walk.out_of_sample.trades, 0), "")]),
                ("Variants tried", [(fmt.number(walk.tried, 0), "")]),
                ("Deflated Sharpe", [(fmt.percent(fitted.deflated_sharpe, 0), "")]),
                ("Overfitting (PBO)", [(fmt.percent(fitted.pbo, 0), "")]),
            ]
        case Robustness():
            base = outcome.robustness.base
            return [
                ("Return", [(fmt.signed_percent(base.total_return), gain_tone(base.total_return))]),
                ("Sharpe", [(fmt.number(base.sharpe), "")]),
                ("Max drawdown", [(fmt.percent(base.max_drawdown, 2), "")]),
                ("Trades", [(fmt.number(base.trades, 0), "")]),
            ]
        case LookAhead():
            words = {True: ("none found", "up"), False: ("found", "down"), None: ("not known", "muted")}
            return [
                ("Look-ahead", [words[outcome.clean]]),
                ("Places where data was cut", [(fmt.number(outcome.cuts, 0), "")]),
                ("Rows seen alone", [(fmt.number(outcome.rows, 0), "")]),
                ("Differences", [(fmt.number(len(outcome.differences), 0), "")]),
            ]
        case Sweep():
            fitted_best = outcome.overfitting
            return [
                ("Variants", [(fmt.number(len(outcome.trials), 0), "")]),
                ("Known from before", [(fmt.number(outcome.resumed, 0), "")]),
                ("Deflated Sharpe", [(fmt.percent(fitted_best.deflated_sharpe if fitted_best else None, 0), "")]),
                ("Overfitting (PBO)", [(fmt.percent(fitted_best.pbo if fitted_best else None, 0), "")]),
            ]
    return []


def _ignored(outcome: Backtest, width: int) -> list[Line]:
    if not outcome.ignored:
        return []
    counts = ", ".join(f"{count:,} {plain(why)}" for why, count in outcome.ignored.items())
    return [(), *wrapped([(f"Signals without a trade: {counts}", "muted")], width)]


def _aligned(rows: Sequence[Row], width: int, ellipsis: str) -> list[Line]:
    """Labels to the left, values under each other to the right of them; the last column goes where there is no room."""
    label = max(len(text) for text, _ in rows)
    columns = max(len(spans) for _, spans in rows)
    widths = [max((len(spans[at][0]) for _, spans in rows if at < len(spans)), default=0) for at in range(columns)]
    while len(widths) > 1 and label + sum(widths) + 2 * len(widths) > width:
        widths.pop()
    return [
        clipped(
            (
                (text.ljust(label), "muted"),
                *(("  " + value.rjust(cells), tone) for (value, tone), cells in zip(spans, widths, strict=False)),
            ),
            width,
            ellipsis,
        )
        for text, spans in rows
    ]


def _beside(left: Line, right: Line, column: int) -> Line:
    return (*left, (" " * max(0, column - line_width(left)), ""), *right)
