"""One engine a profile: an advisory lock on a small file that names the engine's pid."""

import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tradeterm.domain.errors import LedgerError

if sys.platform != "win32":
    import fcntl

_PROBE_PATIENCE = 10  # tries, 20 ms apart: a face that looks whether the lock is held takes it for a few µs


def _lock(descriptor: int, *, shared: bool) -> bool:
    if sys.platform == "win32":
        raise LedgerError("the engine needs file locks that this system does not have; use Linux or macOS")
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_pid(path: Path) -> int:
    for _ in range(5):
        try:
            return int(path.read_text(encoding="ascii"))
        except ValueError:  # the holder is just writing it
            time.sleep(0.002)
    return 0


def held_by(path: Path) -> int | None:
    """The pid of the engine that holds the lock (0 if it cannot be read), None if nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}") from error
    try:
        free = _lock(descriptor, shared=True)
    finally:
        os.close(descriptor)
    return None if free else _read_pid(path)


class EngineLock:
    """Held from acquire to release, or until the process dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Raises LedgerError, naming the pid, when another engine holds the lock."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise LedgerError(f"{self.path} cannot be written: {error.strerror}") from error
        for _ in range(_PROBE_PATIENCE):
            if _lock(descriptor, shared=False):
                break
            time.sleep(0.02)
        else:
            os.close(descriptor)
            raise LedgerError(
                f"another engine (pid {_read_pid(self.path)}) already works on {self.path.parent}; "
                "stop it first or use another profile"
            )
        self._descriptor = descriptor
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode("ascii"), 0)
        except OSError as error:
            self.release()
            raise LedgerError(f"{self.path} cannot be written: {error.strerror}") from error

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
