"""A console on a frozen desk: real recorded bars, one afternoon of 6 April 2025, nothing that moves by itself.

`busy()` is the afternoon as it was; the other functions are the same desk in one particular state.
Every price that could be checked against the bars is taken from them.
"""

from collections.abc import Sequence
from decimal import Decimal
from functools import cache

import msgspec
import pyarrow.parquet as pq

from tradeterm.domain.facts import (
    AiUsage,
    AlertFact,
    BreakerFact,
    ChatRow,
    CommandRow,
    CorrelationFact,
    EquityPoint,
    FanFact,
    HealthFact,
    OrderEventFact,
    ReconciliationFact,
    RegimeFact,
    RiskSnapshotFact,
    RunRow,
    ShadowTrade,
    SignalFact,
    SizeFactors,
    StressFact,
    Trade,
)
from tradeterm.domain.market import Bar
from tradeterm.domain.orders import (
    Cash,
    CashKind,
    Fill,
    Liquidity,
    Order,
    OrderEventKind,
    OrderIntent,
    OrderSide,
    OrderStatus,
    OrderType,
    PositionSide,
)
from tradeterm.domain.signals import (
    GateCheck,
    GateCode,
    SignalKind,
    SignalOutcome,
    Verdict,
    VerdictDecision,
    VerdictSource,
)
from tradeterm.domain.states import (
    AlertLevel,
    BookState,
    BreakerLevel,
    CommandStatus,
    CommandVerb,
    Mode,
    TradingState,
    VenueState,
    WorkerName,
    WorkerState,
)
from tradeterm.domain.view import (
    BookView,
    DeskView,
    FeedView,
    LimitView,
    PositionView,
    ReplayView,
    VenueView,
    WorkerView,
)
from tradeterm.resources import demo_folder

MINUTE = 60_000
DAY = 1_743_897_600_000  # 2025-04-06 00:00 UTC
NOW = DAY + (18 * 60 + 40) * MINUTE
WALL = 1_768_471_200_000  # 2026-01-15 10:00 UTC, the machine's clock in every picture
START = DAY - 24 * 60 * MINUTE
BOOK = "crypto"
RUN = "r20260115-095800"
TICKS = {"BTC": "0.1", "ETH": "0.01", "BNB": "0.01", "LINK": "0.001", "ADA": "0.0001", "SUI": "0.0001"}
D = Decimal


def instrument(coin: str) -> str:
    return f"{coin}USDT.BINANCE"


def at(clock: str) -> int:
    """Milliseconds of a time of the frozen day, "18:20" or "18:20:03"."""
    parts = [int(part) for part in clock.split(":")]
    hours, minutes, seconds = (*parts, 0)[:3]
    return DAY + ((hours * 60 + minutes) * 60 + seconds) * 1000


@cache
def recorded(coin: str) -> tuple[Bar, ...]:
    table = pq.read_table(demo_folder() / "crypto" / "5m" / f"{coin}USDT.parquet")
    opened = table["timestamp"].cast("int64").to_pylist()
    columns = [table[name].to_pylist() for name in ("open", "high", "low", "close", "volume")]
    rows = zip(opened, *columns, strict=True)
    return tuple(
        Bar(instrument(coin), 5 * MINUTE, ts, o, h, low, c, v, ts + 5 * MINUTE + 40)
        for ts, o, h, low, c, v in rows
        if ts + 5 * MINUTE <= NOW
    )


def price(coin: str, clock: str) -> Decimal:
    """The opening price of the bar that starts at `clock`, or the last close at NOW."""
    ts = at(clock)
    for bar in reversed(recorded(coin)):
        if bar.ts_open == ts:
            return D(str(bar.open)).quantize(D(TICKS[coin]))
    return D(str(recorded(coin)[-1].close)).quantize(D(TICKS[coin]))


def _checks(failed: GateCode | None = None, text: str = "", **numbers: str) -> tuple[GateCheck, ...]:
    passed = [
        GateCheck(GateCode.INSTRUMENT_NOT_ALLOWED, True, {}, "the book trades this instrument"),
        GateCheck(GateCode.STALE_DATA, True, {"age_s": "0", "limit_s": "330"}, "data is 0 s old, allowed 330 s"),
        GateCheck(GateCode.BAR_NOT_CLOSED, True, {}, "the bar is closed"),
        GateCheck(GateCode.MARKET_CLOSED, True, {}, "the market is open"),
        GateCheck(GateCode.NOT_FINITE, True, {}, "all numbers are finite"),
        GateCheck(GateCode.LEVERAGE_CAP, True, {"leverage": "0.30", "limit": "2.00"}, "leverage 0.30 of 2.00"),
        GateCheck(GateCode.POSITION_COUNT_CAP, True, {"positions": "2", "limit": "10"}, "2 of 10 positions"),
        GateCheck(GateCode.ORDER_COUNT_CAP, True, {"orders": "4", "limit": "50"}, "4 of 50 orders"),
        GateCheck(GateCode.DUPLICATE_SIGNAL, True, {}, "no position or order in this instrument"),
        GateCheck(GateCode.COOL_DOWN, True, {"since_min": "none", "limit_min": "30"}, "no earlier entry"),
        GateCheck(GateCode.EXPOSURE_LIMIT, True, {"exposure": "0.30", "limit": "1.00"}, "exposure 30 % of 100 %"),
        GateCheck(GateCode.DAILY_LOSS_LIMIT, True, {"loss": "0.003", "limit": "0.05"}, "day loss 0.3 % of 5 %"),
        GateCheck(GateCode.DRAWDOWN_LIMIT, True, {"drawdown": "0.006", "limit": "0.08"}, "drawdown 0.6 % of 8 %"),
        GateCheck(GateCode.TRADING_HALTED, True, {}, "trading is ACTIVE"),
    ]
    if failed is None:
        return tuple(passed)
    return tuple(
        GateCheck(check.code, False, dict(numbers), text) if check.code is failed else check for check in passed
    )


