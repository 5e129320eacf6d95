"""What applying a proposal has to go by, and what comes of it."""

from msgspec import Struct

from tradeterm.assistant.ask import Proposed
from tradeterm.config import Config
from tradeterm.console.protocol import Console
from tradeterm.profile import Profile


class Around(Struct, frozen=True):
    """The desk as it is when a line is typed; `profile` says where its files lie."""

    console: Console
    config: Config
    profile: Profile


class Applied(Struct, frozen=True):
    """`command` is for the face to send; `text` is what the person is told."""

    text: str
    command: Proposed | None = None
