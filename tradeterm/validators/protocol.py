"""Tier 2 of the gate: may veto or shrink, never raise, choose or trigger."""

from collections.abc import Callable
from typing import Any, Protocol

from msgspec import Struct

from tradeterm.domain.signals import Signal, Verdict
from tradeterm.domain.states import AlertLevel, GateState


class GateStatus(Struct, frozen=True):
    """How tier 2 is. `text` is "" while it is UP."""

    state: GateState = GateState.UP
    text: str = ""


class Notice(Struct, frozen=True):
    """Something about tier 2 that a person must hear of."""

    level: AlertLevel
    code: str
    text: str


Notify = Callable[[Notice], None]


class Validator(Protocol):
    """`label` is how the screen names it, for instance "RULES (no AI)".

    `judge` may be called for several signals at once. It answers with a verdict whatever goes wrong: only
    cancellation passes through it.
    """

    @property
    def label(self) -> str: ...

    @property
    def status(self) -> GateStatus: ...

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict: ...

    def retry(self) -> None:
        """Ask again although tier 2 is DOWN."""

    async def close(self) -> None: ...
