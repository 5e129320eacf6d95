"""Tier 2 asked live in simulated time: the model of a configuration judges each signal by what was known at its bar.

Question, checks, code rules and failures are those of a live desk (`validators.ai`): whatever goes wrong blocks the
entry. Every answer is on the disk before it is told, in an audit file of the same form as a live one, so that a run
which was stopped goes on without asking anything twice. A run that ended writes a record of its own beside it: what was
applied, in order, which repeats it without a key. A signal that was not judged is blocked there, and is asked again by
the next run.
"""

import asyncio
import os
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import ROUND_UP, Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradeterm.config import GateConfig, NewsMode
from tradeterm.domain.errors import ConfigError, LedgerError
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Signal
from tradeterm.domain.states import GateState
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.ledger.lock import EngineLock, held_by
from tradeterm.research.data.moments import utc
from tradeterm.research.sizers import Wanted
from tradeterm.research.study import Study, market_of, signals
from tradeterm.research.tier1 import Judged, Verdicts
from tradeterm.research.tier2 import Recorded, decisions, whole_lines
from tradeterm.research.tier2_packet import Packets
from tradeterm.validators.acceptance import Usage
from tradeterm.validators.ai import how_asked
from tradeterm.validators.budget import Budget, Limits, Spent, dollars
from tradeterm.validators.codes import Failure, GateFailure
from tradeterm.validators.context import build_context, context_hash
from tradeterm.validators.digest import digest
from tradeterm.validators.models import price_of
from tradeterm.validators.prompt import GATE
from tradeterm.validators.protocol import Notice
from tradeterm.validators.record import DecisionRecord
from tradeterm.validators.registry import Around, asking, make_validator

FOLDER = "research"
_RUNS, _NEW = "runs", "new"
_LOCK = "lock"
_DIGITS = 16
_SHOWN = Decimal("0.0001")
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._+-]+")

_TYPICAL = Usage(input=1500, cache_read=1500, output=250)
"""Tokens of a question and its answer: the prompt comes from the provider's cache from the second question on."""

Told = Callable[[int], None]
"""Called with the time of each signal that tier 2 is about to judge (UTC ms)."""


def folder_of(root: Path, name: str, data_hash: str, gate: GateConfig) -> Path:
    """Where the answers of a model to a strategy's signals on some data are kept, in a profile's folder."""
    parts = (name, data_hash[:12], gate.ai.model, GATE)
    return root / FOLDER / _NOT_A_NAME.sub("-", "_".join(parts))


def typical_cost(gate: GateConfig, today: date) -> Decimal | None:
    """About what one question costs, USD; None where the price of the model is not known."""
    price = price_of(gate.ai.provider.value, gate.ai.model, today)
    return None if price is None else price.cost(_TYPICAL)


def signal_times(study: Study) -> NDArray[np.int64]:
    """When the bars of the study's entry signals close (UTC ms), in order. Tier 1 stops some of them."""
    market = market_of(study)
    found = [
        bars.ts_open[each.rows] + bars.length_ms for bars, each in zip(market, signals(study, market), strict=True)
    ]
    return np.sort(np.concatenate(found))


