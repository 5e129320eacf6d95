"""Returns of many variants as dots on one line a group: how far a result depends on what it should not. Pure."""

from collections.abc import Sequence
from itertools import groupby

from msgspec import Struct

from tradeterm.ui import fmt
from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.research.findings import variation_text
from tradeterm.ui.research.outcome import Robustness, Sweep, Varied
from tradeterm.ui.research.words import changes_text
from tradeterm.ui.tables.common import gain_tone
from tradeterm.ui.widgets.tones import Line, Span, clipped

_MOST_LABEL, _LEAST_PLOT = 24, 16


class Group(Struct, frozen=True):
    """Variants of one sort: their returns as fractions."""

    label: str
    returns: tuple[float, ...]


def groups_of(outcome: Robustness | Sweep) -> list[Group]:
    """What was varied, each sort with all it came to; the study as it stands first."""
    return _of_robustness(outcome) if isinstance(outcome, Robustness) else _of_sweep(outcome)


def _of_robustness(outcome: Robustness) -> list[Group]:
    found = outcome.robustness
    groups = [Group("as it is", (found.base.total_return,)), *_by_name((*found.parameters, *found.exits))]
    for label, varied in (("entry late", found.delays), ("prices off", found.noise), ("costs", found.costs)):
        groups.append(Group(label, tuple(each.summary.total_return for each in varied)))
    for label, drawn in (("trades left out", found.skipped), ("days drawn again", found.resampled)):
        if drawn is not None:
            groups.append(Group(f"{label} *", (drawn.low, drawn.median, drawn.high)))
    return [group for group in groups if group.returns]


def _by_name(varied: Sequence[Varied]) -> list[Group]:
    return [
        Group(name, tuple(each.summary.total_return for each in group))
        for name, group in groupby(varied, key=lambda each: variation_text(each).partition("=")[0])
    ]


def _of_sweep(sweep: Sweep) -> list[Group]:
    groups = [Group("as it is", (sweep.present.total_return,))]
    known = [(trial.changes, trial.summary.total_return) for trial in sweep.trials if trial.summary is not None]
    for key in sweep.trials[0].changes if sweep.trials else ():
        for value in dict.fromkeys(changes[key] for changes, _ in known):
            returns = tuple(gain for changes, gain in known if changes[key] == value)
            groups.append(Group(changes_text({key: value}), returns))
    return groups


def spread_lines(groups: Sequence[Group], width: int, glyphs: Glyphs = UNICODE) -> list[Line]:
    """A line a group: a dot for every return, a bar where nothing is lost or gained, lowest and highest beside it."""
    values = [value for group in groups for value in group.returns]
    if not values:
        return []
    ranges = [_range(group.returns) for group in groups]
    beside = max(len(text) for text, _ in ranges)
    label = min(_MOST_LABEL, max(len(group.label) for group in groups))
    cells = width - label - beside - 2
    if cells < _LEAST_PLOT:
        return [
            clipped(((group.label.ljust(label) + " ", "muted"), text), width, glyphs.ellipsis)
            for group, text in zip(groups, ranges, strict=True)
        ]
    low, high = min(0.0, *values), max(0.0, *values)
    span = (high - low) or 1.0

    def column(value: float) -> int:
        return round((value - low) / span * (cells - 1))

    lines: list[Line] = []
    for group, text in zip(groups, ranges, strict=True):
        row: list[Span] = [(" ", "")] * cells
        row[column(0.0)] = (glyphs.axis, "axis")
        for value in sorted(group.returns, key=abs, reverse=True):
            row[column(value)] = (glyphs.bullet, gain_tone(value) or "line")
        name = clipped(((group.label, "muted"),), label, glyphs.ellipsis)
        padding = " " * (label - sum(len(part) for part, _ in name) + 1)
        lines.append((*name, (padding, ""), *_joined(row), (" " + text[0].rjust(beside), text[1])))
    return lines


def _range(returns: Sequence[float]) -> Span:
    low, high = min(returns), max(returns)
    if low == high:
        return fmt.signed_percent(low), gain_tone(low)
    return f"{fmt.signed_percent(low)} to {fmt.signed_percent(high)}", gain_tone(high if high < 0 else low)


def _joined(row: Sequence[Span]) -> list[Span]:
    return [("".join(text for text, _ in spans), tone) for tone, spans in groupby(row, key=lambda span: span[1])]
