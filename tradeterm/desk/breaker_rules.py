"""What the circuit breaker measures: rules that read the desk as it stands and name every cause present, with numbers.

Nothing here remembers anything, so a restart cannot lose a cause the ledger knows: refused orders and slippage are read
from the orders themselves, an unprotected position from the position. Latencies and lost connections are measured anew.

| rule              | ALERT                       | THROTTLE             | HALT                  | SHUTDOWN |
| ----------------- | --------------------------- | -------------------- | --------------------- | -------- |
| price             |                             |                      | money is not a number |          |
| disagreement      |                             |                      | venue and ledger      |          |
| unprotected       | no stop for 10 s            | 30 s                 | 60 s                  |          |
| daily loss        |                             |                      | of the desk           | twice it |
| drawdown          |                             |                      | of the desk           | twice it |
| refused           | orders refused or lost      | ...                  | ...                   | ...      |
| slippage          | mean of the window's orders | ..., two lost it     | ..., three lost it    |          |
| latency (venue)   | nine in ten answer within   | ...                  | ...                   |          |
| no answer (venue) | to a request for 10 s       | 30 s                 |                       |          |
| connection        | lost 3 times in the window  | 6 times              |                       |          |
| stale (book)      | no fresh data at all        | a window longer      |                       |          |
| held (instrument) | no closed bar of a position | a window longer      |                       |          |
| health (book)     | turned SEVERE in the window | turned CRITICAL      |                       |          |

Steps without a number here are `config.breaker`'s. A number that is not known is no cause: tier 1 denies on it.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from msgspec import Struct

from tradeterm.config import RefusedSteps
from tradeterm.desk.account import book_equity, desk_totals
from tradeterm.desk.currency import rate_of
from tradeterm.desk.desk_money import Share, Totals, totals
from tradeterm.desk.protection import ALERT_AFTER_MS, FLATTEN_AFTER_MS
from tradeterm.desk.rounding import RATIO_STEP, rounded
from tradeterm.desk.sessions import is_open
from tradeterm.desk.state import Book, DeskState
from tradeterm.desk.unknown import missing_for
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.orders import RATE_LIMITED, Order, OrderIntent, OrderStatus, OrderType
from tradeterm.domain.states import BookState, BreakerLevel, HealthLevel

LEVELS = tuple(BreakerLevel)
LEAST_LATENCIES = 10
KEEP_LATENCIES = 600
_THROTTLE_UNPROTECTED_MS = 30_000
_NO_ANSWER = ((30_000, BreakerLevel.THROTTLE), (10_000, BreakerLevel.ALERT))
_SECOND, _MINUTE = 1000, 60_000
_LOSSES = ((6, BreakerLevel.THROTTLE), (3, BreakerLevel.ALERT))
_TRIGGERED = (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)
_ATTACHED = (OrderIntent.PROTECTIVE_STOP, OrderIntent.TAKE_PROFIT)


class Cause(Struct, frozen=True):
    """A rule that is broken now: the level it demands, in words and numbers. One that is not `overridable` breaks a law
    of the house: no operator's word lets the desk trade on."""

    rule: str
    level: BreakerLevel
    text: str
    numbers: dict[str, str]
    overridable: bool = True


def rank(level: BreakerLevel) -> int:
    """Levels in order: 0 is CLOSED."""
    return LEVELS.index(level)


def window_ms(state: DeskState) -> int:
    return int(state.config.breaker.window_minutes * _MINUTE)


def measure(state: DeskState, ts: int) -> list[Cause]:
    """Every cause present, the worst first; of equal ones in the order of the rules."""
    found = [cause for rule in RULES for cause in rule(state, ts)]
    return sorted(found, key=lambda cause: -rank(cause.level))


def was_refused(order: Order) -> bool:
    """Whether the venue refused the order, or it never got there: entry, exit or stop. Not what our own limits held
    back. Attached protection that is refused was never sent, so it is DENIED."""
    ended = order.status is OrderStatus.REJECTED or (order.status is OrderStatus.DENIED and order.intent in _ATTACHED)
    return ended and not order.reason.startswith(RATE_LIMITED)


