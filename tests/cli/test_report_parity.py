"""`tradeterm report parity`: a run repeated as a backtest, decision by decision."""

import json
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradeterm.cli import main
from tradeterm.cli.report import _compared
from tradeterm.cli.session import newest_journal
from tradeterm.config import ResearchConfig
from tradeterm.config_file import load_config
from tradeterm.domain.facts import Fact
from tradeterm.domain.states import CommandVerb
from tradeterm.engine.options import EngineOptions, RunStarted, Summary
from tradeterm.engine.played import Played, played
from tradeterm.engine.run import run_engine
from tradeterm.ledger.queue import enqueue
from tradeterm.ledger.store import open_ledger
from tradeterm.profile import HOME_VARIABLE, Profile, find_profile
from tradeterm.research.parity import Cause, Parity
from tradeterm.resources import demo_folder


class Watcher:
    def __init__(self, hook: Callable[[int, Fact], None]) -> None:
        self.fact = hook

    def started(self, run: RunStarted) -> None:
        pass

    def ended(self, summary: Summary) -> None:
        pass


def run_demo(hook: Callable[[int, Fact], None]) -> None:
    options = EngineOptions(
        profile=find_profile("demo"),
        config=load_config(None, "demo"),
        speed=0.0,
        until_end=True,
        observers=(Watcher(hook),),
    )
    assert run_engine(options) == 0


