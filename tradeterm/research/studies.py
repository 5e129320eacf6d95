"""A study from names: a book of the configuration or a strategy, and a folder of data."""

import copy
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tradeterm.config import BookConfig, Config, PaperConfig
from tradeterm.decode import convert, nearest, one_of, show
from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.domain.instrument import Calendar, Instrument, InstrumentKind
from tradeterm.domain.market import DAY_MS, HOUR_MS, INTERVALS_MS
from tradeterm.feeds.instruments import load_instruments
from tradeterm.research.bars import bars_of
from tradeterm.research.costs import Costs, configured_costs
from tradeterm.research.data.calendar import hours_of
from tradeterm.research.data.moments import date, utc
from tradeterm.research.data.notable import survivorship
from tradeterm.research.data.panels import Loaded, load
from tradeterm.research.data.resample import can_resample
from tradeterm.research.data.series import FUNDING, INSTRUMENTS, Series, all_series, find_series
from tradeterm.research.honesty.liquidity import DAYS, full_days, liquidity_of
from tradeterm.research.more_data import no_bars, short_history
from tradeterm.research.names import STRATEGY
from tradeterm.research.nse import fee_of, is_index, overnight, percent
from tradeterm.research.settings import set_at
from tradeterm.research.study import Study
from tradeterm.resources import demo_folder
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.registry import parameters_type, strategy_names

_GROUPS = ("parameters", "exits", "sizing", "limits", "costs")
_CAPITAL = 100_000.0
_FINE = Decimal("0.00000001")
_NSE_TICK = Decimal("0.05")
_LONGEST_FUNDING_MS = 8 * HOUR_MS
"""Time between settlements: a file that ends no more than that before the bars misses none."""
_NAMED = 4
_LONG_MS = 180 * DAY_MS
"""Shorter than that hardly any instrument fails or is delisted."""

Decoded = TypeVar("Decoded", bound=Struct)


class Asked(Struct, frozen=True, kw_only=True):
    """What is wanted of a study beyond the book's or the strategy's own. `settings` are key=value; times UTC ms.
    `profile` is whose imports were looked for."""

    symbols: tuple[str, ...] = ()
    interval: str | None = None
    start: int | None = None
    end: int | None = None
    settings: tuple[str, ...] = ()
    capital: float | None = None
    seed: int = 0
    profile: str = ""


class Found(Struct, frozen=True, kw_only=True):
    """A study, and where it comes from. `symbols`, `interval` and `folder` load its panel again; `data_hash` names the
    contents. `notes` are sentences a person must read: what was left out, or taken in place of something."""

    name: str
    study: Study
    folder: Path
    symbols: tuple[str, ...]
    interval: str
    data_hash: str
    notes: tuple[str, ...]


def find_study(name: str, config: Config | None, folder: Path | None, asked: Asked) -> Found:
    """The study of the book or the strategy `name` on the data in `folder` (None: the bundled recording).

    Raises ConfigError for a name, a key or a value that is not allowed, DataError where the data is not there.
    """
    book, costs = _book(name, config)
    values = _with_settings(book, costs, asked)
    root = demo_folder() if folder is None else folder
    interval = asked.interval or values["interval"]
    named = asked.symbols or tuple(values["instruments"])
    symbols = named or _all_symbols(root, interval)
    kept, left_out = _tradable(_kept(folder, symbols, interval), all_needed=bool(named))
    contracts, notes = _contracts(root, kept, named or [series.instrument for series in kept])
    values |= {"interval": interval, "instruments": [contract.id for contract in contracts]}
    is_book = config is not None and name in config.books
    costs_values, charged = _charged(values.pop("costs"), values, contracts[0].calendar, asked, is_book=is_book)
    values.setdefault("currency", contracts[0].quote_currency)
    made, costs = _decoded(values, BookConfig), _decoded({"costs": costs_values}, _CostsTable).costs
    loaded = load(root, [series.instrument for series in kept], interval)
    panel = replace(loaded.panel, instruments=made.instruments)
    study = Study(
        book=made,
        panel=panel,
        instruments=contracts,
        calendar=contracts[0].calendar,
        costs=costs,
        liquidity=liquidity_of(panel) if costs.moved(panel.instruments) else None,
        funding={
            contract.id: found
            for contract, found in zip(contracts, loaded.settlements, strict=True)
            if found is not None and found.ts.size
        },
        seed=asked.seed,
    )
    _ = study.strategy
    study = _within(study, asked)
    if folder is None:
        where = f" in profile {asked.profile}" if asked.profile else ""
        notes = (f"no data was named or imported{where}: this is the bundled recording of a week", *notes)
    return Found(
        name=name,
        study=study,
        folder=root,
        symbols=tuple(series.instrument for series in kept),
        interval=interval,
        data_hash=loaded.data_hash,
        notes=(
            *notes,
            *left_out,
            *charged,
            *overnight(study),
            *_partly_funded(study),
            *_without_impact(study, loaded.panel),
            *_of_nobody(study, config, root),
            *filter(None, [short_history(study, loaded.panel, kept)]),
            *_of_the_data(study, loaded, kept, interval),
            *loaded.report,
        ),
    )