def slippage(order: Order) -> Decimal | None:
    """What the order's average fill lost to the price it should have had, a fraction of that, positive when it cost us:
    a buy that paid more, a sell that got less. None for a limit order, without a fill, or without that price.

    That price is the one known when a market order left, and the trigger of a stop or target.
    """
    expected = order.reference_price if order.type is OrderType.MARKET else None
    if order.type in _TRIGGERED:
        expected = order.trigger_price
    if expected is None or order.average_price is None or expected <= 0:
        return None
    return share(order.average_price - expected, expected) * order.side.sign + 0


def share(part: Decimal, whole: Decimal) -> Decimal:
    """part / whole to 8 decimal places; `whole` is above 0."""
    return rounded(part / whole, RATIO_STEP) + 0  # never -0


def percent(value: Decimal) -> str:
    return f"{100 * value:.2f} %"


def _price(state: DeskState, ts: int) -> Iterator[Cause]:
    bad = {name for _, name in state.positions if (mark := state.marks.get(name)) is not None and mark.decimal is None}
    if bad:
        names = ", ".join(sorted(bad))
        text = f"the equity is not a number: {names} is held and has a price that is not a positive number"
        yield Cause("price", BreakerLevel.HALT, text, {"instruments": names}, overridable=False)
    broken = ", ".join(name for name, book in state.books.items() if not book.cash.is_finite())
    if broken:
        text = f"the cash of {broken} is not a number"
        yield Cause("cash", BreakerLevel.HALT, text, {"books": broken}, overridable=False)


def _disagreement(state: DeskState, ts: int) -> Iterator[Cause]:
    for (venue, account), finding in sorted(state.disagreeing.items()):
        text = f"{venue} {account} disagrees with the ledger: {finding}"
        numbers = {"venue": venue, "account": account}
        yield Cause(f"disagreement {venue} {account}", BreakerLevel.HALT, text, numbers, overridable=False)


def _unprotected(state: DeskState, ts: int) -> Iterator[Cause]:
    exposed = [(since, key) for key, p in state.positions.items() if (since := p.ts_unprotected) is not None]
    if not exposed:
        return
    since, (book, instrument) = min(exposed)
    age = ts - since
    steps = (
        (FLATTEN_AFTER_MS, BreakerLevel.HALT),
        (_THROTTLE_UNPROTECTED_MS, BreakerLevel.THROTTLE),
        (ALERT_AFTER_MS, BreakerLevel.ALERT),
    )
    level = next((level for limit, level in steps if age > limit), None)
    if level is not None:
        text = f"{instrument} of {book} has had no stop at the venue for more than {_limit_s(steps, level)} s"
        numbers = {"book": book, "instrument": instrument, "age_ms": str(age)}
        yield Cause("unprotected", level, text, numbers, overridable=False)


def _limit_s(steps: tuple[tuple[int, BreakerLevel], ...], level: BreakerLevel) -> int:
    return next(limit for limit, name in steps if name is level) // _SECOND


def _losses(state: DeskState, ts: int) -> Iterator[Cause]:
    """Daily loss and drawdown of the desk, in its currency. Books in a currency without a rate are looked at by
    themselves: a fraction needs none. Where the equity of a book is not known, what the others lost still counts."""
    apart = [book for book in state.books.values() if rate_of(state, book.config.currency) is None]
    if len(apart) < len(state.books):
        yield from _losses_of(state, desk_totals(state), "the desk")
    for currency in sorted({book.config.currency for book in apart}):
        same = [book for book in apart if book.config.currency == currency]
        whole = totals([Share(book, Decimal(1), book_equity(state, book)) for book in same])
        yield from _losses_of(state, whole, f"the {currency} books")


def _losses_of(state: DeskState, whole: Totals, whose: str) -> Iterator[Cause]:
    limits = state.config.breaker
    least = f" at least, as the equity of {', '.join(whole.unknown)} is not known" if whole.unknown else ""
    if whole.start is not None and whole.lost is not None:
        yield from _loss("daily loss", whose, whole.lost, whole.start, limits.daily_loss, least)
    yield from _loss("drawdown", whose, whole.fallen, whole.peak, limits.drawdown, least)


