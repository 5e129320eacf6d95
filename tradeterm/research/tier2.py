"""Tier 2 in simulated time: the offline rules, or the verdicts that a run was given live."""

from pathlib import Path

import msgspec
from msgspec import Struct

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import VerdictDecision
from tradeterm.research.sizers import Wanted, exact
from tradeterm.research.study import Study
from tradeterm.research.tier1 import Judged, Verdicts
from tradeterm.validators.rules import judge_by_rules


class Replayed(Struct, frozen=True):
    """Verdicts of a record. `contaminated` counts those of a model that may have known what came after its signal,
    `simulated` those of a model that is none."""

    verdicts: Verdicts
    count: int
    contaminated: int
    simulated: int


class _Recorded(Struct, frozen=True):
    """What is read of an audit file's record; what is no decision has none of it."""

    ts_bar: int = 0
    instrument: str = ""
    side: PositionSide = PositionSide.FLAT
    decision: VerdictDecision = VerdictDecision.FAILED_CLOSED
    size_factor: str = "0"
    code: str = ""
    contaminated: bool = False
    simulated: bool = False


class _Line(Struct, frozen=True):
    record: _Recorded


def by_rules(study: Study) -> Verdicts:
    """The offline rules, on the strategy's own numbers of the bar and the book's drawdown."""
    strategy, panel = study.strategy, study.panel
    limit = float(study.book.limits.drawdown)

    def judge(wanted: Wanted) -> Judged:
        side = PositionSide.LONG if wanted.side > 0 else PositionSide.SHORT
        peak = exact(max(wanted.peak_equity, wanted.equity))
        fallen = float((peak - exact(wanted.equity)) / peak)
        found = judge_by_rules(side, strategy.explain(panel, wanted.row, wanted.instrument), fallen, limit)
        return Judged(found.size_factor, found.codes[0] if found.codes else "")

    return judge


def from_record(path: Path) -> Replayed:
    """The verdicts of an audit file, `ai_decisions.jsonl`, by bar, instrument and side; a signal it does not know is
    not judged. Raises ConfigError where it cannot be read."""
    known: dict[tuple[int, str, PositionSide], _Recorded] = {}
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, 1):
                try:
                    record = msgspec.json.decode(raw, type=_Line).record
                except msgspec.MsgspecError:
                    if raw.endswith(b"\n"):
                        raise ConfigError(f"{path}: line {number} is no record of a decision") from None
                    continue  # a crash left it unfinished
                if record.ts_bar:
                    known[record.ts_bar, record.instrument, record.side] = record
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror or error}") from None
    if not known:
        raise ConfigError(f"{path}: holds no decision of a model")

    def judge(wanted: Wanted) -> Judged | None:
        side = PositionSide.LONG if wanted.side > 0 else PositionSide.SHORT
        found = known.get((wanted.ts, wanted.name, side))
        return None if found is None else Judged(exact(float(found.size_factor)), found.code or found.decision.value)

    return Replayed(
        judge,
        len(known),
        sum(record.contaminated for record in known.values()),
        sum(record.simulated for record in known.values()),
    )
