"""The desk's shared risk with one more entry: what tier 1 holds against `config.risk`."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from tradeterm.desk.account import mark_of
from tradeterm.desk.checks import DeskRisk, fraction
from tradeterm.desk.comovement import Z_99, comovement, deviation, heat, without_volatility
from tradeterm.desk.currency import rate_of, rate_trouble
from tradeterm.desk.portfolio import Portfolio, entry_leg, portfolio
from tradeterm.desk.rounding import RATIO_STEP, rounded
from tradeterm.desk.state import Book, DeskState
from tradeterm.domain.signals import Signal


def desk_risk(
    state: DeskState, book: Book, signal: Signal, stop: Decimal | None, quantity: Decimal, *, counted: bool
) -> DeskRisk:
    """The desk as it stands with `quantity` of the signal on top; `counted` says that it is an open order already."""
    limits, instrument = state.config.risk, state.instruments.get(signal.instrument)
    rate = rate_of(state, book.config.currency)
    if instrument is None or rate is None:
        return DeskRisk(limits=limits, rate_trouble=rate_trouble(state, book.config.currency))
    whole = portfolio(state)
    if not counted:
        prices = {signal.price, mark_of(state, signal.instrument) or signal.price}
        legs = [entry_leg(book, instrument, rate, signal.side, quantity, price, stop) for price in prices]
        notional, loss = max(leg.notional for leg in legs), max(leg.loss for leg in legs)
        whole = whole.with_leg(msgspec.structs.replace(legs[0], notional=notional, loss=loss))
    moves = comovement(state)
    unknown = without_volatility(whole.legs, moves)
    if whole.missing:
        return DeskRisk(limits=limits, missing=whole.missing, no_volatility=unknown)
    members, doubtful = moves.counted_with(signal.instrument, whole.by_instrument())
    daily = deviation(whole.legs, moves)
    return DeskRisk(
        limits=limits,
        no_volatility=unknown,
        gross=share(whole, whole.gross()),
        asset=share(whole, whole.of_asset(instrument.symbol)),
        group=share(whole, whole.gross(members)),
        group_members=tuple(_symbols(state, members)),
        group_unknown=tuple(_symbols(state, doubtful)),
        sectors=tuple(
            (name, share(whole, whole.gross(ids))) for name, ids in limits.sectors.items() if signal.instrument in ids
        ),
        one_sided=share(whole, whole.one_sided(signal.side.sign)),
        heat=share_of_float(whole, heat(whole.legs, moves)),
        var=None if daily is None else share_of_float(whole, Z_99 * daily),
    )


def share(whole: Portfolio, part: Decimal) -> Decimal | None:
    """A part of the desk's equity; None unless that is above 0."""
    return fraction(part, whole.equity)


def share_of_float(whole: Portfolio, part: float) -> Decimal | None:
    """The same of a number from the models, which counts as unknown unless it is finite."""
    exact = Decimal(repr(part))
    return fraction(rounded(exact, RATIO_STEP), whole.equity) if exact.is_finite() else None


def _symbols(state: DeskState, names: Iterable[str]) -> Iterable[str]:
    return (state.instruments[name].symbol if name in state.instruments else name for name in names)
