"""What trades a specification: registered as "declared", its parameters are the conditions and the side."""

from math import ceil
from typing import Annotated, Any

import numpy as np
from msgspec import Meta, Struct

from tradeterm.domain.errors import ConfigError
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS, MINUTE_MS
from tradeterm.strategies.declared.averages import Floats
from tradeterm.strategies.declared.bars import Bars, bars_of
from tradeterm.strategies.declared.catalogue import INDICATORS
from tradeterm.strategies.declared.evaluate import Evaluation, memory, operand_of
from tradeterm.strategies.declared.mirror import mirrored_rules
from tradeterm.strategies.declared.names import condition_code, operand_code
from tradeterm.strategies.declared.read_rules import read_entry, read_exit
from tradeterm.strategies.declared.spec import Condition, Operator, Rules, Side
from tradeterm.strategies.panel import Flags, Panel
from tradeterm.strategies.protocol import ExitRule, Signals

_NSE_SESSION_MS = 375 * MINUTE_MS


class DeclaredParameters(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The part of a specification that signals; `entry` and `exit` are as in its file, without bars_held."""

    side: Side
    entry: dict[str, Any]
    exit: dict[str, Any] = {}
    calendar: Annotated[Calendar, Meta(description="hours the instruments keep")] = Calendar.ALWAYS


class _Way(Struct, frozen=True):
    """The rules by which one side is traded; `sign` is +1 for longs. Each exit has its reason."""

    sign: int
    entry: Rules
    exits: tuple[tuple[str, Rules], ...]


class Declared:
    """Enters at the close of the first bar on which the entry's conditions hold, having not held on the bar before;
    exits where those of the exit hold. A bar on which both sides would enter enters neither.

    Every value rests on a fixed number of bars, skipping missing ones, and these must lie within the warm-up. Raises
    ConfigError for conditions that are not allowed, one sentence a mistake.
    """

    name = "declared"

    def __init__(self, parameters: DeclaredParameters, interval_ms: int = 5 * MINUTE_MS) -> None:
        if interval_ms <= 0 or DAY_MS % interval_ms:
            raise ValueError(f"a day is not a whole number of bars of {interval_ms} ms")
        self.parameters = parameters
        self.interval_ms = interval_ms
        entry, out = _rules(parameters)
        self._ways = _ways(parameters.side, entry, out)
        self._bars = max(memory(entry) + 1, memory(out))
        self._reach = _rows(self._bars, parameters.calendar, interval_ms)
        days = DAY_MS // interval_ms if _looks_at_days(entry, out) else 0
        self.warmup = max(self._reach + days, 4 * HOUR_MS // interval_ms + 1)

    def signals(self, panel: Panel) -> Signals:
        self._check(panel)
        entries = np.zeros(panel.close.shape, dtype=np.int8)
        nowhere = np.zeros(panel.close.shape, dtype=np.bool_)
        rules = [(way, rules, nowhere.copy()) for way in self._ways for _, rules in way.exits]
        for column in range(len(panel.instruments)):
            found = Evaluation(bars_of(panel, column))
            rows, known = found.bars.rows, self._known(found.bars)
            for way in self._ways:
                entries[rows, column] += np.where(known & _first(found.rules(way.entry)), way.sign, 0).astype(np.int8)
            for _, exits, mask in rules:
                mask[rows, column] = known & found.rules(exits)
        entries[: self.warmup - 1] = 0
        for _, _, mask in rules:
            mask[: self.warmup - 1] = False
        reasons = [reason for way in self._ways for reason, _ in way.exits]
        return Signals(
            entries=entries,
            exits=tuple(
                ExitRule(reason=reason, long=mask if way.sign > 0 else nowhere, short=mask if way.sign < 0 else nowhere)
                for reason, (way, _, mask) in zip(reasons, rules, strict=True)
            ),
        )

    def explain(self, panel: Panel, row: int, instrument: int) -> dict[str, float | None]:
        """What any signal is judged by (trends, the funding rate, how many of the entry's conditions hold), then every
        number that a condition looks at (`…_before`: on the bar before, where a crossing is looked for), and for every
        condition, numbered as declared, 1 where it holds and 0 where not."""
        self._check(panel)
        panel = panel.window(max(0, row + 1 - self.warmup), row + 1).only(instrument)
        found = Evaluation(bars_of(panel, 0))
        bars = found.bars
        there = bars.rows.size > 0 and int(bars.rows[-1]) == panel.rows - 1
        known = there and bool(self._known(bars)[-1])
        numbers: dict[str, float | None] = {
            "close": _value(panel.close[-1, 0]),
            "funding_rate": _value(panel.funding[-1, 0]),
            "trend_1h": self._trend(bars, HOUR_MS) if there else None,
            "trend_4h": self._trend(bars, 4 * HOUR_MS) if there else None,
            "confirmations": self._confirmations(found) if known else None,
        }
        for way in self._ways:
            prefix = "" if len(self._ways) == 1 else "long_" if way.sign > 0 else "short_"
            for word, conditions in (("entry", way.entry.conditions), ("exit", _all_of(way))):
                for number, condition in enumerate(conditions, 1):
                    for operand in (operand_of(condition), condition.of):
                        if operand is not None:
                            numbers |= _numbers(operand_code(operand), found.values(operand), condition, known)
                    numbers[f"{prefix}{word}_{number}"] = float(found.holds(condition)[-1]) if known else None
        return numbers

    def _trend(self, bars: Bars, span_ms: int) -> float | None:
        """Return since the close that was the last one `span_ms` ago; None where bars are longer than that."""
        before = int(np.searchsorted(bars.ts, bars.ts[-1] - span_ms, side="right")) - 1
        if span_ms < self.interval_ms or before < 0 or bars.close[before] <= 0:
            return None
        return _value(bars.close[-1] / bars.close[before] - 1)

    def _confirmations(self, found: Evaluation) -> float:
        """The entry's conditions that hold on the last bar, of the side that would enter."""
        counts = [sum(bool(found.holds(one)[-1]) for one in way.entry.conditions) for way in self._ways]
        entering = [count for count, way in zip(counts, self._ways, strict=True) if found.rules(way.entry)[-1]]
        return float(max(entering or counts))

    def _check(self, panel: Panel) -> None:
        if panel.interval_ms != self.interval_ms:
            raise ValueError(f"made for bars of {self.interval_ms} ms, not {panel.interval_ms} ms")

    def _known(self, bars: Bars) -> Flags:
        """Whether all bars that an answer rests on lie within the reach."""
        known = np.zeros(bars.ts.size, dtype=np.bool_)
        back = self._bars - 1
        if known.size > back:
            known[back:] = bars.ts[back:] - bars.ts[: known.size - back] <= (self._reach - 1) * self.interval_ms
        return known


def _rules(parameters: DeclaredParameters) -> tuple[Rules, Rules]:
    mistakes: list[str] = []
    entry = read_entry(parameters.entry, parameters.side, mistakes)
    out, held = read_exit(parameters.exit, parameters.side, mistakes)
    if held is not None:
        mistakes.append("exit.any: found bars_held, which is time_limit_hours of the book's exits")
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return entry, out


def _ways(side: Side, entry: Rules, out: Rules) -> tuple[_Way, ...]:
    match side:
        case Side.LONG:
            return (_way(1, entry, out),)
        case Side.SHORT:
            return (_way(-1, entry, out),)
    return _way(1, entry, out), _way(-1, mirrored_rules(entry), mirrored_rules(out))


def _way(sign: int, entry: Rules, out: Rules) -> _Way:
    """Any of several exits has a reason of its own; two that read alike are numbered."""
    codes = [condition_code(condition) for condition in out.conditions]
    if len(out.all) > 1:
        return _Way(sign, entry, (("_AND_".join(codes[:2]) + "_AND_MORE" * (len(codes) > 2), out),))
    exits = []
    for number, (code, condition) in enumerate(zip(codes, out.conditions, strict=True)):
        again = codes[:number].count(code)
        exits.append((f"{code}_{again + 1}" if again else code, Rules(any=(condition,))))
    return _Way(sign, entry, tuple(exits))


def _all_of(way: _Way) -> tuple[Condition, ...]:
    return tuple(condition for _, rules in way.exits for condition in rules.conditions)


def _looks_at_days(*rules: Rules) -> bool:
    conditions = [condition for one in rules for condition in one.conditions]
    return any(INDICATORS[x.ind].of_day for c in conditions for x in (c, c.of) if x is not None)


def _rows(bars: int, calendar: Calendar, interval_ms: int) -> int:
    """Rows within which so many bars are to be found, with room for a few that are missing."""
    if calendar is Calendar.ALWAYS:
        return bars + bars // 20 + 4
    sessions = -(-bars // max(1, _NSE_SESSION_MS // interval_ms)) + 1
    days = ceil(sessions * 7 / 5 * 1.08) + 5  # weekends, holidays, the longest of them
    return days * (DAY_MS // interval_ms)


def _first(holds: Flags) -> Flags:
    """Where it holds and did not on the bar before."""
    first = np.zeros_like(holds)
    first[1:] = holds[1:] & ~holds[:-1]
    return first


def _numbers(code: str, values: Floats, condition: Condition, there: bool) -> dict[str, float | None]:
    numbers = {code: _value(values[-1]) if there else None}
    if condition.op in (Operator.CROSSES_ABOVE, Operator.CROSSES_BELOW):
        numbers[f"{code}_before"] = _value(values[-2]) if there else None
    return numbers


def _value(number: np.float64 | float) -> float | None:
    return float(number) if np.isfinite(number) else None
