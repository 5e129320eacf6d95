"""Run the engine of a profile: one at a time, until it is told to end."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler

import msgspec

from tradeterm.brokers.registry import make_brokers
from tradeterm.config import Config, FeedConfig
from tradeterm.domain.errors import ConfigError, EngineError, LedgerError, TradetermError
from tradeterm.domain.states import Mode
from tradeterm.engine.check_config import check_gate, money_mistakes
from tradeterm.engine.driver import Driver, wall_ms
from tradeterm.engine.ending import Ending
from tradeterm.engine.instruments import save_instruments
from tradeterm.engine.notices import channels_of
from tradeterm.engine.options import EngineOptions
from tradeterm.engine.reconciler import Account
from tradeterm.engine.startup import prepare
from tradeterm.feeds.registry import make_feed
from tradeterm.feeds.replay import ReplayFeed
from tradeterm.ledger.lock import EngineLock
from tradeterm.ledger.store import plain_errors
from tradeterm.profile import Profile

_log = logging.getLogger(__name__)

INTERRUPTED = 130
_THREAD_WAITS_S = 0.0001
"""How long the ledger's and a request's thread wait for the loop's at most; Python's own 5 ms is an order's budget."""
_LOG_BYTES = 5_000_000
_LOG_FILES = 3


def run_engine(options: EngineOptions) -> int:
    """Trade until the end; returns the exit status: 0 ended as asked, 130 interrupted from the keyboard.

    Raises ConfigError, DataError, LedgerError or EngineError, each one plain sentence, when it cannot start or go on;
    the same sentence is the log's last error line.
    """
    try:
        options.profile.create()
    except OSError as error:
        raise LedgerError(f"{options.profile.root} cannot be written: {error.strerror}") from error
    with EngineLock(options.profile.lock), _logging(options.profile), _quick_threads():
        try:
            while True:
                ending = asyncio.run(_run_once(options))
                if ending is not Ending.REPLAY:
                    return INTERRUPTED if ending is Ending.INTERRUPT else 0
        except TradetermError as error:
            _log.error("%s", error)
            raise
        except Exception as error:
            _log.critical("the engine broke", exc_info=error)
            what = f"{type(error).__name__}: {error}"
            raise EngineError(
                f"the engine broke ({what}); the next start recovers; see {options.profile.log}"
            ) from error


async def _run_once(options: EngineOptions) -> Ending:
    config = effective_config(options)
    _refuse(config, options)
    channels = channels_of(config)
    feed = make_feed(config, options.profile.market)
    await feed.open()
    try:
        instruments = {instrument.id: instrument for instrument in feed.instruments()}
        save_instruments(options.profile, instruments.values())
        brokers = make_brokers(config, instruments, options.profile.paper)
        accounts = tuple(
            Account(broker=brokers[name], books=(name,), currency=config.books[name].currency) for name in brokers
        )
        recorded_from = feed.start_ts if isinstance(feed, ReplayFeed) else None
        with plain_errors(options.profile.ledger):
            prepared = prepare(options.profile, options.config, recorded_from=recorded_from, wall_ts=wall_ms())
        driver = Driver(options, prepared, feed, accounts, channels)
        loop = asyncio.get_running_loop()
        with _signals(loop, driver), _parent(loop, options.parent_fd, driver):
            return await driver.run()
    finally:
        await feed.close()


def _refuse(config: Config, options: EngineOptions) -> None:
    """Raise ConfigError where the configuration contradicts itself about money, EngineError for real money that nobody
    has confirmed."""
    check_gate(config)
    mistakes = list(money_mistakes(config))
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    if config.mode is Mode.LIVE and not options.real_money:
        raise EngineError("mode is live: real money is traded only with --live and its confirmation")


def effective_config(options: EngineOptions) -> Config:
    """The configuration with the options' speed and start laid over it."""
    changes: dict[str, float | str] = {}
    if options.speed is not None:
        changes["speed"] = options.speed
    if options.start_ts is not None:
        changes["start"] = datetime.fromtimestamp(options.start_ts / 1000, UTC).isoformat()
    feed: FeedConfig = msgspec.structs.replace(options.config.feed, **changes)
    return msgspec.structs.replace(options.config, feed=feed)


@contextmanager
def _signals(loop: asyncio.AbstractEventLoop, driver: Driver) -> Iterator[None]:
    wanted = {
        signal.SIGTERM: Ending.STOPPED,
        signal.SIGHUP: Ending.STOPPED,
        signal.SIGINT: Ending.INTERRUPT,
    }
    for number, ending in wanted.items():
        loop.add_signal_handler(number, driver.end, ending)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


@contextmanager
def _parent(loop: asyncio.AbstractEventLoop, descriptor: int | None, driver: Driver) -> Iterator[None]:
    """End when the other end of the pipe is closed, however its process ended."""
    if descriptor is None:
        yield
        return

    def readable() -> None:
        if not os.read(descriptor, 1024):
            loop.remove_reader(descriptor)
            driver.orphan()

    os.set_blocking(descriptor, False)
    loop.add_reader(descriptor, readable)
    try:
        yield
    finally:
        loop.remove_reader(descriptor)


@contextmanager
def _quick_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(_THREAD_WAITS_S)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class _LogFile(RotatingFileHandler):
    """A full disk silences the log; the ledger's own alert says so, and a traceback on stderr helps nobody."""

    def handleError(self, record: logging.LogRecord) -> None:
        pass


@contextmanager
def _logging(profile: Profile) -> Iterator[None]:
    """This package's log goes to the profile's file."""
    try:
        handler = _LogFile(profile.log, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8")
    except OSError as error:
        raise LedgerError(f"{profile.log} cannot be written: {error.strerror}") from error
    formatter = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    package = logging.getLogger("tradeterm")
    before = package.level
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(before)
        handler.close()
