"""One money for the desk: what books of different currencies are worth in `risk.currency`.

A rate comes from a feed or from the configuration, whichever held last; one older than `risk.rate_max_age_days` is
unknown. USD, USDT and USDC are different currencies, as their prices are. Nothing is converted at a guess: a book whose
rate is unknown is left out of the desk's totals, which is said, and may open nothing (RATE_STALE).
"""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from tradeterm.config import RiskConfig
from tradeterm.desk.state import Book, DeskState, Rate
from tradeterm.domain.market import DAY_MS

_ONE = Decimal(1)
_EPOCH = date(1970, 1, 1)


def newest_rate(state: DeskState, currency: str) -> Rate | None:
    """The last rate known of a currency, however old. A configured one held from the start of `rates_day`."""
    heard, configured = state.rates.get(currency), _configured(state.config.risk, currency)
    if heard is None or configured is None:
        return heard or configured
    return configured if configured.ts > heard.ts else heard


def rate_of(state: DeskState, currency: str) -> Decimal | None:
    """What one unit of `currency` is worth in the desk's; None where that is not known, or known too long."""
    if currency == state.config.risk.currency:
        return _ONE
    rate = newest_rate(state, currency)
    most = state.config.risk.rate_max_age_days * DAY_MS
    return None if rate is None or state.ts - rate.ts > most else rate.value


def rate_trouble(state: DeskState, currency: str) -> str:
    """Why `rate_of` knows no rate, in one clause; "" where it does."""
    if rate_of(state, currency) is not None:
        return ""
    desk, rate = state.config.risk.currency, newest_rate(state, currency)
    if rate is None:
        return f"no rate of {currency} in {desk}"
    days = (state.ts - rate.ts) / DAY_MS
    return f"the rate of {currency} in {desk} is {days:.1f} days old, allowed {state.config.risk.rate_max_age_days:g}"


def desk_books(state: DeskState) -> list[tuple[Book, Decimal]]:
    """The books that can be added up, each with its rate."""
    found = ((book, rate_of(state, book.config.currency)) for book in state.books.values())
    return [(book, rate) for book, rate in found if rate is not None]


def foreign_currencies(books: Iterable[Book], desk: str) -> list[str]:
    """The currencies that need a rate."""
    return sorted({book.config.currency for book in books} - {desk})


def _configured(config: RiskConfig, currency: str) -> Rate | None:
    value = config.rates.get(currency)
    if value is None or not config.rates_day:
        return None
    return Rate(Decimal(str(value)), (date.fromisoformat(config.rates_day) - _EPOCH).days * DAY_MS)
