"""What the research screen is made of, without a screen: command lines, progress, choices, tables and dots."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import fake_research
import msgspec
import pytest
from fake_research import BOOK, backtest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.cli import progress as cli_progress
from tradeterm.config import BookConfig, Config, ExitsConfig, ResearchConfig
from tradeterm.domain.errors import TradetermError
from tradeterm.research.costs import configured_costs
from tradeterm.research.runs import keep_run
from tradeterm.ui.glyphs import ASCII
from tradeterm.ui.research.again import again
from tradeterm.ui.research.choices import Choice, choice_words, completed, meant, names, settings_of
from tradeterm.ui.research.command import Ended, Progress
from tradeterm.ui.research.findings import table_lines, tables_of
from tradeterm.ui.research.kept import listed_runs, open_run
from tradeterm.ui.research.outcome import Backtest, Outcome, decode_outcome
from tradeterm.ui.research.session import in_a_word, listed
from tradeterm.ui.research.spread import Group, groups_of, spread_lines
from tradeterm.ui.research.under_way import UnderWay, progress_lines
from tradeterm.ui.research.wanted import Kind, Wanted, arguments, described, lack
from tradeterm.ui.research.words import made_of, short_title, title, warnings
from tradeterm.ui.tables.research import run_rows
from tradeterm.ui.widgets.tones import line_width, text_of

CONFIG = Config(
    books={
        "crypto": BookConfig(
            strategy="eos",
            venue="paper",
            instruments=("BTCUSDT.BINANCE",),
            capital=100_000.0,
            parameters={"threshold": 0.05},
        )
    }
)


def outcome(answer: dict[str, Any]) -> Outcome:
    return decode_outcome(msgspec.json.encode(answer))


def of_backtest(**changes: Any) -> Backtest:
    found = outcome({"type": "backtest", "run": 3, **backtest(**changes)})
    assert isinstance(found, Backtest)
    return found


# Command lines


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (Wanted(name="eos"), ["backtest", "eos", "--json", "--profile=p", "--tables"]),
        (
            Wanted(kind=Kind.WALK_FORWARD, name="eos", vary=("threshold=0.03,0.04",), capital="250,000"),
            ["walkforward", "eos", "--json", "--profile=p", "--capital=250000", "--grid=threshold=0.03,0.04"],
        ),
        (
            Wanted(kind=Kind.SWEEP, name="eos", symbols=" btc  eth,", vary=("a=1:2:1", "b=3,4")),
            ["sweep", "eos", "--json", "--profile=p", "--symbols=btc,eth", "--vary=a=1:2:1", "--vary=b=3,4"],
        ),
        (
            Wanted(kind=Kind.ROBUSTNESS, name="eos", start="2025-01-01", vary=("left=over",)),
            ["robustness", "eos", "--json", "--profile=p", "--from=2025-01-01"],
        ),
    ],
)
def test_the_command_line(wanted: Wanted, line: list[str]) -> None:
    assert arguments(wanted, "p") == line


def test_a_folder_is_named_in_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"--data={tmp_path / 'bars'}" in arguments(Wanted(name="eos", data="bars"), "p")
    assert "--data=~nobody-of-that-name/x" in arguments(Wanted(name="eos", data="~nobody-of-that-name/x"), "p")


def test_the_command_line_is_understood() -> None:
    from tradeterm.cli.parser import parse

    wanted = Wanted(name="eos", data="x", symbols="a b", interval="5m", start="2025-01-01", end="2025-02-01T12:00")
    parsed = parse(arguments(msgspec.structs.replace(wanted, capital="1,000", settings=("a=1",), seed=3), "demo"))
    assert (parsed.names, parsed.symbols, parsed.capital, parsed.settings, parsed.seed, parsed.tables, parsed.json) == (
        ["eos"], "a,b", 1000.0, ["a=1"], 3, True, True,
    )  # fmt: skip
    assert parse(arguments(Wanted(name="crypto + eos", ai="rules"), "demo")).names == ["crypto", "eos"]
    for kind in (Kind.WALK_FORWARD, Kind.ROBUSTNESS, Kind.SWEEP):
        parse(arguments(Wanted(kind=kind, name="eos", vary=("threshold=0.03,0.04",)), "demo"))


def test_what_is_missing() -> None:
    assert "Name a book" in lack(Wanted()) and "Name a book" in lack(Wanted(name="--help"))
    assert "varies something" in lack(Wanted(kind=Kind.SWEEP, name="eos"))
    assert not lack(Wanted(name="eos"))
    assert not lack(Wanted(name="crypto + eos"))
    assert "Only a backtest" in lack(Wanted(kind=Kind.ROBUSTNESS, name="crypto + eos"))


def test_many_symbols_are_counted() -> None:
    assert "6 symbols" in described(Wanted(name="eos", symbols="a,b,c,d,e,f"))


def test_again_sets_only_what_differs_today() -> None:
    then = {**BOOK, "parameters": {"threshold": 0.03}, "exits": msgspec.to_builtins(ExitsConfig(stop=0.01))}
    wanted = again(of_backtest(name="crypto", book=then), CONFIG)
    assert wanted.settings == ("exits.stop=0.01", "threshold=0.03")
    assert (wanted.start, wanted.end, wanted.capital) == ("2025-01-15T00:00:00", "2025-04-15T00:00:00", "100000")
    same = {**BOOK, "parameters": {"threshold": 0.05}, "exits": msgspec.to_builtins(ExitsConfig())}
    assert not again(of_backtest(name="crypto", book=same), CONFIG).settings


def test_costs_of_today_that_a_run_did_not_have_are_taken_back() -> None:
    research = ResearchConfig(impact=0.7, impacts={"BTCUSDT": 0.5}, most_latency_ms=200.0)
    config = msgspec.structs.replace(CONFIG, research=research)
    plain = msgspec.to_builtins(configured_costs(CONFIG))
    settings = again(of_backtest(name="crypto", costs=plain), config).settings
    assert {"costs.impact=null", "costs.impacts={}", "costs.most_latency_ms=0.0"} <= set(settings)
    assert not any("costs." in each for each in again(of_backtest(name="crypto", costs=plain), CONFIG).settings)


def test_what_was_null_is_set_to_null() -> None:
    then = {**BOOK, "exits": msgspec.to_builtins(ExitsConfig(target=None))}
    assert "exits.target=null" in again(of_backtest(book=then), CONFIG).settings


# Progress


def told(*calls: tuple[int, int]) -> list[dict[str, Any]]:
    with cli_progress.progress("bars") as tell:
        for call in calls:
            tell(*call)
    assert isinstance(sys.stderr, io.StringIO)
    return [json.loads(line) for line in sys.stderr.getvalue().splitlines()]


def test_progress_lines_are_few_and_end_with_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADETERM_PROGRESS", "json")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    lines = told(*((done, 1000) for done in range(1001)))
    assert lines[0] == {"type": "progress", "what": "bars", "done": 0, "of": 1000}
    assert lines[-1]["done"] == 1000
    assert len(lines) < 20


def test_without_the_wish_there_are_no_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRADETERM_PROGRESS", raising=False)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert told((1, 2), (2, 2)) == []


def test_rate_and_time_left_begin_anew_with_each_piece() -> None:
    way = UnderWay(0, 0).told(Progress("runs", 100, 300), 1_000)  # a sweep that goes on: 100 were known
    assert way.rate is None and way.left_ms is None
    way = way.told(Progress("runs", 150, 300), 6_000)
    assert way.rate == 10.0 and way.left_ms == 15_000
    assert way.told(Progress("runs", 300, 300), 8_000).left_ms is None
    other = way.told(Progress("capital", 1, 7), 9_000)
    assert other.rate is None and other.begun == 1


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**9), st.integers(1, 200))
def test_progress_of_any_size_fits(done: int, of: int, now: int, width: int) -> None:
    way = UnderWay(0, 0).told(Progress("runs", 0, of), 0).told(Progress("runs", done, of), now)
    lines = progress_lines(way, max(width, 30), ASCII)
    assert lines and all(line_width(line) <= max(width, 30) for line in lines)


# Choices


def test_names_are_books_and_strategies() -> None:
    known = names(CONFIG)
    assert known["crypto"] == "book, strategy eos" and known["eos"] == "strategy"


def test_bounds_in_words_and_the_value_of_today() -> None:
    settings = {choice.key: choice_words(choice) for choice in settings_of("crypto", CONFIG)}
    assert settings["threshold"].endswith("a number from 0.001 to 1; now 0.05")
    assert settings["exits.session_end"].endswith("true or false; now true")
    assert settings["exits.target"].endswith("or null; now 0.03")
    assert "kelly, fixed" in settings["sizing.method"]
    assert settings["costs.fee"].startswith("share of every fill's notional")
    assert settings_of("nothing", CONFIG) == ()


def test_the_last_word_is_completed() -> None:
    known = ["threshold=", "volume_window="]
    assert completed("volume_w", known) == "volume_window="
    assert completed("a=1 thr", known) == "a=1 threshold="
    assert completed("BTCUSDT,V", known) == "BTCUSDT,Volume_window="
    assert completed("", known) is None and completed("a ", known) is None and completed("zz", known) is None


def test_a_value_that_is_written_shows_its_own_choice() -> None:
    choices = (Choice("window", "x"), Choice("volume_window", "y"))
    assert [choice.key for choice in meant("window=3", choices)] == ["window"]
    assert len(meant("a=1 window", choices)) == 2 and len(meant("", choices)) == 2


# Outcomes


def test_what_is_no_answer_is_said() -> None:
    for answer in (b"", b"{}", b"\xff\xfe", b'{"type":"backtest"}', b'{"type":"other"}'):
        with pytest.raises(TradetermError, match="not understood"):
            decode_outcome(answer)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("tradeterm: no such book\n", "no such book"),
        ("usage: tradeterm backtest\n      [-h]\ntradeterm backtest: error: argument --from: found 'x'\n",
         "argument --from: found 'x'"),
        ("", "the command ended with status 2 and said nothing"),
    ],
)  # fmt: skip
def test_the_sentence_of_a_command(said: str, sentence: str) -> None:
    assert Ended(2, b"", said).sentence == sentence


@pytest.mark.parametrize("kind", ["walk_forward", "robustness", "sweep"])
@pytest.mark.parametrize("width", [20, 44, 58, 76, 150])
def test_tables_fit_any_width(kind: str, width: int) -> None:
    found = outcome(getattr(fake_research, kind)())
    lines = table_lines(tables_of(found), width)
    assert lines and all(line_width(line) <= width for line in lines)


def test_windows_of_a_walk_forward_name_what_was_best() -> None:
    text = "\n".join(text_of(line) for line in table_lines(tables_of(outcome(fake_research.walk_forward())), 90))
    assert "12 Feb 2025, threshold=0.032  -1.40%  +3.00%" in text
    assert "threshold 0.032, 0.04, 0.032, 0.04, 0.032, 0.04" in text


def test_a_sweep_ranks_its_trials_below_what_stands() -> None:
    lines = [text_of(line).split("  ") for line in table_lines(tables_of(outcome(fake_research.sweep())), 90)]
    assert [line[0] for line in lines[:3]] == ["threshold, exits.stop", "as it stands", "0.03, 0.01"]


def test_groups_of_robustness_and_of_a_sweep() -> None:
    found = outcome(fake_research.robustness())
    assert not isinstance(found, Backtest)
    labels = [group.label for group in groups_of(found)]  # type: ignore[arg-type]
    assert labels == [
        "as it is", "threshold", "volume_window", "exits.stop", "entry late", "prices off", "costs",
        "trades left out *", "days drawn again *",
    ]  # fmt: skip
    swept = outcome(fake_research.sweep())
    assert [len(group.returns) for group in groups_of(swept)] == [1, 2, 2, 2, 3, 3]  # type: ignore[arg-type]


@given(st.lists(st.lists(st.floats(-1, 9), min_size=1, max_size=9), min_size=1, max_size=6), st.integers(12, 160))
def test_dots_stay_in_their_line(returns: list[list[float]], width: int) -> None:
    groups = [Group(f"group {at}", tuple(values)) for at, values in enumerate(returns)]
    lines = spread_lines(groups, width, ASCII)
    assert len(lines) == len(groups) and all(line_width(line) <= width for line in lines)


def test_a_run_of_this_session_in_the_list() -> None:
    found = outcome(fake_research.walk_forward())
    assert not isinstance(found, Backtest)
    line = listed(found, 5)
    assert (line.number, line.ts, line.command, line.trades, line.insufficient) == (None, 5, "walkforward", 52, False)
    assert in_a_word(found) == "Done: out of sample +2.10% in 52 trades."
    assert "Insufficient" in in_a_word(of_backtest(count=12))


def test_the_ledger_as_a_list_and_one_by_one(tmp_path: Path) -> None:
    assert listed_runs(tmp_path) == ()
    number = fake_research.keep(tmp_path, backtest(count=12))
    (line,) = listed_runs(tmp_path)
    assert (line.number, line.name, line.trades, line.insufficient, line.symbols) == (number, "eos", 12, True, 2)
    assert line.total_return == pytest.approx(0.091482)
    found = open_run(tmp_path, number)
    assert isinstance(found, Backtest) and found.run == number and len(found.trades) == 12
    with pytest.raises(TradetermError, match="run 99"):
        open_run(tmp_path, 99)


def look_ahead() -> dict[str, Any]:
    difference = {
        "check": "cut",
        "row": 7,
        "ts": 5,
        "instrument": "BTCUSDT.BINANCE",
        "what": "entry",
        "whole": 1,
        "found": 0,
    }
    found = {"clean": False, "cuts": 20, "rows": 200, "differences": [difference], "sentence": "It knows."}
    return {"type": "lookahead", **fake_research.HEAD, **found}


@pytest.mark.parametrize("answer", (fake_research.walk_forward(), fake_research.robustness(), look_ahead()))
def test_tests_of_honesty_are_listed_and_opened(tmp_path: Path, answer: dict[str, Any]) -> None:
    kept = {name: value for name, value in answer.items() if name != "type"}
    number = keep_run(tmp_path, answer["type"], kept)
    (line,) = listed_runs(tmp_path)
    found = open_run(tmp_path, number)
    assert not isinstance(found, Backtest) and found.run == number
    mine = listed(found, line.ts)
    assert msgspec.structs.replace(mine, number=number) == line
    assert title(found).endswith(f" {number} of eos") and short_title(found) == f"run {number}"
    assert table_lines(tables_of(found), 80)


def test_a_run_that_a_model_may_have_known_the_end_of_is_marked_in_the_list(tmp_path: Path) -> None:
    for ai in ("OFF", "LIVE, CONTAMINATED"):
        keep_run(tmp_path, "backtest", {**backtest(), "ai": ai})
    rows = run_rows(listed_runs(tmp_path), (), (), ASCII)
    assert [str(row.cells[2].text) for row in rows] == ["eos?", "eos"]


def test_verdicts_that_may_have_known_the_end_are_said_first() -> None:
    note = "CONTAMINATED: 3 of them are of a model that may have known what came after"
    found = of_backtest(ai="CONTAMINATED RECORD", notes=[note, "tier 2: 9 recorded verdicts"])
    assert warnings(found)[0] == note and "tier 2 CONTAMINATED RECORD" in made_of(found)
    note = "tier 2: LIVE, CONTAMINATED: 3 of 9 verdicts are of a model that may have known what came after"
    assert warnings(of_backtest(ai="LIVE, CONTAMINATED", notes=[note]))[0] == note
    assert (
        listed(of_backtest(ai="LIVE, CONTAMINATED"), 5).contaminated
        and not listed(of_backtest(ai="LIVE"), 5).contaminated
    )
    assert again(of_backtest(ai="RULES (no AI)"), CONFIG).ai == "rules"
    assert "--ai=rules" in arguments(Wanted(name="eos", ai="rules"), "p")


def test_a_backtest_that_could_not_be_kept() -> None:
    found = outcome({"type": "backtest", "run": None, **backtest()})
    assert (title(found), short_title(found)) == ("backtest of eos", "backtest")
    assert listed(found, 5).trades == 40 and listed(found, 5).number is None
