"""Text from outside made harmless: no control characters, no escape sequences, no direction marks, one line."""

import re

from rich.cells import cell_len, set_cell_size

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # operating system commands: titles, links, clipboard
    r"|\x1b[PX^_].*?(?:\x1b\\|$)"  # device and privacy strings
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"  # control sequences: colours, cursor
    r"|\x1b[ -/]*[0-~]?",
    re.DOTALL,
)
_SPACES = re.compile(r"[\t\n\r\v\f\x85\u2028\u2029]+")
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)


def plain(text: str) -> str:
    """The text as one printable line. Removes what could colour, move, hide, reorder or draw outside its cell."""
    if text.isascii() and text.isprintable():
        return text
    return _HIDDEN.sub("", _SPACES.sub(" ", _ESCAPES.sub("", text)))


def fit(text: str, width: int, ellipsis: str = "…") -> str:
    """The text in exactly `width` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    length = len(text) if text.isascii() else cell_len(text)
    if length <= width:
        return text + " " * (width - length)
    return set_cell_size(text, width - 1) + ellipsis


_ASCII = str.maketrans(
    {"—": "-", "–": "-", "·": "-", "…": "~", "×": "x", "≥": ">", "≤": "<", "→": ">", "←": "<", "↑": "^", "↓": "v"}
    | {"‘": "'", "’": "'", "“": '"', "”": '"', "−": "-", "µ": "u", "✓": "+", "✗": "x", "\u00a0": " "}
)


def ascii_only(text: str) -> str:
    """The text for a terminal that can show nothing else; each character keeps its cell."""
    if text.isascii():
        return text
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
