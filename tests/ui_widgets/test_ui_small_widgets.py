from datetime import UTC

import pytest
from textual import on
from widget_samples import WidgetApp, bars

from tradeterm.ui.actions import ACTIONS
from tradeterm.ui.glyphs import ASCII
from tradeterm.ui.keymap import resolve
from tradeterm.ui.widgets.candles import CandleChart, Level
from tradeterm.ui.widgets.key_bar import KeyBar, fitted, key_entries
from tradeterm.ui.widgets.live_table import Cell, Column, LiveTable, Row
from tradeterm.ui.widgets.log_view import LogLine, LogView
from tradeterm.ui.widgets.pane import Pane
from tradeterm.ui.widgets.prompt import Prompt

KEYMAP = resolve(ACTIONS, {"engine.halt": "f9"})


# Pane


def pane_app(**options):
    table = LiveTable((Column("a", "A", 5),), id="t")
    return WidgetApp(lambda: [Pane(table, title="Positions", letter="p", empty_text="No open position.")], **options)


async def test_edges_of_a_pane():
    app = pane_app()
    async with app.run_test(size=(60, 8)) as pilot:
        pane = app.query_one(Pane)
        pane.set_title("Positions 3 [x]")
        pane.set_summary("+184.20 open")
        pane.set_age(500, 30_000)
        await pilot.pause()
        assert pane._border_title.plain == "Positions 3 [x]"
        assert pane._border_subtitle.plain == "+184.20 open"
        pane.set_age(65_000, 30_000)
        pane.frozen = True
        await pilot.pause()
        assert pane.is_stale and pane.has_class("-stale")
        assert pane._border_title.plain == "Positions 3 [x] · FROZEN · STALE"
        assert pane._border_subtitle.plain == "+184.20 open · 1m ago"
        pane.set_age(None)
        assert not pane.is_stale


async def test_an_empty_pane_says_so():
    app = pane_app()
    async with app.run_test(size=(60, 8)) as pilot:
        pane = app.query_one(Pane)
        pane.empty = True
        await pilot.pause()
        assert not app.query_one(LiveTable).display
        assert pane.query_one(".pane--empty").display
        pane.empty = False
        await pilot.pause()
        assert app.query_one(LiveTable).display


async def test_a_pane_in_ascii_has_an_ascii_border():
    app = pane_app(glyphs=ASCII)
    async with app.run_test(size=(60, 8)) as pilot:
        await pilot.pause()
        assert app.query_one(Pane).styles.border_top[0] == "ascii"


@pytest.mark.parametrize("theme", ["dark", "light", "high-contrast", "colour-blind", "ansi", "mono"])
async def test_every_theme_carries_the_style_sheets(theme):
    app = pane_app(theme=theme)
    async with app.run_test(size=(60, 8)) as pilot:
        app.query_one(LiveTable).set_rows([Row("1", (Cell("1", "up"),)), Row("2", (Cell("2", "down"),))])
        await pilot.pause()
        up, down = (app.query_one(LiveTable).render_line(y)._segments[0].style for y in (1, 2))
        assert up != down


async def test_an_ascii_terminal_sees_ascii_only():
    app = pane_app(glyphs=ASCII)
    async with app.run_test(size=(60, 8)) as pilot:
        app.query_one(Pane).set_summary("31% · 2 → 3")
        app.query_one(Pane).frozen = True
        app.query_one(LiveTable).set_rows([Row("1", (Cell("—…é"),))])
        await pilot.pause()
        assert app.export_screenshot()
        lines = app.screen._compositor.render_strips()
        assert all(strip.text.isascii() for strip in lines), [s.text for s in lines if not s.text.isascii()]


# Key bar


