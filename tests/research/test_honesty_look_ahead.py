"""The look-ahead test finds every kind of cheat, names the place, and clears what is clean."""

import numpy as np
import pytest
from honesty_kit import hourly, names, register, study_of, walk

from tradeterm.research.honesty.look_ahead import Check, LookAhead, look_ahead
from tradeterm.strategies.panel import Panel

ROWS = 600


@pytest.fixture(autouse=True)
def strategies(monkeypatch: pytest.MonkeyPatch) -> None:
    register(monkeypatch)


def market(rows: int = ROWS, instruments: int = 2) -> Panel:
    volume = np.random.default_rng(9).uniform(10, 20, (rows, instruments))
    return hourly(walk(4, rows, instruments), volume=volume)


def checked(strategy: str, **parameters: object) -> LookAhead:
    return look_ahead(study_of(market(), strategy, parameters=parameters))


def found(of: LookAhead) -> set[Check]:
    return {difference.check for difference in of.differences}


def test_a_clean_strategy_is_clean() -> None:
    result = checked("plan")
    assert result.clean is True
    assert result.differences == ()
    assert result.cuts == 20
    assert 150 < result.rows <= 200
    assert result.sentence.startswith("No look-ahead found: the same signals on data cut and changed at 20 places")


def test_one_that_looks_at_the_next_row_is_found() -> None:
    result = checked("prophet")
    assert result.clean is False
    assert {Check.CUT, Check.CHANGED_FUTURE} <= found(result)
    first = result.differences[0]
    assert (first.check, first.what, first.whole, first.found) == (Check.CUT, "entry", 1, 0)
    assert first.instrument in names(2)
    panel = market()
    column = names(2).index(first.instrument)
    assert panel.close[first.row + 1, column] > panel.close[first.row, column] * 1.001
    assert first.ts == panel.ts[first.row]
    assert result.sentence == (
        f"It knows the future: at row {first.row} of {first.instrument} its entry is 1 with all of the data and 0"
        " without (cut)."
    )


def test_one_whose_signals_the_future_takes_away_is_found() -> None:
    assert found(checked("veto", every=2)) >= {Check.CUT, Check.CHANGED_FUTURE}


def test_exits_are_looked_at_too() -> None:
    result = checked("leaver")
    assert {each.what for each in result.differences if each.check is not Check.BACKTEST} == {"KNEW"}


def test_a_memory_longer_than_the_warmup_is_found() -> None:
    result = checked("elephant", every=1)
    assert found(result) == {Check.SHORT_HISTORY}
    assert "depends on rows before its warmup" in result.sentence


def test_the_first_place_is_the_earliest_of_all() -> None:
    few = look_ahead(study_of(market(), "prophet"), cuts=3, seed=1)
    many = look_ahead(study_of(market(), "prophet"), cuts=200, seed=1)
    assert min(each.row for each in many.differences) <= min(each.row for each in few.differences)


def test_a_strategy_that_seldom_speaks_is_caught_by_few_cuts() -> None:
    """One row in a thousand has a signal: chance would not cut there."""
    close = np.full(5000, 100.0)
    close[2500:] = 101.0
    result = look_ahead(study_of(hourly(close), "prophet"), cuts=6)
    assert [each.row for each in result.differences if each.check is Check.CUT] == [2499]


def test_the_same_seed_looks_at_the_same_places() -> None:
    study = study_of(market(), "prophet")
    assert look_ahead(study, seed=3) == look_ahead(study, seed=3)


def test_too_little_data_is_not_called_clean() -> None:
    result = look_ahead(study_of(market(rows=4)))
    assert result.clean is None
    assert result.sentence == "Nothing was looked at: there are 4 rows, and the strategy needs 4 first."


def test_counts_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match="cuts and rows"):
        look_ahead(study_of(market()), cuts=0)


def test_eos_is_clean() -> None:
    from tradeterm.config import ExitsConfig

    exits = ExitsConfig(stop=0.02, session_end=False)
    close = walk(11, 3000, 2, step=0.006)
    volume = np.random.default_rng(2).lognormal(0, 1, close.shape)
    study = study_of(hourly(close, volume=volume), "eos", exits=exits, parameters={"threshold": 0.01})
    assert np.count_nonzero(study.strategy.signals(study.panel).entries) > 50
    assert look_ahead(study).clean is True


def test_of_much_data_the_last_part_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    from tradeterm.research.honesty import look_ahead as module

    monkeypatch.setattr(module, "MOST_CELLS", 200)
    study = study_of(market(), "prophet")
    found = look_ahead(study, cuts=50)
    rows = [each.row for each in found.differences]
    assert rows
    assert min(rows) >= ROWS - 100
    panel = study.panel
    assert all(each.ts == panel.ts[each.row] for each in found.differences)
