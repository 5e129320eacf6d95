import time

import pytest
from textual import on
from widget_samples import WidgetApp

from tradeterm.ui.widgets.live_table import Cell, Column, LiveTable, Row

COLUMNS = (
    Column("symbol", "Symbol", 10, priority=100, min_width=6),
    Column("pnl", "PnL", 6, "decimal", 80),
    Column("note", "Note", 10, priority=10),
)


def make(key, pnl=1.0, note="", style=""):
    return Row(key, (Cell(key), Cell(f"{pnl:+.2f}", style), Cell(note)), (key, pnl, note))


class TableApp(WidgetApp):
    def __init__(self, **options):
        super().__init__(lambda: [LiveTable(COLUMNS, empty_text="No open position.", id="t")], **options)
        self.heard = []

    @property
    def table(self):
        return self.query_one(LiveTable)

    @on(LiveTable.RowHighlighted)
    def highlighted(self, event):
        self.heard.append(("at", event.key))

    @on(LiveTable.RowSelected)
    def selected(self, event):
        self.heard.append(("open", event.key))

    def text(self, y):
        return self.table.render_line(y).text.rstrip()


async def test_rows_under_a_header_and_a_sentence_when_empty():
    app = TableApp()
    async with app.run_test(size=(40, 8)) as pilot:
        assert app.text(0).split() == ["Symbol", "PnL", "Note"]
        assert app.text(1) == "No open position."
        app.table.set_rows([make("BTC", 18.83), make("ETH", -3850.5)])
        await pilot.pause()
        assert app.text(1).split() == ["BTC", "+18.83"]
        assert app.text(1).index(".") == app.text(2).index(".")
        assert app.table.cursor_key == "BTC"
        assert app.heard == [("at", "BTC")]


async def test_keys_move_and_open():
    app = TableApp()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows([make(f"K{n:02}") for n in range(30)])
        await pilot.press("down", "j", "k")
        assert app.table.cursor_key == "K01"
        await pilot.press("end")
        assert app.table.cursor_key == "K29"
        assert app.table.scroll_offset.y == 30 - 7
        assert app.text(7).startswith("K29")
        await pilot.press("pageup")
        assert app.table.cursor_key == "K22"
        await pilot.press("home", "up")
        assert app.table.cursor_key == "K00"
        assert app.table.scroll_offset.y == 0
        await pilot.press("pagedown", "enter")
        assert app.heard[-2:] == [("at", "K07"), ("open", "K07")]


async def test_the_cursor_stays_on_its_key_and_else_on_its_line():
    app = TableApp()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows([make("A"), make("B"), make("C")])
        app.table.move_cursor("B")
        app.table.set_rows([make("X"), make("A"), make("C"), make("B")])
        await pilot.pause()
        assert app.table.cursor_key == "B"
        app.table.move_cursor("A")
        app.table.set_rows([make("X"), make("C"), make("B")])
        assert app.table.cursor_key == "C"
        app.table.set_rows([])
        await pilot.pause()
        assert app.table.cursor_key is None
        assert app.heard[-1] == ("at", None)
        await pilot.press("down", "enter", "end")


async def test_only_changed_lines_are_repainted(monkeypatch):
    app = TableApp()
    async with app.run_test(size=(40, 12)) as pilot:
        rows = [make(f"K{n}") for n in range(8)]
        app.table.set_rows(rows)
        await pilot.pause()
        asked = []
        monkeypatch.setattr(app.table, "refresh", lambda *regions, **_options: asked.append(regions))
        app.table.set_rows(list(rows))
        assert asked == []
        rows[3] = make("K3", 2.0)
        rows[5] = make("K5", 3.0)
        app.table.set_rows(rows)
        assert sorted(region.y for region in asked[0]) == [4, 6]
        assert all(region.height == 1 for region in asked[0])
        assert "+2.00" in app.text(4)


async def test_lines_out_of_sight_cost_nothing(monkeypatch):
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        rows = [make(f"K{n}") for n in range(100)]
        app.table.set_rows(rows)
        await pilot.pause()
        asked = []
        monkeypatch.setattr(app.table, "refresh", lambda *regions, **_options: asked.append(regions))
        rows[50] = make("K50", 7.0)
        app.table.set_rows(rows)
        assert asked == []


async def test_fewer_rows_scroll_back_into_sight():
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.table.set_rows([make(f"K{n}") for n in range(100)])
        await pilot.press("end")
        app.table.set_rows([make("A"), make("B")])
        await pilot.pause()
        assert app.table.scroll_offset.y == 0
        assert app.text(1).startswith("A")


async def test_short_rows_are_no_trouble():
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.table.set_rows([Row("a", (Cell("only"),)), Row("b", ())])
        await pilot.pause()
        assert app.text(1) == "only" and app.text(2) == ""


