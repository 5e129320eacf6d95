"""Several curves in one plot."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.ui.glyphs import ASCII, UNICODE
from tradeterm.ui.widgets.curves import Cross, Curve, Stroke, curve_lines
from tradeterm.ui.widgets.tones import TONES, line_width, text_of


def percent(value: float) -> str:
    return f"{value:.1f}%"


def draw(*curves: Curve, width: int = 40, height: int = 10, crosses=(), glyphs=UNICODE):
    return curve_lines(
        curves,
        width,
        height,
        show=percent,
        below=lambda xs: f"{xs[0]:.0f}..{xs[-1]:.0f}",
        crosses=crosses,
        glyphs=glyphs,
    )


def line(*values: float | None, tone: str = "line", label: str = "VaR", stroke: Stroke = Stroke.SOLID) -> Curve:
    return Curve(tuple((float(x), y) for x, y in enumerate(values)), tone, label, stroke, "v")


values = st.lists(st.none() | st.floats(-1e9, 1e9) | st.just(math.nan), max_size=30)


@given(values, values, st.integers(1, 90), st.integers(1, 30), st.sampled_from(list(Stroke)), st.booleans())
def test_it_fits_whatever_comes(first, second, width, height, stroke, poor):
    glyphs = ASCII if poor else UNICODE
    lines = draw(line(*first, stroke=stroke), line(*second, label=""), width=width, height=height, glyphs=glyphs)
    assert len(lines) <= height
    assert all(line_width(drawn) <= width or width < 24 for drawn in lines)
    assert all(tone in {"", *TONES} for drawn in lines for _, tone in drawn)
    assert not poor or all(text_of(drawn).isascii() for drawn in lines)


def test_nothing_is_drawn_of_nothing():
    assert draw(line()) == [] and draw(line(None, math.nan)) == []


def test_each_curve_is_named_where_it_ends():
    lines = [text_of(drawn) for drawn in draw(line(1, 2, 3, label="low"), line(4, 5, 6, label="high"))]
    high, low = (next(at for at, text in enumerate(lines) if name in text) for name in ("6.0% high", "3.0% low"))
    assert high < low
    assert lines[-1] == "0..2"


def test_names_that_would_stand_in_one_row_stand_under_each_other():
    lines = [text_of(drawn) for drawn in draw(line(1, 1, label="one"), line(1, 1, label="two"), line(1, 9, label=""))]
    assert sum("one" in text for text in lines) == sum("two" in text for text in lines) == 1
    assert not any("one" in text and "two" in text for text in lines)


def test_a_curve_that_ends_unknown_is_not_named():
    assert not any("VaR" in text_of(drawn) for drawn in draw(line(1, 2, None)))


def test_a_gap_stays_a_gap():
    (top, *_) = draw(line(*[5.0] * 5, *[None] * 30, *[5.0] * 5), line(0.0, label=""), glyphs=ASCII)
    plot = text_of(top).rsplit("  ", 1)[0]
    assert plot.startswith("vvv") and "     " in plot


def test_a_shade_reaches_down_to_zero_and_later_curves_lie_over_it():
    shade, over = line(5, 5, 5, tone="volume", stroke=Stroke.FILLED), line(1, 1, 1, label="")
    lines = draw(Curve(shade.points, "volume", "", Stroke.FILLED, "."), over, glyphs=ASCII)
    signs = [text_of(drawn)[0] for drawn in lines[:-1]]
    assert set(signs) == {".", "v"} and signs.count("v") == 1


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_a_cross_is_always_seen(glyphs):
    lines = draw(line(1, 2, 3), crosses=[Cross(1.0, 9.0)], glyphs=glyphs)
    assert (glyphs.cross, "danger") in [(text.strip(), tone) for drawn in lines for text, tone in drawn]


def test_without_room_the_last_values_remain():
    assert text_of(draw(line(1, 2, 3), width=20)[0]).strip() == "3.0% VaR"
