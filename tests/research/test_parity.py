"""The same recording through the live engine and through a study: the same trades, to the last digit.

The engine is the whole one, with the paper venue and the ledger, as fast as it can replay. Tier 2 is off in both.
"""

import sqlite3
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
import pytest
from study_kit import demo_study

from tradeterm.config import Config, GateConfig, GateMode
from tradeterm.config_file import load_config
from tradeterm.engine.options import EngineOptions
from tradeterm.engine.run import run_engine
from tradeterm.profile import find_profile
from tradeterm.research.result import Result
from tradeterm.research.study import run
from tradeterm.research.tier2 import by_rules

pytestmark = pytest.mark.usefixtures("fitted_here")

BAR_MS = 300_000


class Fact(NamedTuple):
    """A trade as both know it; times are those of the bars."""

    instrument: str
    side: str
    quantity: float
    entry_ts: int
    entry_price: float
    exit_ts: int
    exit_price: float
    reason: str


def demo_config(book: dict[str, Any]) -> Config:
    """The demo without tier 2, its book changed."""
    config = load_config(None, "demo")
    changed = {**msgspec.to_builtins(config.books["crypto"]), **book}
    books = {"crypto": msgspec.convert(changed, type(config.books["crypto"]))}
    return msgspec.structs.replace(config, books=books, gate=GateConfig(mode=GateMode.OFF))


def of_the_engine(config: Config) -> tuple[list[Fact], list[float], dict[str, int]]:
    """Trades in the order of their entries, what each earned, and the entry signals denied, by code."""
    profile = find_profile("demo")
    assert run_engine(EngineOptions(profile=profile, config=config, speed=0.0, until_end=True)) == 0
    columns = "instrument, side, quantity, ts_opened, entry_price, ts_closed, exit_price, exit_reason, pnl"
    with closing(sqlite3.connect(profile.ledger)) as db:
        rows = db.execute(f"SELECT {columns} FROM trades ORDER BY ts_opened, instrument").fetchall()
        denied = "SELECT outcome_code, count(*) FROM signals WHERE kind = 'ENTRY' AND outcome = 'DENIED' GROUP BY 1"
        codes = dict(db.execute(denied).fetchall())
    facts = [fact_of(*row[:-1]) for row in rows]
    return facts, [float(row[-1]) for row in rows], codes


def fact_of(name: str, side: str, size: str, opened: int, entry: str, closed: int, out: str, why: str) -> Fact:
    return Fact(
        name, side, float(size), opened // BAR_MS * BAR_MS, float(entry), closed // BAR_MS * BAR_MS, float(out), why
    )


def of_the_study(result: Result) -> tuple[list[Fact], list[float]]:
    trades = sorted(result.trades, key=lambda trade: (trade.entry_ts, trade.instrument))
    facts = [
        Fact(
            trade.instrument, "LONG" if trade.side > 0 else "SHORT", trade.quantity, trade.entry_ts, trade.entry_price,
            trade.exit_ts, trade.exit_price, trade.reason,
        )
        for trade in trades
    ]  # fmt: skip
    return facts, [trade.pnl for trade in trades]


STRICT = {
    "parameters": {"threshold": 0.02, "rearm_fraction": 0.9, "min_confirmations": 0},
    "exits": {"stop": 0.011, "target": 0.025, "trail": 0.006, "trail_after": 0.004, "time_limit_hours": 1.0},
    "sizing": {"method": "fixed", "volatility_target": 0.9},
    "limits": {"max_positions": 2, "cool_down_minutes": 240.0, "daily_loss": 0.004, "max_total_exposure": 0.15},
}
STRICT_BUT_EXITS = {name: table for name, table in STRICT.items() if name != "exits"}
BY_RANGE = {"exits": {"stop_atr": 2.0, "target_stops": 1.7}}
IN_STOPS = {"exits": {"stop": 0.0123, "target_stops": 1.37, "trail": None, "trail_after": 0.0}}
CALM = {"health": {"least_trades": 500, "losses_in_a_row": 100}}
"""Health looks at so many trades that it never speaks: a stopped book waits for a person, which no backtest has."""


@pytest.mark.parametrize(
    "changes",
    ({}, STRICT, BY_RANGE, {**BY_RANGE, **STRICT_BUT_EXITS}, IN_STOPS),
    ids=("as it is", "strict", "by range", "by range, strict", "in stops"),
)
def test_the_engine_and_the_study_make_the_same_trades(changes: dict[str, Any]) -> None:
    config = demo_config({**changes, **CALM})
    found = run(msgspec.structs.replace(demo_study(config_symbols(config)), book=config.books["crypto"]))
    facts, earned, denied = of_the_engine(config)
    mine, pnl = of_the_study(found)
    assert len(facts) >= 30
    assert mine == facts
    assert pnl == pytest.approx(earned, abs=1e-6)
    assert {code: count for code, count in found.ignored.items() if count} == denied


def test_with_the_offline_rules_too() -> None:
    config = msgspec.structs.replace(demo_config(CALM), gate=GateConfig())
    study = msgspec.structs.replace(demo_study(config_symbols(config)), book=config.books["crypto"])
    found = run(study, verdicts=by_rules(study))
    facts, earned, _ = of_the_engine(config)
    mine, pnl = of_the_study(found)
    assert len(facts) >= 20
    assert mine == facts
    assert pnl == pytest.approx(earned, abs=1e-6)
    assert found.ignored["TREND_ACCELERATES"] >= 5


def config_symbols(config: Config) -> tuple[str, ...]:
    return tuple(name.partition(".")[0] for name in config.books["crypto"].instruments)
