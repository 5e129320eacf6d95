"""What `doctor` asks of Bybit: key, permissions, clock, account, money and stream. Nothing is traded or changed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum

from msgspec import Struct

from tradeterm.brokers.bybit.checks import (
    KeyFacts,
    account_info,
    check_unified,
    in_hedge_mode,
    key_facts,
    positions_of,
)
from tradeterm.brokers.bybit.private_stream import PrivateStream
from tradeterm.brokers.bybit.session import BybitVenue
from tradeterm.config import BybitConfig
from tradeterm.domain.errors import VenueError
from tradeterm.venues.bybit.endpoints import Endpoints
from tradeterm.venues.bybit.rows import text
from tradeterm.venues.credentials import Credentials

STREAM_S = 8.0
SOON_DAYS = 14
_SAMPLE = "BTCUSDT"


class Verdict(StrEnum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


class Found(Struct, frozen=True):
    """One sentence on one subject."""

    name: str
    verdict: Verdict
    text: str


async def probe(endpoints: Endpoints, config: BybitConfig, credentials: Credentials) -> Sequence[Found]:
    """Never raises a VenueError: what goes wrong is a finding."""
    venue = BybitVenue(endpoints, config, credentials)
    venue.rest.open()
    try:
        found = await _about("clock", _clock(venue))
        if found[-1].verdict is Verdict.FAIL and venue.clock.skew_ms is None:
            return found  # nobody there
        key = await _about("key", _key(venue))
        found += key
        if any(finding.verdict is Verdict.FAIL for finding in key):
            return found
        for name, question in (("account", _account), ("position mode", _position_mode), ("balance", _balance)):
            found += await _about(name, question(venue))
        found += await _about("private stream", _stream(endpoints, credentials, venue))
        return found
    finally:
        await venue.rest.close()


async def _about(name: str, question: Awaitable[list[Found]]) -> list[Found]:
    try:
        return await question
    except VenueError as error:
        return [Found(name, Verdict.FAIL, str(error))]


async def _clock(venue: BybitVenue) -> list[Found]:
    await venue.rest.measure_clock()
    if venue.clock.skew_ms is None:
        return [Found("clock", Verdict.WARN, "Bybit did not say what time it is")]
    complaint = venue.clock.complaint(venue.config.max_skew_ms)
    if complaint:
        return [Found("clock", Verdict.FAIL, complaint)]
    return [Found("clock", Verdict.OK, f"this computer's clock is {abs(venue.clock.skew_ms):.0f} ms from Bybit's")]


async def _key(venue: BybitVenue) -> list[Found]:
    await account_info(venue.rest)
    found = [Found("key", Verdict.OK, f"Bybit ({venue.config.environment}) accepts the API key")]
    facts = await key_facts(venue.rest)
    if facts is None:
        return [*found, Found("permissions", Verdict.WARN, "this environment does not show what the key may do")]
    return found + _permissions(facts)


def _permissions(facts: KeyFacts) -> list[Found]:
    name, found = "permissions", []
    if not facts.may_trade:
        found.append(Found(name, Verdict.FAIL, "the key may read but not trade: allow contract orders and positions"))
    else:
        found.append(Found(name, Verdict.OK, "the key may trade contracts"))
    if "Withdraw" in facts.permissions:
        found.append(Found(name, Verdict.WARN, "the key may withdraw money: make one that may not"))
    if not facts.bound_to_addresses:
        found.append(Found(name, Verdict.WARN, "the key works from any IP address and ends after 90 days: bind it"))
    if facts.days_left is not None and facts.days_left <= SOON_DAYS:
        found.append(Found(name, Verdict.WARN, f"the key expires in {facts.days_left} days: make a new one"))
    return found


async def _account(venue: BybitVenue) -> list[Found]:
    account = await account_info(venue.rest)
    check_unified(account)
    return [
        Found("account", Verdict.OK, f"a unified account, margin mode {text(account, 'marginMode') or 'not shown'}")
    ]


async def _position_mode(venue: BybitVenue) -> list[Found]:
    rows = await positions_of(venue.rest, _SAMPLE) + await venue.position_rows()
    if not in_hedge_mode(rows):
        return [Found("position mode", Verdict.OK, "one-way mode")]
    if any(row.size for row in rows if row.index):
        return [Found("position mode", Verdict.FAIL, "hedge mode with open positions: close them, set one-way mode")]
    return [Found("position mode", Verdict.WARN, "hedge mode: it is set to one-way when trading starts")]


async def _balance(venue: BybitVenue) -> list[Found]:
    balance = await venue.balance()
    verdict = Verdict.OK if balance > 0 else Verdict.WARN
    return [Found("balance", verdict, f"{balance:,.2f} USDT in the wallet")]


async def _stream(endpoints: Endpoints, credentials: Credentials, venue: BybitVenue) -> list[Found]:
    heard: asyncio.Future[tuple[bool, str]] = asyncio.get_running_loop().create_future()

    def state(up: bool, why: str) -> None:
        if not heard.done():
            heard.set_result((up, why))

    ignore: Callable[[object], None] = lambda _: None  # noqa: E731
    stream = PrivateStream(
        endpoints.private,
        credentials,
        venue.clock,
        on_order=ignore,
        on_execution=ignore,
        on_balance=ignore,
        on_state=state,
        on_refused=lambda why: state(False, why),
    )
    task = asyncio.create_task(stream.run())
    try:
        async with asyncio.timeout(STREAM_S):
            up, why = await heard
    except TimeoutError:
        up, why = False, f"no answer within {STREAM_S:g} s"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if up:
        return [Found("private stream", Verdict.OK, "connected and authenticated")]
    return [Found("private stream", Verdict.FAIL, why)]
