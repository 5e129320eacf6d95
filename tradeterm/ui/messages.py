"""Messages of the app's own parts; those of widgets live with their widgets."""

from textual.message import Message


class TabChosen(Message):
    """A tab of a small screen was clicked."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


class LineAsked(Message):
    """A line was given to the prompt: a command, or a question in plain words."""

    def __init__(self, line: str) -> None:
        super().__init__()
        self.line = line
