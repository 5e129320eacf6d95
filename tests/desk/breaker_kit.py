"""Builders for the breaker's tests: a desk with orders that can be refused at will, and its recorded changes."""

from typing import Any

from desk_kit import BOOK, BTC, FIVE, T0, K, Rig, book_config, d, facts, update

from tradeterm.config import BreakerConfig, Config, LimitsConfig
from tradeterm.domain.events import OperatorCommand
from tradeterm.domain.facts import BreakerFact, CommandAck
from tradeterm.domain.orders import Order, OrderIntent, OrderSide, OrderStatus, OrderType
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import BreakerLevel, CommandStatus, CommandVerb

MINUTE = 60_000
V = CommandVerb
L = BreakerLevel


def loose(breaker: BreakerConfig | None = None, **changes: Any) -> Config:
    """One book that may enter as often as it likes, and whose data never grows stale."""
    limits = LimitsConfig(cool_down_minutes=0, stale_after_seconds=86_400.0)
    return Config(books={BOOK: book_config(**{"limits": limits, **changes})}, breaker=breaker or BreakerConfig())


def resting(number: int, intent: OrderIntent = OrderIntent.ENTRY, **changes: Any) -> Order:
    """An order the venue holds, named o<number>."""
    base: dict[str, Any] = {
        "client_order_id": f"o{number}",
        "book": BOOK,
        "venue": "paper",
        "account": BOOK,
        "instrument": BTC,
        "side": OrderSide.BUY,
        "type": OrderType.MARKET,
        "quantity": d(1),
        "intent": intent,
        "ts_created": T0 - FIVE,
        "ts_updated": T0 - FIVE,
        "status": OrderStatus.ACCEPTED,
    }
    return Order(**{**base, **changes})


def rig_with(count: int, cfg: Config | None = None, **changes: Any) -> Rig:
    """A desk with `count` orders working, that it can be told of as refused."""
    orders = tuple(resting(number, **changes) for number in range(count))
    return Rig(cfg or loose(), DeskSnapshot(orders=orders))


def refuse(rig: Rig, number: int, ts: int, code: str = "NO") -> None:
    rig.feed(update(f"o{number}", K.REFUSED, ts, code=code, detail="refused"))


def ask(verb: CommandVerb, ts: int, reason: str = "", id: int = 1, **changes: Any) -> OperatorCommand:
    return OperatorCommand(ts=ts, id=id, verb=verb, actor="me", reason=reason, **changes)


def answer(rig: Rig, command: OperatorCommand) -> tuple[CommandStatus, str]:
    ack = facts(rig.feed(command), CommandAck)[-1]
    return ack.status, ack.detail


def changes(rig: Rig) -> list[BreakerLevel]:
    """The levels the breaker went to, in order."""
    return [fact.to_level for fact in facts(rig.commands, BreakerFact) if fact.to_level is not fact.from_level]


def level(rig: Rig) -> BreakerLevel:
    return rig.desk.state.breaker
