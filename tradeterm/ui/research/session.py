"""Runs of this session that the ledger does not keep, as lines of the list. Pure."""

from tradeterm.ui import fmt
from tradeterm.ui.research.kept import LEAST_TRADES, Listed
from tradeterm.ui.research.outcome import (
    CONTAMINATED,
    Backtest,
    LookAhead,
    Outcome,
    Robustness,
    Summary,
    Sweep,
    WalkForward,
)
from tradeterm.ui.research.words import command_of, value_text


def listed(outcome: Outcome, ts: int) -> Listed:
    """The line of a run that ended at `ts`. A walk-forward shows what it did out of sample, a sweep its best."""
    found = _summary(outcome)
    data = outcome.data if isinstance(outcome, Backtest) else outcome
    return Listed(
        number=None,
        ts=ts,
        command=command_of(outcome),
        name=outcome.name,
        seed=outcome.seed,
        data_hash=outcome.data.hash if isinstance(outcome, Backtest) else outcome.data_hash,
        interval=data.interval,
        symbols=len(outcome.instruments),
        first=data.first,
        last=data.last,
        trades=None if found is None else found.trades,
        total_return=None if found is None else found.total_return,
        sharpe=None if found is None else found.sharpe,
        max_drawdown=None if found is None else found.max_drawdown,
        insufficient=found is not None and found.trades < LEAST_TRADES,
        contaminated=isinstance(outcome, Backtest) and CONTAMINATED in outcome.ai,
    )


def _summary(outcome: Outcome) -> Summary | None:
    match outcome:
        case Backtest():
            known = {figure.name: figure.value for figure in outcome.figures}
            ratios = (known.get("sharpe"), known.get("max_drawdown"), known.get("profit_factor"))
            return Summary(known.get("total_return") or 0.0, *ratios, len(outcome.trades))
        case WalkForward():
            return outcome.walk_forward.out_of_sample
        case Robustness():
            return outcome.robustness.base
        case LookAhead():
            return None
        case Sweep():
            return outcome.ranked[0].summary if outcome.ranked else None


def in_a_word(outcome: Outcome) -> str:
    """What came of a run, for the line that says it is done."""
    if isinstance(outcome, Backtest):
        gain, trades = outcome.figure("total_return"), outcome.figure("trades")
        if gain is None or trades is None:
            return "Done."
        held = value_text(gain.buy_and_hold, gain.unit, signed=True)
        words = f"{value_text(gain.value, gain.unit, signed=True)} in {fmt.number(trades.value, 0)} trades"
        few = " Insufficient: so few trades prove nothing." if outcome.insufficient else ""
        return f"Done in {fmt.duration(outcome.seconds * 1000)}: {words}, buy & hold {held}.{few}"
    found = _summary(outcome)
    if found is None:
        return f"Done: {outcome.sentence}" if isinstance(outcome, LookAhead) else "Done."
    what = {"walkforward": "out of sample ", "sweep": "the best of all "}.get(command_of(outcome), "")
    return f"Done: {what}{fmt.signed_percent(found.total_return)} in {found.trades} trades."
