"""Tier 2 with a deadline: whatever goes wrong, the answer is a verdict, and it blocks."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from tradeterm.domain.commands import DeskCommand, RequestVerdict
from tradeterm.domain.events import DeskEvent, VerdictReceived
from tradeterm.domain.signals import Signal, Verdict, VerdictDecision, VerdictSource
from tradeterm.validators.protocol import GateStatus, Validator

WIDTH = 40
"""Signals judged at once; a validator that asks a model has fewer places, and says when they are taken."""
GRACE_S = 1.0
"""A validator keeps the configured deadline itself and knows better than the gate what it ran out in."""

_log = logging.getLogger(__name__)

KnownBesides = Callable[[Signal, int], Mapping[str, Any]]
"""Groups of the context, by name, of what the desk does not know of a signal at a time."""


def nothing_besides(signal: Signal, ts: int) -> Mapping[str, Any]:
    """For a validator that reads the desk's own packet alone."""
    return {}


class Gate:
    """Judges signals, several at once. A validator that breaks is made anew; its signal stays blocked.

    What the validator sees is the desk's packet with what is known `besides`; it keeps what it saw in its record.
    """

    def __init__(
        self,
        make: Callable[[], Validator],
        *,
        deadline_s: float,
        post: Callable[[DeskEvent], None],
        now: Callable[[], int],
        besides: KnownBesides = nothing_besides,
    ) -> None:
        self._make = make
        self._deadline_s = deadline_s
        self._post = post
        self._now = now
        self._besides = besides
        self._validator = make()
        self._broke_on: set[str] = set()

    @property
    def label(self) -> str:
        return self._validator.label

    @property
    def status(self) -> GateStatus:
        return self._validator.status

    def retry(self) -> str:
        """Let a validator that gave up ask again; returns why there is nothing to try, or ""."""
        if not self._validator.status.text:
            return "tier 2 is up"
        self._validator.retry()
        return ""

    async def restart(self) -> None:
        broken, self._validator = self._validator, self._make()
        await _close(broken)

    async def close(self) -> None:
        await _close(self._validator)

    async def carry_out(self, command: DeskCommand) -> None:
        """May be called again with the same command after it failed."""
        if not isinstance(command, RequestVerdict):
            raise TypeError(f"{type(command).__name__} is not a request for a verdict")
        signal = command.signal
        if signal.id in self._broke_on:  # answered already: the validator broke on it
            self._broke_on.discard(signal.id)
            return
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(self._deadline_s + GRACE_S):
                ts = self._now()
                context = joined(command.context, self._besides(signal, ts))
                verdict = await self._validator.judge(signal, context, ts)
        except TimeoutError:
            verdict = self._blocked(command, "TIMEOUT", f"no verdict within {self._deadline_s:g} s", started)
        except Exception as error:
            self._broke_on.add(signal.id)
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


def joined(context: Mapping[str, Any], besides: Mapping[str, Any]) -> dict[str, Any]:
    """Both, group by group; the desk's own values stand."""
    found = dict(context)
    for name, group in besides.items():
        own = context.get(name)
        found[name] = {**group, **own} if isinstance(group, Mapping) and isinstance(own, Mapping) else group
    return found


async def _close(validator: Validator) -> None:
    """Never raises: one that cannot be closed must hold up neither its successor nor the end of a run."""
    try:
        await validator.close()
    except Exception as error:  # noqa: BLE001 - nothing depends on it any more
        _log.warning("tier 2 could not be closed: %s", type(error).__name__)
