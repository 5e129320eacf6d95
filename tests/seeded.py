"""A small desk in files, as an engine leaves it: one open long, one denied and one stopped-out signal."""

from contextlib import closing
from decimal import Decimal as D
from typing import Any

import msgspec

from tradeterm.domain.facts import AlertFact, Fact, SignalFact, SizeFactors, Trade
from tradeterm.domain.orders import Order, OrderIntent, OrderSide, OrderStatus, OrderType, PositionSide
from tradeterm.domain.signals import (
    GateCheck,
    GateCode,
    SignalKind,
    SignalOutcome,
    Verdict,
    VerdictDecision,
    VerdictSource,
)
from tradeterm.domain.states import AlertLevel, BookState, BreakerLevel, Mode, TradingState, WorkerName, WorkerState
from tradeterm.domain.view import BookView, DeskView, FeedView, LimitView, PositionView, ReplayView, WorkerView
from tradeterm.ledger.live import LiveWriter
from tradeterm.ledger.runs import RunStatus, end_run, start_run
from tradeterm.ledger.store import open_ledger
from tradeterm.ledger.writer import LedgerWriter
from tradeterm.profile import Profile

BAR = 1_743_962_400_000  # 2025-04-06 18:00 UTC
WALL = 1_768_471_200_000
BTC, ETH, ADA = "BTCUSDT.BINANCE", "ETHUSDT.BINANCE", "ADAUSDT.BINANCE"


def view(**changes: Any) -> DeskView:
    """The live view of the desk, with members changed."""
    position = PositionView(
        book="crypto",
        instrument=BTC,
        symbol="BTCUSDT",
        side=PositionSide.LONG,
        quantity=D("0.125"),
        entry_price=D("78500.0"),
        mark=D("78750.0"),
        pnl=D("26.39"),
        return_pct=D("0.2689"),
        stop_price=D("76930.0"),
        target_price=D("80855.0"),
        trailing=False,
        protected=True,
        ts_opened=BAR,
        exiting=False,
    )
    book = BookView(
        book="crypto",
        strategy="eos",
        venue="paper",
        currency="USDT",
        state=BookState.RUNNING,
        equity=D("100126.39"),
        cash=D("100100.00"),
        capital=D("100000"),
        unrealized_pnl=D("26.39"),
        realized_pnl=D("100.00"),
        day_pnl=D("-20.5"),
        day_return=D("-0.000205"),
        drawdown=D("0.0123"),
        exposure=D("0.0983"),
        open_positions=1,
        trades=2,
        wins=1,
        tier2="RULES (no AI)",
    )
    desk = DeskView(
        version=1,
        ts=BAR + 60_000,
        wall_ts=WALL,
        started_ts=WALL - 60_000,
        pid=4242,
        run_id="r1",
        mode=Mode.DEMO,
        trading_state=TradingState.ACTIVE,
        trading_reason="",
        breaker=BreakerLevel.CLOSED,
        breaker_reason="",
        kill_pending=False,
        currency="USDT",
        equity=D("100126.39"),
        day_pnl=D("-20.5"),
        day_return=D("-0.000205"),
        drawdown=D("0.0123"),
        exposure=D("0.0983"),
        unrealized_pnl=D("26.39"),
        unprotected=0,
        unknown_orders=0,
        open_orders=2,
        books=(book,),
        positions=(position,),
        limits=(
            LimitView(name="drawdown", book="crypto", value=1.23, limit=8.0, unit="%"),
            LimitView(name="positions", book="crypto", value=1.0, limit=10.0, unit="count"),
            LimitView(name="daily loss", book="crypto", value=None, limit=5.0, unit="%"),
        ),
        venues=(),
        feeds=tuple(
            FeedView(instrument=item, symbol=item.partition(".")[0], last=1.0, ts_last=BAR, stale=False)
            for item in (BTC, ETH, ADA)
        ),
        workers=tuple(WorkerView(worker=name, state=WorkerState.RUNNING, restarts=0) for name in WorkerName),
        replay=ReplayView(
            source="recorded",
            ts_start=BAR - 86_400_000,
            ts_end=BAR + 86_400_000,
            ts_now=BAR + 60_000,
            speed=1600.0,
            paused=False,
            finished=False,
            simulated="",
        ),
    )
    return msgspec.structs.replace(desk, **changes)


