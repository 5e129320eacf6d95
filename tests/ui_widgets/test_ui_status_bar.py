from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from widget_samples import NOW, WidgetApp, book, limit, replay, view

from tradeterm.domain.states import BookState, BreakerLevel, Mode, TradingState, VenueState, WorkerState
from tradeterm.domain.view import VenueView
from tradeterm.ui.glyphs import ASCII
from tradeterm.ui.widgets.status_bar import StatusBar, status_lines
from tradeterm.ui.widgets.tones import line_width, text_of

WIDE = 220


def shown(width=WIDE, height=1, now=NOW, **changes):
    return [text_of(line) for line in status_lines(view(**changes), now, width, height)]


def tones(**changes):
    return {text.strip(): tone for text, tone in status_lines(view(**changes), NOW, WIDE, 1)[0]}


def test_everything_is_there_in_a_wide_terminal():
    [line] = shown()
    for words in (
        "PAPER  ACTIVE",
        "equity 10,184.20",
        "day +184.20 +1.84%",
        "drawdown -0.6%",
        "breaker CLOSED",
        "data 3s",
        "bybit 38ms",
        "0 unprotected",
        "eos-crypto reversal",
        "14:03:22 UTC",
    ):
        assert words in line, words


@pytest.mark.parametrize("mode", Mode)
def test_the_mode_is_a_word_on_its_colour(mode):
    assert tones(mode=mode)[mode.value.upper()] == mode.value


def test_a_halt_is_loud_and_says_why():
    [line] = shown(trading_state=TradingState.HALTED, trading_reason="operator: halt")
    assert " HALTED  operator: halt" in line
    assert tones(trading_state=TradingState.HALTED)["HALTED"] == "alarm"
    assert "REDUCING" in shown(trading_state=TradingState.REDUCING)[0]
    assert "KILLING" in shown(kill_pending=True)[0]
    assert "STOPPING" in shown(stopping=True)[0]


def test_a_replay_shows_the_recordings_time_and_speed():
    [line] = shown(mode=Mode.DEMO, replay=replay())
    assert "recorded 7 Apr 14:03 ▸ 1,600x 40%" in line
    assert "UTC" not in line
    assert "‖ PAUSED" in shown(replay=replay(paused=True))[0]
    assert "FINISHED" in shown(replay=replay(finished=True))[0]
    assert "max speed" in shown(replay=replay(speed=0))[0]


def test_silence_does_not_look_like_calm():
    assert "ENGINE SILENT" not in shown(now=NOW + 4_000)[0]
    assert "ENGINE SILENT 20s" in shown(now=NOW + 20_000)[0]
    stale = tuple(structs.replace(feed, stale=True) for feed in view().feeds)
    assert "data STALE" in shown(feeds=stale)[0]
    assert "1 of 2 STALE" in shown(feeds=(stale[0], view().feeds[1]))[0]


def test_trouble_is_named():
    assert "2 UNPROTECTED" in shown(unprotected=2)[0]
    assert "0 unprotected" not in shown(unprotected=2)[0]
    assert "1 UNKNOWN" in shown(unknown_orders=1)[0]
    ill = structs.replace(view().workers[0], state=WorkerState.FAILED)
    assert "worker market FAILED" in shown(workers=(ill,))[0]
    assert "breaker HALT" in shown(breaker=BreakerLevel.HALT)[0]
    down = VenueView(
        venue="bybit", account="a", state=VenueState.DISCONNECTED, simulated=False, latency_ms=None, ts_last=0
    )
    assert "bybit DISCONNECTED" in shown(venues=(down,))[0]
    assert "rev PAUSED" in shown(books=(book("rev", BookState.PAUSED),))[0]


def test_gains_and_losses_carry_their_sign():
    loss = tones(day_pnl=Decimal("-50"), day_return=Decimal("-0.005"))
    assert loss["-50.00"] == "down" and loss["-0.50%"] == "down"
    flat = tones(day_pnl=Decimal(0), day_return=Decimal(0))
    assert flat["0.00"] == ""


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 120, 160])
@pytest.mark.parametrize("height", [1, 2])
def test_what_matters_most_stays_at_any_width(width, height):
    lines = shown(width, height, mode=Mode.LIVE, trading_state=TradingState.HALTED, unprotected=1)
    assert len(lines) == height
    assert "LIVE" in lines[0] and "HALTED" in lines[0]
    assert all(len(line) <= width for line in lines)
    if width >= 40:
        assert "UNPROT" in lines[0]


def test_the_narrow_second_line_holds_the_risk_bars():
    first, second = shown(80, 2, mode=Mode.DEMO, replay=replay())
    assert "14:03" in first and "1,600x" in first and "10,184.20" in first and "+1.84%" in first
    for words in ("daily loss ━", "exposure ━", "drawdown ━", "data 3s"):
        assert words in second, words


def test_the_bars_show_the_worst_book():
    books = (limit("daily loss", 1.0, 5.0), limit("daily loss", 4.5, 5.0), limit("daily loss", None, 5.0))
    assert "daily loss ━━━━━━━━━─ 4.5%" in shown(80, 2, limits=books)[1]


def test_the_number_beside_a_bar_is_the_value_and_not_the_used_part():
    limits = (limit("drawdown", 0.44, 8.0), limit("exposure", 31.0, 100.0), limit("VaR 99%", None, 10.0))
    second = shown(160, 2, limits=limits)[1]
    assert "drawdown ━───────── 0.4%" in second
    assert "exposure ━━━─────── 31%" in second
    assert "var 99% ────────── —" in second


@given(
    st.integers(1, 240),
    st.integers(1, 2),
    st.sampled_from(TradingState),
    st.sampled_from(BreakerLevel),
    st.integers(0, 3),
    st.integers(0, 100_000),
    st.text(max_size=60),
)
def test_it_fits_whatever_happens(width, height, state, breaker, unprotected, silent, reason):
    lines = status_lines(
        view(trading_state=state, breaker=breaker, unprotected=unprotected, trading_reason=reason),
        NOW + silent,
        width,
        height,
        glyphs=ASCII,
    )
    assert len(lines) == height
    assert all(line_width(line) <= width for line in lines)


def test_without_a_view_it_says_why():
    [line] = status_lines(None, NOW, 60, 1, note="starting the engine")
    assert text_of(line) == " tradeterm  starting the engine"


async def test_two_lines_when_narrow_one_when_tiny():
    app = WidgetApp(lambda: [StatusBar()])
    async with app.run_test(size=(80, 24)) as pilot:
        bar = app.query_one(StatusBar)
        bar.update_view(None, NOW, "starting")
        await pilot.pause()
        assert bar.size.height == 1
        bar.update_view(view(), NOW)
        await pilot.pause()
        assert bar.size.height == 2
        assert "daily loss" in bar.render_line(1).text
        await pilot.resize_terminal(120, 40)
        await pilot.pause()
        assert bar.size.height == 1
        await pilot.resize_terminal(50, 10)
        await pilot.pause()
        assert bar.size.height == 1
        assert "PAPER" in bar.render_line(0).text


async def test_an_unchanged_view_repaints_nothing(monkeypatch):
    app = WidgetApp(lambda: [StatusBar()])
    async with app.run_test(size=(120, 24)) as pilot:
        bar = app.query_one(StatusBar)
        bar.update_view(view(), NOW)
        await pilot.pause()
        asked = []
        monkeypatch.setattr(bar, "refresh", lambda *regions, **_options: asked.append(regions))
        bar.update_view(view(), NOW + 10)
        assert asked == []
        bar.update_view(view(), NOW + 1000)
        assert len(asked) == 1
