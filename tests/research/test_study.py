"""A study: the same rules as the kernel underneath, and what may be changed about it."""

import numpy as np
import pytest
from msgspec.structs import replace
from study_kit import demo_study

from tradeterm.config import ExitsConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.market import DAY_MS
from tradeterm.research.exits import first_exit_every_bar
from tradeterm.research.result import Result
from tradeterm.research.study import Study, run
from tradeterm.research.ticks import Step


@pytest.fixture(scope="module")
def study() -> Study:
    return demo_study()


@pytest.fixture(scope="module")
def whole(study: Study) -> Result:
    return run(study)


def test_the_same_study_gives_the_same_result(study: Study, whole: Result) -> None:
    assert len(whole.trades) > 0
    assert list(run(study).trades) == list(whole.trades)
    assert list(run(study, exits=first_exit_every_bar).trades) == list(whole.trades)


def test_the_strategys_numbers_can_be_changed(study: Study, whole: Result) -> None:
    calm = study.with_parameters({"threshold": 0.5})
    assert study.book.parameters == {}
    assert calm.book.parameters == {"threshold": 0.5}
    assert len(run(calm).trades) == 0
    with pytest.raises(ConfigError, match="threshold: found 7"):
        study.with_parameters({"threshold": 7.0})
    with pytest.raises(ConfigError, match="treshold"):
        study.with_parameters({"treshold": 0.05})


def test_part_of_the_time_decides_as_the_whole_does(study: Study, whole: Result) -> None:
    """History before the part is enough: its signals are those of the whole."""
    start = int(study.panel.ts_open[0])
    part = study.between(start + 3 * DAY_MS, start + 5 * DAY_MS)
    assert int(part.panel.ts[-1]) == start + 5 * DAY_MS
    trades = run(part).trades
    signal_ts = part.panel.ts[trades.signal_row]
    assert len(trades) > 0
    assert (signal_ts >= start + 3 * DAY_MS).all()
    assert (signal_ts < start + 5 * DAY_MS).all()
    known = {(t.instrument, t.entry_ts, t.side) for t in whole.trades}
    equity = run(part).equity
    assert int(equity.ts[0]) == start + 3 * DAY_MS
    assert equity.value[0] == study.book.capital
    first = min(trades, key=lambda t: t.entry_ts)
    assert (first.instrument, first.entry_ts, first.side) in known


def test_an_entry_that_waits(study: Study, whole: Result) -> None:
    (first, *_), (late, *_) = (
        sorted(run(replace(study, delay=delay)).trades, key=lambda trade: trade.entry_ts) for delay in (0, 2)
    )
    assert late.entry_row == first.entry_row + 2
    column = study.panel.instruments.index(first.instrument)
    tick = Step.of(study.instruments[column].tick_size)
    slipped = float(study.panel.open[late.entry_row, column]) * (1 + 0.0002 * late.side)
    assert late.entry_price == tick.up(slipped * late.side) * late.side


def test_mistakes_are_named(study: Study) -> None:
    with pytest.raises(ConfigError, match="thesis_rsi"):
        run(replace(study, book=replace(study.book, exits=ExitsConfig(thesis_rsi=70.0))))
    with pytest.raises(ConfigError, match="delay"):
        run(replace(study, delay=-1))
    with pytest.raises(ConfigError, match="contracts"):
        run(replace(study, instruments=study.instruments[:1]))
    with pytest.raises(ConfigError, match="no rows"):
        run(study.between(0, DAY_MS))
    assert np.isfinite(study.panel.close).all()
