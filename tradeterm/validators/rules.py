"""Tier 2 without an AI: a few fixed rules, always shown as "RULES (no AI)". They can veto or shrink, never raise.

In this order, the first that applies decides:
1. REJECT MISSING_INPUT: the 4 h trend, the confirmations or the book's drawdown are not known.
2. REJECT TREND_ACCELERATES: the price ran at least 4 % against the trade in 4 h, at least half of it in the last hour,
   and at most one confirmation stands against that.
3. REDUCE to one half: FUNDING_UNKNOWN with at most one confirmation, or DRAWDOWN over half of its limit.
4. APPROVE.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Signal, Verdict, VerdictDecision, VerdictSource
from tradeterm.validators.protocol import GateStatus

LABEL = "RULES (no AI)"
MODEL = "rules"

STRONG_TREND = 0.04
ACCELERATING = 0.5
FEW_CONFIRMATIONS = 1
DRAWDOWN_SHARE = 0.5
HALF = Decimal("0.5")


class Judgement(Struct, frozen=True):
    """What the rules say of a signal."""

    decision: VerdictDecision
    size_factor: Decimal
    codes: tuple[str, ...]
    reasoning: str


class RulesValidator:
    """Deterministic; answers at once."""

    label = LABEL
    status = GateStatus()

    def retry(self) -> None:
        """There is nothing to try again."""

    async def close(self) -> None:
        """There is nothing to close."""

    async def judge(self, signal: Signal, context: dict[str, Any], ts: int) -> Verdict:
        drawdown, limit = _number(context, "portfolio", "drawdown"), _number(context, "limits", "drawdown")
        found = judge_by_rules(signal.side, signal.explain, drawdown, limit)
        return Verdict(
            id=f"v{signal.id}",
            signal_id=signal.id,
            book=signal.book,
            instrument=signal.instrument,
            side=signal.side,
            decision=found.decision,
            size_factor=found.size_factor,
            confidence=None,
            reason_codes=found.codes,
            reasoning=found.reasoning,
            source=VerdictSource.RULES,
            model=MODEL,
            latency_ms=0,
            ts=ts,
            code=found.codes[0] if found.codes else "",
        )


def judge_by_rules(
    side: PositionSide, explain: Mapping[str, float | None], drawdown: float | None, limit: float | None
) -> Judgement:
    """The rules on a strategy's own numbers, the book's drawdown and its limit (fractions)."""
    trend, last_hour = explain.get("trend_4h"), explain.get("trend_1h")
    confirmations = explain.get("confirmations")
    funding = explain.get("funding_rate")
    if trend is None or confirmations is None or drawdown is None or limit is None:
        needed = {"4 h trend": trend, "confirmations": confirmations, "drawdown": drawdown, "its limit": limit}
        missing = ", ".join(name for name, value in needed.items() if value is None)
        text = f"Not known: {missing}. Without it nothing speaks for this {side}."
        return Judgement(VerdictDecision.REJECT, Decimal(0), ("MISSING_INPUT",), text)

    against = -trend * side.sign
    recent = None if last_hour is None else -last_hour * side.sign  # not known counts as accelerating
    few = confirmations <= FEW_CONFIRMATIONS
    count = f"{confirmations:.0f} confirmation{'' if confirmations == 1 else 's'}"
    if few and against >= STRONG_TREND and (recent is None or recent >= against * ACCELERATING):
        hour = "the last hour is not known" if recent is None else f"{recent:.2%} of it in the last hour"
        text = f"The price ran {against:.2%} against this {side} in 4 h, {hour}. {count} is too few against that."
        return Judgement(VerdictDecision.REJECT, Decimal(0), ("TREND_ACCELERATES",), text)

    lost = f"The book's drawdown is {drawdown:.1%} of {limit:.1%} allowed"
    codes, reasons = [], []
    if few and funding is None:
        codes.append("FUNDING_UNKNOWN")
        reasons.append(f"Funding is not known and there is {count}.")
    if drawdown > limit * DRAWDOWN_SHARE:
        codes.append("DRAWDOWN")
        reasons.append(f"{lost}, more than half.")
    if codes:
        text = " ".join([*reasons, "Half the size."])
        return Judgement(VerdictDecision.REDUCE, HALF, tuple(codes), text)
    pace = f"{abs(against):.2%} {'against' if against > 0 else 'with'} this {side} in 4 h"
    return Judgement(VerdictDecision.APPROVE, Decimal(1), (), f"The price ran {pace}, with {count}. {lost}.")


def _number(context: Mapping[str, Any], group: str, name: str) -> float | None:
    """A number of the packet; texts are exact decimals. None where it is not there or not finite."""
    value = context.get(group, {}).get(name)
    if value is None:
        return None
    number = Decimal(str(value))
    return float(number) if number.is_finite() else None
