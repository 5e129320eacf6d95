"""How much capital does a strategy carry before its own orders eat its return?"""

import math
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct, structs

from tradeterm.quant.impact import FITTED_PARTICIPATION
from tradeterm.research.bars import Liquidity
from tradeterm.research.honesty.liquidity import liquidity_of
from tradeterm.research.honesty.summary import Summary, count, percent, summary
from tradeterm.research.result import Result
from tradeterm.research.study import Study, run
from tradeterm.research.workers import MapStudies, map_studies

MULTIPLES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
_NOTHING = math.ulp(0.0)
"""A coefficient that changes no price, and refuses an entry where no volume is known; 0 would let it in."""


class Carried(Struct, frozen=True, kw_only=True):
    """`retained` is the return over the one without impact (None where that is not above 0); `largest` the largest
    entry as a fraction of the daily volume known then. Above 0.1 the law of impact is a guess."""

    multiple: float
    capital: float
    summary: Summary
    retained: float | None
    largest: float | None


class Capacity(Struct, frozen=True, kw_only=True):
    """`free` is the run without impact. `half` is the capital at which half of its return is left, between the points:
    None where that return was not above 0, where more is left at the largest capital or less at the smallest, and where
    volume is unknown. `unknown` are instruments without a volume. `coefficients` are those of the instruments, where
    they differ."""

    coefficient: float
    coefficients: dict[str, float]
    free: Summary
    points: tuple[Carried, ...]
    half: float | None
    unknown: tuple[str, ...]
    sentence: str


def capacity(
    study: Study,
    multiples: Sequence[float] = MULTIPLES,
    *,
    coefficient: float = 1.0,
    spread: MapStudies = map_studies,
) -> Capacity:
    """Run the study with its capital (and its largest order) multiplied, where every order moves the price by
    coefficient·σ·√(size/daily volume); the coefficient is the study's own where its costs have one, that of the
    instrument where they have it.

    Volume and volatility are the study's `liquidity`, else those of the panel's last 20 days before each day; entries
    before they are known are refused in every run, the one without impact too. Raises ValueError unless multiples rise
    from above 0.
    """
    if not multiples or any(not 0 < one < math.inf for one in multiples) or sorted(set(multiples)) != list(multiples):
        raise ValueError(f"multiples: found {tuple(multiples)}, allowed numbers above 0 that rise")
    coefficient = study.costs.impact or coefficient
    liquidity = dict(study.liquidity or liquidity_of(study.panel))
    unknown = tuple(name for name in study.panel.instruments if not _is_known(liquidity.get(name)))
    measured = structs.replace(study, liquidity=liquidity)
    impacts = {name: min(value, _NOTHING) for name, value in study.costs.impacts.items()}
    still = structs.replace(measured, costs=structs.replace(study.costs, impacts=impacts))
    free, _ = carried_by(still, (1.0, min(coefficient, _NOTHING)))
    runs = spread(carried_by, measured, [(multiple, coefficient) for multiple in multiples])
    points = tuple(
        Carried(
            multiple=multiple,
            capital=study.book.capital * multiple,
            summary=found,
            retained=found.total_return / free.total_return if free.total_return > 0 else None,
            largest=largest,
        )
        for multiple, (found, largest) in zip(multiples, runs, strict=True)
    )
    half = _half(points)
    reckoned = structs.replace(study.costs, impact=coefficient)
    return Capacity(
        coefficient=coefficient,
        coefficients={name: reckoned.coefficient(name) or 0.0 for name in study.panel.instruments}
        if study.costs.impacts
        else {},
        free=free,
        points=points,
        half=half,
        unknown=unknown,
        sentence=_sentence(study, free, points, half, unknown),
    )


def carried_by(study: Study, size: tuple[float, float]) -> tuple[Summary, float | None]:
    """The result with the capital multiplied and that coefficient of impact, and the largest share of a day's volume
    that an entry was."""
    multiple, coefficient = size
    limits = structs.replace(study.book.limits, max_order_notional=study.book.limits.max_order_notional * multiple)
    book = structs.replace(study.book, capital=study.book.capital * multiple, limits=limits)
    larger = structs.replace(study, book=book, costs=structs.replace(study.costs, impact=coefficient))
    result = run(larger)
    return summary(larger, result), _largest(study, result)


def _largest(study: Study, result: Result) -> float | None:
    known = study.liquidity or {}
    return max(
        (trade.quantity / known[trade.instrument].at(trade.entry_ts)[0] for trade in result.trades), default=None
    )


def _is_known(liquidity: Liquidity | None) -> bool:
    return liquidity is not None and bool((liquidity.adv > 0).any())


def _half(points: Sequence[Carried]) -> float | None:
    """Where the part retained falls through a half, between two points by the logarithm of the capital."""
    for before, after in pairwise(points):
        if before.retained is None or after.retained is None:
            return None
        if before.retained >= 0.5 > after.retained:
            way = (before.retained - 0.5) / (before.retained - after.retained)
            return math.exp(math.log(before.capital) + way * math.log(after.capital / before.capital))
    return None


def _sentence(
    study: Study, free: Summary, points: Sequence[Carried], half: float | None, unknown: Sequence[str]
) -> str:
    money = f"{study.book.currency}"
    without = f" (no volume is known for {', '.join(unknown)})" if unknown else ""
    if not free.trades:
        return f"There is no trade whose impact could be reckoned{without}."
    if free.total_return <= 0:
        text = f"Since its volumes are known it returns {percent(free.total_return)} without any impact"
        return f"{text}: there is no return to lose{without}."
    if half is not None:
        return f"Half of its {percent(free.total_return)} is gone at a capital of {half:,.0f} {money}{without}."
    last = points[-1]
    if (points[0].retained or 0.0) < 0.5:
        at = f"{points[0].capital:,.0f} {money}"
        return f"At {at} already less than half of its {percent(free.total_return)} is left{without}."
    doubt = (
        f"; orders of up to {last.largest:.0%} of a day's volume make that a guess"
        if last.largest is not None and last.largest > FITTED_PARTICIPATION
        else ""
    )
    return (
        f"At {last.capital:,.0f} {money}, {last.multiple:g} times its capital, {last.retained or 0.0:.0%} of its"
        f" {percent(free.total_return)} in {count(free.trades, 'trade')} is left{doubt}{without}."
    )
