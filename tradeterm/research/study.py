"""A backtest of a book as a value: the same study gives the same result."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from msgspec import Struct

from tradeterm.config import BookConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.instrument import Calendar, Instrument
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.domain.signals import GateCode
from tradeterm.research.account import Account
from tradeterm.research.backtesting import DAYS_PER_YEAR, settlements_of
from tradeterm.research.bars import Bars, Liquidity, Settlements, bars_of, length_of
from tradeterm.research.costs import Costs
from tradeterm.research.entries import Decider, Why
from tradeterm.research.exits import ExitSignals, FirstExit, first_exit
from tradeterm.research.fills import Anchor, EntryBar, ExitPolicy, policy_of
from tradeterm.research.protection import Protection, needs_protection
from tradeterm.research.regimes import HISTORY_BARS, Regimes
from tradeterm.research.result import Result
from tradeterm.research.simulate import InstrumentSignals, Run, Simulation, signals_of
from tradeterm.research.ticks import Step
from tradeterm.research.tier1 import BookRules, DeskDenial, Verdicts
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.protocol import Strategy
from tradeterm.strategies.registry import make_strategy

_AT_ONCE = 14_336
"""Rows of signals worked out together: few enough that the arrays in between stay in the processor's cache."""
_MOMENT_MS = 1.5  # not less than one once it is a whole number of them
_WHY = Why(
    same=GateCode.DUPLICATE_SIGNAL,
    opposite=GateCode.OPPOSITE_SIGNAL,
    session_end=GateCode.MARKET_CLOSED,
    no_size=GateCode.QTY_BELOW_MIN,
)


class Study(Struct, frozen=True, kw_only=True):
    """One book's backtest: what is traded, on which data, by which rules.

    `panel` has the bars of the book's instruments in the order of `instruments`, best memory-mapped. `funding`, by
    instrument, is what was settled; without it settlements are every `funding_hours` of the day at the panel's rates
    (None: no funding is paid, whatever was settled). `liquidity`, by instrument, is needed where `costs` has an impact.
    No entry is decided at a close before `since` (UTC ms): the rows before it are history. Every entry waits `delay`
    bars after its signal, and is decided then. `seed` is that of whatever is random.
    """

    book: BookConfig
    panel: Panel
    instruments: tuple[Instrument, ...]
    calendar: Calendar = Calendar.ALWAYS
    costs: Costs = Costs()
    funding: Mapping[str, Settlements] | None = None
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

        Before `start` there is as much history as the strategy and the models need. Data ends with the bar that closes
        at `end`, or before it; what is open then ends there.
        """
        closes = self.panel.ts_open + length_of(self.panel.interval_ms, self.calendar)
        first = max(0, int(np.searchsorted(closes, start)) - max(self.strategy.warmup, HISTORY_BARS))
        stop = int(np.searchsorted(closes, end, side="right"))
        since = start if self.since is None else max(start, self.since)
        return msgspec.structs.replace(self, panel=self.panel.window(first, max(first, stop)), since=since)


def too_short(needed: int, rows: int) -> str:
    """The sentence for data that ends before the strategy has its history."""
    return f"the strategy needs {needed:,} bars of history, the data has {rows:,}"


def run(study: Study, *, exits: FirstExit = first_exit, verdicts: Verdicts | None = None) -> Result:
    """Trade the book in simulated time as a live desk would, by the fill rules of `fills.py`.

    Entries are sized by the desk's own `size()`, with the regime known at the signal, and held to the book's limits by
    the desk's own checks: the codes of those that deny are the reasons of `Result.ignored`. As on a live desk, stop and
    target are measured from the signal's close, the trailing stop goes by the close of the entry's bar, prices lie on
    the tick, and a position is held from a moment after the open. `verdicts` are what tier 2 said; without them it is
    off. Raises ConfigError for a book that cannot be simulated, and for a panel without rows or with instruments that
    are not the book's contracts.
    """
    return result_of(study, prepared(study, exits=exits, verdicts=verdicts).through())


def prepared(
    study: Study,
    *,
    exits: FirstExit = first_exit,
    verdicts: Verdicts | None = None,
    desk: DeskDenial | None = None,
) -> Run:
    """`run` before its first event; `desk` are the limits the book shares with others."""
    book, panel = study.book, study.panel
    _check(study)
    market = market_of(study)
    policy = _policy(book, panel.interval_ms)
    fill_cost = study.costs.fee + study.costs.slippage
    models = Regimes(market)
    sizer = BookRules(study.instruments, book, models, fill_cost, verdicts, desk)
    account = Account(market, study.costs, book.capital, study.seed)
    protect = Protection(book, study.instruments, models, policy) if needs_protection(book) else None
    return Run(account, Decider(account, policy, sizer, (), _WHY, protect), signals(study, market), exits)


def result_of(study: Study, found: Simulation) -> Result:
    return Result(found, DAYS_PER_YEAR[study.calendar], study.since)


def market_of(study: Study) -> tuple[Bars, ...]:
    """The study's bars with all that its costs depend on."""
    panel = study.panel
    return bars_of(
        panel,
        calendar=study.calendar,
        funding=settlements(study),
        liquidity=None if study.liquidity is None else [study.liquidity.get(name) for name in panel.instruments],
        steps=[(Step.of(contract.tick_size), Step.of(contract.lot_size)) for contract in study.instruments],
    )