def _explain(move: float, volume: float, funding: float | None, place: float) -> dict[str, float | None]:
    return {
        "move": move,
        "close": 79_987.0,
        "session_open": 83_506.1,
        "volume_ratio": volume,
        "funding_rate": funding,
        "close_in_range": place,
        "bars_since_extreme": 1.0,
        "confirmations": 2.0,
        "trend_1h": -0.021,
        "trend_4h": -0.034,
    }


def _signal(
    key: str,
    coin: str,
    clock: str,
    side: PositionSide,
    move: float,
    outcome: SignalOutcome,
    text: str,
    *,
    code: str = "",
    kind: SignalKind = SignalKind.ENTRY,
    checks: tuple[GateCheck, ...] = (),
    verdict: bool = False,
    size: SizeFactors | None = None,
    quantity: str | None = None,
    order: str | None = None,
) -> SignalFact:
    return SignalFact(
        id=key,
        ts=at(clock),
        book=BOOK,
        strategy="eos",
        instrument=instrument(coin),
        kind=kind,
        side=side,
        price=price(coin, clock),
        ts_bar=at(clock),
        reason="move" if kind is SignalKind.ENTRY else "average crossed back",
        explain=_explain(move, 3.2, -0.00012 if coin in ("BTC", "ETH") else None, 0.81),
        outcome=outcome,
        outcome_code=code,
        outcome_text=text,
        checks=checks,
        checks_after=checks if verdict and outcome is SignalOutcome.ORDERED else (),
        verdict_id=f"v-{key}" if verdict else None,
        size=size,
        quantity=D(quantity) if quantity else None,
        client_order_id=order,
    )


LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
_SIZE = SizeFactors(
    (
        ("equity at risk", "1.0 % of 99,712.40 = 997.12"),
        ("stop distance", "2.0 %"),
        ("risk size", "49,856.20 USDT"),
        ("position cap", "10 % = 9,971.24 USDT"),
        ("verdict", "× 1.00"),
    ),
    "position cap",
)

SIGNALS = (
    _signal("s9", "BTC", "18:40", LONG, -0.0461, SignalOutcome.PENDING, "waiting for tier 2", checks=_checks()),
    _signal(
        "s8", "BTC", "18:20", LONG, -0.0420, SignalOutcome.ORDERED, "BUY 0.124",
        checks=_checks(), verdict=True, size=_SIZE, quantity="0.124", order="s8-1",
    ),
    _signal(
        "s7", "BNB", "18:25", LONG, -0.0591, SignalOutcome.ORDERED, "BUY 17.53",
        checks=_checks(), verdict=True, size=_SIZE, quantity="17.53", order="s7-1",
    ),
    _signal(
        "s6", "ETH", "18:30", LONG, -0.1012, SignalOutcome.ORDERED, "BUY 4.035",
        checks=_checks(), verdict=True, size=_SIZE, quantity="4.035", order="s6-1",
    ),
    _signal(
        "s5", "LINK", "13:40", LONG, -0.0418, SignalOutcome.VETOED, "vetoed: the fall is still accelerating",
        code="REJECT", checks=_checks(), verdict=True,
    ),
    _signal(
        "s4", "ADA", "13:25", LONG, -0.0421, SignalOutcome.DENIED, "exposure 104 % is over 100 %",
        code="EXPOSURE_LIMIT",
        checks=_checks(GateCode.EXPOSURE_LIMIT, "exposure 104 % is over 100 %", exposure="1.04", limit="1.00"),
    ),
    _signal(
        "s3", "SUI", "16:05", SHORT, 0.0, SignalOutcome.IGNORED, "no position to close", kind=SignalKind.EXIT,
    ),
    _signal(
        "s2", "SUI", "13:20", LONG, -0.0414, SignalOutcome.ORDERED, "BUY 4691.9",
        checks=_checks(), verdict=True, size=_SIZE, quantity="4691.9", order="s2-1",
    ),
    _signal(
        "s1", "ETH", "09:10", LONG, -0.0402, SignalOutcome.BLOCKED, "no verdict within 10 s",
        code="TIMEOUT", checks=_checks(), verdict=True,
    ),
)  # fmt: skip
SIGNALS = tuple(sorted(SIGNALS, key=lambda fact: -fact.ts))


