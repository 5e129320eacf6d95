"""The terminal itself: a sound, or a desktop notification where the terminal makes them."""

from typing import TextIO

from tradeterm.config import BellConfig, BellStyle
from tradeterm.notify.aside import Aside
from tradeterm.notify.protocol import Notification, NotifyRefused, NotifyUnavailable
from tradeterm.notify.text import body, title

_BELL = "\a"


class Bell:
    name = "bell"

    def __init__(self, config: BellConfig, terminal: TextIO) -> None:
        self.level = config.level
        self._style = config.style
        self._terminal = terminal
        self._aside = Aside(self.name)  # a stopped terminal (ctrl+s) takes no output

    async def send(self, message: Notification) -> None:
        if self._terminal.closed or not self._terminal.isatty():
            raise NotifyRefused("bell: this engine has no terminal to ring")
        sequence = _sequence(self._style, message)
        try:
            await self._aside.run(lambda: self._write(sequence))
        except (OSError, ValueError):  # gone or closed
            raise NotifyUnavailable("bell: the terminal takes no output") from None

    async def close(self) -> None:
        """The terminal is not ours to close."""

    def _write(self, sequence: str) -> None:
        self._terminal.write(sequence)
        self._terminal.flush()


def _sequence(style: BellStyle, message: Notification) -> str:
    """Both parts are clean of control characters; `;` separates the fields and would end one early."""
    heading, text = (part.replace("\n", " ").replace(";", ",") for part in (title(message), body(message)))
    match style:
        case BellStyle.BELL:
            return _BELL
        case BellStyle.OSC9:  # begins with the source: "4," after "9;" would be a progress bar
            return f"\x1b]9;{heading}: {text}\x1b\\{_BELL}"
        case BellStyle.OSC777:
            return f"\x1b]777;notify;{heading};{text}\x1b\\{_BELL}"
