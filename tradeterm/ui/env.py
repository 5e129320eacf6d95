"""What must stand in the environment before Textual is imported; it reads its settings at import time."""

import os
from collections.abc import MutableMapping

from tradeterm.config import UiConfig

_SETTINGS = {
    "TEXTUAL_FPS": "40",  # a keypress is painted within 25 ms; more only costs bytes over SSH
    "TEXTUAL_ANIMATIONS": "none",
    "TEXTUAL_SMOOTH_SCROLL": "0",
    "ESCDELAY": "25",
}


def prepare(ui: UiConfig, environ: MutableMapping[str, str] = os.environ) -> None:
    """Set the framework's variables; what the user has set already stays."""
    for name, value in _SETTINGS.items():
        environ.setdefault(name, value)
    if ui.theme == "ansi":
        environ.setdefault("TEXTUAL_COLOR_SYSTEM", "standard")
