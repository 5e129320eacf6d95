"""What a program may import: every name, wherever it is imported from first, and no trading code with it."""

import importlib
import subprocess
import sys

import numpy as np
import pytest

import tradeterm.indicators
import tradeterm.quant

PROMISED = """fit_garch fit_hmm var_cvar kupiec christoffersen kelly_fraction expectancy gbm_paths prob_above
first_passage regime_paths garch_paths correlated_paths event_paths risk_of_ruin drawdown_distribution block_bootstrap
performance probabilistic_sharpe deflated_sharpe pbo_cscv rank_ic sqrt_impact bs_price bs_greeks implied_vol"""
LOWER_ROOMS = ("tradeterm.domain", "tradeterm.quant", "tradeterm.indicators", "tradeterm.without_pandas")
ALL = [(package, name) for package in (tradeterm.quant, tradeterm.indicators) for name in package.__all__]


def imported(code: str) -> set[str]:
    """The names of all modules that a fresh interpreter has after the code."""
    code += "\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_what_is_promised_is_there() -> None:
    assert set(PROMISED.split()) <= set(tradeterm.quant.__all__)


@pytest.mark.parametrize(("package", "name"), ALL, ids=[name for _, name in ALL])
def test_a_name_is_what_its_module_holds(package: object, name: str) -> None:
    found = getattr(package, name)
    home = getattr(found, "__module__", "")
    if home.startswith("tradeterm"):
        assert getattr(importlib.import_module(home), name) is found


def test_a_function_called_like_its_module_is_the_function_in_any_order() -> None:
    for name in ("expectancy", "performance", "stress"):
        for first in ("pass", f"import tradeterm.quant.{name}", f"from tradeterm.quant.{name} import {name}"):
            imported(f"{first}\nfrom tradeterm.quant import {name}\nassert callable({name}), {name}")


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'sharp_ratio'"):
        tradeterm.quant.sharp_ratio  # noqa: B018
    assert set(tradeterm.quant.__all__) <= set(dir(tradeterm.quant))


def test_every_name_comes_without_trading_code() -> None:
    modules = imported("from tradeterm.quant import *\nfrom tradeterm.indicators import *")
    ours = {name for name in modules if name.startswith("tradeterm.")}
    assert "tradeterm.quant.montecarlo" in ours
    assert [name for name in sorted(ours) if not name.startswith(LOWER_ROOMS)] == []


ROW = [0.01, -0.02, 0.03] * 40
SCALARS: dict[str, tuple[object, ...]] = {
    "prob_above": (100, 105, 0.05, 0.2, 1),
    "prob_touch": (100, 105, 0.05, 0.2, 1),
    "first_passage": (100, 105, 97, 0.05, 0.2),
    "brownian_touch": (1, 0.1, 0.2, 1),
    "gbm_paths": (100, 0.05, 0.2, 1, 4, 4),
    "garch_paths": (100, 1e-6, 0.05, 0.05, 0.9, 1e-4, 4, 4),
    "risk_of_ruin": (0.6, 1, 10),
    "risk_of_ruin_brownian": (0.1, 0.2, 1),
    "kelly_drawdown": (1, 0.5),
    "kelly_fraction": (0.6, 1),
    "kelly_continuous": (0.1, 0.2, 0.0),
    "shrunk": (0.2, 10, 10),
    "wilson": (5, 10, 1.96),
    "expected_max_sharpe": (10, 0.1),
}
AFTER_A_ROW: dict[str, tuple[object, ...]] = {
    "performance": (252,),
    "var_cvar": (0.95,),
    "fit_hmm": (2,),
    "close_to_close": (20, 252),
    "ewma_variance": (0.94,),
    "probabilistic_sharpe": (0.0,),
    "deflated_sharpe": (10, 0.1),
    "minimum_track_record": (0.0, 0.95),
}
ONE_NUMBER = [(name, at, given) for name, given in SCALARS.items() for at in range(len(given))] + [
    (name, at + 1, (ROW, *given)) for name, given in AFTER_A_ROW.items() for at in range(len(given))
]


@pytest.mark.parametrize(("name", "at", "given"), ONE_NUMBER, ids=[f"{name}-{at}" for name, at, _ in ONE_NUMBER])
def test_a_row_in_the_place_of_one_number_is_refused(name: str, at: int, given: tuple[object, ...]) -> None:
    call = getattr(tradeterm.quant, name)
    call(*given)
    for wrong in ([100.0, 101.0], np.array([1.0, 2.0]), "a"):
        with pytest.raises(ValueError, match="number"):
            call(*given[:at], wrong, *given[at + 1 :])


def test_nothing_slow_is_imported_before_it_is_needed() -> None:
    modules = imported("import tradeterm.quant, tradeterm.indicators")
    assert not {"scipy", "pandas", "talib"} & {name.partition(".")[0] for name in modules}
