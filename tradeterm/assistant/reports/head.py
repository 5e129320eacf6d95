"""What every report begins with: whose record it is, of when, and whether any money was at stake."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime

from msgspec import Struct

from tradeterm import __version__
from tradeterm.assistant.reports.kinds import Kind
from tradeterm.assistant.reports.record import Record
from tradeterm.assistant.reports.said import said
from tradeterm.assistant.text import moment
from tradeterm.domain.states import Mode
from tradeterm.ledger.check import SIMULATED_VENUE


class Head(Struct, frozen=True, kw_only=True):
    """`label` says what is simulated. `start` and `end` are what was asked for, `first` and `last` what the record
    holds of it, all UTC ms of the desk's clock. `notes` are sentences a reader must know."""

    kind: Kind
    profile: str
    book: str
    modes: tuple[str, ...]
    label: str
    start: int | None
    end: int | None
    first: int | None
    last: int | None
    created: int
    version: str
    ledger: str
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.kind.value.capitalize()} of {self.profile}{f', book {self.book}' if self.book else ''}"

    @property
    def line(self) -> str:
        """The line below the title."""
        return f"{self.label} {self.period}"

    @property
    def period(self) -> str:
        if self.first is None or self.last is None:
            return "Nothing is recorded of this time."
        return f"{moment(self.first)} to {moment(self.last)} UTC."


_LABELS = {
    Mode.DEMO.value: "DEMO: recorded market data, simulated fills; no money was at stake.",
    Mode.PAPER.value: "PAPER: simulated fills; no money was at stake.",
    Mode.LIVE.value: "LIVE: real orders, real money.",
}


def head(kind: Kind, record: Record, profile: str, *, alive: bool = False, created: int | None = None) -> Head:
    """`alive`: an engine runs on this ledger. `created` is the machine's clock in ms, None for now."""
    times = record.times
    modes = tuple(dict.fromkeys(said(run.mode, 40) for run in record.runs))
    return Head(
        kind=kind,
        profile=profile,
        book=record.book,
        modes=modes,
        label=_label(modes, record),
        start=record.span.start,
        end=record.span.end,
        first=times[0] if times else None,
        last=times[1] if times else None,
        created=time.time_ns() // 1_000_000 if created is None else created,
        version=__version__,
        ledger=record.path.name,
        notes=tuple(_notes(record, alive)),
    )


def is_simulated_venue(venues: Iterable[str]) -> bool:
    """Whether every one of these venues is the simulated one."""
    return all(venue == SIMULATED_VENUE for venue in venues)


def _label(modes: tuple[str, ...], record: Record) -> str:
    if not modes:
        return "NO RUN: no engine has written this record."
    if len(modes) > 1:
        return f"MIXED: runs in the modes {', '.join(modes)} stand side by side here; --from and --to part them."
    label = _LABELS.get(modes[0], f"{modes[0].upper()}.")
    venues = {order.venue for order in record.orders}
    if modes[0] == Mode.LIVE.value and venues and is_simulated_venue(venues):
        return "LIVE mode, but every order went to the simulated venue: no money was at stake."
    if modes[0] == Mode.PAPER.value and not is_simulated_venue(venues):
        return (
            f"PAPER: play money at {said(', '.join(sorted(venues - {SIMULATED_VENUE})))}; no real money was at stake."
        )
    return label


def _notes(record: Record, alive: bool) -> Iterable[str]:
    if record.replayed:
        day = datetime.fromtimestamp(record.runs[0].ts_started / 1000, UTC)
        yield (
            "The market was a recording: times of the market are those of the recording, times of runs, commands and "
            f"requests to models are the machine's ({day:%Y-%m-%d} on), and the period asked for does not narrow these."
        )
    if record.others:
        yield (
            f"{record.others} earlier run{'s were' if record.others > 1 else ' was'} put aside with what "
            f"{'they' if record.others > 1 else 'it'} recorded, in ledger files beside this one: --file reads them."
        )
    if record.upgraded is not None:
        yield (
            f"The ledger has the older version {record.upgraded}; it was read as a copy brought up to date, so what "
            "that version did not record is missing."
        )
    running = [run.id for run in record.runs if run.ts_ended is None]
    if running:
        yield (
            f"Run {running[-1]} goes on: the record is as far as it came."
            if alive
            else f"Run {running[-1]} has no end: it was killed or crashed, and what it did last may be missing."
        )
