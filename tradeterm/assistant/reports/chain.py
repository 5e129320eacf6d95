"""Whether the audit files are as they were written, and the audit line of each decision of tier 2."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.assistant.reports.said import said
from tradeterm.domain.errors import LedgerError
from tradeterm.domain.signals import Verdict, VerdictSource
from tradeterm.ledger.audit import NOT_JSON, AuditKind, redact, verify

VERIFIED, BROKEN, MISSING = "VERIFIED", "BROKEN", "NO FILE"
DIFFERS, NO_RECORD = "DIFFERS", "NO RECORD"
RULES = "RULES (no AI)"
SHADOW = "SHADOW"
"""The code of what passes while tier 2 is only watched (`validators.modes.ShadowValidator`)."""


class AuditFile(Struct, frozen=True, kw_only=True):
    """`state` is VERIFIED where every line follows from the one before, BROKEN from `line` on for `reason`, NO FILE
    where none was written. `repaired` counts lines that a crash left unfinished and a start cut off: gaps."""

    name: str
    state: str
    lines: int
    line: int | None
    reason: str
    repaired: int
    last_hash: str


class AuditLine(Struct, frozen=True, kw_only=True):
    """Where a record stands. `verified`: no line up to it is broken."""

    line: int
    hash: str
    verified: bool
    record: Mapping[str, Any]


class Decision(Struct, frozen=True, kw_only=True):
    """One verdict of tier 2 and its audit line. `state` is VERIFIED; NOT VERIFIED behind a break of the chain; DIFFERS
    where ledger and audit file do not say the same; NO RECORD where the audit file has none. `watched`: nothing came of
    it; `contaminated`: its model may have read of that time. Both are None where that is not recorded."""

    id: str
    ts: int
    signal_id: str
    book: str
    instrument: str
    side: str
    decision: str
    size_factor: Decimal
    confidence: float | None
    codes: tuple[str, ...]
    code: str
    source: str
    model: str
    prompt_version: str
    watched: bool | None
    contaminated: bool | None
    latency_ms: int
    reasoning: str
    line: int | None
    hash: str
    state: str


def audit_files(folder: Path) -> tuple[AuditFile, ...]:
    """One of each kind. Raises LedgerError where one cannot be read."""
    return tuple(_file(folder / f"{kind.value}.jsonl") for kind in AuditKind)


def audit_lines(folder: Path) -> dict[str, AuditLine]:
    """The lines of tier 2's decisions by id; of an id that was written twice (a recording run again) the last."""
    path = folder / f"{AuditKind.AI_DECISIONS.value}.jsonl"
    if not path.exists():
        return {}
    broken = verify(path)
    found: dict[str, AuditLine] = {}
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = msgspec.json.decode(raw)
                record = line["record"]
                found[record["id"]] = AuditLine(
                    line=number,
                    hash=str(line["hash"]),
                    verified=broken is None or number < broken.line,
                    record=record,
                )
            except (*NOT_JSON, KeyError, TypeError):
                continue  # the line the chain breaks at, or a note of a repair
    return found


def decision_of(verdict: Verdict, lines: Mapping[str, AuditLine]) -> Decision:
    line = lines.get(verdict.id)
    record: Mapping[str, Any] = line.record if line is not None else {}
    return Decision(
        id=said(verdict.id, 80),
        ts=verdict.ts,
        signal_id=said(verdict.signal_id, 80),
        book=verdict.book,
        instrument=said(verdict.instrument, 60),
        side=verdict.side.value,
        decision=verdict.decision.value,
        size_factor=verdict.size_factor,
        confidence=verdict.confidence,
        codes=tuple(said(code, 60) for code in verdict.reason_codes),
        code=said(verdict.code, 60),
        source=verdict.source.value,
        model=RULES if verdict.source is VerdictSource.RULES else said(verdict.model, 80),
        prompt_version=said(str(record.get("prompt_version", "")), 40),
        watched=None if "enforced" not in record else not record["enforced"],
        contaminated=None if "contaminated" not in record else bool(record["contaminated"]),
        latency_ms=verdict.latency_ms,
        reasoning=said(verdict.reasoning),
        line=None if line is None else line.line,
        hash="" if line is None else said_hash(line.hash),
        state=_state(verdict, line),
    )


def is_pass_through(verdict: Verdict) -> bool:
    """Let through because tier 2 is only watched: what was judged is a verdict of its own."""
    return verdict.source is VerdictSource.NONE and verdict.code == SHADOW


def said_hash(text: str) -> str:
    """A hash as it is; whatever else stands in its place is not told."""
    return text if len(text) == 64 and all(digit in "0123456789abcdef" for digit in text) else "(not a hash)"


def unproven(states: Mapping[str, int]) -> str:
    """What is wrong with the decisions of these states, "" if nothing is: "2 DIFFERS, 3 NO RECORD". What is NOT
    VERIFIED is the broken chain's."""
    return ", ".join(f"{number} {state}" for state, number in sorted(states.items()) if state in (DIFFERS, NO_RECORD))


_SAME = ("signal_id", "book", "instrument", "side", "decision", "source", "code")


def _state(verdict: Verdict, line: AuditLine | None) -> str:
    if line is None:
        return NO_RECORD
    if not line.verified:
        return "NOT VERIFIED"
    written: dict[str, Any] = redact(msgspec.to_builtins(verdict))
    factor = Decimal(str(line.record.get("size_factor", "NaN")))
    equal = all(line.record.get(name) == written[name] for name in _SAME)
    return VERIFIED if equal and factor == verdict.size_factor else DIFFERS


def _file(path: Path) -> AuditFile:
    if not path.exists():
        return AuditFile(name=path.name, state=MISSING, lines=0, line=None, reason="", repaired=0, last_hash="")
    broken = verify(path)
    count, repaired, last = 0, 0, b""
    try:
        with path.open("rb") as file:
            for raw in file:
                count, last = count + 1, raw
                repaired += b'"record":{"repaired":' in raw
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}") from error
    return AuditFile(
        name=path.name,
        state=VERIFIED if broken is None else BROKEN,
        lines=count,
        line=None if broken is None else broken.line,
        reason="" if broken is None else broken.reason,
        repaired=repaired,
        last_hash=_hash_of(last) if broken is None else "",
    )


def _hash_of(raw: bytes) -> str:
    try:
        return said_hash(str(msgspec.json.decode(raw)["hash"]))
    except (*NOT_JSON, KeyError, TypeError):
        return ""