class _CostsTable(Struct, frozen=True, forbid_unknown_fields=True):
    costs: Costs


def _book(name: str, config: Config | None) -> tuple[dict[str, Any], Costs]:
    """The book as plain data, and what trading costs it."""
    costs = configured_costs(Config() if config is None else config)
    books: Mapping[str, BookConfig] = {} if config is None else config.books
    if name in books:
        return msgspec.to_builtins(books[name]), costs
    strategy = name.removeprefix(STRATEGY)
    if strategy not in strategy_names():
        known = [*books, *(strategy for strategy in strategy_names() if strategy not in books)]
        hint = nearest(name, known) or f"; allowed {one_of(known)}"
        raise ConfigError(f"{show(name)}: is neither a book of the configuration nor a strategy{hint}")
    book = msgspec.to_builtins(BookConfig(strategy=strategy, venue="paper", instruments=("",), capital=_CAPITAL))
    del book["currency"]  # that of what is traded
    return {**book, "instruments": []}, costs


def _with_settings(book: dict[str, Any], costs: Costs, asked: Asked) -> dict[str, Any]:
    """The book with `costs` in it, and what was asked for set."""
    values = copy.deepcopy({**book, "costs": msgspec.to_builtins(costs)})
    parameters = msgspec.inspect.type_info(parameters_type(book["strategy"]))
    own = [field.encode_name for field in getattr(parameters, "fields", ())]
    for setting in asked.settings:
        key, equals, text = setting.partition("=")
        path = key.strip().split(".")
        if len(path) == 1:
            path = ["parameters", *path]
        if not equals or path[0] not in _GROUPS:
            raise ConfigError(f"--set: found {show(setting)}, allowed KEY=VALUE with {one_of([*own, *_dotted()])}")
        set_at(values, path, _value(text.strip()), "--set")
    if asked.capital is not None:
        values["capital"] = asked.capital
    return values


def _dotted() -> list[str]:
    return [f"{group}.…" for group in _GROUPS[1:]]


