"""Marks: what was last seen of every instrument. A price that is no positive number is never used, and told."""

import math

from tradeterm.desk import account, breaker, participation, protection
from tradeterm.desk.sessions import session_of
from tradeterm.desk.state import Mark
from tradeterm.desk.turn import Turn
from tradeterm.domain.events import FundingUpdate, QuoteUpdate
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import Bar
from tradeterm.domain.states import AlertLevel, BreakerLevel


def on_bar(turn: Turn, bar: Bar) -> bool:
    """Take a closed bar's price over; whether the bar can be used for decisions."""
    state = turn.state
    if bar.ts_event > state.bar_ts:
        account.sample(turn)  # the bar time before, should no Timer have come in between
        state.bar_ts = bar.ts_event
    sane = math.isfinite(bar.open) and math.isfinite(bar.high) and math.isfinite(bar.low)
    mark = _see(turn, bar.instrument, bar.close if sane else math.nan, bar.ts_event)
    if mark is None:
        return False
    if bar.ts_event > mark.bars.get(bar.interval_ms, -1):
        mark.bars[bar.interval_ms] = bar.ts_event
        participation.remember(mark, bar.interval_ms, bar.ts_event, bar.volume)
    _session(turn, mark, bar.instrument, bar.ts_open, bar.open)
    return True


def on_quote(turn: Turn, event: QuoteUpdate) -> None:
    quote = event.quote
    mark = _see(turn, quote.instrument, quote.last, quote.ts_event)
    if mark is not None:
        _session(turn, mark, quote.instrument, quote.ts_event, quote.last)


def on_funding(turn: Turn, event: FundingUpdate) -> None:
    mark = turn.state.marks.get(event.funding.instrument)
    if mark is not None and math.isfinite(event.funding.rate):
        mark.funding_rate = event.funding.rate


def _see(turn: Turn, instrument: str, price: float, ts: int) -> Mark | None:
    """Move the mark unless a newer one is known; None for a price that is not usable."""
    state = turn.state
    usable = math.isfinite(price) and price > 0
    mark = state.marks.get(instrument)
    if mark is None:
        mark = state.marks[instrument] = Mark(price if usable else math.nan, ts)
    elif ts >= mark.ts:
        mark.price, mark.ts = (price if usable else math.nan), ts
    if not usable:
        _bad_price(turn, instrument)
        return None
    if state.alerted:
        turn.forget(f"price:{instrument}")
    if state.positions and (exact := mark.decimal) is not None:
        protection.watch_price(turn, instrument, exact)
    return mark


def _bad_price(turn: Turn, instrument: str) -> None:
    text = f"{instrument} has a price that is not a positive number"
    turn.alert_once(f"price:{instrument}", AlertLevel.ERROR, "BAD_PRICE", text, ("", instrument))
    held = [book for book, name in sorted(turn.state.positions) if name == instrument]
    if held:
        cause = f"the equity of {', '.join(held)} is not a number: {text}"
        breaker.rise(turn, BreakerLevel.HALT, cause, {"instrument": instrument})


def _session(turn: Turn, mark: Mark, instrument: str, ts: int, price: float) -> None:
    """Keep the session's first price; unknown for a session that was joined in the middle."""
    contract = turn.state.instruments.get(instrument)
    calendar = contract.calendar if contract else Calendar.ALWAYS
    session = session_of(calendar, ts)
    if session > mark.session:
        first_seen = mark.session < 0
        joined_late = first_seen and session_of(calendar, ts - 1) == session
        mark.session, mark.session_open = session, None if joined_late else price
