"""Made-up but consistent views for the widget tests."""

from collections.abc import Callable, Iterable
from decimal import Decimal

from msgspec import structs
from textual.app import App, ComposeResult
from textual.widget import Widget

from tradeterm.domain.market import MINUTE_MS, Bar
from tradeterm.domain.states import BookState, BreakerLevel, Mode, TradingState, VenueState, WorkerName, WorkerState
from tradeterm.domain.view import BookView, DeskView, FeedView, LimitView, ReplayView, VenueView, WorkerView
from tradeterm.ui import themes
from tradeterm.ui.glyphs import UNICODE, Glyphs

NOW = 1_744_034_602_000  # 7 Apr 2025 14:03:22 UTC


def book(name: str, state: BookState = BookState.RUNNING) -> BookView:
    return BookView(
        book=name,
        strategy="eos",
        venue="paper",
        currency="USDT",
        state=state,
        equity=Decimal("10184.20"),
        cash=Decimal("10000"),
        capital=Decimal("10000"),
        unrealized_pnl=Decimal("184.20"),
        realized_pnl=Decimal(0),
        day_pnl=Decimal("184.20"),
        day_return=Decimal("0.0184"),
        drawdown=Decimal("0.006"),
        exposure=Decimal("0.31"),
        open_positions=3,
        trades=12,
        wins=7,
        tier2="RULES (no AI)",
    )


def limit(name: str, value: float | None, top: float, unit: str = "%") -> LimitView:
    return LimitView(name=name, book="", value=value, limit=top, unit=unit)


LIMITS = (
    limit("Daily loss", 0.6, 5.0),
    limit("Exposure", 66.0, 100.0),
    limit("Drawdown", 7.4, 8.0),
    limit("Leverage", 0.31, 2.0, "x"),
    limit("Positions", 3, 10, "count"),
    limit("VaR 95 1d", None, 5.0),
)


def view(**changes: object) -> DeskView:
    whole = DeskView(
        version=1,
        ts=NOW,
        wall_ts=NOW,
        started_ts=NOW - 3_600_000,
        pid=1,
        run_id="r1",
        mode=Mode.PAPER,
        trading_state=TradingState.ACTIVE,
        trading_reason="",
        breaker=BreakerLevel.CLOSED,
        breaker_reason="",
        kill_pending=False,
        currency="USDT",
        equity=Decimal("10184.20"),
        day_pnl=Decimal("184.20"),
        day_return=Decimal("0.0184"),
        drawdown=Decimal("0.006"),
        exposure=Decimal("0.31"),
        unrealized_pnl=Decimal("184.20"),
        unprotected=0,
        unknown_orders=0,
        open_orders=4,
        books=(book("eos-crypto"), book("reversal")),
        positions=(),
        limits=LIMITS,
        venues=(
            VenueView(
                venue="bybit", account="a", state=VenueState.READY, simulated=False, latency_ms=38.0, ts_last=NOW
            ),
        ),
        feeds=(
            FeedView(instrument="BTCUSDT.BINANCE", symbol="BTCUSDT", last=60420.0, ts_last=NOW - 3000, stale=False),
            FeedView(instrument="ETHUSDT.BINANCE", symbol="ETHUSDT", last=2446.75, ts_last=NOW - 4000, stale=False),
        ),
        workers=tuple(WorkerView(worker=name, state=WorkerState.RUNNING, restarts=0) for name in WorkerName),
    )
    return structs.replace(whole, **changes)


def replay(**changes: object) -> ReplayView:
    whole = ReplayView(
        source="demo",
        ts_start=NOW - 4_000_000,
        ts_end=NOW + 6_000_000,
        ts_now=NOW,
        speed=1600.0,
        paused=False,
        finished=False,
        simulated="fills",
    )
    return structs.replace(whole, **changes)


def bars(closes: Iterable[float], *, spread: float = 1.0, volume: float = 10.0, start: int = NOW) -> list[Bar]:
    """Five-minute bars through the closes; each opens where the one before closed."""
    made: list[Bar] = []
    before: float | None = None
    for number, close in enumerate(closes):
        opened = close if before is None else before
        ts = start + number * 5 * MINUTE_MS
        high, low = max(opened, close) + spread, min(opened, close) - spread
        made.append(Bar("BTCUSDT.BINANCE", 5 * MINUTE_MS, ts, opened, high, low, close, volume, ts))
        before = close
    return made


class WidgetApp(App[None]):
    """An app with our themes around some widgets."""

    def __init__(self, make: Callable[[], Iterable[Widget]], *, theme: str = "dark", glyphs: Glyphs = UNICODE) -> None:
        self._themes, _ = themes.load_themes()
        super().__init__()
        self._make = make
        self.glyphs = glyphs
        for spec in self._themes.values():
            self.register_theme(themes.to_textual(spec))
        self.theme = themes.textual_name(theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return themes.variable_defaults(self._themes)

    def compose(self) -> ComposeResult:
        yield from self._make()