def settlements(study: Study) -> list[Settlements | None]:
    """The funding to be paid, instrument by instrument."""
    if study.funding is None or study.funding_hours is None:
        return settlements_of(study.panel, study.funding_hours)
    return [study.funding.get(name) for name in study.panel.instruments]


def signals(study: Study, market: tuple[Bars, ...]) -> tuple[InstrumentSignals, ...]:
    """The strategy's signals, instrument by instrument; entries from `since` on, `delay` bars late."""
    strategy, panel = study.strategy, study.panel
    found = []
    for number, bars in enumerate(market):
        try:
            mine = _of_instrument(strategy, panel.only(number))
        except ValueError as error:  # the strategy is not for such a panel
            raise ConfigError(str(error)) from None
        bars.release()
        first = 0 if study.since is None else bars.first_closing(study.since)
        taken = (mine.rows >= first) & (mine.rows + study.delay < panel.rows)
        found.append(mine._replace(rows=mine.rows[taken] + study.delay, sides=mine.sides[taken]))
    return tuple(found)


def _of_instrument(strategy: Strategy, panel: Panel) -> InstrumentSignals:
    """Part by part, each with the history the strategy needs before it: a row depends on no more than that."""
    step = max(_AT_ONCE, 4 * strategy.warmup)
    parts = []
    for start in range(0, panel.rows, step):
        first = max(0, start - strategy.warmup + 1)
        (found,) = signals_of(strategy.signals(panel.window(first, start + step)))
        parts.append(_from_row(found, start - first, first))
    return _joined(parts)


def _from_row(found: InstrumentSignals, row: int, offset: int) -> InstrumentSignals:
    """Those from `row` on, in rows of the whole panel."""

    def later(exits: tuple[ExitSignals, ...]) -> tuple[ExitSignals, ...]:
        return tuple(each._replace(rows=each.rows[each.rows >= row] + offset) for each in exits)

    taken = found.rows >= row
    return InstrumentSignals(
        found.rows[taken] + offset, found.sides[taken], later(found.long_exits), later(found.short_exits)
    )


def _joined(parts: Sequence[InstrumentSignals]) -> InstrumentSignals:
    def joined(exits: Sequence[tuple[ExitSignals, ...]]) -> tuple[ExitSignals, ...]:
        return tuple(
            rule[0]._replace(rows=np.concatenate([each.rows for each in rule])) for rule in zip(*exits, strict=True)
        )

    return InstrumentSignals(
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.sides for part in parts]),
        joined([part.long_exits for part in parts]),
        joined([part.short_exits for part in parts]),
    )


def _policy(book: BookConfig, interval_ms: int) -> ExitPolicy:
    fractions = msgspec.structs.replace(book.exits, stop_atr=None, target_stops=None)  # `Protection` has the others
    try:
        policy = policy_of(fractions, Anchor.SIGNAL, EntryBar.CLOSE)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if policy.session_end and interval_ms >= DAY_MS:
        raise ConfigError("exits.session_end: every bar of a day is its session's last; switch it off for these")
    if policy.time_limit_hours is None:
        return policy
    # An order fills a moment after the open it fills at: a limit of whole bars is not over at the last one's close.
    return msgspec.structs.replace(policy, time_limit_hours=policy.time_limit_hours + _MOMENT_MS / HOUR_MS)


def _check(study: Study) -> None:
    names = tuple(instrument.id for instrument in study.instruments)
    if study.panel.instruments != names:
        raise ConfigError(f"instruments: found contracts of {', '.join(names)}, allowed those of the panel's columns")
    if study.panel.rows == 0:
        raise ConfigError("the panel has no rows in that time")
    odd = [item.id for item in study.instruments if item.multiplier != 1]
    if odd:
        raise ConfigError(f"{odd[0]}: found a contract multiplier, which is not simulated")
    if study.delay < 0:
        raise ConfigError(f"delay: found {study.delay} bars, allowed 0 or more")
