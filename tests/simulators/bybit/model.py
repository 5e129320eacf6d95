"""What the simulated venue knows: instruments, orders, executions, positions, wallet. Amounts are exact decimals."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

ZERO = Decimal(0)
OPEN_STATES = frozenset({"New", "PartiallyFilled", "Untriggered", "Triggered"})
STOP_KINDS = frozenset({"StopLoss", "PartialStopLoss", "Stop", "TrailingStop"})


class VenueError(Exception):
    """A request the venue refuses: `code` and `text` go out as retCode and retMsg."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Instrument:
    """One USDT perpetual and the filters that bind its orders."""

    symbol: str
    base: str
    tick: Decimal
    step: Decimal
    min_qty: Decimal
    max_qty: Decimal
    max_market_qty: Decimal
    min_notional: Decimal = Decimal(5)
    max_leverage: Decimal = Decimal(100)
    funding_minutes: int = 480
    status: str = "Trading"
    price_limit_ratio: Decimal = Decimal("0.05")

    @property
    def max_price(self) -> Decimal:
        return self.tick * 19_999_998


@dataclass
class Order:
    """One order, whoever made it. Prices that are not set are None."""

    order_id: str
    link_id: str
    symbol: str
    side: str
    order_type: str
    qty: Decimal
    price: Decimal | None
    tif: str
    created_ms: int
    updated_ms: int
    last_price_on_created: Decimal
    reduce_only: bool = False
    close_on_trigger: bool = False
    position_idx: int = 0
    trigger_price: Decimal | None = None
    trigger_direction: int = 0
    trigger_by: str = ""
    stop_kind: str = ""  # stopOrderType on the wire
    create_type: str = "CreateByUser"
    parent_link_id: str = ""
    tpsl_mode: str = ""
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    tp_trigger_by: str = ""
    sl_trigger_by: str = ""
    tp_order_type: str = ""
    sl_order_type: str = ""
    tp_limit_price: Decimal | None = None
    sl_limit_price: Decimal | None = None
    status: str = "New"
    cancel_type: str = "UNKNOWN"
    reject_reason: str = "EC_NoError"
    cum_qty: Decimal = ZERO
    cum_value: Decimal = ZERO
    cum_fee: Decimal = ZERO
    closed_pnl: Decimal = ZERO
    attached_done: bool = False
    number: int = 0  # in order of arrival, from 1

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATES

    @property
    def leaves(self) -> Decimal:
        """What may still fill: nothing once the order is closed."""
        return max(self.qty - self.cum_qty, ZERO) if self.is_open else ZERO

    @property
    def sign(self) -> int:
        return 1 if self.side == "Buy" else -1

    @property
    def is_child(self) -> bool:
        """True for a stop, target or trailing stop that belongs to a position."""
        return self.create_type != "CreateByUser" and self.stop_kind != "Stop" and bool(self.stop_kind)

    @property
    def covers_all(self) -> bool:
        """True for an exit whose size is the whole position, whatever its row says."""
        return self.is_child and self.tpsl_mode == "Full"


@dataclass(frozen=True)
class Execution:
    """One row of the execution list: a trade, a funding payment, a liquidation, an ADL."""

    exec_id: str
    order_id: str
    link_id: str
    symbol: str
    side: str
    order_type: str
    exec_type: str
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_rate: Decimal
    pnl: Decimal
    closed_size: Decimal
    leaves: Decimal
    order_price: Decimal
    order_qty: Decimal
    mark_price: Decimal
    is_maker: bool
    time_ms: int
    seq: int
    stop_kind: str = ""
    create_type: str = ""

    @property
    def value(self) -> Decimal:
        return self.price * self.qty


@dataclass
class Position:
    """Net holding of one symbol (and side, in hedge mode). `size` is signed: positive is long."""

    symbol: str
    idx: int
    size: Decimal = ZERO
    cost: Decimal = ZERO  # size * average price, unsigned
    leverage: Decimal = Decimal(10)
    current_pnl: Decimal = ZERO
    total_pnl: Decimal = ZERO
    trailing_distance: Decimal | None = None
    trailing_active: Decimal | None = None
    created_ms: int = 0
    updated_ms: int = 0
    seq: int = 0

    @property
    def average(self) -> Decimal:
        return self.cost / abs(self.size) if self.size else ZERO

    @property
    def side(self) -> str:
        return "Buy" if self.size > 0 else "Sell" if self.size < 0 else ""


@dataclass
class Wallet:
    """The USDT of the one unified account."""

    balance: Decimal
    realised: Decimal = ZERO


@dataclass(frozen=True)
class Bar:
    """One candle; `start_ms` is its opening time."""

    start_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal = Decimal(1)


@dataclass(frozen=True)
class Key:
    """One API key of the account. `permissions` are the rights it has; `ips` empty means any address."""

    key: str
    secret: str = field(repr=False)
    read_only: bool = False
    permissions: frozenset[str] = frozenset({"Order", "Position", "Wallet"})
    ips: frozenset[str] = frozenset()
    expired: bool = False


def default_instruments() -> Iterator[Instrument]:
    """The six perpetuals of the bundled recording, with filters like the venue's."""
    rows = (
        ("BTCUSDT", "BTC", "0.10", "0.001", "1190.000", "500.000"),
        ("ETHUSDT", "ETH", "0.01", "0.01", "7240.00", "2000.00"),
        ("BNBUSDT", "BNB", "0.10", "0.01", "3000.00", "600.00"),
        ("LINKUSDT", "LINK", "0.001", "0.1", "78000.0", "12000.0"),
        ("ADAUSDT", "ADA", "0.0001", "1", "3000000", "800000"),
        ("SUIUSDT", "SUI", "0.0001", "10", "330000", "60000"),
    )
    for symbol, base, tick, step, most, market in rows:
        yield Instrument(symbol, base, Decimal(tick), Decimal(step), Decimal(step), Decimal(most), Decimal(market))


DEFAULT_PRICES = {
    "BTCUSDT": Decimal(60000),
    "ETHUSDT": Decimal(3000),
    "BNBUSDT": Decimal(600),
    "LINKUSDT": Decimal(15),
    "ADAUSDT": Decimal("0.5"),
    "SUIUSDT": Decimal(2),
}
