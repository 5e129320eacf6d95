"""The journal: every event the desk was given and every command it answered with, one JSON object a line.

A header line, then `{"e": event}` and, where the desk answered, `{"c": [command, ...]}`; `{"end": digest}` closes a
run that ended cleanly. A run that was killed has no end and perhaps a torn last line.

It is packed with gzip as it is written: twenty instruments' quotes are 90 MB an hour as they are, and 9 MB packed.
"""

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
from msgspec import Struct

from tradeterm import __version__
from tradeterm.config import Config
from tradeterm.config_file import config_hash
from tradeterm.domain.commands import DeskCommand
from tradeterm.domain.errors import DataError, LedgerError
from tradeterm.domain.events import DeskEvent

FORMAT = 1
SUFFIX = ".jsonl.gz"
_MOST_KEPT = 1000
_LEVEL = 1  # as small as higher ones with so many flushes, in a third of the time
_GZIP = 16 + zlib.MAX_WBITS
_MAGIC = b"\x1f\x8b"


class Header(Struct, frozen=True, kw_only=True):
    journal: int
    version: str
    config_hash: str
    config: Config


class Step(Struct, frozen=True):
    """An event and the encoded commands the desk answered with; None where a killed run left that unknown."""

    event: DeskEvent
    commands: bytes | None


class End(Struct, frozen=True):
    """The run ended cleanly in this state."""

    digest: str


class _Line(Struct, frozen=True):
    """Exactly one member is set. Commands stay raw, to be compared byte for byte."""

    e: DeskEvent | None = None
    c: msgspec.Raw = msgspec.Raw()
    end: str | None = None


class _Event(Struct, frozen=True):
    e: DeskEvent


class _Commands(Struct, frozen=True):
    c: Sequence[DeskCommand]


_Kept = _Event | _Commands

NO_COMMANDS = b"[]"

_encoder = msgspec.json.Encoder()
_lines = msgspec.json.Decoder(_Line)
_headers = msgspec.json.Decoder(Header)


def encode_commands(commands: Sequence[DeskCommand]) -> bytes:
    return _encoder.encode(commands)


class JournalWriter:
    """Appends to a file that must not exist yet. What is given is kept as it is, and encoded and packed by `flush`, so
    that no order waits for that; what was flushed can be read, even if the process ends there.

    Nothing here raises for the disk after the start: `failure` says why the journal ended early, None while all is
    well.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.failure: str | None = None
        self._file: BinaryIO = path.open("xb", buffering=1 << 18)
        self._packer = zlib.compressobj(_LEVEL, wbits=_GZIP)
        self._unpacked: list[_Kept] = []
        self._pack(_encoder.encode(header) + b"\n")

    @property
    def is_full(self) -> bool:
        """So much is kept that packing it should not be put off."""
        return len(self._unpacked) >= _MOST_KEPT

    def event(self, event: DeskEvent) -> None:
        """Call before the desk sees the event, so that a journal also holds the event that broke it."""
        self._unpacked.append(_Event(event))

    def commands(self, commands: Sequence[DeskCommand]) -> None:
        if commands:
            self._unpacked.append(_Commands(commands))

    def flush(self) -> None:
        """Does nothing where nothing is new, or after `close`."""
        if self._unpacked:
            lines = b"".join(_encoder.encode(kept) + b"\n" for kept in self._unpacked)
            self._unpacked.clear()
            self._pack(lines)

    def close(self, digest: str | None) -> None:
        """`digest` None leaves the journal open-ended, as a crash would."""
        self.flush()
        if digest is not None:
            self._put(self._packer.compress(_encoder.encode({"end": digest}) + b"\n"))
        self._put(self._packer.flush())
        self._do(self._file.close)

    def _pack(self, lines: bytes) -> None:
        self._put(self._packer.compress(lines) + self._packer.flush(zlib.Z_SYNC_FLUSH))
        self._do(self._file.flush)

    def _put(self, packed: bytes) -> None:
        """A gap would make a journal worthless, so it ends at the first failure."""
        if packed and self.failure is None:
            self._do(partial(self._file.write, packed))

    def _do(self, work: Callable[[], object]) -> None:
        try:
            work()
        except OSError as error:
            self.failure = self.failure or f"{self.path} cannot be written: {error.strerror}"


def open_journal(folder: Path, run_id: str, config: Config) -> JournalWriter:
    """A new journal for that run. Raises LedgerError where it cannot be written."""
    path = folder / f"{run_id}{SUFFIX}"
    header = Header(journal=FORMAT, version=__version__, config_hash=config_hash(config), config=config)
    try:
        return JournalWriter(path, header)
    except OSError as error:
        raise LedgerError(f"{path} cannot be written: {error.strerror}") from error


def read_journal(path: Path) -> tuple[Header, Iterator[Step | End]]:
    """The header, and the steps as they are asked for; an End comes last if the run ended cleanly. The file may also be
    unpacked.

    Raises DataError when the file is missing, is not a journal, or a line before the last is unreadable.
    """
    try:
        file = _open(path)
    except OSError as error:
        raise DataError(f"{path}: the journal cannot be read: {error.strerror}") from error
    try:
        first = file.readline()
    except (OSError, EOFError, zlib.error) as error:
        file.close()
        raise DataError(f"{path}: this is not a tradeterm journal: {error}") from error
    try:
        header = _headers.decode(first)
    except msgspec.MsgspecError as error:
        file.close()
        raise DataError(f"{path}: this is not a tradeterm journal: {error}") from error
    if header.journal != FORMAT:
        file.close()
        raise DataError(f"{path}: journal format {header.journal} is not {FORMAT}, the one this program reads")
    return header, _steps(_read_lines(path, file))


def _open(path: Path) -> BinaryIO:
    with path.open("rb") as file:
        packed = file.read(len(_MAGIC)) == _MAGIC
    return cast(BinaryIO, gzip.open(path)) if packed else path.open("rb")


def _read_lines(path: Path, file: BinaryIO) -> Iterator[_Line]:
    number = 1
    with file:
        try:
            for raw in file:
                number += 1
                yield _lines.decode(raw)
        except EOFError:
            return  # the run was killed: a packed file that was cut
        except (msgspec.MsgspecError, OSError, zlib.error) as error:
            if isinstance(error, msgspec.MsgspecError) and not raw.endswith(b"\n"):
                return  # the same, in the middle of a line
            raise DataError(f"{path}: line {number} is not readable: {error}") from error


def _steps(lines: Iterator[_Line]) -> Iterator[Step | End]:
    event: DeskEvent | None = None
    for line in lines:
        if bytes(line.c):
            if event is not None:
                yield Step(event, bytes(line.c))
            event = None
            continue
        if event is not None:
            yield Step(event, NO_COMMANDS)
        event = line.e
        if line.end is not None:
            yield End(line.end)
            return
    if event is not None:
        yield Step(event, None)
