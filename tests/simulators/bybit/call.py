"""One signed request, and what several endpoints read from it alike."""

from dataclasses import dataclass
from typing import Any

from simulators.bybit.checks import Body
from simulators.bybit.exchange import Exchange
from simulators.bybit.model import Key, VenueError
from simulators.bybit.paging import Query

Result = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One request after its signature was accepted. `lag_ms` hides what is younger from look-ups."""

    exchange: Exchange
    key: Key
    query: Query
    body: Body
    lag_ms: int = 0


def chosen_symbols(x: Exchange, query: Query, *, required: bool) -> set[str]:
    if query.get("symbol"):
        return {x.market(query["symbol"]).instrument.symbol}
    settle, base = query.get("settleCoin"), query.get("baseCoin")
    if required and not settle and not base:
        raise VenueError(10001, "Missing some parameters that must be filled in, symbol or settleCoin or baseCoin")
    if settle not in (None, "", "USDT"):
        return set()
    return {m.instrument.symbol for m in x.markets.values() if base in (None, "", m.instrument.base)}