def test_the_footer_reads_the_live_keymap():
    entries = key_entries(KEYMAP, lambda action: "no position" if action == "position.flatten" else "")
    assert [entry.key for entry in entries[:2]] == ["f9", "K"]
    flatten = next(entry for entry in entries if entry.action_id == "position.flatten")
    assert flatten.reason == "no position"
    without = key_entries(KEYMAP, lambda action: None if action.startswith("replay.") else "")
    assert not any(entry.action_id.startswith("replay.") for entry in without)


def test_the_footer_fits_by_rank():
    entries = key_entries(KEYMAP, lambda _action: "")
    for width in (0, 10, 40, 80, 200):
        placed = fitted(entries, width)
        assert [entry for _, entry in placed] == entries[: len(placed)]
        assert all(x + len(entry.key) + 1 + len(entry.label) <= width for x, entry in placed)


class KeyApp(WidgetApp):
    def __init__(self):
        super().__init__(lambda: [KeyBar()])
        self.pressed = []

    @on(KeyBar.Pressed)
    def note(self, event):
        self.pressed.append((event.action_id, event.reason))


async def test_footer_entries_can_be_clicked():
    app = KeyApp()
    async with app.run_test(size=(80, 5)) as pilot:
        bar = app.query_one(KeyBar)
        bar.set_entries(key_entries(KEYMAP, lambda action: "not now" if action == "engine.kill" else ""))
        await pilot.pause()
        text = bar.render_line(0).text
        assert text.startswith(" f9 Halt  K Kill  s Start")
        await pilot.click(KeyBar, offset=(text.index("Halt"), 0))
        await pilot.click(KeyBar, offset=(text.index("Kill"), 0))
        assert app.pressed == [("engine.halt", ""), ("engine.kill", "not now")]


# Log


async def test_the_log_follows_its_end_until_scrolled_up():
    app = WidgetApp(lambda: [LogView()])
    async with app.run_test(size=(40, 6)) as pilot:
        log = app.query_one(LogView)
        log.write(f"line {n}" for n in range(50))
        await pilot.pause()
        assert log.render_line(5).text.startswith("line 49")
        await pilot.press("up", "k")
        assert not log.following
        log.write(["new 1", LogLine("new 2", "warn")])
        await pilot.pause()
        assert log.new_count == 2
        assert log.render_line(5).text.endswith(" 2 new ")
        assert log.render_line(0).text.startswith("line 42")
        await pilot.press("end")
        assert log.following and log.new_count == 0
        assert log.render_line(5).text.startswith("new 2")


async def test_the_log_is_capped_filtered_and_harmless():
    app = WidgetApp(lambda: [LogView(max_lines=10, empty_text="Nothing logged yet.")])
    async with app.run_test(size=(40, 6)) as pilot:
        log = app.query_one(LogView)
        assert log.render_line(0).text.startswith("Nothing logged yet.")
        log.write([f"line {n}" for n in range(100)] + ["\x1b[31mERROR\x07 bad"])
        await pilot.pause()
        assert log.line_count == 10
        assert log.lines[-1] == "ERROR bad"
        log.set_filter("error")
        assert log.lines == ("ERROR bad",)
        log.write(["other", "error 2"])
        assert log.lines == ("ERROR bad", "error 2")
        log.set_filter("")
        assert log.line_count == 10


async def test_a_held_log_keeps_its_place_while_old_lines_go():
    app = WidgetApp(lambda: [LogView(max_lines=20)])
    async with app.run_test(size=(40, 6)) as pilot:
        log = app.query_one(LogView)
        log.write(f"line {n}" for n in range(20))
        await pilot.pause()
        await pilot.press("up", "up")
        assert log.render_line(0).text.startswith("line 12")
        log.write(["a", "b", "c"])
        await pilot.pause()
        assert log.render_line(0).text.startswith("line 12")
        log.set_lines(["only"])
        assert log.lines == ("only",)


# Prompt


