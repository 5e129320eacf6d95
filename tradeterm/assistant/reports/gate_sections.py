"""The report on tier 2, chapter by chapter."""

from collections.abc import Iterable
from decimal import Decimal
from typing import TYPE_CHECKING

from tradeterm.assistant.reports.gate import Gate
from tradeterm.assistant.scorecard import By, Calibration, Judge, Scorecard, Silence
from tradeterm.assistant.scorecard_text import codes, interval, not_enough, probability
from tradeterm.assistant.text import count, moment, money
from tradeterm.research.report.blocks import Block, Chart, Pairs, Paragraph, Points, Section
from tradeterm.research.report.facts import Cell, Curve, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ADDED = (
    "Every signal that tier 2 was asked about is followed as if nobody had touched its size. Value added is what its "
    "verdicts did to that profit: with them less without them. Outages and abstentions are no judgements and are apart."
)


def gate_sections(found: Gate) -> tuple[Section, ...]:
    """Everything the facts hold, in words, tables and charts."""
    sections = [_summary(found)]
    for card in found.cards:
        sections += [_judge(judge, card, len(found.cards) > 1) for judge in card.judges]
    return (*sections, _chain(found))


def _summary(found: Gate) -> Section:
    notes = [found.head.label, _ADDED, *found.head.notes]
    notes += [
        f"{count(card.unjudged, 'signal')} in {card.currency} had no verdict that says anything."
        for card in found.cards
        if card.unjudged
    ]
    return Section("Summary", (Paragraph(found.sentences[0]), Points(found.sentences[1:]), Points(tuple(notes))))


def _judge(judge: Judge, card: Scorecard, several: bool) -> Section:
    blocks: list[Block] = [Paragraph(judge.sentence), Pairs(tuple(_facts(judge, card.currency)))]
    if judge.judged:
        blocks += [_value(judge, card.currency), _two_by_two(judge)]
    blocks += _probabilities(judge.calibration, judge)
    for by in By:
        rows: list[tuple[Cell, ...]] = [
            (
                group.key,
                f"{group.judged}",
                f"{group.resolved}",
                f"{group.won}",
                "not enough data" if group.added is None else money(group.added, signed=True),
                interval(group.low, group.high) or "-",
            )
            for group in judge.breakdown
            if group.by is by
        ]
        if rows:
            columns = ("", "Judged", "With an outcome", "Won", f"Added, {card.currency}", "95 %")
            blocks.append(Table(columns, tuple(rows), f"By {by.value}"))
    return Section(f"{judge.label}{f' ({card.currency})' if several else ''}", tuple(blocks))


def _facts(judge: Judge, currency: str) -> Iterable[tuple[str, str]]:
    yield "Time", f"{moment(judge.first_ts)} to {moment(judge.last_ts)}"
    yield "Models", ", ".join(judge.models) or "-"
    yield "Prompts", ", ".join(judge.prompts) or "-"
    yield "Judged", f"{judge.judged}: {judge.approved} approved, {judge.reduced} reduced, {judge.rejected} rejected"
    yield "Outcomes", f"{judge.resolved} known ({judge.won} won), {judge.open} open, {judge.unknown} never known"
    yield "Abstained", _silence(judge.abstained, currency)
    yield "Cost of outages", _silence(judge.outages, currency)
    unpriced = f", {judge.cost.unpriced} without a known price" if judge.cost.unpriced else ""
    cost = f"{count(judge.cost.requests, 'request')}, {money(judge.cost.cost, judge.cost.currency)}{unpriced}"
    yield "Cost of requests", cost
    base = judge.baseline
    yield (
        "Against vetoing high volatility",
        base.why or "not known"
        if base.value is None
        else f"that adds {money(base.value.added, currency, signed=True)} on {base.known} signals, this judge "
        f"{'-' if base.same is None else money(base.same, currency, signed=True)} on the same",
    )
    yield (
        "Asked again",
        judge.flip_why if judge.flip_rate is None else f"{judge.flip_rate:.0%} of {judge.reasked} flipped",
    )


def _silence(silence: Silence, currency: str) -> str:
    if not silence.count:
        return "none"
    earned = "not enough data" if silence.forgone is None else money(silence.forgone, currency, signed=True)
    return f"{count(silence.count, 'signal')} ({codes(silence)}); they would have earned: {earned}"


