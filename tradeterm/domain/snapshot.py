"""The desk's restart state, as rebuilt from the ledger."""

from decimal import Decimal

from msgspec import Struct

from tradeterm.domain.orders import Order, PositionSide
from tradeterm.domain.states import BookState, BreakerLevel, HealthLevel, Regime, TradingState


class Position(Struct, frozen=True, kw_only=True, tag_field="table", tag="positions"):
    """Net holding of a book in an instrument. `quantity` is signed (short is negative); changed only by fills.

    Accounting: average-cost; `realized_pnl` is gross of fees; `fees` and `funding` are what this round trip paid
    (positive) or, for funding, received (negative). `trade_id` names the running round trip. `entry_quantity` is the
    largest absolute quantity held, `peak_price` the best price seen since entry (high for longs, low for shorts),
    `been_in_profit` whether a close so far was better than the average price, and `ts_profit` the time
    of the first such bar. `ts_unprotected` is the time since which no live stop covers the position, None while it is
    protected. `entry_regime` is the instrument's regime when the round trip opened, None where that was not known; one
    that spoke against the position even then is replaced by the next one once it has ended. `entry_rsi` is the
    instrument's RSI then, None where that was not known.
    """

    book: str
    venue: str
    account: str
    instrument: str
    quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    realized_pnl: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    trade_id: str = ""
    signal_id: str | None = None
    ts_opened: int = 0
    ts_updated: int = 0
    entry_quantity: Decimal = Decimal(0)
    entry_value: Decimal = Decimal(0)
    exit_quantity: Decimal = Decimal(0)
    exit_value: Decimal = Decimal(0)
    initial_stop: Decimal | None = None
    stop_price: Decimal | None = None
    target_price: Decimal | None = None
    peak_price: Decimal | None = None
    been_in_profit: bool = False
    ts_profit: int | None = None
    exit_reason: str = ""
    ts_unprotected: int | None = None
    entry_regime: Regime | None = None
    entry_rsi: float | None = None

    @property
    def side(self) -> PositionSide:
        if self.quantity > 0:
            return PositionSide.LONG
        return PositionSide.SHORT if self.quantity < 0 else PositionSide.FLAT


class OpenShadow(Struct, frozen=True, kw_only=True):
    """A position that is held nowhere: what an entry signal would hold had tier 2 not been there (`desk/shadow.py`).

    `position` has its quantity from the start; its `average_price` is None until it is entered, and `price` is the
    signal's. `ts` is when the entry order would have arrived, `ts_seen` the close of the newest bar that is done with.
    `settlements` are funding (time, paid) since that bar, `ts_funded` the newest ever seen. `regime` is the
    instrument's at the verdict ("": not known), `currency` that of the money.
    """

    position: Position
    price: Decimal
    ts: int
    ts_seen: int
    settlements: tuple[tuple[int, Decimal], ...] = ()
    ts_funded: int = 0
    verdict_id: str = ""
    strategy: str = ""
    regime: str = ""
    currency: str = ""


class TradeResult(Struct, frozen=True, kw_only=True):
    """What sizing and health remember of a closed round trip of our own: money net of costs, and in units of the risk
    taken at entry (None where that is not known). `slippage` is the fraction of the price the entry lost to the
    signal's price, positive when it cost."""

    trade_id: str
    ts_closed: int
    pnl: Decimal
    return_pct: Decimal
    r_multiple: Decimal | None
    slippage: Decimal | None = None
    strategy: str = ""


class Decision(Struct, frozen=True):
    """What an entry of ours was decided by: the strategy that wanted it, and its signal's price."""

    strategy: str
    price: Decimal


class HealthSnapshot(Struct, frozen=True, kw_only=True):
    """Health of a book's strategy since `ts`; trades closed up to `judged_from` are not judged (an operator's word)."""

    book: str
    strategy: str
    level: HealthLevel
    ts: int
    causes: tuple[str, ...] = ()
    judged_from: int = 0


class BookSnapshot(Struct, frozen=True, kw_only=True):
    """Money of a book. `cash` starts as the capital and moves by realised PnL, fees and cash events.

    `peak_equity` is the highest equity since `drawdown_from`, when an operator last accepted a drawdown (UTC ms; 0:
    never), `day` the UTC day number of `day_start_equity`, `trades` and `wins` count closed round trips.
    """

    book: str
    state: BookState
    cash: Decimal
    peak_equity: Decimal
    day: int = -1
    day_start_equity: Decimal | None = None
    trades: int = 0
    wins: int = 0
    drawdown_from: int = 0


class DeskMoney(Struct, frozen=True, kw_only=True, tag_field="table", tag="desk_money"):
    """Table `desk_money` (one row): the money of these `books` together, in `currency`, written when a member changes.

    `peak_equity` is the highest equity since they are these, or since an operator last accepted a drawdown; `day` the
    UTC day number of `day_start_equity`, which is None until it is known.
    """

    ts: int
    currency: str
    books: tuple[str, ...]
    peak_equity: Decimal
    day: int
    day_start_equity: Decimal | None


class DeskSnapshot(Struct, frozen=True, kw_only=True):
    """Facts enough to go on where the desk stopped. All tuples are sorted by key, so equal states encode equally.

    `signals_seen` are ids of signals that were already decided (outcome not PENDING). `exec_ids` and `cash_ids` are
    those already booked, each as venue/account/id. `orders` are all that are not closed, and the closed ones of the
    last two days and of open round trips (their ids must not be used again).
    `last_entry` maps "book/instrument" to the time of its last entry order (cool-down). `kill_pending` is true from a
    kill's acceptance until the desk was seen flat. `breaker_ts` is when the breaker last rose or fell, `breaker_rule`
    names the rule behind `breaker_reason`, `breaker_quiet_since` is when the last cause at its level ended (None while
    one lasts), and `breaker_overridden` are the rules that do not count up to a level until `breaker_override_until`.
    `results` are each book's last closed round trips by strategy, oldest first; `decisions` say, by signal id, what the
    open entries and positions were decided by. `equity_ts` is the bar time of the last equity point. `money` is that of
    all books together (None: nothing is known yet). `shadows` are open and touch nothing else of the desk.
    """

    trading_state: TradingState = TradingState.ACTIVE
    trading_reason: str = ""
    breaker: BreakerLevel = BreakerLevel.CLOSED
    breaker_reason: str = ""
    kill_pending: bool = False
    books: tuple[BookSnapshot, ...] = ()
    orders: tuple[Order, ...] = ()
    positions: tuple[Position, ...] = ()
    signals_seen: tuple[str, ...] = ()
    exec_ids: tuple[str, ...] = ()
    cash_ids: tuple[str, ...] = ()
    last_entry: dict[str, int] = {}
    equity_ts: int = -1
    breaker_ts: int = 0
    breaker_override_until: int = 0
    results: dict[str, tuple[TradeResult, ...]] = {}
    breaker_rule: str = ""
    breaker_quiet_since: int | None = None
    breaker_overridden: tuple[tuple[str, BreakerLevel], ...] = ()
    health: tuple[HealthSnapshot, ...] = ()
    decisions: dict[str, Decision] = {}
    money: DeskMoney | None = None
    shadows: tuple[OpenShadow, ...] = ()
