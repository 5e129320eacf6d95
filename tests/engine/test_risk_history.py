"""What the models remember: closes by the hour, and our own forecasts."""

import math

import msgspec
import numpy as np
import pytest
from engine_kit import demo_profile, rows, run
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.domain.events import BarClosed, CovarianceUpdate, ModelUpdate, SignalRaised, Timer
from tradeterm.domain.facts import CorrelationFact, FanFact, RiskSnapshotFact, StressFact
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS, Bar
from tradeterm.engine.journal import End, read_journal
from tradeterm.engine.models.closes import Closes
from tradeterm.engine.models.forecasts import LATE_MS, Forecasts, read_forecasts
from tradeterm.engine.replay import replay_journal
from tradeterm.ledger.store import open_ledger

STEP = 5 * MINUTE_MS
START = 480_000 * HOUR_MS


def bar(number: int, close: float, name: str = "A.X", volume: float = 1.0) -> Bar:
    return Bar(name, STEP, START + STEP * number, close, close, close, close, volume, 0)


def closes() -> Closes:
    return Closes(["A.X", "B.X"], HOUR_MS, rows=4, spare=3)


def test_a_row_is_an_hour_and_ends_with_its_last_bar() -> None:
    kept = closes()
    for number in range(30):
        kept.put(bar(number, 100.0 + number))
    times, found, volumes = kept.until(START + 2 * HOUR_MS)
    assert times.tolist() == [START + HOUR_MS, START + 2 * HOUR_MS]
    assert found[:, 0].tolist() == [111.0, 123.0]
    assert volumes[:, 0].tolist() == [12.0, 12.0]
    assert np.isnan(found[:, 1]).all()


def test_an_hour_that_has_not_ended_is_not_there() -> None:
    kept = closes()
    for number in range(23):
        kept.put(bar(number, 1.0))
    assert kept.until(START + 2 * HOUR_MS - 1)[0].tolist() == [START + HOUR_MS]


@given(count=st.integers(1, 200), back=st.integers(0, 2))
def test_what_came_later_changes_no_row_that_had_ended(count: int, back: int) -> None:
    until = (START + count * STEP) // HOUR_MS * HOUR_MS
    early, late = closes(), closes()
    for number in range(count + 12 * back):
        if number < count:
            early.put(bar(number, 1.0 + number))
        late.put(bar(number, 1.0 + number))
    for one, other in zip(early.until(until), late.until(until), strict=True):
        np.testing.assert_array_equal(one, other)


def test_only_the_newest_rows_are_kept_and_nothing_counts_twice() -> None:
    kept = closes()
    for number in range(12 * 20):
        kept.put(bar(number, 1.0))
        kept.put(bar(number, 2.0))
        kept.put(bar(number - 20, 3.0))
    times, found, volumes = kept.until(START + 20 * HOUR_MS)
    assert times.tolist() == [START + HOUR_MS * hour for hour in (17, 18, 19, 20)]
    assert set(found[:, 0].tolist()) == {1.0}
    assert set(volumes[:, 0].tolist()) == {12.0}


@pytest.mark.parametrize("price", [math.nan, math.inf, 0.0, -1.0])
def test_a_close_that_is_no_price_is_not_there(price: float) -> None:
    kept = closes()
    kept.put(bar(0, 5.0))
    kept.put(bar(11, price))
    kept.put(msgspec.structs.replace(bar(12, 6.0), volume=math.nan))
    kept.put(bar(12, 6.0, name="Z.X"))
    _, found, volumes = kept.until(START + 2 * HOUR_MS)
    assert found[:, 0].tolist() == [5.0, 6.0]
    assert volumes[:, 0].tolist() == [1.0, 0.0]


def test_a_day_is_judged_by_the_forecast_it_began_with() -> None:
    found = Forecasts()
    found.add(0, 0.02, 0.03, 100.0)
    found.add(HOUR_MS, 0.5, 0.6, 50.0)  # within the day
    found.add(DAY_MS, 0.05, 0.08, 97.5)  # lost 2.5 %
    found.add(2 * DAY_MS, 0.01, 0.02, 87.75)  # lost 10 %
    assert (found.hits_95, found.hits_99) == ((1, 1), (0, 1))


def test_a_day_begins_when_something_is_at_risk_and_days_do_not_overlap() -> None:
    found = Forecasts()
    found.add(0, 0.0, 0.0, 100.0)
    found.add(5 * HOUR_MS, 0.02, 0.03, 100.0)
    found.add(DAY_MS, 0.02, 0.03, 50.0)
    assert found.hits_99 == ()
    found.add(DAY_MS + 5 * HOUR_MS, None, None, 100.0)
    found.add(DAY_MS + 6 * HOUR_MS, 0.02, 0.03, None)
    assert found.hits_99 == (0,)


def test_a_day_whose_end_nobody_saw_is_dropped() -> None:
    found = Forecasts()
    found.add(0, 0.02, 0.03, 100.0)
    found.add(DAY_MS + LATE_MS + 1, 0.02, 0.03, 10.0)
    assert found.hits_99 == ()


def test_a_run_records_its_models_in_their_order_and_can_be_replayed() -> None:
    seen = run()
    profile = demo_profile()
    (journal,) = profile.journal.iterdir()
    assert replay_journal(journal).identical
    events = [step.event for step in read_journal(journal)[1] if not isinstance(step, End)]
    trading = False
    for place, event in enumerate(events):
        trading = trading or isinstance(event, BarClosed)
        if isinstance(event, ModelUpdate) and trading and event.model == "instrument":
            after = events[place:]
            timer = next(number for number, later in enumerate(after) if isinstance(later, Timer))
            assert not any(isinstance(later, BarClosed | SignalRaised) for later in after[:timer])
            assert event.ts == after[timer].ts
    assert sum(isinstance(event, CovarianceUpdate) for event in events) == 9
    for type_ in (CorrelationFact, StressFact, FanFact, RiskSnapshotFact):
        assert seen.of(type_)
    assert rows("SELECT count(*) FROM correlations") == [(2,)]
    assert {name for (name,) in rows("SELECT DISTINCT book FROM risk_snapshots")} == {"", "crypto"}
    assert rows("SELECT count(*) FROM regimes")[0][0] >= 6
    snapshots = rows("SELECT ts FROM risk_snapshots WHERE json_extract(\"values\", '$.var_99') > 0")
    with open_ledger(profile.ledger, readonly=True) as db:
        assert bool(snapshots) == (read_forecasts(db)["crypto"]._open is not None)