class LiveGate:
    """Judges the signals of one run; `with` holds the file against another run. `limits` are what it may take.

    Raises ConfigError where the model cannot be asked, and LedgerError where an answer cannot be kept: what was paid
    for is never lost.
    """

    def __init__(self, gate: GateConfig, folder: Path, limits: Limits) -> None:
        self._gate = asking(gate)
        self._folder = folder
        self._budget = Budget(limits, now=lambda: 0)  # of the run, however many days it takes
        self._log, self._lock = AuditLog(folder), EngineLock(folder / _LOCK)
        self._runner = asyncio.Runner()
        self._answers: dict[tuple[_Key, str], _Kept] = {}
        self._told: dict[_Key, _Kept] = {}
        self._applied: list[_Kept] = []
        self._judged: list[Recorded] = []
        self._unjudged: list[_Unjudged] = []
        self._unkept = ""
        self._ended = False
        self._limits = limits
        around = Around(record=self._keep, notify=self._notice, budget=self._budget)
        self._validator = make_validator(self._gate, around)
        if self._validator.status.state is GateState.DOWN:
            raise ConfigError(self._validator.status.text.removeprefix(f"{Failure.CONFIG}: "))

    def __enter__(self) -> Self:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise LedgerError(f"{self._folder} cannot be made: {error.strerror}") from error
        if (pid := held_by(self._lock.path)) is not None:
            raise LedgerError(f"another run (pid {pid}) asks the same questions; {self.path} is its own until it ends")
        self._lock.acquire()
        try:
            for record, whole in decisions(self.path) if self.path.exists() else ():
                self._remember(_Kept(record, whole))
            if self.path.exists():
                self._cut()
        except (ConfigError, LedgerError):
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._runner as runner:
                runner.run(self._validator.close())
        finally:
            self._log.close()
            self._lock.release()

    @property
    def path(self) -> Path:
        """The audit file of all answers."""
        return self._log.path(AuditKind.AI_DECISIONS)

    @property
    def asks(self) -> str:
        """The model, and who runs it."""
        return self._validator.label

    @property
    def kept(self) -> int:
        """How many answers there are, of this run and of those before."""
        return len(self._answers)

    @property
    def spent(self) -> Spent:
        """What the run took so far."""
        return self._budget.spent

    @property
    def label(self) -> str:
        """Who judged, in a word or two."""
        return "LIVE, CONTAMINATED" if any(each.contaminated for each in self._judged) else "LIVE"

    def of(self, packets: Packets, told: Told = lambda ts: None) -> Verdicts:
        """The verdicts on the signals of one book."""

        def judge(wanted: Wanted) -> Judged:
            told(wanted.ts)
            return self._judge(packets, wanted)

        return judge

    def write_run(self) -> Path | None:
        """The record of the run: exactly the decisions it applied, in order; None where it applied none.

        It lies beside the answers, in a folder named by a hash of it: the same run again is the same file, and no other
        run touches it. Raises LedgerError.
        """
        if not self._applied:
            return None
        new = AuditLog(self._folder / _RUNS / _NEW)
        path = new.path(AuditKind.AI_DECISIONS)
        try:
            path.unlink(missing_ok=True)  # of a run that was killed here
            for place, kept in enumerate(self._applied, 1):
                record = msgspec.json.decode(kept.whole)
                new.append(AuditKind.AI_DECISIONS, record, ts=record["ts"], durable=place == len(self._applied))
            new.close()
            folder = self._folder / _RUNS / digest(path.read_bytes())[:_DIGITS]
            folder.mkdir(mode=0o700, exist_ok=True)
            target = folder / path.name
            if target.exists() and target.read_bytes() == path.read_bytes():
                path.unlink()
            else:
                path.replace(target)
            new.folder.rmdir()
            return target
        except OSError as error:
            raise LedgerError(f"the record of the run cannot be written: {error.strerror or error}") from error
        finally:
            new.close()

    def notes(self, record: Path | None) -> tuple[str, ...]:
        """What must be said of the run's verdicts; `record` is what `write_run` wrote."""
        answers, spent = self._judged, self.spent
        contaminated = sum(each.contaminated for each in answers)
        simulated = sum(each.simulated for each in answers)
        requests = f"{spent.calls} request{'' if spent.calls == 1 else 's'} for {dollars(spent.usd)}"
        found = [f"tier 2: LIVE, {self.asks}: {len(answers)} verdicts, {requests} in this run"]
        if contaminated:
            which = f"{contaminated} of {len(answers)} verdicts are of a model that may have known what came after"
            found[0] = f"tier 2: LIVE, CONTAMINATED: {which}"
            found.append(f"judged by {self.asks}: {requests} in this run")
        if simulated:
            found.append(f"{simulated} of {len(answers)} verdicts are of a simulated AI")
        if self._unjudged:
            found.append(self._not_judged(len(answers) + len(self._unjudged)))
        if record is not None:
            found.append(f"the verdicts are kept: --ai {record} repeats this run without asking")
        return tuple(found)

    def _not_judged(self, of: int) -> str:
        """Why some signals were blocked without an answer, each cause once."""
        first: dict[str, _Unjudged] = {}
        for each in self._unjudged:
            first.setdefault(each.code, each)
        counts = Counter(each.code for each in self._unjudged)
        causes = "; ".join(
            f"{count} {code} from {utc(first[code].ts)} UTC on ({first[code].why})"
            for code, count in counts.most_common()
        )
        return (
            f"{len(self._unjudged)} of {of} signals were not judged and are blocked: {causes}; "
            "the same command asks them again"
        )

    def _judge(self, packets: Packets, wanted: Wanted) -> Judged:
        signal, packet = packets.of(wanted)
        key = _key(signal)
        kept = self._answers.get((key, self._hash(signal, packet, wanted.ts)))
        if kept is None:
            kept = self._asked(signal, packet, wanted.ts)
        self._applied.append(kept)
        if kept.record.is_answer:
            self._judged.append(kept.record)
        return kept.record.judged

    def _asked(self, signal: Signal, packet: dict[str, Any], ts: int) -> "_Kept":
        verdict = self._runner.run(self._validator.judge(signal, packet, ts))
        if self._unkept:
            raise LedgerError(self._unkept)
        kept = self._told[_key(signal)]
        if self._ended:
            raise ConfigError(
                f"the run was ended, as tier 2 does not work: {verdict.reasoning}; {self.kept} answers are kept in "
                f"{self._folder}, and the same command goes on there"
            )
        if not kept.record.is_answer:
            why = self._no_room() if verdict.code == Failure.BUDGET else verdict.reasoning
            self._unjudged.append(_Unjudged(ts, verdict.code, why))
        return kept

    def _no_room(self) -> str:
        """Why there is no room for a question. Raises ConfigError where nothing could be asked at all."""
        worst = self._budget.refused_usd
        if worst is None:
            return f"all {self._limits.calls:,} requests are taken"
        worst = worst.quantize(_SHOWN, ROUND_UP)
        if not self.spent.calls:
            raise ConfigError(
                f"--ai-budget: found {dollars(self._limits.usd)}, allowed at least {dollars(worst)}: so much the next "
                "question may cost"
            )
        return f"what is left does not cover the next question's worst case ({dollars(worst)})"

    def _hash(self, signal: Signal, packet: dict[str, Any], ts: int) -> str:
        """As its record names it; "" for what no model may see, which is then blocked as on a live desk."""
        try:
            context = build_context(signal, packet, ts, news=self._gate.news_mode is not NewsMode.OFF)
        except GateFailure:
            return ""
        return context_hash(context, **how_asked(self._gate))

    async def _keep(self, record: DecisionRecord) -> None:
        whole = msgspec.json.encode(record)
        kept = _Kept(msgspec.json.decode(whole, type=Recorded), msgspec.Raw(whole))
        if kept.record.is_answer or record.attempts:  # what was not asked cost nothing, and says nothing
            self._append(record)
        self._told[_key(record)] = kept
        self._remember(kept)

    def _append(self, record: DecisionRecord) -> None:
        try:
            self._log.append(AuditKind.AI_DECISIONS, record, ts=record.ts, durable=True)
        except LedgerError as error:
            self._unkept = str(error)
            raise

    def _remember(self, kept: "_Kept") -> None:
        if kept.record.is_answer:
            self._answers[_key(kept.record), kept.record.context_hash] = kept

    def _notice(self, notice: Notice) -> None:
        """A provider that refuses, or fails again and again, ends the run: on a live desk it would block entries."""
        self._ended = self._ended or notice.code in ("AI_DOWN", "AI_OUTAGE")

    def _cut(self) -> None:
        """Take empty lines off the file's end: its chain has none."""
        data = self.path.read_bytes()
        kept = whole_lines(data)
        if data.endswith(b"\n") and kept != data:
            os.truncate(self.path, len(kept))


_Key = tuple[int, str, str, PositionSide]


class _Kept(NamedTuple):
    """An answer and its whole record."""

    record: Recorded
    whole: msgspec.Raw


class _Unjudged(NamedTuple):
    ts: int
    code: str
    why: str


def _key(of: Signal | Recorded | DecisionRecord) -> _Key:
    return of.ts_bar, of.book, of.instrument, of.side
