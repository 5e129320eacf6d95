"""Two books of one desk, through the live engine and through a study: the same trades of each, to the last digit, and
the same entries denied by the limits that they share."""

import sqlite3
from contextlib import closing
from typing import Any

import msgspec
import pytest
from study_kit import demo_study
from test_parity import BY_RANGE, CALM, Fact, demo_config, fact_of, of_the_study

from tradeterm.config import BookConfig, Config, RiskConfig
from tradeterm.engine.models.models import RECORDED_REFRESHES as ENGINE_REFRESHES
from tradeterm.engine.models.models import ROWS as ENGINE_ROWS
from tradeterm.engine.options import EngineOptions
from tradeterm.engine.run import run_engine
from tradeterm.profile import find_profile
from tradeterm.research.books import Desk, DeskResult, run_desk
from tradeterm.research.together import RECORDED_REFRESHES, ROWS

pytestmark = pytest.mark.usefixtures("fitted_here")

LARGE = {"sizing": {"method": "fixed", "risk_fraction": 0.02, "regimes": {"chop": 1.0, "volatile": 1.0, "range": 1.0}}}
"""Sizes at which the shared limits bind."""
OTHER = {"parameters": {"threshold": 0.025}, "exits": {"stop": 0.015, "trail": 0.008, "trail_after": 0.005}}


def two_books(first: dict[str, Any], second: dict[str, Any], risk: RiskConfig) -> Config:
    config = demo_config({**first, **CALM})
    book = msgspec.to_builtins(config.books["crypto"])
    other = msgspec.convert({**book, **second, "capital": 50_000.0}, type=BookConfig)
    return msgspec.structs.replace(config, books={"crypto": config.books["crypto"], "another": other}, risk=risk)


def of_the_engine(config: Config) -> tuple[dict[str, list[Fact]], dict[str, dict[str, int]]]:
    """By book: trades in the order of their entries, and the entry signals denied, by code."""
    profile = find_profile("demo")
    assert run_engine(EngineOptions(profile=profile, config=config, speed=0.0, until_end=True)) == 0
    columns = "instrument, side, quantity, ts_opened, entry_price, ts_closed, exit_price, exit_reason"
    denied = (
        "SELECT outcome_code, count(*) FROM signals WHERE kind = 'ENTRY' AND outcome = 'DENIED' AND book = ? GROUP BY 1"
    )
    with closing(sqlite3.connect(profile.ledger)) as db:
        trades = {
            name: [
                fact_of(*row)
                for row in db.execute(
                    f"SELECT {columns} FROM trades WHERE book = ? ORDER BY ts_opened, instrument", (name,)
                )
            ]
            for name in config.books
        }
        codes = {name: dict(db.execute(denied, (name,)).fetchall()) for name in config.books}
    return trades, codes


def of_the_desk(config: Config) -> DeskResult:
    study = demo_study(tuple(name.partition(".")[0] for name in config.books["crypto"].instruments))
    studies = tuple(msgspec.structs.replace(study, book=book) for book in config.books.values())
    return run_desk(Desk(names=tuple(config.books), studies=studies, panels=(study.panel,), risk=config.risk))


LOSSES = RiskConfig(max_one_sided=0.2, max_var=0.015)
SUMS = RiskConfig(max_asset=0.08, max_group=0.12, max_gross=0.16)


@pytest.mark.parametrize(
    ("first", "second", "risk", "least"),
    (
        ({}, OTHER, RiskConfig(), set()),
        (LARGE, {**LARGE, **OTHER}, LOSSES, {"ONE_SIDED", "VAR_LIMIT"}),
        (LARGE, {**LARGE, **OTHER}, SUMS, {"GROSS_EXPOSURE", "ASSET_EXPOSURE", "CORRELATED_EXPOSURE"}),
        (LARGE, {**LARGE, **OTHER}, RiskConfig(max_heat=0.004), {"PORTFOLIO_HEAT"}),
        ({**LARGE, **BY_RANGE}, {**LARGE, **OTHER}, RiskConfig(max_heat=0.003), {"PORTFOLIO_HEAT"}),
    ),
    ids=("as it is", "losses", "sums", "heat", "heat, by range"),
)
def test_two_books_trade_as_on_the_desk(
    first: dict[str, Any], second: dict[str, Any], risk: RiskConfig, least: set[str]
) -> None:
    config = two_books(first, second, risk)
    trades, denied = of_the_engine(config)
    found = of_the_desk(config)
    for name, result in zip(config.books, found.books, strict=True):
        assert len(trades[name]) >= 20
        assert of_the_study(result)[0] == trades[name]
        assert {code: count for code, count in result.ignored.items() if count} == denied[name]
    assert least <= denied["crypto"].keys() | denied["another"].keys()


def test_the_models_are_renewed_as_often_as_in_a_recorded_run() -> None:
    assert (RECORDED_REFRESHES, ROWS) == (ENGINE_REFRESHES, ENGINE_ROWS)
