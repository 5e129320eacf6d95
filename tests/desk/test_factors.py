"""The factors of a size: what each is, and that none of them ever rises when something worsens."""

from decimal import Decimal
from typing import Any

import pytest
from desk_kit import BOOK, FIVE, T0, Rig, book_config, config, d, entry, model
from hypothesis import given, settings
from hypothesis import strategies as st
from test_edge import EVEN, trades

from tradeterm.config import ExitsConfig, LimitsConfig, RegimeMultipliers, SizingConfig
from tradeterm.desk import Desk
from tradeterm.desk.earned import reckon
from tradeterm.desk.factors import drawdown_factor, regime_factor, volatility_factor
from tradeterm.desk.proposal import propose
from tradeterm.desk.state import Health
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import BreakerLevel, HealthLevel, Regime

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
DEFAULT = RegimeMultipliers()


@pytest.mark.parametrize(
    ("regime", "side", "name", "value"),
    [
        (Regime.TREND_UP, LONG, "with the trend", "1.3"),
        (Regime.TREND_UP, SHORT, "against the trend", "0.8"),
        (Regime.TREND_DOWN, SHORT, "with the trend", "1.3"),
        (Regime.TREND_DOWN, LONG, "against the trend", "0.8"),
        (Regime.RANGE, LONG, "regime range", "0.8"),
        (Regime.CHOP, LONG, "regime chop", "0.4"),
        (Regime.VOLATILE, SHORT, "regime volatile", "0.3"),
        (None, LONG, "regime unknown", "0.3"),
    ],
)
def test_the_regime(regime: Regime | None, side: PositionSide, name: str, value: str) -> None:
    factor = regime_factor(DEFAULT, regime, side)
    assert (factor.name, factor.value) == (name, d(value))


def test_a_trade_against_the_trend_is_never_larger_than_with_it() -> None:
    careful = RegimeMultipliers(trend=0.5, range=1.2)
    assert regime_factor(careful, Regime.TREND_UP, SHORT).value == d("0.5")


@pytest.mark.parametrize(
    ("target", "present", "value"),
    [
        (None, None, 1),
        (None, 9.0, 1),
        (0.5, 0.5, 1),
        (0.5, 0.1, 1),
        (0.5, 0.0, 0),
        (0.5, 1.0, "0.5"),
        (0.5, None, 0),
        (0.5, float("nan"), 0),
        (0.5, -1.0, 0),
    ],
)
def test_the_volatility(target: float | None, present: float | None, value: object) -> None:
    assert volatility_factor(target, present).value == d(value)


def fallen(by: object, *multiples: object, cash: object = 100_000) -> tuple[str, Decimal]:
    factor = drawdown_factor(d(by), d("0.08"), d(cash), reckon(SizingConfig(), trades(*multiples), T0))
    return factor.name, factor.value


def test_the_drawdown_takes_the_size_away_in_a_straight_line() -> None:
    assert fallen(0) == ("drawdown", d(1))
    assert fallen("0.02") == ("drawdown", d("0.75"))
    assert fallen("0.08") == fallen("0.5") == ("drawdown", d(0))


def test_after_a_drawdown_the_size_comes_back_slowly() -> None:
    down = (-10,) * 4  # 4 % of 100,000 lost, and won back in one trade
    name, value = fallen(0, *down, 40)
    assert name == "recovering"
    lost = [d(n) / 100 for n in (1, 2, 3, 4)]
    assert value == pytest.approx((sum(1 - each / d("0.08") for each in lost) + 1) / 5, rel=d("1e-12"))
    later = [fallen(0, *down, 40, *(0,) * n)[1] for n in range(11)]
    assert later == sorted(later)
    assert later[5] < 1 == later[10], "ten trades on nothing of it is left"


def test_a_drawdown_of_now_counts_though_the_trades_were_good() -> None:
    assert fallen("0.04", 1, 1, 1) == ("drawdown", d("0.5"))


@given(
    st.lists(st.decimals(min_value=-30, max_value=30, places=1), max_size=15),
    st.decimals(min_value=0, max_value="0.1", places=3),
    st.decimals(min_value=0, max_value="0.1", places=3),
)
def test_a_deeper_drawdown_never_raises_it(multiples: list[Decimal], one: Decimal, more: Decimal) -> None:
    assert 0 <= fallen(one + more, *multiples)[1] <= fallen(one, *multiples)[1] <= 1


