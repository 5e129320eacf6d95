"""The record of tier 2: what its verdicts were worth, what its silence cost, and how good its probabilities are."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from tradeterm.assistant.scorecard import By, Group, Judge, Scorecard, Silence
from tradeterm.assistant.scorecard_text import codes, not_enough, of_deals, probability, scorecard_lines
from tradeterm.assistant.text import count
from tradeterm.ui import fmt
from tradeterm.ui.glyphs import Glyphs
from tradeterm.ui.panels.panel import Detail, Panel, wrapped
from tradeterm.ui.plain import plain
from tradeterm.ui.tables.common import gain_tone, in_words, symbol
from tradeterm.ui.widgets.tones import Line, Span, clipped, glyphs_of, line_width

_LABEL = 13
_TWO_BLOCKS = 112  # cells from which probabilities and breakdown stand beside the rest
_BETWEEN = 3
_HEADS = {
    By.DECISION: "Decision",
    By.REASON: "Reason",
    By.STRATEGY: "Strategy",
    By.SYMBOL: "Symbol",
    By.REGIME: "Regime",
    By.MODEL: "Model",
    By.PROMPT: "Prompt",
}
_MOST_OF_A_KIND = 8
_MOST_NAME = 30


class ScorecardPanel(Panel):
    """Judge below judge, the enforced AI first; never two of them in one figure."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._cards: Sequence[Scorecard] = ()

    def set_cards(self, cards: Sequence[Scorecard]) -> None:
        if cards != self._cards:
            self._cards = cards
            self.repaint()

    def detail(self) -> Detail | None:
        if not self._cards:
            return None
        text = "\n\n".join("\n".join(scorecard_lines(card)) for card in self._cards)
        return Detail(text, [msgspec.to_builtins(card) for card in self._cards])

    def paint(self, width: int, height: int) -> Sequence[Line]:
        glyphs = glyphs_of(self)
        lines: list[Line] = []
        for card in self._cards:
            for judge in card.judges:
                lines += [*([()] if lines else []), *_judge(judge, card, width, glyphs)]
        return self.window(lines, height)


def summary(cards: Sequence[Scorecard]) -> str:
    """How much there is to go by: "USDT · 63 signals"."""
    parts = [f"{card.currency or 'unknown currency'} · {count(card.shadows, 'signal')}" for card in cards]
    newest = " · only the newest" if any(card.capped for card in cards) else ""
    return "   ".join(parts) + newest


def _judge(judge: Judge, card: Scorecard, width: int, glyphs: Glyphs) -> list[Line]:
    models = "" if judge.models in ((), ("rules",)) else f" {', '.join(map(plain, judge.models))}"
    prompts = f" · {', '.join(map(plain, judge.prompts))}" if judge.prompts else ""
    head: Line = ((judge.label, "bold"), (models + prompts, "muted"), (f" · {card.currency}", "muted"))
    lines = [clipped(head, width, glyphs.ellipsis), *wrapped([(judge.sentence, "")], width), ()]
    if width < _TWO_BLOCKS:
        return [
            *lines,
            *_record(judge, card.currency, width),
            *_probabilities(judge, width),
            *_parts(judge, card, width),
        ]
    left = (width - _BETWEEN) // 2
    right = width - _BETWEEN - left
    beside = [*_probabilities(judge, right), *_parts(judge, card, right)]
    return [*lines, *_two(_record(judge, card.currency, left), beside, left)]


def _record(judge: Judge, currency: str, width: int) -> list[Line]:
    waiting = [f"{judge.open} open"] if judge.open else []
    waiting += [f"{judge.unknown} never known"] if judge.unknown else []
    lines = [
        *_row(
            "Judged", judge.judged, f"{judge.approved} approved · {judge.reduced} reduced · {judge.rejected} rejected"
        ),
        *_row("With outcome", judge.resolved, " · ".join([f"{judge.won} won untouched", *waiting])),
        *_value(judge, currency),
        *_table(judge, currency),
        *_silence("Outages", judge.outages, currency),
        *_silence("Abstained", judge.abstained, currency),
        *_cost(judge, currency),
        *_baseline(judge, currency),
    ]
    if judge.flip_rate is not None:
        lines += _row("Asked again", judge.reasked, f"{fmt.percent(judge.flip_rate, 0)} decided otherwise")
    return [line for text in lines for line in wrapped(text, width, _LABEL)]


def _row(label: str, number: int | str, *more: str, tone: str = "") -> list[Line]:
    rest: list[Span] = [(f"  {text}", "muted") for text in more if text]
    return [((label.ljust(_LABEL), "muted"), (str(number), tone or "bold"), *rest)]


def _value(judge: Judge, currency: str) -> list[Line]:
    value = judge.value
    if value is None:
        return _row("Value added", not_enough(judge.resolved), tone="warn")
    between = ""
    if value.low is not None and value.high is not None:
        low, high = (fmt.signed_money(each, currency) for each in (value.low, value.high))
        between = f"95% {low} to {high}"
    gated, ungated = (fmt.signed_money(each, currency) for each in (value.gated, value.ungated))
    tone = _sure_tone(value.added, value.low, value.high)
    lines = _row("Value added", fmt.signed_money(value.added, currency), between, tone=tone)
    lines += [((" " * _LABEL, ""), (f"{gated} with it, {ungated} without", "muted"))]
    if value.luck is not None:
        lines += [((" " * _LABEL, ""), (f"as many random vetoes do as well in {of_deals(value.luck)}", "muted"))]
    return lines


