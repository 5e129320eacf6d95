"""Which facts also go into the audit files."""

import asyncio
from collections import deque
from contextlib import suppress
from functools import partial

from tradeterm.domain.errors import LedgerError
from tradeterm.domain.facts import AlertFact, Fact, OrderEventFact, SignalFact, Trade
from tradeterm.domain.orders import OrderStatus
from tradeterm.domain.signals import GateCode, SignalOutcome, Verdict
from tradeterm.domain.states import AlertLevel
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.validators.record import DecisionRecord

# Denials by a limit that protects capital or by the state of the desk; the others are the market's or the signal's.
_SAFETY = frozenset(
    {
        GateCode.STALE_DATA,
        GateCode.NOT_FINITE,
        GateCode.LEVERAGE_CAP,
        GateCode.POSITION_COUNT_CAP,
        GateCode.ORDER_COUNT_CAP,
        GateCode.NOTIONAL_EXCEEDS_MAX_PER_ORDER,
        GateCode.POSITION_EXPOSURE_LIMIT,
        GateCode.EXPOSURE_LIMIT,
        GateCode.DAILY_LOSS_LIMIT,
        GateCode.DRAWDOWN_LIMIT,
        GateCode.TRADING_HALTED,
        GateCode.TRADING_STATE_REDUCING,
        GateCode.RECONCILING,
        GateCode.ORDER_UNKNOWN_PENDING,
        GateCode.ENGINE_DEGRADED,
        GateCode.UNPROTECTED_POSITION,
        GateCode.BREAKER,
        GateCode.REDUCE_ONLY_WOULD_INCREASE,
        GateCode.STRATEGY_HEALTH,
        GateCode.GROSS_EXPOSURE,
        GateCode.ASSET_EXPOSURE,
        GateCode.CORRELATED_EXPOSURE,
        GateCode.SECTOR_EXPOSURE,
        GateCode.ONE_SIDED,
        GateCode.PORTFOLIO_HEAT,
        GateCode.VAR_LIMIT,
    }
)
_FAILED = frozenset({OrderStatus.REJECTED, OrderStatus.UNKNOWN})


def audit_kind(fact: Fact) -> AuditKind | None:
    """The audit file a fact belongs to, None for most."""
    match fact:
        case Verdict():
            return AuditKind.AI_DECISIONS
        case SignalFact(outcome=SignalOutcome.DENIED) if fact.outcome_code in _SAFETY:
            return AuditKind.SAFETY_VIOLATIONS
        case AlertFact(level=AlertLevel.CRITICAL):
            return AuditKind.SAFETY_VIOLATIONS
        case OrderEventFact() if fact.to_status in _FAILED and fact.to_status is not fact.from_status:
            return AuditKind.EXECUTION_FAILURES
        case Trade():
            return AuditKind.PNL
        case _:
            return None


class AuditTrail:
    """Appends facts to their audit files; what a full disk refuses is kept and tried again, in order."""

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._waiting: deque[tuple[AuditKind, int, Fact]] = deque()
        self._decided: set[str] = set()

    def add(self, ts: int, fact: Fact) -> None:
        """Never raises for the disk; `flush` tells."""
        kind = audit_kind(fact)
        if isinstance(fact, Verdict) and fact.id in self._decided:
            self._decided.discard(fact.id)
        elif kind is not None:
            self._waiting.append((kind, ts, fact))
            with suppress(LedgerError):
                self.flush()

    async def decide(self, record: DecisionRecord) -> None:
        """Write a decision of tier 2 and wait for the disk; its verdict is not written a second time. Raises
        LedgerError."""
        self.flush()
        append = partial(self._log.append, AuditKind.AI_DECISIONS, record, ts=record.ts, durable=True)
        await asyncio.to_thread(append)
        self._decided.add(record.id)

    def flush(self) -> None:
        """Raises LedgerError while the files cannot be written."""
        while self._waiting:
            kind, ts, fact = self._waiting[0]
            self._log.append(kind, fact, ts=ts)
            self._waiting.popleft()

    def close(self) -> None:
        """Raises LedgerError if something could not be written."""
        try:
            self.flush()
        finally:
            self._log.close()
