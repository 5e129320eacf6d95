"""The rules of tier 1, what each asks, where its limit is configured, and how often it was asked and denied."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from msgspec import Struct

from tradeterm.config import Config
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.signals import GateCode


class Rule(NamedTuple):
    """`key` is where its limit is configured: of the book, or of the desk where it begins with risk; "" without one."""

    code: GateCode
    asks: str
    key: str = ""
    unit: str = ""


RULES = (
    Rule(
        GateCode.INSTRUMENT_NOT_ALLOWED, "the instrument is in the book's universe, its contract known", "instruments"
    ),
    Rule(GateCode.TRADING_HALTED, "trading is not halted"),
    Rule(GateCode.TRADING_STATE_REDUCING, "entries may raise exposure"),
    Rule(GateCode.BREAKER, "the circuit breaker lets entries through"),
    Rule(GateCode.BOOK_STOPPED, "the book is running"),
    Rule(GateCode.RECONCILING, "the account agrees with its venue"),
    Rule(GateCode.ENGINE_DEGRADED, "every worker of the engine runs"),
    Rule(GateCode.ORDER_UNKNOWN_PENDING, "the state of every order is known"),
    Rule(GateCode.UNPROTECTED_POSITION, "every open position has a live stop"),
    Rule(GateCode.NOT_FINITE, "price, equity, stop and target are numbers that make sense"),
    Rule(GateCode.STALE_DATA, "market data is fresh", "limits.stale_after_seconds", "s"),
    Rule(GateCode.BAR_NOT_CLOSED, "the signal is of the newest closed bar"),
    Rule(GateCode.MARKET_CLOSED, "the market is open"),
    Rule(GateCode.SIGNAL_EXPIRED, "the signal is not too old after the verdict", "limits.signal_max_age_seconds", "s"),
    Rule(GateCode.DUPLICATE_SIGNAL, "nothing is open on the same side"),
    Rule(GateCode.OPPOSITE_SIGNAL, "nothing is open on the other side"),
    Rule(GateCode.COOL_DOWN, "the last entry of the instrument is long enough ago", "limits.cool_down_minutes", "min"),
    Rule(GateCode.POSITION_COUNT_CAP, "open positions of the book", "limits.max_positions", "positions"),
    Rule(GateCode.ORDER_COUNT_CAP, "open orders of the book", "limits.max_open_orders", "orders"),
    Rule(GateCode.DAILY_LOSS_LIMIT, "loss of the book since the day's start", "limits.daily_loss", "%"),
    Rule(GateCode.DRAWDOWN_LIMIT, "loss of the book from its peak", "limits.drawdown", "%"),
    Rule(GateCode.PRICE_OFF_TICK, "stop and target are on the venue's tick"),
    Rule(GateCode.NO_EDGE, "the book's own trades give a size", "sizing.method"),
    Rule(GateCode.QTY_OFF_LOT, "the quantity is on the venue's lot"),
    Rule(GateCode.QTY_BELOW_MIN, "the quantity is not below the venue's least"),
    Rule(GateCode.NOTIONAL_BELOW_MIN, "the order is not worth less than the venue's least"),
    Rule(GateCode.NOTIONAL_EXCEEDS_MAX_PER_ORDER, "worth of the order", "limits.max_order_notional", "money"),
    Rule(GateCode.POSITION_EXPOSURE_LIMIT, "one position, of the book's equity", "limits.max_position_exposure", "%"),
    Rule(GateCode.EXPOSURE_LIMIT, "all positions, of the book's equity", "limits.max_total_exposure", "%"),
    Rule(GateCode.LEVERAGE_CAP, "gross notional over the book's equity", "limits.max_leverage", "x"),
    Rule(GateCode.STRATEGY_HEALTH, "the strategy is not ill", "health.least_trades", "trades until it is judged"),
    Rule(GateCode.RATE_STALE, "the exchange rate of the book's currency is known", "risk.rate_max_age_days", "days"),
    Rule(GateCode.INSUFFICIENT_HISTORY, "a volatility is known of everything held"),
    Rule(GateCode.GROSS_EXPOSURE, "gross notional over the desk's equity", "risk.max_gross", "%"),
    Rule(GateCode.ASSET_EXPOSURE, "one instrument over all books, of the desk's equity", "risk.max_asset", "%"),
    Rule(GateCode.CORRELATED_EXPOSURE, "instruments that move together, of the desk's equity", "risk.max_group", "%"),
    Rule(GateCode.SECTOR_EXPOSURE, "instruments of a sector, of the desk's equity", "risk.max_sector", "%"),
    Rule(GateCode.ONE_SIDED, "long less short, of the desk's equity", "risk.max_one_sided", "%"),
    Rule(GateCode.PORTFOLIO_HEAT, "lost if every stop were hit, of the desk's equity", "risk.max_heat", "%"),
    Rule(GateCode.VAR_LIMIT, "one-day 99 % VaR with the order, of the desk's equity", "risk.max_var", "%"),
    Rule(GateCode.REDUCE_ONLY_WOULD_INCREASE, "an order that reduces does not open more"),
)


class RuleUse(Struct, frozen=True, kw_only=True):
    """A rule and what it did: `asked` and `denied` count checks of entry signals before and after the verdict. `limit`
    is None where the rule has none, or the run's configuration is not at hand."""

    code: str
    asks: str
    key: str
    limit: str | None
    asked: int
    denied: int


class BookRules(Struct, frozen=True, kw_only=True):
    """`known`: the limits are those of the run's own configuration."""

    book: str
    known: bool
    rules: tuple[RuleUse, ...]


def rules_of(book: str, signals: Sequence[SignalFact], config: Config | None) -> BookRules:
    """All rules with what they did to the book's signals. `config` is that of the run, None where it is not at hand."""
    asked: Counter[str] = Counter()
    denied: Counter[str] = Counter()
    for signal in signals:
        if signal.book == book:
            for check in (*signal.checks, *signal.checks_after):
                asked[check.code] += 1
                denied[check.code] += not check.passed
    known = config is not None and book in config.books
    return BookRules(
        book=book,
        known=known,
        rules=tuple(
            RuleUse(
                code=rule.code.value,
                asks=rule.asks,
                key=rule.key,
                limit=limit_text(rule, config, book) if known and config is not None else None,
                asked=asked[rule.code],
                denied=denied[rule.code],
            )
            for rule in RULES
        ),
    )


def limit_text(rule: Rule, config: Config, book: str) -> str | None:
    """The rule's limit as that configuration has it."""
    if not rule.key:
        return None
    value: Any = config if rule.key.startswith("risk.") else config.books[book]
    for name in rule.key.split("."):
        value = getattr(value, name)
    if isinstance(value, tuple):
        return f"{len(value)} instruments"
    if rule.unit == "%":
        return f"{value * 100:g} %"
    if rule.unit == "money":
        return f"{value:,.0f} {config.books[book].currency}"
    return f"{value:g} {rule.unit}" if isinstance(value, (int, float)) else str(value)