def _verdict(
    key: str, coin: str, clock: str, decision: VerdictDecision, factor: str, text: str, confidence: float | None = None
) -> Verdict:
    failed = decision is VerdictDecision.FAILED_CLOSED
    return Verdict(
        id=f"v-{key}",
        signal_id=key,
        book=BOOK,
        instrument=instrument(coin),
        side=LONG,
        decision=decision,
        size_factor=D(factor),
        confidence=confidence,
        reason_codes=("VOLUME_CONFIRMS",) if not failed else (),
        reasoning=text,
        source=VerdictSource.NONE if failed else VerdictSource.RULES,
        model="RULES (no AI)",
        latency_ms=10_000 if failed else 2,
        ts=at(clock) + 3,
        code="TIMEOUT" if failed else "",
    )


VERDICTS = (
    _verdict("s8", "BTC", "18:20", VerdictDecision.APPROVE, "1",
             "−4.2 % on 3.2 × the usual volume, funding leans against the crowd. Trend on 4 h is down, within bounds."),
    _verdict("s7", "BNB", "18:25", VerdictDecision.APPROVE, "1",
             "−5.9 % with volume at 2.6 × and the bar closing well inside its range."),
    _verdict("s6", "ETH", "18:30", VerdictDecision.REDUCE, "0.70",
             "−10.1 % with volume behind it, but the 4 h trend is −3.4 %. Size cut to 70 %."),
    _verdict("s5", "LINK", "13:40", VerdictDecision.REJECT, "0",
             "The last three bars each fell further than the one before: the flush is not finished."),
    _verdict("s2", "SUI", "13:20", VerdictDecision.APPROVE, "1", "−4.1 %, volume 2.4 ×, no event in sight."),
    _verdict("s1", "ETH", "09:10", VerdictDecision.FAILED_CLOSED, "0", "No answer within 10 s."),
)  # fmt: skip


def _order(
    key: str,
    coin: str,
    clock: str,
    side: OrderSide,
    kind: OrderType,
    quantity: str,
    intent: OrderIntent,
    status: OrderStatus,
    *,
    filled: str = "0",
    average: Decimal | None = None,
    trigger: Decimal | None = None,
    limit: Decimal | None = None,
    parent: str | None = None,
    signal: str | None = None,
    reason: str = "",
    venue_id: bool = True,
) -> Order:
    return Order(
        client_order_id=key,
        book=BOOK,
        venue="paper",
        account=BOOK,
        instrument=instrument(coin),
        side=side,
        type=kind,
        quantity=D(quantity),
        intent=intent,
        ts_created=at(clock),
        ts_updated=at(clock) + 120,
        price=limit,
        trigger_price=trigger,
        reduce_only=intent is not OrderIntent.ENTRY,
        signal_id=signal,
        parent_id=parent,
        status=status,
        venue_order_id=f"p{key}" if venue_id else None,
        filled_quantity=D(filled),
        average_price=average,
        reason=reason,
    )


BUY, SELL = OrderSide.BUY, OrderSide.SELL
STOP, TAKE, ENTRY = OrderIntent.PROTECTIVE_STOP, OrderIntent.TAKE_PROFIT, OrderIntent.ENTRY
MARKET, STOP_MARKET, TAKE_MARKET = OrderType.MARKET, OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET


def _below(value: Decimal, fraction: str) -> Decimal:
    return (value * (1 - D(fraction))).quantize(value)


def _above(value: Decimal, fraction: str) -> Decimal:
    return (value * (1 + D(fraction))).quantize(value)


BTC_IN, ETH_IN, BNB_IN = price("BTC", "18:20"), price("ETH", "18:30"), price("BNB", "18:25")
SUI_IN = price("SUI", "13:20")
SUI_OUT = _below(SUI_IN, "0.0204")