def _table(judge: Judge, currency: str) -> list[Line]:
    table = judge.two_by_two
    if not judge.resolved:
        return []
    avoided = "" if table.money_avoided is None else f" of {fmt.money(table.money_avoided, currency)}"
    missed = "" if table.money_missed is None else f" of {fmt.money(table.money_missed, currency)}"
    return [
        *_row("Held back", f"{table.losses_avoided} losses{avoided}", f"{table.winners_missed} winners{missed}"),
        *_row("Let through", f"{table.losses_taken} losses", f"{table.winners_taken} winners"),
    ]


def _silence(label: str, silence: Silence, currency: str) -> list[Line]:
    if not silence.count:
        return _row(label, 0)
    earned = "" if silence.forgone is None else f"would have earned {fmt.signed_money(silence.forgone, currency)}"
    return _row(label, silence.count, codes(silence), earned, "(no judgement)")


def _cost(judge: Judge, currency: str) -> list[Line]:
    cost = judge.cost
    if not cost.requests:
        return []
    unpriced = f"{cost.unpriced} of unknown price" if cost.unpriced else ""
    net = "" if cost.net is None else f"leaves {fmt.signed_money(cost.net, currency)}"
    return _row("Requests", cost.requests, f"{fmt.money(cost.cost, cost.currency)} {cost.currency}", unpriced, net)


def _baseline(judge: Judge, currency: str) -> list[Line]:
    base = judge.baseline
    if base.value is None or base.same is None:
        return []
    amounts = [fmt.signed_money(each, currency) for each in (base.value.added, base.same)]
    return _row("Cheap gate", amounts[0], f"on {base.known} signals, where this one added {amounts[1]}")


def _probabilities(judge: Judge, width: int) -> list[Line]:
    found = judge.calibration
    head: Span = ("Probability".ljust(_LABEL), "muted")
    if found is None:
        return wrapped([head, (probability(judge), "warn" if judge.confident else "muted")], width, _LABEL)
    skill = fmt.DASH if found.skill is None else f"{found.skill:+.2f}"
    figures = f"Brier {found.brier:.3f}  log loss {found.log_loss:.3f}  skill {skill}  ECE {found.expected_error:.3f}"
    lines = [*wrapped([head, (figures, "bold")], width, _LABEL), ((f"{'  said':<13}{'won':<24}signals", "muted"),)]
    for each in found.bins:
        within = each.won_low <= each.said <= each.won_high
        said = f"{each.won:.0%} ({each.won_low:.0%} to {each.won_high:.0%})"
        row: Line = (
            (f"  {each.low:.1f} to {each.high:.1f}".ljust(_LABEL), ""),
            (said.ljust(24), "" if within else "warn"),
            (f"{each.count:>5}", "muted"),
        )
        lines.append(row)
    best = next((each for each in reversed(found.coverage) if each.coverage and each.accuracy is not None), None)
    if best is not None:
        sure = f"{best.coverage:.0%} of answers are sure to {best.threshold:.0%} or more"
        text = f"{sure}; {best.accuracy:.0%} of them right"
        lines += wrapped([("  ", ""), (text, "muted")], width, 2)
    return lines


def _parts(judge: Judge, card: Scorecard, width: int) -> list[Line]:
    """The breakdown, a block a kind; a kind with one line says nothing that the record does not."""
    lines: list[Line] = []
    for by in By:
        groups = [group for group in judge.breakdown if group.by is by]
        if len(groups) > 1 or (groups and by is By.DECISION):
            lines += [(), *_block(by, groups, card.currency, width)]
    return lines


def _block(by: By, groups: Sequence[Group], currency: str, width: int) -> list[Line]:
    room = min(_MOST_NAME, max(_LABEL, width - 36))
    head = f"{_HEADS[by].ljust(room)}{'judged':>8}{'outcomes':>10}{'won':>5}{'added':>13}"
    lines: list[Line] = [clipped(((head, "muted"),), width)]
    for group in groups[:_MOST_OF_A_KIND]:
        added = fmt.DASH if group.added is None else fmt.signed_money(group.added, currency)
        name = (
            symbol(group.key) if by is By.SYMBOL else group.key if by in (By.MODEL, By.PROMPT) else in_words(group.key)
        )
        row: Line = (
            (plain(name)[:room].ljust(room), ""),
            (f"{group.judged:>8}{group.resolved:>10}{group.won:>5}", ""),
            (f"{added:>13}", _sure_tone(group.added, group.low, group.high) or "muted"),
        )
        lines.append(clipped(row, width))
    if len(groups) > _MOST_OF_A_KIND:
        lines.append(((f"and {len(groups) - _MOST_OF_A_KIND} more", "muted"),))
    return lines


def _sure_tone(added: Decimal | None, low: Decimal | None, high: Decimal | None) -> str:
    """Coloured only where it cannot well be nothing."""
    sure = low is not None and high is not None and (low > 0 or high < 0)
    return gain_tone(added) if sure else ""


def _two(left: Sequence[Line], right: Sequence[Line], column: int) -> list[Line]:
    lines = []
    for at in range(max(len(left), len(right))):
        one = left[at] if at < len(left) else ()
        other = right[at] if at < len(right) else ()
        lines.append((*one, (" " * max(0, column + _BETWEEN - line_width(one)), ""), *other))
    return lines
