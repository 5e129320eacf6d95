"""What a report says of the study it is about, and the curve it draws."""

import tomllib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_kit import always_held, market, traded

from tradeterm import __version__
from tradeterm.config import BookConfig
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research import Costs
from tradeterm.research.honesty.evidence import shown
from tradeterm.research.honesty.robustness import robustness
from tradeterm.research.report import html, markdown
from tradeterm.research.report.assumptions import assumptions
from tradeterm.research.report.curve import equity_curve
from tradeterm.research.report.study_facts import facts_of
from tradeterm.research.report.toml import toml_text
from tradeterm.research.studies import Asked, Found, find_study
from tradeterm.research.study import run


@pytest.fixture(scope="module")
def found() -> Found:
    """The bundled recording."""
    return find_study("eos", None, None, Asked(symbols=("BTCUSDT", "ADAUSDT"), seed=7))


def test_a_study_tells_its_own_facts(found: Found) -> None:
    told = facts_of(found, command="tradeterm backtest eos", created=1, trials=3)
    panel = found.study.panel
    assert (told.start, told.end) == (panel.ts_open[0], panel.ts[-1])
    assert told.instruments == panel.instruments and told.data_hash == found.data_hash
    assert (told.seed, told.trials, told.code_version, told.currency) == (7, 3, __version__, "USDT")
    assert told.data_report == found.notes and "bundled recording" in told.data_report[0]
    later = int(panel.ts_open[0]) + DAY_MS
    cut = msgspec.structs.replace(found, study=found.study.between(later, later + DAY_MS))
    assert facts_of(cut, command="", created=1).start == later


def test_the_configuration_can_be_read_back(found: Found) -> None:
    told = facts_of(found, command="", created=1)
    book = tomllib.loads(told.config)["books"]["eos"]
    assert msgspec.convert(book, BookConfig) == found.study.book


def test_a_report_of_a_run_with_its_tests(found: Found) -> None:
    result = run(found.study)
    told = facts_of(found, command="tradeterm backtest eos", created=1)
    honest = [shown(robustness(found.study, paths=20, draws=20))]
    for written in (html(result, told, honesty=honest), markdown(result, told, honesty=honest)):
        assert "Robustness" in written and "Look-ahead" not in written
        assert 'strategy = "eos"' in written.replace("&quot;", '"')


def test_assumptions_follow_the_settings(found: Found) -> None:
    study = found.study
    lines = " ".join(assumptions(study))
    assert "fills at the next open, up to 5 % of that bar's volume." in lines
    assert "pays 0.055 % of its notional and loses 0.02 % of its price" in lines
    assert "market impact is not simulated" in lines
    assert "at the recorded times and rates; none is known of ADAUSDT" in lines
    changed = msgspec.structs.replace(
        study, delay=2, funding_hours=None, costs=Costs(fee=0, slippage=0.01, impact=0.5, participation=0.1)
    )
    lines = " ".join(assumptions(changed))
    assert "at the next open after waiting 2 bars, up to 10 % of that bar's volume." in lines
    assert "pays 0 % of its notional and loses 1 % of its price" in lines
    assert "by the square root of their size, coefficient 0.5" in lines
    assert "No funding is paid." in lines


keys = st.text(min_size=1, max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars | st.text(st.characters(exclude_categories=("Cs",)), max_size=12),
    lambda inner: (
        st.lists(inner.filter(lambda v: v is not None), max_size=3) | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=10,
)


def without_none(value: Any) -> Any:
    """What TOML can hold: None is left out, and so is a table without anything in it."""
    if isinstance(value, dict):
        return {key: without_none(item) for key, item in value.items() if item is not None}
    return [without_none(item) for item in value] if isinstance(value, list) else value


def pruned(table: dict[str, Any]) -> dict[str, Any]:
    kept = {key: pruned(value) if isinstance(value, dict) else value for key, value in table.items()}
    return {key: value for key, value in kept.items() if value != {}}


@given(st.dictionaries(keys, values, max_size=4))
def test_toml_is_read_back_as_it_was(table: dict[str, Any]) -> None:
    read = tomllib.loads(toml_text(table, "a.b")).get("a", {}).get("b", {})
    assert pruned(read) == pruned(without_none(table))


def test_toml_knows_no_infinity() -> None:
    with pytest.raises(ValueError, match="inf"):
        toml_text({"a": float("inf")}, "b")


def test_the_curve_keeps_the_extremes() -> None:
    result = traded(market(3))
    curve = equity_curve(result)
    ts = np.arange(result.equity.ts[0], result.equity.ts[-1] + 1, HOUR_MS)
    equity = result.equity_at(ts)
    assert curve.every == HOUR_MS
    assert len(curve.ts) <= 1201
    assert (np.diff(curve.ts) > 0).all()
    assert (curve.equity.min(), curve.equity.max()) == pytest.approx((equity.min(), equity.max()))
    assert curve.equity[[0, -1]] == pytest.approx(result.equity.value[[0, -1]])
    assert curve.deepest == curve.fall.min()
    assert curve.deepest == pytest.approx((equity / np.maximum.accumulate(equity) - 1).min())


def test_long_histories_are_looked_at_less_often() -> None:
    result = always_held([100.0] * 21_000)
    curve = equity_curve(result)
    assert curve.every == 2 * DAY_MS
    assert len(curve.ts) <= 1201
