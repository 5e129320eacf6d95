"""Signals, and why each was or was not traded."""

from typing import Any

from msgspec import Struct

from tradeterm.assistant.chat.outside import name, quoted
from tradeterm.assistant.chat.tools.standing import instrument_of
from tradeterm.assistant.chat.tools.tool import Tool, ToolError, rows
from tradeterm.assistant.text import moment
from tradeterm.console.protocol import Console
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.signals import GateCheck, SignalOutcome, Verdict, VerdictSource
from tradeterm.validators.codes import Reason

_SHOWN = 20
_REASONS = frozenset(reason.value for reason in Reason)
_STOPPED_BY = {
    SignalOutcome.PENDING: "nothing yet: it is still being judged",
    SignalOutcome.DENIED: "tier 1, the rules: no order was sent",
    SignalOutcome.VETOED: "tier 2: no order was sent",
    SignalOutcome.BLOCKED: "tier 2 gave no answer that counts: no order was sent",
    SignalOutcome.ORDERED: "nothing: an order was sent",
    SignalOutcome.IGNORED: "nothing: there was nothing to do",
}


class AboutSignals(Struct, frozen=True, forbid_unknown_fields=True):
    symbol: str = ""
    outcome: SignalOutcome | None = None


class AboutDecision(Struct, frozen=True, forbid_unknown_fields=True):
    id: str


def decision_tools(console: Console) -> tuple[Tool[Any], ...]:
    return (
        Tool(
            "get_signals",
            "The latest signals with their outcome and its code; of one symbol, or with one outcome. The id of a "
            "signal is what get_decision and explain_decision take.",
            AboutSignals,
            lambda taken: _signals(console, taken),
        ),
        Tool(
            "get_decision",
            "All that was recorded of the decision on a signal: its numbers, every check of tier 1, the verdict of "
            "tier 2, size and orders. Takes a signal id or a verdict id.",
            AboutDecision,
            lambda taken: _decision(console, taken.id),
        ),
        Tool(
            "explain_decision",
            "Why a signal was or was not traded: what stopped it, with the checks that failed and what became of it. "
            "Takes a signal id or a verdict id.",
            AboutDecision,
            lambda taken: _explained(console, taken.id),
        ),
    )


def _signals(console: Console, taken: AboutSignals) -> dict[str, Any]:
    wanted = instrument_of(console, taken.symbol) if taken.symbol else ""
    found = [
        signal
        for signal in console.signals(limit=500)
        if wanted in ("", signal.instrument) and taken.outcome in (None, signal.outcome)
    ]
    return {"looked_through": 500, **rows([_headline(signal) for signal in found], len(found), _SHOWN)}


def _headline(signal: SignalFact) -> dict[str, Any]:
    return {
        "signal_id": signal.id,
        "bar_closed": f"{moment(signal.ts_bar)} UTC",
        "book": signal.book,
        "strategy": signal.strategy,
        "instrument": name(signal.instrument),
        "kind": signal.kind,
        "side": signal.side,
        "price": signal.price,
        "outcome": signal.outcome,
        "outcome_code": signal.outcome_code,
    }


def _found(console: Console, id: str) -> SignalFact:
    signal = console.signal(id)
    if signal is None and (verdict := console.verdict(id)) is not None:
        signal = console.signal(verdict.signal_id)
    if signal is None:
        raise ToolError(f"there is no decision with the id {name(id)!r}; get_signals lists ids")
    return signal


def _decision(console: Console, id: str) -> dict[str, Any]:
    signal = _found(console, id)
    verdict = console.verdict(signal.verdict_id) if signal.verdict_id else None
    return {
        **_headline(signal),
        "reason": quoted(signal.reason),
        "numbers": signal.explain,
        "checks": [_check(check) for check in signal.checks],
        "checks_after_the_verdict": [_check(check) for check in signal.checks_after],
        "verdict": _verdict(verdict) if verdict is not None else None,
        "size": {"binding": signal.size.binding, "factors": dict(signal.size.factors)} if signal.size else None,
        "quantity": signal.quantity,
        "orders": _orders(console, signal),
        "outcome_text": quoted(signal.outcome_text),
    }


def _explained(console: Console, id: str) -> dict[str, Any]:
    signal = _found(console, id)
    verdict = console.verdict(signal.verdict_id) if signal.verdict_id else None
    checks = signal.checks_after or signal.checks
    shadow = next((trade for trade in console.shadow_trades(limit=500) if trade.signal_id == signal.id), None)
    trade = next((trade for trade in console.trades(limit=500) if trade.signal_id == signal.id), None)
    return {
        **_headline(signal),
        "stopped_by": _STOPPED_BY[signal.outcome],
        "numbers": signal.explain,
        "checks_passed": sum(check.passed for check in checks),
        "checks_failed": [_check(check) for check in checks if not check.passed],
        "verdict": _verdict(verdict) if verdict is not None else None,
        "orders": _orders(console, signal),
        "trade": {"trade_id": trade.id, "pnl": trade.pnl, "exit_reason": trade.exit_reason} if trade else None,
        "untouched_by_tier_2_it_would_have_made": shadow.pnl if shadow is not None else None,
    }


def _check(check: GateCheck) -> dict[str, Any]:
    return {"code": check.code, "passed": check.passed, "numbers": check.numbers, "text": check.text[:200]}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    by = "RULES (no AI)" if verdict.source is VerdictSource.RULES else name(verdict.model)
    return {
        "verdict_id": verdict.id,
        "source": verdict.source,
        "by": by,
        "decision": verdict.decision,
        "code": verdict.code,
        "size_factor": verdict.size_factor,
        "confidence": verdict.confidence,
        "reason_codes": [code if code in _REASONS else name(code) for code in verdict.reason_codes],
        "reasoning": quoted(verdict.reasoning),
    }


def _orders(console: Console, signal: SignalFact) -> list[dict[str, Any]]:
    return [
        {
            "order_id": order.client_order_id,
            "intent": order.intent,
            "status": order.status,
            "quantity": order.quantity,
            "filled_quantity": order.filled_quantity,
            "average_price": order.average_price,
        }
        for order in console.orders(limit=20, signal_id=signal.id)
    ]
