"""Reading a file of secrets, which must be its owner's alone."""

import os
import stat
from pathlib import Path

from tradeterm.domain.errors import ConfigError


def read_private(path: Path, what: str, most: int) -> str:
    """The text of a file that only its owner may read, at most `most` bytes of it.

    Raises ConfigError with what to do, where `what` names the file ("key file"); never with what was read.
    """
    try:
        with path.open("rb") as opened:
            _check(path, what, os.fstat(opened.fileno()))
            return opened.read(most).decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise ConfigError(f"the {what} {path} cannot be read: {error.strerror or type(error).__name__}") from None


def _check(path: Path, what: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"the {what} {path} is not a file")
    if os.name == "posix" and found.st_uid not in (os.getuid(), 0):
        raise ConfigError(f"the {what} {path} belongs to another user: copy it to a file of your own")
    if os.name == "posix" and found.st_mode & 0o077:
        raise ConfigError(f"others may read the {what} {path}: run chmod 600 {path}")
