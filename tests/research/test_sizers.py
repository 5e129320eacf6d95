"""The desk's own size in a simulated book, and that a run leaves nothing behind in its sizer."""

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from research_kit import random_bars

from tradeterm.config import LimitsConfig, RegimeMultipliers, SizingConfig, SizingMethod
from tradeterm.desk.earned import reckon
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.snapshot import TradeResult
from tradeterm.research.costs import Costs
from tradeterm.research.fills import ExitPolicy
from tradeterm.research.simulate import InstrumentSignals, Simulation, simulate
from tradeterm.research.sizers import (
    Closed,
    DeskSizer,
    EquityFraction,
    MaxExposure,
    RiskFraction,
    TrackRecord,
    Wanted,
)

CONTRACT = Instrument(
    id="X.V", symbol="X", venue="V", kind=InstrumentKind.PERPETUAL, quote_currency="USDT", tick_size=Decimal("0.1"),
    lot_size=Decimal("0.01"), min_quantity=Decimal("0.01"), min_notional=Decimal(5), max_leverage=Decimal(10),
)  # fmt: skip


def wanted(**changes: Any) -> Wanted:
    base = Wanted(
        instrument=0, name="X", ts=0, side=1, price=100.0, stop=98.0, equity=100_000.0, peak_equity=100_000.0,
        cash=100_000.0, exposure=0.0, positions=0, closed=[],
    )  # fmt: skip
    return base._replace(**changes)


def desk_sizer(**changes: Any) -> DeskSizer:
    regimes = RegimeMultipliers(trend=0.4, range=0.4, chop=0.4, volatile=0.4)
    given: dict[str, Any] = {"method": SizingMethod.FIXED, "max_position_fraction": 1.0, "regimes": regimes, **changes}
    return DeskSizer([CONTRACT], SizingConfig(**given), LimitsConfig())


@pytest.mark.parametrize(
    ("changes", "quantity"),
    (
        ({}, 200.0),  # 1 % of equity over 2 a unit, times 0.4 whatever the regime
        ({"equity": 120_000.0, "peak_equity": 125_000.0}, 120.0),  # half-way to the drawdown limit of 8 %
        ({"peak_equity": 200_000.0}, 0.0),
        ({"exposure": 99_000.0}, 4.0),
        ({"stop": math.nan}, 0.0),
        ({"equity": 0.0}, 0.0),
    ),
)
def test_the_desks_size(changes: dict[str, float], quantity: float) -> None:
    assert desk_sizer()(wanted(**changes)) == pytest.approx(quantity)


def test_kelly_looks_at_the_closed_trades() -> None:
    sizer = desk_sizer(method=SizingMethod.KELLY, drawdown_dampening=False)
    assert sizer(wanted()) == pytest.approx(100.0)  # exploring
    losing = [Closed(ts=row, pnl=-1.0, return_pct=-0.1, r_multiple=-1.0) for row in range(31)]
    losing[3] = Closed(ts=3, pnl=1.0, return_pct=0.1, r_multiple=1.0)
    assert sizer(wanted(closed=losing)) == 0.0
    winning = [Closed(each.ts, -each.pnl, -each.return_pct, -each.r_multiple) for each in losing]
    assert sizer(wanted(closed=winning)) == pytest.approx(200.0)
    unknown = [each._replace(r_multiple=math.nan) for each in losing]
    assert sizer(wanted(closed=unknown)) == 0.0


def test_the_track_record_is_the_desks() -> None:
    rng = np.random.default_rng(1)
    closed = [Closed(n, float(x), float(x) / 10, float(x) / 5) for n, x in enumerate(rng.normal(0.2, 3, 700).round(3))]
    config = SizingConfig(method=SizingMethod.KELLY)
    record = TrackRecord(config)
    for known in (0, 1, 40, 499, 700):
        results = tuple(
            TradeResult(
                trade_id="", ts_closed=each.ts, pnl=Decimal(str(each.pnl)), return_pct=Decimal(str(each.return_pct)),
                r_multiple=Decimal(str(each.r_multiple)),
            )
            for each in closed[:known][-500:]
        )  # fmt: skip
        mine, desks = record.at(closed[:known], 700), reckon(config, results, 700)
        assert (mine.edge, mine.total, mine.recent) == (desks.edge, desks.total, desks.recent)


def test_a_volatility_target_is_refused() -> None:
    with pytest.raises(ValueError, match="volatility_target"):
        desk_sizer(volatility_target=0.5)


def test_quantities_are_on_the_lot_and_a_sizer_may_be_used_again() -> None:
    bars = random_bars(2, 2000, step=0.002)
    rows = np.arange(5, 2000, 20)
    sizer = desk_sizer(method=SizingMethod.KELLY)

    def run() -> Simulation:
        signals = [InstrumentSignals(rows, np.ones(len(rows), np.int8))]
        policy = ExitPolicy(stop=0.01, target=0.02, time_limit_hours=10)
        return simulate([bars], signals, policy, costs=Costs(fee=0, slippage=0), capital=10_000.0, sizer=sizer)

    one, other = run(), run()
    assert len(one.trades) >= 30  # from then on the edge of these trades decides
    assert one.trades.quantity.tolist() == other.trades.quantity.tolist()
    assert all(Decimal(str(quantity)) % CONTRACT.lot_size == 0 for quantity in one.trades.quantity.tolist())


@pytest.mark.parametrize(
    ("exposure", "left"),
    ((0.0, 30.0), (5_000.0, 10.0), (5_999.999, 0.0), (5_999.9, 0.001), (6_000.0, 0.0), (7_000.0, 0.0)),
)
def test_what_the_exposure_leaves_is_no_dust(exposure: float, left: float) -> None:
    """Sums of floats leave a remainder where nothing is left; it would be a trade."""
    wanted = Wanted(
        instrument=0, name="X", ts=0, side=1, price=100.0, stop=math.nan, equity=10_000.0, peak_equity=10_000.0,
        cash=10_000.0, exposure=exposure, positions=1, closed=(),
    )  # fmt: skip
    assert MaxExposure(0.6)(wanted, 30.0) == pytest.approx(left)


@pytest.mark.parametrize("kind", (EquityFraction, RiskFraction, MaxExposure))
@pytest.mark.parametrize("value", (0, -1, math.nan, math.inf))
def test_bounds(kind: Any, value: float) -> None:
    with pytest.raises(ValueError, match="allowed above 0"):
        kind(value)
