"""The configurations a ledger's runs were made with, as far as they are at hand: runs name them by a hash."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.config import Config
from tradeterm.config_file import config_hash
from tradeterm.domain.errors import DataError
from tradeterm.domain.facts import RunRow
from tradeterm.engine.journal import SUFFIX, read_journal


class Settled(Struct, frozen=True, kw_only=True):
    """One configuration and its runs. `config` is None where neither a journal nor today's file has it; `source` says
    which of them does."""

    hash: str
    runs: tuple[str, ...]
    config: Config | None
    source: str


def configurations(root: Path, runs: Sequence[RunRow], now: Config | None) -> tuple[Settled, ...]:
    """By hash, in the order of their first runs. `root` is the profile's folder, `now` its configuration today."""
    found: dict[str, list[str]] = {}
    for run in runs:
        found.setdefault(run.config_hash, []).append(run.id)
    return tuple(_settled(root, name, ids, now) for name, ids in found.items())


def _settled(root: Path, name: str, runs: Sequence[str], now: Config | None) -> Settled:
    for run in reversed(runs):
        for path in root.glob(f"journal*/{run}{SUFFIX}"):
            config = _of_journal(path, name)
            if config is not None:
                return Settled(hash=name, runs=tuple(runs), config=config, source="the journal of its run")
    if now is not None and config_hash(now) == name:
        return Settled(hash=name, runs=tuple(runs), config=now, source="the configuration as it is now")
    return Settled(hash=name, runs=tuple(runs), config=None, source="not at hand")


def _of_journal(path: Path, name: str) -> Config | None:
    try:
        header, steps = read_journal(path)
    except DataError:
        return None
    with suppress(DataError):
        next(steps, None)  # only what has begun to read closes its file
    del steps
    return header.config if header.config_hash == name else None


def changed(before: Config, after: Config) -> tuple[tuple[str, str, str], ...]:
    """What differs: dotted key, before, after; "-" where one has it not. Settings of screens and messages are left
    out."""
    old, new = _flat(msgspec.to_builtins(before)), _flat(msgspec.to_builtins(after))
    return tuple(
        (key, old.get(key, "-"), new.get(key, "-")) for key in sorted({*old, *new}) if old.get(key) != new.get(key)
    )


_NOT_TOLD = frozenset({"ui", "keys", "notify"})


def _flat(value: Any, key: str = "") -> dict[str, str]:
    if isinstance(value, dict) and value:
        found: dict[str, str] = {}
        for name, item in value.items():
            if key or name not in _NOT_TOLD:
                found |= _flat(item, f"{key}.{name}" if key else name)
        return found
    return {key: msgspec.json.encode(value).decode()}
