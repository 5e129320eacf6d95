"""Sizing: the formula, the caps, and that nothing that worsens ever makes a size larger."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from desk_kit import BOOK, T0, Rig, book_config, config, d, instrument
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.config import PaperConfig
from tradeterm.desk.costs import fill_cost
from tradeterm.desk.factors import Factor
from tradeterm.desk.sizing import RISK_CEILING, SizeRequest, size
from tradeterm.domain.instrument import on_step
from tradeterm.domain.snapshot import DeskSnapshot, TradeResult


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
        max_order_notional=d(10**6),
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
        ({"factors": (Factor("verdict", d("0.5")),)}, 250, "risk"),
        ({"regime": Factor("trend", d("1.3"))}, 650, "risk"),
        ({"regime": Factor("trend", d(2)), "max_position_fraction": d("0.6")}, 600, "position cap"),
        ({"regime": Factor("trend", d(2)), "risk_fraction": d("0.015"), "exposure": d(10_000)}, 900, "capital"),
        ({"regime": Factor("trend", d(2)), "risk_fraction": d("0.015"), "stop": d(90)}, 200, "2% of equity"),
        ({"regime": Factor("trend", d(2)), "factors": (Factor("health", d("0.5")),)}, 500, "risk"),
        ({"max_order_notional": d(20_000)}, 200, "largest order"),
        ({"instrument": instrument(max_quantity=d(150))}, 150, "largest at venue"),
        ({"risk_fraction": d(0), "why": "edge is negative"}, 0, "edge is negative"),
        ({"factors": (Factor("volatility unknown", d(0)), Factor("verdict", d(0)))}, 0, "volatility unknown: no size"),
        ({"instrument": instrument(multiplier=d(10))}, 50, "risk"),
        ({"exposure": d(200_000)}, 0, "capital"),
        ({"equity": d(0)}, 0, "no equity"),
        ({"stop": d(100)}, 0, "no distance to the stop"),
        ({"mark": d(98)}, 0, "the price has reached the stop"),
        ({"mark": d(90)}, 0, "the price has reached the stop"),
        ({"mark": d("98.1")}, 500, "risk"),
        ({"stop": d(102), "mark": d(103)}, 0, "the price has reached the stop"),
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
    assert size(request(factors=(Factor("verdict", d(factor)),))).quantity == 0


@pytest.mark.parametrize("factor", ["2.01", "-0.1", "NaN", "Infinity"])
def test_a_regime_can_at_most_double(factor: str) -> None:
    assert size(request(regime=Factor("regime", d(factor)))).quantity == 0


def test_what_is_too_small_for_the_venue_is_not_made_larger() -> None:
    small = request(instrument=instrument(min_quantity=d(1), lot_size=d("0.1")), equity=d(100), cash=d(100))
    assert size(msgspec.structs.replace(small, risk_fraction=d("0.0001"))).quantity == 0
    assert size(msgspec.structs.replace(small, risk_fraction=d("0.01"))).quantity == d("0.5")


def test_every_number_that_made_a_size_is_kept() -> None:
    made = request(why="exploring: 12 of 30 trades", regime=Factor("regime chop", d("0.4")))
    steps = dict(size(made).factors.factors)
    assert steps["sizing"] == "exploring: 12 of 30 trades"
    assert (steps["risk per trade"], steps["risk"], steps["× regime chop"]) == ("0.01", "500", "0.4")
    assert steps["cost of a fill"] == "0"
    assert steps["lot"] == "200"


money = st.decimals(min_value=0, max_value=10**7, places=2)
fractions = st.decimals(min_value="0.001", max_value=1, places=3)
requests = st.builds(
    lambda price, gap, equity, cash, exposure, risk, cap, leverage, regime, factor: request(
        price=price,
        stop=price * (1 - gap),
        equity=equity,
        cash=cash,
        exposure=exposure,
        risk_fraction=risk / 50,
        max_position_fraction=cap,
        max_leverage=leverage * 10,
        regime=Factor("regime", regime),
        factors=(Factor("verdict", factor),),
    ),
    st.decimals(min_value="0.01", max_value=10**5, places=2),
    st.decimals(min_value="0.001", max_value="0.5", places=3),
    money,
    money,
    money,
    fractions,
    fractions,
    fractions,
    st.decimals(min_value=0, max_value=2, places=3),
    st.decimals(min_value=0, max_value=1, places=3),
)


@given(
    requests,
    st.sampled_from(["equity", "cash", "risk_fraction", "max_position_fraction", "max_leverage", "max_order_notional"]),
    fractions,
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
    calmer = Factor("regime", before.regime.value * part)
    assert size(msgspec.structs.replace(before, regime=calmer)).quantity <= full
    assert size(msgspec.structs.replace(before, factors=(*before.factors, Factor("doubt", part)))).quantity <= full


@given(requests, st.decimals(min_value=0, max_value="0.05", places=5), st.booleans())
def test_what_is_lost_at_the_stop_with_the_costs_of_both_fills_is_within_the_risk(
    before: SizeRequest, cost: Decimal, short: bool
) -> None:
    if short:
        before = msgspec.structs.replace(before, stop=2 * before.price - before.stop)
    with_costs = msgspec.structs.replace(before, fill_cost=cost, regime=Factor("regime", d(1)))
    found = size(with_costs).quantity
    lost = found * (abs(before.price - before.stop) + cost * (before.price + before.stop))
    assert lost <= (before.equity or d(0)) * min(before.risk_fraction, RISK_CEILING) * d("1.0000001")
    assert found <= size(msgspec.structs.replace(with_costs, fill_cost=d(0))).quantity


def test_costs_shrink_the_risk_in_proportion_and_an_unusable_one_gives_no_size() -> None:
    assert size(request(fill_cost=d("0.001"))).quantity == d(1000 / 2.198).quantize(d("0.001"), "ROUND_FLOOR")
    assert size(request(fill_cost=d("NaN"))).factors.binding == "a number is missing"


@given(st.sampled_from(["paper", "bybit", "other"]), st.integers(0, 12), st.sampled_from(["0.0004", "-0.0004"]).map(d))
def test_what_a_fill_costs_is_configured_or_measured_or_nothing(venue: str, trades: int, slippage: Decimal) -> None:
    results = tuple(
        TradeResult(
            trade_id=f"t{n}", ts_closed=T0, pnl=d(1), return_pct=d(1), r_multiple=d(1), strategy="eos",
            slippage=slippage,
        )
        for n in range(trades)
    )  # fmt: skip
    cfg = msgspec.structs.replace(
        config(crypto=book_config(venue=venue)), paper=PaperConfig(taker_fee=0.001, slippage=0.0005)
    )
    rig = Rig(cfg, DeskSnapshot(results={BOOK: results}))
    state = rig.desk.state
    measured = slippage if trades >= 10 and slippage > 0 else d(0)
    fee = d("0.00055") if venue == "bybit" else d(0)
    assert fill_cost(state, state.books[BOOK]) == (d("0.0015") if venue == "paper" else fee + measured)


@given(requests)
def test_a_size_is_on_the_lot_and_within_every_cap(before: SizeRequest) -> None:
    sized = size(before)
    quantity, equity = sized.quantity, before.equity
    assert equity is not None
    assert before.exposure is not None
    assert quantity >= 0
    assert on_step(quantity, before.instrument.lot_size)
    slack = d("1e-9")
    risked = quantity * (before.price - before.stop)
    assert risked <= min(equity * before.risk_fraction * max(d(1), before.regime.value), equity * RISK_CEILING) + slack
    assert quantity * before.price <= equity * before.max_position_fraction + slack
    assert quantity == 0 or quantity * before.price <= before.cash - before.exposure + slack
    assert sized.factors.factors == () or sized.factors.factors[-1] == ("lot", format(quantity, "f"))
