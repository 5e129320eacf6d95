"""A table for rows that change many times a second: each line is a cached strip, only changed lines are repainted."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import var
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tradeterm.ui.diff import diff_rows
from tradeterm.ui.plain import ascii_only, fit, plain
from tradeterm.ui.widgets.local_keys import local_bindings
from tradeterm.ui.widgets.table_layout import (
    GAP,
    Cell,
    Column,
    Measures,
    Row,
    Sort,
    fit_columns,
    matches,
    sorted_rows,
)
from tradeterm.ui.widgets.tones import glyphs_of, tone_style

__all__ = ["Cell", "Column", "LiveTable", "Row"]

_MAX_STRIPS = 2048
_NO_CELL = Cell("")


class LiveTable(ScrollView, can_focus=True):
    """Rows under a fixed header. The cursor stays on its row's key whatever the rows do around it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *local_bindings("table"),
        Binding("enter", "select", "Detail", show=False, id="row.open"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"table--header", "table--cursor", "table--empty"}
    DEFAULT_CSS = """
    LiveTable {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        height: 1fr;
        background: $surface;
        color: $foreground;
    }
    LiveTable > .table--header { color: $muted; }
    LiveTable > .table--empty { color: $muted; }
    LiveTable > .table--cursor { background: $selection-blurred; color: $selection-blurred-text; }
    LiveTable:focus > .table--cursor { background: $selection; color: $selection-text; text-style: bold; }
    """

    frozen: var[bool] = var(False)

    class RowHighlighted(Message):
        """The cursor came to stand on another row; `key` is None in an empty table."""

        def __init__(self, table: "LiveTable", key: str | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> "LiveTable":
            return self.table

    class RowSelected(Message):
        """A row was opened with the key or a second click."""

        def __init__(self, table: "LiveTable", key: str) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> "LiveTable":
            return self.table

    def __init__(
        self, columns: Sequence[Column], *, empty_text: str = "", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.empty_text = empty_text
        self._rows: tuple[Row, ...] = ()  # as given
        self._shown: list[Row] = []  # filtered and sorted
        self._waiting: Sequence[Row] | None = None  # given while frozen
        self._lines: dict[str, int] = {}
        self._cursor: str | None = None
        self._filter: tuple[str, ...] = ()
        self._sort: Sort | None = None
        self._measures = Measures(self.columns)
        self._layout: tuple[tuple[int, int], ...] = ()
        self._layout_for = -1
        self._strips: dict[tuple[str, bool], tuple[Row, Strip]] = {}
        self._colours: dict[str, str] = {}
        self._looks: dict[str, Style] = {}

    # What is in it

    @property
    def cursor_key(self) -> str | None:
        """The key of the row under the cursor."""
        return self._cursor

    @property
    def row_count(self) -> int:
        """Rows that pass the filter."""
        return len(self._shown)

    @property
    def total_count(self) -> int:
        return len(self._rows)

    @property
    def filter_text(self) -> str:
        return " ".join(self._filter)

    @property
    def sorted_by(self) -> tuple[str, bool] | None:
        """Column key and whether descending; None in the given order."""
        return None if self._sort is None else (self.columns[self._sort.column].key, self._sort.descending)

    @property
    def cursor_row(self) -> Row | None:
        return None if self._cursor is None else self._shown[self._lines[self._cursor]]

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys of the shown rows from top to bottom."""
        return tuple(self._lines)

    def set_columns(self, columns: Sequence[Column]) -> None:
        """Show these columns, without rows and in no order of its own, unless they are those already."""
        if tuple(columns) == self.columns:
            return
        self.columns = tuple(columns)
        self._measures = Measures(self.columns)
        self._rows, self._waiting, self._sort = (), None, None
        self._arrange()
        self._relayout()

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Show these rows, whose keys must be unique. Touches only lines that differ; waits while frozen."""
        if self.frozen:
            self._waiting = rows
            return
        change = diff_rows(self._rows, rows)
        if not change:
            return
        touched = change.added | change.changed
        self._rows = tuple(rows)
        grown = self._measures.grow(row for row in rows if row.key in touched)
        if change.in_place and not self._filter and (self._sort is None or not self._sort_moved(rows, change.changed)):
            self._replace_in_place(rows, change.changed)
        else:
            self._arrange()
        if grown:
            self._relayout()

    def set_filter(self, text: str) -> None:
        """Show only rows that contain every word of `text`, whatever the case."""
        words = tuple(text.casefold().split())
        if words != self._filter:
            self._filter = words
            self._arrange()

    def cycle_sort(self) -> None:
        """Sort by the next shown column; after the last one, back to the given order."""
        shown = [at for at, _ in self._columns_shown()]
        here = shown.index(self._sort.column) + 1 if self._sort and self._sort.column in shown else 0
        if self._sort is not None and here >= len(shown):
            self._set_sort(None)
        elif shown:
            self._set_sort(Sort(shown[here], self.columns[shown[here]].is_number))

    def move_cursor(self, key: str) -> None:
        """Put the cursor on a row if it is shown."""
        if key in self._lines:
            self._go(self._lines[key])

    def watch_frozen(self, frozen: bool) -> None:
        if not frozen and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            self.set_rows(waiting)

    # Keeping order

    def _sort_moved(self, rows: Sequence[Row], changed: frozenset[str]) -> bool:
        """Whether sorting the new rows gives another order than the one shown."""
        return bool(changed) and [row.key for row in sorted_rows(rows, self._sort)] != list(self._lines)

    def _replace_in_place(self, rows: Sequence[Row], changed: frozenset[str]) -> None:
        new = {row.key: row for row in rows if row.key in changed}
        top, width = self.scroll_offset.y, self.size.width
        visible = range(top, top + max(0, self.size.height - 1))
        regions = []
        for key, row in new.items():
            line = self._lines[key]
            self._shown[line] = row
            if line in visible:
                regions.append(Region(0, line - top + 1, width, 1))
        if regions:
            self.refresh(*regions)

    def _arrange(self) -> None:
        """Filter and sort anew, keeping the cursor on its key or, if that went, on its line."""
        before, line = self._cursor, self._lines.get(self._cursor or "", 0)
        self._shown = sorted_rows([row for row in self._rows if matches(row, self._filter)], self._sort)
        self._lines = {row.key: at for at, row in enumerate(self._shown)}
        if len(self._strips) > len(self._lines) + 64:
            self._strips = {key: kept for key, kept in self._strips.items() if key[0] in self._lines}
        self._resize_virtual()
        if before not in self._lines:
            self._cursor = self._shown[min(line, len(self._shown) - 1)].key if self._shown else None
        if self._cursor != before:
            self.post_message(self.RowHighlighted(self, self._cursor))
        self.refresh()

    def _set_sort(self, sort: Sort | None) -> None:
        self._sort = sort
        self._arrange()
        if self._cursor is not None:
            self._show_line(self._lines[self._cursor])

    # Moving about

    def _go(self, line: int) -> None:
        if not self._shown:
            return
        line = max(0, min(line, len(self._shown) - 1))
        old = self._lines.get(self._cursor or "")
        key = self._shown[line].key
        if key != self._cursor:
            self._cursor = key
            for changed in {line, old} - {None}:
                self.refresh(self._line_region(changed or 0))
            self.post_message(self.RowHighlighted(self, key))
        self._show_line(line)

    def _line_region(self, line: int) -> Region:
        return Region(0, line - self.scroll_offset.y + 1, self.size.width, 1)

    def _show_line(self, line: int) -> None:
        page = self._page
        top = self.scroll_offset.y
        if line < top:
            self.scroll_to(y=line, animate=False, force=True)
        elif line >= top + page:
            self.scroll_to(y=line - page + 1, animate=False, force=True)

    @property
    def _page(self) -> int:
        return max(1, self.size.height - 1)

    @property
    def _line(self) -> int:
        return self._lines.get(self._cursor or "", 0)

    def action_up(self) -> None:
        self._go(self._line - 1)

    def action_down(self) -> None:
        self._go(self._line + 1)

    def action_page_up(self) -> None:
        self._go(self._line - self._page)

    def action_page_down(self) -> None:
        self._go(self._line + self._page)

    def action_first(self) -> None:
        self._go(0)

    def action_last(self) -> None:
        self._go(len(self._shown) - 1)

    def action_select(self) -> None:
        if self._cursor is not None:
            self.post_message(self.RowSelected(self, self._cursor))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._sort_by_click(offset.x)
            return
        line = self.scroll_offset.y + offset.y - 1
        if line < len(self._shown):
            self._go(line)
            if event.chain == 2:
                self.action_select()

    def _sort_by_click(self, x: int) -> None:
        left = 0
        for at, width in self._columns_shown():
            if x < left + width + GAP:
                down = self.columns[at].is_number
                again = self._sort is not None and self._sort.column == at
                self._set_sort(Sort(at, not self._sort.descending if again and self._sort else down))
                return
            left += width + GAP

    # Drawing

    def _resize_virtual(self) -> None:
        size = Size(self.size.width, len(self._shown) + 1)
        if size != self.virtual_size:
            self.virtual_size = size

    def _relayout(self) -> None:
        self._layout_for = -1
        self._strips.clear()
        self.refresh()

    def on_resize(self) -> None:
        self._resize_virtual()
        if self._cursor is not None:
            self._show_line(self._line)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._forget_looks()

    def on_focus(self) -> None:
        self._forget_looks()

    def on_blur(self) -> None:
        self._forget_looks()

    def _forget_looks(self) -> None:
        self._looks.clear()
        self._strips.clear()

    def _look(self, name: str) -> Style:
        """The whole style of a tone or a part; kept, since composing styles is most of the cost of a line."""
        style = self._looks.get(name)
        if style is None:
            base = self.rich_style
            if name.startswith("table--"):
                style = base + self.get_component_rich_style(name, partial=True)
            else:
                style = base + tone_style(self, name)
            self._looks[name] = style
        return style

    def _columns_shown(self) -> tuple[tuple[int, int], ...]:
        width = self.scrollable_content_region.width
        if width != self._layout_for:
            self._layout = fit_columns(self.columns, self._measures.needed, width)
            self._layout_for = width
            self._strips.clear()
        return self._layout

    def render_line(self, y: int) -> Strip:
        if self._colours is not self.app.theme_variables:
            self._colours = self.app.theme_variables
            self._forget_looks()
        columns = self._columns_shown()
        width = self._layout_for
        if y == 0:
            return self._header(columns, width)
        line = y - 1 + self.scroll_offset.y
        if line >= len(self._shown):
            return self._blank(y, width)
        row = self._shown[line]
        at_cursor = row.key == self._cursor
        cached = self._strips.get((row.key, at_cursor))
        if cached is not None and cached[0] is row:
            return cached[1]
        strip = self._row_strip(row, at_cursor, columns, width)
        if len(self._strips) >= _MAX_STRIPS:
            self._strips.clear()
        self._strips[row.key, at_cursor] = (row, strip)
        return strip

    def _header(self, columns: Sequence[tuple[int, int]], width: int) -> Strip:
        glyphs = glyphs_of(self)
        parts = []
        for at, cells in columns:
            column = self.columns[at]
            title = column.title
            if self._sort is not None and self._sort.column == at:
                mark = glyphs.sort_down if self._sort.descending else glyphs.sort_up
                title = mark + title if column.is_number else title + mark
            parts.append(fit(title.rjust(cells) if column.is_number else title, cells, glyphs.ellipsis))
        text = fit((" " * GAP).join(parts), width, glyphs.ellipsis)
        return Strip([Segment(text, self._look("table--header"))], width)

    def _blank(self, y: int, width: int) -> Strip:
        if y == 1 and not self._shown:
            text = f"No row contains {self.filter_text!r}." if self._filter and self._rows else self.empty_text
            return Strip([Segment(fit(text, width, glyphs_of(self).ellipsis), self._look("table--empty"))], width)
        return Strip.blank(width, self._look(""))

    def _row_strip(self, row: Row, at_cursor: bool, columns: Sequence[tuple[int, int]], width: int) -> Strip:
        """The row's cells and the gaps between them; neighbours of one style are one segment."""
        glyphs = glyphs_of(self)
        shown = _shown_ascii if glyphs.ascii else plain
        base = self._look("table--cursor" if at_cursor else "")
        segments: list[Segment] = []
        text, style, length, gap = "", base, 0, ""
        for at, cells in columns:
            cell = row.cells[at] if at < len(row.cells) else _NO_CELL
            here = base if at_cursor or not cell.style else self._look(cell.style)
            placed = self._measures.placed(shown(cell.text), at, cells, glyphs.ellipsis)
            if here is style:
                text += gap + placed
            else:
                seamless = style.bgcolor == base.bgcolor  # else a coloured cell would reach into the gap
                segments.append(Segment(text + gap if seamless else text, style))
                if not seamless:
                    segments.append(Segment(gap, base))
                text, style = placed, here
            length += cells + len(gap)
            gap = " " * GAP
        segments.append(Segment(text, style))
        segments.append(Segment(" " * (width - length), base))
        return Strip([segment for segment in segments if segment.text], max(width, length))


def _shown_ascii(text: str) -> str:
    return ascii_only(plain(text))
