"""What must be true of key and account before any order: each is set where Bybit allows, and verified by asking again.

What the demo environment lacks (key information, fee rates) is used where it is there and never required.
"""

import asyncio
from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from tradeterm.brokers.bybit.limits import Lane
from tradeterm.brokers.bybit.parameters import CATEGORY, ONE_WAY
from tradeterm.brokers.bybit.rest import REPEATABLE, Rest, Result
from tradeterm.config import BybitConfig, MarginMode
from tradeterm.domain.errors import OutcomeUnclear, VenueRefused, VenueUnavailable
from tradeterm.domain.instrument import Instrument
from tradeterm.venues.bybit import codes
from tradeterm.venues.bybit.codes import Meaning
from tradeterm.venues.bybit.rows import PositionRow, read_position, rows_of, text, whole

NO_PERMISSION, HEDGE_MODE, CLASSIC_ACCOUNT = "NO_PERMISSION", "HEDGE_MODE", "CLASSIC_ACCOUNT"
MARGIN_MODE, LEVERAGE = "MARGIN_MODE", "LEVERAGE"

_UNIFIED_FROM = 3
_MARGIN_MODES = {MarginMode.CROSS: "REGULAR_MARGIN", MarginMode.ISOLATED: "ISOLATED_MARGIN"}
_LANE = Lane.READ
_AT_ONCE = 4


class KeyFacts(Struct, frozen=True):
    """What the venue says of the API key. `permissions` are words such as Order, Position, Withdraw."""

    read_only: bool
    permissions: frozenset[str]
    bound_to_addresses: bool
    days_left: int | None

    @property
    def may_trade(self) -> bool:
        return not self.read_only and ("Order" in self.permissions or "DerivativesTrade" in self.permissions)


async def key_facts(rest: Rest) -> KeyFacts | None:
    """None where the environment does not tell. Raises VenueRefused if the key itself is not accepted."""
    try:
        result = await rest.read("get_api_key_information")
    except VenueRefused as error:
        if _is_about_key(error):
            raise
        return None
    except VenueUnavailable:
        return None
    found = result.get("permissions")
    if not isinstance(found, dict):
        return None
    addresses = result.get("ips")
    return KeyFacts(
        read_only=whole(result, "readOnly") == 1,
        permissions=frozenset(word for words in found.values() for word in _words(words)),
        bound_to_addresses=isinstance(addresses, list) and any(ip not in ("*", "") for ip in addresses),
        days_left=whole(result, "deadlineDay") if whole(result, "deadlineDay") > 0 else None,
    )


async def check_account(rest: Rest, config: BybitConfig) -> None:
    """Key, permission, kind of account, margin mode. Raises VenueRefused with what a person must do."""
    account = await account_info(rest)
    facts = await key_facts(rest)
    if facts is not None and not facts.may_trade:
        raise VenueRefused(
            "the API key may read but not trade: give it the permission for contract orders and positions at Bybit",
            NO_PERMISSION,
        )
    check_unified(account)
    await _check_margin_mode(rest, config, account)


async def account_info(rest: Rest) -> Result:
    return await rest.read("get_account_info")


def check_unified(account: Result) -> None:
    """Raises VenueRefused for a classic account."""
    status = whole(account, "unifiedMarginStatus")
    if 0 < status < _UNIFIED_FROM:
        raise VenueRefused("this Bybit account is a classic one: upgrade it to a unified account", CLASSIC_ACCOUNT)


