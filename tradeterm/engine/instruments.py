"""The contract facts an engine traded with, kept in its profile: a venue tells them, and it may not be there later."""

from collections.abc import Iterable
from pathlib import Path

import msgspec

from tradeterm.config import Config
from tradeterm.domain.errors import DataError, LedgerError
from tradeterm.domain.instrument import Instrument
from tradeterm.feeds.instruments import load_instruments
from tradeterm.feeds.registry import REPLAY
from tradeterm.profile import Profile
from tradeterm.resources import demo_folder


def save_instruments(profile: Profile, instruments: Iterable[Instrument]) -> None:
    """Write them for `known_instruments`. Raises LedgerError where the profile cannot be written."""
    part = profile.instruments.with_suffix(".part")
    try:
        part.write_bytes(msgspec.json.encode(list(instruments)))
        part.replace(profile.instruments)
    except OSError as error:
        raise LedgerError(f"{profile.instruments} cannot be written: {error.strerror}") from error


def known_instruments(saved: Path, config: Config) -> dict[str, Instrument]:
    """Contract facts by id: of the recording, or those the venue told the last engine, which it saved in that file.

    Raises DataError.
    """
    if config.feed.kind == REPLAY:
        folder = Path(config.feed.path) if config.feed.path else demo_folder()
        found = load_instruments(folder / "instruments.toml")
    else:
        found = _saved(saved)
    return {instrument.id: instrument for instrument in found}


def _saved(file: Path) -> tuple[Instrument, ...]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=tuple[Instrument, ...])
    except FileNotFoundError:
        raise DataError(f"{file}: there is no such file; no engine has started with this profile yet") from None
    except (OSError, msgspec.DecodeError) as error:
        raise DataError(f"{file}: cannot be read: {error}; the next start of an engine writes it anew") from None
