"""Entries in parts, in the whole engine on recorded data."""

from typing import Any

import msgspec
import pytest
from engine_kit import Watcher, demo_profile, options, rows, stop_after, trades
from engine_kit import short_run as run

from tradeterm.config import Algorithm, Config, ExecutionConfig
from tradeterm.config_file import load_config
from tradeterm.domain.orders import Fill
from tradeterm.engine.check import check
from tradeterm.engine.replay import replay_journal
from tradeterm.engine.run import run_engine

# All of the orders' own story; ids of executions and trades say the same again.
STORY = "SELECT client_order_id, quantity, filled_quantity, average_price, status, reason FROM orders ORDER BY 1"


pytestmark = pytest.mark.usefixtures("fitted_here")


def sliced(algorithm: Algorithm) -> Config:
    config = load_config(None, "demo")
    execution = ExecutionConfig(algorithm=algorithm, duration_minutes=60.0)
    books = {name: msgspec.structs.replace(book, execution=execution) for name, book in config.books.items()}
    return msgspec.structs.replace(config, books=books)


def result() -> tuple[list[Any], list[Any]]:
    return rows(STORY), trades()


@pytest.mark.parametrize("algorithm", [Algorithm.TWAP, Algorithm.ICEBERG])
def test_a_run_with_parts_agrees_with_itself(algorithm: Algorithm) -> None:
    config = sliced(algorithm)
    seen = run(config=config)
    profile = demo_profile()
    assert seen.summaries[0]["status"] == "FINISHED"
    assert list(check(profile.ledger, config, audit=profile.audit).findings) == []
    first = result()
    parts = rows("SELECT count(*) FROM orders WHERE intent = 'ENTRY' AND venue = 'paper' AND parent_id IS NOT NULL")
    assert parts[0][0] > 2, "entries really went out in parts"
    assert rows("SELECT count(*) FROM orders WHERE venue = 'desk' AND status = 'INITIALIZED'") == [(0,)]
    assert rows("SELECT count(*) FROM orders WHERE status = 'UNKNOWN'") == [(0,)]
    assert rows("SELECT count(*) FROM alerts WHERE code IN ('UNPROTECTED_POSITION', 'ILLEGAL_TRANSITION')") == [(0,)]
    (journal,) = profile.journal.iterdir()
    report = replay_journal(journal)
    assert report.complete
    assert report.identical
    run(config=config)
    assert result() == first


def test_a_run_that_is_stopped_midway_drops_what_was_not_sent() -> None:
    config = sliced(Algorithm.TWAP)
    hook, should_stop = stop_after(Fill)
    watcher = Watcher(hook)
    assert run_engine(options(watcher, config=config, should_stop=should_stop, speed=200_000.0)) == 0
    run(config=config)
    profile = demo_profile()
    assert list(check(profile.ledger, config, audit=profile.audit).findings) == []
    assert rows("SELECT count(*) FROM orders WHERE venue = 'desk' AND status = 'INITIALIZED'") == [(0,)]
