"""Ledgers made by hand for reports, so that every figure can be reckoned beside them."""

from collections.abc import Sequence
from contextlib import closing
from decimal import Decimal as D
from typing import Any

from msgspec import structs

from tradeterm.assistant.reports.kinds import Kind
from tradeterm.assistant.reports.make import Made, Wanted, make
from tradeterm.assistant.reports.record import Span
from tradeterm.config import BookConfig, Config, FeedConfig
from tradeterm.config_file import config_hash
from tradeterm.domain.facts import EquityPoint, Fact, SignalFact, Trade
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.domain.orders import Order, OrderIntent, OrderSide, OrderStatus, OrderType, PositionSide
from tradeterm.domain.signals import SignalKind, SignalOutcome, Verdict, VerdictDecision, VerdictSource
from tradeterm.domain.states import Mode
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.ledger.runs import RunStatus, end_run, start_run
from tradeterm.ledger.store import open_ledger
from tradeterm.ledger.writer import LedgerWriter
from tradeterm.profile import Profile

START = 1_795_219_200_000
"""2026-11-21 00:00 UTC, by both clocks: the market is live."""
BTC, ETH = "BTCUSDT.BYBIT", "ETHUSDT.BYBIT"
CONFIG = Config(
    mode=Mode.PAPER,
    books={
        "crypto": BookConfig(strategy="eos", venue="paper", instruments=(BTC, ETH), capital=1000.0),
        "other": BookConfig(strategy="eos", venue="paper", instruments=(BTC,), capital=500.0),
    },
    feed=FeedConfig(kind="bybit"),
)


def trade(n: int, pnl: str, **changed: Any) -> Trade:
    """The nth: opened at its hour, closed half an hour later, with 1 of fees and no funding."""
    made = Trade(
        id=f"t{n}",
        book="crypto",
        venue="paper",
        account="crypto",
        instrument=BTC,
        side=PositionSide.LONG,
        quantity=D(2),
        entry_price=D(100),
        exit_price=D(101),
        ts_opened=START + n * HOUR_MS,
        ts_closed=START + n * HOUR_MS + HOUR_MS // 2,
        gross_pnl=D(pnl) + 1,
        fees=D(1),
        funding=D(0),
        pnl=D(pnl),
        return_pct=D(0),
        r_multiple=D(pnl) / 10,
        exit_reason="TARGET",
        signal_id=f"s{n}",
        strategy="eos",
        slippage=D("0.0005"),
    )
    return structs.replace(made, **changed)


def point(ts: int, equity: str, book: str = "crypto", exposure: str = "0") -> EquityPoint:
    value = D(equity)
    return EquityPoint(
        ts=ts,
        book=book,
        equity=value,
        cash=value,
        unrealized_pnl=D(0),
        day_pnl=D(0),
        drawdown=D(0),
        exposure=D(exposure),
    )


def signal(n: int, outcome: SignalOutcome = SignalOutcome.ORDERED, **changed: Any) -> SignalFact:
    made = SignalFact(
        id=f"s{n}",
        ts=START + n * HOUR_MS,
        book="crypto",
        strategy="eos",
        instrument=BTC,
        kind=SignalKind.ENTRY,
        side=PositionSide.LONG,
        price=D(100),
        ts_bar=START + n * HOUR_MS,
        reason="it fell",
        explain={},
        outcome=outcome,
    )
    return structs.replace(made, **changed)


def verdict(n: int, decision: str = "APPROVE", factor: str = "1", **changed: Any) -> Verdict:
    made = Verdict(
        id=f"vs{n}",
        signal_id=f"s{n}",
        book="crypto",
        instrument=BTC,
        side=PositionSide.LONG,
        decision=VerdictDecision(decision),
        size_factor=D(factor),
        confidence=0.7,
        reason_codes=(),
        reasoning="It is fine.",
        source=VerdictSource.LIVE,
        model="claude-sonnet-5-5",
        latency_ms=900,
        ts=START + n * HOUR_MS + 1,
    )
    return structs.replace(made, **changed)


def order(name: str, **changed: Any) -> Order:
    made = Order(
        client_order_id=name,
        book="crypto",
        venue="paper",
        account="crypto",
        instrument=BTC,
        side=OrderSide.SELL,
        type=OrderType.MARKET,
        quantity=D(2),
        intent=OrderIntent.EXIT,
        ts_created=START,
        ts_updated=START + 1,
        status=OrderStatus.FILLED,
        filled_quantity=D(2),
        average_price=D(99),
        reference_price=D(100),
    )
    return structs.replace(made, **changed)


def write(profile: Profile, facts: Sequence[Fact]) -> None:
    """Into the profile's ledger, verdicts into its audit file too."""
    profile.create()
    writer = LedgerWriter(profile.ledger)
    writer.start()
    writer.write(list(facts))
    writer.close()
    with closing(AuditLog(profile.audit)) as log:
        for fact in facts:
            if isinstance(fact, Verdict):
                log.append(AuditKind.AI_DECISIONS, fact, ts=fact.ts)


def add_run(
    profile: Profile,
    ts: int = START,
    *,
    hours: float | None = 24,
    status: RunStatus = RunStatus.CLOSED,
    mode: Mode = Mode.PAPER,
    config: Config = CONFIG,
    cursor: int | None = None,
) -> str:
    """A run of so many hours (None: it has no end)."""
    profile.create()
    with closing(open_ledger(profile.ledger)) as db:
        run = start_run(db, ts=ts, mode=mode, version="0.1.0", config_hash=config_hash(config), cursor=cursor)
        if hours is not None:
            end_run(db, run.id, ts=ts + round(hours * HOUR_MS), status=status)
    return run.id


def made(
    profile: Profile, kind: Kind, *, start: int | None = None, end: int | None = None, book: str = "",
    config: Config | None = CONFIG,
) -> Made:  # fmt: skip
    return make(profile, Wanted(kind=kind, span=Span(start, end), book=book), config)


def desk(profile: Profile) -> None:
    """A small desk: one book, three trades, their signals and verdicts, equity of two days."""
    write(
        profile,
        [
            *(signal(n) for n in range(3)),
            *(verdict(n) for n in range(3)),
            trade(0, "20"),
            trade(1, "-10", instrument=ETH, side=PositionSide.SHORT, exit_reason="STOP"),
            trade(2, "-4", fees=D(3), gross_pnl=D("-0.5"), funding=D("0.5")),
            *(point(START + n * HOUR_MS, equity) for n, equity in enumerate(("1000", "1020", "1010", "1006"))),
            point(START + DAY_MS, "1006"),
        ],
    )
    add_run(profile)
