"""Sizing: the formula, the caps, and that nothing that worsens ever makes a size larger."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from desk_kit import d, instrument
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.desk.sizing import SizeRequest, size
from tradeterm.domain.instrument import on_step


def request(**changes: Any) -> SizeRequest:
    base = SizeRequest(
        instrument=instrument(),
        price=d(100),
        stop=d(98),
        equity=d(100_000),
        cash=d(100_000),
        exposure=d(0),
        risk_fraction=d("0.01"),
        max_position_fraction=d(1),
        max_leverage=d(2),
    )
    return msgspec.structs.replace(base, **changes)


@pytest.mark.parametrize(
    ("changes", "quantity", "binding"),
    [
        ({}, 500, "risk"),
        ({"max_position_fraction": d("0.1")}, 100, "position cap"),
        ({"cash": d(20_000)}, 200, "capital"),
        ({"exposure": d(90_000)}, 100, "capital"),
        ({"max_leverage": d("0.3")}, 300, "leverage"),
        ({"instrument": instrument(max_leverage=d("0.2"))}, 200, "leverage"),
        ({"stop": d(102)}, 500, "risk"),
        ({"factors": (("verdict", d("0.5")),)}, 250, "risk"),
        ({"instrument": instrument(multiplier=d(10))}, 50, "risk"),
        ({"exposure": d(200_000)}, 0, "capital"),
        ({"equity": d(0)}, 0, "no equity"),
        ({"stop": d(100)}, 0, "no distance to the stop"),
    ],
)
def test_the_binding_cap_decides(changes: dict[str, Any], quantity: int, binding: str) -> None:
    sized = size(request(**changes))
    assert (sized.quantity, sized.factors.binding) == (d(quantity), binding)


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, d(bad)) for name in ("price", "stop", "equity", "cash", "exposure") for bad in ("NaN", "Infinity")]
    + [("equity", None), ("exposure", None)],
)
def test_a_missing_number_gives_no_size(name: str, value: Decimal | None) -> None:
    assert size(request(**{name: value})).quantity == 0


@pytest.mark.parametrize("factor", ["1.01", "-0.1", "NaN"])
def test_a_factor_can_only_shrink(factor: str) -> None:
    assert size(request(factors=(("verdict", d(factor)),))).quantity == 0


money = st.decimals(min_value=0, max_value=10**7, places=2)
fractions = st.decimals(min_value="0.001", max_value=1, places=3)
requests = st.builds(
    lambda price, gap, equity, cash, exposure, risk, cap, leverage, factor: request(
        price=price,
        stop=price * (1 - gap),
        equity=equity,
        cash=cash,
        exposure=exposure,
        risk_fraction=risk / 50,
        max_position_fraction=cap,
        max_leverage=leverage * 10,
        factors=(("verdict", factor),),
    ),
    st.decimals(min_value="0.01", max_value=10**5, places=2),
    st.decimals(min_value="0.001", max_value="0.5", places=3),
    money,
    money,
    money,
    fractions,
    fractions,
    fractions,
    st.decimals(min_value=0, max_value=1, places=3),
)


@given(
    requests, st.sampled_from(["equity", "cash", "risk_fraction", "max_position_fraction", "max_leverage"]), fractions
)
def test_size_never_rises_when_a_limit_tightens(before: SizeRequest, name: str, factor: Decimal) -> None:
    worse = msgspec.structs.replace(before, **{name: getattr(before, name) * factor})
    assert size(worse).quantity <= size(before).quantity


@given(requests, money, st.decimals(min_value=0, max_value=1, places=3))
def test_size_never_rises_with_exposure_stop_distance_or_doubt(
    before: SizeRequest, more: Decimal, part: Decimal
) -> None:
    full = size(before).quantity
    assert size(msgspec.structs.replace(before, exposure=before.exposure + more)).quantity <= full
    wider = before.price - (before.price - before.stop) * (1 + part)
    assert size(msgspec.structs.replace(before, stop=wider)).quantity <= full
    assert size(msgspec.structs.replace(before, factors=(*before.factors, ("doubt", part)))).quantity <= full


@given(requests)
def test_a_size_is_on_the_lot_and_within_every_cap(before: SizeRequest) -> None:
    sized = size(before)
    quantity, equity = sized.quantity, before.equity
    assert equity is not None
    assert before.exposure is not None
    assert quantity >= 0
    assert on_step(quantity, before.instrument.lot_size)
    slack = d("1e-9")
    assert quantity * (before.price - before.stop) <= equity * before.risk_fraction + slack
    assert quantity * before.price <= equity * before.max_position_fraction + slack
    assert quantity == 0 or quantity * before.price <= before.cash - before.exposure + slack
    assert sized.factors.factors == () or sized.factors.factors[-1] == ("lot", format(quantity, "f"))
