"""Exits that need no price do not wait for a bar that does not come."""

from typing import Any

import pytest
from desk_kit import BOOK, BTC, DAY, ETH, FIVE, T0, Rig, bar, book_config, config, entry, facts, instrument, quote

from tradeterm.config import Config, ExitsConfig
from tradeterm.domain.events import DeskRestored, Timer, VenueStatus
from tradeterm.domain.facts import AlertFact, Trade
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import VenueState

KEY = (BOOK, BTC)
LATE = 30_000
"""`stale_after_seconds`, in ms."""
HOUR = 3_600_000
MONDAY = 20_185 * DAY
"""00:00 UTC of a Monday; NSE is open from 03:45 to 10:00."""


def exits(**changes: Any) -> Config:
    off: dict[str, Any] = {"target": None, "trail": None, "time_limit_hours": None, "session_end": False}
    return config(crypto=book_config(exits=ExitsConfig(**{**off, **changes})))


def reason(rig: Rig) -> str:
    position = rig.desk.positions.get(KEY)
    return "closed" if position is None else position.exit_reason


def test_the_time_limit_ends_a_position_whose_bars_have_stopped() -> None:
    rig = Rig(exits(time_limit_hours=1.0))
    rig.open_position()
    due = T0 + HOUR
    for step in range(1, 13):  # the other instrument goes on: the book is not without data
        rig.bars(200.0, T0 + step * FIVE, id=ETH)
    rig.feed(Timer(ts=due + LATE - 1))
    assert reason(rig) == "", "its bar may still come"
    rig.feed(Timer(ts=due + LATE))
    assert reason(rig) == "TIME_LIMIT"
    (alert,) = [fact for fact in facts(rig.commands, AlertFact) if fact.code == "BAR_MISSING"]
    assert alert.text == "BTCUSDT is closed (TIME_LIMIT) without its bar, which is 30 s late"
    rig.quote(100.0, due + LATE + 1000)
    assert facts(rig.commands, Trade)[-1].exit_reason == "TIME_LIMIT"


def test_quotes_are_no_bars() -> None:
    rig = Rig(exits(time_limit_hours=1.0))
    rig.open_position()
    for step in range(1, 14):
        rig.feed(quote(100.0, T0 + step * FIVE), Timer(ts=T0 + step * FIVE))
    assert reason(rig) == "TIME_LIMIT"


def test_a_bar_that_comes_in_time_is_what_ends_it() -> None:
    rig = Rig(exits(time_limit_hours=1.0))
    rig.open_position()
    for second in range(1, 3601):
        ts = T0 + second * 1000
        rig.feed(*([bar(100.0, ts)] if ts % FIVE == 0 else []), Timer(ts=ts))
        assert reason(rig) == ("TIME_LIMIT" if second == 3600 else ""), second
    assert not [fact for fact in facts(rig.commands, AlertFact) if fact.code == "BAR_MISSING"]


def test_a_limit_that_passes_between_two_bars_waits_for_the_next_one() -> None:
    rig = Rig(exits(time_limit_hours=0.26))  # 15.6 minutes
    rig.open_position()
    rig.feed(Timer(ts=T0 + 4 * FIVE + LATE - 1))
    assert reason(rig) == ""
    rig.feed(Timer(ts=T0 + 4 * FIVE + LATE))
    assert reason(rig) == "TIME_LIMIT"


def test_the_session_end_without_its_bar() -> None:
    rig = Rig(exits(session_end=True))
    rig.open_position()
    midnight = (T0 // DAY + 1) * DAY
    rig.feed(Timer(ts=midnight + LATE - 1))
    assert reason(rig) == ""
    rig.feed(Timer(ts=midnight + LATE))
    assert reason(rig) == "SESSION_END"


@pytest.mark.parametrize("state", ["STOPPED", "PAUSED"])
def test_the_state_of_the_book_changes_nothing(state: str) -> None:
    rig = Rig(exits(time_limit_hours=1.0))
    rig.open_position()
    rig.desk.state.books[BOOK].state = type(rig.desk.state.books[BOOK].state)(state)
    rig.feed(Timer(ts=T0 + HOUR + LATE))
    assert reason(rig) == "TIME_LIMIT"


def test_after_a_restart_without_data_it_goes_once_the_venue_is_ready() -> None:
    rig = Rig(exits(time_limit_hours=1.0))
    rig.open_position()
    ts = T0 + 2 * HOUR
    rig.feed(DeskRestored(ts=ts, instruments=(instrument(), instrument(ETH)), snapshot=rig.desk.snapshot()))
    rig.feed(Timer(ts=ts))
    assert reason(rig) == "TIME_LIMIT"
    assert f"{rig.desk.positions[KEY].trade_id}x1" not in rig.venue.orders
    rig.feed(VenueStatus(ts=ts + 1, venue="paper", state=VenueState.READY), Timer(ts=ts + 2))
    assert f"{rig.desk.positions[KEY].trade_id}x1" in rig.venue.orders


def indian(**changes: Any) -> Rig:
    """A position in a contract that trades at NSE, opened on a Monday at 09:45 UTC, a quarter of an hour before the
    end."""
    rig = Rig(exits(**changes), DeskSnapshot(), ts=MONDAY + 9 * HOUR)
    contract = instrument(calendar=Calendar.NSE)
    rig.desk.state.instruments[BTC] = contract
    opened = MONDAY + 9 * HOUR + 45 * 60_000
    rig.bars(100.0, opened, entry(opened))
    rig.quote(100.0, opened)
    assert KEY in rig.desk.positions
    return rig


def test_nothing_is_sent_while_the_market_is_closed_nor_into_a_session_of_silence() -> None:
    rig = indian(time_limit_hours=1.0)
    tuesday = MONDAY + DAY
    for ts in (MONDAY + 11 * HOUR, tuesday, tuesday + 4 * HOUR, tuesday + 9 * HOUR):
        rig.feed(Timer(ts=ts))
        assert reason(rig) == "", "closed, or a holiday for all that is known"
    rig.feed(quote(100.0, tuesday + 9 * HOUR), Timer(ts=tuesday + 9 * HOUR))
    assert reason(rig) == "TIME_LIMIT"


def test_the_last_bar_of_a_session_is_not_waited_for_until_the_market_is_shut() -> None:
    rig = indian(session_end=True)
    last = MONDAY + 9 * HOUR + 55 * 60_000
    rig.feed(Timer(ts=last + LATE - 1))
    assert reason(rig) == ""
    rig.feed(Timer(ts=last + LATE))
    assert reason(rig) == "SESSION_END"


def test_the_alert_is_told_once() -> None:
    rig = Rig(exits(time_limit_hours=1.0))
    rig.open_position()
    rig.venue.lost = {f"{rig.desk.positions[KEY].trade_id}x1"}
    for second in range(60):
        rig.feed(Timer(ts=T0 + HOUR + LATE + second * 1000))
    assert len([fact for fact in facts(rig.commands, AlertFact) if fact.code == "BAR_MISSING"]) == 1
