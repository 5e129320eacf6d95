"""Text from outside on its way into a tool result: cleaned, cut, and left out where it reads like an instruction."""

import re
from typing import Any

from tradeterm.validators import untrusted

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9&_.:+-]{0,59}")
_LEFT_OUT = "a text that reads like an instruction was left out; the operator can read it on the screen"


def quoted(text: str) -> dict[str, Any] | None:
    """What may be told of a text that an exchange, a model or another outsider wrote; None where there is none."""
    found = untrusted.clean([text])
    if found.suspicious:
        return {"left_out": _LEFT_OUT}
    return {"quoted": found.items[0]} if found.items else None


def name(text: str) -> str:
    """A symbol, id or model as it is; what does not look like one, or reads like an instruction, is not told."""
    return text if _NAME.fullmatch(text) and not untrusted.is_suspicious(text) else "(unusual name)"
