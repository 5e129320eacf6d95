"""A proposal is applied by the line a person types: once, in time, unchanged, and if it still makes sense."""

from collections.abc import Iterator

import msgspec
import pytest
from chat_kit import Clock, config, running_desk
from hypothesis import given
from hypothesis import strategies as st
from seeded import view

from tradeterm.assistant.chat.applying import apply
from tradeterm.assistant.chat.proposals import Proposal, ProposalRefused, Proposals, is_apply
from tradeterm.assistant.chat.tools.proposing import propose_parameters, propose_pause
from tradeterm.assistant.chat.tools.tool import ToolError
from tradeterm.console.protocol import Console
from tradeterm.domain.states import BookState, CommandVerb
from tradeterm.ledger.live import LiveWriter
from tradeterm.profile import Profile


@pytest.fixture
def console(profile: Profile) -> Iterator[Console]:
    with running_desk(profile) as found:
        yield found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def proposals(clock: Clock) -> Proposals:
    return Proposals(clock)


def paused(console: Console, proposals: Proposals) -> Proposal:
    return propose_pause(console, proposals, "crypto")


def test_a_pause_is_applied_once(console: Console, proposals: Proposals) -> None:
    line = proposals.line(paused(console, proposals))
    applied = apply(line.lower(), proposals, console, config())
    assert applied.command is not None
    assert (applied.command.verb, applied.command.book) == (CommandVerb.PAUSE, "crypto")
    assert console.commands() == []
    with pytest.raises(ProposalRefused, match="no pending proposal p1"):
        apply(line, proposals, console, config())


def test_it_expires(console: Console, proposals: Proposals, clock: Clock) -> None:
    line = proposals.line(paused(console, proposals))
    clock.now += 120_000
    with pytest.raises(ProposalRefused, match="expired after 120 s"):
        apply(line, proposals, console, config())
    assert proposals.pending() == ()


def test_a_clock_set_back_ends_it(console: Console, proposals: Proposals, clock: Clock) -> None:
    line = proposals.line(paused(console, proposals))
    clock.now -= 1
    with pytest.raises(ProposalRefused, match="expired"):
        apply(line, proposals, console, config())


def test_another_code_does_not_apply_and_three_withdraw_it(console: Console, proposals: Proposals) -> None:
    line = proposals.line(paused(console, proposals))
    wrong = line[:-4] + ("AAAA" if not line.endswith("AAAA") else "BBBB")
    for sentence in ("Nothing was applied", "Nothing was applied", "withdrawn"):
        with pytest.raises(ProposalRefused, match=sentence):
            apply(wrong, proposals, console, config())
    with pytest.raises(ProposalRefused, match="no pending"):
        apply(line, proposals, console, config())


def test_a_newer_one_about_the_same_replaces_it(console: Console, proposals: Proposals) -> None:
    old = proposals.line(paused(console, proposals))
    new = paused(console, proposals)
    assert proposals.pending() == (new,)
    with pytest.raises(ProposalRefused, match="no pending"):
        apply(old, proposals, console, config())


def test_the_code_is_bound_to_the_content(console: Console, proposals: Proposals) -> None:
    proposal = paused(console, proposals)
    other = msgspec.structs.replace(proposal, book="other")
    assert other.hash != proposal.hash
    assert proposals.line(other) != proposals.line(proposal)
    assert Proposals(Clock()).line(proposal) != proposals.line(proposal)


def test_what_changed_meanwhile_is_not_applied(console: Console, proposals: Proposals, profile: Profile) -> None:
    line = proposals.line(paused(console, proposals))
    book = msgspec.structs.replace(view().books[0], state=BookState.PAUSED)
    live = LiveWriter(profile.live)
    live.publish(view(version=2, books=(book,)))
    live.close()
    with pytest.raises(ProposalRefused, match="was not applied: book crypto is PAUSED now"):
        apply(line, proposals, console, config())


def test_a_trouble_that_passes_leaves_it_and_its_place(
    console: Console, proposals: Proposals, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = paused(console, proposals)
    second = propose_parameters(config(), proposals, "crypto", {"threshold": 0.05})
    with monkeypatch.context() as patched:
        patched.setattr(type(console), "engine_alive", lambda _: False)
        with pytest.raises(ProposalRefused, match="p1 was not applied: no engine is running"):
            apply(proposals.line(first), proposals, console, config())
    assert proposals.pending() == (first, second)
    assert apply(proposals.line(first), proposals, console, config()).command is not None
    assert proposals.pending() == (second,)


def test_a_newer_one_is_not_replaced_by_one_given_back(console: Console, proposals: Proposals) -> None:
    old = proposals.take(proposals.line(paused(console, proposals)))
    new = paused(console, proposals)
    proposals.give_back(old)
    assert proposals.pending() == (new,)


def test_parameters_become_lines_for_the_configuration(console: Console, proposals: Proposals) -> None:
    proposal = propose_parameters(config(), proposals, "crypto", {"threshold": 0.05, "stall_bars": 2})
    assert (proposal.before, proposal.after) == ({"threshold": 0.04}, {"threshold": 0.05})
    applied = apply(proposals.line(proposal), proposals, console, config())
    assert applied.command is None
    assert applied.text.splitlines()[1:] == ["[books.crypto.parameters]", "threshold = 0.05  # was 0.04"]
    assert console.commands() == []


@pytest.mark.parametrize(
    ("book", "changes", "sentence"),
    [
        ("other", {"threshold": 0.05}, "unknown book 'other'; known: crypto"),
        ("crypto", {}, "changes is empty"),
        ("crypto", {"threshold": 5.0}, "books.crypto.parameters.threshold: found 5.0, allowed 0.001 to 1"),
        ("crypto", {"threshold": "inf"}, "books.crypto.parameters.threshold"),
        ("crypto", {"max_leverage": 50}, "books.crypto.parameters.max_leverage: found a key that is not known"),
        ("crypto", {"limits": 1.0}, "books.crypto.parameters.limits: found a key that is not known"),
        ("crypto", {"limits": {"drawdown": 1.0}}, "limits: only a number, a word, true or false can be proposed"),
        ("crypto", {"threshold": "x" * 50}, "threshold: only a number"),
        ("crypto", {"threshold": 0.04}, "runs with these values already"),
    ],
)
def test_what_cannot_be_proposed(proposals: Proposals, book: str, changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ToolError) as refused:
        propose_parameters(config(), proposals, book, changes)
    assert sentence in str(refused.value)
    assert proposals.pending() == ()


@pytest.mark.parametrize(
    "line", ["APPLY", "apply p1", "APPLY p1 K7Q", "Apply p1 K7QX now", ": APPLY p1 K7QX", "please apply p1"]
)
def test_a_line_that_wants_to_apply_never_goes_to_a_model(line: str, proposals: Proposals) -> None:
    assert is_apply(line)
    with pytest.raises(ProposalRefused):
        proposals.take(line)


@pytest.mark.parametrize("line", ["what applies to BTC?", "does the limit apply?", "reapply"])
def test_other_lines_are_questions(line: str) -> None:
    assert not is_apply(line)


@given(st.text(max_size=40))
def test_no_line_applies_by_chance(text: str) -> None:
    proposals = Proposals(Clock())
    with pytest.raises(ProposalRefused):
        proposals.take(text)
    with pytest.raises(ProposalRefused):
        proposals.take(f"APPLY p1 {text}")
