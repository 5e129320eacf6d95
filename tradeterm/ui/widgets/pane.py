"""A quiet box: title on the top edge, summary and data age on the bottom edge, a sentence while it is empty."""

from typing import Self

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region
from textual.reactive import var
from textual.widget import Widget
from textual.widgets import Static

from tradeterm.ui import fmt
from tradeterm.ui.plain import ascii_only, plain
from tradeterm.ui.widgets.tones import glyphs_of

_FRESH_MS = 2000


class Pane(Vertical):
    """Holds one body. `letter` is the key after `g` that jumps here.

    `set_age(ms, limit_ms)` marks the data's age; past the limit the pane dims and says STALE. `stale_part` names a part
    of the data that is stale while the rest is not. While `empty` is true the body gives way to `empty_text`.
    """

    DEFAULT_CSS = """
    Pane {
        border: round $pane-border;
        border-title-color: $pane-title;
        border-title-style: bold;
        border-title-background: $surface;
        border-subtitle-color: $muted;
        border-subtitle-background: $surface;
        background: $surface;
        padding: 0 1;
    }
    Pane:focus-within { border: round $pane-border-focus; }
    Pane.-ascii { border: ascii $pane-border; }
    Pane.-ascii:focus-within { border: ascii $pane-border-focus; }
    Pane.-stale > .pane--body { text-opacity: 60%; }
    Pane > .pane--empty { display: none; color: $muted; height: 1fr; }
    Pane.-empty > .pane--empty { display: block; }
    Pane.-empty > .pane--body { display: none; }
    """

    empty: var[bool] = var(False)
    frozen: var[bool] = var(False)
    summary: var[str] = var("")
    filter_text: var[str] = var("")

    def __init__(
        self,
        *body: Widget,
        title: str,
        letter: str = "",
        empty_text: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.title = title
        self.letter = letter
        self.empty_text = empty_text
        self._body = body
        self._age_ms: float | None = None
        self._limit_ms: float | None = None
        self._stale_part = ""
        self._edges: dict[str, str] = {}
        self._edge: Region | None = None
        self.border_title = _escaped(title)

    def compose(self) -> ComposeResult:
        for widget in self._body:
            widget.add_class("pane--body")
            yield widget
        yield Static(Text(self.empty_text), classes="pane--empty")

    def on_mount(self) -> None:
        self.set_class(glyphs_of(self).ascii, "-ascii")

    @property
    def is_stale(self) -> bool:
        """Whether the data is older than its limit."""
        return self._age_ms is not None and self._limit_ms is not None and self._age_ms > self._limit_ms

    def set_title(self, title: str) -> None:
        self.title = title
        self._draw_edges()

    def set_summary(self, text: str) -> None:
        self.summary = text

    def set_age(self, age_ms: float | None, limit_ms: float | None = None, stale_part: str = "") -> None:
        """Age of what is shown; None where nothing is known of it. Shown from 2 s on, so that calm data is quiet."""
        self._age_ms, self._limit_ms, self._stale_part = age_ms, limit_ms, stale_part
        self.set_class(self.is_stale, "-stale")
        self._draw_edges()

    def watch_empty(self, empty: bool) -> None:
        self.set_class(empty, "-empty")

    def watch_frozen(self) -> None:
        self._draw_edges()

    def watch_summary(self) -> None:
        self._draw_edges()

    def watch_filter_text(self) -> None:
        self._draw_edges()

    def _draw_edges(self) -> None:
        title = _escaped(self.title)
        if self.filter_text:
            title += _escaped(f" · only {self.filter_text!r}")
        if self.frozen:
            title += " · FROZEN"
        if self.is_stale:
            title += " [$stale]· STALE[/]"
        elif self._stale_part:
            title += f" [$stale]· {_escaped(self._stale_part)}[/]"
        aged = fmt.age(self._age_ms) + " ago" if self._age_ms is not None and self._age_ms >= _FRESH_MS else ""
        self._set_edge("border_title", title)
        self._set_edge("border_subtitle", _escaped(" · ".join(part for part in (self.summary, aged) if part)))

    def _set_edge(self, name: str, markup: str) -> None:
        if glyphs_of(self).ascii:
            markup = ascii_only(markup)
        if self._edges.get(name) != markup:
            self._edges[name] = markup
            left, top = self.content_offset
            line = 0 if name == "border_title" else self.outer_size.height - 1
            self._edge = Region(-left, line - top, self.outer_size.width, 1)
            setattr(self, name, markup)
            self._edge = None

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """A new word on an edge repaints that edge: Textual would draw the whole pane, and all that is in it, again."""
        if self._edge and not regions:
            regions = (self._edge,)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)


def _escaped(text: str) -> str:
    """Harmless in the markup of a border."""
    return plain(text).replace("[", r"\[")
