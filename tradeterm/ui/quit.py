"""Leaving the console: what shall become of the engine. The engine is its own process, so nothing happens to it
unless a person says so; a demo has nothing to go on for and ends with its console."""

from tradeterm.ui.modals.choice import Choice
from tradeterm.ui.model import Scene, is_demo, is_live

LEAVE, STOP, FLATTEN, END = "leave", "stop", "flatten", "end"
_CANCEL = Choice("cancel", "Stay")


def needs_asking(scene: Scene) -> bool:
    """Whether there is an engine that could go on."""
    return scene.running and not (scene.view is not None and scene.view.stopping)


def question(scene: Scene) -> tuple[str, list[str], list[Choice]]:
    """Title, lines and answers of the quit dialog; the first answer has the focus."""
    view = scene.view
    if is_demo(scene):
        lines = ["The demo's engine ends with this console.", "Next time it starts anew, from a fresh account."]
        return "Quit the demo", lines, [Choice(END, "End the demo"), _CANCEL]
    held = len(view.positions) if view is not None else 0
    orders = view.open_orders if view is not None else 0
    money = " with real money" if is_live(scene) else ""
    lines = [
        f"The engine trades on{money} without this console "
        f"({_count(held, 'position')}, {_count(orders, 'open order')}).",
        "What shall become of it?",
    ]
    return (
        "Quit LIVE" if money else "Quit",
        lines,
        [
            Choice(LEAVE, "Leave it running"),
            Choice(STOP, "Stop new entries, exits and stops go on"),
            Choice(FLATTEN, "Flatten and stop: close all, then end the engine", danger=True),
            _CANCEL,
        ],
    )


def is_flat(scene: Scene) -> bool:
    """Whether nothing is left that an engine would have to look after."""
    view = scene.view
    return view is None or not scene.running or (not view.positions and not view.open_orders)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
