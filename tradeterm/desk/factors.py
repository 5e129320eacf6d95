"""What the size of an entry is multiplied by, one named factor each, so that the screen can show the whole product.

| factor | value | where something is not known |
| --- | --- | --- |
| regime | the configured multiplier; against a trend the smaller of the range's and the trend's | the smallest of all |
| volatility | target over present, at most 1; without a target 1 | no size |
| drawdown | 1 at the peak, in a straight line to 0 at `limits.drawdown` | no size |
| recovering | the mean of the same over the last ten closed trades, where that is smaller | of the trades there are |
| recovering, after RECOVER | each of the ten that is still to come counts half | |
| health, breaker | half in MODERATE health and at breaker ALERT, nothing beyond | |

After a drawdown the size comes back slowly: equity may leap back within a bar, but ten trades have to be made before
the last of the drawdown has left the mean. It is worked out of the closed trades, so that a restart finds it again.
An operator who accepts a drawdown has both counted anew from there: the size begins at half and is whole again after
ten trades without another drawdown.
"""

from decimal import Decimal

from msgspec import Struct

from tradeterm.config import RegimeMultipliers
from tradeterm.desk import breaker, health
from tradeterm.desk.account import drawdown
from tradeterm.desk.earned import RECENT, Earned
from tradeterm.desk.models import current_model
from tradeterm.desk.state import Book, DeskState, Health
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.states import Regime

_ONE, _HALF = Decimal(1), Decimal("0.5")
_WITH = {Regime.TREND_UP: PositionSide.LONG, Regime.TREND_DOWN: PositionSide.SHORT}


class Factor(Struct, frozen=True):
    """`name` says what it is and why it has this value; 0 is no size."""

    name: str
    value: Decimal


def regime_factor(multipliers: RegimeMultipliers, regime: Regime | None, side: PositionSide) -> Factor:
    """The multiplier of a trade on `side`. The only factor that may be above 1."""
    if regime is None:
        known = (multipliers.trend, multipliers.range, multipliers.chop, multipliers.volatile)
        return Factor("regime unknown", _decimal(min(known)))
    if regime in _WITH:
        if _WITH[regime] is side:
            return Factor("with the trend", _decimal(multipliers.trend))
        return Factor("against the trend", _decimal(min(multipliers.trend, multipliers.range)))
    value = {
        Regime.RANGE: multipliers.range,
        Regime.CHOP: multipliers.chop,
        Regime.VOLATILE: multipliers.volatile,
    }[regime]
    return Factor(f"regime {regime.lower()}", _decimal(value))


def shrinking_factors(state: DeskState, book: Book, instrument: str, equity: Decimal) -> tuple[Factor, ...]:
    """The factors of the desk as it stands, each from 0 to 1."""
    volatility = current_model(state, instrument, state.ts, book.interval_ms).volatility
    return (volatility_factor(book.config.sizing.volatility_target, volatility), *book_factors(state, book, equity))


def book_factors(state: DeskState, book: Book, equity: Decimal) -> tuple[Factor, ...]:
    """Those that are the same for all instruments of a book."""
    found = []
    if book.config.sizing.drawdown_dampening:
        limit, fallen = _decimal(book.config.limits.drawdown), drawdown(book, equity)
        found.append(drawdown_factor(fallen, limit, book.cash, state.earned(book), book.peak_equity))
    level = state.health.get(book.name, Health()).level
    found.append(Factor(f"health {level.lower()}", health.size_factor(level)))
    found.append(Factor(f"breaker {state.breaker.lower()}", breaker.size_factor(state.breaker)))
    return tuple(found)


def volatility_factor(target: float | None, present: float | None) -> Factor:
    """Annualised volatilities. A target without a present volatility to hold against it gives no size; one of 0, of
    bars that do not move, is none."""
    if target is None:
        return Factor("volatility", _ONE)
    if present is None or not 0 < present < float("inf"):
        return Factor("volatility unknown", ZERO)
    return Factor("volatility", _ONE if present <= target else _decimal(target) / _decimal(present))


def drawdown_factor(
    fallen: Decimal, limit: Decimal, cash: Decimal, earned: Earned, peak: Decimal | None = None
) -> Factor:
    """What is left at `fallen` below the peak, or after the last closed trades where that is less.

    Equity after each is worked back from the `cash` there is now. Once a drawdown was accepted (`earned.since`), no
    trade is held against more than the present `peak`: what was lost by then may close only later.
    """
    now, start = _left(fallen, limit), cash - earned.total
    most = peak if earned.since and peak is not None else None
    paths = [(start + running, start + highest) for running, highest in earned.recent]
    lately = [_left(_fallen(equity, high if most is None else min(high, most)), limit) for equity, high in paths]
    if earned.since:
        lately += [_HALF] * (RECENT - len(lately))
    if not lately:
        return Factor("drawdown", now)
    mean = sum(lately, ZERO) / len(lately)
    return Factor("recovering", mean) if mean < now else Factor("drawdown", now)


def _left(fallen: Decimal, limit: Decimal) -> Decimal:
    return min(_ONE, max(ZERO, _ONE - fallen / limit))


def _fallen(equity: Decimal, peak: Decimal) -> Decimal:
    return (peak - equity) / peak if peak > 0 else _ONE


def _decimal(value: float) -> Decimal:
    return Decimal(str(value))
