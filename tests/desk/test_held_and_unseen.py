"""A position whose data stops: the breaker says so, whatever other instruments or the book's state say."""

from breaker_kit import MINUTE, L, V, answer, ask, level
from desk_kit import BTC, DAY, ETH, FIVE, T0, Rig, bar, facts

from tradeterm.domain.events import Timer
from tradeterm.domain.facts import AlertFact
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.states import BookState

LIMIT = FIVE + 30_000
NO_BAR = "BTCUSDT.BINANCE is held by crypto and has had no closed bar for more than 330 s"


def alerts(rig: Rig) -> list[str]:
    return [fact.code for fact in facts(rig.commands, AlertFact) if fact.code.startswith("BREAKER")]


def test_a_held_instrument_that_stops_is_told_though_another_one_goes_on() -> None:
    rig = Rig()
    rig.open_position()
    for number in range(1, 4):
        rig.bars(200.0, T0 + number * FIVE, id=ETH)
        assert level(rig) is (L.CLOSED if number < 2 else L.ALERT), number
    assert rig.desk.state.breaker_reason == NO_BAR
    assert alerts(rig) == ["BREAKER_ALERT"]
    rig.bars(200.0, T0 + 4 * FIVE, id=ETH)
    assert level(rig) is L.THROTTLE


def test_quotes_are_no_bars_to_what_is_held() -> None:
    rig = Rig()
    rig.open_position()
    for number in range(1, 4):
        rig.quote(100.0 + number / 100, T0 + number * FIVE)
    assert (level(rig), rig.desk.state.breaker_reason) == (L.ALERT, NO_BAR)
    unheld = Rig()
    unheld.bars(100.0, T0)
    for number in range(1, 4):
        unheld.quote(100.0 + number, T0 + number * FIVE)
    assert level(unheld) is L.CLOSED


def test_a_stopped_book_that_holds_something_is_looked_at_too() -> None:
    rig = Rig()
    rig.open_position()
    answer(rig, ask(V.STOP, T0 + 10))
    assert rig.desk.state.books["crypto"].state is BookState.STOPPED
    rig.feed(Timer(ts=T0 + LIMIT))
    assert level(rig) is L.CLOSED
    rig.feed(Timer(ts=T0 + LIMIT + 1))
    assert (level(rig), rig.desk.state.breaker_reason) == (L.ALERT, NO_BAR)


def test_after_a_restart_a_feed_that_never_delivers_is_counted_from_there() -> None:
    rig = Rig()
    rig.open_position()
    started = T0 + DAY
    again = Rig(snapshot=rig.desk.snapshot(), ts=started)
    again.feed(Timer(ts=started + LIMIT))
    assert level(again) is L.CLOSED
    again.feed(Timer(ts=started + LIMIT + 1))
    assert (level(again), again.desk.state.breaker_reason) == (L.ALERT, NO_BAR)
    again.feed(Timer(ts=started + LIMIT + 10 * MINUTE + 1))
    assert level(again) is L.THROTTLE
    back = started + LIMIT + 11 * MINUTE
    for number in range(7):
        again.feed(bar(100.0, back + number * FIVE), Timer(ts=back + number * FIVE))
    assert level(again) is L.CLOSED


def test_a_held_instrument_of_a_closed_market_is_not_stale() -> None:
    rig = Rig()
    rig.open_position()
    for contract in rig.desk.state.instruments.values():
        rig.desk.state.instruments[contract.id] = type(contract)(
            **{name: getattr(contract, name) for name in contract.__struct_fields__} | {"calendar": Calendar.NSE}
        )
    rig.feed(Timer(ts=T0 + 60 * MINUTE))
    assert level(rig) is L.CLOSED
    assert BTC in {name for _, name in rig.desk.positions}
