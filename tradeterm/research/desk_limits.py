"""The limits that all books of a desk share, in simulated time, by the live desk's own checks.

Counted are the positions and the entries on their way of every book, as they stand at the decision. Almost always all
of it is far from any limit, which takes a few sums to see; where it is not, the state of a desk is made up that holds
the same, and its own functions judge.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tradeterm.config import BookConfig, Config, RiskConfig
from tradeterm.desk import gate
from tradeterm.desk.comovement import REFRESHES, Z_99
from tradeterm.desk.desk_risk import desk_risk
from tradeterm.desk.portfolio_gate import PORTFOLIO_CHECKS, strategy_healthy
from tradeterm.desk.state import Book, DeskState, InstrumentModel, Mark
from tradeterm.domain.events import CovarianceUpdate
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import INTERVALS_MS, MINUTE_MS
from tradeterm.domain.orders import Order, OrderIntent, OrderStatus, OrderType, PositionSide
from tradeterm.domain.signals import GateCode, Signal, SignalKind
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import BookState
from tradeterm.research.account import Position as Held
from tradeterm.research.exits import stop_at
from tradeterm.research.fills import levels
from tradeterm.research.regimes import Regimes
from tradeterm.research.simulate import Run
from tradeterm.research.sizers import Wanted, exact
from tradeterm.research.tier1 import DeskDenial, request_of
from tradeterm.research.together import Together

CHECKS = tuple(check for check in PORTFOLIO_CHECKS if check is not strategy_healthy)
_CLEAR = 0.9999


class Trader(NamedTuple):
    """A book and its run. `models` are those of its market."""

    name: str
    config: BookConfig
    instruments: Sequence[Instrument]
    models: Regimes
    run: Run


class _Leg(NamedTuple):
    """A position or an entry on its way, in floats: `loss` is that from the mark to the `stop` (None: none)."""

    trader: Trader
    number: int
    side: int
    quantity: float
    mark: float
    stop: float | None
    is_entry: bool

    @property
    def contract(self) -> Instrument:
        return self.trader.instruments[self.number]

    @property
    def notional(self) -> float:
        return self.quantity * self.mark

    @property
    def loss(self) -> float:
        return self.quantity * (self.mark if self.stop is None else max(0.0, (self.mark - self.stop) * self.side))


class DeskLimits:
    """`risk` are the limits, in the money of the books. Give it every book's run before the first decision."""

    def __init__(self, risk: RiskConfig, together: Together) -> None:
        self._risk, self._together = risk, together
        self._traders: list[Trader] = []
        self._most = min(risk.max_gross, risk.max_asset, risk.max_group, risk.max_sector, risk.max_one_sided)

    def join(self, trader: Trader) -> None:
        self._traders.append(trader)

    def of(self, book: int) -> DeskDenial:
        """Those of the book of that number, in the order they joined."""
        return lambda wanted, quantity: self._denial(self._traders[book], wanted, quantity)

    def _denial(self, trader: Trader, wanted: Wanted, quantity: float) -> GateCode | None:
        ts = wanted.ts
        stop = wanted.stop if wanted.stop == wanted.stop else None
        new = _Leg(trader, wanted.instrument, wanted.side, quantity, wanted.price, stop, is_entry=True)
        legs = [leg for each in self._traders for leg in _legs(each, ts)]
        equities = {each.name: each.run.account.state(ts)[0] for each in self._traders}
        moves = self._together.at(ts)
        if self._is_clear([*legs, new], sum(equities.values()), moves, ts, INTERVALS_MS[trader.config.interval]):
            return None
        found = desk_risk(
            self._desk(legs, equities, moves, wanted, trader), _book(trader), _signal(trader, wanted),
            None if stop is None else exact(stop), exact(quantity), counted=False,
        )  # fmt: skip
        request = request_of(trader.config.limits, new.contract, wanted, quantity, desk=found)
        denied = gate.denial(gate.run(request, CHECKS))
        return None if denied is None else denied.code

    def _is_clear(
        self, legs: Sequence[_Leg], equity: float, moves: CovarianceUpdate, ts: int, interval_ms: int
    ) -> bool:
        """Whether every limit is further away than any correlation or rounding reaches: exposures add up at most to the
        gross one, losses at most to their sum, deviations too."""
        if not equity > 0 or sum(leg.notional for leg in legs) > _CLEAR * self._most * equity:
            return False
        if sum(leg.loss for leg in legs) > _CLEAR * self._risk.max_heat * equity:
            return False
        if moves.ts < ts - interval_ms - REFRESHES * self._risk.refresh_minutes * MINUTE_MS:
            return False
        known = {name: moves.covariance[n][n] for n, name in enumerate(moves.instruments)}
        variances = [known.get(leg.contract.id, 0.0) for leg in legs]
        if not min(variances) > 0:
            return False
        daily = sum(leg.notional * math.sqrt(variance) for leg, variance in zip(legs, variances, strict=True))
        return Z_99 * daily <= _CLEAR * self._risk.max_var * equity

    def _desk(
        self, legs: Sequence[_Leg], equities: Mapping[str, float], moves: CovarianceUpdate, wanted: Wanted, by: Trader
    ) -> DeskState:
        """The live desk's state at a decision, as far as its shared limits look at it."""
        ts = wanted.ts
        state = DeskState(
            config=Config(risk=self._risk, books={each.name: each.config for each in self._traders}),
            ts=ts,
            instruments={item.id: item for each in self._traders for item in each.instruments},
            books={each.name: _book(each) for each in sorted(self._traders)},
            covariance=moves,
        )
        marks = {by.instruments[wanted.instrument].id: wanted.price} | {leg.contract.id: leg.mark for leg in legs}
        state.marks = {name: Mark(price=price, ts=ts) for name, price in marks.items()}
        for number, leg in enumerate(legs):
            if leg.is_entry:
                order = _order(leg, f"e{number}", ts)
                state.orders[order.client_order_id], state.working[order.client_order_id] = order, None
            else:
                state.positions[leg.trader.name, leg.contract.id] = _position(leg)
        for trader, number in {(leg.trader.name, leg.number): (leg.trader, leg.number) for leg in legs}.values():
            _model(state, trader, number, ts)
        _model(state, by, wanted.instrument, ts)
        return state


