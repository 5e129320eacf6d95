"""What a row of an execution means: a fill, money that moved, or something nobody books unseen.

The stream and REST show the same rows, and both come through `booked`.
"""

from decimal import Decimal
from enum import StrEnum

from tradeterm.brokers.bybit.account import VENUE, Account
from tradeterm.domain.orders import Cash, CashKind, Fill, Liquidity, OrderSide
from tradeterm.venues.bybit.rows import ExecutionRow

SETTLEMENT_COIN = "USDT"


class ExecutionKind(StrEnum):
    TRADE = "TRADE"
    """Ours, or one of a person at the venue."""
    FORCED = "FORCED"
    """The venue closed it: liquidation, auto-deleveraging, delisting. There is no order to look up."""
    FUNDING = "FUNDING"
    UNKNOWN = "UNKNOWN"


_KINDS = {
    "Trade": ExecutionKind.TRADE,
    "BlockTrade": ExecutionKind.TRADE,
    "FutureSpread": ExecutionKind.TRADE,
    "MovePosition": ExecutionKind.FORCED,
    "AdlTrade": ExecutionKind.FORCED,
    "BustTrade": ExecutionKind.FORCED,
    "Delivery": ExecutionKind.FORCED,
    "Funding": ExecutionKind.FUNDING,
}
"""The allow-list of execType; what is not in it is not booked, and said."""


def kind_of(row: ExecutionRow) -> ExecutionKind:
    return _KINDS.get(row.kind, ExecutionKind.UNKNOWN)


def complaint(row: ExecutionRow) -> str:
    """Why a row cannot be booked, or ""."""
    kind = kind_of(row)
    if kind is ExecutionKind.UNKNOWN:
        return f"execution {row.exec_id} of {row.symbol} has the type {row.kind!r}, which is not known here"
    if row.fee is None:
        return f"execution {row.exec_id} of {row.symbol} has no usable fee"
    if kind is not ExecutionKind.FUNDING:
        if row.quantity is None or row.price is None:
            return f"execution {row.exec_id} of {row.symbol} has no usable quantity and price"
        if row.side not in ("Buy", "Sell"):
            return f"execution {row.exec_id} of {row.symbol} has the side {row.side!r}"
    return ""


def booked(row: ExecutionRow, client_id: str, account: Account, ts_recv: int) -> Fill | Cash | None:
    """The fill or cash event of a row; None if the instrument is not this account's or `complaint` has something."""
    instrument = account.instrument(row.symbol)
    if instrument is None or complaint(row) or row.fee is None:
        return None
    currency = row.fee_currency or instrument.quote_currency
    if kind_of(row) is ExecutionKind.FUNDING:
        return Cash(
            id=row.exec_id,
            venue=VENUE,
            account=account.name,
            book=account.name,
            kind=CashKind.FUNDING,
            amount=-row.fee if row.fee else Decimal(0),
            currency=currency,
            ts_event=row.ts or ts_recv,
            instrument=instrument.id,
        )
    if row.quantity is None or row.price is None:
        return None
    return Fill(
        exec_id=row.exec_id,
        venue=VENUE,
        account=account.name,
        book=account.name,
        instrument=instrument.id,
        client_order_id=client_id,
        venue_order_id=row.order_id,
        side=OrderSide.BUY if row.side == "Buy" else OrderSide.SELL,
        quantity=row.quantity,
        price=row.price,
        fee=row.fee,
        fee_currency=currency,
        liquidity=Liquidity.MAKER if row.maker else Liquidity.TAKER,
        ts_event=row.ts or ts_recv,
        ts_recv=ts_recv,
    )
