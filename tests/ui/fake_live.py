"""The frozen desk as one that trades real money at a real venue, on an afternoon when not all goes well.

`live()`: entries are held back since the machine's clock is wrong, one stream is reconnecting, one instrument's data is
stale, and somebody else trades on the account. `blocked()`: the key has expired, and the positions disagree.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec
from fake_console import (
    BOOK,
    BUY,
    FILLS,
    MARKET,
    NOW,
    ORDERS,
    SELL,
    START,
    D,
    FakeConsole,
    _fill,
    _order,
    _position,
    at,
    busy_view,
    instrument,
    price,
)

from tradeterm.config import BookConfig, BybitConfig, Config, Environment, FeedConfig, VenuesConfig
from tradeterm.domain.facts import ReconciliationFact, SignalFact
from tradeterm.domain.market import Bar
from tradeterm.domain.orders import Fill, Order, OrderIntent, OrderStatus, PositionSide
from tradeterm.domain.signals import Verdict
from tradeterm.domain.states import BreakerLevel, Mode, TradingState, VenueState
from tradeterm.domain.view import DeskView, StreamView, VenueView

Fact = TypeVar("Fact", Order, Fill, SignalFact, Verdict)
LIVE_WALL = NOW + 900
LIVE_CONFIG = Config(
    mode=Mode.LIVE,
    feed=FeedConfig(kind="bybit"),
    venues=VenuesConfig(bybit=BybitConfig(environment=Environment.MAINNET)),
    books={BOOK: BookConfig(strategy="eos", venue="bybit", instruments=("BTCUSDT.BYBIT",), capital=100_000.0)},
)
KEY_EXPIRED = "the API key has expired (33004); make a new key at Bybit and start the engine again"
CLOCK_WRONG = "the clock of this machine is 0.6 s ahead of Bybit's; set it, for example with NTP"
LOST = "reconnecting: no message for 30 s"
LINK_IN = price("LINK", "18:10")


def at_bybit(name: str) -> str:
    return name.replace(".BINANCE", ".BYBIT")


def _there(fact: Fact) -> Fact:
    """The same at the real venue."""
    venue = {"venue": "bybit"} if hasattr(fact, "venue") else {}
    return msgspec.structs.replace(fact, instrument=at_bybit(fact.instrument), **venue)


FOREIGN_ORDER = _there(
    _order("web-7f31", "LINK", "18:10", SELL, MARKET, "210", OrderIntent.EXTERNAL, OrderStatus.FILLED, filled="210",
           average=LINK_IN, reason="not ours")
)  # fmt: skip
FOREIGN_STOP = _there(
    _order("web-7f32", "ADA", "18:12", BUY, MARKET, "900", OrderIntent.EXTERNAL, OrderStatus.ACCEPTED)
)
LIVE_ORDERS = tuple(sorted((FOREIGN_ORDER, FOREIGN_STOP, *map(_there, ORDERS)), key=lambda order: -order.ts_created))
LIVE_FILLS = tuple(
    sorted(
        (
            _there(_fill("web-7f31", "LINK", "18:10", SELL, "210", LINK_IN)),
            msgspec.structs.replace(
                _there(_fill("recon-51c0ffee", "ADA", "17:30", BUY, "900", price("ADA", "17:30"))), reconciliation=True
            ),
            *map(_there, FILLS),
        ),
        key=lambda fill: -fill.ts_event,
    )
)


def _compared(clock: str, findings: tuple[str, ...] = (), *, agreed: bool = True) -> ReconciliationFact:
    return ReconciliationFact(
        id=f"{BOOK}-{clock}", ts=at(clock), venue="bybit", account=BOOK, agreed=agreed, findings=findings
    )


DISAGREES = _compared(
    "18:39:50",
    (
        "position LINKUSDT.BYBIT: 0 here, -210 at bybit",
        "position LINKUSDT.BYBIT: -210 that nothing explains adopted at 11.502",
    ),
    agreed=False,
)
RECONCILIATIONS = (
    _compared("18:39:30"),
    _compared("18:38:30"),
    _compared("18:37:30", ("missing FUNDING f-ETH-16:00: -0.84 USDT booked",)),
    _compared("18:12:02", ("order web-7f32 at bybit is not ours: adopted as EXTERNAL",)),
    _compared("17:30:01", ("position ADAUSDT.BYBIT: 0 here, 900 at bybit",), agreed=False),
    _compared("00:00:01", ("order s2-1 had arrived (FILLED)", "missing fill e-s2-1: BUY 4691.9 SUIUSDT.BYBIT booked")),
)


def live_view() -> DeskView:
    view = busy_view()
    external = msgspec.structs.replace(
        _position("LINK", "-210", LINK_IN, "18:10", trailing=False, protected=True),
        side=PositionSide.SHORT,
        return_pct=D("2.14"),
        stop_price=(LINK_IN * D("1.02")).quantize(LINK_IN),
    )
    positions = tuple(
        msgspec.structs.replace(held, instrument=at_bybit(held.instrument)) for held in (*view.positions, external)
    )
    feeds = []
    for feed in view.feeds:
        late = feed.instrument == instrument("LINK")
        feeds.append(
            msgspec.structs.replace(
                feed,
                instrument=at_bybit(feed.instrument),
                ts_last=NOW - 720_000 if late else NOW,
                stale=late,
            )
        )
    return msgspec.structs.replace(
        view,
        mode=Mode.LIVE,
        replay=None,
        ts=NOW + 700,
        wall_ts=NOW + 700,
        started_ts=START,
        books=(msgspec.structs.replace(view.books[0], venue="bybit", open_positions=len(positions)),),
        positions=positions,
        feeds=tuple(feeds),
        venues=(
            VenueView(venue="bybit", account=BOOK, state=VenueState.RESTRICTED, simulated=False, latency_ms=84.0,
                      ts_last=at("18:36:40"), detail=CLOCK_WRONG, skew_ms=612.0),
        ),
        streams=tuple(
            StreamView(name=name, ts_last=LIVE_WALL - age, detail=detail)
            for name, age, detail in (
                ("klines", 900, ""), ("tickers", 200, ""), ("trades", 300, ""), ("book", 31_000, LOST)
            )
        ),
    )  # fmt: skip


class LiveConsole(FakeConsole):
    """Serves the facts of an account that others trade on too."""

    compared: tuple[ReconciliationFact, ...] = RECONCILIATIONS

    def bars(self, instrument: str, limit: int = 400) -> Sequence[Bar]:
        bars = super().bars(instrument, limit)
        return tuple(msgspec.structs.replace(bar, instrument=instrument) for bar in bars)

    def signals(self, limit: int = 200) -> Sequence[SignalFact]:
        return tuple(_there(fact) for fact in super().signals(limit))

    def verdicts(self, limit: int = 100) -> Sequence[Verdict]:
        return tuple(_there(fact) for fact in super().verdicts(limit))

    def orders(self, limit: int = 200, signal_id: str | None = None) -> Sequence[Order]:
        if signal_id is None:
            return LIVE_ORDERS[:limit]
        return tuple(order for order in LIVE_ORDERS if order.signal_id == signal_id)[:limit]

    def fills(
        self, limit: int = 200, client_order_id: str | None = None, instrument: str | None = None
    ) -> Sequence[Fill]:
        return tuple(
            fill
            for fill in LIVE_FILLS
            if client_order_id in (None, fill.client_order_id) and instrument in (None, fill.instrument)
        )[:limit]

    def reconciliations(self, limit: int = 50) -> Sequence[ReconciliationFact]:
        return self.compared[:limit]


def live() -> LiveConsole:
    return LiveConsole(live_view())


def blocked() -> LiveConsole:
    view = live_view()
    venue = msgspec.structs.replace(view.venues[0], state=VenueState.BLOCKED, detail=KEY_EXPIRED, skew_ms=11.0)
    text = "bybit crypto disagrees with the ledger: " + DISAGREES.findings[0]
    console = LiveConsole(
        msgspec.structs.replace(
            view, venues=(venue,), trading_state=TradingState.HALTED, trading_reason=text,
            breaker=BreakerLevel.HALT, breaker_reason=text,
        )
    )  # fmt: skip
    console.compared = (DISAGREES, *RECONCILIATIONS)
    return console


def ready() -> LiveConsole:
    """All is well."""
    view = live_view()
    venue = msgspec.structs.replace(view.venues[0], state=VenueState.READY, detail="", skew_ms=11.0)
    return LiveConsole(
        msgspec.structs.replace(
            view,
            venues=(venue,),
            feeds=tuple(msgspec.structs.replace(feed, ts_last=NOW, stale=False) for feed in view.feeds),
            streams=tuple(msgspec.structs.replace(s, ts_last=LIVE_WALL - 300, detail="") for s in view.streams),
            unprotected=0,
            unknown_orders=0,
            positions=tuple(msgspec.structs.replace(held, protected=True) for held in view.positions[:2]),
        )
    )
