"""Signals: one row is a signal's whole fate."""

from collections.abc import Mapping, Sequence

from tradeterm.domain.facts import SignalFact
from tradeterm.domain.signals import SignalKind, SignalOutcome, Verdict, VerdictDecision, VerdictSource
from tradeterm.ui import fmt
from tradeterm.ui.tables.common import gain_tone, side_cell, symbol
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

COLUMNS = (
    Column("time", "Time", 8, priority=90, min_width=5),
    Column("symbol", "Symbol", 9, priority=100),
    Column("side", "Signal", 6, priority=80),
    Column("move", "Move", 6, "decimal", priority=60),
    Column("tier1", "Tier 1", 16, priority=70, min_width=4),
    Column("tier2", "Tier 2", 16, priority=75, min_width=12),
    Column("outcome", "Outcome", 60, priority=72, min_width=18),
    Column("book", "Book", 8, priority=10),
)
_OUTCOMES = {
    SignalOutcome.ORDERED: "",
    SignalOutcome.DENIED: "warn",
    SignalOutcome.VETOED: "warn",
    SignalOutcome.BLOCKED: "down",
    SignalOutcome.IGNORED: "muted",
    SignalOutcome.PENDING: "accent",
}


def rows(signals: Sequence[SignalFact], verdicts: Mapping[str, Verdict], zone: str) -> list[Row]:
    """`verdicts` by id; a verdict not among them shows as judged, without its words."""
    return [_row(signal, verdicts.get(signal.verdict_id or ""), zone) for signal in signals]


def _row(signal: SignalFact, verdict: Verdict | None, zone: str) -> Row:
    move = signal.explain.get("move")
    cells = (
        Cell(fmt.clock(signal.ts, zone), "muted"),
        Cell(symbol(signal.instrument), "bold"),
        side_cell(signal.side) if signal.kind is SignalKind.ENTRY else Cell("exit", "accent"),
        Cell(fmt.signed_percent(move, 1), gain_tone(move)),
        tier1(signal),
        tier2(signal, verdict),
        Cell(signal.outcome_text or signal.outcome.lower(), _OUTCOMES[signal.outcome]),
        Cell(signal.book, "muted"),
    )
    sort = (
        signal.ts,
        signal.instrument,
        signal.side.value,
        move,
        cells[4].text,
        cells[5].text,
        cells[6].text,
        signal.book,
    )
    return Row(signal.id, cells, sort)


def tier1(signal: SignalFact) -> Cell:
    """What the rules said: pass, or the code of the first check that failed."""
    failed = [check.code.value for check in (*signal.checks, *signal.checks_after) if not check.passed]
    if failed:
        return Cell(failed[0], "down")
    return Cell("pass", "up") if signal.checks else Cell(fmt.DASH, "muted")


def tier2(signal: SignalFact, verdict: Verdict | None) -> Cell:
    """What the second tier said, and who it was: "RULES approve", "REDUCE 0.74"."""
    if verdict is None:
        if signal.outcome is SignalOutcome.PENDING:
            return Cell("waiting", "accent")
        return Cell("judged" if signal.verdict_id else fmt.DASH, "muted")
    return Cell(verdict_words(verdict), decision_tone(verdict.decision))


def verdict_words(verdict: Verdict) -> str:
    if verdict.decision is VerdictDecision.FAILED_CLOSED:
        return f"none: {verdict.code}" if verdict.code else "none"
    who = "RULES " if verdict.source is VerdictSource.RULES else ""
    cut = f" {fmt.percent(verdict.size_factor, 0)}" if verdict.decision is VerdictDecision.REDUCE else ""
    sure = f" {verdict.confidence:.2f}" if verdict.confidence is not None else ""
    return f"{who}{verdict.decision}{cut}{sure}"


def decision_tone(decision: VerdictDecision) -> str:
    return {
        VerdictDecision.APPROVE: "up",
        VerdictDecision.REDUCE: "warn",
        VerdictDecision.REJECT: "down",
        VerdictDecision.FAILED_CLOSED: "danger",
    }.get(decision, "muted")
