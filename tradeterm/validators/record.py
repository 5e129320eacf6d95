"""What is kept of every decision of tier 2, written before its verdict can become an order.

Nothing in it is a secret: texts are cleared of the key and of whatever looks like one before they get here. What tier 1
said after the verdict and the final quantity are in the signal's row of the ledger, which names the verdict by `id`.
"""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Verdict, VerdictDecision, VerdictSource
from tradeterm.validators.acceptance import Usage

LONGEST_RAW = 32 * 1024


class Attempt(Struct, frozen=True, kw_only=True):
    """One request. `failure` "" where its answer was accepted; `cost_usd` None where the price is not known.

    `estimated`: no usage came back, so what was reserved is booked. `purpose` is gate or news. The response is cut at
    32 KiB; `response_sha` is that of all of it.
    """

    n: int
    purpose: str
    status: int | None
    error_type: str
    failure: str
    request_id: str
    message_id: str
    model: str
    ms: int
    usage: Usage | None
    cost_usd: Decimal | None
    estimated: bool
    response: str
    response_sha: str


class DecisionRecord(Struct, frozen=True, kw_only=True):
    """One decision, with all it was made from. `enforced` is False for one that was only watched."""

    id: str
    ts: int
    wall_ts: int
    enforced: bool
    source: VerdictSource
    signal_id: str
    book: str
    strategy: str
    instrument: str
    side: PositionSide
    ts_bar: int
    context: dict[str, Any]
    context_hash: str
    headlines: tuple[str, ...]
    suspicious: bool
    prompt_version: str
    prompt_sha: str
    news_version: str
    news_sha: str
    schema_version: int
    provider: str
    host: str
    model_requested: str
    model_returned: str
    simulated: bool
    contaminated: bool
    parameters: dict[str, Any]
    sdk: str
    price_table: str
    attempts: tuple[Attempt, ...]
    cost_usd: Decimal | None
    latency_ms: int
    decision: VerdictDecision
    size_factor: Decimal
    confidence: float | None
    reason_codes: tuple[str, ...]
    evidence: tuple[dict[str, str], ...]
    reasoning: str
    code: str

    def as_verdict(self) -> Verdict:
        """What the desk, or the ledger's table of verdicts, is told of it."""
        model = self.model_returned or self.model_requested
        return Verdict(
            id=self.id,
            signal_id=self.signal_id,
            book=self.book,
            instrument=self.instrument,
            side=self.side,
            decision=self.decision,
            size_factor=self.size_factor,
            confidence=self.confidence,
            reason_codes=self.reason_codes,
            reasoning=self.reasoning,
            source=self.source,
            model=f"{model} (simulated AI)" if self.simulated else model,
            latency_ms=self.latency_ms,
            ts=self.ts,
            code=self.code,
        )


Record = Callable[[DecisionRecord], Awaitable[None]]
"""Returns when the record is on the disk; whatever it raises blocks the entry."""
