"""What a study takes for granted, in sentences made of its own settings."""

import math

from tradeterm.research.study import Study, settlements

_MOST_NAMED = 5


def assumptions(study: Study) -> tuple[str, ...]:
    """The rules of fills, costs and sizes that decide the result, and what is not simulated."""
    costs = study.costs
    much = "whole" if costs.participation is None else f"up to {_percent(costs.participation)} of that bar's volume"
    late = f" after waiting {study.delay} bar{'' if study.delay == 1 else 's'}" if study.delay else ""
    return (
        f"A signal exists at its bar's close; its entry fills at the next open{late}, {much}.",
        f"Every fill pays {_percent(costs.fee)} of its notional and loses {_percent(costs.slippage)} of its price.",
        _impact(study),
        _latency(costs.latency),
        _funding(study),
        "Where a bar reaches both stop and target, the stop came first; a gap beyond the stop fills at the open.",
        "The trailing stop follows closed bars, as the live desk's does, on the entry's own bar too.",
        "What is open at the end of the data is closed at its last price, with costs.",
        "Sizes follow the desk's own rules, from the run's own equity and closed trades.",
        "The AI gate is not simulated: no entry is vetoed or made smaller by it.",
    )


def _impact(study: Study) -> str:
    costs = study.costs
    names = study.panel.instruments
    if not costs.moved(names):
        return "Orders move no price: market impact is not simulated."
    others = f"{costs.impact:g}" if costs.impact else "none"
    told = f"coefficient {others}"
    own = [name for name in names if name in costs.impacts or name.partition(".")[0] in costs.impacts]
    if own:
        named = [f"{name} {costs.coefficient(name) or 0.0:g}" for name in own]
        some = ", ".join(named[:_MOST_NAMED]) + (f" and {more} more" if (more := len(named) - _MOST_NAMED) > 0 else "")
        told = f"coefficients {some}" + (f", {others} for the others" if len(own) < len(names) else "")
    return (
        f"Orders move the price by the square root of their size, {told}; daily volume and volatility are the data's"
        " own, of the 20 days before, and no entry is made where they are not known yet."
    )


def _latency(latency: tuple[float, float] | None) -> str:
    if latency is None:
        return "Orders that leave at a close fill at the very next open: latency is not simulated."
    least, most = latency
    return (
        f"Orders that leave at a close arrive {least:g} to {most:g} ms after the next open, by chance and the seed, and"
        " meet a price on the way from the open to the bar's worst one: no recorded price is that fine."
    )


def _funding(study: Study) -> str:
    if study.funding_hours is None:
        return "No funding is paid."
    names = study.panel.instruments
    without = [name for name, paid in zip(names, settlements(study), strict=True) if paid is None]
    if len(without) == len(names):
        return "No funding is paid: the data has none."
    text = f"Funding is settled every {study.funding_hours:g} hours at the panel's rate"
    if study.funding is not None:
        text = "Funding is settled at the recorded times and rates"
    if not without:
        return f"{text}."
    named = ", ".join(without[:_MOST_NAMED]) + (f" and {more} more" if (more := len(without) - _MOST_NAMED) > 0 else "")
    return f"{text}; none is known of {named}, so none is paid there."


def _percent(fraction: float) -> str:
    """With as many places as it takes, two figures at least: fees are hundredths of a per cent."""
    if not fraction:
        return "0 %"
    places = min(max(0, 1 - math.floor(math.log10(fraction * 100))), 6)
    text = f"{fraction * 100:.{places}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"