@pytest.fixture(scope="module")
def recorded(ran_demo: Path) -> tuple[Profile, Played]:
    """A whole run of the demo, and what its journal tells."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(ran_demo))
        profile = find_profile("demo")
        return profile, played(newest_journal(profile))


def parity(recorded: tuple[Profile, Played], **changes: Any) -> Parity:
    profile, run = recorded
    return _compared(profile, msgspec.structs.replace(run, **changes), "crypto", None)[1]


def causes(found: Parity) -> set[Cause]:
    return {difference.cause for difference in found.differences}


def test_a_run_decides_as_its_backtest(recorded: tuple[Profile, Played]) -> None:
    found = parity(recorded)
    assert found.differences == ()
    assert found.same == found.signals == len(recorded[1].signals) >= 30
    assert found.trades >= 20
    assert found.sentence == f"{found.signals} of {found.signals} decisions are the same."


def test_costs_of_research_are_not_those_of_a_run(recorded: tuple[Profile, Played]) -> None:
    config = msgspec.structs.replace(recorded[1].config, research=ResearchConfig(impact=1.0, most_latency_ms=900.0))
    assert parity(recorded, config=config) == parity(recorded)


def test_a_bar_that_never_came(recorded: tuple[Profile, Played]) -> None:
    run, missed = recorded[1], recorded[1].signals[5]
    bars = tuple(b for b in run.bars if (b.ts_event, b.instrument) != (missed.ts_bar, missed.instrument))
    signals = tuple(signal for signal in run.signals if signal.id != missed.id)
    first = parity(recorded, bars=bars, signals=signals).differences[0]
    assert (first.ts, first.instrument, first.what, first.live) == (missed.ts_bar, missed.instrument, "signal", "none")
    assert first.cause is Cause.NO_BAR


def test_a_bar_that_was_another_one(recorded: tuple[Profile, Played]) -> None:
    run, missed = recorded[1], recorded[1].signals[5]
    bars = tuple(
        msgspec.structs.replace(bar, close=bar.close * 1.01)
        if (bar.ts_event, bar.instrument) == (missed.ts_bar, missed.instrument)
        else bar
        for bar in run.bars
    )
    signals = tuple(signal for signal in run.signals if signal.id != missed.id)
    first = parity(recorded, bars=bars, signals=signals).differences[0]
    assert first.cause is Cause.OTHER_BAR
    assert "in the data" in first.detail


def test_what_nothing_explains_is_named(recorded: tuple[Profile, Played]) -> None:
    run = recorded[1]
    lost = next(signal for signal in run.signals if signal.outcome == "VETOED")
    found = parity(recorded, signals=tuple(signal for signal in run.signals if signal.id != lost.id))
    assert found.differences[0].cause is Cause.UNEXPLAINED
    assert "1: unexplained" in found.sentence


def test_another_size_is_seen(recorded: tuple[Profile, Played]) -> None:
    run = recorded[1]
    at = next(n for n, signal in enumerate(run.signals) if signal.outcome == "ORDERED")
    larger = msgspec.structs.replace(run.signals[at], quantity=2 * (run.signals[at].quantity or 0))
    found = parity(recorded, signals=(*run.signals[:at], larger, *run.signals[at + 1 :]))
    assert [(each.what, each.cause) for each in found.differences] == [("size", Cause.UNEXPLAINED)]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("entry price", lambda trade: {"entry_price": trade.entry_price * 2}),
        ("exit", lambda trade: {"exit_reason": "KILL"}),
        ("exit time", lambda trade: {"ts_closed": trade.ts_closed + 3_600_000}),
        ("exit price", lambda trade: {"exit_price": trade.exit_price * 2}),
    ],
)
def test_another_fill_is_seen(
    recorded: tuple[Profile, Played], what: str, change: Callable[[Any], dict[str, Any]]
) -> None:
    run = recorded[1]
    other = msgspec.structs.replace(run.trades[3], **change(run.trades[3]))
    found = parity(recorded, trades=(*run.trades[:3], other, *run.trades[4:]))
    assert [(each.what, each.cause) for each in found.differences] == [(what, Cause.LIVE)]


@pytest.mark.usefixtures("fitted_here")
def test_an_operators_word_explains_what_follows(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    sent: list[int] = []

    def stop_at_the_fifth(ts: int, fact: Fact) -> None:
        if type(fact).__name__ == "Trade":
            sent.append(ts)
        if len(sent) == 5:
            with closing(open_ledger(find_profile("demo").ledger)) as db:
                enqueue(db, CommandVerb.STOP, ts=1, actor="tester:1")
            sent.append(ts)

    run_demo(stop_at_the_fifth)
    assert main(["report", "parity", "--demo", "--json"]) in (0, 1)
    answer = json.loads(capsys.readouterr().out)
    assert list(answer) == [
        "type", "journal", "book", "complete", "first", "last", "data_hash", "notes", "signals", "trades", "same",
        "differences", "sentence",
    ]  # fmt: skip
    assert 0 < answer["same"] < answer["signals"]
    assert answer["differences"][0]["cause"] == Cause.OPERATOR.value
    assert {each["cause"] for each in answer["differences"]} <= {Cause.OPERATOR.value, Cause.FOLLOWS.value}


def test_sizes_without_contract_facts_have_that_cause(recorded: tuple[Profile, Played], tmp_path: Path) -> None:
    profile, run = recorded
    shutil.copytree(demo_folder() / "crypto", tmp_path / "bars")
    for facts in tmp_path.rglob("*.toml"):
        facts.unlink()
    found, same = _compared(profile, run, "crypto", tmp_path / "bars")
    assert Cause.CONTRACT not in causes(same)
    assert same.same > 0.9 * same.signals
    assert "contract facts are those the run had" in found.notes
    found, other = _compared(profile, msgspec.structs.replace(run, instruments=()), "crypto", tmp_path / "bars")
    sizes = [each for each in other.differences if each.what == "size"]
    assert len(sizes) > 10
    assert {each.cause for each in sizes} == {Cause.CONTRACT}
    assert any(note.startswith("the run's journal has no contract facts of ") for note in found.notes)
    assert f"{len(sizes)}: the run's contract facts are not known" in other.sentence


def test_a_run_without_a_journal_is_said(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "parity", "--demo"]) == 1
    assert "there is no journal in" in capsys.readouterr().err
