"""What tier 2's verdicts were worth, and whether the record of them holds: the facts of `report gate`."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.assistant.evidence import Evidence, read_asked
from tradeterm.assistant.reports.chain import BROKEN, AuditFile, audit_files, audit_lines, decision_of, unproven
from tradeterm.assistant.reports.head import Head
from tradeterm.assistant.reports.record import Record
from tradeterm.assistant.reports.said import said
from tradeterm.assistant.scorecard import Scorecard
from tradeterm.assistant.scoring import scorecard
from tradeterm.ledger.audit import AuditKind


class Gate(Struct, frozen=True, kw_only=True):
    """A scorecard for each currency; `chain` counts the verdicts by the state of their audit lines (see `Decision`)."""

    head: Head
    cards: tuple[Scorecard, ...]
    verdicts: int
    chain: dict[str, int]
    audit: AuditFile

    @property
    def sentences(self) -> tuple[str, ...]:
        """The report in plain sentences, made from nothing but its figures."""
        told = [f"{card.currency}: {card.sentence}" if len(self.cards) > 1 else card.sentence for card in self.cards]
        states = ", ".join(f"{number} {state}" for state, number in sorted(self.chain.items()))
        return (
            *(told or ["No signal that tier 2 was asked about has been recorded: there is nothing to score."]),
            f"Of {self.verdicts} verdicts in the ledger: {states}." if states else "There are no verdicts.",
            f"The chain of {self.audit.name}: {self._chain}.",
        )

    @property
    def sound(self) -> bool:
        """The audit file is not broken, and each verdict stands in it."""
        return self.audit.state != BROKEN and not unproven(self.chain)

    @property
    def _chain(self) -> str:
        lacking = unproven(self.chain)
        if self.audit.state == BROKEN:
            return f"{BROKEN} at line {self.audit.line}, {self.audit.reason}"
        return f"INCOMPLETE, verdicts {lacking}" if lacking else self.audit.state


def gate(record: Record, head: Head, audit: Path) -> Gate:
    """The facts; scoring thousands of outcomes takes some seconds. Raises LedgerError where the audit file cannot be
    read."""
    evidence = Evidence(
        shadows=record.shadow_trades,
        verdicts=record.verdicts,
        usage=record.usage,
        codes={signal.id: signal.outcome_code for signal in record.signals if signal.outcome_code},
        asked=read_asked(audit),
    )
    lines = audit_lines(audit)
    decisions = [decision_of(verdict, lines) for verdict in record.verdicts]
    return Gate(
        head=head,
        cards=tuple(_clean(scorecard(evidence, currency=currency)) for currency in evidence.currencies),
        verdicts=len(decisions),
        chain=dict(Counter(each.state for each in decisions)),
        audit=_of_decisions(audit_files(audit)),
    )


def _of_decisions(files: Sequence[AuditFile]) -> AuditFile:
    return next(file for file in files if file.name == f"{AuditKind.AI_DECISIONS.value}.jsonl")


def _clean(card: Scorecard) -> Scorecard:
    """Names of models, codes and symbols come from outside."""
    return msgspec.convert(_said(msgspec.to_builtins(card)), Scorecard)


def _said(value: Any) -> Any:
    if isinstance(value, str):
        return said(value)
    if isinstance(value, dict):
        return {said(str(name)): _said(item) for name, item in value.items()}
    return [_said(item) for item in value] if isinstance(value, (list, tuple)) else value
