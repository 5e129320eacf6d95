"""What scorecards of tier 2 are made from: shadow trades, verdicts, what was paid, and how each was asked."""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec
from msgspec import Struct

from tradeterm.console.client import open_console
from tradeterm.console.protocol import Console
from tradeterm.domain.facts import AiUsage, ShadowTrade
from tradeterm.domain.signals import Verdict, VerdictDecision, VerdictSource
from tradeterm.ledger.audit import NOT_JSON, AuditKind
from tradeterm.profile import Profile

_MOST = 5000  # shadow trades
_MOST_BYTES = 64 << 20  # of the audit file, from its end


class Asked(Struct, frozen=True):
    """How a verdict came about, from the record of its decision. `volatility` is the percentile (0..1) it was told."""

    id: str
    enforced: bool
    source: VerdictSource
    decision: VerdictDecision
    context_hash: str
    prompt_version: str
    simulated: bool
    contaminated: bool
    volatility: float | None = None


class Evidence(Struct, frozen=True, kw_only=True):
    """In any order, except `asked`: as it was recorded, oldest first. `codes` says of signals without a verdict why
    they have none (the signal's outcome code). `capped`: there are more shadow trades than these."""

    shadows: Sequence[ShadowTrade] = ()
    verdicts: Sequence[Verdict] = ()
    usage: Sequence[AiUsage] = ()
    codes: Mapping[str, str] = {}
    asked: Sequence[Asked] = ()
    capped: bool = False

    @property
    def currencies(self) -> tuple[str, ...]:
        """Of the shadow trades, the most frequent first; each is a scorecard of its own."""
        found: dict[str, int] = {}
        for shadow in self.shadows:
            found[shadow.currency] = found.get(shadow.currency, 0) + 1
        return tuple(sorted(found, key=lambda currency: (-found[currency], currency)))


@runtime_checkable
class _OnFiles(Protocol):
    """A console of a profile's files: the audit files are beside them."""

    profile: Profile


class _Market(Struct, frozen=True):
    volatility_percentile: str | None = None


class _Context(Struct, frozen=True):
    market: _Market = _Market()


class _Record(Struct, frozen=True):
    id: str
    enforced: bool
    source: VerdictSource
    decision: VerdictDecision
    context: _Context
    context_hash: str
    prompt_version: str
    simulated: bool
    contaminated: bool


class _Line(Struct, frozen=True):
    record: _Record


def read_evidence(console: Console, limit: int = _MOST) -> Evidence:
    """The newest shadow trades with what belongs to them. May take some 100 ms with thousands of them. Raises
    LedgerError."""
    shadows = console.shadow_trades(limit=limit)
    if not shadows:
        return Evidence()
    without = [shadow.signal_id for shadow in shadows if not shadow.verdict_id]
    signals = [signal for id in without if (signal := console.signal(id)) is not None]
    return Evidence(
        shadows=shadows,
        verdicts=console.verdicts(limit=2 * limit),
        usage=console.ai_usage(0, 4 * limit),
        codes={signal.id: signal.outcome_code for signal in signals if signal.outcome_code},
        asked=read_asked(console.profile.audit) if isinstance(console, _OnFiles) else (),
        capped=len(shadows) == limit,
    )


def read_apart(console: Console) -> Evidence:
    """The same in a thread of its own: through a second connection where the console has one. Raises LedgerError."""
    if not isinstance(console, _OnFiles):
        return read_evidence(console)
    with closing(open_console(console.profile)) as apart:
        return read_evidence(apart)


def read_asked(audit: Path) -> tuple[Asked, ...]:
    """From the audit files' folder; nothing where there is no file. Whether its chain is whole is asked elsewhere: a
    line that is no record (the engine may be writing it) tells nothing."""
    path = audit / f"{AuditKind.AI_DECISIONS.value}.jsonl"
    if not path.exists():
        return ()
    decoder = msgspec.json.Decoder(_Line)
    found = []
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - _MOST_BYTES))
        for raw in file:
            if b'"context_hash"' not in raw:  # the rules' verdicts and repairs stand in the same file
                continue
            try:
                found.append(_asked(decoder.decode(raw).record))
            except NOT_JSON:
                continue
    return tuple(found)


def _asked(record: _Record) -> Asked:
    return Asked(
        record.id,
        record.enforced,
        record.source,
        record.decision,
        record.context_hash,
        record.prompt_version,
        record.simulated,
        record.contaminated,
        _share(record.context.market.volatility_percentile),
    )


def _share(text: str | None) -> float | None:
    try:
        share = float(text) if text is not None else None
    except ValueError:
        return None
    return share if share is not None and 0 <= share <= 1 else None
