"""Contract facts of Bybit's USDT perpetuals."""

from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation

import msgspec
from msgspec import Struct

from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import MINUTE_MS
from tradeterm.venues.trouble import plain

VENUE = "BYBIT"
SUFFIX = f".{VENUE}"
PERPETUAL, TRADING, SETTLED_IN = "LinearPerpetual", "Trading", "USDT"
ONE = Decimal(1)


class _Leverage(Struct, rename="camel"):
    max_leverage: str


class _Price(Struct, rename="camel"):
    tick_size: str


class _Lot(Struct, rename="camel"):
    qty_step: str
    min_order_qty: str
    max_order_qty: str = ""
    max_mkt_order_qty: str = ""
    min_notional_value: str = "0"


class _Row(Struct, rename="camel"):
    symbol: str
    contract_type: str
    status: str
    settle_coin: str
    funding_interval: int
    leverage_filter: _Leverage
    price_filter: _Price
    lot_size_filter: _Lot


class Contract(Struct, frozen=True):
    """An instrument, and whether it may be traded now."""

    instrument: Instrument
    status: str


def symbol_of(instrument: str) -> str:
    """The venue's name of an instrument id. Raises ConfigError for one that is not of this venue."""
    if not instrument.endswith(SUFFIX):
        raise ConfigError(f"instruments: found {plain(instrument)}, allowed SYMBOL{SUFFIX} with feed.kind bybit")
    return instrument.removesuffix(SUFFIX)


def contracts(rows: Iterable[object], wanted: Sequence[str], ts_loaded: int) -> dict[str, Contract]:
    """The wanted instruments by id, those that the venue has. Raises DataError for facts that cannot be right."""
    by_symbol = {symbol_of(name): name for name in wanted}
    found = {}
    for row in rows:
        symbol = row.get("symbol") if isinstance(row, dict) else None
        if isinstance(symbol, str) and symbol in by_symbol:
            found[by_symbol[symbol]] = _contract(by_symbol[symbol], row, ts_loaded)
    return found


def check_tradable(known: dict[str, Contract], wanted: Sequence[str]) -> None:
    """Raise ConfigError, a sentence an instrument, for those that the venue does not have or does not trade."""
    wrong = []
    for name in wanted:
        contract = known.get(name)
        if contract is None:
            wrong.append(f"instruments: found {plain(name)}, which is no USDT perpetual of Bybit")
        elif contract.status != TRADING:
            wrong.append(f"instruments: found {plain(name)}, which Bybit does not trade now ({plain(contract.status)})")
    if wrong:
        raise ConfigError("\n".join(wrong))


def _contract(name: str, row: object, ts_loaded: int) -> Contract:
    try:
        facts = msgspec.convert(row, _Row)
        lot = facts.lot_size_filter
        instrument = Instrument(
            id=name,
            symbol=facts.symbol,
            venue=VENUE,
            kind=InstrumentKind.PERPETUAL,
            quote_currency=facts.settle_coin,
            tick_size=_decimal(facts.price_filter.tick_size),
            lot_size=_decimal(lot.qty_step),
            min_quantity=_decimal(lot.min_order_qty),
            min_notional=_decimal(lot.min_notional_value or "0", least=Decimal(0)),
            max_leverage=_decimal(facts.leverage_filter.max_leverage, least=ONE),
            funding_interval_ms=facts.funding_interval * MINUTE_MS,
            ts_loaded=ts_loaded,
            max_quantity=_largest(lot),
        )
    except (msgspec.ValidationError, InvalidOperation, ValueError) as error:
        raise DataError(f"{name}: the venue's contract facts cannot be used: {plain(str(error))}") from None
    tradable = facts.contract_type == PERPETUAL and facts.settle_coin == SETTLED_IN
    status = facts.status if tradable else f"no USDT perpetual but {facts.contract_type} in {facts.settle_coin}"
    return Contract(instrument, status)


def _largest(lot: _Lot) -> Decimal | None:
    """The largest order of any kind: a stop is a market order once it triggers, so the smaller bound counts."""
    bounds = [_decimal(text) for text in (lot.max_order_qty, lot.max_mkt_order_qty) if text]
    return min(bounds, default=None)


def _decimal(text: str, *, least: Decimal | None = None) -> Decimal:
    value = Decimal(text)
    if not value.is_finite() or (value <= 0 if least is None else value < least):
        raise ValueError(f"found {text}")
    return value