def _legs(trader: Trader, ts: int) -> list[_Leg]:
    """What the book holds and has on its way."""
    run, market = trader.run, trader.run.account.market
    held = [
        _Leg(
            trader,
            number,
            at.side,
            at.quantity,
            market[number].last_close(ts),
            _stop(run, number, at, ts),
            is_entry=False,
        )
        for number, at in run.account.positions.items()
    ]
    coming = []
    for number, entry in run.decider.entering.items():
        price = float(market[number].close[entry.signal_row])
        at = levels(entry.policy, entry.side, price, price, market[number].tick)
        stop = at.stop * entry.side if entry.policy.stop is not None else None
        coming.append(
            _Leg(trader, number, entry.side, entry.quantity, market[number].last_close(ts), stop, is_entry=True)
        )
    return held + coming


def _stop(run: Run, number: int, held: Held, ts: int) -> float | None:
    bars = run.account.market[number]
    anchor, policy = run.decider.anchor(number, held.price, held.signal_row), run.decider.entered[number].policy
    return stop_at(bars, held.entry_row, bars.first_closing(ts + 1) - 1, held.side, held.price, policy, anchor)


def _book(trader: Trader) -> Book:
    cash = exact(trader.run.account.cash)
    config = trader.config
    return Book(trader.name, config, INTERVALS_MS[config.interval], BookState.RUNNING, cash, cash)


def _position(leg: _Leg) -> Position:
    held = leg.trader.run.account.positions[leg.number]
    return Position(
        book=leg.trader.name,
        venue=leg.trader.config.venue,
        account=leg.trader.name,
        instrument=leg.contract.id,
        quantity=exact(held.quantity) * held.side,
        average_price=exact(held.price),
        stop_price=None if leg.stop is None else exact(leg.stop),
    )


def _order(leg: _Leg, name: str, ts: int) -> Order:
    return Order(
        client_order_id=name,
        book=leg.trader.name,
        venue=leg.trader.config.venue,
        account=leg.trader.name,
        instrument=leg.contract.id,
        side=_side(leg.side).entry,
        type=OrderType.MARKET,
        quantity=exact(leg.quantity),
        intent=OrderIntent.ENTRY,
        ts_created=ts,
        ts_updated=ts,
        stop_loss=None if leg.stop is None else exact(leg.stop),
        status=OrderStatus.ACCEPTED,
    )


def _signal(trader: Trader, wanted: Wanted) -> Signal:
    return Signal(
        id="",
        book=trader.name,
        strategy=trader.config.strategy,
        instrument=trader.instruments[wanted.instrument].id,
        kind=SignalKind.ENTRY,
        side=_side(wanted.side),
        price=exact(wanted.price),
        ts_bar=wanted.ts,
        reason="",
        explain={},
    )


def _model(state: DeskState, trader: Trader, number: int, ts: int) -> None:
    """An instrument's own volatility, which stands in where no covariance knows it."""
    bars, name = trader.run.account.market[number], trader.instruments[number].id
    known = trader.models.newest(number, bars.first_closing(ts + 1) - 1)
    if known is not None:
        state.models[name] = InstrumentModel(ts=known[0], volatility=known[1].volatility)


def _side(side: int) -> PositionSide:
    return PositionSide.LONG if side > 0 else PositionSide.SHORT