ORDERS = (
    _order("s9-1", "BTC", "18:40", BUY, MARKET, "0.118", ENTRY, OrderStatus.UNKNOWN, signal="s9", venue_id=False,
           reason="no answer within 2 s; looking it up"),
    _order("s8-1t", "BTC", "18:20", SELL, TAKE_MARKET, "0.124", TAKE, OrderStatus.ACCEPTED,
           trigger=_above(BTC_IN, "0.03"), parent="s8-1"),
    _order("s8-1s", "BTC", "18:20", SELL, STOP_MARKET, "0.124", STOP, OrderStatus.ACCEPTED,
           trigger=_below(BTC_IN, "0.02"), parent="s8-1"),
    _order("s8-1", "BTC", "18:20", BUY, MARKET, "0.124", ENTRY, OrderStatus.FILLED, filled="0.124", average=BTC_IN,
           signal="s8"),
    _order("s7-1s", "BNB", "18:25", SELL, STOP_MARKET, "12.40", STOP, OrderStatus.PENDING_UPDATE,
           trigger=_below(BNB_IN, "0.02"), parent="s7-1"),
    _order("s7-1", "BNB", "18:25", BUY, MARKET, "17.53", ENTRY, OrderStatus.PARTIALLY_FILLED, filled="12.40",
           average=BNB_IN, signal="s7"),
    _order("s6-1s", "ETH", "18:30", SELL, STOP_MARKET, "4.035", STOP, OrderStatus.ACCEPTED,
           trigger=_below(ETH_IN, "0.02"), parent="s6-1"),
    _order("s6-1", "ETH", "18:30", BUY, MARKET, "4.035", ENTRY, OrderStatus.FILLED, filled="4.035", average=ETH_IN,
           signal="s6"),
    _order("s2-1t", "SUI", "13:20", SELL, TAKE_MARKET, "4691.9", TAKE, OrderStatus.CANCELED,
           trigger=_above(SUI_IN, "0.03"), parent="s2-1", reason="position closed"),
    _order("s2-1s", "SUI", "13:20", SELL, STOP_MARKET, "4691.9", STOP, OrderStatus.FILLED, filled="4691.9",
           average=SUI_OUT, trigger=_below(SUI_IN, "0.02"), parent="s2-1"),
    _order("s2-1", "SUI", "13:20", BUY, MARKET, "4691.9", ENTRY, OrderStatus.FILLED, filled="4691.9", average=SUI_IN,
           signal="s2"),
    _order("s0-1", "ADA", "11:05", BUY, MARKET, "3", ENTRY, OrderStatus.REJECTED, signal="s0",
           reason="notional 1.88 is under 5"),
)  # fmt: skip


def _event(
    key: str, clock: str, kind: OrderEventKind, before: OrderStatus, after: OrderStatus, detail: str = ""
) -> OrderEventFact:
    return OrderEventFact(
        ts=at(clock), book=BOOK, client_order_id=key, kind=kind, from_status=before, to_status=after, detail=detail
    )


ORDER_EVENTS = (
    _event("s9-1", "18:40", OrderEventKind.SENT, OrderStatus.INITIALIZED, OrderStatus.SUBMITTED),
    _event("s9-1", "18:40:02", OrderEventKind.UNCLEAR, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN,
           "no answer within 2 s"),
    _event("s8-1", "18:20", OrderEventKind.SENT, OrderStatus.INITIALIZED, OrderStatus.SUBMITTED),
    _event("s8-1", "18:20", OrderEventKind.ACKNOWLEDGED, OrderStatus.SUBMITTED, OrderStatus.ACCEPTED),
    _event("s8-1", "18:20:01", OrderEventKind.FULL_FILL, OrderStatus.ACCEPTED, OrderStatus.FILLED),
    _event("s7-1", "18:25", OrderEventKind.SENT, OrderStatus.INITIALIZED, OrderStatus.SUBMITTED),
    _event("s7-1", "18:25", OrderEventKind.ACKNOWLEDGED, OrderStatus.SUBMITTED, OrderStatus.ACCEPTED),
    _event("s7-1", "18:30", OrderEventKind.PARTIAL_FILL, OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED,
           "12.40 of 17.53: 5 % of the bar's volume"),
)  # fmt: skip


def _fill(order: str, coin: str, clock: str, side: OrderSide, quantity: str, value: Decimal) -> Fill:
    return Fill(
        exec_id=f"e-{order}",
        venue="paper",
        account=BOOK,
        book=BOOK,
        instrument=instrument(coin),
        client_order_id=order,
        venue_order_id=f"p{order}",
        side=side,
        quantity=D(quantity),
        price=value,
        fee=(D(quantity) * value * D("0.00055")).quantize(D("0.01")),
        fee_currency="USDT",
        liquidity=Liquidity.TAKER,
        ts_event=at(clock),
        ts_recv=at(clock),
    )


FILLS = (
    _fill("s8-1", "BTC", "18:20:01", BUY, "0.124", BTC_IN),
    _fill("s7-1", "BNB", "18:30", BUY, "12.40", BNB_IN),
    _fill("s6-1", "ETH", "18:30:01", BUY, "4.035", ETH_IN),
    _fill("s2-1s", "SUI", "15:45", SELL, "4691.9", SUI_OUT),
    _fill("s2-1", "SUI", "13:20:01", BUY, "4691.9", SUI_IN),
)

CASH = tuple(
    Cash(
        id=f"f-{coin}-{clock}",
        venue="paper",
        account=BOOK,
        book=BOOK,
        kind=CashKind.FUNDING,
        amount=D(amount),
        currency="USDT",
        ts_event=at(clock),
        instrument=instrument(coin),
        detail=f"rate {rate} on {held}",
    )
    for coin, clock, amount, rate, held in (
        ("ETH", "16:00", "-0.84", "+0.0120 %", "6,983.00"),
        ("BTC", "16:00", "0.31", "−0.0031 %", "9,920.38"),
    )
)