def _loss(rule: str, whose: str, lost: Decimal, of: Decimal, limit: float, least: str) -> Iterator[Cause]:
    name = rule if whose == "the desk" else f"{rule} of {whose}"
    if of <= 0:
        yield Cause(name, BreakerLevel.HALT, f"the equity of {whose} is not positive", {"equity": str(of - lost)})
        return
    fraction, most = share(lost, of), Decimal(str(limit))
    if fraction >= most:
        how = f"lost {percent(fraction)} today" if rule == "daily loss" else f"{percent(fraction)} below the peak"
        text = f"{whose}: {how}{least}, limit {percent(most)}"
        level = BreakerLevel.SHUTDOWN if fraction >= 2 * most else BreakerLevel.HALT  # an override covers no more loss
        yield Cause(name, level, text, {"loss": str(fraction), "limit": str(most)})


def counted_at(order: Order) -> int | None:
    """When the order was refused or last filled at a price that can be judged; None where neither happened."""
    if was_refused(order):
        return order.ts_updated
    return order.ts_filled if slippage(order) is not None else None


def _recent(state: DeskState, ts: int) -> list[Order]:
    window = window_ms(state)
    orders = [state.orders[name] for name in state.recent_orders if name in state.orders]
    return [order for order in orders if (at := counted_at(order)) is not None and ts - at < window]


def _refused(state: DeskState, ts: int) -> Iterator[Cause]:
    refused = [order for order in _recent(state, ts) if was_refused(order)]
    level = _refused_level(len(refused), state.config.breaker.refused_orders)
    if level is not None:
        last = max(refused, key=lambda order: (order.ts_updated, order.client_order_id))
        text = f"{len(refused)} orders refused or lost within {state.config.breaker.window_minutes:g} minutes"
        yield Cause("refused", level, text, {"refused": str(len(refused)), "last": last.client_order_id})


def _refused_level(count: int, steps: RefusedSteps) -> BreakerLevel | None:
    ladder = (
        (steps.shutdown, BreakerLevel.SHUTDOWN),
        (steps.halt, BreakerLevel.HALT),
        (steps.throttle, BreakerLevel.THROTTLE),
        (steps.alert, BreakerLevel.ALERT),
    )
    return next((level for least, level in ladder if count >= least), None)


def _slippage(state: DeskState, ts: int) -> Iterator[Cause]:
    """An order that filled better than expected counts 0: what one gained never pays for what another lost. For
    THROTTLE at least two orders must have lost that much, for HALT three: a single stop in a gap is no broken venue."""
    found = [lost for order in _recent(state, ts) if (lost := slippage(order)) is not None]
    if not found:
        return
    mean = share(sum((max(lost, ZERO) for lost in found), ZERO), Decimal(len(found)))
    steps = state.config.breaker.slippage
    ladder = (
        (steps.halt, 3, BreakerLevel.HALT),
        (steps.throttle, 2, BreakerLevel.THROTTLE),
        (steps.alert, 1, BreakerLevel.ALERT),
    )
    for step, least, level in ladder:
        limit = Decimal(str(step))
        if mean >= limit and sum(lost >= limit for lost in found) >= least:
            text = f"mean slippage of {len(found)} orders is {percent(mean)}, limit {percent(limit)}"
            numbers = {"slippage": str(mean), "limit": str(limit), "orders": str(len(found))}
            yield Cause("slippage", level, text, numbers)
            return


