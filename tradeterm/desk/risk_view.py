"""The desk's shared risk, for faces: what is held now (entry orders left out), what models say, and how books do."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import chain

from msgspec import Struct

from tradeterm.desk.account import book_equity, desk_totals
from tradeterm.desk.comovement import TAIL_99, Z_95, Z_99, Comovement, comovement, deviation, heat
from tradeterm.desk.currency import foreign_currencies, newest_rate, rate_of
from tradeterm.desk.desk_risk import share, share_of_float
from tradeterm.desk.factors import book_factors, regime_factor
from tradeterm.desk.models import current_model
from tradeterm.desk.portfolio import Portfolio, portfolio
from tradeterm.desk.rounding import ratio
from tradeterm.desk.state import Book, DeskState, Health
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.states import Regime
from tradeterm.domain.view import GroupView, HealthView, LimitView, RateView, RegimeView, RiskView


class PresentRisk(Struct, frozen=True, kw_only=True):
    """What the positions are, fractions of the desk's equity; None where it is not known. `held` is notional by
    instrument."""

    whole: Portfolio
    moves: Comovement
    held: dict[str, Decimal] = {}
    gross: Decimal | None = None
    net: Decimal | None = None
    heat: Decimal | None = None
    deviation: float | None = None


def present_risk(state: DeskState) -> PresentRisk:
    whole, moves = portfolio(state).positions(), comovement(state)
    if whole.missing or whole.equity <= 0:
        return PresentRisk(whole=whole, moves=moves)
    held = whole.by_instrument()
    daily, equity = deviation(whole.legs, moves), float(whole.equity)
    net = whole.net()
    one_sided = share(whole, abs(net))
    return PresentRisk(
        whole=whole,
        moves=moves,
        held=held,
        gross=share(whole, whole.gross()),
        net=None if one_sided is None else one_sided.copy_sign(net),
        heat=share_of_float(whole, heat(whole.legs, moves)),
        deviation=None if daily is None else daily / equity,
    )


def risk_view(state: DeskState, present: PresentRisk) -> RiskView:
    foreign = foreign_currencies(state.books.values(), state.config.risk.currency)
    return RiskView(
        gross=_float(present.gross),
        net=_float(present.net),
        heat=_float(present.heat),
        var_95=_times(present.deviation, Z_95),
        var_99=_times(present.deviation, Z_99),
        cvar_99=_times(present.deviation, TAIL_99),
        regimes=tuple(_regimes(state)),
        health=tuple(_health(state, book) for book in state.books.values()),
        groups=_groups(state, present),
        rates=tuple(_rate(state, name) for name in foreign),
    )


def desk_limits(state: DeskState, present: PresentRisk) -> list[LimitView]:
    """The rows of the limits all books share; those at which the breaker halts the desk come first."""
    limits, halting = state.config.risk, state.config.breaker
    lost, fallen = _losses(state)
    assets: dict[str, Decimal] = {}
    for leg in present.whole.legs:
        assets[leg.asset] = assets.get(leg.asset, ZERO) + leg.notional
    largest = _largest(assets.values(), present)
    crowds = (present.moves.counted_with(members[0], present.held)[0] for members in present.moves.groups.values())
    groups = _largest((_held(present, members) for members in crowds), present)
    sectors = _largest((_held(present, members) for members in limits.sectors.values()), present)
    one_sided = None if present.net is None else abs(present.net)
    var = None if present.deviation is None else Decimal(repr(Z_99 * present.deviation))
    rows = [
        ("desk daily loss", lost, halting.daily_loss, "lost since the UTC day began; at it the breaker halts"),
        ("desk drawdown", fallen, halting.drawdown, "below the highest equity; at it the breaker halts"),
        ("gross", present.gross, limits.max_gross, "notional of all books, of the desk's equity"),
        ("one side", one_sided, limits.max_one_sided, "long less short, either way"),
        ("largest asset", largest, limits.max_asset, "one instrument over all books"),
        ("largest group", groups, limits.max_group, "instruments that move together"),
        ("heat", present.heat, limits.max_heat, "lost if every stop were hit"),
        ("VaR 99%", var, limits.max_var, "one day, by the covariance of daily returns"),
    ]
    if limits.sectors:
        rows.insert(6, ("largest sector", sectors, limits.max_sector, "instruments of a configured sector"))
    return [percent_limit("", *row) for row in rows]


def _losses(state: DeskState) -> tuple[Decimal | None, Decimal | None]:
    """What the breaker measures: the desk's daily loss and its drawdown, fractions, 0 for a gain. None where the equity
    of a book is not known: it then measures the least it can be."""
    whole = desk_totals(state)
    if whole.unknown:
        return None, None
    lost = None
    if whole.lost is not None and whole.start is not None and whole.start > 0:
        lost = max(ZERO, ratio(whole.lost, whole.start))
    return lost, ratio(whole.fallen, whole.peak) if whole.peak > 0 else None


def percent_limit(book: str, name: str, value: Decimal | None, limit: float, text: str) -> LimitView:
    """A limit shown in percent; `value` and `limit` are fractions."""
    used = None if value is None else float(100 * value)
    return LimitView(name=name, book=book, value=used, limit=100 * limit, unit="%", text=text)


def _held(present: PresentRisk, instruments: Iterable[str]) -> Decimal:
    return sum((present.held[name] for name in instruments if name in present.held), ZERO)


def _largest(notionals: Iterable[Decimal], present: PresentRisk) -> Decimal | None:
    return None if present.gross is None else share(present.whole, max(notionals, default=ZERO))


def _regimes(state: DeskState) -> list[RegimeView]:
    """Each instrument as the first book that trades it sees it; the multiplier is that of a trade with the trend."""
    views, first = [], {name: book for book in reversed(state.books.values()) for name in book.config.instruments}
    for name in sorted(state.instruments.keys() & first.keys()):
        book = first[name]
        model = current_model(state, name, state.ts, book.interval_ms)
        side = PositionSide.SHORT if model.regime is Regime.TREND_DOWN else PositionSide.LONG
        factor = regime_factor(book.config.sizing.regimes, model.regime, side)
        views.append(
            RegimeView(
                instrument=name,
                regime=model.regime,
                since=model.regime_since,
                volatility=model.volatility,
                multiplier=float(factor.value),
            )
        )
    return views


def _health(state: DeskState, book: Book) -> HealthView:
    known = state.health.get(book.name, Health())
    earned = state.earned(book)
    sized = earned.sized
    equity = book_equity(state, book)
    factors = () if equity is None else book_factors(state, book, equity)
    held_back = [f"× {factor.name} {factor.value:.2f}" for factor in factors if factor.value != 1]
    return HealthView(
        book=book.name,
        level=known.level,
        causes=known.causes,
        trades=sized.trades,
        win_rate=sized.win_rate,
        payoff=sized.payoff,
        expectancy_r=sized.expectancy_r,
        expectancy_se=sized.expectancy_r_se,
        kelly=_float(earned.edge.kelly),
        risk_fraction=float(earned.edge.risk_fraction),
        sizing=", ".join([earned.edge.why, *held_back]),
        windows=earned.windows,
    )


def _groups(state: DeskState, present: PresentRisk) -> tuple[GroupView, ...]:
    """Correlated groups of more than one instrument, and the configured sectors."""
    limits = state.config.risk
    together = ((name, ids, limits.max_group) for name, ids in present.moves.groups.items() if len(ids) > 1)
    sectors = ((name, ids, limits.max_sector) for name, ids in limits.sectors.items())
    return tuple(
        GroupView(
            name=name,
            instruments=tuple(ids),
            exposure=None if present.gross is None else _float(share(present.whole, _held(present, ids))),
            limit=limit,
        )
        for name, ids, limit in chain(together, sectors)
    )


def _rate(state: DeskState, currency: str) -> RateView:
    """A rate that is too old to be used is shown as unknown, with the time it held."""
    known = newest_rate(state, currency)
    return RateView(currency=currency, rate=rate_of(state, currency), ts=None if known is None else known.ts)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _times(value: float | None, by: float) -> float | None:
    return None if value is None else value * by
