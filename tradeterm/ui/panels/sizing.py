"""How the size of a signal came about: what could be sent, times every factor, down to the lot."""

from collections.abc import Sequence
from datetime import UTC, tzinfo
from decimal import Decimal, InvalidOperation
from enum import IntEnum

import msgspec
from msgspec import Struct

from tradeterm.domain.facts import SignalFact
from tradeterm.ui import fmt
from tradeterm.ui.panels.panel import ChoicePanel, Detail, sentence
from tradeterm.ui.plain import fit, plain
from tradeterm.ui.tables.common import symbol
from tradeterm.ui.widgets.tones import Line, clipped, glyphs_of, text_of

_TIMES = "× "
_RISK, _COST, _WHY, _LOT = "risk per trade", "cost of a fill", "sizing", "lot"
_DIGITS = {_RISK: 2, _COST: 3}  # fractions, not quantities
_NAME, _VALUE = 20, 12


class SizingPanel(ChoicePanel):
    """The newest sized signal, or another one, by its id."""

    def __init__(self, *, tz: tzinfo = UTC, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tz = tz
        self._signals: dict[str, SignalFact] = {}

    def set_signals(self, signals: Sequence[SignalFact]) -> None:
        """Newest first; those that were sized count."""
        self._signals = {signal.id: signal for signal in signals if signal.size is not None}
        self.set_choices(list(self._signals))
        self.repaint()

    def move(self, step: int) -> None:
        super().move(step)
        self.repaint()

    @property
    def signal(self) -> SignalFact | None:
        return self._signals.get(self.chosen)

    def paint(self, width: int, height: int) -> Sequence[Line]:
        signal, glyphs = self.signal, glyphs_of(self)
        if signal is None or signal.size is None:
            text = "Nothing was sized yet: an entry is, once it has passed the rules."
            return sentence(text, width)[:height]
        way = "of " + signal.side.lower() if signal.kind == "EXIT" else signal.side.value
        head: Line = (
            (f"{plain(symbol(signal.instrument))} {way}", "bold"),
            (f"  {fmt.moment(signal.ts, self._tz)}  {plain(signal.book)}", "muted"),
        )
        steps = _spared(size_steps(signal, glyphs.arrow), max(1, height - 2))
        bound = plain(signal.size.binding) or "nothing"
        quantity = fmt.quantity(signal.quantity) if signal.quantity is not None else fmt.DASH
        end: Line = (("= quantity ", "muted"), (quantity, "bold"), ("   bound by ", "muted"), (bound, "warn"))
        lines = [head, *(step.line for step in steps), end]
        return [clipped(line, width, glyphs.ellipsis) for line in lines][:height]

    def detail(self) -> Detail | None:
        signal = self.signal
        if signal is None or signal.size is None:
            return None
        name = f"{plain(symbol(signal.instrument))} {signal.side}"
        lines = [f"{name} · {fmt.moment(signal.ts, self._tz)} · {signal.id}", ""]
        lines += [text_of(step.line) for step in size_steps(signal, ">")]
        lines += ["", f"quantity {fmt.quantity(signal.quantity)}, bound by {plain(signal.size.binding) or 'nothing'}"]
        return Detail("\n".join(lines), msgspec.to_builtins(signal.size))


class Weight(IntEnum):
    """What a step did; the lightest are left out first where there is no room."""

    IDLE = 0
    SLACK = 1
    DECIDED = 2


class Step(Struct, frozen=True):
    line: Line
    weight: Weight = Weight.DECIDED


def _spared(steps: Sequence[Step], room: int) -> list[Step]:
    """As many as there is room for: without factors of 1 first, then without caps that did not bind."""
    kept = list(steps)
    for weight in (Weight.IDLE, Weight.SLACK):
        if len(kept) > room:
            kept = [step for step in kept if step.weight is not weight]
    return kept[:room]


def size_steps(signal: SignalFact, arrow: str) -> list[Step]:
    """One line a step: its name, its value, and what is left of the quantity after it."""
    size = signal.size
    if size is None:
        return []
    left = _could_be(size.factors)
    steps: list[Step] = []
    for name, value in size.factors:
        number = _decimal(value)
        if name == _WHY:
            steps.append(Step((("by ", "muted"), (plain(value), ""))))
        elif name in _DIGITS and number is not None:
            steps.append(Step(_line(name, fmt.percent(number, _DIGITS[name]))))
        elif name.startswith(_TIMES) and number is not None:
            tone = "muted" if number == 1 else "danger" if number == 0 else "warn" if number < 1 else "up"
            left = None if left is None else left * number
            after = f"{arrow} {_short(left)}" if left is not None and number != 1 else ""
            steps.append(
                Step(_line(name, fmt.number(number), tone, after), Weight.IDLE if number == 1 else Weight.DECIDED)
            )
        else:
            binds = name == size.binding
            shown = plain(value) if number is None or name == _LOT else _short(number)
            line = _line(name, shown, "warn" * binds, f"{arrow} binds" * binds)
            steps.append(Step(line, Weight.DECIDED if binds or name == _LOT else Weight.SLACK))
    return steps


def _line(name: str, value: str, tone: str = "", after: str = "") -> Line:
    spans = ((fit(plain(name), _NAME) + " ", tone or "muted"), (value.rjust(_VALUE), tone))
    return (*spans, (f"  {after}", tone)) if after else spans


def _could_be(factors: Sequence[tuple[str, str]]) -> Decimal | None:
    """The smallest of the quantities before the factors; None for steps that are not of that form."""
    amounts: list[Decimal] = []
    for name, value in factors:
        if name.startswith(_TIMES) or name == _LOT:
            break
        if name == _WHY or name in _DIGITS:
            continue
        number = _decimal(value)
        if number is None:
            return None
        amounts.append(number)
    return min(amounts, default=None)


def _decimal(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _short(number: Decimal) -> str:
    """About six digits: the lot says the exact number."""
    return fmt.number(number, max(0, min(8, 5 - number.adjusted()))) if number else "0"
