"""What a drawdown does to a book and to the desk, and what an operator's word about it does."""

from decimal import Decimal

import msgspec
import pytest
from breaker_kit import L, V, answer, ask, level, loose
from desk_kit import BOOK, BTC, DAY, ETH, FIVE, T0, Rig, book_config, d, entry, facts

from tradeterm.config import BookConfig, Config, LimitsConfig, SizingConfig
from tradeterm.desk.earned import reckon
from tradeterm.desk.factors import drawdown_factor
from tradeterm.domain.events import RateUpdate, Timer
from tradeterm.domain.facts import BreakerFact, EquityPoint, SignalFact
from tradeterm.domain.signals import GateCode
from tradeterm.domain.snapshot import BookSnapshot, DeskSnapshot, TradeResult
from tradeterm.domain.states import BookState, CommandStatus

REFUSED, DONE = CommandStatus.REFUSED, CommandStatus.DONE
LOOSE = LimitsConfig(cool_down_minutes=0, stale_after_seconds=86_400.0)


def result(number: int, ts: int, pnl: object) -> TradeResult:
    return TradeResult(
        trade_id=f"t{number}", ts_closed=ts, pnl=d(pnl), return_pct=d(0), r_multiple=d(0), strategy="eos"
    )


def money(book: str, cash: object, peak: object, start: object | None = None) -> BookSnapshot:
    """A book of `cash` that has been at `peak` and began the day with `start`."""
    begun = d(cash if start is None else start)
    return BookSnapshot(
        book=book, state=BookState.RUNNING, cash=d(cash), peak_equity=d(peak), day=T0 // DAY, day_start_equity=begun
    )


def two(**changes: object) -> Config:
    def book() -> BookConfig:
        return book_config(limits=LOOSE, **changes)

    return Config(books={"a": book(), "b": book()})


def enter(rig: Rig, ts: int, book: str = BOOK, **changes: object) -> SignalFact:
    given = rig.bars(100.0, ts, entry(ts, book=book, id=f"{book}{ts}", **changes))
    return facts(given, SignalFact)[-1]


def fallen() -> Rig:
    """One book, 10 % below its peak by a trade that closed yesterday, at HALT."""
    results = (result(1, T0 - 3 * DAY, 1000), result(2, T0 - DAY, -10_100))
    snapshot = DeskSnapshot(results={BOOK: results}, books=(money(BOOK, 90_900, 101_000),))
    rig = Rig(loose(), snapshot)
    rig.feed(Timer(ts=T0 - FIVE + 1))
    assert level(rig) is L.HALT
    return rig


def test_after_a_recover_sizes_return_from_half_to_whole_over_ten_trades() -> None:
    rig = fallen()
    assert answer(rig, ask(V.RECOVER, T0 - FIVE + 2, "the cause is understood"))[0] is DONE
    sizes = []
    for number in range(12):
        ts = T0 + 2 * number * FIVE
        rig.bars(100.0, ts, entry(ts, id=f"n{number}"))
        rig.quote(100.0, ts)
        position = rig.desk.positions[(BOOK, BTC)]
        sizes.append(position.quantity)
        rig.quote(103.5, ts + 1000)
        rig.quote(103.5, ts + 2000)
        assert not rig.desk.positions
    assert sizes == sorted(sizes)
    share = [size / sizes[-1] for size in sizes]
    assert share[0] == pytest.approx(Decimal("0.5"), abs=Decimal("0.03"))
    assert share[5] == pytest.approx(Decimal("0.75"), abs=Decimal("0.03"))
    assert share[10] > Decimal("0.99")


def test_a_restart_knows_that_a_drawdown_was_accepted() -> None:
    rig = fallen()
    answer(rig, ask(V.RECOVER, T0 - FIVE + 2, "the cause is understood"))
    again = Rig(loose(), rig.desk.snapshot())
    assert again.desk.state.books[BOOK].drawdown_from == T0 - FIVE + 2
    assert enter(again, T0).quantity == enter(rig, T0).quantity > 0


