"""Bindings of a widget's own keys, taken from the action table so that they can be remapped like all others."""

from textual.binding import Binding, BindingType

from tradeterm.ui.actions import ACTIONS
from tradeterm.ui.keymap import framework_key


def local_bindings(widget: str) -> list[BindingType]:
    """A binding for every action local to `widget`; "table.page_up" calls `action_page_up`."""
    return [
        Binding(
            ",".join(framework_key(key) for key in action.keys),
            action.id.partition(".")[2],
            action.label,
            show=False,
            id=action.id,
        )
        for action in ACTIONS
        if action.local == widget
    ]
