"""One readable line for each fact that matters to a person following along."""

from datetime import UTC, datetime
from decimal import Decimal

from msgspec import Struct

from tradeterm.domain.facts import (
    AlertFact,
    BreakerFact,
    CommandAck,
    DeskStateFact,
    EquityPoint,
    Fact,
    OrderEventFact,
    ReconciliationFact,
    SignalFact,
    Trade,
)
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.orders import Cash, Fill, Order, OrderIntent, OrderStatus
from tradeterm.domain.signals import SignalKind, SignalOutcome, Verdict, VerdictSource
from tradeterm.domain.states import CommandStatus, TradingState
from tradeterm.validators.models import is_simulated

_TROUBLE = frozenset({OrderStatus.REJECTED, OrderStatus.UNKNOWN, OrderStatus.EXPIRED, OrderStatus.DENIED})


class Line(Struct, frozen=True):
    """`kind` is a short stable word; `text` may quote outside text and is data, never markup."""

    kind: str
    ts: int
    text: str


def clock(ts: int) -> str:
    """UTC, to the second."""
    return datetime.fromtimestamp(ts / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def printable(text: str) -> str:
    """Without control characters: outside text must not move a terminal's cursor or break a line."""
    return "".join(char if char.isprintable() else " " for char in text)


def short(value: Decimal) -> str:
    """Without trailing zeros or an exponent."""
    return f"{value.normalize():f}"


def _judge(verdict: Verdict) -> str:
    """Who judged; a simulated AI never looks like one."""
    if verdict.source is VerdictSource.RULES or not verdict.model:
        return verdict.source
    return f"SIMULATED AI ({verdict.model})" if is_simulated(verdict.model) else verdict.model


class Teller:
    """Turns the stream of facts into lines; remembers only what it needs to say each thing once."""

    def __init__(self) -> None:
        self._orders: set[str] = set()
        self._signals: dict[str, SignalOutcome] = {}
        self._state: TradingState | None = None
        self._equity: EquityPoint | None = None
        self._clean: set[tuple[str, str]] = set()

    def tell(self, ts: int, fact: Fact) -> Line | None:
        """The line for a fact, or None where it is not worth one."""
        told = self._tell(fact)
        return Line(told[0], ts, printable(told[1])) if told else None

    def _tell(self, fact: Fact) -> tuple[str, str] | None:
        match fact:
            case SignalFact():
                return self._signal(fact)
            case Verdict():
                factor = "" if fact.size_factor == 1 else f" ×{short(fact.size_factor)}"
                codes = ", ".join(dict.fromkeys(filter(None, (fact.code, *fact.reason_codes)))) or fact.reasoning
                return "verdict", f"{fact.decision}{factor} {fact.instrument} {fact.side} by {_judge(fact)}: {codes}"
            case Order():
                return self._order(fact)
            case OrderEventFact() if fact.to_status in _TROUBLE or fact.anomaly:
                return "order", f"{fact.to_status} {fact.client_order_id}: {fact.kind} {fact.detail}".rstrip()
            case Fill():
                text = f"{fact.side} {short(fact.quantity)} {fact.instrument} at {short(fact.price)}"
                return "fill", f"{text}, fee {fact.fee:.2f} {fact.fee_currency} ({fact.client_order_id})"
            case Trade():
                r = "" if fact.r_multiple is None else f", {fact.r_multiple:+.2f} R"
                text = f"{fact.side} {short(fact.quantity)} {fact.instrument}"
                return "trade", f"{text} closed by {fact.exit_reason}: {fact.pnl:+.2f} ({fact.return_pct:+.2f} %{r})"
            case Cash():
                return "cash", f"{fact.kind} {fact.amount:+.2f} {fact.currency} {fact.instrument or ''}".rstrip()
            case AlertFact():
                return "alert", f"{fact.level} {fact.code}: {fact.text}"
            case BreakerFact():
                return "breaker", f"{fact.from_level} → {fact.to_level}: {fact.cause}"
            case DeskStateFact():
                return self._desk_state(fact)
            case ReconciliationFact():
                return self._reconciliation(fact)
            case CommandAck() if fact.status in (CommandStatus.DONE, CommandStatus.REFUSED):
                return "command", f"{fact.verb} {fact.status} {fact.detail}".rstrip()
            case EquityPoint(book=""):
                return self._day(fact)
            case _:
                return None

    def _signal(self, fact: SignalFact) -> tuple[str, str] | None:
        known = self._signals.get(fact.id)
        if fact.outcome is known or fact.outcome is SignalOutcome.IGNORED:
            return None
        if fact.outcome is SignalOutcome.PENDING:
            self._signals[fact.id] = fact.outcome
        else:
            self._signals.pop(fact.id, None)
        head = f"{fact.kind} {fact.side} {fact.instrument} at {short(fact.price)} ({fact.book})"
        if fact.outcome is SignalOutcome.PENDING or (known is None and fact.outcome is SignalOutcome.ORDERED):
            return "signal", f"{head}: {fact.reason}"
        if fact.outcome is SignalOutcome.ORDERED:
            return None  # the order's own line says it
        word = "denied" if fact.outcome is SignalOutcome.DENIED else "blocked"
        why = f"{fact.outcome_code} {fact.outcome_text}".strip()
        return word, f"{fact.side} {fact.instrument} ({fact.book}): {why}" if fact.kind is SignalKind.ENTRY else head

    def _order(self, fact: Order) -> tuple[str, str] | None:
        if fact.is_closed:
            self._orders.discard(fact.client_order_id)
            return None
        if fact.client_order_id in self._orders:
            return None
        self._orders.add(fact.client_order_id)
        at = fact.trigger_price or fact.price
        price = f" at {short(at)}" if at is not None else ""
        why = f" for {fact.reason}" if fact.intent is OrderIntent.EXIT and fact.reason else ""
        text = f"{fact.intent} {fact.side} {short(fact.quantity)} {fact.instrument} {fact.type}{price}{why}"
        return "order", f"{text} ({fact.client_order_id})"

    def _reconciliation(self, fact: ReconciliationFact) -> tuple[str, str] | None:
        """All is well is said once; it is looked at every minute."""
        account = (fact.venue, fact.account)
        clean = fact.agreed and not fact.findings
        if clean and account in self._clean:
            return None
        (self._clean.add if clean else self._clean.discard)(account)
        outcome = "agreed" if fact.agreed else "DISAGREED"
        return "reconcile", f"{fact.venue}/{fact.account} {outcome}: {'; '.join(fact.findings) or 'no difference'}"

    def _desk_state(self, fact: DeskStateFact) -> tuple[str, str] | None:
        if fact.trading_state is self._state:
            return None
        first, self._state = self._state is None, fact.trading_state
        if first and fact.trading_state is TradingState.ACTIVE:
            return None
        return "state", f"{fact.trading_state} {fact.trading_reason}".rstrip()

    def _day(self, fact: EquityPoint) -> tuple[str, str] | None:
        last, self._equity = self._equity, fact
        if last is None or last.ts // DAY_MS == fact.ts // DAY_MS:
            return None
        day = clock(last.ts)[:10]
        return "day", f"{day} ended: equity {last.equity:.2f}, day {last.day_pnl:+.2f}, drawdown {last.drawdown:.2%}"
