import math
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from widget_samples import NOW, bars

from tradeterm.domain.market import HOUR_MS, MINUTE_MS, Bar
from tradeterm.ui.glyphs import ASCII
from tradeterm.ui.widgets.axes import Scale, nice_step, nice_ticks, scale_of, time_labels
from tradeterm.ui.widgets.candle_raster import (
    ZOOMS,
    Candle,
    Level,
    Mark,
    Plot,
    Zoom,
    candles_of,
    draw_candles,
    rasterise,
    spark,
)
from tradeterm.ui.widgets.tones import line_width, text_of


def candle(opened, high, low, close):
    return Candle(0, 1, opened, high, low, close, 1.0)


def drawn(one, rows=4, cells=1, glyphs=None):
    """A candle on a scale of one half row a unit: 8 at the top, 0 at the bottom of four rows."""
    scale = Scale(0.0, rows * 2.0, rows * 2)
    options = () if glyphs is None else (glyphs,)
    grid = draw_candles([one], rows, scale, 0, cells, *options)
    return ["".join(row.get(x, (" ", ""))[0] for x in range(cells)).rstrip() for row in grid]


@pytest.mark.parametrize(
    ("one", "picture"),
    [
        (candle(2, 6, 2, 6), ["", "┃", "┃", ""]),
        (candle(6, 6, 2, 2), ["", "┃", "┃", ""]),
        (candle(3, 8, 0, 5), ["│", "╽", "╿", "│"]),
        (candle(4, 7, 1, 6), ["╷", "┃", "│", "╵"]),
        (candle(4, 4, 4, 4), ["", "", "╹", ""]),
        (candle(3, 3, 3, 3), ["", "", "╻", ""]),
        (candle(4, 8, 0, 4), ["│", "│", "╿", "│"]),
        (candle(0, 8, 0, 8), ["┃", "┃", "┃", "┃"]),
        (candle(1, 7, 1, 7), ["╻", "┃", "┃", "╹"]),
    ],
)
def test_wicks_and_bodies_in_half_cells(one, picture):
    assert drawn(one) == picture


def test_wide_candles_are_blocks_with_a_wick_in_the_middle():
    assert drawn(candle(3, 8, 0, 5), cells=4) == [" │", "▄█▄", "▀█▀", " │"]
    assert drawn(candle(2, 6, 2, 6), cells=4) == ["", "███", "███", ""]


def test_ascii_candles():
    assert drawn(candle(3, 8, 0, 5), glyphs=ASCII) == ["|", "#", "#", "|"]


def test_up_and_down_have_their_tones():
    scale = Scale(0.0, 8.0, 8)
    grid = draw_candles([candle(2, 6, 2, 6), candle(6, 6, 2, 2)], 4, scale, 0, 1)
    assert grid[1][0][1] == "chart-up"
    assert grid[1][1][1] == "chart-down"


def lines(plot, width=80, height=24):
    return [text_of(line) for line in rasterise(plot, width, height)]


WAVE = bars([60_000 + 900 * math.sin(n / 7) for n in range(200)], spread=60)


@pytest.mark.parametrize("zoom", ZOOMS)
@pytest.mark.parametrize(("width", "height"), [(200, 40), (80, 24), (24, 5), (23, 4), (60, 1), (5, 1), (1, 1)])
def test_it_always_fits(zoom, width, height):
    plot = Plot(bars=WAVE, levels=[Level(60_000, "entry"), Level(1.0, "stop", "stop")], tick=0.1, zoom=zoom)
    picture = rasterise(plot, width, height)
    assert 1 <= len(picture) <= height
    assert all(line_width(line) <= width for line in picture)


def test_the_newest_bar_stands_at_the_right_edge_of_the_plot():
    picture = lines(Plot(bars=WAVE, tick=0.1, zoom=Zoom(1, 1)), 60, 12)
    gutter = len("60,959.0") + 1
    assert any(line[60 - gutter - 1] in "│┃╽╿╷╵╻╹" for line in picture)


def test_last_price_and_levels_stand_in_the_gutter_with_their_names():
    levels = [Level(59_900.0, "entry"), Level(59_000.0, "stop", "stop"), Level(60_800.5, "target", "target")]
    picture = rasterise(Plot(bars=WAVE, levels=levels, tick=0.1, last=60_123.4), 80, 24)
    text = [text_of(line) for line in picture]
    for wanted in ("59,900.0 entry", "59,000.0 stop", "60,800.5 target", "60,123.4"):
        assert sum(wanted in line for line in text) == 1, wanted
    stop = next(line for line in picture if "59,000.0" in text_of(line))
    assert ("╌" in text_of(stop)) and {tone for part, tone in stop if "╌" in part} == {"stop"}


def test_a_far_level_stays_at_the_edge_with_an_arrow():
    far = [Level(90_000.0, "target", "target"), Level(30_000.0, "stop", "stop")]
    picture = lines(Plot(bars=WAVE, levels=far, tick=0.1), 80, 24)
    assert "90,000.0 ▲target" in picture[0]
    assert any("30,000.0 ▼stop" in line for line in picture[-8:])
    assert sum(any(c in "┃╽╿╻╹" for c in line) for line in picture) > 10


