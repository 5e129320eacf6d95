"""Run the real engine on the recording's last day, in this process."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import msgspec

from tradeterm.config_file import load_config
from tradeterm.domain.facts import Fact
from tradeterm.domain.states import CommandVerb
from tradeterm.engine.options import EngineOptions, RunStarted, Summary
from tradeterm.engine.run import run_engine
from tradeterm.ledger.queue import enqueue
from tradeterm.ledger.store import open_ledger
from tradeterm.profile import Profile, find_profile

LAST_DAY = 1_744_329_600_000  # 2025-04-11 00:00 UTC
SIX = 1_744_351_200_000  # 2025-04-11 06:00 UTC
LAST_HOURS = 1_744_394_400_000  # 2025-04-11 18:00 UTC


class Watcher:
    """Remembers what the engine said, and calls `hook` with every fact."""

    def __init__(self, hook: Callable[[int, Fact], None] | None = None) -> None:
        self.runs: list[RunStarted] = []
        self.facts: list[Fact] = []
        self.summaries: list[Summary] = []
        self._hook = hook

    def started(self, run: RunStarted) -> None:
        self.runs.append(run)

    def fact(self, ts: int, fact: Fact) -> None:
        self.facts.append(fact)
        if self._hook is not None:
            self._hook(ts, fact)

    def ended(self, summary: Summary) -> None:
        self.summaries.append(summary)

    def of(self, type_: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, type_)]


def options(watcher: Watcher | None = None, **changes: Any) -> EngineOptions:
    plain = EngineOptions(
        profile=find_profile("demo"),
        config=load_config(None, "demo"),
        speed=0.0,
        until_end=True,
        start_ts=LAST_DAY,
        observers=(watcher,) if watcher else (),
    )
    return msgspec.structs.replace(plain, **changes)


def run(**changes: Any) -> Watcher:
    """Run to the end of the recording (or as `changes` say), and give what was seen."""
    watcher = Watcher(changes.pop("hook", None))
    assert run_engine(options(watcher, **changes)) == 0
    return watcher


def short_run(**changes: Any) -> Watcher:
    """The same from six on, where a few trades are enough."""
    return run(**{"start_ts": SIX, **changes})


def demo_profile() -> Profile:
    return find_profile("demo")


def rows(sql: str) -> list[tuple[Any, ...]]:
    with closing(open_ledger(demo_profile().ledger, readonly=True)) as db:
        return db.execute(sql).fetchall()


def send(verb: CommandVerb, **more: str) -> int:
    """As a face would, whether or not an engine runs."""
    with closing(open_ledger(demo_profile().ledger)) as db:
        return enqueue(db, verb, ts=1, actor="tester:1", **more)


def command(command_id: int) -> tuple[str, str]:
    """Status and detail."""
    return rows(f"SELECT status, detail FROM commands WHERE id = {command_id}")[0]  # type: ignore[return-value]


def trades() -> list[tuple[Any, ...]]:
    return rows("SELECT id, quantity, entry_price, exit_price, pnl, exit_reason, ts_closed FROM trades ORDER BY id")


def stop_after(type_: type[Any], count: int = 1) -> tuple[Callable[[int, Fact], None], Callable[[], bool]]:
    """A hook and a `should_stop` that ends the run once `count` facts of the type were seen."""
    seen = 0

    def hook(ts: int, fact: Fact) -> None:
        nonlocal seen
        seen += isinstance(fact, type_)

    return hook, lambda: seen >= count


__all__ = [
    "LAST_DAY",
    "LAST_HOURS",
    "SIX",
    "Watcher",
    "command",
    "demo_profile",
    "options",
    "rows",
    "run",
    "send",
    "short_run",
    "sqlite3",
    "stop_after",
    "trades",
]
