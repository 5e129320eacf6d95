"""Tier 2 asked live in simulated time: the model of a configuration judges each signal by what was known at its bar.

Question, checks, code rules and failures are those of a live desk (`validators.ai`): whatever goes wrong blocks the
entry. Every decision is on the disk before it is told, in an audit file of the same form as a live one, so that a run
which was stopped goes on without asking anything twice, and the file repeats the run without a key. A signal that was
not judged stands there as blocked, and is asked again by the next run.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
import numpy as np
from numpy.typing import NDArray

from tradeterm.config import GateConfig, NewsMode
from tradeterm.domain.errors import ConfigError, LedgerError
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Signal, VerdictSource
from tradeterm.domain.states import GateState
from tradeterm.ledger.audit import AuditKind, AuditLog
from tradeterm.ledger.lock import EngineLock, held_by
from tradeterm.research.data.moments import utc
from tradeterm.research.sizers import Wanted
from tradeterm.research.study import Study, market_of, signals
from tradeterm.research.tier1 import Judged, Verdicts
from tradeterm.research.tier2 import Recorded, decisions
from tradeterm.research.tier2_packet import Packets
from tradeterm.validators.acceptance import Usage
from tradeterm.validators.ai import how_asked
from tradeterm.validators.budget import Budget, Limits, Spent
from tradeterm.validators.codes import Failure, GateFailure
from tradeterm.validators.context import build_context, context_hash
from tradeterm.validators.models import price_of
from tradeterm.validators.prompt import GATE
from tradeterm.validators.record import DecisionRecord
from tradeterm.validators.registry import Around, asking, make_validator

FOLDER = "research"
_LOCK = "lock"
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
        self._newest: dict[_Key, str] = {}
        self._judged: dict[_Key, Recorded] = {}
        self._unjudged: list[_Unjudged] = []
        self._unkept = ""
        self._validator = make_validator(self._gate, Around(record=self._keep, budget=self._budget))
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
                self._remember(record, whole)
        except ConfigError:
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
        """The audit file."""
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
        return "LIVE, CONTAMINATED" if any(each.contaminated for each in self._judged.values()) else "LIVE"

    def of(self, packets: Packets, told: Told = lambda ts: None) -> Verdicts:
        """The verdicts on the signals of one book."""

        def judge(wanted: Wanted) -> Judged:
            told(wanted.ts)
            return self._judge(packets, wanted)

        return judge

    def notes(self) -> tuple[str, ...]:
        """What must be said of the run's verdicts."""
        answers, spent = list(self._judged.values()), self.spent
        contaminated = sum(each.contaminated for each in answers)
        simulated = sum(each.simulated for each in answers)
        requests = f"{spent.calls} request{'' if spent.calls == 1 else 's'} for ${spent.usd:.2f}"
        found = [f"tier 2: LIVE, {self.asks}: {len(answers)} verdicts, {requests} in this run"]
        if contaminated:
            which = f"{contaminated} of {len(answers)} verdicts are of a model that may have known what came after"
            found[0] = f"tier 2: LIVE, CONTAMINATED: {which}"
            found.append(f"judged by {self.asks}: {requests} in this run")
        if simulated:
            found.append(f"{simulated} of {len(answers)} verdicts are of a simulated AI")
        if self._unjudged:
            found.append(self._not_judged(len(answers) + len(self._unjudged)))
        if self.path.exists():
            found.append(f"the verdicts are kept: --ai {self.path} repeats this run without asking")
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
        if kept is not None:
            if self._newest[key] != kept.record.context_hash:  # a run in between was told otherwise
                self._keep_again(kept, wanted.ts)
            self._judged[key] = kept.record
            return kept.record.judged
        verdict = self._runner.run(self._validator.judge(signal, packet, wanted.ts))
        if self._unkept:
            raise LedgerError(self._unkept)
        answer = self._answers.get((key, self._newest.get(key, "")))
        if answer is None:
            self._unjudged.append(_Unjudged(wanted.ts, verdict.code, verdict.reasoning))
        else:
            self._judged[key] = answer.record
        return Judged(verdict.size_factor, verdict.code or verdict.decision.value)

    def _hash(self, signal: Signal, packet: dict[str, Any], ts: int) -> str:
        """As its record names it; "" for what no model may see, which is then blocked as on a live desk."""
        try:
            context = build_context(signal, packet, ts, news=self._gate.news_mode is not NewsMode.OFF)
        except GateFailure:
            return ""
        return context_hash(context, **how_asked(self._gate))

    async def _keep(self, record: DecisionRecord) -> None:
        self._append(record, record.ts)
        whole = msgspec.json.encode(record)
        self._remember(msgspec.json.decode(whole, type=Recorded), msgspec.Raw(whole))

    def _keep_again(self, kept: "_Kept", ts: int) -> None:
        """The last record of a signal is what the last run was told: the file repeats that one."""
        again = msgspec.json.decode(kept.whole)
        again |= {"source": VerdictSource.CACHE.value, "attempts": [], "cost_usd": "0", "latency_ms": 0}
        self._append(again, ts)
        self._remember(kept.record, kept.whole)

    def _append(self, record: DecisionRecord | dict[str, Any], ts: int) -> None:
        try:
            self._log.append(AuditKind.AI_DECISIONS, record, ts=ts, durable=True)
        except LedgerError as error:
            self._unkept = str(error)
            raise

    def _remember(self, record: Recorded, whole: msgspec.Raw) -> None:
        key = record.ts_bar, record.book, record.instrument, record.side
        self._newest[key] = record.context_hash if record.is_answer else ""
        if record.is_answer:
            self._answers[key, record.context_hash] = _Kept(record, whole)


_Key = tuple[int, str, str, PositionSide]


class _Kept(NamedTuple):
    """An answer and its whole record."""

    record: Recorded
    whole: msgspec.Raw


class _Unjudged(NamedTuple):
    ts: int
    code: str
    why: str


def _key(signal: Signal) -> _Key:
    return signal.ts_bar, signal.book, signal.instrument, signal.side
