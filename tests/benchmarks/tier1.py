"""How long tier 1 takes, and the live view: 100 instruments, 50 positions in four books, 500 closed trades each.

    python tests/benchmarks/tier1.py [signals]

A pass is a proposal (protection prices and size) and every check, on one desk; an entry takes two. "of it" are its two
parts. The budget of a pass is 10 ms at the 99th percentile. Time is that of the processor.
"""

import random
import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal

from tradeterm.config import BookConfig, Config, LimitsConfig, SizingConfig
from tradeterm.desk import Desk, gate
from tradeterm.desk.proposal import gate_request, propose
from tradeterm.desk.view import desk_view
from tradeterm.domain.events import BarClosed, CovarianceUpdate, DeskRestored, ModelUpdate, Timer, VenueStatus
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import DAY_MS, Bar
from tradeterm.domain.orders import Order, OrderIntent, OrderSide, OrderStatus, OrderType, PositionSide
from tradeterm.domain.signals import Signal, SignalKind
from tradeterm.domain.snapshot import BookSnapshot, DeskSnapshot, Position, TradeResult
from tradeterm.domain.states import BookState, VenueState
from tradeterm.domain.view import GateView

SIGNALS = 2000
T0 = 20_000 * DAY_MS
FIVE = 300_000
NAMES = tuple(f"COIN{n}USDT.BINANCE" for n in range(100))
BOOKS = ("a", "b", "c", "d")


def contract(name: str) -> Instrument:
    step = Decimal("0.001")
    return Instrument(
        id=name, symbol=name.split(".")[0], venue="BINANCE", kind=InstrumentKind.PERPETUAL, quote_currency="USDT",
        tick_size=Decimal("0.01"), lot_size=step, min_quantity=step, min_notional=Decimal(5), max_leverage=Decimal(20),
    )  # fmt: skip


def busy_desk(seed: int = 1) -> Desk:
    """Long and short positions with their stops and targets at the venue, models, results of all books."""
    rng = random.Random(seed)
    limits = LimitsConfig(max_positions=50, max_total_exposure=5.0, max_leverage=5.0, max_open_orders=500)
    sizing = SizingConfig(volatility_target=0.5)
    book = BookConfig(strategy="eos", venue="paper", instruments=NAMES, capital=100_000.0, limits=limits, sizing=sizing)
    desk = Desk(Config(books=dict.fromkeys(BOOKS, book)))
    positions, orders = [], []
    for n, name in enumerate(NAMES[:50]):
        side = rng.choice([1, -1])
        position = Position(
            book=BOOKS[n % 4], venue="paper", account=BOOKS[n % 4], instrument=name, quantity=Decimal(side * 40),
            average_price=Decimal(100), trade_id=f"t{n}", ts_opened=T0, entry_quantity=Decimal(40),
            entry_value=Decimal(4000), initial_stop=Decimal(100 - 2 * side), stop_price=Decimal(100 - 2 * side),
        )  # fmt: skip
        positions.append(position)
        for suffix, kind, intent, at in (
            ("s", OrderType.STOP_MARKET, OrderIntent.PROTECTIVE_STOP, 100 - 2 * side),
            ("t", OrderType.TAKE_PROFIT_MARKET, OrderIntent.TAKE_PROFIT, 100 + 3 * side),
        ):
            order = Order(
                client_order_id=f"t{n}{suffix}", book=position.book, venue="paper", account=position.account,
                instrument=name, side=OrderSide.SELL if side > 0 else OrderSide.BUY, type=kind, quantity=Decimal(40),
                intent=intent, ts_created=T0, ts_updated=T0, trigger_price=Decimal(at), reduce_only=True,
                parent_id=f"t{n}", status=OrderStatus.ACCEPTED,
            )  # fmt: skip
            orders.append(order)
    results = {name: tuple(result(rng, n) for n in range(500)) for name in BOOKS}
    money = tuple(
        BookSnapshot(
            book=name, state=BookState.RUNNING, cash=Decimal(100_000), peak_equity=Decimal(101_000), trades=500
        )
        for name in BOOKS
    )
    snapshot = DeskSnapshot(books=money, positions=tuple(positions), orders=tuple(orders), results=results)
    desk.on(DeskRestored(ts=T0, instruments=tuple(contract(name) for name in NAMES), snapshot=snapshot))
    desk.on(VenueStatus(ts=T0, venue="paper", state=VenueState.READY))
    for name in NAMES:
        values = {"atr": 1.0, "rsi": 50.0, "adx": 20.0, "volatility": 0.6, "regime": 2.0}
        desk.on(ModelUpdate(ts=T0, model="instrument", subject=name, values=values))
    desk.on(covariance(rng))
    for name in NAMES:
        price = round(100 + rng.uniform(-1, 1), 2)
        desk.on(BarClosed(ts=T0 + FIVE, bar=Bar(name, FIVE, T0, price, price, price, price, 1e6, T0 + FIVE)))
    desk.on(Timer(ts=T0 + FIVE))
    return desk


