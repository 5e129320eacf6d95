"""Where a profile keeps its state. One folder a profile; TRADETERM_HOME moves everything."""

import os
import re
from pathlib import Path

import platformdirs
from msgspec import Struct

from tradeterm.domain.errors import ConfigError

DEMO_PROFILE = "demo"
"""Recorded data and simulated fills; its configuration travels with the program."""

HOME_VARIABLE = "TRADETERM_HOME"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class Profile(Struct, frozen=True):
    """The files of one profile. `root` is the profile's folder, `config_home` the user's configuration folder."""

    name: str
    root: Path
    config_home: Path

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.sqlite"

    @property
    def live(self) -> Path:
        """The live view: bars and the latest DeskView, without durability."""
        return self.root / "live.sqlite"

    @property
    def lock(self) -> Path:
        return self.root / "engine.lock"

    @property
    def paper(self) -> Path:
        """Folder of the paper venue's own books, one file an account."""
        return self.root / "paper"

    @property
    def instruments(self) -> Path:
        """Contract facts of what the last engine traded, for whoever looks while none runs."""
        return self.root / "instruments.json"

    @property
    def market(self) -> Path:
        """Market data fetched from live venues, kept so that it is not fetched again."""
        return self.root / "market"

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def audit(self) -> Path:
        return self.root / "audit"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def log(self) -> Path:
        return self.logs / "engine.log"

    @property
    def config_file(self) -> Path:
        """The user's configuration, the same for every profile but the demo."""
        return self.config_home / "config.toml"

    @property
    def themes(self) -> Path:
        """Folder of the user's own themes."""
        return self.config_home / "themes"

    def create(self) -> None:
        """Make the folders, private to the user."""
        for folder in (self.root, self.paper, self.market, self.journal, self.audit, self.logs):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def user_path(text: str) -> Path:
    """A path as a person writes it, `~` and all. Raises ConfigError where nobody's home is meant."""
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise ConfigError(f"{text}: there is no such home folder; write the path in full") from None


def find_profile(name: str = "default") -> Profile:
    """The profile of that name; nothing is created.

    Raises ConfigError for a name that is not 1-32 of a-z, 0-9, _ and -, and where the home folder is not known.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"profile {name!r} is not a name; use 1 to 32 of a-z, 0-9, _ and -, not starting with _ or -")
    moved = os.environ.get(HOME_VARIABLE)
    if moved:
        state = config = user_path(moved).absolute()
    else:
        try:
            state = platformdirs.user_state_path("tradeterm", appauthor=False)
            config = platformdirs.user_config_path("tradeterm", appauthor=False)
        except RuntimeError:
            raise ConfigError(f"your home folder is not known; set HOME or {HOME_VARIABLE} to a folder") from None
    return Profile(name, state / "profiles" / name, config)
