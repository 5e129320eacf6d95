"""Tier 2 with a deadline: whatever goes wrong, the answer is a verdict, and it blocks."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from tradeterm.domain.commands import DeskCommand, RequestVerdict
from tradeterm.domain.events import DeskEvent, VerdictReceived
from tradeterm.domain.signals import Verdict, VerdictDecision, VerdictSource
from tradeterm.validators.protocol import Validator


class Gate:
    """Judges one signal after the other. A validator that breaks is made anew; its signal stays blocked."""

    def __init__(
        self,
        make: Callable[[], Validator],
        *,
        deadline_s: float,
        post: Callable[[DeskEvent], None],
        now: Callable[[], int],
    ) -> None:
        self._make = make
        self._deadline_s = deadline_s
        self._post = post
        self._now = now
        self._validator = make()
        self._broke_on: str | None = None

    @property
    def label(self) -> str:
        return self._validator.label

    async def restart(self) -> None:
        self._validator = self._make()

    async def carry_out(self, command: DeskCommand) -> None:
        """May be called again with the same command after it failed."""
        if not isinstance(command, RequestVerdict):
            raise TypeError(f"{type(command).__name__} is not a request for a verdict")
        signal = command.signal
        if self._broke_on == signal.id:  # answered already: the validator broke on it
            self._broke_on = None
            return
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._deadline_s):
                verdict = await self._validator.judge(signal, command.context, self._now())
        except TimeoutError:
            verdict = self._blocked(command, "TIMEOUT", f"no verdict within {self._deadline_s:g} s", started)
        except Exception as error:
            self._broke_on = signal.id
            text = f"tier 2 failed: {type(error).__name__}: {error}"
            self._post(
                VerdictReceived(ts=self._now(), verdict=self._blocked(command, "VALIDATOR_FAILED", text, started))
            )
            raise
        self._post(VerdictReceived(ts=self._now(), verdict=verdict))

    def _blocked(self, command: RequestVerdict, code: str, reasoning: str, started: float) -> Verdict:
        signal = command.signal
        return Verdict(
            id=f"{signal.id}-v",
            signal_id=signal.id,
            book=signal.book,
            instrument=signal.instrument,
            side=signal.side,
            decision=VerdictDecision.FAILED_CLOSED,
            size_factor=Decimal(0),
            confidence=None,
            reason_codes=(),
            reasoning=reasoning,
            source=VerdictSource.NONE,
            model=self.label,
            latency_ms=round((asyncio.get_running_loop().time() - started) * 1000),
            ts=self._now(),
            code=code,
        )
