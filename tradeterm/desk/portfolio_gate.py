"""Tier 1's checks of the whole desk: what all books would hold and could lose with this order, and whether the book's
strategy is well. They judge entries only: nothing here ever keeps a position from being reduced.

A limit that the market breaks denies entries and is shown; nothing is closed for it here.
"""

from decimal import Decimal

from tradeterm.desk.checks import DeskRisk, GateRequest, exact, result, within
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import GateCheck, GateCode
from tradeterm.domain.states import HealthLevel

_ILL = (HealthLevel.SEVERE, HealthLevel.CRITICAL)
_NAMED = 4


def strategy_healthy(r: GateRequest) -> GateCheck:
    why = f": {', '.join(r.health_causes)}" if r.health_causes else ""
    text = f"the strategy's health is {r.health}{why}"
    return result(GateCode.STRATEGY_HEALTH, r.health not in _ILL, text, level=r.health)


def rate_known(r: GateRequest) -> GateCheck:
    text = r.desk.rate_trouble or f"the book's money is known in {r.desk.limits.currency}"
    return result(GateCode.RATE_STALE, not r.desk.rate_trouble, text)


def volatility_known(r: GateRequest) -> GateCheck:
    names = r.desk.no_volatility
    text = f"no volatility known yet of {_some(names)}" if names else "a volatility is known of everything held"
    return result(GateCode.INSUFFICIENT_HISTORY, not names, text, instruments=len(names))


def gross_exposure(r: GateRequest) -> GateCheck:
    limit = exact(r.desk.limits.max_gross)
    return _share(r.desk, GateCode.GROSS_EXPOSURE, r.desk.gross, limit, "of the desk's equity in the market")


def asset_exposure(r: GateRequest) -> GateCheck:
    symbol = r.instrument.symbol if r.instrument else "this instrument"
    limit = exact(r.desk.limits.max_asset)
    return _share(r.desk, GateCode.ASSET_EXPOSURE, r.desk.asset, limit, f"of the desk's equity in {symbol}")


def correlated_exposure(r: GateRequest) -> GateCheck:
    what = f"of the desk's equity in {_some(r.desk.group_members)}, which move together"
    if r.desk.group_unknown:
        what += f" as far as is known, nothing is of {_some(r.desk.group_unknown)}"
    limit = exact(r.desk.limits.max_group)
    return _share(r.desk, GateCode.CORRELATED_EXPOSURE, r.desk.group, limit, what)


def sector_exposure(r: GateRequest) -> GateCheck:
    """The fullest of the instrument's sectors; an instrument that is in none passes."""
    limit = exact(r.desk.limits.max_sector)
    if not r.desk.sectors:
        return result(GateCode.SECTOR_EXPOSURE, True, "in no configured sector", share=None, limit=limit)
    name, share = max(r.desk.sectors, key=lambda sector: Decimal("Infinity") if sector[1] is None else sector[1])
    return _share(r.desk, GateCode.SECTOR_EXPOSURE, share, limit, f"of the desk's equity in sector {name}")


def one_sided(r: GateRequest) -> GateCheck:
    """Of the desk, and before that of a book that closes what leans too far."""
    what = "long less short" if r.side is PositionSide.LONG else "short less long"
    if r.most_leaning is not None and (r.leaning is None or r.leaning > r.most_leaning):
        return within(GateCode.ONE_SIDED, r.leaning, r.most_leaning, f"of the book's equity {what}: it would be closed")
    limit = exact(r.desk.limits.max_one_sided)
    return _share(r.desk, GateCode.ONE_SIDED, r.desk.one_sided, limit, f"of the desk's equity {what}")


def portfolio_heat(r: GateRequest) -> GateCheck:
    limit = exact(r.desk.limits.max_heat)
    return _share(r.desk, GateCode.PORTFOLIO_HEAT, r.desk.heat, limit, "of the desk's equity lost at all stops")


def value_at_risk(r: GateRequest) -> GateCheck:
    limit, share = exact(r.desk.limits.max_var), r.desk.var
    what = "of the desk's equity is the one-day VaR 99% with this order"
    return _share(r.desk, GateCode.VAR_LIMIT, share, limit, what)


def _share(desk: DeskRisk, code: GateCode, share: Decimal | None, limit: Decimal, what: str) -> GateCheck:
    unknown = f"not known: {_some(desk.missing)}" if desk.missing else "not known"
    return within(code, share, limit, what, unknown)


def _some(names: tuple[str, ...]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


PORTFOLIO_CHECKS = (
    strategy_healthy,
    rate_known,
    volatility_known,
    gross_exposure,
    asset_exposure,
    correlated_exposure,
    sector_exposure,
    one_sided,
    portfolio_heat,
    value_at_risk,
)
