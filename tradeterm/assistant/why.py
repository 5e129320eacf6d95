"""Why did (or didn't) a symbol trade: its last signal, told from numbers to outcome."""

from tradeterm.assistant.text import clean, moment, money, number, words
from tradeterm.console.protocol import Console
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.signals import GateCheck, SignalKind, SignalOutcome, Verdict, VerdictSource

_PLAIN = {
    SignalOutcome.PENDING: "It is still being judged.",
    SignalOutcome.DENIED: "Tier 1 (the rules) denied it, so no order was sent.",
    SignalOutcome.VETOED: "Tier 2 vetoed it, so no order was sent.",
    SignalOutcome.BLOCKED: "It was blocked, so no order was sent.",
    SignalOutcome.ORDERED: "An order was sent.",
    SignalOutcome.IGNORED: "There was nothing to do.",
}


def why(console: Console, instrument: str) -> list[str]:
    """The last entry signal of the instrument, or its last signal of any kind."""
    found = [signal for signal in console.signals(limit=500) if signal.instrument == instrument]
    if not found:
        return [f"No strategy has raised a signal for {instrument} yet."]
    signal = next((item for item in found if item.kind is SignalKind.ENTRY), found[0])
    return [
        f"{signal.strategy} wanted {signal.kind} {signal.side} {instrument} at {number(signal.price)} "
        f"on the bar closed {moment(signal.ts_bar)} UTC: {clean(signal.reason)}.",
        *_numbers(signal),
        *_rules(signal),
        *_verdict(console, signal),
        *_size(signal),
        *_outcome(console, signal),
    ]


def _numbers(signal: SignalFact) -> list[str]:
    if not signal.explain:
        return []
    parts = [f"{name} {number(value) if value is not None else 'no value'}" for name, value in signal.explain.items()]
    return [f"Numbers: {', '.join(parts)}."]


def _rules(signal: SignalFact) -> list[str]:
    checks = signal.checks_after or signal.checks
    if not checks:
        return []
    failed = [check for check in checks if not check.passed]
    again = " when looked at again after the verdict" if signal.checks_after else ""
    if not failed:
        return [f"Rules: all {len(checks)} passed{again}."]
    return [f"Rules: {len(failed)} of {len(checks)} failed{again}.", *[f"  {_check(check)}" for check in failed]]


def _check(check: GateCheck) -> str:
    numbers = ", ".join(f"{name} {value}" for name, value in check.numbers.items())
    return f"{check.code}: {clean(check.text)}" + (f" ({numbers})" if numbers else "")


def _verdict(console: Console, signal: SignalFact) -> list[str]:
    verdict = console.verdict(signal.verdict_id) if signal.verdict_id else None
    if verdict is None:
        return []
    codes = f" ({', '.join(clean(code, 60) for code in verdict.reason_codes)})" if verdict.reason_codes else ""
    factor = f", size times {number(verdict.size_factor)}" if verdict.size_factor != 1 else ""
    return [f"Tier 2, {_judge(verdict)}: {verdict.decision}{factor}{codes}. {clean(verdict.reasoning)}".rstrip()]


def _judge(verdict: Verdict) -> str:
    return "RULES (no AI)" if verdict.source is VerdictSource.RULES else f"{verdict.source} {clean(verdict.model, 60)}"


def _size(signal: SignalFact) -> list[str]:
    if signal.size is None or signal.quantity is None:
        return []
    factors = ", ".join(f"{name} {value}" for name, value in signal.size.factors)
    return [f"Size: {number(signal.quantity)}, bound by {signal.size.binding} ({factors})."]


def _outcome(console: Console, signal: SignalFact) -> list[str]:
    said = f"{_PLAIN[signal.outcome]}"
    code = f" [{signal.outcome_code}]" if signal.outcome_code else ""
    ordered = signal.outcome is SignalOutcome.ORDERED  # its orders follow, and say more
    detail = f" {clean(signal.outcome_text)}{code}" if not ordered and (signal.outcome_text or code) else ""
    lines = [f"Outcome: {said}{detail}"]
    for order in reversed(console.orders(limit=20, signal_id=signal.id)):
        price = f" at {number(order.average_price)}" if order.average_price is not None else ""
        lines.append(
            f"  {order.intent} {order.side} {number(order.quantity)}: {order.status}, "
            f"filled {number(order.filled_quantity)}{price}"
        )
    lines += [
        f"  closed {moment(trade.ts_closed)} UTC at {number(trade.exit_price)} ({words(trade.exit_reason)}): "
        f"{money(trade.pnl, signed=True)}"
        for trade in console.trades(limit=500)
        if trade.signal_id == signal.id
    ]
    shadow = next((item for item in console.shadow_trades(limit=500) if item.signal_id == signal.id), None)
    if shadow is not None and shadow.pnl is not None:
        lines.append(f"  untouched by tier 2, it would have made {money(shadow.pnl, signed=True)}")
    return lines