def _latency(state: DeskState, ts: int) -> Iterator[Cause]:
    """By the time within which nine of ten measurements of the window answered, so one slow answer says nothing."""
    steps = state.config.breaker.latency_seconds
    ladder = (
        (steps.halt, BreakerLevel.HALT),
        (steps.throttle, BreakerLevel.THROTTLE),
        (steps.alert, BreakerLevel.ALERT),
    )
    for venue, measured in sorted(state.latencies.items()):
        recent = sorted(latency for at, latency in measured if ts - at < window_ms(state))
        if len(recent) < LEAST_LATENCIES:
            continue
        slow = recent[-(-9 * len(recent) // 10) - 1] / _SECOND
        reached = next(((limit, level) for limit, level in ladder if slow >= limit), None)
        if reached is not None:
            limit, level = reached
            text = f"{venue} takes {slow:.2f} s to answer, limit {limit:g} s"
            numbers = {"seconds": f"{slow:.3f}", "limit": f"{limit:g}", "measurements": str(len(recent))}
            yield Cause(f"latency {venue}", level, text, numbers)


def _no_answer(state: DeskState, ts: int) -> Iterator[Cause]:
    """A venue that answers nothing has no latency to measure. A request that was missed is looked up within half a
    second and again and again, so one that stays open is not one lost answer: nothing is answered. It ends with the
    answer, like a lost connection, so it asks for no person: no HALT."""
    longest: dict[str, tuple[int, Order]] = {}
    for order in state.working_orders():
        missing = missing_for(order, ts)
        if missing is not None and missing > longest.get(order.venue, (0, order))[0]:
            longest[order.venue] = (missing, order)
    for venue, (missing, order) in sorted(longest.items()):
        reached = next(((limit, level) for limit, level in _NO_ANSWER if missing > limit), None)
        if reached is not None:
            limit, level = reached
            text = f"{venue} has left {order.client_order_id} without an answer for more than {limit // _SECOND} s"
            numbers = {"venue": venue, "order": order.client_order_id, "missing_ms": str(missing)}
            yield Cause(f"no answer {venue}", level, text, numbers)


def _connection(state: DeskState, ts: int) -> Iterator[Cause]:
    count = sum(ts - at < window_ms(state) for at in state.venue_losses)
    level = next((level for least, level in _LOSSES if count >= least), None)
    if level is not None:
        text = f"a venue was lost {count} times within {state.config.breaker.window_minutes:g} minutes"
        yield Cause("connection", level, text, {"lost": str(count)})


def _stale(state: DeskState, ts: int) -> Iterator[Cause]:
    for name, book in state.books.items():
        age = None if book.state is not BookState.RUNNING else _age(state, book, ts, _patience(book))
        if age is not None:
            yield from _old(state, book, age, f"stale {name}", f"no instrument of {name} has had data")


def _held(state: DeskState, ts: int) -> Iterator[Cause]:
    """A position is closed by its bars, so it is its own that count, in every state of its book."""
    for owner, name in sorted(state.positions):
        book, instrument = state.books.get(owner), state.instruments.get(name)
        if book is None or instrument is None:
            continue
        if is_open(instrument.calendar, ts) and is_open(instrument.calendar, ts - _patience(book)):
            mark = state.marks.get(name)
            seen = state.started if mark is None else mark.bars.get(book.interval_ms, state.started)
            text = f"{name} is held by {owner} and has had no closed bar"
            yield from _old(state, book, ts - seen, f"held {owner} {name}", text)


def _patience(book: Book) -> int:
    """The age (ms) from which data is stale."""
    return book.interval_ms + int(book.config.limits.stale_after_seconds * _SECOND)


def _old(state: DeskState, book: Book, age: int, rule: str, what: str) -> Iterator[Cause]:
    limit = _patience(book)
    if age > limit:
        longer = age > limit + window_ms(state)
        level = BreakerLevel.THROTTLE if longer else BreakerLevel.ALERT
        most = limit + window_ms(state) if longer else limit
        text = f"{what} for more than {most // _SECOND} s"
        yield Cause(rule, level, text, {"age_ms": str(age), "limit_ms": str(limit)})


def _age(state: DeskState, book: Book, ts: int, limit: int) -> int | None:
    """Of the newest data of the book's instruments whose market is open, and was before that data could grow stale.
    None where there is none: before the first price nothing has stopped."""
    newest = None
    for name in book.config.instruments:
        instrument, mark = state.instruments.get(name), state.marks.get(name)
        if instrument is None or mark is None:
            continue
        if not is_open(instrument.calendar, ts) or not is_open(instrument.calendar, ts - limit):
            continue
        newest = mark.ts if newest is None else max(newest, mark.ts)
    return None if newest is None else ts - newest


def _health(state: DeskState, ts: int) -> Iterator[Cause]:
    levels = {HealthLevel.SEVERE: BreakerLevel.ALERT, HealthLevel.CRITICAL: BreakerLevel.THROTTLE}
    for name, health in sorted(state.health.items()):
        if health.level in levels and ts - health.ts < window_ms(state):
            text = f"the strategy of {name} is {health.level}: {'; '.join(health.causes[:1])}"
            yield Cause(f"health {name}", levels[health.level], text, {"book": name, "health": health.level})


RULES: tuple[Callable[[DeskState, int], Iterator[Cause]], ...] = (
    _price,
    _disagreement,
    _unprotected,
    _losses,
    _refused,
    _slippage,
    _latency,
    _no_answer,
    _connection,
    _stale,
    _held,
    _health,
)