def signal(identity: str, instrument: str, side: PositionSide, outcome: SignalOutcome, **more: Any) -> SignalFact:
    return SignalFact(
        id=identity,
        ts=BAR + 1,
        book="crypto",
        strategy="eos",
        instrument=instrument,
        kind=SignalKind.ENTRY,
        side=side,
        price=D("78500.0"),
        ts_bar=BAR,
        reason="fell 5.1 % since the session's open",
        explain={"move": -0.051, "funding": None},
        outcome=outcome,
        **more,
    )


PASSED = GateCheck(GateCode.STALE_DATA, True, {"age_s": "0"}, "the data is fresh")
FAILED = GateCheck(GateCode.COOL_DOWN, False, {"minutes": "12", "needed": "30"}, "the last entry was 12 min ago")


def facts() -> list[Fact]:
    entry = Order(
        client_order_id="s1-1",
        book="crypto",
        venue="paper",
        account="crypto",
        instrument=BTC,
        side=OrderSide.BUY,
        type=OrderType.MARKET,
        quantity=D("0.125"),
        intent=OrderIntent.ENTRY,
        ts_created=BAR + 2,
        ts_updated=BAR + 3,
        signal_id="s1",
        status=OrderStatus.FILLED,
        filled_quantity=D("0.125"),
        average_price=D("78500.0"),
    )
    trade = Trade(
        id="s3-1",
        book="crypto",
        venue="paper",
        account="crypto",
        instrument=ADA,
        side=PositionSide.SHORT,
        quantity=D("1000"),
        entry_price=D("0.60"),
        exit_price=D("0.612"),
        ts_opened=BAR - 600_000,
        ts_closed=BAR - 300_000,
        gross_pnl=D("-12"),
        fees=D("0.67"),
        funding=D("0"),
        pnl=D("-12.67"),
        return_pct=D("-2.1117"),
        r_multiple=D("-1.05"),
        exit_reason="protective stop",
        signal_id="s3",
    )
    verdict = Verdict(
        id="v1",
        signal_id="s1",
        book="crypto",
        instrument=BTC,
        side=PositionSide.LONG,
        decision=VerdictDecision.REDUCE,
        size_factor=D("0.5"),
        confidence=None,
        reason_codes=("THIN_VOLUME",),
        reasoning="Volume is thin\x1b[31m; half size.\nNext line",
        source=VerdictSource.RULES,
        model="rules",
        latency_ms=1,
        ts=BAR + 2,
    )
    sized = SizeFactors((("risk", "0.25"), ("tier 2", "0.5")), "tier 2")
    return [
        signal("s3", ADA, PositionSide.SHORT, SignalOutcome.ORDERED, checks=(PASSED,), client_order_id="s3-1"),
        signal(
            "s1",
            BTC,
            PositionSide.LONG,
            SignalOutcome.ORDERED,
            checks=(PASSED,),
            verdict_id="v1",
            size=sized,
            quantity=D("0.125"),
            client_order_id="s1-1",
        ),
        signal(
            "s2",
            ETH,
            PositionSide.LONG,
            SignalOutcome.DENIED,
            outcome_code="COOL_DOWN",
            outcome_text="denied: cool-down",
            checks=(PASSED, FAILED),
        ),
        verdict,
        entry,
        trade,
        AlertFact(ts=BAR, level=AlertLevel.WARNING, code="DATA", text="gap of \x07 2 bars"),
    ]


def seed(profile: Profile, desk: DeskView | None = None) -> None:
    """Write the desk into the profile's ledger and live view."""
    profile.create()
    writer = LedgerWriter(profile.ledger, ("crypto",))
    writer.start()
    writer.write(facts())
    writer.close()
    with closing(open_ledger(profile.ledger)) as db:
        run = start_run(db, ts=WALL - 60_000, mode=Mode.DEMO, version="0.1.0", config_hash="0" * 16)
        end_run(db, run.id, ts=WALL, status=RunStatus.CLOSED)
    live = LiveWriter(profile.live)
    live.publish(desk if desk is not None else view())
    live.close()
