"""Tier 2 from a record: the verdicts that were given live, found again by context. Nothing is asked.

The record is an audit file of decisions as it stands. Verdicts of a simulated AI, of a model that may have known what
came after, and blocks that say nothing of the model (outages, budget) are not in it.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, structs

from tradeterm.config import GateConfig, OnMiss
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.signals import Signal, Verdict, VerdictDecision, VerdictSource
from tradeterm.validators.ai import how_asked
from tradeterm.validators.codes import UNUSABLE, Failure, GateFailure
from tradeterm.validators.context import build_context, context_hash
from tradeterm.validators.protocol import GateStatus
from tradeterm.validators.rules import RulesValidator

_ANSWERED = frozenset({*UNUSABLE, Failure.LOW_CONFIDENCE, Failure.REFUSAL, Failure.LENGTH})


class Recorded(Struct, frozen=True, kw_only=True):
    """What is read of a record; the rest of the line is not needed."""

    context_hash: str
    source: VerdictSource
    decision: VerdictDecision
    size_factor: Decimal
    confidence: float | None
    reason_codes: tuple[str, ...]
    reasoning: str
    code: str
    model_returned: str
    simulated: bool
    contaminated: bool

    @property
    def is_usable(self) -> bool:
        judged = self.decision is not VerdictDecision.FAILED_CLOSED or self.code in _ANSWERED
        return judged and self.source is VerdictSource.LIVE and not self.simulated and not self.contaminated


class _Line(Struct, frozen=True):
    record: Recorded


def load_recorded(path: Path) -> dict[str, Recorded]:
    """The usable verdicts of an audit file by context; the last of a context counts. Raises ConfigError."""
    found: dict[str, Recorded] = {}
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                if b'"context_hash"' not in raw:  # rules' verdicts and repairs stand in the same file
                    continue
                try:
                    record = msgspec.json.decode(raw, type=_Line).record
                except msgspec.DecodeError:
                    raise ConfigError(f"gate.recorded.file: line {number} of {path} is no recorded decision") from None
                if record.is_usable and 0 <= record.size_factor <= 1:
                    found[record.context_hash] = record
    except OSError as error:
        raise ConfigError(f"gate.recorded.file: {path} cannot be read: {error.strerror}") from None
    return found


class RecordedValidator:
    """`coverage` counts how many signals were found in the record, of how many."""

    status = GateStatus()

    def __init__(self, gate: GateConfig) -> None:
        if not gate.recorded.file:
            raise ConfigError('gate.recorded.file: found "", allowed an audit file of decisions')
        self._gate = gate
        self._recorded = load_recorded(Path(gate.recorded.file).expanduser())
        self._rules = RulesValidator()
        self.found, self.asked = 0, 0

    @property
    def label(self) -> str:
        return f"RECORDED ({self._gate.ai.model})"

    @property
    def coverage(self) -> str:
        return f"{self.found} of {self.asked} signals were in the record"

    def retry(self) -> None:
        """A record does not come back."""

    async def close(self) -> None:
        """There is nothing to close."""

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict:
        self.asked += 1
        try:
            known = build_context(signal, context, ts)
        except GateFailure as failure:
            return self._verdict(signal, ts, decision=VerdictDecision.FAILED_CLOSED, code=failure.code.value)
        record = self._recorded.get(context_hash(known, **how_asked(self._gate)))
        if record is None:
            return await self._missed(signal, context, ts)
        self.found += 1
        verdict = self._verdict(signal, ts, decision=record.decision, code=record.code)
        return structs.replace(
            verdict,
            size_factor=record.size_factor,
            confidence=record.confidence,
            reason_codes=record.reason_codes,
            reasoning=record.reasoning,
            source=VerdictSource.RECORDED,
            model=record.model_returned,
        )

    async def _missed(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict:
        match self._gate.recorded.on_miss:
            case OnMiss.RULES:
                return await self._rules.judge(signal, context, ts)
            case OnMiss.PASS:
                verdict = self._verdict(signal, ts, decision=VerdictDecision.APPROVE, code=Failure.NOT_RECORDED.value)
                return structs.replace(verdict, size_factor=Decimal(1))
        return self._verdict(signal, ts, decision=VerdictDecision.FAILED_CLOSED, code=Failure.NOT_RECORDED.value)

    def _verdict(self, signal: Signal, ts: int, *, decision: VerdictDecision, code: str) -> Verdict:
        return Verdict(
            id=f"v{signal.id}",
            signal_id=signal.id,
            book=signal.book,
            instrument=signal.instrument,
            side=signal.side,
            decision=decision,
            size_factor=Decimal(0),
            confidence=None,
            reason_codes=(),
            reasoning="not in the record of verdicts" if code == Failure.NOT_RECORDED.value else "",
            source=VerdictSource.NONE,
            model="",
            latency_ms=0,
            ts=ts,
            code=code,
        )
