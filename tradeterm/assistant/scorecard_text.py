"""A scorecard of tier 2 in plain text. What is not known is said to be not known."""

from decimal import Decimal

from tradeterm.assistant.scorecard import LEAST_OUTCOMES, Calibration, Judge, Scorecard, Silence, Value
from tradeterm.assistant.text import count, money

_SURE = 0.05


def sentence(judge: Judge, currency: str) -> str:
    """What the record of a judge comes to, in one sentence."""
    if not judge.judged:
        silent = judge.outages.count + judge.abstained.count
        return f"{judge.label} has judged nothing: it gave no answer to {count(silent, 'signal')}."
    value = judge.value
    if value is None:
        return f"Whether {judge.label} helps cannot be said yet: {not_enough(judge.resolved)}."
    who = f"{judge.label} would have" if judge.watched else judge.label
    if not judge.two_by_two.losses_avoided and not judge.two_by_two.winners_missed and not value.added:
        return f"{who} let all {value.outcomes} signals through whole, so it changed nothing."
    between = interval(value.low, value.high)
    within = f"95 % {between}" if between else "no interval"
    amount = f"{money(value.added, currency, signed=True)} over {value.outcomes} outcomes ({within})"
    sure = f"{amount}{_after_cost(judge, currency)}"
    if value.low is None or value.high is None or value.low <= 0 <= value.high:
        return f"{judge.label} {'might' if judge.watched else 'may'} have helped or harmed: {sure}."
    if value.high < 0:
        return f"{who} cost money: {sure}."
    if value.luck is not None and value.luck > _SURE:
        return f"{who} saved money, but as many vetoes at random do as well in {of_deals(value.luck)}: {sure}."
    return f"{who} added money, more than as many vetoes at random would: {sure}."


def not_enough(outcomes: int) -> str:
    return f"not enough data ({outcomes} of {LEAST_OUTCOMES})"


def interval(low: Decimal | None, high: Decimal | None) -> str:
    """ "-4.00 to +28.00"; empty where there is none."""
    if low is None or high is None:
        return ""
    return f"{money(low, signed=True)} to {money(high, signed=True)}"


def probability(judge: Judge) -> str:
    """Why there are no figures on a judge's probabilities."""
    if judge.calibration is not None:
        return ""
    return not_enough(judge.confident) if judge.confident else "none is given"


def codes(silence: Silence) -> str:
    """ "TIMEOUT 3, BUDGET 1"."""
    return ", ".join(f"{code} {times}" for code, times in silence.codes)


def of_deals(luck: float) -> str:
    """How often deals of the same factors at random do as well."""
    return f"{luck:.0%} of deals" if luck >= 0.01 else "less than 1 % of deals"


def scorecard_lines(card: Scorecard) -> list[str]:
    """The scorecard of one currency, a judge at a time, its sentence last."""
    if not card.judges:
        return [card.sentence]
    lines = []
    for judge in card.judges:
        lines += _judge(judge, card.currency)
    if card.unjudged:
        lines.append(f"{count(card.unjudged, 'more signal')} without a verdict that says anything of tier 2.")
    if card.capped:
        lines.append(f"Only the newest {card.shadows} signals are counted.")
    return lines


def _judge(judge: Judge, currency: str) -> list[str]:
    waiting = f", {judge.open} still open" if judge.open else ""
    waiting += f", {judge.unknown} never known" if judge.unknown else ""
    models = f" ({', '.join(judge.models)})" if judge.models and judge.models != ("rules",) else ""
    lines = [
        f"{judge.label}{models}: {count(judge.judged, 'signal')} judged, {judge.approved} approved, "
        f"{judge.reduced} reduced, {judge.rejected} rejected; {judge.resolved} with an outcome{waiting}"
    ]
    if judge.judged:
        table = judge.two_by_two
        lines += [
            *_value(judge, judge.value, currency),
            f"  losses avoided {table.losses_avoided}{_money(table.money_avoided)}, "
            f"winners missed {table.winners_missed}{_money(table.money_missed)}; "
            f"losses taken {table.losses_taken}, winners taken {table.winners_taken}",
            *_calibration(judge.calibration, probability(judge)),
        ]
    lines += [*_silence("abstained from", judge.abstained, currency)]
    lines += [*_silence("blocked without an answer (outages, no judgement):", judge.outages, currency)]
    lines += [*_rest(judge, currency), judge.sentence]
    return lines


def _value(judge: Judge, value: Value | None, currency: str) -> list[str]:
    if value is None:
        return [f"  value added: {not_enough(judge.resolved)}"]
    between = interval(value.low, value.high)
    drawn = f", 95 % {between}, {value.resampled} drawn anew" if between else ""
    lines = [
        f"  value added {money(value.added, currency, signed=True)}{drawn}: "
        f"{money(value.gated, signed=True)} with it, {money(value.ungated, signed=True)} without"
    ]
    if value.luck is not None:
        lines.append(f"  as many vetoes at random do as well in {of_deals(value.luck)}")
    return lines


def _calibration(found: Calibration | None, lack: str) -> list[str]:
    if found is None:
        return [f"  probability of a win: {lack}"]
    skill = "no value" if found.skill is None else f"{found.skill:+.2f}"
    lines = [
        f"  probability of a win: Brier {found.brier:.3f}, log loss {found.log_loss:.3f}, skill {skill}, "
        f"ECE {found.expected_error:.3f}; {found.base_rate:.0%} won"
    ]
    lines += [
        f"    said {each.said:.2f}, won {each.won:.2f} ({each.won_low:.2f} to {each.won_high:.2f}), "
        f"{count(each.count, 'signal')}"
        for each in found.bins
    ]
    if found.mapped_brier is not None:
        lines.append(f"  mapped by what came before: Brier {found.mapped_brier:.3f} over {found.mapped} outcomes")
    return lines


def _silence(what: str, silence: Silence, currency: str) -> list[str]:
    if not silence.count:
        return []
    earned = "" if silence.forgone is None else f", would have earned {money(silence.forgone, currency, signed=True)}"
    return [f"  {what} {count(silence.count, 'signal')}: {codes(silence)}{earned}"]


def _rest(judge: Judge, currency: str) -> list[str]:
    lines = []
    if judge.cost.requests:
        unpriced = f", {judge.cost.unpriced} of unknown price" if judge.cost.unpriced else ""
        lines.append(
            f"  {count(judge.cost.requests, 'request')} for {money(judge.cost.cost, judge.cost.currency)}{unpriced}"
        )
    base = judge.baseline
    if base.value is not None and base.same is not None:
        lines.append(
            f"  the cheap gate (veto the top fifth of volatility) adds {money(base.value.added, currency, signed=True)}"
            f" on {base.known} of these signals, {judge.whose.value} {money(base.same, signed=True)}"
        )
    if judge.flip_rate is not None:
        lines.append(f"  asked again, it decided otherwise in {judge.flip_rate:.0%} of {judge.reasked}")
    return lines


def _after_cost(judge: Judge, currency: str) -> str:
    if not judge.cost.cost:
        return ""
    if judge.cost.net is not None:
        return f", {money(judge.cost.net, currency, signed=True)} after its requests"
    return f", less {money(judge.cost.cost, judge.cost.currency)} for its requests"


def _money(amount: Decimal | None) -> str:
    return "" if amount is None else f" ({money(amount)})"
