"""The first sentences of a report: what the result says, and no more than that."""

from collections.abc import Mapping

from tradeterm.research.figure import Unit
from tradeterm.research.metrics import Figure, value_text
from tradeterm.research.result import LEAST_TRADES, Result

SURE = 0.95
"""The probability from which a Sharpe ratio counts as more than luck."""


def verdict(result: Result, found: Mapping[str, Figure]) -> str:
    """What the strategy earned, whether that can be told from luck, and what holding the instruments earned."""
    return " ".join(part for part in (_earned(result, found), _benchmark(found)) if part)


def _earned(result: Result, found: Mapping[str, Figure]) -> str:
    count, change = len(result.trades), found["total_return"].value
    if not count:
        refused = sum(result.ignored.values())
        return "No trade was made" + (f"; {refused:,} signals were refused." if refused else ".")
    if change is None or (result.equity.value <= 0).any():
        return "The account was lost: equity fell to 0."
    said = _made_or_lost(change)
    if result.metrics.insufficient:
        return f"Too few trades to judge: {count} of at least {LEAST_TRADES}. The strategy {said}."
    if (found["net"].value or 0.0) <= 0:
        return _loss(said, found)
    deflated = found["deflated_sharpe"]
    luck = deflated if deflated.value is not None else found["probabilistic_sharpe"]
    if luck.value is None:
        return f"The strategy {said}; there are too few days to tell that from luck."
    sure = value_text(luck.value, Unit.FRACTION)
    tried = " after counting the variants tried" if luck is deflated else ""
    if luck.value < SURE:
        return (
            f"The strategy {said}, but that may be luck: the chance that its true Sharpe is above 0 is {sure}{tried}."
        )
    return f"The strategy {said}, and hardly by luck: the chance that its true Sharpe is above 0 is {sure}{tried}."


def _loss(said: str, found: Mapping[str, Figure]) -> str:
    gross, net = found["gross"].value or 0.0, found["net"].value or 0.0
    if gross <= 0:
        return f"The strategy {said}, and lost before costs too: there is no sign of an edge."
    costs = value_text(gross - net, Unit.MONEY)
    return (
        f"The strategy {said}: it made {value_text(gross, Unit.MONEY)} before costs, and costs of {costs} took it all."
    )


def _benchmark(found: Mapping[str, Figure]) -> str:
    held = found["total_return"].buy_and_hold
    return "" if held is None else f"Buying and holding {_made_or_lost(held)}."


def _made_or_lost(change: float) -> str:
    if value_text(change, Unit.FRACTION) == value_text(0.0, Unit.FRACTION):
        return "ended where it began"
    return f"{'made' if change > 0 else 'lost'} {value_text(abs(change), Unit.FRACTION)}"
