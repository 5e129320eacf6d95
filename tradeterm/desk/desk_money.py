"""The desk's money, all books together in its currency: its own peak, and what its day began with.

Neither is the sum of the books' own, which had their peaks on different days. Both are kept in the desk's currency, so
that what a currency loses is a loss. They are those of all books of the configuration: while the rate of one is
unknown, and before the first Timer, the books' peaks and day starts stand in, added up at the present rates.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import NamedTuple

import msgspec

from tradeterm.desk.currency import rate_of
from tradeterm.desk.rounding import plain
from tradeterm.desk.state import Book, DeskState
from tradeterm.desk.turn import Turn
from tradeterm.domain.instrument import ZERO
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.snapshot import DeskMoney


class Share(NamedTuple):
    """A book that can be added up; its rate, and its equity in its own money (None: not known)."""

    book: Book
    rate: Decimal
    equity: Decimal | None


class Totals(NamedTuple):
    """Money of some books, added up. `fallen` is how far below the `peak` it is, `lost` how far below the `start` of
    the UTC day (negative for a gain; both None before that is known). A book of `unknown` equity counts as if it had
    lost nothing, so that they are the least it can be."""

    peak: Decimal
    fallen: Decimal
    start: Decimal | None
    lost: Decimal | None
    unknown: tuple[str, ...]


def totals(shares: Sequence[Share], own: DeskMoney | None = None) -> Totals:
    """Of these books; `own` is the desk's where they are all of it."""
    equity = peak = since_start = ZERO
    start: Decimal | None = ZERO
    unknown = []
    for book, rate, known in shares:
        began = book.day_start_equity
        if known is None:
            unknown.append(book.name)
            began = book.peak_equity if began is None else began
        equity += (book.peak_equity if known is None else known) * rate
        peak += max(book.peak_equity, known or ZERO) * rate
        since_start += ((began or ZERO) if known is None else known) * rate
        start = None if start is None or began is None else start + began * rate
    if own is not None:
        peak = max(own.peak_equity, equity)
        if own.day_start_equity is not None and own.day == max(share.book.day for share in shares):
            start = own.day_start_equity
    return Totals(peak, peak - equity, start, None if start is None else start - since_start, tuple(unknown))


def own_money(state: DeskState) -> DeskMoney | None:
    """What is kept of the desk, where it is of the books there are now and the rates of all are known."""
    own = state.money
    if own is None or own.currency != state.config.risk.currency or own.books != tuple(state.books):
        return None
    return own if _all_rated(state) else None


def begin(turn: Turn, shares: Sequence[Share]) -> None:
    """Keep what the desk's day began with, once that is known of all books."""
    state, today = turn.state, turn.ts // DAY_MS
    if not shares or not _all_rated(state):
        return
    own, fresh = own_money(state), totals(shares)
    if own is not None and own.day == today and own.day_start_equity is not None:
        return
    peak = fresh.peak if own is None else own.peak_equity
    start = None if fresh.unknown or fresh.start is None else plain(fresh.start)
    _keep(turn, plain(peak), today, start)


def see(turn: Turn, equity: Decimal) -> None:
    """Move the desk's peak to an equity of all its books that is above it."""
    own = own_money(turn.state)
    if own is not None and equity > own.peak_equity:
        _keep(turn, plain(equity), own.day, own.day_start_equity)


def accept(turn: Turn, shares: Iterable[Share]) -> None:
    """Count the desk's drawdown from its present equity on, where that is known."""
    own, equities = own_money(turn.state), [(share.rate, share.equity) for share in shares]
    equity = sum((known * rate for rate, known in equities if known is not None), ZERO)
    if own is not None and equity > 0 and all(known is not None for _, known in equities):
        _keep(turn, plain(equity), own.day, own.day_start_equity)


def _all_rated(state: DeskState) -> bool:
    return all(rate_of(state, book.config.currency) is not None for book in state.books.values())


def _keep(turn: Turn, peak: Decimal, day: int, start: Decimal | None) -> None:
    state, before = turn.state, turn.state.money
    money = DeskMoney(
        ts=turn.ts,
        currency=state.config.risk.currency,
        books=tuple(state.books),
        peak_equity=peak,
        day=day,
        day_start_equity=start,
    )
    if before is None or msgspec.structs.replace(before, ts=turn.ts) != money:
        state.money = money
        turn.record(money)