def _trade(
    key: str, coin: str, side: PositionSide, opened: str, closed: str, gross: str, pnl: str, r: str, reason: str
) -> Trade:
    entry = price(coin, opened)
    return Trade(
        id=key,
        book=BOOK,
        venue="paper",
        account=BOOK,
        instrument=instrument(coin),
        side=side,
        quantity=D("4691.9"),
        entry_price=entry,
        exit_price=_below(entry, "0.02"),
        ts_opened=at(opened),
        ts_closed=at(closed),
        gross_pnl=D(gross),
        fees=D("10.72"),
        funding=D(0),
        pnl=D(pnl),
        return_pct=(100 * D(pnl) / D(9970)).quantize(D("0.01")),
        r_multiple=D(r),
        exit_reason=reason,
        signal_id="s2" if coin == "SUI" else None,
    )


TRADES = (
    _trade("s2-1", "SUI", LONG, "13:20", "15:45", "-203.40", "-214.12", "-1.08", "STOP"),
    _trade("sA-1", "LINK", LONG, "07:20", "11:50", "+149.60", "+138.71", "+0.70", "TRAIL"),
    _trade("sB-1", "ADA", LONG, "06:10", "09:25", "+299.10", "+287.66", "+1.44", "TARGET"),
)


def _equity() -> tuple[EquityPoint, ...]:
    """A walk that ends at the view's equity; its shape follows BTC so that it looks like trading, not noise."""
    closes = [bar.close for bar in recorded("BTC")[-288:]]
    points = []
    peak = D(0)
    for index, close in enumerate(closes):
        value = D("99712.40") + D(str(round((close - closes[-1]) * 0.15, 2)))
        peak = max(peak, value)
        points.append(
            EquityPoint(
                ts=NOW - (len(closes) - 1 - index) * 5 * MINUTE,
                book="",
                equity=value,
                cash=value,
                unrealized_pnl=D(0),
                day_pnl=D("-287.60"),
                drawdown=(1 - value / peak).quantize(D("0.0001")),
                exposure=D("0.24"),
            )
        )
    return tuple(points)


ALERTS = (
    AlertFact(ts=at("18:40:02"), level=AlertLevel.ERROR, code="ORDER_UNKNOWN", book=BOOK, instrument=instrument("BTC"),
              text="order s9-1 was not answered within 2 s and is being looked up"),
    AlertFact(ts=at("18:30"), level=AlertLevel.WARNING, code="PARTIAL_FILL", book=BOOK, instrument=instrument("BNB"),
              text="12.40 of 17.53 filled: 5 % of the bar's volume was all there was"),
    AlertFact(ts=at("15:45"), level=AlertLevel.INFO, code="STOPPED_OUT", book=BOOK, instrument=instrument("SUI"),
              text="protective stop filled, loss 214.12 USDT"),
    AlertFact(ts=at("09:10"), level=AlertLevel.WARNING, code="TIER2_TIMEOUT", book=BOOK, instrument=instrument("ETH"),
              text="no verdict within 10 s; the signal is blocked [bold red]not markup[/]"),
    AlertFact(ts=at("00:00:01"), level=AlertLevel.INFO, code="ENGINE_STARTED", text="recovered and reconciled"),
)  # fmt: skip

RECONCILIATIONS = (
    ReconciliationFact(id="crypto-1", ts=at("00:00:01"), venue="paper", account=BOOK, agreed=True, findings=()),
)

BREAKER = (
    BreakerFact(ts=at("16:30"), from_level=BreakerLevel.ALERT, to_level=BreakerLevel.CLOSED, cause="cool-down over",
                numbers={"drawdown": "0.011"}),
    BreakerFact(ts=at("15:45"), from_level=BreakerLevel.CLOSED, to_level=BreakerLevel.ALERT, cause="drawdown",
                numbers={"drawdown": "0.021", "limit": "0.02"}),
)  # fmt: skip

COMMANDS = (
    CommandRow(id=3, ts=at("18:31"), actor="sam", verb=CommandVerb.FLATTEN, book=BOOK, instrument=instrument("LINK"),
               argument="", reason="", status=CommandStatus.REFUSED, detail="no position in LINKUSDT",
               ts_updated=at("18:31")),
    CommandRow(id=2, ts=at("14:02"), actor="sam", verb=CommandVerb.SPEED, book="", instrument="", argument="slower",
               reason="", status=CommandStatus.DONE, detail="800 ×", ts_updated=at("14:02")),
    CommandRow(id=1, ts=at("14:01"), actor="sam", verb=CommandVerb.PAUSE, book=BOOK, instrument="", argument="",
               reason="lunch", status=CommandStatus.DONE, detail="crypto is PAUSED", ts_updated=at("14:01")),
)  # fmt: skip

