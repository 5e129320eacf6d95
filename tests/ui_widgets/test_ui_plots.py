import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from widget_samples import LIMITS, NOW, WidgetApp, limit

from tradeterm.ui.glyphs import ASCII, UNICODE
from tradeterm.ui.widgets.gauge import Gauges, bar, gauge_lines, numbers, tone_of, used
from tradeterm.ui.widgets.line_chart import LineChart, plot_lines
from tradeterm.ui.widgets.sparkline import Sparkline, thinned
from tradeterm.ui.widgets.tones import line_width, text_of


@pytest.mark.parametrize(
    ("value", "top", "part"),
    [(0.6, 5.0, 0.12), (0.0, 5.0, 0.0), (10.0, 5.0, 2.0), (-1.0, 5.0, 0.0), (None, 5.0, None), (1.0, 0.0, None)],
)
def test_used_part(value, top, part):
    assert used(value, top) == (None if part is None else pytest.approx(part))
    assert used(math.nan, 5.0) is None


@pytest.mark.parametrize(
    ("part", "tone"),
    [(0.0, "up"), (0.599, "up"), (0.6, "warn"), (0.849, "warn"), (0.85, "danger"), (3.0, "danger"), (None, "muted")],
)
def test_green_amber_red(part, tone):
    assert tone_of(part) == tone


@given(st.none() | st.floats(0, 10), st.integers(1, 40))
def test_a_bar_has_its_width_and_something_is_never_nothing(part, width):
    drawn = bar(part, width)
    assert line_width(drawn) == width
    assert (UNICODE.bar in text_of(drawn)) == bool(part)


@pytest.mark.parametrize(
    ("value", "top", "unit", "words"),
    [
        (0.6, 5.0, "%", ("0.6", "5.0%")),
        (31.4, 100.0, "%", ("31", "100%")),
        (0.31, 2.0, "x", ("0.31", "2.00x")),
        (3, 10, "count", ("3", "10")),
        (None, 5.0, "%", ("—", "5.0%")),
        (1234.5, 1_000_000.0, "USDT", ("1,234", "1,000,000")),
    ],
)
def test_numbers_of_a_gauge(value, top, unit, words):
    assert numbers(value, top, unit) == words


def test_gauges_stand_under_each_other():
    drawn = [text_of(line) for line in gauge_lines(LIMITS, 50)]
    assert len({line.index(" / ") for line in drawn}) == 1
    assert drawn[0].startswith("Daily loss ━━━")
    assert drawn[-1].split()[-3:] == ["—", "/", "5.0%"]


@given(st.integers(0, 120))
def test_gauges_always_fit(width):
    assert all(line_width(line) <= width for line in gauge_lines(LIMITS, width))


def test_numbers_stay_when_there_is_no_room_for_a_bar():
    [line] = gauge_lines([limit("Exposure", 66.0, 100.0)], 19)
    assert "66 / 100%" in text_of(line)
    assert UNICODE.bar not in text_of(line)


async def test_gauges_take_as_many_lines_as_limits():
    app = WidgetApp(lambda: [Gauges()])
    async with app.run_test(size=(50, 12)) as pilot:
        gauges = app.query_one(Gauges)
        assert "No limits yet." in gauges.render_line(0).text
        gauges.set_limits(LIMITS)
        await pilot.pause()
        assert gauges.size.height == len(LIMITS)
        assert "Drawdown" in gauges.render_line(2).text


def curve(values):
    return [(NOW + n * 60_000, value) for n, value in enumerate(values)]


def test_a_rising_line_runs_from_the_lower_left_to_the_upper_right():
    drawn = [text_of(line) for line in plot_lines(curve(range(100)), 40, 9)]
    assert len(drawn) == 9
    assert drawn[7][0] != " " and drawn[0][0] == " "
    assert drawn[0].split()[-1] == "99.00"
    assert all(len(line) <= 40 for line in drawn)


def test_a_drawdown_hangs_from_zero():
    drawn = [text_of(line) for line in plot_lines(curve([0, -1, -4, -1, 0] * 10), 40, 9, fill=True, glyphs=ASCII)]
    assert drawn[0].startswith("*" * 20)
    assert "*" in drawn[7]


def test_small_or_empty_plots():
    assert plot_lines([], 40, 9) == []
    assert plot_lines(curve([math.nan]), 40, 9) == []
    [line] = plot_lines(curve([1.0, 2.0, 3.0]), 12, 1)
    assert text_of(line).startswith("3.00 ")


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=60),
    st.integers(1, 70),
    st.integers(1, 16),
    st.booleans(),
)
def test_no_data_breaks_the_plot(values, width, height, fill):
    drawn = plot_lines(curve(values), width, height, fill=fill)
    assert len(drawn) <= height
    assert all(line_width(line) <= width for line in drawn)


def test_thinning_keeps_the_newest():
    assert list(thinned(range(100), 4)) == [24, 49, 74, 99]
    assert list(thinned([1, 2], 4)) == [1, 2]


async def test_plots_in_an_app():
    app = WidgetApp(lambda: [Sparkline(id="s"), LineChart(id="l", empty_text="No equity yet.")])
    async with app.run_test(size=(50, 12)) as pilot:
        chart = app.query_one(LineChart)
        assert chart.render_line(0).text.strip() == "No equity yet."
        app.query_one(Sparkline).set_values([1.0, 2.0, 3.0])
        chart.set_points(curve([1.0, 2.0, 3.0]))
        await pilot.pause()
        assert app.query_one(Sparkline).render_line(0).text.strip() == "▁▅█"
        assert "3.00" in chart.render_line(0).text
