"""What only the trading rooms can say of a configuration: its venues, its validator, its feed and the data."""

from collections.abc import Callable
from functools import partial

from tradeterm.brokers.registry import check_broker
from tradeterm.config import Config, enabled_books
from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.feeds.registry import make_feed
from tradeterm.validators.registry import make_validator


def trading_mistakes(config: Config) -> list[str]:
    """One sentence a mistake, those an engine's start would end with; reads the recording, starts nothing."""
    books = enabled_books(config).books
    checks: list[Callable[[], object]] = [
        *(partial(check_broker, book.venue, f"books.{name}.venue") for name, book in books.items()),
        partial(make_validator, config.gate),
        partial(make_feed, config),
    ]
    mistakes = []
    for check in checks:
        try:
            check()
        except ConfigError as error:
            mistakes.append(str(error))
        except DataError as error:
            mistakes.append(f"feed.path: {error}")
    return mistakes
