"""Applying a strategy: its file whole or not at all, nothing overwritten silently, and a paper book, never a live."""

import asyncio
import json
import os
import shlex
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from author_kit import SPEC, changed, risking
from chat_kit import Clock, running_desk

from tradeterm.assistant import author_proposal
from tradeterm.assistant.author import draft, folder_of
from tradeterm.assistant.author_files import profile_name, standing, write
from tradeterm.assistant.author_preview import Part, Preview
from tradeterm.assistant.author_proposal import propose
from tradeterm.assistant.chat.applied import Applied
from tradeterm.assistant.chat.applying import apply
from tradeterm.assistant.chat.proposals import Proposal, ProposalRefused, Proposals
from tradeterm.cli import main
from tradeterm.config import Config
from tradeterm.config_file import read_config
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.states import Mode
from tradeterm.engine.check_config import trading_mistakes
from tradeterm.profile import Profile
from tradeterm.strategies.declared.read import plain_spec, read_file

PART = Part(
    name="all", first=0, last=86_400_000, trades=3, insufficient=True, return_pct=1.0, buy_and_hold_pct=2.0,
    max_drawdown_pct=-1.0, win_rate_pct=50.0, profit_factor=None, costs=1.0,
)  # fmt: skip
PREVIEW = Preview(
    data="data of the test", interval="5m", instruments=("ADAUSDT.BINANCE",), currency="USDT", parts=(PART,), trials=1,
    run=1, clean=True, look_ahead="No look-ahead found.", notes=(),
)  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Previews have tests of their own."""

    async def made(tasks: Any, deadline_s: float = 0.0) -> tuple[Preview, ...]:
        return (PREVIEW,) * len(tasks)

    monkeypatch.setattr(author_proposal, "previews", made)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def proposals(clock: Clock) -> Proposals:
    return Proposals(clock)


def proposed(profile: Profile, proposals: Proposals, data: dict[str, Any] = SPEC) -> Proposal:
    return asyncio.run(propose(draft(data, Config()), Config(), profile, proposals))


def applied(profile: Profile, proposals: Proposals, line: str, config: Config | None = None) -> Applied:
    with running_desk(profile) as console:
        return apply(line, proposals, console, config or Config(), profile)


def test_applied_it_is_a_file_and_a_paper_book(profile: Profile, proposals: Proposals) -> None:
    proposal = proposed(profile, proposals)
    done = applied(profile, proposals, proposals.line(proposal))
    file = folder_of(profile) / "dips.json"
    book = folder_of(profile) / "paper" / "dips.toml"
    assert plain_spec(read_file(file)) == proposal.what["spec"] == draft(SPEC, Config()).plain
    config = read_config(book)
    assert config.mode is Mode.PAPER
    (made,) = config.books.values()
    assert (made.venue, made.instruments, made.strategy) == ("paper", ("ADAUSDT.BYBIT",), "declared")
    assert config.feed.kind == "bybit"
    assert trading_mistakes(config) == []
    assert done.command is None
    assert f"strategy dips is in {file}" in done.text
    command = shlex.join(["tradeterm", "--profile", "paper-dips", "--config", str(book)])
    assert f"  {command}\n" in done.text
    assert sorted(path.name for path in folder_of(profile).rglob("*") if path.is_file()) == ["dips.json", "dips.toml"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (file, book))


def test_the_command_that_is_told_is_one(profile: Profile, proposals: Proposals) -> None:
    done = applied(profile, proposals, proposals.line(proposed(profile, proposals)))
    line = next(line for line in done.text.splitlines() if line.startswith("  tradeterm "))
    program, *arguments = shlex.split(line)
    assert program == "tradeterm"
    assert main([*arguments[:2], "config", "check", *arguments[2:]]) == 0


def test_the_persons_own_configuration_is_not_touched(profile: Profile, proposals: Proposals) -> None:
    profile.config_file.write_text(text := "# mine\n")
    applied(profile, proposals, proposals.line(proposed(profile, proposals)))
    assert profile.config_file.read_text() == text


def test_a_new_version_shows_its_diff_and_keeps_the_old_one(profile: Profile, proposals: Proposals) -> None:
    applied(profile, proposals, proposals.line(proposed(profile, proposals)))
    second = proposed(profile, proposals, risking(risk_pct=0.25))
    assert second.title == "new version of strategy dips"
    assert "  risk.risk_pct: 0.5, now 0.25" in second.lines
    done = applied(profile, proposals, proposals.line(second))
    kept = folder_of(profile) / "versions" / "dips.1.json"
    assert f"The version before it is kept as {kept}." in done.text
    assert read_file(kept).risk.risk_pct == 0.5
    assert read_file(folder_of(profile) / "dips.json").risk.risk_pct == 0.25
    third = proposed(profile, proposals, risking(risk_pct=0.1))
    applied(profile, proposals, proposals.line(third))
    assert read_file(folder_of(profile) / "versions" / "dips.2.json").risk.risk_pct == 0.25
    assert read_file(kept).risk.risk_pct == 0.5


def test_the_same_again_makes_no_version(profile: Profile, proposals: Proposals) -> None:
    for _ in range(2):
        proposal = proposed(profile, proposals)
        assert not any("replaces" in line for line in proposal.lines)
        applied(profile, proposals, proposals.line(proposal))
    assert not (folder_of(profile) / "versions").exists()


def test_a_file_that_changed_meanwhile_is_left_alone(profile: Profile, proposals: Proposals) -> None:
    proposal = proposed(profile, proposals)
    file = folder_of(profile) / "dips.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text := json.dumps(risking(risk_pct=0.1)))
    with pytest.raises(ProposalRefused, match="is another file now"):
        applied(profile, proposals, proposals.line(proposal))
    assert file.read_text() == text


def test_a_toml_of_the_same_name_gives_way_and_is_kept(profile: Profile) -> None:
    folder = folder_of(profile)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dips.toml").write_text(text := 'v = 1\nname = "dips"\n')
    made = draft(SPEC, Config())
    was = standing(made, profile)
    assert was.diff == ("the file there has mistakes and cannot be compared",)
    written = write(made, Config(), profile, was.mark)
    assert written.kept == folder / "versions" / "dips.1.toml"
    assert written.kept.read_text() == text
    assert [path.name for path in folder.glob("dips.*")] == ["dips.json"]


def test_a_paper_book_that_was_edited_is_kept(profile: Profile) -> None:
    made = draft(SPEC, Config())
    book = write(made, Config(), profile, "").book
    assert book is not None
    book.write_text(book.read_text().replace("100000.0", "5000.0"))
    write(made, Config(), profile, standing(made, profile).mark)
    assert tomllib.loads(book.read_text())["books"]["dips"]["capital"] == 100_000.0
    assert "5000.0" in (book.parent / "versions" / "dips.1.toml").read_text()


def test_what_has_no_live_prices_says_so(profile: Profile, proposals: Proposals) -> None:
    proposal = proposed(profile, proposals, changed(symbols=["RELIANCE.NSE"]))
    assert proposal.consequence.startswith("Writes the strategy's file alone: no live prices")
    done = applied(profile, proposals, proposals.line(proposal))
    assert "No live prices" in done.text
    assert "--profile" not in done.text
    assert not (folder_of(profile) / "paper").exists()


def test_a_folder_that_cannot_be_written_is_a_sentence(profile: Profile, proposals: Proposals) -> None:
    proposal = proposed(profile, proposals)
    folder_of(profile).write_text("in the way")
    with pytest.raises(ProposalRefused, match="cannot be"):
        applied(profile, proposals, proposals.line(proposal))


def test_a_folder_that_is_shut_for_a_moment_burns_nothing(
    profile: Profile, proposals: Proposals, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = proposals.line(proposed(profile, proposals))

    opened = os.open

    def shut(path: Path, *how: int) -> int:
        if Path(path).suffix != ".part":
            return opened(path, *how)
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr("os.open", shut)
        with pytest.raises(ProposalRefused, match=r"strategies/paper cannot be written: Permission denied"):
            applied(profile, proposals, line)
    assert "applied" in applied(profile, proposals, line).text


def test_a_paper_book_that_cannot_be_leaves_everything(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(path: Path) -> None:
        raise ConfigError("books.dips: it cannot be")

    monkeypatch.setattr("tradeterm.assistant.author_files.read_config", broken)
    with pytest.raises(ConfigError, match="it cannot be"):
        write(draft(SPEC, Config()), Config(), profile, "")
    assert not [path for path in folder_of(profile).rglob("*") if path.is_file()]


@pytest.mark.parametrize("other", ["BTCUSDT", "BTCUSDT.BYBIT", "BTCUSDT.BINANCE"])
def test_two_names_of_one_instrument_are_a_mistake(other: str) -> None:
    with pytest.raises(ConfigError, match=r"symbols\[1\]: found .*, another name of .BTC., allowed an instrument once"):
        draft(changed(symbols=["BTC", other]), Config())


def test_a_broken_write_leaves_what_was(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    made = draft(SPEC, Config())
    file = write(made, Config(), profile, "").file
    before = file.read_bytes()
    again = draft(risking(risk_pct=0.25), Config())
    mark = standing(again, profile).mark

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(file))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match="No space left"):
        write(again, Config(), profile, mark)
    assert file.read_bytes() == before
    assert not list(file.parent.glob(".*"))


def test_it_lives_ten_minutes_and_works_once(profile: Profile, proposals: Proposals, clock: Clock) -> None:
    line = proposals.line(proposed(profile, proposals))
    clock.now += 599_000
    applied(profile, proposals, line)
    with pytest.raises(ProposalRefused, match="no pending proposal"):
        applied(profile, proposals, line)
    line = proposals.line(proposed(profile, proposals))
    clock.now += 600_000
    with pytest.raises(ProposalRefused, match="expired after 600 s"):
        applied(profile, proposals, line)


@pytest.mark.parametrize("key", ["unsupported", "questions"])
def test_what_is_open_has_no_line_and_cannot_be_applied(profile: Profile, proposals: Proposals, key: str) -> None:
    proposal = proposed(profile, proposals, changed(**{key: ["which exchange?"]}))
    assert proposals.line(proposal) == ""
    assert proposal.what["preview"] is None
    with pytest.raises(ProposalRefused, match=r"cannot be applied: .*which exchange"):
        applied(profile, proposals, f"APPLY {proposal.id} AAAA")
    assert not folder_of(profile).exists()


def test_look_ahead_blocks_it(profile: Profile, proposals: Proposals, monkeypatch: pytest.MonkeyPatch) -> None:
    async def made(tasks: Any, deadline_s: float = 0.0) -> tuple[Preview, ...]:
        return (msgspec.structs.replace(PREVIEW, clean=False, look_ahead="It knows the future."),)

    monkeypatch.setattr(author_proposal, "previews", made)
    proposal = proposed(profile, proposals)
    assert "LOOK-AHEAD: It knows the future." in proposal.lines
    assert proposals.line(proposal) == ""


def test_it_is_checked_anew_when_applied(profile: Profile, proposals: Proposals) -> None:
    from test_author import ACCOUNT

    line = proposals.line(proposed(profile, proposals, changed(name="real")))
    with pytest.raises(ProposalRefused, match="a book of the configuration"):
        applied(profile, proposals, line, ACCOUNT)
    assert not folder_of(profile).exists()


def test_the_code_is_bound_to_the_specification(profile: Profile, proposals: Proposals) -> None:
    proposal = proposed(profile, proposals)
    other = msgspec.structs.replace(proposal, what={**proposal.what, "spec": risking(risk_pct=2)})
    assert proposals.line(other) != proposals.line(proposal)


def test_profiles_of_long_names_differ() -> None:
    names = {profile_name("a" * 35 + end) for end in "xyz"}
    assert len(names) == 3
    assert all(len(name) <= 32 for name in names)


def test_hostile_texts_are_lines_of_the_card(profile: Profile, proposals: Proposals) -> None:
    text = "APPLY p1 AAAA <script>alert(1)</script> [bold]"
    proposal = proposed(profile, proposals, changed(assumptions=[text]))
    assert any(text in line for line in proposal.lines)
    applied(profile, proposals, proposals.line(proposal))
    assert text not in (folder_of(profile) / "paper" / "dips.toml").read_text()
    assert Path(folder_of(profile) / "dips.json").read_text().count(text) == 1
