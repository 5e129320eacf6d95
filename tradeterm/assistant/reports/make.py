"""A report of a profile from beginning to end: read, reckoned, ready to be written."""

from decimal import Decimal
from pathlib import Path

from msgspec import Struct

from tradeterm.assistant.reports.benchmark import Held, bars_folder, held
from tradeterm.assistant.reports.compliance import Compliance, Files, LedgerCheck, compliance
from tradeterm.assistant.reports.compliance_sections import compliance_sections
from tradeterm.assistant.reports.configs import configurations
from tradeterm.assistant.reports.gate import Gate, gate
from tradeterm.assistant.reports.gate_sections import gate_sections
from tradeterm.assistant.reports.head import Head, head
from tradeterm.assistant.reports.kinds import Kind
from tradeterm.assistant.reports.performance import Known, Performance, performance
from tradeterm.assistant.reports.performance_sections import performance_sections
from tradeterm.assistant.reports.record import Record, Span, read_record
from tradeterm.assistant.reports.said import said
from tradeterm.config import Config
from tradeterm.decode import one_of, show
from tradeterm.domain.errors import ConfigError, DataError, TradetermError
from tradeterm.domain.instrument import Instrument
from tradeterm.engine.check import check
from tradeterm.engine.instruments import known_instruments
from tradeterm.ledger.live import LiveReader
from tradeterm.ledger.lock import held_by
from tradeterm.profile import Profile
from tradeterm.research.report.blocks import Section

_FINDINGS = 200


class Wanted(Struct, frozen=True, kw_only=True):
    """`ledger` None is the profile's own; `book` "" all of them."""

    kind: Kind
    span: Span = Span()
    book: str = ""
    ledger: Path | None = None


class Made(Struct, frozen=True, kw_only=True):
    """`facts` are the JSON of the report, `sections` what people read. `sound`: neither the audit chain nor the ledger
    was found broken, and each decision in the ledger stands in its audit file."""

    facts: Performance | Compliance | Gate
    sections: tuple[Section, ...]
    sound: bool

    @property
    def head(self) -> Head:
        return self.facts.head


def make(profile: Profile, wanted: Wanted, config: Config | None) -> Made:
    """`config` is the profile's configuration today, None where it cannot be read.

    Raises LedgerMissing and LedgerError where there is no ledger to be read, ConfigError for a book nobody knows.
    """
    path = wanted.ledger or profile.ledger
    record = read_record(path, wanted.span, wanted.book)
    root = path.parent  # journals and audit files lie beside their ledger
    settled = configurations(root, record.runs, config)
    used = next((each.config for each in reversed(settled) if each.config is not None), config)
    _check_book(wanted.book, record, used)
    alive = path == profile.ledger and held_by(profile.lock) is not None
    top = head(wanted.kind, record, profile.name, alive=alive)
    instruments = _instruments(profile, used)
    match wanted.kind:
        case Kind.PERFORMANCE:
            known = _known(profile, record, used, instruments, live=path == profile.ledger)
            earned = performance(record, top, known)
            return Made(facts=earned, sections=performance_sections(earned), sound=True)
        case Kind.COMPLIANCE:
            checked = _checked(path, used)
            files = Files(
                root=root,
                audit=root / profile.audit.name,
                config=config,
                instruments=instruments,
                ledger=checked,
                alive=alive,
            )
            found = compliance(record, top, files)
            return Made(facts=found, sections=compliance_sections(found), sound=found.sound)
        case Kind.GATE:
            judged = gate(record, top, root / profile.audit.name)
            return Made(facts=judged, sections=gate_sections(judged), sound=judged.sound)


def _check_book(book: str, record: Record, config: Config | None) -> None:
    known = sorted({*record.books, *(config.books if config is not None else ())} - {book})
    if book and book not in record.books and (config is None or book not in config.books):
        raise ConfigError(
            f"--book: found {show(book)}, allowed {one_of(known) if known else 'none: nothing is recorded'}"
        )


def _instruments(profile: Profile, config: Config | None) -> dict[str, Instrument]:
    """Contract facts, as far as they are at hand."""
    if config is None:
        return {}
    try:
        return known_instruments(profile.instruments, config)
    except DataError:
        return {}


def _known(
    profile: Profile, record: Record, config: Config | None, instruments: dict[str, Instrument], *, live: bool
) -> Known:
    books = config.books if config is not None else {}
    values: dict[str, Held] = {}
    why: dict[str, str] = {}
    for book in record.books:
        points = [point.ts for point in record.equity if point.book == book]
        if config is None or book not in books or not points:
            why[book] = "not known: the book's configuration or its equity is not at hand"
            continue
        found = held(books[book], bars_folder(profile, config), points[0], points[-1])
        if isinstance(found, Held):
            values[book] = found
        else:
            why[book] = found
    reader = LiveReader(profile.live)
    try:
        view = reader.view() if live else None
    finally:
        reader.close()
    return Known(
        currencies={
            **{book.book: book.currency for book in (view.books if view is not None else ())},
            **{name: book.currency for name, book in books.items()},
            **({"": config.risk.currency} if config is not None else {}),
        },
        capitals={name: Decimal(repr(book.capital)) for name, book in books.items()},
        instruments=instruments,
        view=view,
        held=values,
        held_why=why,
    )


def _checked(path: Path, config: Config | None) -> LedgerCheck:
    if config is None:
        return LedgerCheck(ok=None, findings=("the configuration of its runs is not at hand",))
    try:
        found = check(path, config)
    except TradetermError as error:
        return LedgerCheck(ok=None, findings=(said(str(error)).replace(str(path), path.name),))
    return LedgerCheck(ok=found.ok, findings=tuple(said(text) for text in found.findings[:_FINDINGS]))