def test_what_was_lost_before_a_recover_and_closes_later_is_not_held_against_it() -> None:
    lost = (result(1, T0 - DAY, 0), result(2, T0 + 1, -9000), *(result(n, T0 + n, 10) for n in range(3, 13)))
    earned = reckon(SizingConfig(), lost, T0 + 20, T0)
    assert drawdown_factor(d(0), d("0.08"), d(91_100), earned, d(91_100)).value > d("0.99")
    assert drawdown_factor(d(0), d("0.08"), d(91_100), earned, d(101_000)).value < 1


def test_a_new_drawdown_after_a_recover_shrinks_the_size_again() -> None:
    earned = reckon(SizingConfig(), (result(1, T0 + 1, -4000),), T0 + 2, T0)
    factor = drawdown_factor(d("0.04"), d("0.08"), d(96_000), earned, d(100_000))
    assert factor.value == d("0.5")
    deeper = reckon(SizingConfig(), (result(1, T0 + 1, -8000),), T0 + 2, T0)
    assert drawdown_factor(d("0.08"), d("0.08"), d(92_000), deeper, d(100_000)).value == 0


def test_a_person_accepts_the_drawdown_of_one_book_by_its_name() -> None:
    rig = Rig(two(), DeskSnapshot(books=(money("a", 91_000, 100_000), money("b", 100_000, 100_000))))
    rig.feed(Timer(ts=T0 - FIVE + 1))
    assert level(rig) is L.CLOSED, "4.5 % of the desk"
    assert enter(rig, T0, "a").outcome_code == GateCode.DRAWDOWN_LIMIT
    status, text = answer(rig, ask(V.RECOVER, T0 + 1, "one bad print"))
    assert (status, text.endswith("RECOVER a with a reason accepts that")) == (REFUSED, True)
    assert answer(rig, ask(V.RECOVER, T0 + 1, "", book="a")) == (REFUSED, "RECOVER needs a reason")
    assert answer(rig, ask(V.RECOVER, T0 + 1, "one bad print", book="b")) == (REFUSED, "b is not below its peak")
    status, text = answer(rig, ask(V.RECOVER, T0 + 1, "one bad print", book="a"))
    assert (status, text) == (DONE, "the drawdown of a, 9.00 %, is accepted and counted from here")
    found = enter(rig, T0 + FIVE, "a")
    assert (found.outcome_code, found.quantity > 0) == ("", True)
    assert rig.desk.state.books["b"].drawdown_from == 0


def test_a_books_drawdown_cannot_be_accepted_before_it_is_known() -> None:
    rig = Rig()
    rig.open_position()
    again = Rig(snapshot=rig.desk.snapshot(), ts=T0 + 1000)
    status, text = answer(again, ask(V.RECOVER, T0 + 2000, "well", book=BOOK))
    assert (status, text) == (REFUSED, "the equity of crypto is not known: no price of BTCUSDT.BINANCE yet")


def test_a_books_word_does_not_open_the_breaker() -> None:
    rig = fallen()
    status, text = answer(rig, ask(V.RECOVER, T0, "understood", book=BOOK))
    assert (status, level(rig)) == (DONE, L.HALT)
    assert text.endswith("; the breaker is HALT: RECOVER without a book ends that")


