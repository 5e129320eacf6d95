"""Reports from the chat: a card, a typed line, a file; and nothing without the line."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from chat_kit import Clock, config, running_desk
from seeded import view

from tradeterm.assistant.chat.applying import apply
from tradeterm.assistant.chat.proposals import Proposal, ProposalRefused, Proposals
from tradeterm.assistant.chat.tools.reporting import AboutReport, propose_report, reporting_tools
from tradeterm.assistant.chat.tools.results import Period
from tradeterm.assistant.chat.tools.tool import ToolError, call
from tradeterm.assistant.reports.kinds import Kind
from tradeterm.console.protocol import Console
from tradeterm.profile import Profile


@pytest.fixture
def console(profile: Profile) -> Iterator[Console]:
    with running_desk(profile) as found:
        yield found


@pytest.fixture
def proposals() -> Proposals:
    return Proposals(Clock())


def carded(console: Console, profile: Profile, proposals: Proposals, **wanted: Any) -> Proposal:
    return propose_report(console, profile, proposals, AboutReport(**{"kind": Kind.COMPLIANCE, **wanted}))


def applied(console: Console, profile: Profile, proposals: Proposals, proposal: Proposal) -> str:
    """The text a person is told, once the file is written or was given up."""
    text = apply(proposals.line(proposal), proposals, console, config(), profile).text
    for thread in threading.enumerate():
        if thread.name == f"report-{proposal.id}":
            thread.join(30)
    return text


def test_the_typed_line_writes_the_file_and_the_chat_says_where(
    console: Console, profile: Profile, proposals: Proposals
) -> None:
    proposal = carded(console, profile, proposals)
    assert not (profile.root / "reports").exists()
    path = profile.root / "reports" / "compliance-20261121-160000.html"
    assert f"the report is being written to {path}" in applied(console, profile, proposals, proposal)
    assert path.read_text().startswith("<!doctype html>")
    assert path.stat().st_mode & 0o077 == 0
    assert [path.name for path in path.parent.iterdir()] == [path.name]
    assert console.chat()[-1].text == f"Report of proposal {proposal.id}: {path}"
    with pytest.raises(ProposalRefused, match="no pending"):
        apply(proposals.line(proposal), proposals, console, config(), profile)


def test_what_stops_it_is_told_in_the_chat(console: Console, profile: Profile, proposals: Proposals) -> None:
    (profile.root / "reports").write_text("a file where the folder should be")
    applied(console, profile, proposals, carded(console, profile, proposals))
    assert "was not written" in console.chat()[-1].text


def test_the_card_says_what_of_when(console: Console, profile: Profile, proposals: Proposals) -> None:
    proposal = carded(console, profile, proposals, kind=Kind.PERFORMANCE, period=Period.DAY, book="crypto")
    assert proposal.after == {"report": "performance", "period": "1d", "book": "crypto"}
    assert proposal.before.keys() == proposal.after.keys()
    assert proposal.what == {"kind": "performance", "start": view().ts - 86_400_000, "book": "crypto"}
    assert str(profile.root / "reports") in proposal.consequence
    other = carded(console, profile, proposals)
    assert proposals.pending() == (proposal, other)


def test_an_unknown_book_is_not_proposed(console: Console, profile: Profile, proposals: Proposals) -> None:
    with pytest.raises(ToolError, match="unknown book 'x'; known: crypto"):
        carded(console, profile, proposals, book="x")


def test_the_tools(console: Console, profile: Profile, proposals: Proposals) -> None:
    tools = reporting_tools(console, profile, proposals)
    listed = call(tools, "list_reports", {}, None).data
    assert [row["kind"] for row in listed["kinds"]] == ["performance", "compliance", "gate"]
    assert listed["written"]["rows"] == []
    answer = call(tools, "propose_report", {"kind": "gate", "period": "7d"}, None)
    assert answer.data["applied"] is False
    (pending,) = proposals.pending()
    assert proposals.line(pending).split()[2] not in answer.content
    assert call(tools, "propose_report", {"kind": "tax"}, None).failed
    applied(console, profile, proposals, pending)
    assert call(tools, "list_reports", {}, None).data["written"]["rows"] == [{"file": "gate-20261121-160000.html"}]
