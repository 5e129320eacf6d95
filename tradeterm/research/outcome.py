"""A finished backtest as plain data: what is printed, written and kept."""

from typing import Any

import msgspec

from tradeterm import __version__
from tradeterm.research.metrics import By, breakdown, cautions, figures
from tradeterm.research.regimes import Regimes
from tradeterm.research.result import Result
from tradeterm.research.studies import Found

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
        "data": {
            "folder": str(found.folder),
            "symbols": found.symbols,
            "interval": found.interval,
            "hash": found.data_hash,
            "first": int(study.panel.ts_open[0]),
            "last": int(study.panel.ts[-1]),
        },
        "since": study.since,
        "delay": study.delay,
        "instruments": study.panel.instruments,
        "ai": ai,
        "insufficient": result.metrics.insufficient,
        "cautions": cautions(result),
        "notes": found.notes,
        "figures": [
            {
                "name": figure.name,
                "value": figure.value,
                "unit": figure.unit,
                "buy_and_hold": figure.buy_and_hold,
                "equal_weight": figure.equal_weight,
            }
            for figure in figures(result, trials=trials)
        ],
        "ignored": dict(sorted(result.ignored.items(), key=lambda item: (-item[1], item[0]))),
        "tables": _tables(result, with_regimes=tables),
        "equity": list(zip(result.equity.ts.tolist(), result.equity.value.tolist(), strict=True)),
        "trades": _trades(result),
    }


def _tables(result: Result, *, with_regimes: bool) -> dict[str, list[dict[str, Any]]]:
    found = {by.value: breakdown(result, by) for by in By if by is not By.REGIME}
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
    found = []
    for number, risk, row in zip(trades.instrument.tolist(), trades.risk.tolist(), rows, strict=True):
        values = dict(zip(_COLUMNS, row, strict=True))
        r_multiple = values["pnl"] / risk if risk > 0 else None
        found.append({"instrument": trades.names[number], **values, "r": r_multiple})
    return found
