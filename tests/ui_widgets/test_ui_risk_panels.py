"""What the risk panels say, without an app."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from widget_samples import view

from tradeterm.domain.facts import (
    BreakerFact,
    CorrelationFact,
    FanFact,
    RegimeFact,
    RiskSnapshotFact,
    SignalFact,
    SizeFactors,
    StressFact,
)
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import SignalKind, SignalOutcome
from tradeterm.domain.states import BreakerLevel, HealthLevel, Regime
from tradeterm.domain.view import GroupView, HealthView, LimitView, RateView, RegimeView, RiskView
from tradeterm.ui.glyphs import UNICODE
from tradeterm.ui.panels import breaker, correlation, exposure, fan, regimes, sizing, tail
from tradeterm.ui.panels.panel import wrapped
from tradeterm.ui.tables import books, limits, stress
from tradeterm.ui.widgets.tones import line_width, text_of

NOW = 1_743_964_800_000
MINUTE = 60_000


# The breaker


def event(level: BreakerLevel, **changes: object) -> BreakerFact:
    fact = BreakerFact(ts=NOW, from_level=BreakerLevel.CLOSED, to_level=level, cause="refused", numbers={"n": "2"})
    return structs.replace(fact, **changes)


def ways(level: BreakerLevel, *events: BreakerFact, now: int = NOW) -> str:
    return breaker.ways_out(view(breaker=level), events, now, 15.0, "R")


def test_a_closed_breaker_needs_no_way_out():
    assert ways(BreakerLevel.CLOSED) == ""


def test_it_falls_once_it_was_quiet_for_long_enough():
    quiet = event(BreakerLevel.THROTTLE, quiet_since=NOW - 5 * MINUTE)
    assert ways(BreakerLevel.THROTTLE, quiet) == "falls to ALERT in 10m00s if nothing new happens"
    assert ways(BreakerLevel.ALERT, structs.replace(quiet, to_level=BreakerLevel.ALERT), now=NOW + HOUR_MS).startswith(
        "falls to CLOSED in 0s"
    )


def test_while_the_cause_lasts_nothing_counts_down():
    said = ways(BreakerLevel.ALERT, event(BreakerLevel.ALERT))
    assert said.startswith("falls to CLOSED 15 minutes after the cause is over") and "override" in said


def test_only_a_person_leads_out_of_a_halt():
    assert ways(BreakerLevel.HALT).startswith("R or `recover REASON`") and "override" in ways(BreakerLevel.HALT)
    said = ways(BreakerLevel.SHUTDOWN)
    assert "`recover REASON`" in said and "cannot be overridden" in said and "R or" not in said


def test_once_the_cause_of_a_halt_is_over_nothing_is_left_to_override():
    over = event(BreakerLevel.HALT, from_level=BreakerLevel.HALT, quiet_since=NOW)
    assert ways(BreakerLevel.HALT, over) == "the cause is over: R or `recover REASON`"
    shut = structs.replace(over, to_level=BreakerLevel.SHUTDOWN)
    assert ways(BreakerLevel.SHUTDOWN, shut) == "the cause is over: `recover REASON`"


def test_all_that_is_said():
    said = breaker.breaker_lines(
        view(breaker=BreakerLevel.HALT, breaker_reason="\x1b[31mdaily loss", breaker_since=NOW - HOUR_MS),
        [event(BreakerLevel.HALT), event(BreakerLevel.HALT, from_level=BreakerLevel.HALT, cause="still")],
        NOW, cool_down_minutes=15.0, resume_key="R", zone="UTC",
    )  # fmt: skip
    shown = [text_of(spans) for spans, _ in said]
    assert shown[0] == "closed → alert → throttle → HALT → shutdown" and shown[1].endswith("1h00 ago")
    assert shown[2] == "cause     daily loss" and shown[3].startswith("way out   R or `recover REASON`")
    assert shown[-2].endswith("CLOSED → HALT  refused (n 2)") and shown[-1].endswith("HALT stays  still (n 2)")


@given(st.lists(st.tuples(st.text(max_size=30), st.sampled_from(["", "muted"]))), st.integers(1, 60), st.integers(0, 9))
def test_wrapped_text_loses_nothing_and_fits(spans, width, indent):
    lines = wrapped(spans, width, indent)
    assert "".join("".join(map(text_of, lines)).split()) == "".join("".join(text for text, _ in spans).split())
    assert all(len(text_of(line).rstrip()) <= width or len(text_of(line).split()) == 1 for line in lines)


@pytest.mark.parametrize(("ms", "words"), [(0, "0s"), (59_999, "59s"), (60_000, "1m00s"), (51 * MINUTE, "51m00s")])
def test_countdown(ms, words):
    assert breaker.countdown(ms) == words


# VaR


def snapshot(ts: int, **values: float | None) -> RiskSnapshotFact:
    return RiskSnapshotFact(ts=ts, book="", values=values)


def test_the_loss_of_a_day_is_that_of_the_equity_a_day_before():
    rows = [snapshot(NOW + hour * HOUR_MS, equity=100.0 - (hour >= 24) * 3.0) for hour in range(0, 49, 3)]
    losses = dict(tail.daily_losses(rows))
    assert losses[NOW] is None and losses[NOW + 21 * HOUR_MS] is None
    assert losses[NOW + 24 * HOUR_MS] == pytest.approx(0.03)
    assert losses[NOW + 48 * HOUR_MS] == 0.0


def test_a_loss_over_a_long_silence_is_not_a_days_loss():
    rows = [snapshot(NOW, equity=100.0), snapshot(NOW + 3 * DAY_MS, equity=50.0)]
    assert tail.daily_losses(rows)[-1][1] is None


@given(st.lists(st.tuples(st.integers(0, 10 * 24), st.none() | st.floats(0, 1e6)), max_size=40))
def test_a_days_loss_is_a_part_or_unknown(hours):
    rows = [snapshot(NOW + hour * HOUR_MS, equity=equity) for hour, equity in sorted(hours, key=lambda pair: pair[0])]
    assert all(loss is None or 0 <= loss <= 1 for _, loss in tail.daily_losses(rows))


def test_exceedances_are_those_the_engine_counted():
    hits = [0.0, 0.0, 1.0, 1.0, None, 2.0, 3.0]
    rows = [snapshot(NOW + at * DAY_MS, hits_99=count, var_99=0.02, equity=100.0) for at, count in enumerate(hits)]
    assert [ts for ts, _ in tail.exceedances(rows)] == [NOW + 2 * DAY_MS, NOW + 6 * DAY_MS]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"var_99": 0.01}, ""),
        ({"var_99": None, "rows": 12.0}, "Not enough data: 12 of 60 common returns."),
        ({"rows": 505.0, "equity": None}, "Not known: the equity is not known."),
        ({"rows": 505.0, "equity": 1.0}, "Not known: something that is held has too little history."),
    ],
)
def test_what_a_var_lacks(values, words):
    assert tail.missing(values) == words


def test_forecasts_are_tested_from_enough_days_on():
    assert tail.tested({}) == "No forecast has seen its day end yet."
    few = {"days": 12.0, "hits_99": 1.0, "hits_95": 2.0}
    assert tail.tested(few) == "1 of 12 days, with trading, beyond 99%, 2 beyond 95%; tests need 250"
    enough = {"days": 260.0, "hits_99": 3.0, "hits_95": 14.0, "kupiec_99": 0.8, "christoffersen_99": None}
    assert tail.tested(enough).endswith("Kupiec p 0.800, Christoffersen p —")


def test_what_the_engine_asks_for_is_what_is_said():
    from tradeterm.quant import desk_risk, equity_fan

    assert (correlation.LEAST_ROWS, tail.LEAST_DAYS) == (desk_risk.LEAST_ROWS, desk_risk.LEAST_DAYS)
    assert fan.LEAST_TRADES == equity_fan.LEAST_TRADES


# Correlation


def together(groups: tuple[int, ...]) -> CorrelationFact:
    size = len(groups)
    return CorrelationFact(
        ts=NOW, instruments=tuple(f"C{at}USDT.X" for at in range(size)), groups=groups, observations=99,
        correlation=tuple(tuple(float(one == two) for two in range(size)) for one in range(size)),
    )  # fmt: skip


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_groups_stand_side_by_side(groups):
    fact = together(tuple(groups))
    order = [groups[place] for place in correlation.in_groups(fact)]
    assert sorted(correlation.in_groups(fact)) == list(range(len(groups)))
    starts = [group for at, group in enumerate(order) if at == 0 or order[at - 1] != group]
    assert len(starts) == len(set(starts))
    assert set(correlation.group_letters(fact)) == {group for group in groups if groups.count(group) > 1}


@given(st.floats(-1, 1), st.sampled_from([2, 4]))
def test_a_correlation_carries_its_sign_in_its_cells(value, cells):
    text = correlation.in_cells(value, cells)
    assert len(text) <= cells
    assert text == " 0" or text[0] == ("-" if value < 0 or text[0] == "-" else "+")


@pytest.mark.parametrize(
    ("value", "wide", "close"),
    [(0.87, "+.87", "+9"), (-0.44, "-.44", "-4"), (1.0, "+1.0", "+9"), (0.999, "+1.0", "+9"), (0.03, "+.03", " 0")],
)
def test_correlations_as_text(value, wide, close):
    assert (correlation.in_cells(value, 4), correlation.in_cells(value, 2)) == (wide, close)


def test_names_lose_a_quote_that_all_have():
    assert correlation.short_names(["BTCUSDT.X", "ETHUSDT.X"]) == ["BTC", "ETH"]
    assert correlation.short_names(["BTCUSDT.X", "TCS.NSE"]) == ["BTCUSDT", "TCS"]


# Regimes


def test_a_course_ends_with_what_the_desk_says_now():
    facts = [
        RegimeFact(ts=NOW - HOUR_MS, instrument="A.X", regime=Regime.CHOP),
        RegimeFact(ts=NOW - 2 * HOUR_MS, instrument="A.X", regime=Regime.RANGE),
    ]
    seen = RegimeView(instrument="A.X", regime=Regime.VOLATILE, since=NOW, volatility=0.5, multiplier=0.3)
    (course,) = regimes.courses([seen], facts)
    assert course.regimes == (Regime.RANGE, Regime.CHOP, Regime.VOLATILE) and course.multiplier == 0.3
    assert [course.at(NOW - hours * HOUR_MS) for hours in (3, 2, 1, 0)] == [None, *course.regimes]


def test_a_course_without_a_view_rests_on_its_facts():
    fact = RegimeFact(ts=NOW, instrument="A.X", regime=None, numbers={"volatility": 0.4})
    (course,) = regimes.courses([], [fact])
    assert (course.regimes, course.volatility, course.multiplier) == ((None,), 0.4, None)


def test_each_regime_has_a_letter_and_a_word_of_its_own():
    assert {letter for letter, _ in regimes.LETTERS.values()} == {word[0] for word in regimes.legend().split()}
    assert set(regimes.LETTERS) == set(Regime) and regimes.word(None) == "unknown"


# Size


def sized(*factors: tuple[str, str], binding: str = "risk") -> SignalFact:
    return SignalFact(
        id="s", ts=NOW, book="b", strategy="eos", instrument="A.X", kind=SignalKind.ENTRY, side=PositionSide.LONG,
        price=Decimal(1), ts_bar=NOW, reason="", explain={}, outcome=SignalOutcome.ORDERED, quantity=Decimal(2),
        size=SizeFactors(factors, binding),
    )  # fmt: skip


def steps(signal: SignalFact) -> list[str]:
    return [text_of(step.line).rstrip() for step in sizing.size_steps(signal, ">")]


def test_factors_are_multiplied_step_by_step():
    signal = sized(
        ("sizing", "fixed"), ("risk per trade", "0.01"), ("cost of a fill", "0.00075"), ("risk", "10"),
        ("capital", "8"), ("× a", "0.5"),
        ("× b", "1"), ("× c", "1.5"), ("lot", "6.0"), binding="capital",
    )  # fmt: skip
    shown = steps(signal)
    assert shown[0] == "by fixed" and shown[1].split() == ["risk", "per", "trade", "1.00%"]
    assert shown[2].split()[-1] == "0.075%"
    assert shown[4].endswith("> binds") and not shown[3].endswith("binds")
    assert [line.rpartition("> ")[2] for line in shown if "×" in line and ">" in line] == ["4.00000", "6.00000"]
    assert shown[-1].split() == ["lot", "6.0"]


def test_steps_of_another_form_are_shown_as_they_are():
    shown = steps(sized(("equity at risk", "1.0 % of 99"), ("× verdict", "1.00"), ("stop", "[red]2 %[/]")))
    assert "1.0 % of 99" in shown[0] and "[red]2 %[/]" in shown[2]


@given(st.lists(st.tuples(st.text(max_size=12), st.text(max_size=12) | st.just("0.5")), max_size=12))
def test_any_steps_can_be_shown(factors):
    assert len(steps(sized(*factors))) == len(factors)


# Fan, exposure, stress, books, limits


def test_the_median_lies_on_top():
    bands = {"0.05": (1.0, 0.9), "0.50": (1.0, 1.0), "0.95": (1.0, 1.1)}
    drawn = fan.fan_curves(FanFact(ts=NOW, book="b", steps=(0, 10), bands=bands, paths=9, seed=1, numbers={}))
    assert drawn[-1].label == "median" and {curve.label for curve in drawn[:-1]} == {"5%", "95%"}


def test_rates_say_their_age_and_when_they_are_too_old():
    fresh = RateView(currency="INR", rate=Decimal("0.0117"), ts=NOW - 2 * DAY_MS)
    assert text_of(exposure.rate_line(fresh, "USDT", NOW, 7.0)) == "1 INR = 0.0117000 USDT  2d0h old"
    assert text_of(exposure.rate_line(fresh, "USDT", NOW, 1.0)).endswith("old STALE")
    assert "no rate" in text_of(exposure.rate_line(structs.replace(fresh, rate=None), "USDT", NOW, 7.0))
    assert "age not known" in text_of(exposure.rate_line(structs.replace(fresh, ts=None), "USDT", NOW, 7.0))


@given(st.none() | st.floats(0, 5), st.integers(30, 100))
def test_a_group_fits(part, width):
    group = GroupView(name="correlated 1", instruments=("BTCUSDT.X",) * 9, exposure=part, limit=0.6)
    assert line_width(exposure.group_line(group, width)) <= max(width, 40)


def test_an_unknown_exposure_is_said_to_be_unknown():
    assert "not known" in text_of(exposure.at_stake(RiskView()))
    assert text_of(exposure.at_stake(RiskView(gross=0.5))) == "gross 50.0%  net —  heat —"


def test_a_loss_is_negative_and_the_desks_worst_comes_first():
    rows = [
        StressFact(ts=NOW, book="b", scenario="crash", loss=900.0, share=0.09, assumptions=""),
        StressFact(ts=NOW, book="", scenario="mild", loss=-5.0, share=None, assumptions=""),
        StressFact(ts=NOW, book="", scenario="crash", loss=900.0, share=0.12, assumptions=""),
    ]
    first, second, third = stress.stress_rows(rows, {"": "USDT", "b": "USDT"})
    assert [cell.text for cell in first.cells] == ["crash", "-900.00", "-12.0%", "desk"]
    assert [cell.text for cell in second.cells] == ["mild", "+5.00", "—", "desk"]
    assert third.cells[3].text == "b"


def test_health_in_words():
    health = HealthView(
        book="b", level=HealthLevel.SEVERE, causes=("10 losses in a row",), trades=1, win_rate=None, payoff=None,
        expectancy_r=None, expectancy_se=None, kelly=None, risk_fraction=0.0, sizing="edge is negative: no size",
    )  # fmt: skip
    said = books.edge_words(health).plain
    assert "b risks 0.00% a trade: edge is negative: no size" in said and "1 trade closed" in said
    assert "SEVERE, no entries: 10 losses in a row" in said
    assert "+-" in books.edge_words(structs.replace(health, expectancy_r=-0.1, expectancy_se=0.2), "+-").plain
    assert (books.in_r(0.31), books.in_r(-0.2), books.in_r(None), books.in_r(0.0)) == ("+0.31R", "-0.20R", "—", "0.00R")


def test_headroom_may_be_used_up():
    over = LimitView(name="VaR 99", book="", value=11.2, limit=10.0, unit="%")
    unknown = LimitView(name="heat", book="", value=None, limit=6.0, unit="%")
    first, second = limits.limit_rows([over, unknown], UNICODE)
    assert [cell.text for cell in first.cells][2:] == ["11.20", "10.00%", "-1.20%", "desk"]
    assert [cell.text for cell in second.cells][2:] == ["—", "6.00%", "—", "desk"]