CHAT = (
    ChatRow(id=1, ts=at("18:30"), role="operator", text="why LINK"),
    ChatRow(id=2, ts=at("18:30"), role="console",
            text="LINKUSDT LONG at 13:40 was vetoed by tier 2 (RULES): the fall is still accelerating."),
    ChatRow(id=3, ts=at("18:32"), role="operator", text="positions"),
    ChatRow(id=4, ts=at("18:32"), role="console",
            text="3 open: BTCUSDT LONG 0.124 −0.6 %, ETHUSDT LONG 4.035 −0.1 %, BNBUSDT LONG 12.40 −0.9 %."),
)  # fmt: skip

RUNS = (
    RunRow(id=RUN, ts_started=WALL - 120_000, ts_ended=None, status="RUNNING", mode="demo", version="0.1.0",
           config_hash="a1b2c3d4", pid=4242, cursor=NOW, summary=None),
    RunRow(id="r20260114-171500", ts_started=WALL - 60_300_000, ts_ended=WALL - 60_000_000, status="FINISHED",
           mode="demo", version="0.1.0", config_hash="a1b2c3d4", pid=4001, cursor=DAY + 6 * 86_400_000,
           summary={"signals": 41, "trades": 17, "wins": 10, "equity": "101284.90", "pnl": "1284.90",
                    "max_drawdown": 0.0184}),
)  # fmt: skip

LOG = (
    "2026-01-15T09:58:00Z INFO  engine started, pid 4242, run r20260115-095800",
    "2026-01-15T09:58:00Z INFO  recovered 12 orders, 3 positions; reconciled with paper/crypto",
    "2026-01-15T09:58:01Z INFO  market: replaying the bundled recording at 1600 ×",
    "2026-01-15T09:59:41Z WARN  gate: no verdict within 10 s for s1",
    "2026-01-15T09:59:58Z ERROR broker: submit s9-1 was not answered within 2 s",
)


def _position(coin: str, quantity: str, entry: Decimal, opened: str, *, trailing: bool, protected: bool):
    mark = price(coin, "23:59")
    pnl = ((mark - entry) * D(quantity)).quantize(D("0.01"))
    return PositionView(
        book=BOOK,
        instrument=instrument(coin),
        symbol=f"{coin}USDT",
        side=LONG,
        quantity=D(quantity),
        entry_price=entry,
        mark=mark,
        pnl=pnl,
        return_pct=(100 * (mark / entry - 1)).quantize(D("0.01")),
        stop_price=_below(entry, "0.02") if protected else None,
        target_price=_above(entry, "0.03") if coin == "BTC" else None,
        trailing=trailing,
        protected=protected,
        ts_opened=at(opened),
        exiting=False,
        fees=D("5.45"),
    )


def _feed(coin: str, *, stale: bool = False) -> FeedView:
    bars = recorded(coin)
    opened = next(bar.open for bar in bars if bar.ts_open == DAY)
    return FeedView(
        instrument=instrument(coin),
        symbol=f"{coin}USDT",
        last=bars[-1].close,
        ts_last=NOW - (900_000 if stale else 0),
        stale=stale,
        session_open=opened,
        change=bars[-1].close / opened - 1,
        funding_rate={"BTC": -0.000031, "ETH": 0.00012}.get(coin),
        interval_ms=5 * MINUTE,
    )


