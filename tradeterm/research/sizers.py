"""How large a simulated entry is, and what cuts it down. Decided at the signal's close, on what is known then."""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from tradeterm.config import LimitsConfig, SizingConfig, SizingMethod
from tradeterm.desk.earned import RECENT, Earned, expectancy_view
from tradeterm.desk.edge import edge, forgotten_at, remembered
from tradeterm.desk.factors import Factor, drawdown_factor, regime_factor, volatility_factor
from tradeterm.desk.rounding import ratio
from tradeterm.desk.sizing import SizeRequest, reckon
from tradeterm.desk.state import KEEP_RESULTS
from tradeterm.domain.instrument import ZERO, Instrument
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.snapshot import TradeResult
from tradeterm.research.plainly import mistake, number
from tradeterm.research.regimes import Model, Regimes

if TYPE_CHECKING:
    from tradeterm.research.account import Position


class Closed(NamedTuple):
    """A closed trade as sizing remembers it: money net of costs, `return_pct` of the money put in, `r_multiple` in
    units of the risk taken (NaN without a stop). `ts` is UTC ms."""

    ts: int
    pnl: float
    return_pct: float
    r_multiple: float


class Wanted(NamedTuple):
    """An entry that wants a size. Money in quote currency.

    `price` is the signal's close, `stop` what it would be for a fill there (NaN: none). `equity` is marked to the
    newest closes, `peak_equity` its highest at any close so far, `day_start` what it was at midnight (UTC); `exposure`
    is the gross notional of positions and of entries on their way, `positions` their number; `closed` are the trades so
    far, `held` the positions by instrument (change neither). `row` is the signal's; `quantity` is what tier 1 let
    through of it (NaN before that).
    """

    instrument: int
    name: str
    ts: int
    side: int
    price: float
    stop: float
    equity: float
    peak_equity: float
    cash: float
    exposure: float
    positions: int
    closed: Sequence[Closed]
    day_start: float = math.nan
    row: int = -1
    held: Mapping[int, "Position"] = MappingProxyType({})
    quantity: float = math.nan