def _value(text: str) -> object:
    """A number, true, false or null; what is none of them is a text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _decoded(values: dict[str, Any], kind: type[Decoded]) -> Decoded:
    try:
        made, mistakes = convert(values, kind)
    except msgspec.ValidationError as error:  # values that are sound by themselves and not together
        raise ConfigError(str(error)) from None
    if made is None:
        raise ConfigError("\n".join(mistakes))
    return made


def _all_symbols(root: Path, interval: str) -> tuple[str, ...]:
    """Every instrument of the folder that has bars of the interval, or shorter ones."""
    wanted = INTERVALS_MS.get(interval)
    if wanted is None:
        raise DataError(f"interval: found {show(interval)}, allowed {', '.join(INTERVALS_MS)}")
    found = {
        series.instrument: None
        for series in all_series(root)
        if series.kind != FUNDING and (series.kind == interval or can_resample(series.interval_ms, wanted))
    }
    if not found:
        raise DataError(f"there are no {interval} bars in {root}; `tradeterm data import FILE` brings some")
    return tuple(found)


def _kept(folder: Path | None, symbols: Sequence[str], interval: str) -> list[Series]:
    """The series behind each SYMBOL or SYMBOL.VENUE; data kept under another venue's name serves where there is no
    other. Raises DataError with what to do where there is none."""
    root = demo_folder() if folder is None else folder
    kinds = tuple(name for name in INTERVALS_MS if can_resample(INTERVALS_MS[name], INTERVALS_MS.get(interval, 0)))
    kinds = (interval, *reversed(kinds))
    found = [find_series(root, one, kinds) or find_series(root, one.partition(".")[0], kinds) for one in symbols]
    missing = [symbol for symbol, series in zip(symbols, found, strict=True) if not series]
    if missing:
        there = dict.fromkeys(series.symbol for series in all_series(root) if series.kind in kinds)
        raise DataError(no_bars(symbols, missing, interval, tuple(there), "" if folder is None else str(folder)))
    return [series[0] for series in found]


def _tradable(kept: Sequence[Series], *, all_needed: bool) -> tuple[list[Series], list[str]]:
    """Without indices, and a sentence on each. Raises DataError where one was asked for or nothing else is there."""
    indices = [one for one in kept if hours_of(one.venue).calendar is Calendar.NSE and is_index(one.symbol)]
    if indices and (all_needed or len(indices) == len(kept)):
        raise DataError(f"{indices[0].instrument}: an index cannot be traded; name what can be")
    said = [f"left out {one.instrument}: an index cannot be traded" for one in indices]
    return [one for one in kept if one not in indices], said


def _charged(
    costs: dict[str, Any], book: Mapping[str, Any], calendar: Calendar, asked: Asked, *, is_book: bool
) -> tuple[dict[str, Any], list[str]]:
    """The costs, with the charges of shares where nobody has chosen others; and what they are.

    A configured book keeps the fee of the simulated venue: that is what its runs paid.
    """
    chosen = any(setting.partition("=")[0].strip() == "costs.fee" for setting in asked.settings)
    if calendar is not Calendar.NSE or chosen or costs["fee"] != PaperConfig().taker_fee:
        return costs, []
    session_end = book["exits"]["session_end"] is True
    fee, said = fee_of(session_end=session_end)
    if is_book:
        kind = "intraday" if session_end else "delivered"
        text = f"costs.fee is {percent(costs['fee'])} a side, as [paper] taker_fee has it"
        return costs, [f"{text}; {kind} shares cost about {percent(fee)}"]
    return {**costs, "fee": fee}, [said]


def _contracts(
    root: Path, kept: Sequence[Series], names: Sequence[str]
) -> tuple[tuple[Instrument, ...], tuple[str, ...]]:
    """The contract of each series, and what has to be said where there is none."""
    files = dict.fromkeys(path for path in (*(one.folder / INSTRUMENTS for one in kept), root / INSTRUMENTS))
    known = {item.id: item for path in reversed(files) if path.is_file() for item in load_instruments(path)}
    contracts, without = [], []
    for series, name in zip(kept, names, strict=True):
        same_symbol = [item for item in known.values() if item.symbol.upper() == series.symbol.upper()]
        contract = known.get(name) or known.get(series.instrument) or (same_symbol[0] if same_symbol else None)
        if contract is None:
            without.append(series.instrument)
            contract = _no_contract(series)
        contracts.append(contract)
    if not without:
        return tuple(contracts), ()
    rules = "prices and sizes are not rounded, no order is too small"
    if contracts[0].calendar is Calendar.NSE:
        rules = f"taken to trade in whole shares and ticks of {_NSE_TICK}"
    return tuple(contracts), (f"no contract facts of {_some(without)}: {rules}",)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


def _no_contract(series: Series) -> Instrument:
    calendar = hours_of(series.venue).calendar
    crypto = calendar is Calendar.ALWAYS
    return Instrument(
        id=series.instrument,
        symbol=series.symbol,
        venue=series.venue.upper(),
        kind=InstrumentKind.PERPETUAL if crypto else InstrumentKind.EQUITY,
        quote_currency="USDT" if crypto else "INR",
        tick_size=_FINE if crypto else _NSE_TICK,
        lot_size=_FINE if crypto else Decimal(1),
        min_quantity=Decimal(0),
        min_notional=Decimal(0),
        max_leverage=Decimal(100),
        calendar=calendar,
    )


def _partly_funded(study: Study) -> list[str]:
    """A sentence on each instrument whose settlements do not cover the study's time."""
    begin, last = _span(study)
    said = []
    for name, settled in (study.funding or {}).items():
        known_from, known_to = int(settled.ts[0]), int(settled.ts[-1])
        if known_from > begin + _LONGEST_FUNDING_MS or known_to < last - _LONGEST_FUNDING_MS:
            said.append(
                f"funding of {name} is known from {utc(known_from)} to {utc(known_to)} UTC alone; "
                "before and after, none is paid"
            )
    return said


