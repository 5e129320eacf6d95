"""The program's own keys as the framework wants them. Widgets bind their local keys themselves."""

from textual.binding import Binding, BindingType

from tradeterm.ui.actions import ACTIONS
from tradeterm.ui.keymap import framework_key


def app_bindings() -> list[BindingType]:
    """One binding an action, with its id, so that the keymap can move it."""
    bound: list[BindingType] = [Binding("ctrl+c", "do('app.quit')", "Quit", show=False, system=True)]
    for action in ACTIONS:
        if not action.local:
            keys = ",".join(framework_key(key) for key in action.keys)
            deed = "command_palette" if action.id == "app.palette" else f"do('{action.id}')"
            bound.append(Binding(keys, deed, action.label, show=False, id=action.id, priority=action.priority))
    return bound
