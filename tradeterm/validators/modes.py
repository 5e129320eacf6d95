"""Tier 2 that does not decide: switched off, or only watched."""

import asyncio
from decimal import Decimal
from typing import Any

from tradeterm.domain.signals import Signal, Verdict, VerdictDecision, VerdictSource
from tradeterm.domain.states import GateState
from tradeterm.validators.codes import Failure
from tradeterm.validators.protocol import GateStatus, Validator


class OffValidator:
    """Lets everything through that tier 1 passed, and says so."""

    label = "OFF (tier 1 alone)"
    status = GateStatus()

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict:
        return _verdict(signal, ts, VerdictDecision.APPROVE, "OFF", "Tier 2 is off.")

    def retry(self) -> None:
        """There is nothing to try again."""

    async def close(self) -> None:
        """There is nothing to close."""


class DownValidator:
    """Blocks every entry: what was asked for cannot be used, and nothing else takes its place."""

    def __init__(self, label: str, text: str) -> None:
        self.label = label
        self.status = GateStatus(GateState.DOWN, f"{Failure.CONFIG}: {text}")
        self._text = text

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict:
        return _verdict(signal, ts, VerdictDecision.FAILED_CLOSED, Failure.CONFIG.value, self._text)

    def retry(self) -> None:
        """Only another configuration helps."""

    async def close(self) -> None:
        """There is nothing to close."""


class ShadowValidator:
    """Lets everything through at once; what the other one would have said is asked for aside and only recorded."""

    def __init__(self, watched: Validator) -> None:
        self._watched = watched
        self._asked: set[asyncio.Task[Verdict]] = set()

    @property
    def label(self) -> str:
        return f"SHADOW {self._watched.label}"

    @property
    def status(self) -> GateStatus:
        return self._watched.status

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict:
        task = asyncio.create_task(self._watched.judge(signal, context, ts))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        return _verdict(signal, ts, VerdictDecision.APPROVE, "SHADOW", "Tier 2 is only watched.")

    def retry(self) -> None:
        self._watched.retry()

    async def idle(self) -> None:
        """Returns when everything asked so far is recorded."""
        await asyncio.gather(*self._asked)

    async def close(self) -> None:
        for task in self._asked:
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)
        await self._watched.close()


def _verdict(signal: Signal, ts: int, decision: VerdictDecision, code: str, reasoning: str) -> Verdict:
    """A verdict that nobody gave."""
    return Verdict(
        id=f"v{signal.id}",
        signal_id=signal.id,
        book=signal.book,
        instrument=signal.instrument,
        side=signal.side,
        decision=decision,
        size_factor=Decimal(decision is VerdictDecision.APPROVE),
        confidence=None,
        reason_codes=(),
        reasoning=reasoning,
        source=VerdictSource.NONE,
        model="",
        latency_ms=0,
        ts=ts,
        code=code,
    )