class PromptApp(WidgetApp):
    def __init__(self):
        words = ("status", "start", "stop")
        super().__init__(lambda: [Prompt(candidates=lambda text: [w for w in words if w.startswith(text)])])
        self.heard = []

    @on(Prompt.Submitted)
    def submitted(self, event):
        self.heard.append(event.text)

    @on(Prompt.Cancelled)
    def cancelled(self):
        self.heard.append(None)


async def test_a_line_is_given_and_kept_in_the_history():
    app = PromptApp()
    async with app.run_test(size=(40, 5)) as pilot:
        prompt = app.query_one(Prompt)
        prompt.open("why SOL")
        await pilot.press("enter", *"halt", "enter")
        prompt.open("halt")
        await pilot.press("enter")
        assert app.heard == ["why SOL", "halt", "halt"]
        assert prompt.text == ""
        prompt.open("dra")
        await pilot.press("up")
        assert prompt.text == "halt"
        await pilot.press("up", "up")
        assert prompt.text == "why SOL"
        await pilot.press("down", "down")
        assert prompt.text == "dra"


async def test_tab_completes_and_escape_leaves():
    app = PromptApp()
    async with app.run_test(size=(40, 5)) as pilot:
        prompt = app.query_one(Prompt)
        prompt.open("sto")
        await pilot.pause()
        await pilot.press("tab")
        assert prompt.text == "stop"
        await pilot.press("escape")
        assert prompt.text == "" and app.heard == [None]
        await pilot.press("enter")
        assert app.heard == [None, None]


# Chart


async def test_the_chart_follows_scrolls_and_zooms():
    app = WidgetApp(lambda: [CandleChart(tz=UTC)])
    async with app.run_test(size=(60, 16)) as pilot:
        chart = app.query_one(CandleChart)
        assert chart.render_line(0).text.strip() == "No bars yet."
        data = bars([100.0 + n for n in range(300)], spread=0.3)
        chart.set_data(data[:290], levels=[Level(380.0, "entry")], tick=0.1)
        await pilot.pause()
        chart.focus()
        await pilot.pause()

        def picture():
            return [chart.render_line(y).text for y in range(16)]

        assert any("389.0" in line for line in picture())
        await pilot.press("left", "left")
        held, offset = picture(), chart.offset_candles
        assert offset > 0
        chart.set_data(data, levels=[Level(380.0, "entry")], tick=0.1)
        assert chart.offset_candles == offset + 10
        assert picture() == held
        await pilot.press(*["right"] * 8)
        assert chart.offset_candles == 0
        before = picture()
        await pilot.press("plus")
        assert picture() != before
        await pilot.press("minus", "minus", "minus")
        assert chart.bars_per_candle == 2
        for _ in range(100):
            chart.action_earlier()
        await pilot.pause()
        assert any(line.strip() for line in picture())


async def test_another_instrument_starts_at_its_newest_bar():
    app = WidgetApp(lambda: [CandleChart()])
    async with app.run_test(size=(60, 16)) as pilot:
        chart = app.query_one(CandleChart)
        chart.set_data(bars([1.0] * 200))
        chart.focus()
        await pilot.press("left")
        assert chart.offset_candles
        other = [bar.__class__("ETH", *[getattr(bar, f) for f in bar.__struct_fields__[1:]]) for bar in bars([2.0] * 9)]
        chart.set_data(other)
        assert chart.offset_candles == 0


async def test_remapped_keys_reach_the_widgets():
    table = LiveTable((Column("a", "A", 5),), id="t")
    app = WidgetApp(lambda: [table])
    async with app.run_test(size=(40, 8)) as pilot:
        app.set_keymap(resolve(ACTIONS, {"table.down": "ctrl+y", "row.open": "v"}).for_textual())
        table.set_rows([Row("1", (Cell("1"),)), Row("2", (Cell("2"),))])
        await pilot.press("ctrl+y")
        assert table.cursor_key == "2"
        await pilot.press("up")
        assert table.cursor_key == "1"
        await pilot.press("down", "j")
        assert table.cursor_key == "1"
