"""A specification in plain English, made from the specification alone."""

from collections.abc import Sequence

from tradeterm.strategies.declared.catalogue import INDICATORS, Unit, unit_of
from tradeterm.strategies.declared.check import held_hours
from tradeterm.strategies.declared.mirror import mirrored_rules
from tradeterm.strategies.declared.spec import (
    AtrStop,
    Condition,
    MultipleTarget,
    Operand,
    Operator,
    PercentTarget,
    Rules,
    Side,
    Source,
    Spec,
)

_BARS = {"m": "minute", "h": "hour", "d": "day"}
_VERBS = {
    Operator.ABOVE: "is above",
    Operator.AT_LEAST: "is at least",
    Operator.BELOW: "is below",
    Operator.AT_MOST: "is at most",
    Operator.CROSSES_ABOVE: "crosses above",
    Operator.CROSSES_BELOW: "crosses below",
}
_CROSSES = (Operator.CROSSES_ABOVE, Operator.CROSSES_BELOW)


def explain(spec: Spec) -> str:
    """What it does, a paragraph for each of entry, exit and risk, and what it was not told."""
    lines = [_trading(spec), _ending(spec), _risking(spec)]
    for title, texts in (
        ("Understood as", spec.assumptions),
        ("Cannot be applied, for this cannot be expressed", spec.unsupported),
        ("Cannot be applied until this is answered", spec.questions),
    ):
        if texts:
            said = "; ".join(text.rstrip(".") for text in texts)
            lines.append(f"{title}: {said}{'' if said.endswith(('?', '!')) else '.'}")
    return "\n".join(lines)


def condition_words(condition: Condition) -> str:
    """Such as "RSI(14) crosses above 30"."""
    what = operand_words(condition)
    match condition.op:
        case Operator.RISING | Operator.FALLING:
            verb = "risen" if condition.op is Operator.RISING else "fallen"
            over = "on this bar" if condition.bars == 1 else f"on each of the last {condition.bars} bars"
            return f"{what} has {verb} {over}"
        case Operator.BETWEEN:
            low, high = (_number(x, condition) for x in (condition.low, condition.high))
            return f"{what} is between {low} and {high}"
    if condition.of is None:
        return f"{what} {_VERBS[condition.op]} {_number(condition.value, condition)}"
    times = f"{condition.times:g} times " if condition.times != 1 else ""
    return f"{what} {_VERBS[condition.op]} {times}{operand_words(condition.of)}"


def operand_words(operand: Operand) -> str:
    """Such as "EMA(20) of the volume, 3 bars before"."""
    indicator = INDICATORS[operand.ind]
    values = {name: getattr(operand, name) for name in indicator.arguments}
    words = indicator.words.format_map({name: _plain(value) for name, value in values.items()})
    source = indicator.arguments.get("source")
    if source is not None and source.default is Source.CLOSE and operand.source is not Source.CLOSE:
        words += f" of the {operand.source}"
    if not operand.ago:
        return words
    return f"{words} as of {'the bar' if operand.ago == 1 else f'{operand.ago} bars'} before"


def _trading(spec: Spec) -> str:
    symbols = _list(spec.symbols, "and")
    bar = f"a {_bar(spec)} bar"
    if spec.side is Side.BOTH:
        return "\n".join(
            (
                f"Buys {symbols} at the close of {bar} when {_entry(spec.entry)}.",
                f"Sells it short, the other way round, when {_entry(mirrored_rules(spec.entry))}.",
                "On a bar that would do both it does neither.",
            )
        )
    verb = "Buys" if spec.side is Side.LONG else "Sells short"
    return f"{verb} {symbols} at the close of {bar} when {_entry(spec.entry)}."


def _entry(rules: Rules) -> str:
    """A crossing of which all else depends cannot be so on two bars in a row."""
    words = _rules(rules)
    once = any(condition.op in _CROSSES for condition in rules.all) or (
        bool(rules.any) and all(condition.op in _CROSSES for condition in rules.any) and len(rules.any) == 1
    )
    return words if once else f"{words}, if that was not so on the bar before"


def _ending(spec: Spec) -> str:
    out = {Side.LONG: "Sells", Side.SHORT: "Buys back", Side.BOTH: "Closes a long"}[spec.side]
    if spec.side is Side.BOTH and not spec.exit.conditions:
        out = "Closes a position"
    held = f"after {_count(spec.bars_held or 0, 'bar')} ({_hours(held_hours(spec))})" if spec.bars_held else ""
    own = f"when {_rules(spec.exit)}" if spec.exit.conditions else ""
    lines = [f"{out} {' or '.join(filter(None, (own, held)))}."] if own or held else []
    if spec.side is Side.BOTH and own:
        mirrored = f"when {_rules(mirrored_rules(spec.exit))}"
        lines.append(f"Closes a short {' or '.join(filter(None, (mirrored, held)))}.")
    return "\n".join([*lines, _protection(spec)])


def _protection(spec: Spec) -> str:
    stop, target, trail = spec.stop, spec.target, spec.trail
    if isinstance(stop, AtrStop):
        lost = f"a stop that is lost then is put back {stop.fallback_pct:g} % away"
        away = f"{stop.mult:g} ATR({stop.n}) from the entry (no entry while the ATR is not known; {lost})"
    else:
        away = f"{stop.pct:g} % from the entry"
    match target:
        case MultipleTarget(mult=mult):
            reach = f"take-profit {mult:g} times as far as the stop"
        case PercentTarget(pct=pct):
            reach = f"take-profit {pct:g} % from the entry"
        case _:
            reach = "no take-profit"
    follow = ""
    if trail is not None:
        after = f" once {trail.after_pct:g} % are won" if trail.after_pct else ""
        follow = f"; trailing stop {trail.pct:g} % from the best price{after}"
    return f"Stop {away}; {reach}{follow}."


def _risking(spec: Spec) -> str:
    risk = spec.risk
    largest = "the equity" if risk.max_leverage >= 1 else f"{risk.max_leverage:g} times the equity"
    exposure = f"each position at most as large as {largest}"
    if risk.max_positions > 1:
        exposure += f", all at most {risk.max_leverage:g} times the equity"
    return (
        f"Risks at most {risk.risk_pct:g} % of the book's equity a trade; "
        f"at most {_count(risk.max_positions, 'position')} open, {exposure}. "
        f"No entry once a day has lost {risk.daily_loss_pct:g} %."
    )


def _rules(rules: Rules) -> str:
    word = "and" if rules.all else "or"
    return f" {word} ".join(condition_words(condition) for condition in rules.conditions)


def _number(value: float | None, operand: Operand) -> str:
    assert value is not None
    match unit_of(operand):
        case Unit.FRACTION:
            return f"{100 * value:.6g} %"
        case Unit.HOUR:
            return f"{value:g}:00"
    return _plain(value)


def _plain(value: float | int | Source) -> str:
    if isinstance(value, float) and abs(value) >= 1e6:
        return f"{value:.0f}"
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)


def _bar(spec: Spec) -> str:
    return f"{spec.timeframe[:-1]}-{_BARS[spec.timeframe[-1]]}"


def _hours(hours: float) -> str:
    if hours < 1:
        return _count(round(hours * 60), "minute")
    return "1 hour" if hours == 1 else f"{hours:g} hours"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _list(names: Sequence[str], word: str) -> str:
    return f" {word} ".join(filter(None, (", ".join(names[:-1]), names[-1])))