async def check_instruments(rest: Rest, config: BybitConfig, instruments: Iterable[Instrument]) -> None:
    """Check each instrument, a few at a time. Raises the first VenueError; then none is asked about any more."""
    waiting = iter(instruments)

    async def work() -> None:
        for instrument in waiting:
            await check_instrument(rest, config, instrument)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(work())
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def check_instrument(rest: Rest, config: BybitConfig, instrument: Instrument) -> None:
    """One-way mode and leverage of one instrument. Raises VenueRefused with what a person must do."""
    rows = await positions_of(rest, instrument.symbol)
    if in_hedge_mode(rows):
        await _leave_hedge_mode(rest, instrument, rows)
        rows = await positions_of(rest, instrument.symbol)
    wanted = Decimal(repr(config.leverage))
    if _leverage(rows) == wanted:
        return
    text_of = format(wanted.normalize(), "f")
    try:
        await rest.change(
            "set_leverage",
            _LANE,
            category=CATEGORY,
            symbol=instrument.symbol,
            buyLeverage=text_of,
            sellLeverage=text_of,
        )
    except OutcomeUnclear as error:
        raise VenueUnavailable(str(error)) from None
    except VenueRefused as error:
        if _passes_or_is_about_key(error):
            raise
        raise VenueRefused(
            f"the leverage of {instrument.symbol} cannot be set to {text_of}: {error}", LEVERAGE
        ) from None
    found = _leverage(await positions_of(rest, instrument.symbol))
    if found != wanted:
        raise VenueRefused(
            f"the leverage of {instrument.symbol} is {found or 'not shown'} at Bybit, it should be {text_of}: "
            "set it there, or change venues.bybit.leverage",
            LEVERAGE,
        )


async def positions_of(rest: Rest, symbol: str) -> list[PositionRow]:
    """The symbol's position rows, flat ones too."""
    result = await rest.read("get_positions", category=CATEGORY, symbol=symbol)
    return [row for raw in rows_of(result.get("list")) if (row := read_position(raw)) and row.symbol == symbol]


def in_hedge_mode(rows: list[PositionRow]) -> bool:
    return any(row.index != ONE_WAY for row in rows)


async def _leave_hedge_mode(rest: Rest, instrument: Instrument, rows: list[PositionRow]) -> None:
    ask = f"{instrument.symbol} is in hedge mode at Bybit; close its positions and orders, then set one-way mode there"
    if any(row.size for row in rows):
        raise VenueRefused(ask, HEDGE_MODE)
    try:
        await rest.change("switch_position_mode", _LANE, category=CATEGORY, symbol=instrument.symbol, mode=ONE_WAY)
    except OutcomeUnclear as error:
        raise VenueUnavailable(str(error)) from None
    except VenueRefused as error:
        if _passes_or_is_about_key(error):
            raise
        raise VenueRefused(f"{ask} ({error})", HEDGE_MODE) from None
    if in_hedge_mode(await positions_of(rest, instrument.symbol)):
        raise VenueRefused(ask, HEDGE_MODE)


async def _check_margin_mode(rest: Rest, config: BybitConfig, account: Result) -> None:
    wanted, found = _MARGIN_MODES[config.margin_mode], text(account, "marginMode")
    if found == wanted:
        return
    refusal = ""
    try:
        await rest.change("set_margin_mode", _LANE, setMarginMode=wanted)
    except OutcomeUnclear as error:
        raise VenueUnavailable(str(error)) from None
    except VenueRefused as error:
        if _passes_or_is_about_key(error):
            raise
        refusal = f" ({error})"
    found = text(await account_info(rest), "marginMode")
    if found != wanted:
        raise VenueRefused(
            f"the margin mode at Bybit is {found or 'not shown'}, venues.bybit.margin_mode wants {wanted}: "
            f"set it there or change the configuration{refusal}",
            MARGIN_MODE,
        )


def _leverage(rows: list[PositionRow]) -> Decimal | None:
    return next((row.leverage for row in rows if row.leverage is not None), None)


def _passes_or_is_about_key(error: VenueRefused) -> bool:
    """Whether the refusal says nothing of what was asked."""
    return error.code in REPEATABLE or _is_about_key(error)


def _is_about_key(error: VenueRefused) -> bool:
    number = error.code.lstrip("-")
    return number.isdigit() and codes.meaning(int(error.code)) in codes.STOPS_EVERYTHING | {Meaning.CLOCK}


def _words(value: object) -> list[str]:
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []
