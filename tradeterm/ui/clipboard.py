"""Copying text out of a terminal: tmux's buffer, the terminal's own clipboard (OSC 52), and always a file."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

MAX_OSC52_BYTES = 74_994  # what xterm and most others take in one sequence


def copy(text: str, *, send: Callable[[str], None] | None, environ: Mapping[str, str], file: Path) -> str:
    """Copy `text` and say in one sentence what was done; never raises for a terminal or disk that will not.

    `send` writes OSC 52 (Textual's `App.copy_to_clipboard`); terminals do not answer it, so the sentence claims no
    more than that it was sent. `file` keeps the text whatever the terminal did with it.
    """
    kept = _keep(text, file)
    where = _to_clipboard(text, send, environ)
    if where and kept:
        return f"Copied: {where}, also kept in {file}."
    if kept:
        return f"Kept in {file}; this terminal offers no clipboard."
    if where:
        return f"Copied: {where}; {file} could not be written."
    return f"Not copied: this terminal offers no clipboard and {file} could not be written."


def _keep(text: str, file: Path) -> bool:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n", encoding="utf-8")
        file.chmod(0o600)
    except OSError:
        return False
    return True


def _to_clipboard(text: str, send: Callable[[str], None] | None, environ: Mapping[str, str]) -> str:
    """What was done, in words; empty when nothing could be."""
    if environ.get("TMUX") and _tmux(text):
        return "put into tmux's buffer and passed to the terminal"
    if send is None or len(text.encode()) > MAX_OSC52_BYTES:
        return ""
    try:
        send(text)
    except OSError:
        return ""
    return "sent to the terminal's clipboard"


def _tmux(text: str) -> bool:
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"], input=text.encode(), capture_output=True, timeout=1, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
