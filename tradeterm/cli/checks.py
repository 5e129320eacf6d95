"""What the configuration's shape cannot say: whether the strategies take their parameters and the keys clash."""

from pathlib import Path
from typing import TYPE_CHECKING

from tradeterm.decode import one_of, show
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.market import INTERVALS_MS
from tradeterm.profile import Profile

if TYPE_CHECKING:
    from tradeterm.config import Config


def every_mistake(file: Path, profile: Profile) -> tuple["Config | None", list[str]]:
    """The configuration in the file, where it can be read, and one sentence for each mistake in it."""
    from tradeterm.config_file import looks_file, profile_config
    from tradeterm.engine.check_config import trading_mistakes

    mistakes: list[str] = []
    config = None
    try:
        config = profile_config(profile, file)
        mistakes += [f"{file}: {mistake}" for mistake in trading_mistakes(config)]
        mistakes += wrong_theme(config, profile, str(looks_file(profile, file)))
        check_config(config, profile, file)
    except ConfigError as error:
        mistakes += str(error).splitlines()
    return config, mistakes


def check_config(config: "Config", profile: Profile, file: Path) -> None:
    """Raises ConfigError with every mistake, one sentence a line."""
    from tradeterm.config_file import looks_file
    from tradeterm.strategies.registry import make_strategy
    from tradeterm.ui.actions import ACTIONS
    from tradeterm.ui.keymap import resolve

    mistakes = []
    for name, book in config.books.items():
        try:
            make_strategy(book.strategy, book.parameters, f"{file}: books.{name}", INTERVALS_MS[book.interval])
        except ConfigError as error:
            mistakes.append(str(error))
    try:
        resolve(ACTIONS, config.keys, str(looks_file(profile, file)))
    except ConfigError as error:
        mistakes.append(str(error))
    if mistakes:
        raise ConfigError("\n".join(mistakes))


def wrong_theme(config: "Config", profile: Profile, where: str) -> list[str]:
    """The sentence for a theme that is not there. The screen would fall back to another, so it stops nothing."""
    from tradeterm.ui.themes import load_themes

    themes, _ = load_themes(profile.themes)
    if config.ui.theme in themes:
        return []
    return [f"{where}: ui.theme: found {show(config.ui.theme)}, allowed {one_of(sorted(themes))}"]
