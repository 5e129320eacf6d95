"""The whole refresh: what must hold for any desk, and figures worked out by hand."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.quant import desk_risk
from tradeterm.quant.desk_risk import LEAST_ROWS, METHODS, refresh
from tradeterm.quant.risk_inputs import BookInputs, Holding, Name, RiskInputs
from tradeterm.quant.risk_outputs import RiskOutputs, Values

NAMES = tuple(Name(f"{symbol}.X", symbol) for symbol in ("BTCUSDT", "ETHUSDT", "AAA", "BBB"))
Z_99 = 2.3263478740408408


@pytest.fixture(autouse=True)
def no_mood(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """GARCH and the hidden Markov model have tests of their own and take nine tenths of the time."""
    if "mood" not in request.node.name:
        monkeypatch.setattr(desk_risk, "_mood", lambda *_: {})


def prices(rows: int = 200, names: int = 4, seed: int = 0) -> np.ndarray[Any, np.dtype[np.float64]]:
    rng = np.random.default_rng(seed)
    moves = 0.005 * (rng.standard_normal((rows, 1)) + rng.standard_normal((rows, names)))
    return 100 * np.exp(np.cumsum(moves, axis=0))


def book(*held: tuple[int, float], **more: Any) -> BookInputs:
    """A book of 100,000 that holds these quantities of these names at 100."""
    holdings = tuple(Holding(NAMES[name].id, quantity, 100.0) for name, quantity in held)
    plain = BookInputs(name="crypto", instruments=tuple(name.id for name in NAMES), equity=100_000.0, holdings=holdings)
    return msgspec.structs.replace(plain, **more)


def inputs(*books: BookInputs, closes: Any = None, **more: Any) -> RiskInputs:
    closes = prices() if closes is None else closes
    plain = RiskInputs(
        names=NAMES,
        times=HOUR_MS * np.arange(1, closes.shape[0] + 1),
        closes=closes,
        volumes=np.full(closes.shape, 1000.0),
        books=books or (book(),),
    )
    return msgspec.structs.replace(plain, **more)


def figures(outputs: RiskOutputs, of: str = "crypto") -> Values:
    return outputs.risk[of]


def number(value: float | None) -> float:
    assert value is not None
    return value


quantities = st.lists(st.tuples(st.integers(0, 3), st.floats(-500, 500).filter(lambda q: abs(q) > 1)), max_size=5)


def test_the_figures_the_limits_use_by_hand() -> None:
    closes = prices()
    returns = closes[1:, 0] / closes[:-1, 0] - 1
    daily = float(returns.std()) * math.sqrt(24)
    values = figures(refresh(inputs(book((0, 250.0)), closes=closes)))
    assert values["var_99"] == pytest.approx(0.25 * Z_99 * daily)
    assert values["component_var_99/BTCUSDT.X"] == values["var_99"]
    assert values["var_99_historical"] == pytest.approx(
        -math.sqrt(24) * 0.25 * float(np.quantile(returns, 0.01)), rel=1e-9
    )
    assert values["rows"] == 199
    assert values["equity"] == 100_000.0


@given(held=quantities)
@settings(max_examples=8)
def test_components_sum_to_the_whole_and_no_tail_is_shorter_than_its_start(held: list[tuple[int, float]]) -> None:
    values = figures(refresh(inputs(book(*held))))
    parts = [number(value) for name, value in values.items() if name.startswith("component_var_99/")]
    assert math.fsum(parts) == pytest.approx(number(values["var_99"]), abs=1e-12)
    for method in ("", *(f"_{method}" for method in METHODS)):
        for level in ("95", "99"):
            var, cvar = values[f"var_{level}{method}"], values[f"cvar_{level}{method}"]
            assert (var is None) == (cvar is None)
            assert var is None or cvar is None or cvar >= var
    assert number(values["var_99"]) >= number(values["var_95"]) >= 0


@given(held=quantities.filter(bool), factor=st.floats(0.1, 20))
@settings(max_examples=8)
def test_twice_the_equity_is_half_the_risk(held: list[tuple[int, float]], factor: float) -> None:
    one = figures(refresh(inputs(book(*held))))
    other = figures(refresh(inputs(book(*held, equity=100_000.0 * factor))))
    for name in ("var_99", "cvar_95", "var_95_historical"):
        assert number(one[name]) == pytest.approx(number(other[name]) * factor, rel=1e-9, abs=1e-15)


@given(order=st.permutations(range(4)), held=quantities)
@settings(max_examples=8)
def test_the_order_of_the_names_does_not_matter(order: list[int], held: list[tuple[int, float]]) -> None:
    closes = prices()
    one = refresh(inputs(book(*held), closes=closes))
    names = tuple(NAMES[place] for place in order)
    other = refresh(inputs(book(*held), closes=closes[:, order], names=names))
    assert number(figures(one)["var_99"]) == pytest.approx(number(figures(other)["var_99"]), rel=1e-9, abs=1e-15)
    place = [other.together.instruments.index(name) for name in one.together.instruments]
    np.testing.assert_allclose(
        one.together.covariance, np.array(other.together.covariance)[np.ix_(place, place)], rtol=1e-9
    )


@given(seed=st.integers(0, 50), rows=st.integers(LEAST_ROWS + 1, 150), holes=st.integers(0, 40))
@settings(max_examples=8)
def test_a_covariance_is_one(seed: int, rows: int, holes: int) -> None:
    closes = prices(rows, seed=seed)
    rng = np.random.default_rng(seed)
    closes[rng.integers(0, rows, holes), rng.integers(0, 4, holes)] = rng.choice([math.nan, 0.0, -1.0, math.inf])
    together = refresh(inputs(closes=closes)).together
    if together.instruments:
        assert together.observations >= LEAST_ROWS
        assert np.linalg.eigvalsh(together.covariance).min() >= -1e-12
        assert np.all(np.abs(together.correlation) <= 1)
        np.testing.assert_array_equal(np.diag(together.correlation), 1.0)
        assert len(together.groups) == len(together.instruments)


def test_the_correlation_is_what_was_seen_and_not_what_it_was_shrunk_to() -> None:
    closes = prices()
    found = refresh(inputs(book((0, 100.0)), closes=closes))
    returns = closes[1:] / closes[:-1] - 1
    np.testing.assert_allclose(found.together.correlation, np.corrcoef(returns, rowvar=False), atol=1e-12)
    shrinkage = number(found.risk[""]["shrinkage"])
    assert 0 < shrinkage <= 1
    covariance = np.array(found.together.covariance)
    deviation = np.sqrt(np.diag(covariance))
    seen = np.array(found.together.correlation)
    mean = (seen.sum() - 4) / 12
    drawn = shrinkage * mean + (1 - shrinkage) * seen
    np.fill_diagonal(drawn, 1.0)
    np.testing.assert_allclose(covariance / np.outer(deviation, deviation), drawn, atol=1e-9)


def test_the_same_in_the_same_out_and_nothing_given_is_changed() -> None:
    given_ = inputs(book((0, 100.0), (1, -50.0), trades=tuple(float(n % 7 - 3) for n in range(60))))
    before = [given_.closes.copy(), given_.times.copy(), given_.volumes.copy()]
    assert refresh(given_) == refresh(given_)
    for array, copy in zip((given_.closes, given_.times, given_.volumes), before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_a_flat_book_risks_nothing_and_that_is_known() -> None:
    outputs = refresh(inputs(book()))
    values = figures(outputs)
    assert {values[f"var_{level}{method}"] for level in ("95", "99") for method in ("", "_historical")} == {0.0}
    assert {result.loss for result in outputs.stress} == {0.0}


def test_an_instrument_with_too_little_history_leaves_what_holds_it_unknown() -> None:
    closes = prices()
    closes[:-LEAST_ROWS, 2] = math.nan
    outputs = refresh(inputs(book((2, 10.0)), book((0, 10.0), name="other"), closes=closes))
    assert outputs.together.instruments == ("BTCUSDT.X", "ETHUSDT.X", "BBB.X")
    assert figures(outputs)["var_99"] is None
    assert figures(outputs, "")["var_99"] is None
    assert number(figures(outputs, "other")["var_99"]) > 0
    reckoned = {result.scenario for result in outputs.stress if result.book == "crypto"}
    assert "Flash crash" in reckoned
    assert "Venue outage" not in reckoned
    assert "Correlation to one" not in reckoned  # nobody knows how much it moves


def test_history_that_lies_elsewhere_does_not_cost_the_others_theirs() -> None:
    closes = prices()
    closes[100:, 3] = math.nan
    closes[:100, 0] = math.nan
    assert refresh(inputs(closes=closes)).together.observations >= LEAST_ROWS


@pytest.mark.parametrize("rows", [0, 1, 2, LEAST_ROWS])
def test_without_history_only_what_needs_none_is_said(rows: int) -> None:
    outputs = refresh(inputs(book((0, 100.0)), closes=prices(200)[:rows]))
    assert outputs.together.instruments == ()
    assert figures(outputs)["var_99"] is None
    losses = {result.scenario: result.loss for result in outputs.stress if result.book == "crypto"}
    assert losses["Flash crash"] == pytest.approx(3000.0)
    assert losses["19 May 2021"] == pytest.approx(1824.0)


def test_a_price_that_does_not_move_has_no_place() -> None:
    closes = prices()
    closes[:, 1] = 7.0
    assert "ETHUSDT.X" not in refresh(inputs(closes=closes)).together.instruments


@pytest.mark.parametrize("equity", [None, 0.0, -5.0])
def test_without_equity_no_fraction_of_it(equity: float | None) -> None:
    outputs = refresh(inputs(book((0, 1.0), equity=equity)))
    assert figures(outputs)["var_99"] is None
    assert all(result.share is None for result in outputs.stress)
    assert outputs.fans == {"crypto": None}


def test_the_desk_is_the_sum_of_its_books_in_its_own_money() -> None:
    dollars, rupees = book((0, 100.0)), book((0, 9000.0), name="eos", equity=9_000_000.0, rate=1 / 90)
    outputs = refresh(inputs(dollars, rupees))
    alone = number(figures(outputs)["var_99"])
    assert figures(outputs, "")["equity"] == pytest.approx(200_000.0)
    assert figures(outputs, "")["var_99"] == pytest.approx(alone)  # both hold a tenth of their money
    hedged = refresh(inputs(dollars, book((0, -100.0), name="eos")))
    assert figures(hedged, "")["var_99"] == pytest.approx(0.0, abs=1e-12)
    unknown = refresh(inputs(dollars, book((0, 100.0), name="eos", rate=None)))
    assert figures(unknown, "")["var_99"] is None
    assert figures(unknown, "")["equity"] is None
    assert figures(unknown)["var_99"] == pytest.approx(alone)


def test_real_days_come_again_for_those_they_happened_to() -> None:
    nse = Name("AAA.X", "RELIANCE", Calendar.NSE)
    names = (NAMES[0], NAMES[1], nse, NAMES[3])
    outputs = refresh(inputs(book((0, 10.0), (2, 10.0), (3, 10.0)), names=names))
    losses = {result.scenario: result.loss for result in outputs.stress if result.book == "crypto"}
    assert losses["8-9 November 2022 (FTX)"] == pytest.approx(1000 * 0.2370 + 1000 * 0.2951)  # an unknown falls most
    assert losses["23 March 2020 (NSE)"] == pytest.approx(1000 * 0.1315)


def test_stops_do_not_make_a_crash_smaller() -> None:
    held = Holding("BTCUSDT.X", 10.0, 100.0, stop=99.0)
    (crash, *_) = [r for r in refresh(inputs(book(holdings=(held,)))).stress if r.scenario == "Flash crash"]
    assert crash.loss == pytest.approx(300.0)
    assert crash.share == pytest.approx(0.003)


def test_forecasts_are_judged_from_250_days_on() -> None:
    few = figures(refresh(inputs(book(hits_95=(0,) * 249, hits_99=(1,) * 249))))
    assert (few["days"], few["hits_99"], few["kupiec_99"], few["christoffersen_95"]) == (249.0, 249.0, None, None)
    hits = tuple(int(day % 100 == 0) for day in range(250))
    many = figures(refresh(inputs(book(hits_95=hits, hits_99=hits))))
    assert many["hits_99"] == 3.0
    assert number(many["kupiec_99"]) == pytest.approx(0.7580, abs=1e-3)
    assert number(many["kupiec_95"]) < 0.01


@pytest.mark.parametrize("price", [1e-300, 1e300, 5e-324, 1e160])
def test_prices_of_the_wrong_magnitude_give_no_number_or_a_finite_one(price: float) -> None:
    closes = prices()
    closes[::7, 1] = price
    outputs = refresh(inputs(book((0, 10.0), (1, 10.0)), closes=closes))
    assert np.isfinite(outputs.together.covariance).all()
    assert all(value is None or math.isfinite(value) for value in figures(outputs).values())
    assert all(math.isfinite(result.loss) for result in outputs.stress)


def test_a_day_on_the_nse_has_its_own_hours() -> None:
    days, hours = 30, 7
    times = np.array([DAY_MS * day + HOUR_MS * hour for day in range(days) for hour in range(4, 4 + hours)])
    names = tuple(msgspec.structs.replace(name, calendar=Calendar.NSE) for name in NAMES)
    closes = prices(days * hours)
    returns = closes[1:, 0] / closes[:-1, 0] - 1
    values = figures(refresh(inputs(book((0, 1000.0)), closes=closes, times=times, names=names)))
    daily = float(returns.std()) * math.sqrt((days * hours - 1) / days)
    assert values["var_99"] == pytest.approx(Z_99 * daily)


def test_mood_of_a_market_that_grew_wild() -> None:
    rng = np.random.default_rng(1)
    size = np.where(np.arange(400) < 300, 0.002, 0.02)[:, None]
    closes = 100 * np.exp(np.cumsum(size * rng.standard_normal((400, 4)), axis=0))
    values = figures(refresh(inputs(closes=closes)))
    assert number(values["market_stress"]) > 0.9
    calm = figures(refresh(inputs(closes=closes[:290])))
    assert number(calm["market_volatility"]) == pytest.approx(0.002 / 2 * math.sqrt(24), rel=0.1)
    assert number(values["market_volatility"]) > 4 * number(calm["market_volatility"])
    assert figures(refresh(inputs(closes=closes[:90])))["market_stress"] is None


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        refresh(inputs(times=np.arange(3)))
