"""Tier 2 in simulated time: the offline rules, or the verdicts of a record. Asking a model is `tier2_live`."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import VerdictDecision
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
    size_factor: str = "0"
    code: str = ""
    contaminated: bool = False
    simulated: bool = False

    @property
    def is_answer(self) -> bool:
        """Whether the model judged; an outage, a spent budget or an answer that cannot be used says nothing of it."""
        return self.decision is not VerdictDecision.FAILED_CLOSED or self.code == Failure.LOW_CONFIDENCE

    @property
    def judged(self) -> Judged:
        return Judged(exact(float(self.size_factor)), self.code or self.decision.value)


class Replayed(Struct, frozen=True):
    """Verdicts of a record. Of `count` signals in it `unjudged` were blocked without an answer; of the others
    `contaminated` are of a model that may have known what came after its signal, `simulated` of a model that is none.
    """

    verdicts: Verdicts
    count: int
    unjudged: int
    contaminated: int
    simulated: int


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
    """The verdicts of an audit file, by bar, instrument and side; the last of a signal counts, and one it does not know
    is not judged. They are those on `book`, or on whatever book where the record has none of that name.

    Raises ConfigError where the file cannot be read, or holds no decision.
    """
    records = _records(path)
    return _replayed([record for record in records if record.book == book] or records)


def from_record_of_each(path: Path, books: Sequence[str]) -> tuple[Replayed, ...]:
    """The same for several books, each by its name: there may be none on one. Raises ConfigError where there is none on
    any."""
    records = _records(path)
    if not any(record.book in books for record in records):
        there = ", ".join(sorted({record.book for record in records}))
        raise ConfigError(f"{path}: holds no decision on {' or '.join(books)}, those in it are on {there}")
    return tuple(_replayed([record for record in records if record.book == book]) for book in books)


def decisions(path: Path) -> Iterator[tuple[Recorded, msgspec.Raw]]:
    """Every decision of an audit file, and its whole record. Raises ConfigError."""
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    whole = msgspec.json.decode(raw, type=_Line).record
                    record = msgspec.json.decode(whole, type=Recorded)
                except msgspec.MsgspecError:
                    if raw.endswith(b"\n"):
                        raise ConfigError(f"{path}: line {number} is no record of a decision") from None
                    continue  # a crash left it unfinished
                if record.ts_bar:
                    yield record, whole.copy()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None


def _records(path: Path) -> list[Recorded]:
    found = [record for record, _ in decisions(path)]
    if not found:
        raise ConfigError(f"{path}: holds no decision of a model")
    return found


def _replayed(records: Sequence[Recorded]) -> Replayed:
    known = {(record.ts_bar, record.instrument, record.side): record for record in records}
    answers = [record for record in known.values() if record.is_answer]

    def judge(wanted: Wanted) -> Judged | None:
        found = known.get((wanted.ts, wanted.name, _side(wanted)))
        return None if found is None else found.judged

    return Replayed(
        judge,
        len(known),
        len(known) - len(answers),
        sum(record.contaminated for record in answers),
        sum(record.simulated for record in answers),
    )


def _side(wanted: Wanted) -> PositionSide:
    return PositionSide.LONG if wanted.side > 0 else PositionSide.SHORT