async def test_frozen_rows_wait_and_come_together():
    app = TableApp()
    async with app.run_test(size=(40, 6)):
        app.table.set_rows([make("A")])
        app.table.frozen = True
        app.table.set_rows([make("B")])
        app.table.set_rows([make("C")])
        assert app.table.keys == ("A",)
        app.table.frozen = False
        assert app.table.keys == ("C",)


async def test_filter_and_its_sentence():
    app = TableApp()
    async with app.run_test(size=(40, 6)):
        app.table.set_rows([make("BTC", note="long"), make("ETH", note="short"), make("SOL", note="long")])
        app.table.set_filter("LONG")
        assert app.table.keys == ("BTC", "SOL")
        app.table.set_rows([make("BTC", note="short"), make("ETH", note="long"), make("SOL", note="long")])
        assert app.table.keys == ("ETH", "SOL")
        app.table.set_filter("nothing")
        assert app.text(1) == "No row contains 'nothing'."
        app.table.set_filter("")
        assert app.table.row_count == 3


async def test_sort_cycles_through_the_columns_and_back():
    app = TableApp()
    async with app.run_test(size=(40, 6)):
        app.table.set_rows([make("B", 1.0, "x"), make("C", 3.0, "z"), make("A", 2.0, "y")])
        app.table.cycle_sort()
        assert (app.table.sorted_by, app.table.keys) == (("symbol", False), ("A", "B", "C"))
        app.table.cycle_sort()
        assert (app.table.sorted_by, app.table.keys) == (("pnl", True), ("C", "A", "B"))
        assert "▾PnL" in app.text(0)
        app.table.set_rows([make("B", 9.0, "x"), make("C", 3.0, "z"), make("A", 2.0, "y")])
        assert app.table.keys == ("B", "C", "A")
        app.table.cycle_sort()
        app.table.cycle_sort()
        assert (app.table.sorted_by, app.table.keys) == (None, ("B", "C", "A"))


async def test_mouse_clicks_on_rows_and_header():
    app = TableApp()
    async with app.run_test(size=(40, 8)) as pilot:
        app.table.set_rows([make("B", 1.0), make("A", 2.0)])
        await pilot.click(LiveTable, offset=(2, 2))
        assert app.table.cursor_key == "A"
        await pilot.click(LiveTable, offset=(2, 1), times=2)
        assert ("open", "B") in app.heard
        await pilot.click(LiveTable, offset=(2, 0))
        assert app.table.keys == ("A", "B")
        await pilot.click(LiveTable, offset=(2, 0))
        assert app.table.sorted_by == ("symbol", True)


async def test_outside_text_is_harmless():
    app = TableApp()
    async with app.run_test(size=(60, 6)):
        app.table.set_rows([Row("x", (Cell("[red]\x1b[31mX\n"), Cell("1"), Cell("\u202eevil")))])
        assert app.text(1).startswith("[red]X")
        assert "\u202e" not in app.text(1) and "\x1b" not in app.text(1)


async def test_narrow_widths_drop_columns_and_never_scroll_sideways():
    app = TableApp()
    async with app.run_test(size=(60, 6)) as pilot:
        app.table.set_rows([make("BTC", 18.83, "note")])
        await pilot.pause()
        assert "Note" in app.text(0)
        await pilot.resize_terminal(20, 6)
        await pilot.pause()
        assert "Note" not in app.text(0) and "PnL" in app.text(0)
        assert not app.table.show_horizontal_scrollbar
        await pilot.resize_terminal(3, 2)
        await pilot.pause()
        assert len(app.table.render_line(0).text) == 3


async def test_a_new_theme_repaints_with_its_colours():
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.table.set_rows([make("A"), make("B", style="up")])
        await pilot.pause()

        def colours():
            return {segment.style.color.name for segment in app.table.render_line(2) if "+" in segment.text}

        dark = colours()
        app.theme = "tradeterm-light"
        await pilot.pause()
        assert dark == {"#3fb950"}
        assert colours() == {"#116329"}


async def test_the_cursor_shows_where_the_focus_is():
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        app.table.set_rows([make("A")])
        await pilot.pause()
        focused = app.table.render_line(1)._segments[0].style.bgcolor
        app.set_focus(None)
        await pilot.pause()
        assert app.table.render_line(1)._segments[0].style.bgcolor != focused


@pytest.mark.parametrize("number", [10_000])
async def test_ten_thousand_rows_are_quick(number):
    app = TableApp()
    async with app.run_test(size=(80, 30)) as pilot:
        rows = [make(f"K{n}", float(n)) for n in range(number)]
        app.table.set_rows(rows)
        await pilot.pause()
        rows[17] = make("K17", 0.5)
        began = time.perf_counter()
        app.table.set_rows(rows)
        spent = time.perf_counter() - began
        assert spent < 0.2  # about 5 ms; the bound only catches a change of order
        await pilot.press("end")
        assert app.table.cursor_key == f"K{number - 1}"
