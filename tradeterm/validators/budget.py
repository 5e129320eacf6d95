"""What tier 2 may spend in a UTC day. The worst case is reserved before a call, what it really took is booked after."""

from collections.abc import Callable
from decimal import Decimal

from msgspec import Struct, structs

_DAY_MS = 86_400_000


class Spent(Struct, frozen=True):
    """Of one UTC day (days since 1970). `usd` counts only calls whose price is known."""

    day: int = 0
    usd: Decimal = Decimal(0)
    calls: int = 0
    tokens: int = 0


class Limits(Struct, frozen=True):
    usd: Decimal
    calls: int
    tokens: int


def dollars(usd: Decimal) -> str:
    """An amount to read; under a dollar with the digits it has, and two that count however small it is."""
    if usd >= 1 or not usd:
        return f"${usd:,.2f}"
    text = f"{usd:.{max(4, 1 - usd.adjusted())}f}".rstrip("0")
    return f"${text}" + "0" * (4 - len(text))


class Reservation(Struct, frozen=True):
    day: int
    usd: Decimal
    tokens: int


class Budget:
    """`now` is the wall clock in ms; `spent` is what was spent before a restart."""

    def __init__(self, limits: Limits, now: Callable[[], int], spent: Spent | None = None) -> None:
        self._limits = limits
        self._now = now
        self._spent = spent or Spent()
        self._reserved_usd = Decimal(0)
        self._reserved_tokens = 0
        self._refused: Decimal | None = None

    @property
    def refused_usd(self) -> Decimal | None:
        """The worst case, USD, of the last call that what is left did not cover; None where it was not the money."""
        return self._refused

    @property
    def spent(self) -> Spent:
        today = self._now() // _DAY_MS
        if self._spent.day != today:
            self._spent = Spent(day=today)
        return self._spent

    def reserve(self, usd: Decimal | None, tokens: int) -> Reservation | None:
        """Room for one more call of that worst case, None if there is none. A price of None counts as nothing."""
        spent, cost = self.spent, usd or Decimal(0)
        dear = spent.usd + self._reserved_usd + cost > self._limits.usd
        self._refused = cost if dear else None
        if (
            dear
            or spent.calls >= self._limits.calls
            or spent.tokens + self._reserved_tokens + tokens > self._limits.tokens
        ):
            return None
        self._reserved_usd += cost
        self._reserved_tokens += tokens
        self._spent = structs.replace(spent, calls=spent.calls + 1)
        return Reservation(spent.day, cost, tokens)

    def settle(self, reservation: Reservation, usd: Decimal | None, tokens: int | None) -> None:
        """Give the reservation back and book what the call took; None books what was reserved."""
        self._reserved_usd -= reservation.usd
        self._reserved_tokens -= reservation.tokens
        spent = self.spent
        if spent.day == reservation.day:
            self._spent = structs.replace(
                spent,
                usd=spent.usd + (reservation.usd if usd is None else usd),
                tokens=spent.tokens + (reservation.tokens if tokens is None else tokens),
            )
