"""What must stand in the environment before Textual is imported; it reads its settings at import time."""

import os
from collections.abc import MutableMapping

from tradeterm.config import UiConfig

_SETTINGS = {
    "TEXTUAL_ANIMATIONS": "none",
    "TEXTUAL_SMOOTH_SCROLL": "0",
    "ESCDELAY": "25",
}
_FRAMES, _FRAMES_SLOW = "40", "20"  # a keypress is painted within 25 ms; more only costs bytes over SSH
_SLOW_LINK = 2.0  # who asks for fewer repaints than this a second sits behind a slow link


def prepare(ui: UiConfig, environ: MutableMapping[str, str] = os.environ) -> None:
    """Set the framework's variables; what the user has set already stays."""
    for name, value in _SETTINGS.items():
        environ.setdefault(name, value)
    environ.setdefault("TEXTUAL_FPS", _FRAMES if ui.paint_rate >= _SLOW_LINK else _FRAMES_SLOW)
