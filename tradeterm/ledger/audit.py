"""Audit files: one JSON object a line, each chained to the one before by its hash, so that an edit shows.

A line is `{"n":…,"ts":…,"record":{…},"prev":"…","hash":"…"}`: `hash` is the SHA-256 of the line without it, `prev` the
hash of the line before (64 zeros on the first).
"""

import hashlib
import os
import re
import threading
from enum import StrEnum
from io import FileIO
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.domain.errors import LedgerError

FIRST = "0" * 64
NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding a damaged line raises: no JSON, no UTF-8, or nested beyond all measure."""
_HASH_PART = len(',"hash":""}') + 64
_REDACTED = "[redacted]"
_SECRETS = re.compile(
    r"\bsk-[A-Za-z0-9_-]{8,}"  # keys of AI providers
    r"|\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]*"  # JSON web tokens
    r"|\b[0-9a-fA-F]{64}\b"  # private keys, HMAC signatures
    r"|(?i:\b(?:api[_-]?key|api[_-]?secret|secret|token|password|authorization)\b[\"']?\s*[:=]\s*[\"']?)"
    r"(?:(?i:bearer)\s+)?[^\s\"',;}]+"
)
_SECRET_NAME = re.compile(r"(?i)(api[_-]?key|secret|token|password|passphrase|authorization|signature)$")


class AuditKind(StrEnum):
    """One file each."""

    AI_DECISIONS = "ai_decisions"
    SAFETY_VIOLATIONS = "safety_violations"
    EXECUTION_FAILURES = "execution_failures"
    PNL = "pnl"


class _Line(Struct, frozen=True):
    n: int
    ts: int
    record: Any
    prev: str
    hash: str


class AuditBreak(Struct, frozen=True):
    """The first line (counted from 1) of an audit file that does not fit, and why."""

    line: int
    reason: str


def redact_text(text: str) -> str:
    """The text without anything that looks like a secret."""
    return _SECRETS.sub(_REDACTED, text)


def redact(value: Any) -> Any:
    """Builtins (as JSON has them) without anything that looks like a secret, by name or by form."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {
            redact_text(str(name)): _REDACTED
            if _SECRET_NAME.search(str(name)) and isinstance(item, str) and item
            else redact(item)
            for name, item in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _chain(n: int, ts: int, record: Any, prev: str) -> tuple[bytes, str]:
    body = msgspec.json.encode({"n": n, "ts": ts, "record": record, "prev": prev})
    digest = hashlib.sha256(body).hexdigest()
    return body[:-1] + b',"hash":"' + digest.encode() + b'"}\n', digest


class _Chain:
    """One open audit file."""

    def __init__(self, path: Path) -> None:
        self.file = FileIO(path, "a+")
        path.chmod(0o600)
        self.n = 0
        self.prev = FIRST
        torn = self._find_end()
        if torn:
            self.append(0, {"repaired": f"removed {torn} bytes of a last line that a crash left unfinished"}, True)

    def append(self, ts: int, record: Any, durable: bool) -> None:
        line, digest = _chain(self.n + 1, ts, record, self.prev)
        start = self.file.seek(0, os.SEEK_END)
        try:
            if self.file.write(line) != len(line):
                raise OSError(28, "no space left on the disk")
            if durable:
                os.fsync(self.file.fileno())
        except OSError:
            self.file.truncate(start)  # never leave half a line behind
            raise
        self.n, self.prev = self.n + 1, digest

    def _find_end(self) -> int:
        """Continue where the file ends; returns how many bytes of a torn last line were cut off."""
        size = self.file.seek(0, os.SEEK_END)
        tail, start = b"", size
        while start > 0 and tail.count(b"\n") < 2:
            start = max(0, start - 65536)
            self.file.seek(start)
            tail = self.file.read(size - start)
        end = tail.rfind(b"\n") + 1
        torn = len(tail) - end
        if torn:
            self.file.truncate(size - torn)
        last = tail[:end].rstrip(b"\n").rpartition(b"\n")[2]
        if last:
            try:
                line = msgspec.json.decode(last, type=_Line)
                self.n, self.prev = line.n, line.hash
            except NOT_JSON:  # spoilt by hand: go on, chained to what is there; `verify` names the line
                self.prev = hashlib.sha256(last).hexdigest()
        return torn


class AuditLog:
    """The audit files of a profile, opened as they are needed. Continues their chains over restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._chains: dict[AuditKind, _Chain] = {}
        self._turn = threading.Lock()

    def path(self, kind: AuditKind) -> Path:
        return self.folder / f"{kind.value}.jsonl"

    def append(self, kind: AuditKind, record: Struct | dict[str, Any], *, ts: int, durable: bool = False) -> None:
        """Add a record, without its secrets; `durable` waits for the disk. Any thread may. Raises LedgerError."""
        plain = redact(msgspec.to_builtins(record))
        path = self.path(kind)
        try:
            with self._turn:
                if kind not in self._chains:
                    self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                    self._chains[kind] = _Chain(path)
                self._chains[kind].append(ts, plain, durable)
        except OSError as error:
            raise LedgerError(f"{path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        for chain in self._chains.values():
            chain.file.close()
        self._chains.clear()


def verify(path: Path) -> AuditBreak | None:
    """The first line that breaks the chain, None if every line fits. Raises LedgerError if it cannot be read."""
    prev = FIRST
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if not raw.endswith(b"\n"):
                    return AuditBreak(number, "the last line is unfinished")
                text = raw[:-1]
                try:
                    line = msgspec.json.decode(text, type=_Line)
                except NOT_JSON:
                    return AuditBreak(number, "it is not a record")
                if line.n != number:
                    return AuditBreak(number, f"it has number {line.n}: lines were removed or added")
                if line.prev != prev:
                    return AuditBreak(number, "it does not follow from the line before")
                if hashlib.sha256(text[:-_HASH_PART] + b"}").hexdigest() != line.hash:
                    return AuditBreak(number, "its content was changed")
                prev = line.hash
    except OSError as error:
        raise LedgerError(f"{path} cannot be read: {error.strerror}") from error
    return None
