"""A book's money: equity points, the day's start, peaks, and what is not known."""

from desk_kit import BOOK, BTC, DAY, ETH, FIVE, T0, Rig, bar, book_config, config, d, entry, facts, only, quote

from tradeterm.config import LimitsConfig
from tradeterm.desk.account import book_equity, book_exposure, worst_exposure
from tradeterm.domain.commands import SubmitOrder
from tradeterm.domain.events import Timer
from tradeterm.domain.facts import BookStateFact, EquityPoint, SignalFact
from tradeterm.domain.signals import GateCode

KEY = (BOOK, BTC)


def points(commands: list, book: str = BOOK) -> list[EquityPoint]:
    return [point for point in facts(commands, EquityPoint) if point.book == book]


def test_one_equity_point_a_bar_for_every_book_and_the_desk() -> None:
    rig = Rig(config(a=book_config(), b=book_config(capital=50_000.0)))
    given = rig.feed(bar(100.0, T0), bar(50.0, T0, ETH), Timer(ts=T0), Timer(ts=T0 + 1000))
    assert [(point.ts, point.book, point.equity) for point in facts(given, EquityPoint)] == [
        (T0, "a", d(100_000)),
        (T0, "b", d(50_000)),
        (T0, "", d(150_000)),
    ]


def test_a_bar_time_without_a_timer_is_sampled_when_the_next_begins() -> None:
    rig = Rig()
    rig.bars(100.0, T0)
    given = rig.feed(bar(100.0, T0 + FIVE), bar(101.0, T0 + 2 * FIVE))
    assert [point.ts for point in points(given)] == [T0 + FIVE]


def test_equity_follows_the_mark_and_the_peak_is_kept() -> None:
    rig = Rig()
    rig.open_position()
    up = points(rig.bars(101.0, T0 + FIVE))[0]
    fee = d(100) * 100 * d("0.0005")
    assert (up.equity, up.cash, up.unrealized_pnl) == (d(100_000) - fee + 100, d(100_000) - fee, d(100))
    down = points(rig.bars(99.0, T0 + 2 * FIVE))[0]
    assert rig.desk.state.books[BOOK].peak_equity == up.equity
    assert down.drawdown == ((up.equity - down.equity) / up.equity).quantize(d("1e-8"))
    assert down.day_pnl == down.equity - 100_000
    assert down.exposure == (d(9900) / down.equity).quantize(d("1e-8"))


def test_the_day_begins_at_midnight_with_the_equity_of_that_moment() -> None:
    rig = Rig()
    rig.open_position()
    midnight = (T0 // DAY + 1) * DAY
    rig.feed(bar(102.0, midnight), Timer(ts=midnight))
    book = rig.desk.state.books[BOOK]
    assert book.day == midnight // DAY
    assert book.day_start_equity == book_equity(rig.desk.state, book)
    assert facts(rig.commands, BookStateFact)[-1].day_start_equity == book.day_start_equity


def test_the_daily_loss_and_drawdown_stop_entries() -> None:
    limits = LimitsConfig(daily_loss=0.001, cool_down_minutes=0)
    rig = Rig(config(crypto=book_config(limits=limits)))
    rig.open_position()
    rig.quote(97.0, T0 + 1000)
    rig.bars(97.0, T0 + FIVE, entry(T0 + FIVE, price=97))
    assert facts(rig.commands, SignalFact)[-1].outcome_code == GateCode.DAILY_LOSS_LIMIT
    morning = (T0 // DAY + 1) * DAY + FIVE
    rig.bars(97.0, morning, entry(morning, price=97))
    assert len(only(rig.commands, SubmitOrder)) == 2, "a new day, a new count"


def test_without_a_mark_nothing_is_known_and_nothing_is_sampled() -> None:
    rig = Rig()
    rig.open_position()
    again = Rig(snapshot=rig.desk.snapshot(), ts=T0 + FIVE)
    state = again.desk.state
    assert book_equity(state, state.books[BOOK]) is None
    assert book_exposure(state, BOOK) is None
    assert not points(again.feed(bar(50.0, T0 + FIVE, ETH), Timer(ts=T0 + FIVE)))
    again.feed(bar(50.0, T0 + 2 * FIVE, ETH), entry(T0 + 2 * FIVE, instrument=ETH, price=50))
    assert facts(again.commands, SignalFact)[-1].outcome_code == GateCode.NOT_FINITE
    again.feed(quote(100.0, T0 + 2 * FIVE))
    assert book_equity(state, state.books[BOOK]) is not None


def test_worst_exposure_counts_what_is_on_its_way() -> None:
    rig = Rig()
    rig.venue.cap = d(40)
    rig.bars(100.0, T0, entry())
    rig.quote(100.0, T0)
    assert worst_exposure(rig.desk.state, BOOK) == {BTC: d(10_000)}
