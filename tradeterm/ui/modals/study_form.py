"""What shall be tried: a study is typed, with what may be written in each field beside it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar

import msgspec
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input, Static

from tradeterm.config import Config
from tradeterm.ui.model import Level
from tradeterm.ui.plain import plain
from tradeterm.ui.research.choices import (
    Choice,
    SeriesOf,
    choice_words,
    completed,
    data_words,
    intervals,
    last_word,
    meant,
    names,
    settings_of,
)
from tradeterm.ui.research.data import Known
from tradeterm.ui.research.wanted import JOINED, VARIES, Kind, Wanted, lack
from tradeterm.ui.research.words import COMMANDS
from tradeterm.ui.screens.parts import Line, Prose
from tradeterm.ui.widgets.tones import glyphs_of

Look = Callable[[str], Awaitable[Known]]
"""What data there is in a folder; with "" where none is named."""

_LABELS: Mapping[str, str] = {
    "name": "Of",
    "data": "Data",
    "symbols": "Symbols",
    "interval": "Bars",
    "start": "From",
    "end": "To",
    "capital": "Capital",
    "settings": "Set",
    "vary": "Vary",
    "ai": "Tier 2",
}
_WAIT_S = 0.4  # after the last letter of a folder, before it is looked at
_TIME = "A day such as 2025-04-06, or a time such as 2025-04-06T12:00, UTC."
_HINTS: Mapping[str, str] = {
    "start": f"First moment of entries. {_TIME} Empty: the beginning of the data.",
    "end": f"End of the data. {_TIME} Empty: all of it.",
    "capital": "What the book starts with, such as 250000. Empty: its own capital, 100,000 for a strategy.",
    "settings": "KEY=VALUE, separated by spaces: the strategy's numbers, and the book's by their groups.",
    "vary": "KEY=VALUE,VALUE, separated by spaces; a sweep also takes LOW:HIGH:STEP.",
    "ai": "Who judges every entry: off, or rules, the offline rules. Empty: off. A model is asked from the command "
    "line: tradeterm backtest --ai live.",
}
_KINDS: Mapping[Kind, str] = {
    Kind.BACKTEST: "Trade it once on the recorded bars, by the live desk's rules.",
    Kind.WALK_FORWARD: "Choose parameters by the past, trade them on what follows.",
    Kind.ROBUSTNESS: "Shake it: parameters, delay, noise, costs, luck.",
    Kind.SWEEP: "Try many variants, and doubt the best of them.",
}


class KindChooser(Widget, can_focus=True):
    """The kinds of run in one line; left and right, or a click, choose."""

    BINDINGS: ClassVar[list[BindingType]] = [("left", "step(-1)", "Before"), ("right,space", "step(1)", "Next")]
    DEFAULT_CSS = "KindChooser { height: 1; width: 1fr; }"

    def __init__(self, kind: Kind) -> None:
        super().__init__(id="kind")
        self.kind = kind

    def render(self) -> Content:
        parts: list[tuple[str, str]] = []
        for kind in Kind:
            style = "reverse bold" if kind is self.kind and self.has_focus else "bold underline"
            parts += [(f" {COMMANDS[kind]} ", style if kind is self.kind else "$muted"), (" ", "")]
        return Content.assemble(*parts)

    def action_step(self, step: int) -> None:
        kinds = list(Kind)
        self._choose(kinds[(kinds.index(self.kind) + step) % len(kinds)])

    def on_click(self, event: events.Click) -> None:
        left = 0
        for kind in Kind:
            left += len(COMMANDS[kind]) + 3
            if event.x < left:
                self._choose(kind)
                return

    def _choose(self, kind: Kind) -> None:
        self.kind = kind
        self.refresh()
        form = self.screen
        if isinstance(form, StudyForm):
            form.kind_chosen()


class _Completion(Suggester):
    def __init__(self, known: Callable[[], Sequence[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        return completed(value, self._known())


class _Field(Input):
    """Enter anywhere starts the run; the right arrow at the end of the line takes the completion."""

    def __init__(self, name: str, value: str, known: Callable[[], Sequence[str]]) -> None:
        listing = name in ("symbols", "settings", "vary")  # there one more is added, elsewhere another is typed
        super().__init__(value, suggester=_Completion(known), select_on_focus=not listing, id=f"field-{name}")
        self.cursor_blink = False
        self.field = name


class StudyForm(ModalScreen[Wanted | None]):
    """Returns what shall be run, or None. It starts with `wanted`; nothing is checked here that the command checks."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "cancel", "Cancel"),
        ("enter", "run", "Run"),
        # Before the field sees them: what is typed at once after them must land in the next field.
        Binding("up,shift+tab", "app.focus_previous", "Before", priority=True),
        Binding("down,tab", "app.focus_next", "Next", priority=True),
    ]

    def __init__(self, wanted: Wanted, config: Config, look: Look) -> None:
        super().__init__()
        self._wanted = wanted
        self._config = config
        self._look = look
        self._names: dict[str, str] = {}
        self._settings: Sequence[Choice] = ()
        self._data: Known = ()
        self._shown: list[tuple[str, str]] = []

    def compose(self) -> ComposeResult:
        ascii = glyphs_of(self).ascii
        with Vertical(classes="dialog -wide", id="study-form") as box:
            box.border_title = "New run"
            box.border_subtitle = (
                "enter run, up/down field, right complete, esc close"
                if ascii
                else "enter run · ↑↓ field · → complete · esc close"
            )
            with Horizontal(classes="field"):
                yield Static("Kind", classes="label")
                yield KindChooser(self._wanted.kind)
            for name, label in _LABELS.items():
                with Horizontal(classes="field", id=f"row-{name}"):
                    yield Static(label, classes="label")
                    yield _Field(name, _text(getattr(self._wanted, name)), partial(self._known, name))
            yield Line(id="form-lack")
            with VerticalScroll(id="form-hint", can_focus=False):
                yield Prose(id="form-words")

    def on_mount(self) -> None:
        self.kind_chosen()
        self.query_one("#field-name", Input).focus()
        self._prepare()
        self._look_at_data()

    @work(group="form", exclusive=True, exit_on_error=False)
    async def _prepare(self) -> None:
        """The first look at strategies imports them: not on the loop."""
        name = self._value("name")
        self._names = await asyncio.to_thread(names, self._config)
        self._settings = await asyncio.to_thread(settings_of, name, self._config)
        self._show_hint()

    def _look_at_data(self) -> None:
        self._list_data(self._value("data"))

    @work(group="form-data", exclusive=True, exit_on_error=False)
    async def _list_data(self, folder: str) -> None:
        if folder:
            await asyncio.sleep(_WAIT_S)
        self._data = await self._look(folder)
        self._show_hint()

    # What is typed

    def _value(self, name: str) -> str:
        return self.query_one(f"#field-{name}", Input).value.strip()

    def _typed(self) -> Wanted:
        return msgspec.structs.replace(
            self._wanted,
            kind=self.query_one(KindChooser).kind,
            name=self._value("name"),
            data=self._value("data"),
            symbols=self._value("symbols"),
            interval=self._value("interval"),
            start=self._value("start"),
            end=self._value("end"),
            capital=self._value("capital"),
            settings=tuple(self._value("settings").split()),
            vary=tuple(self._value("vary").split()),
            ai=self._value("ai"),
        )

    def kind_chosen(self) -> None:
        """What can be varied is asked only where something is chosen among."""
        kind = self.query_one(KindChooser).kind
        self.query_one("#row-vary").display = kind in VARIES
        self.query_one("#row-ai").display = kind is Kind.BACKTEST
        self.query_one("#form-lack", Line).say("")
        self._show_hint()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        field = event.input
        self.query_one("#form-lack", Line).say("")
        if isinstance(field, _Field) and field.field == "name":
            self._prepare()
        elif isinstance(field, _Field) and field.field == "data":
            self._look_at_data()
        self._show_hint()

    # What may be typed

    def _known(self, name: str) -> Sequence[str]:
        """Words that complete the last one of a field."""
        match name:
            case "name":
                return list(self._names)
            case "symbols":
                return sorted({series.symbol for series in self._series()})
            case "interval":
                return intervals()
            case "ai":
                return ("off", "rules")
            case "settings" | "vary":
                return [f"{choice.key}=" for choice in self._settings]
        return ()

    def _series(self) -> Iterator[SeriesOf]:
        if not isinstance(self._data, str):
            for _, listed in self._data:
                yield from listed.series

    def on_descendant_focus(self) -> None:
        self._show_hint()

    def _show_hint(self) -> None:
        if not self.is_mounted or not self.children:
            return
        hint = self._hint()
        if hint != self._shown:
            self._shown = hint
            self.query_one("#form-words", Prose).show(Content.assemble(*hint))

    def _hint(self) -> list[tuple[str, str]]:
        focused = self.focused
        name = focused.field if isinstance(focused, _Field) else "kind"
        match name:
            case "kind":
                return [(_KINDS[self.query_one(KindChooser).kind], "$foreground")]
            case "name":
                text = f"Several books, as one desk: BOOK{JOINED}BOOK.\n\n"
                return [(text, "$foreground")] + [
                    part for key, what in self._names.items() for part in _entry(key, what)
                ]
            case "data":
                text = "A folder of data. Empty: the profile's own; where that is empty, the bundled recording."
                return [(text + "\n\n", "$foreground"), *self._data_hint()]
            case "symbols":
                _, word = last_word(self._value(name))
                known = ", ".join(one for one in self._known(name) if one.casefold().startswith(word.casefold()))
                text = "Symbols, separated by commas. Empty: the book's, or all there are."
                return [(text + "\n\n", "$foreground"), (plain(known), "$muted")]
            case "interval":
                return [(f"One of {', '.join(intervals())}. Empty: the book's, or 5m.", "$foreground")]
            case "settings" | "vary":
                found = meant(self._value(name), self._settings)
                entries = [part for choice in found for part in _entry(choice.key, choice_words(choice))]
                return [(_HINTS[name] + "\n\n", "$foreground"), *entries]
        return [(_HINTS[name], "$foreground")]

    def _data_hint(self) -> list[tuple[str, str]]:
        if isinstance(self._data, str):
            return [(plain(self._data), "$warning")]
        return [(data_words(listed, name) + "\n", "$muted") for name, listed in self._data]

    # Leaving

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_run()

    def action_run(self) -> None:
        wanted = self._typed()
        missing = lack(wanted)
        if missing:
            self.query_one("#form-lack", Line).say(missing, Level.WARNING)
        else:
            self.dismiss(wanted)

    def action_cancel(self) -> None:
        self.dismiss(None)


def _text(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _entry(key: str, words: str) -> list[tuple[str, str]]:
    return [(plain(key), "bold $key"), (f"  {plain(words)}\n", "$muted")]
