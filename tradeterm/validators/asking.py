"""One question to the provider: in its turn, within its time and its budget, once more where that may help."""

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from msgspec import Struct, structs

from tradeterm.domain.states import AlertLevel, GateState
from tradeterm.validators.acceptance import Usage, parse
from tradeterm.validators.breaker import CallBreaker
from tradeterm.validators.budget import Budget, Reservation
from tradeterm.validators.codes import DOWN, OUTAGE, UNUSABLE, Failure, GateFailure
from tradeterm.validators.context import tokens_of
from tradeterm.validators.digest import digest
from tradeterm.validators.models import Price, price_of
from tradeterm.validators.protocol import GateStatus, Notice, Notify
from tradeterm.validators.provider import READ_S, Provider, Question, Reply
from tradeterm.validators.record import LONGEST_RAW, Attempt
from tradeterm.validators.secrets import Key
from tradeterm.validators.turnstile import Turnstile
from tradeterm.validators.untrusted import plain
from tradeterm.validators.verdict import ModelVerdict

_SCHEMA_TOKENS = 1000  # what the schema of the answer adds to a request, from above
_PAUSE_S = 0.25
_LEAST_S = 0.25  # with less left no answer would come in time
_UNUSABLE_IN_A_ROW = 3


class Deadline(Struct, frozen=True):
    """When an answer is no longer of use, and how long one attempt may take, by the loop's clock."""

    at: float
    attempt_s: float

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        return cls(asyncio.get_running_loop().time() + seconds, min(READ_S, seconds / 2))

    @property
    def remaining_s(self) -> float:
        return self.at - asyncio.get_running_loop().time()

    def has_room_for(self, seconds: float) -> bool:
        """Whether a pause and a whole attempt fit."""
        return seconds + self.attempt_s <= self.remaining_s


class Asking(Struct, frozen=True):
    """A question, what it is for, and how its answer is judged (raises GateFailure)."""

    question: Question
    purpose: str
    accept: Callable[[str], ModelVerdict]