def test_an_override_says_which_limits_of_books_still_deny() -> None:
    rig = Rig(loose(), DeskSnapshot(books=(money(BOOK, 91_500, 100_000, 91_500),)))
    rig.feed(Timer(ts=T0 - FIVE + 1))
    assert level(rig) is L.HALT
    status, text = answer(rig, ask(V.OVERRIDE, T0 - FIVE + 2, "I know"))
    assert status is DONE
    still = (
        "; crypto opens nothing: 8.50 % below its peak, its own limit 8.00 %, RECOVER crypto with a reason accepts that"
    )
    assert text.endswith(still)
    assert enter(rig, T0).outcome_code == GateCode.DRAWDOWN_LIMIT
    daily = Rig(loose(), DeskSnapshot(books=(money(BOOK, 94_500, 100_000, 100_000),)))
    daily.feed(Timer(ts=T0 - FIVE + 1))
    status, text = answer(daily, ask(V.OVERRIDE, T0 - FIVE + 2, "I know"))
    assert (status, text.endswith("; crypto opens nothing: lost 5.50 % today, its own limit 5.00 %")) == (DONE, True)


def test_at_shutdown_no_answer_offers_an_override() -> None:
    rig = Rig(loose(), DeskSnapshot(books=(money(BOOK, 80_000, 100_000, 100_000),)))
    rig.feed(Timer(ts=T0 - FIVE + 1))
    assert level(rig) is L.SHUTDOWN
    status, text = answer(rig, ask(V.RECOVER, T0 - FIVE + 2, "I know"))
    assert (status, "OVERRIDE" in text) == (REFUSED, False)
    assert text.startswith("the cause lasts: the desk: lost 20.00 % today")


def total(rig: Rig, **cash: object) -> None:
    """Set the books' cash; the next bar samples it."""
    for name, value in cash.items():
        rig.desk.state.books[name].cash = d(value)
    rig.bars(100.0, rig.ts + FIVE)


def test_books_with_their_peaks_on_different_days_are_no_drawdown_of_the_desk() -> None:
    rig = Rig(two())
    rig.bars(100.0, T0)
    for a, b in ((104_000, 100_000), (100_000, 104_000), (104_000, 100_000)):
        total(rig, a=a, b=b)
        point = facts(rig.commands, EquityPoint)[-1]
        assert (point.book, point.equity, point.drawdown) == ("", d(204_000), d(0))
    again = Rig(two(), rig.desk.snapshot(), rig.ts + 1)
    assert again.desk.state.money == rig.desk.state.money
    total(again, a=100_000)
    assert facts(again.commands, EquityPoint)[-1].drawdown == d("0.01960784")


def test_what_a_currency_loses_is_a_loss_of_the_desk() -> None:
    books = {"crypto": book_config(limits=LOOSE), "inr": book_config(limits=LOOSE, currency="INR", capital=8_300_000.0)}
    rig = Rig(Config(books=books))
    rig.feed(RateUpdate(ts=T0, currency="INR", rate=d("0.012"), ts_rate=T0), Timer(ts=T0))
    rig.feed(RateUpdate(ts=T0 + 1, currency="INR", rate=d("0.006"), ts_rate=T0 + 1), Timer(ts=T0 + 2))
    assert level(rig) is L.SHUTDOWN
    assert rig.desk.state.breaker_reason == "the desk: lost 24.95 % today, limit 5.00 %"
    again = Rig(rig.config, msgspec.structs.replace(rig.desk.snapshot(), breaker=L.CLOSED), T0 + 3)
    assert level(again) is L.CLOSED, "no rate since the restart: each currency by itself"
    again.feed(RateUpdate(ts=T0 + 4, currency="INR", rate=d("0.006"), ts_rate=T0 + 4), Timer(ts=T0 + 5))
    assert level(again) is L.SHUTDOWN


def test_another_set_of_books_begins_a_desk_peak_of_its_own() -> None:
    rig = Rig(two())
    rig.bars(100.0, T0)
    total(rig, a=104_000, b=100_000)
    one = Config(books={"a": book_config(limits=LOOSE)})
    again = Rig(one, rig.desk.snapshot(), rig.ts + 1)
    total(again, a=104_000)
    known = again.desk.state.money
    assert known is not None
    assert (level(again), known.books, known.peak_equity) == (L.CLOSED, ("a",), d(104_000))


