"""Reports from the chat: which there are, and a card that writes one. The file comes of the typed line alone."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from tradeterm.assistant.chat.applied import Applied, Around
from tradeterm.assistant.chat.outside import name
from tradeterm.assistant.chat.proposals import Proposal, ProposalKind, Proposals
from tradeterm.assistant.chat.tools.results import Period
from tradeterm.assistant.chat.tools.standing import view_of
from tradeterm.assistant.chat.tools.tool import MOST_ROWS, Nothing, Tool, ToolError, rows
from tradeterm.assistant.reports.kinds import ABOUT, Kind
from tradeterm.assistant.text import clean
from tradeterm.config import Config
from tradeterm.console.protocol import Console
from tradeterm.domain.errors import TradetermError
from tradeterm.domain.market import DAY_MS
from tradeterm.profile import Profile

if TYPE_CHECKING:
    from tradeterm.assistant.reports.make import Wanted

FOLDER = "reports"


class AboutReport(Struct, frozen=True, forbid_unknown_fields=True):
    kind: Kind
    period: Period = Period.ALL
    book: str = ""


def reporting_tools(console: Console, profile: Profile, proposals: Proposals) -> tuple[Tool[Any], ...]:
    return (
        Tool(
            "list_reports",
            "The kinds of reports there are, and those that were written from this chat.",
            Nothing,
            lambda _: _listed(profile),
        ),
        Tool(
            "propose_report",
            "Show the operator a card that would write a report of a period as an HTML file. It writes nothing; only "
            "the operator can apply it, by typing the line on the card.",
            AboutReport,
            lambda taken: _told(proposals, propose_report(console, profile, proposals, taken)),
        ),
    )


def propose_report(console: Console, profile: Profile, proposals: Proposals, wanted: AboutReport) -> Proposal:
    """Raises ToolError for a book nobody has, and where no engine has run."""
    view = view_of(console)
    books = [book.book for book in view.books]
    if wanted.book and wanted.book not in books:
        raise ToolError(f"unknown book {name(wanted.book)!r}; known: {', '.join(books)}")
    start = {
        Period.TODAY: view.ts // DAY_MS * DAY_MS,
        Period.DAY: view.ts - DAY_MS,
        Period.WEEK: view.ts - 7 * DAY_MS,
        Period.MONTH: view.ts - 30 * DAY_MS,
        Period.ALL: None,
    }[wanted.period]
    after = {"report": wanted.kind.value, "period": wanted.period.value, "book": wanted.book or "all"}
    return proposals.add(
        ProposalKind.REPORT,
        wanted.kind.value,
        f"{wanted.kind.value} report",
        f"Write it as an HTML file into {profile.root / FOLDER}: {ABOUT[wanted.kind]}.",
        dict.fromkeys(after, "-"),
        after,
        what={"kind": wanted.kind.value, "start": start, "book": wanted.book},
    )


def apply_report(proposal: Proposal, around: Around) -> Applied:
    """Begin to write the report; charts take seconds, so that is done aside, and told in the chat when it is there."""
    path = _path(around.profile, proposal)
    Thread(target=_write, args=(proposal, around, path), name=f"report-{proposal.id}", daemon=True).start()
    return Applied(
        f"Proposal {proposal.id} applied: the report is being written to {path}; the chat says when it is there."
    )


def write_report(profile: Profile, wanted: "Wanted", config: Config | None, path: Path) -> None:
    """All of it or nothing, readable by its owner alone. Raises TradetermError and OSError."""
    from tradeterm.assistant.reports.make import make
    from tradeterm.assistant.reports.write import as_page

    made = make(profile, wanted, config)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_suffix(".part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(as_page(made.head, made.sections))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _write(proposal: Proposal, around: Around, path: Path) -> None:
    from tradeterm.assistant.reports.make import Wanted
    from tradeterm.assistant.reports.record import Span

    what = proposal.what
    wanted = Wanted(kind=Kind(what["kind"]), span=Span(what["start"]), book=what["book"])
    try:
        write_report(around.profile, wanted, around.config, path)
        said = f"Report of proposal {proposal.id}: {path}"
    except TradetermError as error:
        said = f"The report of proposal {proposal.id} was not written: {clean(str(error))}"
    except OSError as error:
        said = f"The report of proposal {proposal.id} was not written: {path}: {error.strerror}"
    _say(around.console.say, said)


def _say(say: Callable[[str, str], int], text: str) -> None:
    """The face may be gone by now; then the file speaks for itself."""
    try:
        say("console", text)
    except TradetermError:
        return


def _path(profile: Profile, proposal: Proposal) -> Path:
    made = datetime.fromtimestamp(proposal.made_ms / 1000, UTC)
    return profile.root / FOLDER / f"{proposal.what['kind']}-{made:%Y%m%d-%H%M%S}.html"


def _listed(profile: Profile) -> dict[str, Any]:
    written = sorted((path.name for path in (profile.root / FOLDER).glob("*.html")), reverse=True)
    return {
        "kinds": [
            {"kind": kind.value, "about": ABOUT[kind], "command": f"tradeterm report {kind.value}"} for kind in Kind
        ],
        "periods": [period.value for period in Period],
        "written": rows([{"file": name(file)} for file in written], len(written), MOST_ROWS),
    }


def _told(proposals: Proposals, proposal: Proposal) -> dict[str, Any]:
    return {
        "proposal_id": proposal.id,
        "title": proposal.title,
        "after": proposal.after,
        "applied": False,
        "expires_in_s": proposals.seconds_left(proposal),
        "how": "the operator sees a card and has that long to type the line on it; you do not know that line",
    }
