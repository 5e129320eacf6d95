"""The strategies of a configuration, ready to judge bars."""

from collections.abc import Mapping

from tradeterm.config import Config, enabled_books
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import INTERVALS_MS
from tradeterm.strategies.registry import make_strategy
from tradeterm.strategies.runner import StrategyRunner


def make_runners(config: Config, instruments: Mapping[str, Instrument]) -> list[StrategyRunner]:
    """One for each enabled book, knowing nothing of the past yet. Raises ConfigError for parameters that do not fit."""
    runners = []
    for name, book in enabled_books(config).books.items():
        interval_ms = INTERVALS_MS[book.interval]
        strategy = make_strategy(book.strategy, book.parameters, f"books.{name}", interval_ms)
        mine = [instruments[instrument] for instrument in book.instruments]
        runners.append(StrategyRunner(name, strategy, mine, interval_ms))
    return runners
