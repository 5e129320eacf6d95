"""A written strategy: checked, clamped, previewed on the data at hand, and told with its doubts."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from author_kit import SPEC, changed, risking

from tradeterm.assistant import author_worker
from tradeterm.assistant.author import draft
from tradeterm.assistant.author_card import comparison_lines, preview_lines
from tradeterm.assistant.author_form import spec_of
from tradeterm.assistant.author_preview import Preview, Task, preview
from tradeterm.assistant.author_proposal import task_of
from tradeterm.assistant.author_worker import Refusal, previews
from tradeterm.cli import main
from tradeterm.config import BookConfig, BybitConfig, Config, VenuesConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile
from tradeterm.resources import demo_folder
from tradeterm.strategies.declared.spec import Timeframe
from tradeterm.validators.secrets import key_variable

ACCOUNT = Config(
    books={"real": BookConfig(strategy="eos", venue="bybit", instruments=("BTCUSDT.BYBIT",), capital=1000.0)},
    venues=VenuesConfig(bybit=BybitConfig(leverage=3.0)),
)

Started = asyncio.Queue[asyncio.subprocess.Process]


def task(profile: Profile, data: dict[str, Any] = SPEC) -> Task:
    return task_of(draft(data, Config()), Config(), profile)


def test_words_come_from_the_specification_alone() -> None:
    made = draft(changed(assumptions=["a dip is RSI back above 30"]), Config())
    assert made.words.startswith("Buys ADA at the close of a 5-minute bar when RSI(14) crosses above 30.")
    assert "Understood as: a dip is RSI back above 30." in made.words
    assert (made.blocked, made.plain["name"]) == ((), "dips")


@pytest.mark.parametrize(("config", "most"), [(Config(), 10), (ACCOUNT, 3)])
def test_leverage_is_clamped_and_said(config: Config, most: float) -> None:
    made = draft(risking(max_leverage=25), config)
    whose = "the account" if config is ACCOUNT else "the program"
    assert made.notes[0] == f"leverage CLAMPED: 25x was asked for, {most:g}x is the most {whose} allows"
    assert made.spec.risk.max_leverage == most
    assert made.plain["risk"]["max_leverage"] == most
    assert made.book is not None
    assert made.book.limits.max_leverage == most
    assert "25" not in made.words
    assert draft(SPEC, config).notes[:1] != made.notes[:1]


@pytest.mark.parametrize("timeframe", list(Timeframe))
def test_the_forms_defaults_are_good_for_every_timeframe(timeframe: str) -> None:
    draft(spec_of({"name": "plain", "timeframe": timeframe}), Config())


def test_no_preview_says_that_look_ahead_was_not_looked_for() -> None:
    lines = preview_lines(Refusal("no recording of NOPE"))
    assert lines == (
        "NO PREVIEW: no recording of NOPE",
        "NOT CHECKED for look-ahead: there was no run to look at.",
    )


@pytest.mark.parametrize("key", ["unsupported", "questions"])
def test_what_is_open_blocks_it(key: str) -> None:
    made = draft(changed(**{key: ["the mood of the news"]}), Config())
    assert made.book is None
    assert "the mood of the news" in made.blocked[0]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (changed(name="eos"), "a strategy of the program"),
        (changed(name="real"), "a book of the configuration"),
        (changed(leverage=3), "leverage"),
        (changed(entry={"all": [{"ind": "mood", "op": ">", "value": 1}]}), "mood"),
        (risking(risk_pct=50), "risk.risk_pct: found 50"),
        (changed(name="x" * 70_000), "more than 65536 bytes"),
        (changed(entry={"all": [[[[[[[[[1]]]]]]]]]}), "levels"),
    ],
)
def test_mistakes_are_sentences(data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        draft(data, ACCOUNT)


def test_a_strategy_may_have_a_new_version_once_its_book_is_configured() -> None:
    book = draft(SPEC, Config()).book
    assert book is not None
    assert draft(risking(risk_pct=0.25), Config(books={"dips": book})).blocked == ()


def test_the_preview_is_the_backtest_of_the_same_file(
    profile: Profile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = preview(task(profile))
    (path := tmp_path / "dips.json").write_text(json.dumps(SPEC))
    assert main(["backtest", str(path), "--json", "--demo"]) == 0
    told = json.loads(capsys.readouterr().out)
    figures = {figure["name"]: figure for figure in told["figures"]}
    whole = found.whole
    assert whole.trades == len(told["trades"]) > 0
    assert whole.return_pct == pytest.approx(100 * figures["total_return"]["value"], abs=1e-4)
    assert whole.buy_and_hold_pct == pytest.approx(100 * figures["total_return"]["buy_and_hold"], abs=1e-4)
    paid = sum(trade["fees"] + trade["slippage"] + trade["funding"] for trade in told["trades"])
    assert whole.costs == pytest.approx(paid, abs=0.01)
    assert whole.costs > 0


def test_the_parts_share_the_time_and_say_when_they_are_too_few(profile: Profile) -> None:
    whole, before, after = preview(task(profile)).parts
    assert (before.first, before.last, after.last) == (whole.first, after.first, whole.last)
    assert (before.last - before.first) / (whole.last - whole.first) == pytest.approx(0.7, abs=0.01)
    assert before.trades + after.trades == pytest.approx(whole.trades, abs=1)  # one may be open at the cut
    assert [part.insufficient for part in (whole, before, after)] == [
        part.trades < 30 for part in (whole, before, after)
    ]
    assert after.insufficient


def test_variants_are_counted_and_the_same_one_once(profile: Profile) -> None:
    found = [preview(task(profile, data)) for data in (SPEC, SPEC, risking(risk_pct=0.25))]
    assert [each.trials for each in found] == [1, 1, 2]
    assert [each.run for each in found] == [1, 2, 3]


def test_a_ledger_that_cannot_be_written_costs_no_preview(profile: Profile) -> None:
    (profile.root / "research.db").write_text("no database")
    found = preview(task(profile))
    assert (found.trials, found.run) == (None, None)
    assert any("not kept" in note for note in found.notes)


def test_own_data_come_first_and_the_recording_where_they_do_not_serve(profile: Profile) -> None:
    def own(symbol: str) -> None:
        target = profile.root / "data" / "binance" / "5m" / f"{symbol}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((demo_folder() / "crypto" / "5m" / target.name).read_bytes())

    own("BTCUSDT")
    assert "your own data do not serve: ADAUSDT" in preview(task(profile)).data
    own("ADAUSDT")
    assert preview(task(profile)).data == f"your own data ({profile.root / 'data'})"


def test_no_trades_is_no_result(profile: Profile) -> None:
    never = changed(entry={"all": [{"ind": "rsi", "n": 14, "op": "<", "value": 0.001}]})
    found = preview(task(profile, never))
    assert (found.whole.trades, found.whole.insufficient, found.whole.win_rate_pct) == (0, True, None)
    assert any(line.startswith("INSUFFICIENT") for line in preview_lines(found))


def test_lines_say_which_data_costs_and_doubts(profile: Profile) -> None:
    lines = preview_lines(preview(task(profile)))
    assert lines[0] == (
        "Preview with costs, on the bundled recording of a week in April 2025: ADAUSDT, bars of 5m, "
        "2025-04-05 to 2025-04-12"
    )
    assert lines[1].split() == ["part", "trades", "return", "buy", "&", "hold", "drawdown", "won", "costs"]
    assert [line.split("  ")[0] for line in lines[2:5]] == ["all", "in sample", "out of sample"]
    assert any(line.startswith("INSUFFICIENT: under 30 trades") for line in lines)
    assert any(line.startswith("No look-ahead found") for line in lines)
    assert any("under a year" in line for line in lines)


def test_look_ahead_is_shouted(profile: Profile) -> None:
    found = msgspec.structs.replace(preview(task(profile)), clean=False, look_ahead="It knows the future.", trials=4)
    lines = preview_lines(found)
    assert "LOOK-AHEAD: It knows the future." in lines
    assert any(line.startswith("4 variants were tried") for line in lines)
    short = msgspec.structs.replace(found, clean=None, look_ahead="Nothing was looked at.")
    assert "NOT CHECKED for look-ahead: Nothing was looked at." in preview_lines(short)


def test_before_and_after_stand_side_by_side(profile: Profile) -> None:
    one, two = preview(task(profile)), preview(task(profile, risking(risk_pct=0.25)))
    lines = comparison_lines(one, two)
    assert [line.split("  ")[0] for line in lines[2:8]] == [
        f"{part}, {when}" for part in ("all", "in sample", "out of sample") for when in ("before", "after")
    ]
    assert comparison_lines(one, Refusal("no bars")) == ("NO BACKTEST: no bars",)


# In a process of its own


async def test_a_process_answers_in_order_and_refuses_in_a_sentence(profile: Profile) -> None:
    unknown = task(profile, changed(symbols=["NOPE"]))
    other = task(profile, changed(symbols=["NEITHER"]))
    first, second, third = await previews([unknown, task(profile), other])
    assert isinstance(first, Refusal)
    assert "NOPE" in first.sentence
    assert isinstance(second, Preview)
    assert second == msgspec.structs.replace(preview(task(profile)), run=second.run)
    assert isinstance(third, Refusal)
    assert "NEITHER" in third.sentence


def test_a_stop_by_range_has_a_preview(profile: Profile) -> None:
    found = preview(task(profile, changed(stop={"type": "atr", "mult": 1.5})))
    assert isinstance(found, Preview)


@pytest.fixture
def sleeping(monkeypatch: pytest.MonkeyPatch) -> Started:
    """Workers that never answer."""
    started: Started = asyncio.Queue()
    start = asyncio.create_subprocess_exec

    async def slow(*_: str, **options: Any) -> asyncio.subprocess.Process:
        process = await start(sys.executable, "-c", "import time; time.sleep(60)", **options)
        started.put_nowait(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slow)
    return started


async def test_a_deadline_ends_it(profile: Profile, sleeping: Started) -> None:
    (found,) = await previews([task(profile)], deadline_s=0.2)
    assert isinstance(found, Refusal)
    assert found.sentence.startswith("the preview took more than 0.2 s")
    assert sleeping.get_nowait().returncode == -9


async def test_cancelled_it_is_gone_at_once(profile: Profile, sleeping: Started) -> None:
    running = asyncio.create_task(previews([task(profile)]))
    process = await sleeping.get()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert process.returncode == -9


async def test_one_that_dies_is_a_refusal(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(author_worker, "__name__", "tradeterm.no_such_module")
    (found,) = await previews([task(profile)])
    assert isinstance(found, Refusal)
    assert found.sentence.startswith("the preview ended without an answer: ")
    assert "no_such_module" in found.sentence
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    (found,) = await previews([task(profile)])
    assert isinstance(found, Refusal)
    assert "cannot be started" in found.sentence


async def test_it_takes_nothing_of_the_folder_one_is_in(
    profile: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tradeterm.py").write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    (found,) = await previews([task(profile)])
    assert isinstance(found, Preview)


def test_it_is_given_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    from tradeterm.config import AiProvider

    for provider in AiProvider:
        monkeypatch.setenv(key_variable(provider), "sk-planted-0123456789")
    assert "sk-planted-0123456789" not in author_worker._without_keys().values()
    assert author_worker._without_keys()["PATH"] == os.environ["PATH"]