class Asker:
    """Keeps what must hold over all questions: places, budget, breaker, and whether the provider is DOWN."""

    def __init__(
        self,
        provider: Provider,
        key: Key,
        *,
        model: str,
        max_tokens: int,
        budget: Budget,
        breaker: CallBreaker,
        notify: Notify,
        now: Callable[[], int],
    ) -> None:
        self._provider = provider
        self._key = key
        self._model = model
        self._max_tokens = max_tokens
        self._budget = budget
        self._breaker = breaker
        self._notify = notify
        self._now = now
        self._turnstile = Turnstile()
        self._down: GateFailure | None = None
        self._unusable = 0
        self._spent_told: int | None = None

    @property
    def status(self) -> GateStatus:
        if self._down is not None:
            return GateStatus(GateState.DOWN, f"{self._down.code}: {self._down}")
        if self._breaker.is_open:
            return GateStatus(GateState.DEGRADED, "the provider does not answer")
        if self._spent_told == self._budget.spent.day:
            return GateStatus(GateState.DEGRADED, "the budget is spent until 00:00 UTC")
        return GateStatus()

    def retry(self) -> None:
        self._down = None

    async def ask(self, asking: Asking, deadline: Deadline, attempts: list[Attempt]) -> ModelVerdict:
        """The verdict. Every request is added to `attempts`. Raises GateFailure."""
        if self._down is not None:
            raise self._down
        if self._key.is_leaked_by(asking.question.user):
            self._tell(AlertLevel.ERROR, "AI_SECRET", "a request to the model held a secret and was not sent")
            raise GateFailure(Failure.SECRET_IN_PROMPT, "the request held a secret; it was not sent")
        waiting = asyncio.timeout_at(deadline.at)
        try:
            async with waiting, self._turnstile.enter(deadline.at):
                if deadline.remaining_s < _LEAST_S:
                    raise TimeoutError
                waiting.reschedule(None)  # from here on an attempt keeps its own time
                return await self._in_turn(asking, deadline, attempts)
        except TimeoutError:
            raise GateFailure(Failure.STALE, "no time was left to ask") from None

    async def _in_turn(self, asking: Asking, deadline: Deadline, attempts: list[Attempt]) -> ModelVerdict:
        if not self._breaker.allows():
            raise GateFailure(Failure.BREAKER, "the provider failed repeatedly; it is asked again in a minute")
        try:
            reply, verdict, failure = await self._attempt(asking, deadline, attempts)
            pause = _PAUSE_S * (1 + random.random()) if reply.retry_after_s is None else reply.retry_after_s
            if reply.again and deadline.has_room_for(pause):
                await asyncio.sleep(pause)
                reply, verdict, failure = await self._attempt(asking, deadline, attempts)
        except BaseException:
            self._breaker.gave_up()
            raise
        self._learn(reply.failure, failure)
        if failure is not None:
            raise failure
        assert verdict is not None
        return verdict

    async def _attempt(
        self, asking: Asking, deadline: Deadline, attempts: list[Attempt]
    ) -> tuple[Reply, ModelVerdict | None, GateFailure | None]:
        price = price_of(self._provider.name, self._model, self._today())
        reservation = self._reserve(asking.question, price)
        started = asyncio.get_running_loop().time()
        reply = Reply(Failure.CANCELLED, text="cancelled")
        verdict, failure = None, None
        try:
            async with asyncio.timeout_at(deadline.at):
                reply = await self._provider.ask(asking.question)
        except TimeoutError:
            reply = Reply(Failure.TIMEOUT, text="no answer before the deadline")
        finally:
            if reply.failure is not None:
                failure = GateFailure(reply.failure, reply.text)
            else:
                try:
                    verdict = asking.accept(reply.body)
                    verdict = structs.replace(verdict, reasoning=self._key.hide(verdict.reasoning))
                except GateFailure as found:
                    failure = found
            ms = round((asyncio.get_running_loop().time() - started) * 1000)
            attempts.append(self._booked(reply, failure, reservation, price, asking.purpose, len(attempts) + 1, ms))
        return reply, verdict, failure

    def _reserve(self, question: Question, price: Price | None) -> Reservation:
        tokens = tokens_of(question.system) + tokens_of(question.user) + _SCHEMA_TOKENS
        cost = None if price is None else price.worst(tokens, self._max_tokens)
        reservation = self._budget.reserve(cost, tokens + self._max_tokens)
        if reservation is None:
            today = self._budget.spent.day
            if self._spent_told != today:
                self._spent_told = today
                text = "the AI's budget of the day is spent: entries are blocked until 00:00 UTC"
                self._tell(AlertLevel.ERROR, "AI_BUDGET", text)
            raise GateFailure(Failure.BUDGET, "the budget is spent")
        return reservation

    def _booked(
        self,
        reply: Reply,
        failure: GateFailure | None,
        reservation: Reservation,
        price: Price | None,
        purpose: str,
        n: int,
        ms: int,
    ) -> Attempt:
        """The attempt as it is kept; its cost is booked. A request that may have been served without a usage counts
        with what was reserved, one that was refused costs nothing."""
        body = _parsed(reply.body)
        usage = None if body is None else self._provider.usage(body)
        refused = reply.failure is not None and reply.status is not None
        estimated = usage is None and reply.sent and not refused
        cost, tokens = self._cost(usage, estimated, reservation, price)
        self._budget.settle(reservation, cost, tokens)
        raw = self._key.hide(reply.body)
        return Attempt(
            n=n,
            purpose=purpose,
            status=reply.status,
            error_type=reply.error_type,
            failure="" if failure is None else failure.code.value,
            request_id=reply.request_id,
            message_id=_word(body, "id"),
            model=_word(body, "model"),
            ms=ms,
            usage=usage,
            cost_usd=None if price is None else cost,
            estimated=estimated,
            response=raw[:LONGEST_RAW],
            response_sha=digest(reply.body) if reply.body else "",
        )

    def _cost(
        self, usage: Usage | None, estimated: bool, reservation: Reservation, price: Price | None
    ) -> tuple[Decimal, int]:
        if usage is not None:
            return (Decimal(0) if price is None else price.cost(usage)), usage.total
        return (reservation.usd, reservation.tokens) if estimated else (Decimal(0), 0)

    def _learn(self, outage: Failure | None, failure: GateFailure | None) -> None:
        """What an answer, or none, says of the provider; what changes is told."""
        code = None if failure is None else failure.code
        if outage in OUTAGE:
            if self._breaker.failed():
                text = "the AI provider failed five times in two minutes: entries are blocked while it does"
                self._tell(AlertLevel.ERROR, "AI_OUTAGE", text)
            return
        if self._breaker.succeeded():
            self._tell(AlertLevel.INFO, "AI_BACK", "the AI provider answers again")
        if failure is not None and code in DOWN:
            if self._down is None:
                self._tell(AlertLevel.CRITICAL, "AI_DOWN", f"tier 2 is down, every entry is blocked: {failure}")
            self._down = failure
        self._unusable = self._unusable + 1 if code in UNUSABLE else 0
        if self._unusable == _UNUSABLE_IN_A_ROW:
            text = f"the AI's last {_UNUSABLE_IN_A_ROW} answers could not be used: {code}"
            self._tell(AlertLevel.WARNING, "AI_UNUSABLE", text)

    def _tell(self, level: AlertLevel, code: str, text: str) -> None:
        self._notify(Notice(level, code, text))

    def _today(self) -> date:
        return datetime.fromtimestamp(self._now() / 1000, UTC).date()


def _parsed(body: str) -> dict[str, Any] | None:
    try:
        found = parse(body) if body else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _word(body: dict[str, Any] | None, name: str) -> str:
    value = None if body is None else body.get(name)
    return plain(value)[:100] if isinstance(value, str) else ""