def ready(sizing: SizingConfig, **values: float | None) -> Desk:
    rig = Rig(config(crypto=book_config(sizing=sizing, limits=LimitsConfig(drawdown=0.2))))
    rig.feed(model(T0, **values))
    rig.bars(100.0, T0)
    return rig.desk


def quantity(desk: Desk) -> Decimal:
    return propose(desk.state, desk.state.books[BOOK], entry().signal, Decimal(1), None).sized.quantity


def test_every_factor_is_on_the_list_that_is_shown() -> None:
    desk = ready(SizingConfig(volatility_target=0.25), volatility=0.5, regime=2.0)
    sized = propose(desk.state, desk.state.books[BOOK], entry().signal, d("0.5"), None).sized
    names = [name for name, _ in sized.factors.factors]
    assert names == [
        "sizing", "risk per trade", "cost of a fill", "risk", "position cap", "capital", "leverage", "largest order",
        "2% of equity", "× regime range", "× volatility", "× drawdown", "× health healthy", "× breaker closed",
        "× verdict", "lot",
    ]  # fmt: skip
    assert dict(sized.factors.factors)["lot"] == "20" == format(sized.quantity, "f"), "100 × 0.8 × 0.5 × 0.5"


def test_a_model_of_long_ago_is_unknown() -> None:
    desk = ready(SizingConfig(volatility_target=0.5), regime=0.0)
    assert quantity(desk) == 100, "1.3 times the size is cut to the position cap"
    desk.state.ts = T0 + 3 * FIVE + 1
    sized = propose(desk.state, desk.state.books[BOOK], entry().signal, d(1), None).sized
    assert (sized.quantity, sized.factors.binding) == (0, "volatility unknown: no size")


WORSENING: dict[str, list[Any]] = {
    "cash": [1, "0.99", "0.95", "0.9"],
    "peak": [1, "1.02", "1.1", "1.3"],
    "volatility": [0.2, 0.4, 0.8, 2.0, None],
    "regime": [Regime.TREND_UP, Regime.RANGE, Regime.CHOP, Regime.VOLATILE],
    "health": list(HealthLevel),
    "breaker": list(BreakerLevel),
    "losses": [0, 1, 5, 12, 40],
    "atr": [1.0, 1.5, 4.0, 9.0],
    "verdict": [1, "0.7", "0.5", 0],
}
"""What a size depends on, each from good to bad."""

Places = st.fixed_dictionaries({name: st.integers(0, len(values) - 1) for name, values in WORSENING.items()})
SIZINGS = [
    SizingConfig(
        volatility_target=target, risk_fraction=risk, max_position_fraction=cap, kelly_fraction=kelly, window=500
    )
    for target in (None, 0.5)
    for risk in (0.004, 0.02)
    for cap in (0.1, 1.0)
    for kelly in (0.02, 0.5)
]


def quantity_at(sizing: SizingConfig, places: dict[str, int]) -> Decimal:
    """The size on a desk where every input is at its place in WORSENING."""
    at = {name: values[places[name]] for name, values in WORSENING.items()}
    book = book_config(sizing=sizing, limits=LimitsConfig(drawdown=0.4), exits=ExitsConfig(stop_atr=1.0))
    rig = Rig(config(crypto=book), DeskSnapshot(results={BOOK: trades(*EVEN, *(-1,) * at["losses"])}))
    rig.bars(100.0, T0)
    rig.feed(model(T0, volatility=at["volatility"], regime=float(list(Regime).index(at["regime"]))))
    state, money = rig.desk.state, rig.desk.state.books[BOOK]
    money.cash *= d(at["cash"])
    money.peak_equity *= d(at["peak"])
    state.health[BOOK], state.breaker = Health(at["health"]), at["breaker"]
    return propose(state, money, entry().signal, d(at["verdict"]), at["atr"]).sized.quantity


@given(Places, Places, st.sampled_from(SIZINGS))
@settings(max_examples=50, deadline=None)
def test_the_size_never_rises_when_anything_worsens(
    first: dict[str, int], other: dict[str, int], sizing: SizingConfig
) -> None:
    whole = quantity_at(sizing, first)
    for name in WORSENING:
        alone = {**first, name: max(first[name], other[name])}
        assert quantity_at(sizing, alone) <= whole, name
    together = {name: max(first[name], other[name]) for name in WORSENING}
    assert quantity_at(sizing, together) <= whole


def test_the_best_of_all_has_a_size() -> None:
    best = dict.fromkeys(WORSENING, 0)
    assert all(quantity_at(sizing, best) > 0 for sizing in SIZINGS)