def test_fills_stand_beside_their_bar():
    rising = bars([100 + n for n in range(40)], spread=0.5)
    buy, sell = Mark(rising[20].ts_open + 1, 120.0, "BUY", "0.5"), Mark(rising[30].ts_event - 1, 130.0, "SELL")
    picture = lines(Plot(bars=rising, marks=[buy, sell], tick=0.1, zoom=Zoom(2, 1)), 100, 24)
    up = next((y, line.index("▲")) for y, line in enumerate(picture) if "▲" in line)
    down = next((y, line.index("▼")) for y, line in enumerate(picture) if "▼" in line)
    assert down[1] - up[1] == 20
    assert picture[up[0] - 1][up[1]] in "│╿┃╵╹"
    assert picture[down[0] + 1][down[1]] in "│╽┃╷╻"
    assert "▲ 0.5" in picture[up[0]]


def test_volume_only_where_there_is_room():
    assert any("█" in line for line in lines(Plot(bars=WAVE, tick=0.1), 80, 24))
    assert not any("█" in line for line in lines(Plot(bars=WAVE, tick=0.1), 80, 10))


def test_numbers_that_are_not_finite_are_gaps():
    hole = Bar("X", 300_000, WAVE[100].ts_open, math.nan, math.inf, 1.0, 2.0, math.nan, 0)
    broken = [*WAVE[:100], hole, *WAVE[101:]]
    picture = lines(Plot(bars=broken, levels=[Level(math.nan, "stop", "stop")], last=math.nan, tick=0.1))
    assert len(picture) == 24
    assert not any("nan" in line or "inf" in line for line in picture)
    assert rasterise(Plot(bars=[hole]), 80, 24) == []
    assert rasterise(Plot(bars=[]), 80, 24) == []


def test_impossible_bars_do_not_break_the_picture():
    upside_down = [Bar("X", 300_000, NOW + n * 300_000, 10.0, 5.0, 20.0, 12.0, -1.0, 0) for n in range(30)]
    assert len(lines(Plot(bars=upside_down))) == 24


def test_a_flat_market_is_drawn():
    picture = lines(Plot(bars=bars([100.0] * 50, spread=0.0), tick=0.01))
    assert any("╻" in line or "╹" in line for line in picture)


def test_small_panes_get_one_line_in_words():
    [line] = lines(Plot(bars=WAVE, tick=0.1), 40, 3)
    assert line.startswith(f"{WAVE[-1].close:,.1f} ")
    assert any(block in line for block in "▁▂▃▄▅▆▇█")


def test_merged_candles_keep_the_extremes_and_the_round_times():
    start = NOW - NOW % HOUR_MS
    merged = candles_of(bars([1.0, 5.0, 2.0, 3.0, 4.0, 9.0], spread=0.5, start=start), 3)
    assert [(c.open, c.high, c.low, c.close, c.volume) for c in merged] == [
        (1.0, 5.5, 0.5, 2.0, 30.0),
        (2.0, 9.5, 1.5, 9.0, 30.0),
    ]
    assert merged[1].ts == start + 15 * MINUTE_MS


prices = st.floats(allow_nan=True, allow_infinity=True)


@given(st.lists(st.tuples(prices, prices, prices, prices), min_size=1, max_size=30), st.sampled_from(ZOOMS))
def test_no_data_breaks_the_picture(values, zoom):
    data = [Bar("X", 300_000, NOW + n * 300_000, *four, 1.0, 0) for n, four in enumerate(values)]
    picture = rasterise(Plot(bars=data, zoom=zoom, levels=[Level(values[0][0], "stop", "stop")]), 50, 16)
    assert len(picture) in (0, 16) or len(picture) == 1


@pytest.mark.parametrize(
    ("span", "count", "step"),
    [(10, 5, 2), (1_000, 4, 250), (0.0007, 3, 0.00025), (7_000, 7, 1_000), (0, 4, 0), (math.nan, 4, 0), (1, 0, 0)],
)
def test_nice_step(span, count, step):
    assert nice_step(span, count) == pytest.approx(step)


def test_nice_ticks_are_round_and_inside():
    assert nice_ticks(54_570, 61_810, 8) == [55_000, 56_000, 57_000, 58_000, 59_000, 60_000, 61_000]
    assert nice_ticks(1.0, 1.2, 10, least=0.05) == pytest.approx([1.0, 1.05, 1.1, 1.15, 1.2])


@given(st.floats(-1e12, 1e12), st.floats(0, 1e9), st.integers(1, 200))
def test_every_value_in_range_lands_on_the_scale(low, span, steps):
    scale = scale_of(low, low + span, steps)
    assert -1e-6 <= scale.at(low + span) <= scale.at(low) <= steps + 1e-6


def test_time_labels_are_round_and_name_a_new_day():
    start = NOW - NOW % (24 * HOUR_MS) + 22 * HOUR_MS
    columns = [start + n * 5 * MINUTE_MS for n in range(60)]
    line = time_labels(columns, 60)
    assert line.split() == ["23:00", "8", "Apr", "01:00", "02:00"]
    assert line.index("8 Apr") == 24
    kolkata = time_labels(columns, 60, ZoneInfo("Asia/Kolkata"))
    assert kolkata.split() == ["04:00", "05:00", "06:00", "07:00", "08:00"]
    assert len(line) == len(kolkata) == 60


def test_time_labels_need_something_to_label():
    assert time_labels([None] * 30, 30).strip() == ""
    assert time_labels([NOW], 5) == "     "


def test_spark():
    assert spark([1, 2, 3, 8]) == "▁▂▃█"
    assert spark([1, math.nan, 2]) == "▁ █"
    assert spark([math.nan]) == " "
    assert len(set(spark([5, 5, 5]))) == 1
