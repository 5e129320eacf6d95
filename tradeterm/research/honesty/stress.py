"""What would the book have lost in a calamity, holding what it held?"""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.quant.stress import (
    CorrelationOne,
    FlashCrash,
    LiquidityCrisis,
    Replay,
    Scenario,
    StressPosition,
    VenueOutage,
)
from tradeterm.quant.stress import stress as stressed
from tradeterm.research.bars import Liquidity
from tradeterm.research.honesty.liquidity import liquidity_of
from tradeterm.research.honesty.summary import count, percent
from tradeterm.research.result import Result
from tradeterm.research.study import Study, run
from tradeterm.strategies.panel import Floats, Panel

DAYS = 5
OUTAGE_MS = HOUR_MS


class WorstDay(Struct, frozen=True):
    """A UTC day (its start, UTC ms): what the mean of the instruments and what the book's equity did in it."""

    ts: int
    market: float
    book: float


class Loss(Struct, frozen=True):
    """A scenario's loss as a fraction of equity (negative: it gains), what it supposes, and the names it could not
    count."""

    scenario: str
    share: float
    assumptions: str
    unknown: tuple[str, ...]


class Stress(Struct, frozen=True, kw_only=True):
    """`falls` are the days on which the market fell most, `worst` those on which the book lost most, worst first.

    `losses` are of the positions (`held`, instrument and signed notional over equity) at `ts`, when the book held most
    for its equity; empty without trades.
    """

    falls: tuple[WorstDay, ...]
    worst: tuple[WorstDay, ...]
    ts: int | None
    held: tuple[tuple[str, float], ...]
    losses: tuple[Loss, ...]
    sentence: str


def stress(study: Study, days: int = DAYS) -> Stress:
    """Run the study, list its worst days and the market's, and put the scenarios of `quant.stress` and the market's
    worst days to the largest positions it held. Nothing is closed by a stop: see there. Raises ValueError for days < 1.
    """
    if days < 1:
        raise ValueError(f"days: found {days}, allowed 1 or more")
    result = run(study)
    ends, market = _market_days(study.panel)
    book = _book_returns(study, result, ends)
    each = [
        WorstDay(int(end) - DAY_MS, float(fall), float(mine))
        for end, fall, mine in zip(ends[1:], market, book, strict=True)
    ]
    falls = tuple(sorted((day for day in each if day.market < 0), key=lambda day: day.market)[:days])
    worst = tuple(sorted((day for day in each if day.book < 0), key=lambda day: day.book)[:days])
    moment = _fullest(result)
    equity = 0.0 if moment is None else float(result.equity_at(np.array([moment]))[0])
    if moment is None or equity <= 0:
        text = "It held nothing that could be stressed."
        return Stress(falls=falls, worst=worst, ts=None, held=(), losses=(), sentence=text)
    columns, positions = _positions(study, result, moment)
    losses = tuple(
        Loss(found.name, found.loss / equity, found.assumptions, found.unknown)
        for found in (stressed(positions, scenario) for scenario in _scenarios(study, columns, falls))
    )
    held = tuple((position.name, position.value / equity) for position in positions)
    return Stress(
        falls=falls, worst=worst, ts=moment, held=held, losses=losses, sentence=_sentence(worst, held, losses)
    )


def _market_days(panel: Panel) -> tuple[NDArray[np.int64], Floats]:
    """The ends of UTC days with bars, and the mean return of the instruments from one to the next."""
    day = (panel.ts - 1) // DAY_MS
    last = np.flatnonzero(np.diff(day, append=day[-1] + 1))
    closes = np.array([_last_known(panel.close[:, i])[last] for i in range(len(panel.instruments))])
    moves = closes[:, 1:] / closes[:, :-1] - 1
    there = np.isfinite(moves)
    mean = np.where(there, moves, 0.0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
    return (day[last] + 1) * DAY_MS, mean


def _last_known(close: Floats) -> Floats:
    """Each row's newest close."""
    row = np.maximum.accumulate(np.where(np.isfinite(close), np.arange(close.size), 0))
    return np.asarray(close)[row]


def _book_returns(study: Study, result: Result, ends: NDArray[np.int64]) -> Floats:
    equity = result.equity_at(ends)
    return np.where(equity[:-1] > 0, equity[1:] / equity[:-1] - 1, np.nan)


def _fullest(result: Result) -> int | None:
    """When the gross notional at entry prices was largest, just after an entry."""
    trades = result.trades
    if not len(trades):
        return None
    notional = trades.quantity * trades.entry_price
    ts = np.concatenate((trades.exit_ts, trades.entry_ts))  # what leaves makes room first
    moves = np.concatenate((-notional, notional))
    order = np.argsort(ts, kind="stable")
    return int(ts[order][np.cumsum(moves[order]).argmax()])


def _positions(study: Study, result: Result, moment: int) -> tuple[list[int], list[StressPosition]]:
    trades = result.trades
    liquidity = study.liquidity or liquidity_of(study.panel)
    columns, found = [], []
    for i in np.flatnonzero((trades.entry_ts <= moment) & (trades.exit_ts > moment)).tolist():
        column, side = int(trades.instrument[i]), int(trades.side[i])
        name = trades.names[column]
        adv, volatility = (liquidity.get(name) or _UNKNOWN).at(moment)
        price, quantity, risk = (float(x[i]) for x in (trades.entry_price, trades.quantity, trades.risk))
        columns.append(column)
        found.append(
            StressPosition(
                name=name,
                quantity=side * quantity,
                price=result.simulation.market[column].last_close(moment),
                stop=price - side * risk / quantity if risk > 0 else None,
                volatility_daily=volatility if math.isfinite(volatility) else None,
                adv=adv if adv > 0 else None,
            )
        )
    return columns, found


_UNKNOWN = Liquidity(np.empty(0, np.int64), np.empty(0), np.empty(0))


def _scenarios(study: Study, columns: Sequence[int], falls: Sequence[WorstDay]) -> list[Scenario]:
    panel = study.panel
    found: list[Scenario] = [FlashCrash(), LiquidityCrisis(), CorrelationOne()]
    bars = max(1, OUTAGE_MS // panel.interval_ms)
    if panel.rows > bars + 1:
        found.append(VenueOutage(returns=_returns(panel, columns), bars=bars))
    for day in falls:
        rows = np.flatnonzero((panel.ts > day.ts) & (panel.ts <= day.ts + DAY_MS))
        part = panel.window(max(0, int(rows[0]) - 1), int(rows[-1]) + 1)
        if part.rows > 1:
            when = np.datetime64(day.ts, "ms").astype("datetime64[D]")
            found.append(Replay(returns=_returns(part, columns), name=f"{when} again"))
    return found


def _returns(panel: Panel, columns: Sequence[int]) -> Floats:
    """Returns from bar to bar of these columns; 0 where there is no bar."""
    closes = np.column_stack([_last_known(panel.close[:, column]) for column in columns])
    return np.nan_to_num(closes[1:] / closes[:-1] - 1)


def _sentence(worst: Sequence[WorstDay], held: Sequence[tuple[str, float]], losses: Sequence[Loss]) -> str:
    largest = max(losses, key=lambda loss: loss.share)
    gross = sum(abs(share) for _, share in held)
    day = f"Its worst day lost {percent(worst[0].book)}" if worst else "It had no losing day"
    return (
        f"{day}; holding the most it held ({count(len(held), 'position')}, {gross:.0%} of equity), the worst scenario,"
        f" {largest.scenario}, costs {largest.share * 100:.2f} % of equity."
    )
