"""What a portfolio may lose by how its instruments move together.

The covariance of daily returns is a model's; where an instrument is not in it (or it is older than three refreshes,
which come with a bar) its own volatility stands in, moving one for one with all the rest: |σ(a+b)| is never above
σ(a) + σ(b). Where that is not known either there is no VaR. Numbers are summed exactly (`math.fsum`), so that they are
the same on every machine.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from operator import itemgetter, mul

from msgspec import Struct

from tradeterm.desk.portfolio import Leg
from tradeterm.desk.state import DeskState
from tradeterm.domain.instrument import ZERO, Calendar
from tradeterm.domain.market import DAY_MS, MINUTE_MS

Z_95, Z_99 = 1.6448536269514722, 2.3263478740408408
TAIL_99 = 2.665214220345808
"""Mean of a standard normal loss beyond its 99 % quantile, φ(z)/(1−0.99)."""

REFRESHES = 3
VOLATILITY_AGE_MS = 4 * DAY_MS
"""How long an instrument's own volatility holds: over a long weekend."""

_DAYS_A_YEAR = {Calendar.ALWAYS: 365, Calendar.NSE: 252}


class Comovement(Struct, frozen=True, kw_only=True):
    """`place` is the row of each instrument in `covariance` (daily simple returns); `alone` is the daily volatility of
    instruments that are not in it. `groups` are the instruments that move together, by the name of the group."""

    place: Mapping[str, int]
    covariance: Sequence[Sequence[float]]
    alone: Mapping[str, float]
    groups: Mapping[str, tuple[str, ...]]

    def counted_with(self, instrument: str, held: Mapping[str, Decimal]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The instruments that may move with this one, and those of them in no covariance; `held` is notional.

        What is in no covariance may move with anything. So whatever is held of it counts with the largest group, and
        that one with it; other groups are left alone.
        """
        own = next((members for members in self.groups.values() if instrument in members), (instrument,))
        unknown = tuple(
            name
            for name in chain.from_iterable(self.groups.values())
            if name not in self.place and (held.get(name) or name == instrument)
        )
        if not unknown:
            return own, ()

        def size(members: Iterable[str]) -> Decimal:
            return sum((held.get(name, ZERO) for name in members), ZERO)

        largest = max((members for members in self.groups.values() if members[0] in self.place), key=size, default=())
        if instrument not in self.place:
            return (*largest, *unknown), unknown
        return ((*own, *unknown), unknown) if size(own) == size(largest) else (own, ())


def comovement(state: DeskState) -> Comovement:
    """What the desk knows now. Instruments in no covariance form one group with all others of their currency and kind:
    they may all move together."""
    event = state.covariance
    bar_ms = min((book.interval_ms for book in state.books.values()), default=0)
    every = max(int(state.config.risk.refresh_minutes * MINUTE_MS), bar_ms)
    oldest = state.ts - REFRESHES * every - bar_ms
    place: dict[str, int] = {}
    if event is not None and event.ts >= oldest:
        place = {name: n for n, name in enumerate(event.instruments) if event.covariance[n][n] > 0}
    groups: dict[str, list[str]] = {}
    for name, contract in state.instruments.items():
        if event is not None and name in place:
            key = f"group {event.groups[place[name]] + 1}"
        else:
            key = f"unknown {contract.quote_currency} {contract.kind.lower()}"
        groups.setdefault(key, []).append(name)
    return Comovement(
        place=place,
        covariance=event.covariance if event is not None else (),
        alone=_alone(state, place),
        groups={name: tuple(members) for name, members in groups.items()},
    )


def deviation(legs: Iterable[Leg], moves: Comovement) -> float | None:
    """The most the daily standard deviation of the legs' value may be, whichever entry orders fill; None where the
    volatility of one is not known (see `without_volatility`).

    With the positions x and entry orders e: Var(x + Σe) ≤ x'Cx + 2 Σ max(0, e'Cx) + ΣΣ max(0, e'Ce'), which is exact
    while no entry order offsets anything.
    """
    held: dict[str, float] = {}
    waiting: dict[tuple[str, int], float] = {}
    apart = []
    for leg in legs:
        value = float(leg.notional) * leg.sign
        if leg.instrument not in moves.place:
            if leg.instrument not in moves.alone:
                return None
            apart.append((leg, value))
        elif leg.entry:
            waiting[leg.instrument, leg.sign] = waiting.get((leg.instrument, leg.sign), 0.0) + value
        else:
            held[leg.instrument] = held.get(leg.instrument, 0.0) + value
    values, entries = list(held.values()), list(waiting.values())
    places = [moves.place[name] for name in held]
    entry_places = [moves.place[name] for name, _ in waiting]
    terms = [x * _dot(moves, row, places, values) for row, x in zip(places, values, strict=True)]
    for row, e in zip(entry_places, entries, strict=True):
        terms.append(2 * max(0.0, e * _dot(moves, row, places, values)))
        terms += [
            max(0.0, e * moves.covariance[row][n] * other) for n, other in zip(entry_places, entries, strict=True)
        ]
    together = math.sqrt(max(0.0, math.fsum(terms)))
    return together + math.fsum(_apart(apart, moves))


def heat(legs: Iterable[Leg], moves: Comovement) -> float:
    """What is lost if every stop is hit, in money: √(r'Pr) with the losses r and the correlation P of the legs'
    directions, floored at 0. What is in no covariance counts as correlated with everything."""
    places, signed, apart = [], [], []
    for leg in legs:
        loss = float(leg.loss)
        if leg.instrument not in moves.place:
            apart.append(loss)
        else:
            row = moves.place[leg.instrument]
            places.append(row)
            signed.append(leg.sign * loss / math.sqrt(moves.covariance[row][row]))
    terms = []
    for n, (row, own) in enumerate(zip(places, signed, strict=True)):
        products = map(mul, _pick(moves.covariance[row], places[n:]), signed[n:])  # each pair once, itself first
        with_rest = math.fsum([product for product in products if product * own > 0])
        terms.append(own * (2 * with_rest - moves.covariance[row][row] * own))
    return math.sqrt(max(0.0, math.fsum(terms))) + math.fsum(apart)


def without_volatility(legs: Iterable[Leg], moves: Comovement) -> tuple[str, ...]:
    """Instruments nothing is known of."""
    return tuple(
        sorted(
            {leg.instrument for leg in legs if leg.instrument not in moves.place and leg.instrument not in moves.alone}
        )
    )


def _alone(state: DeskState, place: Mapping[str, int]) -> dict[str, float]:
    found = {}
    for name, model in state.models.items():
        contract, yearly = state.instruments.get(name), model.volatility
        if contract is None or name in place or yearly is None or state.ts - model.ts > VOLATILITY_AGE_MS:
            continue
        if 0 < yearly < math.inf:
            found[name] = yearly / math.sqrt(_DAYS_A_YEAR[contract.calendar])
    return found


def _apart(legs: list[tuple[Leg, float]], moves: Comovement) -> list[float]:
    """Deviations of legs that are in no covariance: positions of an instrument net, entry orders never offsetting."""
    net: dict[str, float] = {}
    waiting = []
    for leg, value in legs:
        if leg.entry:
            waiting.append(abs(value) * moves.alone[leg.instrument])
        else:
            net[leg.instrument] = net.get(leg.instrument, 0.0) + value
    return [abs(value) * moves.alone[name] for name, value in net.items()] + waiting


def _dot(moves: Comovement, row: int, places: list[int], values: list[float]) -> float:
    return math.fsum(map(mul, _pick(moves.covariance[row], places), values))


def _pick(row: Sequence[float], places: list[int]) -> Sequence[float]:
    if len(places) == 1:
        return (row[places[0]],)
    return itemgetter(*places)(row) if places else ()
