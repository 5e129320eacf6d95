"""Tier 2 in simulated time: the offline rules, or the verdicts of a record. Asking a model is `tier2_live`."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import VerdictDecision
from tradeterm.ledger.audit import verify
from tradeterm.research.sizers import Wanted, exact
from tradeterm.research.study import Study
from tradeterm.research.tier1 import Judged, Verdicts
from tradeterm.validators.codes import Failure
from tradeterm.validators.rules import judge_by_rules


class Recorded(Struct, frozen=True):
    """What is read of a record of an audit file, `ai_decisions.jsonl`; what is no decision has none of it."""

    ts_bar: int = 0
    book: str = ""
    instrument: str = ""
    side: PositionSide = PositionSide.FLAT
    context_hash: str = ""
    decision: VerdictDecision = VerdictDecision.FAILED_CLOSED
    size_factor: Decimal = Decimal(0)
    code: str = ""
    contaminated: bool = False
    simulated: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether the model judged; an outage, a spent budget or an answer that cannot be used says nothing of it."""
        return self.decision is not VerdictDecision.FAILED_CLOSED or self.code == Failure.LOW_CONFIDENCE

    @property
    def fits(self) -> bool:
        """Whether the factor is one that its decision can have."""
        factor = self.size_factor
        match self.decision:
            case VerdictDecision.APPROVE:
                return factor == 1
            case VerdictDecision.REDUCE:
                return factor.is_finite() and 0 < factor < 1
        return factor == 0

    @property
    def judged(self) -> Judged:
        return Judged(self.size_factor, self.code or self.decision.value)


class Replayed:
    """Verdicts of a record on one book, and what a run took of them."""

    def __init__(self, records: Sequence[Recorded]) -> None:
        self._known: dict[tuple[int, str, PositionSide], Recorded] = {}
        for record in records:
            signal = record.ts_bar, record.instrument, record.side
            if record.is_answer or signal not in self._known or not self._known[signal].is_answer:
                self._known[signal] = record
        self._applied: list[Recorded] = []
        self.missed = 0
        """How many signals it had nothing on: they were let through."""

    @property
    def count(self) -> int:
        """How many signals the record knows."""
        return len(self._known)

    @property
    def applied(self) -> int:
        """How many verdicts of the model the run took."""
        return sum(record.is_answer for record in self._applied)

    @property
    def unjudged(self) -> int:
        """How many signals were blocked without an answer, as they had been."""
        return len(self._applied) - self.applied

    @property
    def contaminated(self) -> int:
        """How many of those applied are of a model that may have known what came after its signal."""
        return sum(record.contaminated for record in self._applied if record.is_answer)

    @property
    def simulated(self) -> int:
        """How many of those applied are of a model that is none."""
        return sum(record.simulated for record in self._applied if record.is_answer)

    def verdicts(self, wanted: Wanted) -> Judged | None:
        found = self._known.get((wanted.ts, wanted.name, _side(wanted)))
        if found is None:
            self.missed += 1
            return None
        self._applied.append(found)
        return found.judged


_CHANGED = "its content was changed"


class _Line(Struct, frozen=True):
    record: msgspec.Raw


def by_rules(study: Study) -> Verdicts:
    """The offline rules, on the strategy's own numbers of the bar and the book's drawdown."""
    strategy, panel = study.strategy, study.panel
    limit = float(study.book.limits.drawdown)

    def judge(wanted: Wanted) -> Judged:
        peak = exact(max(wanted.peak_equity, wanted.equity))
        fallen = float((peak - exact(wanted.equity)) / peak)
        explained = strategy.explain(panel, wanted.row, wanted.instrument)
        found = judge_by_rules(_side(wanted), explained, fallen, limit)
        return Judged(found.size_factor, found.codes[0] if found.codes else "")

    return judge


def from_record(path: Path, book: str | None = None) -> Replayed:
    """The verdicts of an audit file, by bar, instrument and side; the last answer to a signal counts, and one it does
    not know is not judged. They are those on `book`, or on whatever book where the record has none of that name.

    Raises ConfigError as `decisions` does, and where there is none.
    """
    records = _records(path)
    return Replayed([record for record in records if record.book == book] or records)


def from_record_of_each(path: Path, books: Sequence[str]) -> tuple[Replayed, ...]:
    """The same for several books, each by its name: there may be none on one. Raises ConfigError where there is none on
    any."""
    records = _records(path)
    if not any(record.book in books for record in records):
        there = ", ".join(sorted({record.book for record in records}))
        raise ConfigError(f"{path}: holds no decision on {' or '.join(books)}, those in it are on {there}")
    return tuple(Replayed([record for record in records if record.book == book]) for book in books)


def decisions(path: Path) -> Iterator[tuple[Recorded, msgspec.Raw]]:
    """Every decision of an audit file, and its whole record.

    Raises ConfigError where the file cannot be read, and for a line that is no decision, does not follow from the one
    before, or was changed. A last line without its end, which a crash left, and empty lines at the end are nothing.
    """
    try:
        lines = whole_lines(path.read_bytes())
        broken = verify(path)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    for number, raw in enumerate(lines.splitlines(), 1):
        try:
            whole = msgspec.json.decode(raw, type=_Line).record
            record = msgspec.json.decode(whole, type=Recorded)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            raise ConfigError(f"{path}: line {number} is no record of a decision") from None
        if broken is not None and broken.line == number:
            why = "it was changed after it was written" if broken.reason == _CHANGED else broken.reason
            raise ConfigError(f"{path}: line {number} cannot be believed: {why}")
        if record.ts_bar and not record.fits:
            found = f"{record.decision} with size factor {record.size_factor}"
            raise ConfigError(f"{path}: line {number} holds {found}, allowed 1 to approve, between to reduce, else 0")
        if record.ts_bar:
            yield record, whole.copy()


def whole_lines(data: bytes) -> bytes:
    """An audit file up to the end of its last line, as its next writer keeps it."""
    lines = data[: data.rfind(b"\n") + 1].rstrip(b"\n")
    return lines + b"\n" if lines else b""


def _records(path: Path) -> list[Recorded]:
    found = [record for record, _ in decisions(path)]
    if not found:
        raise ConfigError(f"{path}: holds no decision of a model")
    return found


def _side(wanted: Wanted) -> PositionSide:
    return PositionSide.LONG if wanted.side > 0 else PositionSide.SHORT
