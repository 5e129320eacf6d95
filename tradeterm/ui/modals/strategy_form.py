"""A strategy is typed field by field, with what may be written in each below; it needs no model."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Input, Static

from tradeterm.domain.errors import ConfigError
from tradeterm.ui.plain import plain
from tradeterm.ui.research.choices import completed
from tradeterm.ui.screens.parts import Prose
from tradeterm.ui.widgets.tones import glyphs_of

if TYPE_CHECKING:  # it brings the numerical libraries; whoever opens the form has loaded them off the loop
    from tradeterm.assistant.author_form import Field

Check = Callable[[Mapping[str, str]], dict[str, Any]]
"""What was typed as a specification; raises ConfigError, one sentence a mistake. It is called off the loop."""


class _Completion(Suggester):
    def __init__(self, known: Sequence[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._known = known

    async def get_suggestion(self, value: str) -> str | None:
        return completed(value, self._known)


class _Typed(Input):
    """Enter anywhere asks for the card; the right arrow at the end of the line takes the completion."""

    def __init__(self, field: "Field", value: str) -> None:
        known = [*field.known, *(_words() if field.key in ("entry", "exit") else ())]
        super().__init__(value, suggester=_Completion(known), select_on_focus=False, id=f"strategy-{field.key}")
        self.cursor_blink = False
        self.field = field


class StrategyForm(ModalScreen[dict[str, Any] | None]):
    """Returns the specification, or None. `values` are what stands in the fields at first, by key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "cancel", "Cancel"),
        ("enter", "card", "Card"),
        # Before the field sees them: what is typed at once after them must land in the next field.
        Binding("up,shift+tab", "app.focus_previous", "Before", priority=True),
        Binding("down,tab", "app.focus_next", "Next", priority=True),
    ]

    def __init__(self, fields: "Sequence[Field]", values: Mapping[str, str], check: Check) -> None:
        super().__init__()
        self._fields = fields
        self._values = values
        self._check = check
        self.mistakes: tuple[str, ...] = ()

    def compose(self) -> ComposeResult:
        ascii = glyphs_of(self).ascii
        with Vertical(classes="dialog -wide", id="strategy-form") as box:
            box.border_title = "New strategy"
            box.border_subtitle = (
                "enter card, up/down field, right complete, esc close"
                if ascii
                else "enter card · ↑↓ field · → complete · esc close"
            )
            for field in self._fields:
                with Horizontal(classes="field"):
                    yield Static(field.label, classes="label")
                    yield _Typed(field, self._values.get(field.key, field.default))
            with VerticalScroll(id="strategy-hint", can_focus=False):
                yield Prose(id="strategy-words")

    def on_mount(self) -> None:
        self.query(_Typed).first().focus()
        self._show_hint()

    def typed(self) -> dict[str, str]:
        return {each.field.key: each.value for each in self.query(_Typed)}

    def on_descendant_focus(self) -> None:
        self._show_hint()

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.mistakes:
            self.mistakes = ()
            self._show_hint()

    def _show_hint(self) -> None:
        if not self.is_mounted or not self.children:
            return
        focused = self.focused
        parts = [(f"{plain(each)}\n", "$warning") for each in self.mistakes]
        if isinstance(focused, _Typed) and not parts:
            parts.append((plain(focused.field.allowed), "$foreground"))
        self.query_one("#strategy-words", Prose).show(Content.assemble(*parts))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_card()

    @work(group="strategy-form", exclusive=True, exit_on_error=False)
    async def action_card(self) -> None:
        """Check it all; what is wrong is said here, and the form stays."""
        try:
            spec = await asyncio.to_thread(self._check, self.typed())
        except ConfigError as error:
            self.mistakes = tuple(str(error).splitlines())
            self._show_hint()
            return
        self.dismiss(spec)

    def action_cancel(self) -> None:
        self.dismiss(None)


def _words() -> tuple[str, ...]:
    """What a condition is made of."""
    from tradeterm.strategies.declared.spec import IndicatorName, Operator

    return (*IndicatorName, *(op for op in Operator if op.isidentifier()))
