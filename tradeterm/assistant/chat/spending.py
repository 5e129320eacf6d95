"""What a question may cost, and what the chat has taken today: booked in the ledger request by request."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct

from tradeterm.assistant.chat.model import Asker, Reply, Request
from tradeterm.config import ChatConfig
from tradeterm.console.protocol import Console
from tradeterm.domain.facts import AiUsage
from tradeterm.domain.market import DAY_MS
from tradeterm.validators.acceptance import Usage
from tradeterm.validators.context import tokens_of
from tradeterm.validators.digest import canonical
from tradeterm.validators.models import Price, price_of

PURPOSE = "chat"
_TURN_TOKENS = 400_000
"""Of one question; bounds what no price bounds."""


class Reserved(Struct, frozen=True):
    """The worst case of a request; `usd` is None where the price is not known."""

    tokens: int
    usd: Decimal | None


class BudgetSpent(Exception):
    """The request would go over a budget; which, in one sentence."""


class Spending:
    """`now` is the machine's clock in ms."""

    def __init__(self, console: Console, asker: Asker, limits: ChatConfig, now: Callable[[], int]) -> None:
        self._console = console
        self._asker = asker
        self._limits = limits
        self._now = now
        self._turn_usd: Decimal | None = Decimal(0)
        self.turn_tokens = 0

    def begin(self) -> None:
        """A new question."""
        self._turn_usd, self.turn_tokens = Decimal(0), 0

    @property
    def turn_usd(self) -> Decimal | None:
        return self._turn_usd

    def today(self) -> Decimal | None:
        """USD the chat took in this UTC day, None where a price was not known."""
        midnight = self._now() // DAY_MS * DAY_MS
        costs = [row.cost for row in self._console.ai_usage(midnight) if row.purpose == PURPOSE]
        known = [cost for cost in costs if cost is not None]
        return sum(known, Decimal(0)) if len(known) == len(costs) else None

    def reserve(self, request: Request) -> Reserved:
        """The worst case of a request, if it fits. Raises BudgetSpent."""
        asked = canonical([request.system, request.tools, request.messages])
        tokens = tokens_of(asked)
        price = price_of(
            self._asker.provider, self._asker.model, datetime.fromtimestamp(self._now() / 1000, UTC).date()
        )
        worst = None if price is None else price.worst(tokens, self._asker.max_tokens)
        if self.turn_tokens + tokens + self._asker.max_tokens > _TURN_TOKENS:
            raise BudgetSpent(f"One question may take {_TURN_TOKENS:,} tokens; ask something narrower.")
        if worst is not None:
            turn, day = self._limits.turn_usd, self._limits.budget_usd
            if (self._turn_usd or Decimal(0)) + worst > Decimal(repr(turn)):
                raise BudgetSpent(f"One question may cost {turn:g} USD (chat.turn_usd); ask something narrower.")
            if (self.today() or Decimal(0)) + worst > Decimal(repr(day)):
                raise BudgetSpent(f"The chat's {day:g} USD of today are spent (chat.budget_usd), until 00:00 UTC.")
        return Reserved(tokens + self._asker.max_tokens, worst)

    def settle(self, reserved: Reserved, reply: Reply | None, latency_ms: int) -> AiUsage:
        """The request as it is booked: what it took, or what was reserved where no usage came back."""
        usage = None if reply is None else reply.usage
        price = self._price()
        cost = reserved.usd if usage is None else (None if price is None else price.cost(usage))
        self.turn_tokens += reserved.tokens if usage is None else usage.total
        self._turn_usd = None if cost is None or self._turn_usd is None else self._turn_usd + cost
        return self._usage(usage, cost, latency_ms, self._asker.model if reply is None else reply.model)

    def _usage(self, usage: Usage | None, cost: Decimal | None, latency_ms: int, model: str) -> AiUsage:
        cached = None if usage is None else usage.cache_read + usage.cache_write_5m + usage.cache_write_1h
        return AiUsage(
            ts=self._now(),
            book="",
            purpose=PURPOSE,
            model=model,
            signal_id="",
            input_tokens=None if usage is None else usage.input,
            output_tokens=None if usage is None else usage.output,
            cached_tokens=cached,
            cost=cost,
            currency="USD",
            latency_ms=latency_ms,
        )

    def _price(self) -> Price | None:
        day = datetime.fromtimestamp(self._now() / 1000, UTC).date()
        return price_of(self._asker.provider, self._asker.model, day)
