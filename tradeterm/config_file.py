"""Read a configuration file: every mistake is a sentence that names file, key, what was found and what is allowed."""

import hashlib
import math
import re
import tomllib
import zoneinfo
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from tradeterm.config import BookConfig, Config, ExposureConfig, ExposureRange, GateConfig
from tradeterm.decode import convert, join, one_of, show
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.market import INTERVALS_MS
from tradeterm.profile import DEMO_PROFILE, Profile, find_profile, user_path
from tradeterm.resources import demo_config

_BOOK = re.compile(r"[a-z][a-z0-9_]{0,15}")
_INSTRUMENT = re.compile(r"[A-Za-z0-9&_-]{1,40}\.[A-Z0-9]{1,16}")
_CURRENCY = re.compile(r"[A-Z]{3,6}")
_RESERVED_BOOKS = {"shadow"}  # <book>_trades would be the table shadow_trades
_GLYPHS = ("auto", "unicode", "ascii")


def load_config(path: Path | None = None, profile_name: str = "default") -> Config:
    """The configuration of a profile: the file at `path`, else the user's config.toml; `demo` always has its own.

    Raises ConfigError: one sentence a mistake, all mistakes of the file at once, each on its own line.
    """
    return profile_config(find_profile(profile_name), config_path(path, profile_name))


def profile_config(profile: Profile, file: Path) -> Config:
    """The file's configuration; the demo's looks and keys are the user's own. Raises ConfigError."""
    config = read_config(file)
    looks = looks_file(profile, file)
    return config if looks == file or not looks.exists() else _with_looks(config, looks)


def looks_file(profile: Profile, file: Path) -> Path:
    """The file [ui] and [keys] come from, which need not exist: for the demo the user's config.toml."""
    return profile.config_file if profile.name == DEMO_PROFILE else file


def config_path(path: Path | None = None, profile_name: str = "default") -> Path:
    """Which file `load_config` reads; it need not exist."""
    if profile_name == DEMO_PROFILE:
        return demo_config()
    return path if path is not None else find_profile(profile_name).config_file


def read_config(path: Path) -> Config:
    """Read and check one file. Raises ConfigError as `load_config` does."""
    config = _checked(path, _read_toml(path), _cross_check)
    return _with_paths(config, path)


def config_hash(config: Config) -> str:
    """Sixteen hex digits that change whenever any setting changes."""
    return hashlib.sha256(msgspec.json.encode(config, order="deterministic")).hexdigest()[:16]


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; `tradeterm config init` writes one, `tradeterm --demo` needs none"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: found a byte at {error.start} that is not UTF-8, allowed UTF-8 text") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None


def _checked(path: Path, data: dict[str, Any], check: Callable[[Config], Iterator[str]]) -> Config:
    config, mistakes = convert(data, Config)
    if config is not None:
        mistakes = list(check(config))
    if mistakes or config is None:
        raise ConfigError("\n".join(f"{path}: {mistake}" for mistake in mistakes))
    return config


def _with_looks(config: Config, path: Path) -> Config:
    """With the file's [ui] and [keys]; nothing else in it is looked at."""
    data = {name: table for name, table in _read_toml(path).items() if name in ("ui", "keys")}
    looks = _checked(path, data, _check_ui)
    return msgspec.structs.replace(config, ui=looks.ui, keys=looks.keys)


def _with_paths(config: Config, file: Path) -> Config:
    """Relative paths start at the configuration file's folder."""
    bybit = config.venues.bybit
    if bybit.key_file:
        key_file = file.absolute().parent / user_path(bybit.key_file)
        bybit = msgspec.structs.replace(bybit, key_file=str(key_file))
        config = msgspec.structs.replace(config, venues=msgspec.structs.replace(config.venues, bybit=bybit))
    if config.notify.secrets_file:
        secrets = file.absolute().parent / user_path(config.notify.secrets_file)
        config = msgspec.structs.replace(
            config, notify=msgspec.structs.replace(config.notify, secrets_file=str(secrets))
        )
    config = msgspec.structs.replace(config, gate=_gate_paths(config.gate, file))
    if config.news.file:
        news_file = file.absolute().parent / user_path(config.news.file)
        config = msgspec.structs.replace(config, news=msgspec.structs.replace(config.news, file=str(news_file)))
    if not config.feed.path:
        return config
    found = file.absolute().parent / user_path(config.feed.path)
    return msgspec.structs.replace(config, feed=msgspec.structs.replace(config.feed, path=str(found)))


