"""What a book would lose in a named calamity. Scenarios are data; `stress` reckons one of them on some positions.

Positions are linear (no options), in one currency, marked at `price`. No scenario counts on a stop: every one of them
is a move, a gap or an outage in which a stop is filled past its price or not at all, so a stop never makes a loss
smaller. What the stops promised stands beside the losses. Losses are money, positive when money is lost.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, assert_never

import msgspec
import numpy as np
from numpy.typing import ArrayLike

from tradeterm.quant import require
from tradeterm.quant.impact import FITTED_PARTICIPATION, sqrt_impact
from tradeterm.quant.require import Floats


class StressPosition(msgspec.Struct, frozen=True):
    """A holding: `quantity` is signed (negative is short), `multiplier` is money per 1.00 of price and unit.

    `stop` is the price of its protective stop, `volatility_daily` the deviation of its daily return as a fraction,
    `adv` the average daily volume in the unit of `quantity`; None where unknown.
    """

    name: str
    quantity: float
    price: float
    multiplier: float = 1.0
    stop: float | None = None
    volatility_daily: float | None = None
    adv: float | None = None

    def __post_init__(self) -> None:
        require.finite(quantity=self.quantity)
        require.positive(price=self.price, multiplier=self.multiplier)
        known = {"stop": self.stop, "adv": self.adv}
        require.positive(**{name: value for name, value in known.items() if value is not None})
        if self.volatility_daily is not None:
            require.not_negative(volatility_daily=self.volatility_daily)

    @property
    def value(self) -> float:
        """Signed money at the mark."""
        return self.quantity * self.price * self.multiplier


class FlashCrash(msgspec.Struct, frozen=True, tag=True):
    """Every price falls by this fraction at once."""

    name: str = "Flash crash"
    fall: float = 0.30


class LiquidityCrisis(msgspec.Struct, frozen=True, tag=True):
    """Everything is sold or bought back in a thin market: the usual spread (a fraction of price) widens `spread_times`,
    the volume to trade against shrinks to `depth_times`, and the order itself moves the price (square-root law)."""

    name: str = "Liquidity crisis"
    spread: float = 0.0005
    spread_times: float = 10.0
    depth_times: float = 0.2
    coefficient: float = 1.0


class CorrelationOne(msgspec.Struct, frozen=True, tag=True):
    """All names move together by `sigmas` deviations over `days`, in the direction that is worse for the book."""

    name: str = "Correlation to one"
    sigmas: float = 3.0
    days: float = 1.0


class VenueOutage(msgspec.Struct, frozen=True, tag=True):
    """No exit for `bars` bars: the worst stretch of that many bars in `returns`, for the book as a whole.

    `returns` are simple returns of one bar, (rows, names), one column for each position in their order.
    """

    returns: ArrayLike
    bars: int
    name: str = "Venue outage"


class Replay(msgspec.Struct, frozen=True, tag=True):
    """A stretch of history happens again, from beginning to end: the worst point on the way. `returns` as above."""

    returns: ArrayLike
    name: str = "Replay"


Scenario = FlashCrash | LiquidityCrisis | CorrelationOne | VenueOutage | Replay


class PositionLoss(NamedTuple):
    """`loss` is negative where the position gains, None where it cannot be told; `stop_loss` is what the stop promised
    to limit it to, None without a stop."""

    name: str
    loss: float | None
    stop_loss: float | None


class StressResult(NamedTuple):
    """`loss` is the sum over the positions whose loss is known; the others are named in `unknown`."""

    name: str
    loss: float
    positions: tuple[PositionLoss, ...]
    assumptions: str
    unknown: tuple[str, ...]


def stress(
    positions: Sequence[StressPosition], scenario: Scenario, covariance: ArrayLike | None = None
) -> StressResult:
    """The loss of the book in the scenario, in the money of `price · multiplier`.

    `covariance` (of daily returns, in the order of the positions) takes the place of `volatility_daily` in
    `CorrelationOne` and tells what the same move would cost with the correlations as they are; other scenarios do not
    use it. Raises ValueError for scenarios out of range and shapes that do not fit. An empty book loses nothing.
    """
    if not positions:
        return StressResult(scenario.name, 0.0, (), "No positions.", ())
    values = np.array([position.value for position in positions])
    match scenario:
        case FlashCrash():
            losses, text = _flash_crash(values, scenario)
        case LiquidityCrisis():
            losses, text = _liquidity_crisis(positions, scenario)
        case CorrelationOne():
            losses, text = _correlation_one(positions, values, scenario, covariance)
        case VenueOutage():
            losses, text = _venue_outage(values, scenario)
        case Replay():
            losses, text = _replay(values, scenario)
        case _:
            assert_never(scenario)
    known = np.isfinite(losses)
    unknown = tuple(position.name for position, there in zip(positions, known, strict=True) if not there)
    if unknown:
        text += f" Not counted, for want of a volatility or volume: {', '.join(unknown)}."
    each = tuple(
        PositionLoss(position.name, float(loss) if there else None, _stop_loss(position))
        for position, loss, there in zip(positions, losses, known, strict=True)
    )
    return StressResult(scenario.name, float(losses[known].sum()), each, text, unknown)


def _stop_loss(position: StressPosition) -> float | None:
    if position.stop is None:
        return None
    return max(0.0, position.quantity * position.multiplier * (position.price - position.stop))


def _flash_crash(values: Floats, scenario: FlashCrash) -> tuple[Floats, str]:
    if not 0 < scenario.fall <= 1:
        raise ValueError(f"a fall must be above 0 and at most 1, not {scenario.fall}")
    return values * scenario.fall, (
        f"Every price falls by {scenario.fall:.0%} at once; stops are filled after the fall, shorts gain."
    )


def _liquidity_crisis(positions: Sequence[StressPosition], scenario: LiquidityCrisis) -> tuple[Floats, str]:
    require.not_negative(spread=scenario.spread, coefficient=scenario.coefficient)
    require.positive(spread_times=scenario.spread_times, depth_times=scenario.depth_times)
    held = np.array([abs(position.quantity) for position in positions])
    depth = np.array([_or_nan(position.adv) for position in positions]) * scenario.depth_times
    volatility = np.array([_or_nan(position.volatility_daily) for position in positions])
    cost = scenario.spread * scenario.spread_times / 2 + sqrt_impact(held, depth, volatility, scenario.coefficient)
    cost[held == 0] = 0.0
    values = np.array([position.value for position in positions])
    # A long can lose all it is worth and no more; buying back a short has no such end.
    losses = np.where(values > 0, np.minimum(cost, 1.0), cost) * np.abs(values)
    text = (
        f"Everything is closed at once: spread {scenario.spread:.2%} x {scenario.spread_times:g}, volume x"
        f" {scenario.depth_times:g}, impact {scenario.coefficient:g} x daily volatility x root of the share of volume."
    )
    large = [
        position.name for position, share in zip(positions, held / depth, strict=True) if share > FITTED_PARTICIPATION
    ]
    if large:
        text += f" Above {FITTED_PARTICIPATION:.0%} of the volume, where the law is a guess: {', '.join(large)}."
    return losses, text


def _correlation_one(
    positions: Sequence[StressPosition], values: Floats, scenario: CorrelationOne, covariance: ArrayLike | None
) -> tuple[Floats, str]:
    require.positive(sigmas=scenario.sigmas, days=scenario.days)
    reach = scenario.sigmas * math.sqrt(scenario.days)
    text = ""
    if covariance is None:
        volatility = np.array([_or_nan(position.volatility_daily) for position in positions])
    else:
        matrix = require.finite_array("the covariance", covariance, dimensions=2)
        if matrix.shape != (values.size, values.size) or np.diag(matrix).min() < 0:
            raise ValueError(f"the covariance must be a matrix of {values.size} variances, as many as positions")
        volatility = np.sqrt(np.diag(matrix))
        usual = reach * math.sqrt(max(0.0, float(values @ matrix @ values)))
        text = f" With the correlations as they are it would lose {usual:,.2f}."
    down, up = values * np.minimum(reach * volatility, 1.0), -values * reach * volatility
    falls = float(np.nansum(down)) >= float(np.nansum(up))
    return (down if falls else up), (
        f"All names {'fall' if falls else 'rise'} together by {scenario.sigmas:g} deviations of {scenario.days:g}"
        f" day(s), the worse direction for the book; stops are passed over.{text}"
    )


def _venue_outage(values: Floats, scenario: VenueOutage) -> tuple[Floats, str]:
    require.count(bars=scenario.bars)
    growth = _growth(values, scenario.returns)
    if growth.shape[0] <= scenario.bars:
        raise ValueError(f"{growth.shape[0] - 1} returns are fewer than the {scenario.bars} bars without an exit")
    with np.errstate(divide="ignore", invalid="ignore"):
        moves = np.nan_to_num(growth[scenario.bars :] / growth[: -scenario.bars], nan=1.0) - 1
    losses = -moves * values
    worst = int(losses.sum(axis=1).argmax())
    return losses[worst], (
        f"No order reaches the venue for {scenario.bars} bar(s), stops held there included: the worst of {len(moves)}"
        f" such stretches, which begins after return {worst}."
    )


def _replay(values: Floats, scenario: Replay) -> tuple[Floats, str]:
    losses = (1 - _growth(values, scenario.returns)) * values
    book = losses.sum(axis=1)
    worst = int(book.argmax())
    return losses[worst], (
        f"{book.size - 1} returns happen again and nothing is traded: the worst point, after {worst} of them;"
        f" {book[-1]:,.2f} is lost at the end."
    )


def _growth(values: Floats, returns: ArrayLike) -> Floats:
    """What 1 becomes, (rows + 1, names)."""
    rows = require.finite_array("returns", returns, dimensions=2)
    if rows.shape[1] != values.size:
        raise ValueError(f"returns need one column for each of the {values.size} positions, not {rows.shape[1]}")
    if rows.min() < -1:
        raise ValueError("a return must not be below -1")
    return np.multiply.accumulate(np.vstack([np.ones(values.size), 1 + rows]), dtype=np.float64)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
