"""A backtest of a book as a value: the same study gives the same result."""

from collections.abc import Mapping

import msgspec
import numpy as np
from msgspec import Struct

from tradeterm.config import BookConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.instrument import Calendar, Instrument
from tradeterm.domain.market import DAY_MS
from tradeterm.research.backtesting import DAYS_PER_YEAR, settlements_of
from tradeterm.research.bars import Bars, Liquidity, bars_of
from tradeterm.research.costs import Costs
from tradeterm.research.exits import FirstExit, first_exit
from tradeterm.research.fills import Anchor, ExitPolicy, policy_of
from tradeterm.research.result import Result
from tradeterm.research.simulate import InstrumentSignals, signals_of, simulate
from tradeterm.research.sizers import DeskSizer, MaxExposure, MaxPositions
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.protocol import Strategy
from tradeterm.strategies.registry import make_strategy

_AT_ONCE = 32_768
"""Rows of signals worked out together: few enough that the arrays in between stay in the processor's cache."""


class Study(Struct, frozen=True, kw_only=True):
    """One book's backtest: what is traded, on which data, by which rules.

    `panel` has the bars of the book's instruments in the order of `instruments`, best memory-mapped. `funding_hours` is
    the time between two settlements where the panel has funding (None: never). `liquidity`, by instrument, is needed
    where `costs` has an impact. No entry is decided at a close before `since` (UTC ms): the rows before it are history.
    Every entry waits `delay` bars after its signal, and is decided then. `seed` is that of whatever is random.
    """

    book: BookConfig
    panel: Panel
    instruments: tuple[Instrument, ...]
    calendar: Calendar = Calendar.ALWAYS
    costs: Costs = Costs()
    funding_hours: float | None = 8.0
    liquidity: Mapping[str, Liquidity] | None = None
    since: int | None = None
    delay: int = 0
    seed: int = 0

    @property
    def strategy(self) -> Strategy:
        """The book's strategy. Raises ConfigError for a name or a parameter that is not allowed."""
        return make_strategy(self.book.strategy, self.book.parameters, "book", self.panel.interval_ms)

    def with_parameters(self, changes: Mapping[str, object]) -> "Study":
        """The same with other numbers of the strategy. Raises ConfigError where one is unknown or out of bounds."""
        book = msgspec.structs.replace(self.book, parameters={**self.book.parameters, **changes})
        changed = msgspec.structs.replace(self, book=book)
        _ = changed.strategy
        return changed

    def between(self, start: int, end: int) -> "Study":
        """The same for entries decided at closes in [start, end), UTC ms.

        Before `start` there is as much history as the strategy needs. Data ends with the bar that closes at `end`, or
        before it; what is open then ends there.
        """
        closes = self.panel.ts
        first = max(0, int(np.searchsorted(closes, start)) - self.strategy.warmup)
        stop = int(np.searchsorted(closes, end, side="right"))
        since = start if self.since is None else max(start, self.since)
        return msgspec.structs.replace(self, panel=self.panel.window(first, max(first, stop)), since=since)


def run(study: Study, *, exits: FirstExit = first_exit) -> Result:
    """Trade the book in simulated time, by the fill rules of `fills.py`.

    Entries are sized by the desk's own `size()` and held to the book's limits. Stop and target are measured from the
    signal's close, as a live desk does, whose stop leaves with the order. Raises ConfigError for a book that cannot be
    simulated, and for a panel without rows or with instruments that are not the book's contracts.
    """
    book, panel = study.book, study.panel
    _check(study)
    market = bars_of(
        panel,
        calendar=study.calendar,
        funding=settlements_of(panel, study.funding_hours),
        liquidity=None if study.liquidity is None else [study.liquidity.get(name) for name in panel.instruments],
    )
    found = simulate(
        market,
        signals(study, market),
        _policy(book, panel.interval_ms),
        costs=study.costs,
        capital=book.capital,
        sizer=DeskSizer(study.instruments, book.sizing, book.limits),
        limits=(MaxPositions(book.limits.max_positions), MaxExposure(book.limits.max_total_exposure)),
        exits=exits,
    )
    return Result(found, DAYS_PER_YEAR[study.calendar])


def signals(study: Study, market: tuple[Bars, ...]) -> tuple[InstrumentSignals, ...]:
    """The strategy's signals, instrument by instrument; entries from `since` on, `delay` bars late."""
    strategy, panel = study.strategy, study.panel
    found = [_of_instrument(strategy, panel.only(i)) for i in range(len(panel.instruments))]
    first = 0 if study.since is None else int(np.searchsorted(panel.ts, study.since))
    taken = []
    for mine in found:
        chosen = (mine.rows >= first) & (mine.rows + study.delay < panel.rows)
        taken.append(mine._replace(rows=mine.rows[chosen] + study.delay, sides=mine.sides[chosen]))
    for bars in market:
        bars.release()
    return tuple(taken)


def _of_instrument(strategy: Strategy, panel: Panel) -> InstrumentSignals:
    (found,) = signals_of(strategy.signals(panel))
    return found


def _policy(book: BookConfig, interval_ms: int) -> ExitPolicy:
    try:
        policy = policy_of(book.exits, Anchor.SIGNAL)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if policy.session_end and interval_ms >= DAY_MS:
        raise ConfigError("exits.session_end: every bar of a day is its session's last; switch it off for these")
    return policy


def _check(study: Study) -> None:
    names = tuple(instrument.id for instrument in study.instruments)
    if study.panel.instruments != names:
        raise ConfigError(f"instruments: found contracts of {', '.join(names)}, allowed those of the panel's columns")
    if study.panel.rows == 0:
        raise ConfigError("the panel has no rows in that time")
    if study.delay < 0:
        raise ConfigError(f"delay: found {study.delay} bars, allowed 0 or more")
