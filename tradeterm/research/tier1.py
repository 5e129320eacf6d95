"""Tier 1 of a book in simulated time: the limits that mean something there, by the live desk's own checks.

Simulated are the cool-down, the number of positions, the day's loss, the drawdown, the sizes of an order, and the
exposures. What a person or a venue has to do with (trading states, breaker, health, stale data, unknown orders) is not;
the limits of a desk of several books are in `desk_limits`.
"""

import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import NamedTuple

from tradeterm.config import BookConfig, LimitsConfig, RiskConfig
from tradeterm.desk import gate
from tradeterm.desk.checks import DeskRisk, GateRequest
from tradeterm.desk.rounding import ratio
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import MINUTE_MS
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import GateCode
from tradeterm.research.regimes import Regimes
from tradeterm.research.sizers import ONE, DeskSizer, Refused, Wanted, exact

CHECKS = (
    gate.cooled_down, gate.position_count, gate.daily_loss, gate.drawdown, gate.has_edge, gate.min_quantity,
    gate.min_notional, gate.max_notional, gate.position_exposure, gate.total_exposure, gate.leverage,
)  # fmt: skip
_CLEAR = 0.9999
"""A share below this part of its limit is within it, however it is rounded."""


class Judged(NamedTuple):
    """A verdict of tier 2: what it lets through of the size, and if nothing its code."""

    factor: Decimal
    code: str = ""


Verdicts = Callable[[Wanted], Judged | None]
"""Of an entry that tier 1 let through, with its quantity; None where there is none."""

DeskDenial = Callable[[Wanted, float], GateCode | None]
"""The code by which the desk's shared limits deny an entry of that quantity; None where they let it through."""


class BookRules:
    """A book's sizer for one run: the desk's size, refused by the code of the check that denies it. What passes the
    book's own checks is held to those of the `desk`, where there is one. `asked` is tier 2, after all else."""

    def __init__(
        self,
        instruments: Sequence[Instrument],
        book: BookConfig,
        models: Regimes | None,
        fill_cost: float,
        verdicts: Verdicts | None = None,
        desk: DeskDenial | None = None,
    ) -> None:
        self._instruments, self._limits, self._verdicts = tuple(instruments), book.limits, verdicts
        self._desk = desk
        self._size = DeskSizer(instruments, book.sizing, book.limits, models, fill_cost)
        self._entered: dict[int, int] = {}
        self._before: int | None = None

    def __call__(self, wanted: Wanted) -> float:
        quantity = self._allowed(wanted, ONE)
        self._before = self._entered.get(wanted.instrument)
        self._entered[wanted.instrument] = wanted.ts
        return quantity

    def asked(self, wanted: Wanted, quantity: float) -> float:
        """What the verdict leaves of a quantity that was just sized; one that blocks leaves no cool-down behind."""
        judged = self._verdicts and self._verdicts(wanted._replace(quantity=quantity))
        if judged is None or judged.factor >= ONE:
            return quantity
        now = self._entered.pop(wanted.instrument)
        if self._before is not None:
            self._entered[wanted.instrument] = self._before
        if not judged.factor > 0:
            raise Refused(judged.code)
        quantity = self._allowed(wanted, judged.factor)
        self._entered[wanted.instrument] = now
        return quantity

    def _allowed(self, wanted: Wanted, verdict: Decimal) -> float:
        quantity, contract = self._size(wanted, verdict), self._instruments[wanted.instrument]
        last, no_edge = self._entered.get(wanted.instrument), "" if quantity else self._size.no_edge(wanted)
        code = denial(self._limits, contract, wanted, quantity, last, no_edge)
        if code is None and self._desk is not None:
            code = self._desk(wanted, quantity)
        if code is not None:
            raise Refused(code)
        return quantity


def denial(
    limits: LimitsConfig, contract: Instrument, wanted: Wanted, quantity: float, last: int | None, no_edge: str = ""
) -> GateCode | None:
    """The code of the check that denies an entry, None where all pass; `last` is when the instrument's last entry was
    decided (UTC ms), `no_edge` as in `GateRequest`."""
    if _is_clear(limits, contract, wanted, quantity, last):
        return None
    denied = gate.denial(gate.run(request_of(limits, contract, wanted, quantity, last, no_edge), CHECKS))
    return None if denied is None else denied.code


def _is_clear(limits: LimitsConfig, contract: Instrument, wanted: Wanted, quantity: float, last: int | None) -> bool:
    """Whether every limit is so far away that no rounding could reach it: thousands of entries need no decimals."""
    equity, notional = wanted.equity, quantity * wanted.price
    if not equity > 0 or not math.isfinite(notional):
        return False
    peak, leverage = max(wanted.peak_equity, equity), min(limits.max_leverage, float(contract.max_leverage))
    return (
        (last is None or wanted.ts - last >= limits.cool_down_minutes * MINUTE_MS)
        and wanted.positions < limits.max_positions
        and wanted.day_start - equity < _CLEAR * limits.daily_loss * wanted.day_start
        and peak - equity < _CLEAR * limits.drawdown * peak
        and quantity * _CLEAR > float(contract.min_quantity)
        and notional * _CLEAR > float(contract.min_notional)
        and notional < _CLEAR * limits.max_order_notional
        and notional < _CLEAR * limits.max_position_exposure * equity
        and wanted.exposure + notional < _CLEAR * min(limits.max_total_exposure, leverage) * equity
    )


def request_of(
    limits: LimitsConfig,
    contract: Instrument,
    wanted: Wanted,
    quantity: float,
    last: int | None = None,
    no_edge: str = "",
    desk: DeskRisk | None = None,
) -> GateRequest:
    """What the live desk's checks look at, of a flat instrument at the signal's close."""
    equity, price, peak = exact(wanted.equity), exact(wanted.price), exact(max(wanted.peak_equity, wanted.equity))
    notional = contract.notional(exact(quantity), price)
    return GateRequest(
        ts=wanted.ts,
        second_pass=False,
        allowed=True,
        instrument=contract,
        limits=limits,
        interval_ms=0,
        side=PositionSide.LONG if wanted.side > 0 else PositionSide.SHORT,
        price=price,
        stop=exact(wanted.stop) if math.isfinite(wanted.stop) else None,
        target=None,
        quantity=exact(quantity),
        signal_ts=wanted.ts,
        mark=price,
        mark_ts=wanted.ts,
        bar_ts=wanted.ts,
        equity=equity,
        day_pnl=equity - exact(wanted.day_start),
        drawdown=ratio(peak - equity, peak) if peak > 0 else Decimal(1),
        worst_position=notional,
        worst_total=exact(wanted.exposure) + notional,
        positions=wanted.positions,
        open_orders=0,
        desk=DeskRisk(limits=RiskConfig()) if desk is None else desk,
        no_edge=no_edge,
        last_entry=last,
    )