def _gate_paths(gate: GateConfig, file: Path) -> GateConfig:
    folder, ai, recorded = file.absolute().parent, gate.ai, gate.recorded
    if ai.key_file:
        ai = msgspec.structs.replace(ai, key_file=str(folder / user_path(ai.key_file)))
    if recorded.file:
        recorded = msgspec.structs.replace(recorded, file=str(folder / user_path(recorded.file)))
    return msgspec.structs.replace(gate, ai=ai, recorded=recorded)


def _cross_check(config: Config) -> Iterator[str]:
    if not any(book.enabled for book in config.books.values()):
        found = "only books that are not enabled" if config.books else "no book"
        yield f"books: found {found}, allowed at least one [books.NAME] that is enabled"
    for name, book in config.books.items():
        yield from _check_book(name, book)
    if config.feed.start is not None and not _is_time(config.feed.start):
        yield f"feed.start: found {show(config.feed.start)}, allowed a UTC time such as 2025-04-06T17:00:00Z"
    for key, path in (
        ("feed.path", config.feed.path),
        ("venues.bybit.key_file", config.venues.bybit.key_file),
        ("notify.secrets_file", config.notify.secrets_file),
        ("gate.ai.key_file", config.gate.ai.key_file),
        ("gate.recorded.file", config.gate.recorded.file),
    ):
        try:
            user_path(path)
        except ConfigError as error:
            yield f"{key}: {error}"
    if config.risk.rates and not _is_day(config.risk.rates_day):
        yield f"risk.rates_day: found {show(config.risk.rates_day)}, allowed a UTC day such as 2026-11-20"
    elif config.risk.rates and date.fromisoformat(config.risk.rates_day) > _latest_day():
        yield f"risk.rates_day: found {show(config.risk.rates_day)}, allowed a day that has begun: rates age from there"
    late = config.research
    if late.least_latency_ms > late.most_latency_ms:
        most = f"most_latency_ms, which is {late.most_latency_ms:g}"
        yield f"research.least_latency_ms: found {late.least_latency_ms:g}, allowed at most {most}"
    yield from _check_ui(config)


def _check_ui(config: Config) -> Iterator[str]:
    if config.ui.glyphs not in _GLYPHS:
        yield f"ui.glyphs: found {show(config.ui.glyphs)}, allowed {one_of(list(_GLYPHS))}"
    if not _is_timezone(config.ui.timezone):
        yield f"ui.timezone: found {show(config.ui.timezone)}, allowed a time zone name such as UTC or Asia/Kolkata"


def _check_book(name: str, book: BookConfig) -> Iterator[str]:
    key = join("books", name)
    if not _BOOK.fullmatch(name) or name in _RESERVED_BOOKS:
        yield f"{key}: found book name {show(name)}, allowed 1 to 16 of a-z, 0-9 and _, a letter first, and not shadow"
    if book.interval not in INTERVALS_MS:
        yield f"{key}.interval: found {show(book.interval)}, allowed {one_of(list(INTERVALS_MS))}"
    if not _CURRENCY.fullmatch(book.currency):
        yield f"{key}.currency: found {show(book.currency)}, allowed 3 to 6 capital letters such as USDT or INR"
    for number, instrument in enumerate(book.instruments, 1):
        if not _INSTRUMENT.fullmatch(instrument):
            yield (
                f"{key}.instruments: found {show(instrument)} at place {number}, "
                f"allowed SYMBOL.VENUE such as BTCUSDT.{'BYBIT' if book.venue == 'bybit' else 'BINANCE'}"
            )
    twice = {item for item in book.instruments if book.instruments.count(item) > 1}
    for instrument in sorted(twice):
        yield f"{key}.instruments: found {show(instrument)} more than once, allowed once"
    yield from _check_exposure(join(key, "exposure"), book.exposure)


def _check_exposure(key: str, exposure: ExposureConfig) -> Iterator[str]:
    """A range is not upside down, and a worse market never allows more."""
    better = ExposureRange(least=math.inf, most=math.inf)
    for name, within in (("bull", exposure.bull), ("neutral", exposure.neutral), ("weak", exposure.weak)):
        if within.least > within.most:
            yield f"{key}.{name}.least: found {within.least:g}, allowed at most {name}.most, which is {within.most:g}"
        for word, value, most in (("least", within.least, better.least), ("most", within.most, better.most)):
            if value > most:
                yield f"{key}.{name}.{word}: found {value:g}, allowed at most that of the better market, {most:g}"
        better = within


def _is_timezone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def _latest_day() -> date:
    """The day it is where days begin first."""
    return (datetime.now(UTC) + timedelta(hours=14)).date()


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
