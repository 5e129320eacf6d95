"""How a signal stands, for the ledger."""

from tradeterm.desk.sizing import Sized
from tradeterm.desk.turn import Turn
from tradeterm.domain.facts import SignalFact
from tradeterm.domain.signals import GateCheck, Signal, SignalOutcome


def signal_fact(
    turn: Turn,
    signal: Signal,
    outcome: SignalOutcome,
    checks: tuple[GateCheck, ...] = (),
    denied: GateCheck | None = None,
    again: tuple[GateCheck, ...] = (),
    sized: Sized | None = None,
    verdict_id: str | None = None,
) -> SignalFact:
    """The row of a signal; `denied` is the check that decided, `again` tier 1's second pass."""
    return SignalFact(
        id=signal.id,
        ts=turn.ts,
        book=signal.book,
        strategy=signal.strategy,
        instrument=signal.instrument,
        kind=signal.kind,
        side=signal.side,
        price=signal.price,
        ts_bar=signal.ts_bar,
        reason=signal.reason,
        explain=signal.explain,
        outcome=outcome,
        outcome_code=denied.code.value if denied else "",
        outcome_text=denied.text if denied else "",
        checks=checks,
        checks_after=again,
        verdict_id=verdict_id,
        size=sized.factors if sized else None,
        quantity=sized.quantity if sized else None,
    )


def decide(turn: Turn, fact: SignalFact) -> None:
    """Record a signal's end; it will not be judged again."""
    turn.state.signals_seen.add(fact.id)
    turn.record(fact)
