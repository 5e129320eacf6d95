"""The AI's tier 2: one decision a signal, recorded before it is told. Whatever goes wrong, the answer blocks.

A second signal with the id of one already asked gets its verdict; equal contexts share one call and, for half a
minute, its verdict; two different questions about one book, instrument and side are never open at once.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import msgspec
from msgspec import Struct, structs

from tradeterm.config import AiConfig, GateConfig, NewsMode
from tradeterm.domain.signals import Signal, Verdict, VerdictDecision, VerdictSource
from tradeterm.domain.states import AlertLevel
from tradeterm.validators.acceptance import accept
from tradeterm.validators.asking import Asker, Asking, Deadline
from tradeterm.validators.codes import Failure, GateFailure
from tradeterm.validators.context import GateContext, build_context, context_hash
from tradeterm.validators.digest import canonical
from tradeterm.validators.models import is_contaminated, is_simulated, model_table
from tradeterm.validators.prompt import GATE, NEWS, Prompt, load_prompt
from tradeterm.validators.protocol import GateStatus, Notice, Notify
from tradeterm.validators.provider import Provider, Question
from tradeterm.validators.record import Attempt, DecisionRecord, Record
from tradeterm.validators.verdict import SCHEMA_VERSION, Decision, ModelVerdict, verdict_schema

_log = logging.getLogger(__name__)

_REUSE_S = 30.0
_REMEMBERED = 1000
_LETS_THROUGH = (VerdictDecision.APPROVE, VerdictDecision.REDUCE)


class Judged(Struct, frozen=True, kw_only=True):
    """What came of a question. `attempts` are the requests it took."""

    decision: VerdictDecision
    size_factor: Decimal = Decimal(0)
    confidence: float | None = None
    reason_codes: tuple[str, ...] = ()
    evidence: tuple[dict[str, str], ...] = ()
    reasoning: str = ""
    code: str = ""
    source: VerdictSource = VerdictSource.LIVE
    attempts: tuple[Attempt, ...] = ()


class Case(Struct, frozen=True):
    """A signal with what is known of it; `hash` names the context and how it is asked."""

    signal: Signal
    ts: int
    context: GateContext = GateContext({})
    hash: str = ""


class AiValidator:
    """`enforced` False marks records and ids of verdicts that are only watched. `now` is the wall clock in ms."""

    def __init__(
        self,
        provider: Provider,
        asker: Asker,
        gate: GateConfig,
        *,
        record: Record,
        notify: Notify,
        now: Callable[[], int],
        enforced: bool = True,
    ) -> None:
        self._provider = provider
        self._asker = asker
        self._gate = gate
        self._record = record
        self._notify = notify
        self._now = now
        self._enforced = enforced
        self._prompt, self._news = load_prompt(GATE), load_prompt(NEWS)
        self._schema = verdict_schema()
        self._by_id: OrderedDict[str, asyncio.Future[Verdict]] = OrderedDict()
        self._flights: dict[str, asyncio.Future[Judged]] = {}
        self._reusable: dict[str, tuple[float, Judged]] = {}
        self._open: set[tuple[str, ...]] = set()
        self._simulated = is_simulated(gate.ai.model)

    @property
    def label(self) -> str:
        model = self._gate.ai.model
        return f"SIMULATED AI ({model})" if self._simulated else f"{model} ({self._provider.name})"

    @property
    def status(self) -> GateStatus:
        return self._asker.status

    def retry(self) -> None:
        self._asker.retry()

    async def close(self) -> None:
        await self._provider.close()

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict:
        if (earlier := self._by_id.get(signal.id)) is not None:
            return await asyncio.shield(earlier)
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._by_id[signal.id] = answer
        while len(self._by_id) > _REMEMBERED:
            self._by_id.popitem(last=False)
        try:
            verdict = await self._recorded(signal, context, ts)
        except BaseException:
            failed = _failed(Failure.CANCELLED, "the question was cancelled")
            answer.set_result(self._as_record(Case(signal, ts), failed, 0).as_verdict())
            raise
        answer.set_result(verdict)
        return verdict

    async def _recorded(self, signal: Signal, packet: dict[str, Any], ts: int) -> Verdict:
        """The verdict, once its record is safe."""
        clock = asyncio.get_running_loop().time
        started, case = clock(), Case(signal, ts)
        attempts: list[Attempt] = []
        try:
            news = self._gate.news_mode is not NewsMode.OFF
            context = build_context(signal, packet, ts, news=news)
            case = Case(signal, ts, context, context_hash(context, **how_asked(self._gate)))
            judged = await self._judged(case, attempts)
        except GateFailure as failure:
            judged = _failed(failure.code, str(failure), attempts)
        except asyncio.CancelledError:
            judged = _failed(Failure.CANCELLED, "the question was cancelled", attempts)
            await self._keep(self._as_record(case, judged, round((clock() - started) * 1000)))
            raise
        except Exception as error:  # noqa: BLE001 - a bug here must block one entry, not stop the gate
            _log.error("tier 2 broke on signal %s: %s", signal.id, type(error).__name__)
            judged = _failed(Failure.BROKEN, f"tier 2 broke: {type(error).__name__}", attempts)
        record = self._as_record(case, judged, round((clock() - started) * 1000))
        if not await self._keep(record):
            blocked = _failed(Failure.AUDIT, "the decision could not be recorded", attempts)
            record = self._as_record(case, blocked, record.latency_ms)
        return record.as_verdict()

    async def _keep(self, record: DecisionRecord) -> bool:
        try:
            await self._record(record)
        except Exception as error:  # noqa: BLE001 - whatever kept the record from the disk, the entry is blocked
            text = f"a decision of tier 2 could not be recorded, its entry is blocked: {type(error).__name__}"
            self._notify(Notice(AlertLevel.CRITICAL, "AI_AUDIT", text))
            return False
        self._simulated = self._simulated or record.simulated
        return True

    async def _judged(self, case: Case, attempts: list[Attempt]) -> Judged:
        """From the cache, from a call already out, or from a call of its own."""
        clock = asyncio.get_running_loop().time
        self._reusable = {key: entry for key, entry in self._reusable.items() if entry[0] > clock()}
        if (known := self._reusable.get(case.hash)) is not None:
            return structs.replace(known[1], source=VerdictSource.CACHE, attempts=())
        if (flight := self._flights.get(case.hash)) is not None:
            shared = await asyncio.shield(flight)
            source = VerdictSource.CACHE if shared.source is VerdictSource.LIVE else shared.source
            return structs.replace(shared, source=source, attempts=())
        signal = case.signal
        lane = (signal.book, signal.strategy, signal.instrument, signal.side.value)
        if lane in self._open:
            raise GateFailure(Failure.IN_FLIGHT, "tier 2 is asked about this instrument and side already")
        flight = asyncio.get_running_loop().create_future()
        self._open.add(lane)
        self._flights[case.hash] = flight
        judged = _failed(Failure.CANCELLED, "the question was cancelled")
        try:
            judged = await self._asked(case, attempts)
            self._reusable[case.hash] = (clock() + _REUSE_S, judged)
        except GateFailure as failure:
            judged = _failed(failure.code, str(failure), attempts)
        finally:
            self._open.discard(lane)
            del self._flights[case.hash]
            flight.set_result(judged)
        return judged

    async def _asked(self, case: Case, attempts: list[Attempt]) -> Judged:
        """What the numbers say; then, if that lets the trade through, what the news take away from it."""
        deadline = Deadline.after(self._gate.deadline_seconds)
        verdict = await self._ask("gate", self._prompt, case, case.context.known, deadline, attempts)
        judged = _judged_by(verdict, attempts)
        if judged.decision not in _LETS_THROUGH or not case.context.headlines:
            return judged
        first = {"decision": verdict.decision.value, "size_factor": str(judged.size_factor)}
        untrusted = {"headlines": [*case.context.headlines]}
        known = {**case.context.known, "first": first, "untrusted": untrusted}
        second = _judged_by(await self._ask("news", self._news, case, known, deadline, attempts), attempts)
        return _lower(judged, second)

    async def _ask(
        self,
        purpose: str,
        prompt: Prompt,
        case: Case,
        known: dict[str, Any],
        deadline: Deadline,
        attempts: list[Attempt],
    ) -> ModelVerdict:
        judge = partial(
            accept,
            read=self._provider.read,
            signal=case.signal,
            context=known,
            least_confidence=self._gate.ai.least_confidence,
        )
        question = Question(prompt.text, canonical(known), self._schema)
        return await self._asker.ask(Asking(question, purpose, judge), deadline, attempts)

    def _as_record(self, case: Case, judged: Judged, latency_ms: int) -> DecisionRecord:
        signal, ai, wall = case.signal, self._gate.ai, self._now()
        returned = next((attempt.model for attempt in reversed(judged.attempts) if attempt.model), "")
        costs = [attempt.cost_usd for attempt in judged.attempts]
        known = [cost for cost in costs if cost is not None]
        return DecisionRecord(
            id=f"v{signal.id}" if self._enforced else f"v{signal.id}-shadow",
            ts=case.ts,
            wall_ts=wall,
            enforced=self._enforced,
            source=judged.source,
            signal_id=signal.id,
            book=signal.book,
            strategy=signal.strategy,
            instrument=signal.instrument,
            side=signal.side,
            ts_bar=signal.ts_bar,
            context=case.context.known,
            context_hash=case.hash,
            headlines=case.context.headlines,
            suspicious=case.context.suspicious,
            prompt_version=self._prompt.version,
            prompt_sha=self._prompt.sha,
            news_version=self._news.version,
            news_sha=self._news.sha,
            schema_version=SCHEMA_VERSION,
            provider=self._provider.name,
            host=self._provider.host,
            model_requested=ai.model,
            model_returned=returned,
            simulated=self._simulated or is_simulated(returned),
            contaminated=is_contaminated(ai.model, _day(signal.ts_bar), _day(wall)),
            parameters=dict(self._provider.parameters),
            sdk=self._provider.sdk,
            price_table=model_table().version,
            attempts=judged.attempts,
            cost_usd=sum(known, Decimal(0)) if len(known) == len(costs) else None,
            latency_ms=latency_ms,
            decision=judged.decision,
            size_factor=judged.size_factor,
            confidence=judged.confidence,
            reason_codes=judged.reason_codes,
            evidence=judged.evidence,
            reasoning=judged.reasoning,
            code=judged.code,
        )


def how_asked(gate: GateConfig) -> dict[str, Any]:
    """All that decides a verdict besides the context."""
    ai: AiConfig = gate.ai
    return {
        "provider": ai.provider.value,
        "model": ai.model,
        "max_tokens": ai.max_tokens,
        "effort": ai.effort.value,
        "least_confidence": ai.least_confidence,
        "news_mode": gate.news_mode.value,
        "prompts": [load_prompt(GATE).sha, load_prompt(NEWS).sha],
        "schema": SCHEMA_VERSION,
    }


def _failed(code: Failure, text: str, attempts: list[Attempt] | None = None) -> Judged:
    return Judged(
        decision=VerdictDecision.FAILED_CLOSED,
        reasoning=text,
        code=code.value,
        source=VerdictSource.LIVE if attempts else VerdictSource.NONE,
        attempts=tuple(attempts or ()),
    )


def _judged_by(verdict: ModelVerdict, attempts: list[Attempt]) -> Judged:
    blocks = verdict.decision in (Decision.REJECT, Decision.ABSTAIN)
    return Judged(
        decision=VerdictDecision(verdict.decision.value),
        size_factor=Decimal(repr(verdict.size_factor)),
        confidence=verdict.confidence,
        reason_codes=tuple(code.value for code in verdict.reason_codes),
        evidence=tuple(msgspec.to_builtins(evidence) for evidence in verdict.evidence),
        reasoning=verdict.reasoning,
        code=verdict.reason_codes[0].value if blocks else "",
        attempts=tuple(attempts),
    )


def _lower(first: Judged, second: Judged) -> Judged:
    """The first verdict, unless the second is lower: then the second. Both are kept in `attempts`."""
    lower = second if second.size_factor < first.size_factor else first
    return structs.replace(lower, attempts=second.attempts)


def _day(ms: int) -> date:
    return datetime.fromtimestamp(ms / 1000, UTC).date()