def _value(judge: Judge, currency: str) -> Table:
    value = judge.value
    lack = not_enough(judge.resolved)
    rows: tuple[tuple[Cell, ...], ...] = (
        (
            "Without tier 2",
            lack if value is None else money(value.ungated, signed=True),
            "every signal at its own size",
        ),
        ("With it", lack if value is None else money(value.gated, signed=True), "each at the size it left"),
        ("Value added", lack if value is None else money(value.added, signed=True), "with less without"),
        (
            "95 % interval",
            lack if value is None else interval(value.low, value.high) or "none",
            f"bootstrap of {value.resampled}" if value is not None and value.resampled else "bootstrap",
        ),
        (
            "Chance that luck does as well",
            lack if value is None else "-" if value.luck is None else f"{value.luck:.1%}",
            "the same factors dealt out at random (permutation test)",
        ),
        (
            "Less the requests",
            "-" if judge.cost.net is None else money(judge.cost.net, signed=True),
            "where in one money",
        ),
    )
    return Table(("", currency, "What it is"), rows, "Value added")


def _two_by_two(judge: Judge) -> Table:
    table = judge.two_by_two
    rows: tuple[tuple[Cell, ...], ...] = (
        ("Vetoed or reduced", f"{table.losses_avoided}{_amount(table.money_avoided)}",
         f"{table.winners_missed}{_amount(table.money_missed)}"),
        ("Let through whole", f"{table.losses_taken}", f"{table.winners_taken}"),
    )  # fmt: skip
    return Table(("", "Lost", "Won"), rows, "What was done, and what came of it")


def _amount(amount: Decimal | None) -> str:
    return "" if amount is None else f" ({money(amount)})"


def _probabilities(found: Calibration | None, judge: Judge) -> Iterable[Block]:
    if found is None:
        yield Paragraph(f"Its confidence as a probability of a win: {probability(judge)}.")
        return
    figures: tuple[tuple[str, str], ...] = (
        ("Brier score", f"{found.brier:.3f} (0 is perfect; always saying {found.base_rate:.0%}: "
         f"{found.base_rate * (1 - found.base_rate):.3f})"),
        ("Log loss", f"{found.log_loss:.3f}"),
        ("Skill", "-" if found.skill is None else f"{found.skill:+.2f} (above 0: better than each strategy's share)"),
        ("Expected error (ECE)", f"{found.expected_error:.3f}"),
        ("Outcomes", f"{found.outcomes}"),
    )  # fmt: skip
    yield Pairs(figures)
    if len(found.bins) > 1:
        said = tuple(each.said for each in found.bins)
        curves = (
            Curve("won", said, tuple(each.won for each in found.bins)),
            Curve("as said", said, said),
        )
        yield Chart(
            "Reliability", "Share that won (up) against what was said (across).", lambda width: _draw(curves, width)
        )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (f"{each.low:.2f} to {each.high:.2f}", f"{each.count}", f"{each.said:.2f}", f"{each.won:.2f}",
         f"{each.won_low:.2f} to {each.won_high:.2f}")
        for each in found.bins
    )  # fmt: skip
    yield Table(("Confidence", "Signals", "Said", "Won", "95 % (Wilson)"), rows, "What was said, and what came")


def _draw(curves: tuple[Curve, ...], width: int) -> "Figure":
    from tradeterm.research.report.charts import curves_chart

    return curves_chart(curves, width)


def _chain(found: Gate) -> Section:
    file = found.audit
    rows: tuple[tuple[Cell, ...], ...] = tuple((state, f"{number}") for state, number in sorted(found.chain.items()))
    blocks: list[Block] = [
        Pairs(
            (
                ("Chain", file.state if file.line is None else f"{file.state} at line {file.line}: {file.reason}"),
                ("Lines", f"{file.lines}"),
                ("Hash of the last line", file.last_hash or "-"),
            )
        )
    ]
    if rows:
        blocks.append(Table(("Audit line of a verdict", "Verdicts"), rows))
    return Section(f"Record of decisions ({file.name})", tuple(blocks))
