"""An applied strategy on disk: its file, the versions before it, and the configuration of its paper book."""

import hashlib
import os
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from tradeterm.assistant.author import CAPITAL, Draft, draft_of, folder_of, live_symbols
from tradeterm.config import Config
from tradeterm.config_file import read_config
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile, find_profile
from tradeterm.strategies.declared.book import book_name, book_of, book_toml
from tradeterm.strategies.declared.diff import differences
from tradeterm.strategies.declared.files import SUFFIXES
from tradeterm.strategies.declared.read import read_file

_PAPER, _VERSIONS = "paper", "versions"
_LONGEST_PROFILE = 32
_HEAD = """\
# The paper book of {name}: play money on Bybit's live prices, without an account or a key. Made from {file}.
# Start it with: {command}
mode = "paper"

"""
_FEED = """
[feed]
kind = "bybit"
"""


class Standing(Struct, frozen=True):
    """What lies where a strategy's file would be written. `mark` changes whenever its content does, "" where there is
    no file; `diff` has a sentence for each difference, none where it says the same."""

    path: Path
    mark: str
    diff: tuple[str, ...]


class Written(Struct, frozen=True):
    """`kept` is where the version before went; `book` the configuration of the paper book, None where there is no live
    price for it, and `command` what starts it."""

    file: Path
    kept: Path | None
    book: Path | None
    command: str


def standing(draft: Draft, profile: Profile) -> Standing:
    """Compare with the person's own file of that name."""
    folder = folder_of(profile)
    path = next((path for path in _candidates(folder, draft.spec.name) if path.exists()), None)
    if path is None:
        return Standing(folder / f"{draft.spec.name}.json", "", ())
    mark = _mark(path)
    try:
        return Standing(path, mark, tuple(differences(read_file(path), draft.spec)))
    except ConfigError:
        return Standing(path, mark, ("the file there has mistakes and cannot be compared",))


def write(draft: Draft, config: Config, profile: Profile, mark: str) -> Written:
    """Write the strategy's file and its paper book, each whole or not at all; what was there before is kept.

    `mark` is that of the file the person was shown. Raises ConfigError where it is another now, and where nothing can
    be written.
    """
    again = draft_of(draft.spec, config)
    if again.blocked:
        raise ConfigError(f"it cannot be applied: {again.blocked[0]}")
    folder = folder_of(profile)
    found = standing(draft, profile)
    if found.mark != mark:
        raise ConfigError(f"{found.path} is another file now")
    same = bool(found.mark) and not found.diff
    file = found.path if same else folder / f"{draft.spec.name}.json"
    paper = _paper_book(draft, folder, file)
    kept = None
    with ExitStack() as parts:
        try:
            book = None if paper is None else parts.enter_context(_written_aside(paper.path, paper.text))
            if book is not None:
                read_config(book)
            spec = None if same else parts.enter_context(_written_aside(file, _pretty(draft.plain)))
            if paper is not None and _differs(paper):
                _put_aside(paper.path, folder / _PAPER / _VERSIONS)
            if spec is not None:
                kept = _put_aside(found.path, folder / _VERSIONS) if found.mark else None
                spec.replace(file)
                if found.path != file:
                    found.path.unlink()
            if paper is not None and book is not None:
                book.replace(paper.path)
        except OSError as error:
            raise ConfigError(f"{_place(error, folder)} cannot be written: {error.strerror or error}") from None
    return Written(file, kept, *((None, "") if paper is None else (paper.path, paper.command)))


class _Paper(NamedTuple):
    path: Path
    text: str
    command: str


def _paper_book(draft: Draft, folder: Path, file: Path) -> _Paper | None:
    """A configuration of its own: the person's is not touched, and mode and venue can only be paper."""
    live = live_symbols(draft.spec)
    if live is None:
        return None
    name = draft.spec.name
    path = folder / _PAPER / f"{name}.toml"
    command = shlex.join(["tradeterm", "--profile", profile_name(name), "--config", str(path)])
    made = book_of(live, capital=CAPITAL, venue="paper")
    head = _HEAD.format(name=name, file=file, command=command)
    return _Paper(path, head + book_toml(book_name(live), made.book) + _FEED, command)


def _differs(paper: _Paper) -> bool:
    """Whether a person has changed the one that is there."""
    return paper.path.exists() and paper.path.read_text(encoding="utf-8", errors="replace") != paper.text


def profile_name(strategy: str) -> str:
    """The profile of a strategy's paper book; long names that begin alike have different ones."""
    name = f"paper-{strategy}"
    if len(name) > _LONGEST_PROFILE:
        name = f"{name[:26]}-{hashlib.sha256(strategy.encode()).hexdigest()[:5]}"
    return find_profile(name).name


def _candidates(folder: Path, name: str) -> list[Path]:
    return [folder / f"{name}{suffix}" for suffix in SUFFIXES]


def _mark(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None


def _put_aside(path: Path, folder: Path) -> Path:
    """A copy under the first free number; never over another."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    content, number = path.read_bytes(), 1
    while True:
        kept = folder / f"{path.stem}.{number}{path.suffix}"
        try:
            descriptor = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            number += 1
            continue
        with os.fdopen(descriptor, "wb") as target:
            target.write(content)
            target.flush()
            os.fsync(target.fileno())
        return kept


@contextmanager
def _written_aside(path: Path, text: str) -> Iterator[Path]:
    """The whole text beside `path`, to be put in its place; gone where it was not."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as target:
            target.write(text.encode())
            target.flush()
            os.fsync(target.fileno())
        yield part
    finally:
        part.unlink(missing_ok=True)


def _place(error: OSError, folder: Path) -> Path:
    """The folder that could not be written to: a person never made the file beside another."""
    place = Path(error.filename or folder)
    return place.parent if place.suffix else place


def _pretty(data: object) -> str:
    return msgspec.json.format(msgspec.json.encode(data), indent=2).decode() + "\n"