class Refused(Exception):
    """Why there is no entry, in a word; a sizer or a limit may raise it in place of an answer of 0."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Sizer(Protocol):
    """The quantity for an entry; 0 or NaN is none."""

    def __call__(self, wanted: Wanted) -> float: ...


@runtime_checkable
class AskingSizer(Sizer, Protocol):
    """One that asks somebody about an entry that has its quantity."""

    def asked(self, wanted: Wanted, quantity: float) -> float:
        """What is let through of it; raises Refused."""


class Limit(Protocol):
    """What remains allowed of a quantity; 0 refuses the entry. A limit only ever cuts."""

    def __call__(self, wanted: Wanted, quantity: float) -> float: ...


ONE = Decimal(1)
_DUST = 1e-6
NO_EXPECTANCY = expectancy_view((), 0)


class EquityFraction:
    """A notional of `fraction` of equity."""

    def __init__(self, fraction: float) -> None:
        self._fraction = _positive("fraction", fraction)

    def __call__(self, wanted: Wanted) -> float:
        return wanted.equity * self._fraction / wanted.price


class RiskFraction:
    """`fraction` of equity is lost between entry and stop, before costs; the notional is at most `most` of equity.
    Without a stop there is no size."""

    def __init__(self, fraction: float, most: float = 1.0) -> None:
        self._fraction, self._most = _positive("fraction", fraction), _positive("most", most)

    def __call__(self, wanted: Wanted) -> float:
        distance = abs(wanted.price - wanted.stop)
        if not distance > 0:
            return 0.0
        return min(wanted.equity * self._fraction / distance, wanted.equity * self._most / wanted.price)


class FixedQuantity:
    """Always the same quantity."""

    def __init__(self, quantity: float) -> None:
        self._quantity = _positive("quantity", quantity)

    def __call__(self, wanted: Wanted) -> float:
        return self._quantity


class TrackRecord:
    """`tradeterm.desk.earned.reckon` of a run's closed trades, added to as they close, without the expectancies that
    screens show; and without what the configuration does not ask for."""

    def __init__(self, config: SizingConfig) -> None:
        self._config = config
        self._closed: Sequence[Closed] = ()
        self._known = 0
        self._results: tuple[TradeResult, ...] = ()
        self._totals = [ZERO]
        self._earned = self._reckon(0)

    def at(self, closed: Sequence[Closed], ts: int) -> Earned:
        """What the trades so far come to at `ts` (UTC ms)."""
        if closed is not self._closed or len(closed) < self._known:
            self._closed, self._known, self._results, self._totals = closed, 0, (), [ZERO]
        if len(closed) > self._known and (self._config.drawdown_dampening or self._config.method is SizingMethod.KELLY):
            new = [trade_result(each) for each in closed[self._known :]]
            for result in new:
                self._totals.append(self._totals[-1] + result.pnl)
            self._results = (*self._results, *new)[-KEEP_RESULTS:]
        self._known = len(closed)
        if not self._earned.holds(self._results, ts):
            self._earned = self._reckon(ts)
        return self._earned

    def _reckon(self, ts: int) -> Earned:
        counted = remembered(self._config, self._results, ts) if self._config.method is SizingMethod.KELLY else ()
        return Earned(
            results=self._results,
            edge=edge(self._config, counted),
            windows=(),
            sized=NO_EXPECTANCY,
            total=self._totals[-1] - self._totals[-1 - len(self._results)],
            recent=self._recent(),
            until=forgotten_at(self._config, counted[0]) if counted else None,
        )

    def _recent(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """After each of the last trades, the running total of those that are kept and the highest it had been."""
        totals = self._totals[-1 - len(self._results) :]
        base, first = totals[0], max(1, len(totals) - RECENT)
        highest, path = max(totals[:first]), []
        for total in totals[first:]:
            highest = max(highest, total)
            path.append((total - base, highest - base))
        return tuple(path)


class DeskSizer:
    """The live desk's own `size()`, with its edge, caps, lots and drawdown factor, on a simulated book.

    Without `models` the regime is unknown (the smallest multiplier counts), and a volatility target is refused.
    `fill_cost` is fee and slippage of a fill, a fraction of its value.
    """

    def __init__(
        self,
        instruments: Sequence[Instrument],
        sizing: SizingConfig,
        limits: LimitsConfig,
        models: Regimes | None = None,
        fill_cost: float = 0.0,
    ) -> None:
        if sizing.volatility_target is not None and models is None:
            raise ValueError("sizing.volatility_target is set: it needs a live desk's models, not simulated here")
        self._instruments, self._sizing, self._limits = tuple(instruments), sizing, limits
        multipliers = {sizing.regimes.trend, sizing.regimes.range, sizing.regimes.chop, sizing.regimes.volatile}
        self._models = models if len(multipliers) > 1 or sizing.volatility_target is not None else None
        self._fill_cost = exact(fill_cost)
        self._record = TrackRecord(sizing)

    def no_edge(self, wanted: Wanted) -> str:
        """Why the trades so far give the entry no size; "" where they give one."""
        found = self._record.at(wanted.closed, wanted.ts).edge
        return "" if found.risk_fraction else found.why

    def __call__(self, wanted: Wanted, verdict: Decimal = ONE) -> float:
        """`verdict` is what tier 2 lets through of it."""
        if not (wanted.equity > 0 and math.isfinite(wanted.stop)):
            return 0.0
        config, side = self._sizing, PositionSide.LONG if wanted.side > 0 else PositionSide.SHORT
        earned = self._record.at(wanted.closed, wanted.ts)
        if not earned.edge.risk_fraction:
            return 0.0
        model = Model() if self._models is None else self._models.at(wanted.instrument, wanted.row)
        factors: tuple[Factor, ...] = ()
        if config.volatility_target is not None:
            factors = (volatility_factor(config.volatility_target, model.volatility),)
        if config.drawdown_dampening:
            peak = exact(max(wanted.peak_equity, wanted.equity))
            fallen = ratio(peak - exact(wanted.equity), peak)
            factors += (drawdown_factor(fallen, exact(self._limits.drawdown), exact(wanted.cash), earned),)
        if verdict != ONE:
            factors += (Factor("verdict", verdict),)
        request = SizeRequest(
            instrument=self._instruments[wanted.instrument],
            price=exact(wanted.price),
            stop=exact(wanted.stop),
            equity=exact(wanted.equity),
            cash=exact(wanted.cash),
            exposure=exact(wanted.exposure),
            risk_fraction=earned.edge.risk_fraction,
            why=earned.edge.why,
            max_position_fraction=exact(config.max_position_fraction),
            max_leverage=exact(self._limits.max_leverage),
            max_order_notional=exact(self._limits.max_order_notional),
            fill_cost=self._fill_cost,
            regime=regime_factor(config.regimes, model.regime, side),
            factors=factors,
        )
        return float(reckon(request).quantity)


class MaxPositions:
    """At most `most` positions at once, entries on their way included."""

    def __init__(self, most: int) -> None:
        if not (number("most", most) >= 1 and float(most).is_integer()):
            raise mistake("most", most, "a whole number of 1 or more")
        self._most = int(most)

    def __call__(self, wanted: Wanted, quantity: float) -> float:
        return quantity if wanted.positions < self._most else 0.0


class MaxExposure:
    """Gross notional of at most `most` times equity; an entry is cut to what is left. Less than a millionth of it is
    what floats leave of nothing, and no entry."""

    def __init__(self, most: float) -> None:
        self._most = _positive("most", most)

    def __call__(self, wanted: Wanted, quantity: float) -> float:
        left = (wanted.equity * self._most - wanted.exposure) / wanted.price
        return min(quantity, left) if left >= quantity * _DUST else 0.0


def _positive(name: str, value: float) -> float:
    found = number(name, value)
    if not 0 < found < math.inf:
        raise ValueError(f"{name}: found {value}, allowed above 0")
    return found


def exact(value: float) -> Decimal:
    """The decimal a float is written as."""
    return Decimal(str(value))


def trade_result(closed: Closed) -> TradeResult:
    """A closed trade as the desk remembers it."""
    multiple = None if math.isnan(closed.r_multiple) else exact(closed.r_multiple)
    return TradeResult(
        trade_id="",
        ts_closed=closed.ts,
        pnl=exact(closed.pnl),
        return_pct=exact(closed.return_pct),
        r_multiple=multiple,
    )
