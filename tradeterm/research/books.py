"""Several books in simulated time as one desk trades them: each on its own capital, under the limits they share."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from tradeterm.config import Config, RiskConfig
from tradeterm.decode import show
from tradeterm.domain.errors import ConfigError
from tradeterm.research.backtesting import DAYS_PER_YEAR
from tradeterm.research.data.panels import hash_of
from tradeterm.research.desk_limits import DeskLimits, Trader
from tradeterm.research.desk_simulation import as_one
from tradeterm.research.exits import FirstExit, first_exit
from tradeterm.research.regimes import Regimes
from tradeterm.research.result import Result
from tradeterm.research.simulate import simulate_together
from tradeterm.research.studies import Asked, Found, find_study
from tradeterm.research.study import Study, prepared, result_of
from tradeterm.research.tier1 import Verdicts
from tradeterm.research.together import Together
from tradeterm.strategies.panel import Panel

NAMES_JOINED = " + "


class Desk(Struct, frozen=True, kw_only=True):
    """Books in the order in which their signals of one instant are judged, that of the configuration, and the limits
    they share. `panels` have their bars, and those before them that the shared models look back at."""

    names: tuple[str, ...]
    studies: tuple[Study, ...]
    panels: tuple[Panel, ...]
    risk: RiskConfig = RiskConfig()

    @property
    def name(self) -> str:
        return NAMES_JOINED.join(self.names)

    @property
    def currency(self) -> str:
        return self.studies[0].book.currency


class DeskResult(Struct, frozen=True):
    """What came of each book, and of all of them: there the market is that of one book after the other."""

    books: tuple[Result, ...]
    whole: Result


class FoundDesk(Struct, frozen=True, kw_only=True):
    """Several books that are traded together, each with where it comes from. `data_hash` names all of the contents."""

    desk: Desk
    books: tuple[Found, ...]
    data_hash: str
    notes: tuple[str, ...]


def find_desk(names: Sequence[str], config: Config | None, folder: Path | None, asked: Asked) -> FoundDesk:
    """The books or strategies `names` as one desk; of those that are books, the configuration's order is kept.

    Raises ConfigError and DataError as `find_study` does, and ConfigError for one that is named twice and for books
    that are not of one desk.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise ConfigError(f"{show(twice[0])}: found twice, allowed each book once")
    order = {name: place for place, name in enumerate(config.books)} if config is not None else {}
    ranked = sorted(names, key=lambda name: order.get(name, len(order)))
    books = tuple(find_study(name, config, folder, asked) for name in ranked)
    panels = [one.study.panel for one in books]
    if asked.start is not None or asked.end is not None:  # the shared models look back at what was before
        always = replace(asked, start=None, end=None)
        panels = [find_study(name, config, folder, always).study.panel for name in ranked]
    risk = RiskConfig() if config is None else config.risk
    currency = books[0].study.book.currency
    money = () if currency == risk.currency else (f"the desk's limits are taken in {currency}",)
    desk = Desk(
        names=tuple(one.name for one in books),
        studies=tuple(one.study for one in books),
        panels=tuple(panels),
        risk=risk,
    )
    _check(desk)
    return FoundDesk(
        desk=desk,
        books=books,
        data_hash=_hash(books, panels),
        notes=(*money, *dict.fromkeys(note for one in books for note in one.notes)),
    )


def _hash(books: Sequence[Found], panels: Sequence[Panel]) -> str:
    """That of one book with all of the data, however it is spread over the books; `panels` are whole."""
    spans = [panel.ts_open for panel in panels]
    symbols = [symbol for one in books for symbol in one.symbols]
    first, last = min(int(ts[0]) for ts in spans), max(int(ts[-1]) for ts in spans)
    return hash_of(books[0].folder, symbols, books[0].interval, first, last)


def run_desk(
    desk: Desk, *, verdicts: Sequence[Verdicts | None] | None = None, exits: FirstExit = first_exit
) -> DeskResult:
    """Trade the books together. Each is traded as `study.run` would, and held to the desk's shared limits as they
    stand at each decision; `verdicts` are those of each book.

    Raises ConfigError for what `study.run` does, and for books that are not of one desk: with other bar lengths,
    money, calendars or costs.
    """
    _check(desk)
    contracts = {item.id: item for study in desk.studies for item in study.instruments}
    limits = DeskLimits(replace(desk.risk, currency=desk.currency), Together(contracts, desk.panels, desk.risk))
    runs = []
    for number, (name, study) in enumerate(zip(desk.names, desk.studies, strict=True)):
        said = None if verdicts is None else verdicts[number]
        run = prepared(study, exits=exits, verdicts=said, desk=limits.of(number))
        limits.join(Trader(name, study.book, study.instruments, Regimes(run.account.market), run))
        runs.append(run)
    found = simulate_together(runs)
    whole = as_one(desk.names, found)
    since = [study.since for study in desk.studies if study.since is not None]
    return DeskResult(
        tuple(result_of(study, one) for study, one in zip(desk.studies, found, strict=True)),
        Result(whole, DAYS_PER_YEAR[desk.studies[0].calendar], min(since, default=None)),
    )


def _check(desk: Desk) -> None:
    for what, values in (
        ("bars", [study.book.interval for study in desk.studies]),
        ("money", [study.book.currency for study in desk.studies]),
        ("calendar", [study.calendar.value for study in desk.studies]),
        ("costs", [study.costs for study in desk.studies]),
    ):
        if any(value != values[0] for value in values):
            told = ", ".join(f"{name} {value}" for name, value in zip(desk.names, values, strict=True))
            raise ConfigError(f"{what}: found {told}, allowed the same for all books of a desk")
