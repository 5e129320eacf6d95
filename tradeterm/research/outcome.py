"""A finished backtest as plain data: what is printed, written and kept."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from tradeterm import __version__
from tradeterm.research.fan import equity_fan
from tradeterm.research.metrics import By, benchmarks, breakdown, cautions, figures
from tradeterm.research.regimes import Regimes
from tradeterm.research.result import Equity, Result
from tradeterm.research.studies import Found

if TYPE_CHECKING:
    from tradeterm.research.books import DeskResult, FoundDesk

Outcome = dict[str, Any]
"""The JSON of `tradeterm backtest` without its type and number."""

_COLUMNS = (
    "side", "quantity", "entry_ts", "entry_price", "exit_ts", "exit_price", "reason", "gross", "fees", "slippage",
    "funding", "pnl",
)  # fmt: skip


def outcome_of(
    found: Found, result: Result, *, seconds: float, ai: str = "OFF", tables: bool = False, trials: int | None = None
) -> Outcome:
    """Everything a face shows of a run; `seconds` is how long it took, `ai` who was tier 2, `trials` how many variants
    were tried, itself included (None: not known).

    With `tables` trades by regime too, which take a while.
    """
    study = found.study
    return {
        "name": found.name,
        "version": __version__,
        "seed": study.seed,
        "seconds": round(seconds, 3),
        "book": msgspec.to_builtins(study.book),
        "costs": msgspec.to_builtins(study.costs),
        "funding_hours": study.funding_hours,
        "data": _data(found),
        "since": study.since,
        "delay": study.delay,
        "instruments": study.panel.instruments,
        "ai": ai,
        **_came_of(result, study.seed, found.notes, tables=tables, trials=trials),
    }


def desk_outcome_of(
    found: "FoundDesk", result: "DeskResult", *, seconds: float, ai: str = "OFF", tables: bool = False
) -> Outcome:
    """The same of several books: as if they were one with their capital, and in "books" what came of each."""
    desk, whole = found.desk, result.whole
    studies, first = desk.studies, found.books[0]
    data = [_data(one) for one in found.books]
    since = [study.since for study in studies if study.since is not None]
    return {
        "name": desk.name,
        "version": __version__,
        "seed": studies[0].seed,
        "seconds": round(seconds, 3),
        "book": {
            "strategy": ", ".join(dict.fromkeys(study.book.strategy for study in studies)),
            "capital": whole.simulation.capital,
            "currency": desk.currency,
            "risk": msgspec.to_builtins(desk.risk),
        },
        "costs": msgspec.to_builtins(studies[0].costs),
        "funding_hours": studies[0].funding_hours,
        "data": {
            "folder": str(first.folder),
            "symbols": tuple(dict.fromkeys(name for one in found.books for name in one.symbols)),
            "interval": first.interval,
            "hash": found.data_hash,
            "first": min(one["first"] for one in data),
            "last": max(one["last"] for one in data),
        },
        "since": min(since, default=None),
        "delay": studies[0].delay,
        "instruments": tuple(dict.fromkeys(name for study in studies for name in study.panel.instruments)),
        "ai": ai,
        **_came_of(whole, studies[0].seed, found.notes, tables=tables),
        "books": [
            {
                "name": one.name,
                "book": msgspec.to_builtins(one.study.book),
                "data": of,
                **_came_of(mine, one.study.seed, (), tables=tables),
            }
            for one, of, mine in zip(found.books, data, result.books, strict=True)
        ],
    }


def _data(found: Found) -> dict[str, Any]:
    panel = found.study.panel
    return {
        "folder": str(found.folder),
        "symbols": found.symbols,
        "interval": found.interval,
        "hash": found.data_hash,
        "first": int(panel.ts_open[0]),
        "last": int(panel.ts[-1]),
    }


def _came_of(
    result: Result, seed: int, notes: Sequence[str], *, tables: bool, trials: int | None = None
) -> dict[str, Any]:
    against = benchmarks(result)
    fan = equity_fan(result.equity, seed=seed)
    return {
        "insufficient": result.metrics.insufficient,
        "cautions": cautions(result),
        "notes": notes,
        "figures": [
            {
                "name": figure.name,
                "value": figure.value,
                "unit": figure.unit,
                "buy_and_hold": figure.buy_and_hold,
                "equal_weight": figure.equal_weight,
            }
            for figure in figures(result, trials=trials, against=against)
        ],
        "ignored": dict(sorted(result.ignored.items(), key=lambda item: (-item[1], item[0]))),
        "partly_filled": result.partly_filled,
        "tables": _tables(result, with_regimes=tables),
        "equity": _points(result.equity),
        "benchmark": _points(against[0]),
        "fan": None if fan is None else msgspec.to_builtins(fan),
        "trades": _trades(result),
    }


def _points(equity: Equity) -> list[tuple[int, float]]:
    return list(zip(equity.ts.tolist(), equity.value.tolist(), strict=True))


def _tables(result: Result, *, with_regimes: bool) -> dict[str, list[dict[str, Any]]]:
    several = bool(result.simulation.owners)
    found = {by.value: breakdown(result, by) for by in By if by is not By.REGIME and (several or by is not By.BOOK)}
    if with_regimes:
        found[By.REGIME.value] = breakdown(result, By.REGIME, regimes=regimes_at_entry(result))
    return {by: [row._asdict() for row in rows] for by, rows in found.items()}


def regimes_at_entry(result: Result) -> list[str]:
    """The regime each trade was decided in, in a word."""
    trades, models = result.trades, Regimes(result.simulation.market)
    known = (models.at(*at).regime for at in zip(trades.instrument.tolist(), trades.signal_row.tolist(), strict=True))
    return ["unknown" if regime is None else regime.value for regime in known]


def _trades(result: Result) -> list[dict[str, Any]]:
    trades = result.trades
    columns = [getattr(trades, name) for name in _COLUMNS]
    rows = zip(*(column if isinstance(column, tuple) else column.tolist() for column in columns), strict=True)
    found, owners = [], result.simulation.owners
    for number, risk, row in zip(trades.instrument.tolist(), trades.risk.tolist(), rows, strict=True):
        values = dict(zip(_COLUMNS, row, strict=True))
        r_multiple = values["pnl"] / risk if risk > 0 else None
        whose = {"book": owners[number]} if owners else {}
        found.append({**whose, "instrument": trades.names[number], **values, "r": r_multiple})
    return found
