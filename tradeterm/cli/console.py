"""The console a command works through, closed when it is done."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradeterm.profile import Profile

if TYPE_CHECKING:
    from tradeterm.console.protocol import Console


@contextmanager
def console_of(profile: Profile) -> Iterator["Console"]:
    """Raises LedgerMissing where no engine has ever run in the profile."""
    from tradeterm.console.client import open_console

    console = open_console(profile)
    try:
        yield console
    finally:
        console.close()