def busy_view() -> DeskView:
    positions = (
        _position("BTC", "0.124", BTC_IN, "18:20", trailing=False, protected=True),
        _position("ETH", "4.035", ETH_IN, "18:30", trailing=False, protected=True),
        _position("BNB", "12.40", BNB_IN, "18:25", trailing=True, protected=False),
    )
    open_pnl = sum((position.pnl for position in positions), D(0))
    return DeskView(
        version=412,
        ts=NOW,
        wall_ts=WALL - 200,
        started_ts=WALL - 120_000,
        pid=4242,
        run_id=RUN,
        mode=Mode.DEMO,
        trading_state=TradingState.ACTIVE,
        trading_reason="",
        breaker=BreakerLevel.CLOSED,
        breaker_reason="",
        kill_pending=False,
        currency="USDT",
        equity=D("99712.40"),
        day_pnl=D("-287.60"),
        day_return=D("-0.0029"),
        drawdown=D("0.0063"),
        exposure=D("0.24"),
        unrealized_pnl=open_pnl,
        unprotected=1,
        unknown_orders=1,
        open_orders=6,
        books=(
            BookView(
                book=BOOK, strategy="eos", venue="paper", currency="USDT", state=BookState.RUNNING,
                equity=D("99712.40"), cash=D("99970.10"), capital=D(100_000), unrealized_pnl=open_pnl,
                realized_pnl=D("212.25"), day_pnl=D("-287.60"), day_return=D("-0.0029"), drawdown=D("0.0063"),
                exposure=D("0.24"), open_positions=3, trades=3, wins=2, tier2="RULES (no AI)",
            ),
        ),
        positions=positions,
        limits=(
            LimitView(name="daily loss", book=BOOK, value=0.29, limit=5.0, unit="%"),
            LimitView(name="drawdown", book=BOOK, value=0.63, limit=8.0, unit="%"),
            LimitView(name="exposure", book=BOOK, value=24.0, limit=100.0, unit="%"),
            LimitView(name="largest position", book=BOOK, value=9.9, limit=10.0, unit="%"),
            LimitView(name="leverage", book=BOOK, value=0.24, limit=2.0, unit="x"),
            LimitView(name="positions", book=BOOK, value=3.0, limit=10.0, unit="count"),
            LimitView(name="open orders", book=BOOK, value=6.0, limit=50.0, unit="count"),
        ),
        venues=(
            VenueView(venue="paper", account=BOOK, state=VenueState.READY, simulated=True, latency_ms=100.0,
                      ts_last=NOW),
        ),
        feeds=tuple(_feed(coin) for coin in TICKS),
        workers=tuple(WorkerView(worker=name, state=WorkerState.RUNNING, restarts=0) for name in WorkerName),
        replay=ReplayView(
            source="Binance USDT perpetuals, 5-minute bars, 5-11 April 2025", ts_start=START,
            ts_end=START + 7 * 86_400_000, ts_now=NOW, speed=1600.0, paused=False, finished=False,
            simulated="fills, slippage and fees; bars and funding are recorded",
        ),
    )  # fmt: skip


class FakeConsole:
    """Serves the frozen desk; records commands and chat. `tick()` makes both versions move."""

    def __init__(self, view: DeskView | None, *, alive: bool = True, facts: bool = True) -> None:
        self.current = view
        self.alive = alive
        self.facts = facts
        self.sent: list[CommandRow] = []
        self.said: list[ChatRow] = []
        self.used: list[AiUsage] = []
        self.acknowledge = CommandStatus.DONE
        self.detail = ""
        self.reads = 0
        self.closed = False
        self._versions = 1

    def tick(self, view: DeskView | None = None) -> None:
        self._versions += 1
        if view is not None:
            self.current = view

    def ledger_version(self) -> int:
        return self._versions

    def view_version(self) -> int:
        return self._versions

    def view(self) -> DeskView | None:
        self.reads += 1
        return self.current

    def engine_alive(self) -> bool:
        return self.alive

    def bars(self, instrument: str, limit: int = 400) -> Sequence[Bar]:
        coin = instrument.split("USDT")[0]
        return recorded(coin)[-limit:] if self.facts and coin in TICKS else ()

    def signals(self, limit: int = 200) -> Sequence[SignalFact]:
        return SIGNALS[:limit] if self.facts else ()

    def signal(self, signal_id: str) -> SignalFact | None:
        return next((fact for fact in self.signals() if fact.id == signal_id), None)

    def sized_signals(self, limit: int = 30) -> Sequence[SignalFact]:
        return tuple(fact for fact in self.signals() if fact.size is not None)[:limit]

    def verdicts(self, limit: int = 100) -> Sequence[Verdict]:
        return VERDICTS[:limit] if self.facts else ()

    def verdict(self, verdict_id: str) -> Verdict | None:
        return next((fact for fact in self.verdicts() if fact.id == verdict_id), None)

    def orders(self, limit: int = 200, signal_id: str | None = None) -> Sequence[Order]:
        if not self.facts:
            return ()
        if signal_id is None:
            return ORDERS[:limit]
        return tuple(order for order in ORDERS if order.client_order_id.startswith(f"{signal_id}-"))[:limit]

    def order_events(self, client_order_id: str) -> Sequence[OrderEventFact]:
        return tuple(event for event in ORDER_EVENTS if event.client_order_id == client_order_id)

    def fills(
        self, limit: int = 200, client_order_id: str | None = None, instrument: str | None = None
    ) -> Sequence[Fill]:
        rows = FILLS if self.facts else ()
        return tuple(
            fill
            for fill in rows
            if client_order_id in (None, fill.client_order_id) and instrument in (None, fill.instrument)
        )[:limit]

    def cash_events(self, limit: int = 200) -> Sequence[Cash]:
        return CASH[:limit] if self.facts else ()

    def trades(self, limit: int = 500) -> Sequence[Trade]:
        return TRADES[:limit] if self.facts else ()

    def shadow_trades(self, limit: int = 200) -> Sequence[ShadowTrade]:
        return ()

    def equity(self, book: str = "", limit: int = 2000) -> Sequence[EquityPoint]:
        return _equity()[-limit:] if self.facts else ()

    def alerts(self, limit: int = 500) -> Sequence[AlertFact]:
        return ALERTS[:limit] if self.facts else ()

    def breaker_events(self, limit: int = 50) -> Sequence[BreakerFact]:
        return BREAKER[:limit] if self.facts else ()

    def reconciliations(self, limit: int = 50) -> Sequence[ReconciliationFact]:
        return RECONCILIATIONS[:limit] if self.facts else ()

    def risk_snapshots(self, book: str, limit: int = 50) -> Sequence[RiskSnapshotFact]:
        return ()

    def health_events(self, limit: int = 50) -> Sequence[HealthFact]:
        return ()

    def regimes(self, limit: int = 1000) -> Sequence[RegimeFact]:
        return ()

    def correlation(self) -> CorrelationFact | None:
        return None

    def stress_results(self) -> Sequence[StressFact]:
        return ()

    def fans(self) -> Sequence[FanFact]:
        return ()

    def commands(self, limit: int = 100) -> Sequence[CommandRow]:
        return (*reversed(self.sent), *(COMMANDS if self.facts else ()))[:limit]

    def command(self, command_id: int) -> CommandRow | None:
        return next((row for row in self.sent if row.id == command_id), None)

    def chat(self, limit: int = 200) -> Sequence[ChatRow]:
        return ((*CHAT, *self.said) if self.facts else tuple(self.said))[-limit:]

    def ai_usage(self, since_ts: int, limit: int = 5000) -> Sequence[AiUsage]:
        return tuple(usage for usage in reversed(self.used) if usage.ts >= since_ts)[:limit]

    def runs(self, limit: int = 50) -> Sequence[RunRow]:
        return RUNS[:limit] if self.facts else ()

    def log_lines(self, limit: int = 500) -> Sequence[str]:
        return LOG[-limit:] if self.facts else ()

    def send(
        self, verb: CommandVerb, *, book: str = "", instrument: str = "", argument: str = "", reason: str = ""
    ) -> int:
        row = CommandRow(
            id=100 + len(self.sent),
            ts=NOW,
            actor="test",
            verb=verb,
            book=book,
            instrument=instrument,
            argument=argument,
            reason=reason,
            status=self.acknowledge,
            detail=self.detail,
            ts_updated=NOW,
        )
        self.sent.append(row)
        self._versions += 1
        return row.id

    def answer(self, status: CommandStatus, detail: str = "") -> None:
        """Acknowledge the command sent last."""
        self.sent[-1] = msgspec.structs.replace(self.sent[-1], status=status, detail=detail)

    def say(self, role: str, text: str) -> int:
        self.said.append(ChatRow(id=100 + len(self.said), ts=NOW, role=role, text=text))
        self._versions += 1
        return self.said[-1].id

    def book_usage(self, usage: AiUsage) -> None:
        self.used.append(usage)
        self._versions += 1

    def close(self) -> None:
        self.closed = True


