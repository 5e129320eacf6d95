"""What only the trading rooms can say of a configuration: venues, money, validator, feed and data."""

from collections.abc import Callable, Iterator
from functools import partial

from tradeterm.brokers.registry import BYBIT, PAPER, check_broker
from tradeterm.config import BookConfig, Config, Environment, NotifyConfig, enabled_books
from tradeterm.decode import show
from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.domain.states import Mode
from tradeterm.engine.news_check import news_mistakes, news_warnings
from tradeterm.feeds.registry import REPLAY, check_feed
from tradeterm.validators.registry import gate_warnings, make_validator
from tradeterm.venues.bybit.endpoints import doubtful_url, endpoints
from tradeterm.venues.credentials import bybit_credentials


def trading_mistakes(config: Config) -> list[str]:
    """One sentence a mistake, those an engine's start would end with; reads the recording, connects nowhere."""
    books = enabled_books(config).books
    checks: list[Callable[[], object]] = [
        *(partial(check_broker, book.venue, f"books.{name}.venue") for name, book in books.items()),
        partial(check_gate, config),
        partial(check_feed, config),
        *(partial(_check_key_file, config, book) for book in books.values()),
        partial(_check_notify, config.notify),
    ]
    mistakes = []
    for check in checks:
        try:
            check()
        except ConfigError as error:
            mistakes += str(error).splitlines()
        except DataError as error:
            mistakes.append(f"feed.path: {error}")
    mistakes = list(dict.fromkeys([*mistakes, *news_mistakes(config)]))
    return mistakes or list(money_mistakes(config))


def check_gate(config: Config) -> None:
    """Raises ConfigError for a validator that cannot be had."""
    make_validator(config.gate)


def trading_warnings(config: Config) -> list[str]:
    """What a person should know although the engine starts, one sentence each."""
    return [*gate_warnings(config.gate), *news_warnings(config)]


def _check_key_file(config: Config, book: BookConfig) -> None:
    """A key file that is named must be usable; keys in the environment may be set elsewhere."""
    if book.venue == BYBIT and config.venues.bybit.key_file:
        bybit_credentials(config.venues.bybit)


def _check_notify(config: NotifyConfig) -> None:
    """Channels that cannot work, and a secrets file that is named and cannot be used."""
    # They bring an HTTP client, which most engines never need.
    from tradeterm.notify.registry import check_channels, enabled_channels
    from tradeterm.notify.secrets import load_secrets

    check_channels(config)
    if enabled_channels(config):
        load_secrets(config.secrets_file, {})


def money_mistakes(config: Config) -> Iterator[str]:
    """Which money may be touched: real money in mode live alone, play money in mode paper, nothing but the paper venue
    on recorded data; and one book an instrument at a real venue, since positions of one account net there."""
    books = enabled_books(config).books
    real = {name: book for name, book in books.items() if book.venue != PAPER}
    if config.feed.kind == REPLAY:
        for name, book in real.items():
            yield f"books.{name}.venue: found {show(book.venue)}, allowed {PAPER} with feed.kind {REPLAY}"
        if config.mode is Mode.LIVE:
            yield f'mode: found "live", allowed demo or paper with feed.kind {REPLAY}'
        return
    if config.mode is Mode.DEMO:
        yield f'mode: found "demo", allowed paper or live with feed.kind {config.feed.kind}'
        return
    yield from _environment_mistakes(config, bool(real))
    owners: dict[tuple[str, str], str] = {}
    for name, book in real.items():
        for instrument in book.instruments:
            owner = owners.setdefault((book.venue, instrument), name)
            if owner != name:
                yield (
                    f"books.{name}.instruments: found {show(instrument)}, which book {owner} trades on {book.venue} "
                    "too; positions of one account net there, so give it to one of them"
                )


def _environment_mistakes(config: Config, trades_there: bool) -> Iterator[str]:
    settings = config.venues.bybit
    if config.mode is Mode.LIVE and not trades_there:
        yield f'mode: found "live", but no book has venue = "{BYBIT}"; allowed paper'
        return
    if not trades_there:
        return
    key, found = "venues.bybit.environment", show(settings.environment.value)
    if config.mode is Mode.LIVE and settings.environment is not Environment.MAINNET:
        yield f'{key}: found {found}, allowed mainnet with mode = "live"; for play money use mode = "paper"'
    elif config.mode is Mode.PAPER and endpoints(settings).real_money:
        if settings.environment is Environment.MAINNET:
            yield f'{key}: found {found}, which is real money; allowed demo or testnet, or mode = "live"'
        else:
            key = doubtful_url(settings)
            yield (
                f"venues.bybit.{key}: found {show(getattr(settings, key))}, which may lead to real money; "
                'leave it empty, or use mode = "live" with environment = "mainnet"'
            )
