"""The live picture."""

import msgspec
from desk_kit import BOOK, BTC, ETH, FIVE, T0, Rig, bar, book_config, config, d

from tradeterm.config import BreakerConfig
from tradeterm.desk.view import desk_view
from tradeterm.domain.events import Timer
from tradeterm.domain.states import TradingState, VenueState
from tradeterm.domain.view import DeskView, GateView


def look(rig: Rig) -> DeskView:
    return desk_view(
        rig.desk,
        wall_ts=1,
        started_ts=0,
        pid=42,
        run_id="r",
        workers=(),
        replay=None,
        stopping=False,
        gate=GateView(label="RULES (no AI)"),
        simulated_venues={"paper"},
    )


def test_an_empty_desk_can_be_looked_at() -> None:
    view = look(Rig())
    assert (view.equity, view.positions, view.unprotected) == (d(100_000), (), 0)
    assert all(feed.stale for feed in view.feeds)
    (venue,) = view.venues
    assert (venue.state, venue.simulated) == (VenueState.READY, True)


def test_a_position_with_its_mark() -> None:
    rig = Rig()
    rig.open_position()
    rig.bars(101.0, T0 + FIVE)
    view = look(rig)
    (position,) = view.positions
    assert (position.symbol, position.quantity, position.mark) == ("BTCUSDT", d(100), d(101))
    assert position.pnl == d(100) - position.fees
    assert position.return_pct == (100 * position.pnl / d(10_000)).quantize(d("1e-4"))
    assert position.protected
    (book,) = view.books
    assert (book.open_positions, book.tier2) == (1, "RULES (no AI)")
    assert view.equity == book.equity == d(100_000) + position.pnl
    assert view.open_orders == 2
    limits = {limit.name: limit for limit in view.limits}
    assert limits["positions"].value == 1
    assert limits["largest position"].limit == 10
    assert round(limits["exposure"].value or 0, 2) == 10.09
    assert limits["daily loss"].value == 0


def test_the_limits_that_halt_the_desk_are_among_the_limits() -> None:
    breaker = BreakerConfig(daily_loss=0.04, drawdown=0.3)
    rig = Rig(msgspec.structs.replace(config(a=book_config(), b=book_config()), breaker=breaker))
    rig.feed(Timer(ts=T0))

    def shown() -> list[tuple[str, float | None, float]]:
        rows = [limit for limit in look(rig).limits if limit.book == ""][:2]
        return [(limit.name, limit.value, limit.limit) for limit in rows]

    assert shown() == [("desk daily loss", 0.0, 4.0), ("desk drawdown", 0.0, 30.0)]
    rig.desk.state.books["a"].cash = d(94_000)
    rig.feed(Timer(ts=T0 + 1))
    assert shown() == [("desk daily loss", 3.0, 4.0), ("desk drawdown", 3.0, 30.0)]
    assert rig.desk.state.breaker == "CLOSED"
    rig.desk.state.books["b"].cash = d(98_000)
    rig.feed(Timer(ts=T0 + 2))
    assert shown()[0] == ("desk daily loss", 4.0, 4.0)
    assert rig.desk.state.breaker == "HALT"


def test_staleness_is_what_tier_1_says() -> None:
    rig = Rig()
    rig.feed(bar(100.0, T0), bar(50.0, T0 + FIVE + 31_000, ETH))
    stale = {feed.instrument: feed.stale for feed in look(rig).feeds}
    assert stale == {BTC: True, ETH: False}


def test_the_change_since_the_sessions_open_is_unknown_when_joined_in_the_middle() -> None:
    rig = Rig()
    rig.feed(bar(100.0, T0))
    assert look(rig).feeds[0].change is None
    midnight = (T0 // 86_400_000 + 1) * 86_400_000
    rig.feed(bar(100.0, midnight + FIVE), bar(103.0, midnight + 2 * FIVE))
    assert round(look(rig).feeds[0].change or 0, 6) == 0.03


def test_other_currencies_are_not_added_up() -> None:
    rig = Rig(config(a=book_config(), b=book_config(currency="INR")))
    view = look(rig)
    assert (view.currency, view.equity) == ("USDT", d(100_000))
    assert len(view.books) == 2


def test_a_view_can_be_encoded_and_says_why_trading_stopped() -> None:
    rig = Rig()
    rig.open_position()
    rig.feed(bar(float("nan"), T0 + FIVE))
    view = look(rig)
    assert view.trading_state is TradingState.HALTED
    assert "not a positive number" in view.trading_reason
    assert msgspec.json.decode(msgspec.json.encode(view), type=DeskView) == view
    assert view.books[0].book == BOOK