def busy() -> FakeConsole:
    return FakeConsole(busy_view())


def empty() -> FakeConsole:
    """The first second of a run: an engine, instruments with data, and nothing that happened yet."""
    view = busy_view()
    book = msgspec.structs.replace(
        view.books[0], equity=D(100_000), cash=D(100_000), unrealized_pnl=D(0), realized_pnl=D(0), day_pnl=D(0),
        day_return=D(0), drawdown=D(0), exposure=D(0), open_positions=0, trades=0, wins=0,
    )  # fmt: skip
    limits = tuple(msgspec.structs.replace(limit, value=0.0) for limit in view.limits)
    view = msgspec.structs.replace(
        view, equity=D(100_000), day_pnl=D(0), day_return=D(0), drawdown=D(0), exposure=D(0), unrealized_pnl=D(0),
        unprotected=0, unknown_orders=0, open_orders=0, positions=(), books=(book,), limits=limits,
    )  # fmt: skip
    return FakeConsole(view, facts=False)


def stale() -> FakeConsole:
    """The engine has been silent for seven seconds and its data is a quarter of an hour old."""
    feeds = tuple(_feed(coin, stale=True) for coin in TICKS)
    return FakeConsole(msgspec.structs.replace(busy_view(), feeds=feeds, wall_ts=WALL - 7_000))


def halted() -> FakeConsole:
    return FakeConsole(
        msgspec.structs.replace(
            busy_view(), trading_state=TradingState.HALTED, trading_reason="halted by sam",
            breaker=BreakerLevel.HALT, breaker_reason="daily loss 5.1 % > 5.0 %",
        )
    )  # fmt: skip


def finished() -> FakeConsole:
    view = busy_view()
    assert view.replay is not None
    replay = msgspec.structs.replace(view.replay, ts_now=view.replay.ts_end, finished=True)
    return FakeConsole(
        msgspec.structs.replace(view, positions=(), unprotected=0, unknown_orders=0, open_orders=0, replay=replay,
                                exposure=D(0), unrealized_pnl=D(0))
    )  # fmt: skip


def no_engine() -> FakeConsole:
    """The last view of an engine that is gone."""
    return FakeConsole(msgspec.structs.replace(busy_view(), wall_ts=WALL - 90_000), alive=False)
