"""What the configuration's shape cannot say: whether the strategies take their parameters and the keys clash."""

from typing import TYPE_CHECKING

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.market import INTERVALS_MS

if TYPE_CHECKING:
    from tradeterm.config import Config


def check_config(config: "Config", where: str) -> None:
    """Raises ConfigError with every mistake, one sentence a line. `where` names the file."""
    from tradeterm.strategies.registry import make_strategy
    from tradeterm.ui.actions import ACTIONS
    from tradeterm.ui.keymap import resolve

    mistakes = []
    for name, book in config.books.items():
        try:
            make_strategy(book.strategy, book.parameters, f"{where}: books.{name}", INTERVALS_MS[book.interval])
        except ConfigError as error:
            mistakes.append(str(error))
    try:
        resolve(ACTIONS, config.keys, where)
    except ConfigError as error:
        mistakes.append(str(error))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
