"""What tier 2 leaves behind: its decisions in the audit file before anything follows, its costs, its trouble."""

import sqlite3
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

from tradeterm.config import GateConfig, GateMode
from tradeterm.domain.facts import AiUsage, AlertFact, Fact
from tradeterm.domain.market import DAY_MS
from tradeterm.engine.audit import AuditTrail
from tradeterm.validators.budget import Spent
from tradeterm.validators.prompt import GATE
from tradeterm.validators.protocol import Notice
from tradeterm.validators.record import Attempt, DecisionRecord
from tradeterm.validators.registry import ASKS_A_MODEL

USD = "USD"
_PIECE = 1 << 20


class Decisions:
    """`now` is desk time, `wall` the machine's, UTC ms: a model is paid by the machine's days. `spent` is what earlier
    runs took of today."""

    def __init__(
        self,
        audit: AuditTrail,
        record: Callable[[int, Sequence[Fact]], None],
        *,
        spent: Spent,
        now: Callable[[], int],
        wall: Callable[[], int],
    ) -> None:
        self._audit = audit
        self._record = record
        self._spent = spent
        self._now = now
        self._wall = wall

    @property
    def spent(self) -> Spent:
        """Of today."""
        today = self._wall() // DAY_MS
        return self._spent if self._spent.day == today else Spent(day=today)

    async def keep(self, record: DecisionRecord) -> None:
        """Returns when the decision is on the disk. Raises LedgerError where it cannot be."""
        usages = [_usage(record, attempt) for attempt in record.attempts]
        self._spent = _added(self.spent, usages)
        await self._audit.decide(record)
        verdict = () if record.enforced else (record.as_verdict(),)  # an enforced one is recorded by the desk
        if usages or verdict:
            self._record(self._now(), [*usages, *verdict])

    def tell(self, notice: Notice) -> None:
        self._record(self._now(), [AlertFact(ts=self._now(), level=notice.level, code=notice.code, text=notice.text)])


def prompt_warning(gate: GateConfig, audit: Path) -> tuple[str, ...]:
    """What a person should know who enforces a prompt that never judged here: a new version may judge otherwise.

    `audit` is the file of decisions, which need not exist.
    """
    if gate.validator not in ASKS_A_MODEL or gate.mode is not GateMode.ENFORCE:
        return ()
    if _holds(audit, f'"prompt_version":"{GATE}"'.encode()):
        return ()
    return (f'gate.mode: the prompt {GATE} has not judged anything here yet; watch it with mode = "shadow" first',)


def _holds(file: Path, wanted: bytes) -> bool:
    """Whether the file holds the bytes; the end of one piece is read again with the next."""
    try:
        with file.open("rb") as source:
            kept = b""
            while piece := source.read(_PIECE):
                if wanted in kept + piece:
                    return True
                kept = piece[-len(wanted) :]
    except OSError:
        return False
    return False


def read_spent(db: sqlite3.Connection, wall: int) -> Spent:
    """What the ledger knows of the UTC day of `wall`; the chat has a budget of its own."""
    day = wall // DAY_MS
    rows = db.execute(
        "SELECT cost, coalesce(input_tokens, 0) + coalesce(output_tokens, 0) + coalesce(cached_tokens, 0)"
        " FROM ai_usage WHERE ts >= ? AND purpose != 'chat'",
        (day * DAY_MS,),
    ).fetchall()
    usd = sum((Decimal(cost) for cost, _ in rows if cost is not None), Decimal(0))
    return Spent(day=day, usd=usd, calls=len(rows), tokens=sum(tokens for _, tokens in rows))


def _usage(record: DecisionRecord, attempt: Attempt) -> AiUsage:
    usage = attempt.usage
    cached = None if usage is None else usage.cache_read + usage.cache_write_5m + usage.cache_write_1h
    return AiUsage(
        ts=record.wall_ts,
        book=record.book,
        purpose=attempt.purpose,
        model=attempt.model or record.model_requested,
        signal_id=record.signal_id,
        input_tokens=None if usage is None else usage.input,
        output_tokens=None if usage is None else usage.output,
        cached_tokens=cached,
        cost=attempt.cost_usd,
        currency=USD,
        latency_ms=attempt.ms,
    )


def _added(spent: Spent, usages: Sequence[AiUsage]) -> Spent:
    return Spent(
        day=spent.day,
        usd=spent.usd + sum((usage.cost for usage in usages if usage.cost is not None), Decimal(0)),
        calls=spent.calls + len(usages),
        tokens=spent.tokens
        + sum((each.input_tokens or 0) + (each.output_tokens or 0) + (each.cached_tokens or 0) for each in usages),
    )