def _without_impact(study: Study, panel: Panel) -> list[str]:
    """A sentence where costs have an impact and the data is too short for any to be known."""
    moved = study.costs.moved(study.panel.instruments)
    if not moved or any(known.ts.size for name, known in (study.liquidity or {}).items() if name in moved):
        return []
    days = max(full_days(panel).values(), default=0)
    return [f"impact needs {DAYS} full days of volume before a trade; this data has {days}"]


def _of_nobody(study: Study, config: Config | None, root: Path) -> list[str]:
    """A sentence on the coefficients of impact in the configuration that no book and none of the data has a use for."""
    impacts = {} if config is None else config.research.impacts
    if config is None or not impacts:
        return []
    books = [name for book in config.books.values() for name in book.instruments]
    names = [*study.panel.instruments, *books, *(series.instrument for series in all_series(root))]
    symbols = {name.partition(".")[0]: None for name in names}
    useless = [name for name in impacts if name not in symbols and name not in names]
    hint = nearest(useless[0].upper(), list(symbols)) if len(useless) == 1 else ""
    return [f"research.impacts: no book trades {_some(useless)}, and this data has none{hint}"] if useless else []


def _of_the_data(study: Study, loaded: Loaded, kept: Sequence[Series], interval: str) -> list[str]:
    """What is notable of the data in the study's time."""
    first, last = _span(study)
    said = []
    for name, finding in loaded.findings:
        if finding.first is None or finding.first > last:
            continue
        if finding.code != "SPLIT":
            said.append(f"{name}: {finding.text}")
        elif finding.first >= first:
            said.append(f"{name} {finding.text}; prices are not adjusted for it")
    if last - first >= _LONG_MS:
        panel = loaded.panel
        ends = [int(panel.ts_open[bars.last]) for bars in bars_of(panel)]
        venues = {series.venue.upper(): None for series in kept}
        said += filter(None, [survivorship(" and ".join(venues), interval, ends)])
    return said


def _span(study: Study) -> tuple[int, int]:
    """From the first entry that may be decided to the end of the data, UTC ms."""
    begin = int(study.panel.ts_open[0])
    return begin if study.since is None else max(begin, study.since), int(study.panel.ts[-1])


def _within(study: Study, asked: Asked) -> Study:
    """The study for the time asked for. Raises ConfigError where it is empty, DataError where it has no bars."""
    if asked.start is None and asked.end is None:
        return study
    first, last = int(study.panel.ts_open[0]), int(study.panel.ts[-1])
    start, end = asked.start if asked.start is not None else first, asked.end if asked.end is not None else last
    if asked.start is not None and asked.end is not None and start >= end:
        raise ConfigError(f"--to: found {date(end)}, allowed a time after --from {date(start)}")
    if start >= last or end <= first:
        raise DataError(f"there are no bars in that time; the data is from {utc(first)} to {utc(last)} UTC")
    return study.between(start, end)