def blind() -> Rig:
    """Two books hold something each; after a restart only BTC has a price, and a has lost a quarter."""
    books = {"a": book_config(instruments=(BTC,), limits=LOOSE), "b": book_config(instruments=(ETH,), limits=LOOSE)}
    rig = Rig(Config(books=books))
    rig.bars(100.0, T0, entry(T0, book="a", id="sa"))
    rig.bars(100.0, T0, entry(T0, book="b", id="sb", instrument=ETH), id=ETH)
    rig.quote(100.0, T0)
    rig.quote(100.0, T0, ETH)
    assert len(rig.desk.positions) == 2
    kept = rig.desk.snapshot()
    lost = tuple(msgspec.structs.replace(book, cash=d(75_000)) if book.book == "a" else book for book in kept.books)
    again = Rig(rig.config, msgspec.structs.replace(kept, books=lost), T0 + 1000)
    again.bars(100.0, T0 + FIVE)
    return again


def test_a_book_without_a_price_does_not_hide_what_another_lost() -> None:
    rig = blind()
    assert level(rig) is L.SHUTDOWN
    assert "% today at least, as the equity of b is not known, limit 5.00 %" in rig.desk.state.breaker_reason


def test_nobody_leads_out_of_a_halt_before_the_loss_can_be_measured() -> None:
    rig = Rig(loose(), DeskSnapshot(books=(money(BOOK, 100_000, 100_000),)))
    rig.open_position()
    rig.desk.state.books[BOOK].cash -= 6000
    rig.quote(100.0, T0 + 1000)
    assert level(rig) is L.HALT
    again = Rig(loose(), rig.desk.snapshot(), T0 + 2000)
    for verb in (V.RESUME, V.RECOVER, V.OVERRIDE):
        status, text = answer(again, ask(verb, T0 + 3000, "typed"))
        assert (status, text) == (REFUSED, "the equity of crypto is not known: no price of BTCUSDT.BINANCE yet")
    again.quote(100.0, T0 + 4000)
    assert level(again) is L.HALT
    assert "the cause lasts" in answer(again, ask(V.RECOVER, T0 + 5000, "typed"))[1]


def test_a_halt_says_when_its_cause_is_over_and_when_it_is_back() -> None:
    rig = Rig(loose(), DeskSnapshot(books=(money(BOOK, 94_000, 100_000, 100_000),)))
    rig.feed(Timer(ts=T0))
    state = rig.desk.state
    assert (level(rig), state.breaker_quiet_since) == (L.HALT, None)
    rig.feed(Timer(ts=T0 + DAY))
    over = "over: the desk: lost 6.00 % today, limit 5.00 %; RESUME ends it"
    assert (level(rig), state.breaker_reason, state.trading_reason) == (L.HALT, over, f"breaker: {over}")
    assert state.breaker_quiet_since == T0 + DAY
    assert facts(rig.feed(Timer(ts=T0 + DAY + 1000)), BreakerFact) == [], "said once"
    state.books[BOOK].cash -= 4800
    rig.feed(Timer(ts=T0 + DAY + 2000))
    assert (state.breaker_reason, state.breaker_quiet_since) == ("the desk: lost 5.11 % today, limit 5.00 %", None)
    rig.feed(Timer(ts=T0 + 2 * DAY))
    assert answer(rig, ask(V.RESUME, T0 + 2 * DAY + 1))[0] is REFUSED, "10.8 % below the peak"


def test_what_cannot_be_measured_is_not_over() -> None:
    rig = Rig(loose())
    rig.open_position()
    rig.desk.state.books[BOOK].cash -= 6000
    rig.quote(100.0, T0 + 1000)
    again = Rig(loose(), rig.desk.snapshot(), T0 + 2000)
    again.feed(Timer(ts=T0 + 3000))
    assert (level(again), again.desk.state.breaker_quiet_since) == (L.HALT, None)
    assert not again.desk.state.breaker_reason.startswith("over")
