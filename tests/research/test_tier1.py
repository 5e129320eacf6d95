"""The limits of a simulated book are the live desk's: the quick look agrees with the checks themselves."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from study_kit import contract

from tradeterm.config import BookConfig, LimitsConfig
from tradeterm.desk import gate
from tradeterm.domain.market import MINUTE_MS
from tradeterm.research import tier1
from tradeterm.research.sizers import Closed, Refused, Wanted
from tradeterm.research.tier1 import BookRules, denial

CONTRACT = contract("X", min_quantity="0.5", min_notional="20")


def wanted(**changes: Any) -> Wanted:
    base = Wanted(
        instrument=0, name="X", ts=10**9, side=1, price=100.0, stop=98.0, equity=10_000.0, peak_equity=10_000.0,
        cash=10_000.0, exposure=0.0, positions=0, closed=[], day_start=10_000.0, row=0,
    )  # fmt: skip
    return base._replace(**changes)


NEAR = st.sampled_from((0.5, 0.99, 0.9999, 0.999999, 1.0, 1.000001, 1.0001, 1.01, 2.0))


@given(
    position=NEAR, total=NEAR, loss=NEAR, fallen=NEAR, waited=NEAR, least=NEAR, worth=NEAR, most=NEAR,
    positions=st.integers(0, 4), share=st.sampled_from((0.05, 0.1, 0.5)),
)  # fmt: skip
@settings(max_examples=400)
def test_the_quick_look_never_contradicts_the_checks(
    position: float, total: float, loss: float, fallen: float, waited: float, least: float, worth: float, most: float,
    positions: int, share: float,
) -> None:  # fmt: skip
    equity, wait = 10_000.0, 30 * MINUTE_MS
    quantity = equity * share / 100
    limits = LimitsConfig(
        max_positions=3, cool_down_minutes=30.0, max_position_exposure=min(1.0, share * position),
        max_total_exposure=0.8 * total, max_leverage=0.9, daily_loss=0.02, drawdown=0.05,
        max_order_notional=quantity * 100 * most,
    )  # fmt: skip
    item = contract(
        "X", min_quantity=str(round(quantity * least, 6)), min_notional=str(round(quantity * 100 * worth, 6))
    )
    asked = wanted(
        positions=positions, exposure=equity * (0.8 - share), day_start=equity / (1 - 0.02 * loss),
        peak_equity=equity / (1 - 0.05 * fallen),
    )  # fmt: skip
    last = asked.ts - int(wait * waited)
    request = tier1.request_of(limits, item, asked, quantity, last)
    denied = gate.denial(gate.run(request, tier1.CHECKS))
    assert denial(limits, item, asked, quantity, last) == (None if denied is None else denied.code)


@pytest.mark.parametrize(
    ("changes", "limits", "code"),
    (
        ({}, {}, None),
        ({"positions": 10}, {}, "POSITION_COUNT_CAP"),
        ({"day_start": 10_600.0}, {}, "DAILY_LOSS_LIMIT"),
        ({"peak_equity": 10_900.0}, {}, "DRAWDOWN_LIMIT"),
        ({"exposure": 9_600.0}, {}, "EXPOSURE_LIMIT"),
        ({}, {"max_position_exposure": 0.01}, "POSITION_EXPOSURE_LIMIT"),
        ({}, {"max_order_notional": 100.0}, "NOTIONAL_EXCEEDS_MAX_PER_ORDER"),
        ({}, {"max_leverage": 0.01}, "LEVERAGE_CAP"),
        ({"equity": 0.0}, {}, "DAILY_LOSS_LIMIT"),
    ),
)
def test_each_limit_has_its_code(changes: dict[str, float], limits: dict[str, Any], code: str | None) -> None:
    assert denial(LimitsConfig(**limits), CONTRACT, wanted(**changes), 5.0, None) == code


def test_an_edge_that_gives_no_size_has_its_own_code() -> None:
    book = BookConfig(strategy="eos", venue="paper", instruments=("X",), capital=10_000.0)
    lost = [Closed(ts=n, pnl=-1.0, return_pct=-1.0, r_multiple=-1.0) for n in range(30)]
    with pytest.raises(Refused, match="NO_EDGE"):
        BookRules([CONTRACT], book, None, 0.0)(wanted(closed=lost))
    assert BookRules([CONTRACT], book, None, 0.0)(wanted(closed=lost[:29])) > 0


def test_no_size_and_a_second_entry_too_soon() -> None:
    book = BookConfig(strategy="eos", venue="paper", instruments=("X",), capital=10_000.0)
    rules = BookRules([CONTRACT], book, None, 0.0)
    with pytest.raises(Refused, match="QTY_BELOW_MIN"):
        rules(wanted(stop=50.0, equity=100.0, peak_equity=100.0, cash=100.0, day_start=100.0))
    assert rules(wanted()) > 0
    with pytest.raises(Refused, match="COOL_DOWN"):
        rules(wanted(ts=10**9 + MINUTE_MS))
    assert rules(wanted(ts=10**9 + 30 * MINUTE_MS)) > 0