def result(rng: random.Random, n: int) -> TradeResult:
    r = Decimal(str(round(rng.choice([1.4, -1.0]) * rng.uniform(0.5, 1.5), 6)))
    return TradeResult(
        trade_id=f"x{n}", ts_closed=T0 - (500 - n) * FIVE, pnl=100 * r, strategy="eos", return_pct=r, r_multiple=r
    )


def covariance(rng: random.Random) -> CovarianceUpdate:
    """One factor and noise of each name's own: positive definite."""
    beta = [rng.uniform(0.5, 1.5) * 0.03 for _ in NAMES]
    rows = tuple(
        tuple(one * other + (0.0004 if i == j else 0.0) for j, other in enumerate(beta)) for i, one in enumerate(beta)
    )
    groups = tuple(n // 10 for n in range(len(NAMES)))
    return CovarianceUpdate(ts=T0, instruments=NAMES, covariance=rows, groups=groups, observations=500)


def signal(n: int) -> Signal:
    return Signal(
        id=f"s{n}", book=BOOKS[n % 4], strategy="eos", instrument=NAMES[50 + n % 50], kind=SignalKind.ENTRY,
        side=PositionSide.LONG if n % 3 else PositionSide.SHORT, price=Decimal("100.5"), ts_bar=T0 + FIVE,
        reason="move", explain={},
    )  # fmt: skip


def timed(what: Callable[[int], object], times: int) -> list[float]:
    taken = []
    for n in range(times):
        began = time.thread_time()
        what(n)
        taken.append(1000 * (time.thread_time() - began))
    return taken


def tell(what: str, taken: list[float]) -> None:
    high = sorted(taken)[int(0.99 * len(taken))]
    sys.stdout.write(f"{what:34}{statistics.median(taken):9.3f}{high:9.3f}{max(taken):9.3f}{len(taken):8}\n")


def main() -> None:
    times = int(sys.argv[1]) if len(sys.argv) > 1 else SIGNALS
    desk = busy_desk()
    state = desk.state

    def proposed(n: int) -> object:
        found = signal(n)
        return propose(state, state.books[found.book], found, Decimal(1), None)

    def one_pass(n: int) -> object:
        found = signal(n)
        book = state.books[found.book]
        proposal = propose(state, book, found, Decimal(1), None)
        return gate.run(gate_request(state, state.ts, book, found, proposal, second_pass=False), gate.ENTRY_CHECKS)

    def view(n: int) -> object:
        return desk_view(
            desk, wall_ts=n, started_ts=0, pid=1, run_id="r", workers=(), replay=None, stopping=False,
            gate=GateView(label="RULES (no AI)"), simulated_venues={"paper"},
        )  # fmt: skip

    sys.stdout.write(f"{'ms':34}{'p50':>9}{'p99':>9}{'most':>9}{'n':>8}\n")
    tell("tier 1, one pass", timed(one_pass, times))
    tell("  of it the proposal", timed(proposed, times))
    tell("the live view", timed(view, times // 10))


if __name__ == "__main__":
    main()
