"""A run's decisions beside those of a backtest of the same time and with the same verdicts of tier 2: what differs,
and why.

Entry signals are matched by bar, instrument and side, round trips by the signal they came from. What a backtest has
not is a cause, not a fault: an operator's word, a breaker, bars that came late. What nothing explains is named as such.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from itertools import chain

from msgspec import Struct

from tradeterm.domain.facts import SignalFact, Trade
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.market import Bar
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import GateCode, SignalOutcome, Verdict
from tradeterm.research.account import Trade as SimulatedTrade
from tradeterm.research.entries import Decided
from tradeterm.research.result import Result
from tradeterm.research.study import Study
from tradeterm.research.tier1 import Judged, Verdicts

Key = tuple[int, str, PositionSide]
_SMALL = 1e-9  # relative: both sides compute in floats what was decided in decimals


class Cause(StrEnum):
    """Why a decision differs. FOLLOWS: an earlier difference left another position, cash or track record."""

    NO_BAR = "the run saw no such bar"
    NO_DATA = "the data has no such bar"
    OTHER_BAR = "the data has another bar than the run saw"
    OPERATOR = "an operator"
    LIVE = "only a live desk has this"
    CONTRACT = "the run's contract facts are not known"
    BEFORE = "the run began with trades or positions of its own"
    OPEN = "still open when the run ended"
    FOLLOWS = "follows from a difference before"
    UNEXPLAINED = "unexplained"


class Difference(Struct, frozen=True, kw_only=True):
    """One decision. `ts` is the close of its bar, UTC ms; `what` is signal, entry, size, entry price, exit, exit price
    or exit time; `live` and `simulated` say what each did."""

    ts: int
    instrument: str
    what: str
    live: str
    simulated: str
    cause: Cause
    detail: str = ""


class Parity(Struct, frozen=True, kw_only=True):
    """`signals` and `trades` count what was compared, `same` those without any difference."""

    signals: int
    trades: int
    same: int
    differences: tuple[Difference, ...]
    sentence: str


def verdicts_of(signals: Sequence[SignalFact], verdicts: Sequence[Verdict]) -> Verdicts:
    """What tier 2 said in a run, for a backtest of the same signals."""
    factors = {verdict.signal_id: verdict.size_factor for verdict in verdicts}
    known: dict[Key, Judged] = {}
    for signal in signals:
        if signal.outcome in (SignalOutcome.VETOED, SignalOutcome.BLOCKED):
            known[_key(signal)] = Judged(ZERO, signal.outcome_code)
        elif signal.id in factors:
            known[_key(signal)] = Judged(factors[signal.id])
    return lambda wanted: known.get((wanted.ts, wanted.name, _side(wanted.side)))


class Live(Struct, frozen=True, kw_only=True):
    """A book's part of a run: bars it saw, the last states of its entry signals, its round trips. `operator` are times
    at which somebody asked for something; `began_anew` is False for a run that took positions or results over;
    `contracts` are the instruments whose facts it told, by id."""

    bars: Sequence[Bar]
    signals: Sequence[SignalFact]
    trades: Sequence[Trade]
    operator: Sequence[tuple[int, str]]
    began_anew: bool
    contracts: Set[str]


_OPERATOR = frozenset({GateCode.TRADING_HALTED, GateCode.TRADING_STATE_REDUCING, GateCode.BOOK_STOPPED})
_STATE = frozenset({"DUPLICATE_SIGNAL", "OPPOSITE_SIGNAL", "COOL_DOWN", "POSITION_COUNT_CAP", "ORDER_COUNT_CAP"})
"""Codes that speak of what was traded before."""


def compare(study: Study, result: Result, live: Live) -> Parity:
    """Compare a run with the result of the study of its time."""
    return _Comparison(study, result, live).parity()


class _Comparison:
    def __init__(self, study: Study, result: Result, live: Live) -> None:
        self._study, self._live = study, live
        names = study.panel.instruments
        market = result.simulation.market
        self._asked: dict[Key, SignalFact] = {_key(signal): signal for signal in live.signals}
        self._decided: dict[Key, Decided] = {
            (each.ts, names[each.instrument], _side(each.side)): each for each in result.simulation.decided
        }
        self._seen: Mapping[tuple[int, str], Bar] = {(bar.ts_event, bar.instrument): bar for bar in live.bars}
        self._first = min((bar.ts_event for bar in live.bars), default=0)
        self._last = max((bar.ts_event for bar in live.bars), default=0)
        self._simulated: dict[Key, SimulatedTrade] = {
            (market[names.index(t.instrument)].closed(t.signal_row), t.instrument, _side(t.side)): t
            for t in result.trades
        }
        by_id = {signal.id: key for key, signal in self._asked.items()}
        self._traded: dict[Key, Trade] = {
            by_id[trade.signal_id]: trade for trade in live.trades if trade.signal_id in by_id
        }
        self._found: list[Difference] = []

    def parity(self) -> Parity:
        """Signals first, in time, since every later difference may follow from them."""
        asked = {key: signal for key, signal in self._asked.items() if self._first <= key[0] <= self._last}
        decided = {key: each for key, each in self._decided.items() if self._first <= key[0] <= self._last}
        same = 0
        trades = 0
        for key in sorted(asked.keys() | decided.keys()):
            before = len(self._found)
            self._signal(key, asked.get(key), decided.get(key))
            if key in self._traded or key in self._simulated:
                trades += 1
                if len(self._found) == before:
                    self._trade(key, self._traded.get(key), self._simulated.get(key))
            same += len(self._found) == before
        count = len(asked.keys() | decided.keys())
        return Parity(
            signals=count,
            trades=trades,
            same=same,
            differences=tuple(self._found),
            sentence=_sentence(count, same, self._found),
        )

    def _signal(self, key: Key, live: SignalFact | None, simulated: Decided | None) -> None:
        if live is None or simulated is None:
            cause, detail = self._missing(key)
            self._differs(key, "signal", "none" if live is None else _outcome(live),
                          "none" if simulated is None else _decision(simulated), cause, detail)  # fmt: skip
            return
        entered, enters = live.outcome is SignalOutcome.ORDERED, not simulated.why
        if entered is not enters or (not entered and live.outcome_code != simulated.why):
            cause, detail = self._why(live, simulated)
            self._differs(key, "entry", _outcome(live), _decision(simulated), cause, detail)
        elif entered and live.quantity is not None and _apart(float(live.quantity), simulated.quantity):
            cause = self._follows() if key[1] in self._live.contracts else Cause.CONTRACT
            self._differs(key, "size", f"{live.quantity:f}", f"{simulated.quantity:.12g}", cause, "")

    def _trade(self, key: Key, live: Trade | None, simulated: SimulatedTrade | None) -> None:
        if live is None or simulated is None:
            if live is None and simulated is not None and simulated.exit_ts >= self._last:
                return  # open on both sides when the run ended
            cause = Cause.OPEN if live is None and self._is_at_end(simulated) else self._follows(Cause.LIVE)
            self._differs(
                key, "exit", "none" if live is None else live.exit_reason,
                "none" if simulated is None else simulated.reason, cause, "the order may not have filled",
            )  # fmt: skip
            return
        step = self._study.panel.interval_ms
        pairs = (
            ("entry price", f"{live.entry_price:f}", f"{simulated.entry_price:.12g}",
             _apart(float(live.entry_price), simulated.entry_price)),
            ("exit", live.exit_reason, simulated.reason, live.exit_reason != simulated.reason),
            ("exit time", str(live.ts_closed // step * step), str(simulated.exit_ts // step * step),
             live.ts_closed // step != simulated.exit_ts // step),
            ("exit price", f"{live.exit_price:f}", f"{simulated.exit_price:.12g}",
             _apart(float(live.exit_price), simulated.exit_price)),
        )  # fmt: skip
        for what, mine, other, differs in pairs:
            if differs:
                cause = Cause.OPERATOR if self._operator_between(live.ts_opened, live.ts_closed) else Cause.LIVE
                detail = "" if cause is Cause.OPERATOR else "its fills are the venue's, those of a backtest its rules'"
                self._differs(key, what, mine, other, cause, detail)
                return

    def _missing(self, key: Key) -> tuple[Cause, str]:
        """Why only one of them had a signal."""
        ts, name, _ = key
        bar, column = self._seen.get((ts, name)), self._study.panel.instruments.index(name)
        rows = (self._study.panel.ts == ts).nonzero()[0]
        if bar is None:
            return Cause.NO_BAR, ""
        if not len(rows):
            return Cause.NO_DATA, ""
        close = float(self._study.panel.close[rows[0], column])
        if close != close:
            return Cause.NO_DATA, ""
        if close != bar.close:
            return Cause.OTHER_BAR, f"close {bar.close:.12g} then, {close:.12g} in the data"
        other = self._other_bars(name, ts)
        return (Cause.OTHER_BAR, f"{other} earlier bars differ") if other else (Cause.UNEXPLAINED, "")

    def _other_bars(self, name: str, until: int) -> int:
        panel = self._study.panel
        column = panel.instruments.index(name)
        known = dict(zip(panel.ts.tolist(), panel.close[:, column].tolist(), strict=True))
        seen = (bar for (ts, instrument), bar in self._seen.items() if instrument == name and ts <= until)
        return sum(known.get(bar.ts_event) != bar.close for bar in seen)

    def _why(self, live: SignalFact, simulated: Decided) -> tuple[Cause, str]:
        """Why one entered and the other did not, or why each refused for another reason."""
        if live.outcome is SignalOutcome.PENDING:
            return Cause.OPEN, "tier 2 had not answered"
        if live.outcome_code in _OPERATOR:
            return Cause.OPERATOR, live.outcome_text
        if live.outcome_code in _STATE or simulated.why in _STATE or self._found:
            return self._follows(), live.outcome_text
        if not live.outcome_code:
            return self._follows(), ""
        return Cause.LIVE, live.outcome_text

    def _follows(self, otherwise: Cause = Cause.UNEXPLAINED) -> Cause:
        if self._found:
            return Cause.FOLLOWS
        return otherwise if self._live.began_anew else Cause.BEFORE

    def _is_at_end(self, simulated: SimulatedTrade | None) -> bool:
        return simulated is not None and simulated.exit_ts >= self._last

    def _operator_between(self, first: int, last: int) -> bool:
        return any(first <= ts <= last for ts, _ in self._live.operator)

    def _differs(self, key: Key, what: str, live: str, simulated: str, cause: Cause, detail: str) -> None:
        ts, instrument, _ = key
        self._found.append(
            Difference(
                ts=ts,
                instrument=instrument,
                what=what,
                live=live,
                simulated=simulated,
                cause=cause,
                detail=detail,
            )
        )


def _key(signal: SignalFact) -> Key:
    return signal.ts_bar, signal.instrument, signal.side


def _side(side: int) -> PositionSide:
    return PositionSide.LONG if side > 0 else PositionSide.SHORT


def _apart(one: float, other: float) -> bool:
    return abs(one - other) > _SMALL * max(abs(one), abs(other))


def _outcome(signal: SignalFact) -> str:
    return signal.outcome.value + (f" {signal.outcome_code}" if signal.outcome_code else "")


def _decision(decided: Decided) -> str:
    return f"DENIED {decided.why}" if decided.why else "ORDERED"


def _sentence(count: int, same: int, found: Sequence[Difference]) -> str:
    if not count:
        return "There was no entry signal to compare."
    causes = Counter(difference.cause for difference in found)
    parts = chain((f"{same} of {count} decisions are the same",), (f"{n}: {c.value}" for c, n in causes.most_common()))
    return "; ".join(parts) + "."
