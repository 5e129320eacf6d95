"""Capacity and the liquidity it rests on: known only after the day, and monotone in the capital."""

import numpy as np
import pytest
from honesty_kit import DAY_ROWS, hourly, names, piecewise, register, study_of, walk
from msgspec import structs
from research_kit import MONDAY

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.quant import sqrt_impact
from tradeterm.research.costs import Costs
from tradeterm.research.honesty.capacity import capacity
from tradeterm.research.honesty.liquidity import liquidity_of
from tradeterm.research.study import Study, run


@pytest.fixture(autouse=True)
def strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def rising(volume: float = 1000.0, days: int = 40) -> Study:
    close = piecewise((days, 0.0005))
    close *= 1 + np.random.default_rng(3).normal(0, 0.0005, close.size)
    return study_of(hourly(close, volume=np.full((close.size, 1), volume)), parameters={"every": 6})


def test_liquidity_is_that_of_the_days_before() -> None:
    close = walk(2, 30 * DAY_ROWS)
    volume = np.random.default_rng(1).uniform(1, 9, close.shape)
    found = liquidity_of(hourly(close, volume=volume))["C0.TEST"]
    assert found.ts.tolist() == [MONDAY + day * DAY_MS for day in range(20, 31)]
    days = volume[:, 0].reshape(30, DAY_ROWS).sum(axis=1)
    assert found.adv[3] == pytest.approx(days[3:23].mean())
    moves = np.diff(np.log(close[DAY_ROWS - 1 :: DAY_ROWS, 0]))
    assert found.volatility[3] == pytest.approx(moves[2:22].std(ddof=1))
    assert np.isnan(found.volatility[0])  # the first day has no close before it
    assert np.isnan(found.at(MONDAY + 20 * DAY_MS - 1)[0])


def test_a_day_is_not_known_before_it_is_over() -> None:
    close, volume = walk(2, 30 * DAY_ROWS), np.ones((30 * DAY_ROWS, 1))
    panel = hourly(close, volume=volume)
    later = volume.copy()
    row = 25 * DAY_ROWS
    later[row:] = 99.0
    changed = hourly(np.where(np.arange(close.size)[:, None] >= row, close * 2, close), volume=later)
    one, other = (liquidity_of(each)["C0.TEST"] for each in (panel, changed))
    until = MONDAY + 25 * DAY_MS
    known = one.ts <= until
    assert known.sum() == 6
    np.testing.assert_array_equal(one.adv[known], other.adv[known])
    np.testing.assert_array_equal(one.volatility[known], other.volatility[known])
    assert not np.array_equal(one.adv, other.adv)


def test_a_first_day_that_is_joined_late_does_not_count() -> None:
    close = walk(2, 30 * DAY_ROWS)
    panel = hourly(close, volume=np.ones(close.shape), start=MONDAY + 7 * HOUR_MS)
    found = liquidity_of(panel)["C0.TEST"]
    assert found.ts[0] == MONDAY + 21 * DAY_MS
    assert found.adv[0] == pytest.approx(DAY_ROWS)


def test_unknown_volume_and_too_few_days() -> None:
    panel = hourly(walk(2, 30 * DAY_ROWS))
    assert np.isnan(liquidity_of(panel)["C0.TEST"].adv).all()
    assert liquidity_of(panel.window(0, 100))["C0.TEST"].ts.size == 0
    with pytest.raises(ValueError, match="days"):
        liquidity_of(panel, 1)


def test_less_is_retained_the_larger_the_capital() -> None:
    found = capacity(rising(), (1.0, 10.0, 100.0, 1000.0))
    retained = [point.retained for point in found.points]
    assert found.free.total_return > 0
    assert all(part is not None and part < 1 for part in retained)
    assert retained == sorted(retained, reverse=True)
    largest = [point.largest for point in found.points]
    assert largest == sorted(largest)
    assert largest[1] == pytest.approx(10 * largest[0], rel=0.1)
    assert found.half is not None
    assert found.points[0].capital < found.half < found.points[-1].capital
    assert f"is gone at a capital of {found.half:,.0f} USDT" in found.sentence


def test_half_is_where_half_is_left() -> None:
    study = rising()
    half = capacity(study, tuple(float(2**k) for k in range(12))).half
    assert half is not None
    there = capacity(study, (half / study.book.capital,))
    assert there.points[0].retained == pytest.approx(0.5, abs=0.03)


def test_an_order_pays_the_square_root_law() -> None:
    study = rising()
    found = capacity(study, (1.0,))
    measured = structs.replace(study, liquidity=liquidity_of(study.panel), costs=Costs(fee=0, slippage=0, impact=1.0))
    result = run(measured)
    assert found.points[0].summary.trades == len(result.trades)
    first = next(iter(result.trades))
    adv, volatility = measured.liquidity["C0.TEST"].at(first.entry_ts)
    impact = float(sqrt_impact(first.quantity, adv, volatility))
    assert first.entry_price == pytest.approx(study.panel.open[first.entry_row, 0] * (1 + impact))


def test_the_free_run_refuses_the_same_entries() -> None:
    found = capacity(rising(), (1e-6,))
    assert found.points[0].summary.trades == found.free.trades
    assert found.points[0].retained == pytest.approx(1.0, abs=0.01)


def test_an_instrument_without_impact_is_traded_alike_in_every_run() -> None:
    study = rising()
    still = structs.replace(study, costs=structs.replace(study.costs, impacts={"C0": 0.0}))
    found = capacity(still, (1.0, 10.0))
    assert found.coefficients == {"C0.TEST": 0.0}
    assert found.free.trades == len(run(study).trades) > capacity(study, (1.0,)).free.trades
    assert [point.retained for point in found.points] == [1.0, pytest.approx(1.0)]


def test_without_volume_there_is_no_answer() -> None:
    study = study_of(hourly(piecewise((40, 0.0005))), parameters={"every": 6})
    found = capacity(study, (1.0, 10.0))
    assert found.unknown == names(1)
    assert found.half is None
    assert all(point.retained is None and point.largest is None for point in found.points)
    assert found.sentence == "There is no trade whose impact could be reckoned (no volume is known for C0.TEST)."


def test_what_loses_has_no_capacity() -> None:
    study = rising().with_parameters({"side": -1})
    found = capacity(study, (1.0, 10.0))
    assert found.half is None
    assert "there is no return to lose" in found.sentence


def test_a_market_too_deep_to_feel_it() -> None:
    found = capacity(rising(volume=1e12), (1.0, 10.0))
    assert found.half is None
    assert found.sentence.startswith("At 1,000,000 USDT, 10 times its capital, 100%")


@pytest.mark.parametrize("multiples", ((), (0.0,), (2.0, 1.0), (1.0, 1.0), (float("inf"),)))
def test_multiples_that_make_no_sense(multiples: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="multiples"):
        capacity(rising(), multiples)
