"""A strategy's health: each threshold, that it worsens at once and recovers with wins alone, and what it does."""

import msgspec
import pytest
from breaker_kit import V, answer, ask
from breaker_kit import level as breaker_level
from desk_kit import BOOK, T0, Rig, bar, book_config, config, d, entry, facts
from hypothesis import given, settings
from hypothesis import strategies as st

from tradeterm.config import Config, HealthConfig
from tradeterm.desk import health
from tradeterm.desk.health import assess, cusum, judge, rank
from tradeterm.desk.state import Health
from tradeterm.desk.turn import Turn
from tradeterm.domain.commands import RaiseAlert
from tradeterm.domain.facts import AlertFact, HealthFact
from tradeterm.domain.snapshot import DeskSnapshot, TradeResult
from tradeterm.domain.states import BookState, BreakerLevel, CommandStatus, HealthLevel

H = HealthLevel
WIN, LOSS = "1.5", "-1"


def trades(*multiples: str, slippage: str | None = None, start: int = T0 - 1_000_000) -> tuple[TradeResult, ...]:
    """Closed trades of these multiples of their risk, 2 % of the price each, a second apart."""
    return tuple(
        TradeResult(
            trade_id=f"t{start + n}",
            ts_closed=start + n * 1000,
            pnl=d(multiple) * 100,
            return_pct=d(multiple) * 2,
            r_multiple=d(multiple),
            slippage=None if slippage is None else d(slippage),
            strategy="eos",
        )
        for n, multiple in enumerate(multiples)
    )


def mixed(wins: int, losses: int, win: str = WIN, loss: str = LOSS) -> list[str]:
    """Evenly mixed, so that neither comes in a long row."""
    total = wins + losses
    return [win if (n + 1) * wins // total > n * wins // total else loss for n in range(total)]


def level(*multiples: str, slippage: str | None = None, **changes: object) -> HealthLevel:
    cfg = msgspec.convert({"least_trades": 20, **changes}, HealthConfig)
    return judge(trades(*multiples, slippage=slippage), cfg).level


def test_too_few_trades_are_not_judged() -> None:
    assert level(*mixed(3, 16)) is H.HEALTHY
    assert level(*mixed(3, 17)) is H.CRITICAL
    assert judge((), HealthConfig()).numbers == {"trades": 0.0, "losses_in_a_row": 0.0}


def test_a_good_strategy_is_healthy() -> None:
    found = judge(trades(*mixed(25, 25)), HealthConfig())
    assert (found.level, found.causes) == (H.HEALTHY, ())
    assert found.numbers["win_rate"] == 0.5
    assert found.numbers["expectancy_r"] == pytest.approx(0.25)


def test_the_win_rate_collapses() -> None:
    assert level(*mixed(21, 29, win="3")) is H.HEALTHY
    (watched,), _ = assess(trades(*mixed(18, 32, win="3")), HealthConfig())
    assert (watched.level, watched.text) == (H.MINOR, "won 18 of 50 trades, 36.0 %, critical below 35.0 %")
    found = judge(trades(*mixed(17, 33, win="3")), HealthConfig())
    assert (found.level, found.causes) == (H.CRITICAL, ("won 17 of 50 trades, 34.0 %, critical below 35.0 %",))
    assert level(*mixed(17, 33, win="3"), win_rate=0.0) is H.HEALTHY, "switched off"


def test_only_the_last_fifty_trades_count() -> None:
    assert level(*[LOSS] * 200, *mixed(25, 25)) is H.HEALTHY


def test_the_expectancy_turns_negative_and_collapses() -> None:
    thin = mixed(25, 25, win="0.9")
    assert judge(trades(*thin), HealthConfig()).level is H.MODERATE, "the ratio of returns is negative, and a little"
    turned = judge(trades(*mixed(25, 25), *thin), HealthConfig())
    assert any("was positive and is -0.05 R" in cause for cause in turned.causes)
    assert not any("was positive" in cause for cause in judge(trades(*thin), HealthConfig()).causes)
    collapsed = judge(trades(*mixed(25, 25, win="0.5")), HealthConfig())
    assert (collapsed.level, collapsed.causes[0]) == (
        H.SEVERE,
        "the expectancy of 50 trades has collapsed to -0.25 R (t -2.3)",
    )
    assert level(*["-0.1", "-0.1"] * 10, win_rate=0.0, losses_in_a_row=100) is H.SEVERE, "nothing spreads, all lose"


def test_losses_in_a_row() -> None:
    good = ["3"] * 15 + mixed(20, 5, win="3")
    for losses, found in ((6, H.HEALTHY), (7, H.MINOR), (9, H.MINOR), (10, H.SEVERE), (19, H.SEVERE), (20, H.CRITICAL)):
        assert level(*good, *[LOSS] * losses) is found, losses


def test_losses_in_a_row_count_before_anything_else_can_be_judged() -> None:
    for losses, found in ((6, H.HEALTHY), (7, H.MINOR), (10, H.SEVERE), (19, H.SEVERE), (20, H.CRITICAL)):
        assert level(*[LOSS] * losses, least_trades=100) is found, losses
    few = judge(trades(*[LOSS] * 10), HealthConfig())
    assert few.causes == ("10 losses in a row, severe from 10 on",)
    assert few.numbers == {"trades": 10.0, "losses_in_a_row": 10.0}


def test_entries_that_slip() -> None:
    good = mixed(25, 25)
    assert level(*good, slippage="0.002") is H.HEALTHY
    assert level(*good, slippage="0.0021") is H.MODERATE
    assert level(*good, slippage="0.0041") is H.SEVERE
    assert level(*good, slippage="-0.01") is H.HEALTHY


def test_drift_from_what_a_backtest_promised() -> None:
    assert level(*mixed(25, 25), expected_win_rate=0.5, expected_r=0.25) is H.HEALTHY
    assert level(*mixed(50, 50), expected_win_rate=0.7) is H.SEVERE
    assert level(*mixed(50, 50), expected_win_rate=0.6) is H.HEALTHY, "inside the allowance"
    assert level(*mixed(50, 50), expected_r=1.0) is H.SEVERE
    assert cusum([1.0, 1.0, -5.0, 1.0]) == 0.75


def test_it_recovers_with_wins_and_not_with_losses() -> None:
    ill = ["3"] * 30 + [LOSS] * 10
    assert level(*ill) is H.SEVERE
    assert level(*ill, *["3"] * 4) is H.SEVERE
    assert level(*ill, *["3"] * 5) is H.HEALTHY
    assert level(*ill, *["3", LOSS] * 4) is H.SEVERE
    assert level(*ill, *["3", LOSS] * 5) is H.HEALTHY


MULTIPLES = st.lists(st.sampled_from(["-2", "-1", "-0.5", "0", "0.5", "1", "3"]), max_size=70)
CONFIGS = st.builds(
    HealthConfig,
    least_trades=st.integers(5, 30),
    win_rate=st.sampled_from([0.0, 0.35, 0.5]),
    losses_in_a_row=st.integers(3, 12),
    expected_win_rate=st.sampled_from([None, 0.4, 0.6]),
    expected_r=st.sampled_from([None, 0.1, 0.5]),
)


@given(MULTIPLES, CONFIGS, st.sampled_from(["-3", "-1", "-0.01"]))
@settings(max_examples=200, deadline=None)
def test_one_more_loss_never_improves_it(multiples: list[str], cfg: HealthConfig, loss: str) -> None:
    before, after = judge(trades(*multiples), cfg), judge(trades(*multiples, loss), cfg)
    assert rank(after.level) >= rank(before.level)


@given(MULTIPLES, CONFIGS)
@settings(max_examples=100, deadline=None)
def test_every_number_is_finite_or_not_there(multiples: list[str], cfg: HealthConfig) -> None:
    found = judge(trades(*multiples), cfg)
    assert all(value is None or value - value == 0 for value in found.numbers.values())
    assert (found.level is H.HEALTHY) == (not found.causes)


# what it does


def with_results(*multiples: str, cfg: Config | None = None, **known: object) -> Rig:
    """A desk restored with these trades of its book, after its first event."""
    return Rig(cfg, DeskSnapshot(results={BOOK: trades(*multiples)}, **known))  # type: ignore[arg-type]


def close(rig: Rig, *multiples: str, ts: int) -> None:
    """One more closed trade after the other, as `track_record` tells of them."""
    for n, multiple in enumerate(multiples):
        state = rig.desk.state
        state.results[BOOK] = (*state.results[BOOK], *trades(multiple, start=ts + n))
        turn = Turn(state, ts + n, [])
        health.review(turn, state.books[BOOK])
        rig.commands += turn.commands


GOOD = ["3"] * 30


def test_a_change_is_recorded_and_told_once() -> None:
    rig = with_results(*GOOD)
    close(rig, *[LOSS] * 8, ts=T0)
    changes = [(fact.from_level, fact.to_level) for fact in facts(rig.commands, HealthFact)]
    assert changes == [(H.HEALTHY, H.MINOR), (H.MINOR, H.MINOR)], "the eighth changes what was counted"
    told = [command.text for command in rig.commands if isinstance(command, RaiseAlert)]
    assert told == ["the strategy of crypto is MINOR, was HEALTHY: 7 losses in a row, severe from 10 on"]
    close(rig, *["3"] * 5, ts=T0 + 100)
    assert facts(rig.commands, AlertFact)[-1].text == "the strategy of crypto is HEALTHY, was MINOR"
    assert facts(rig.commands, AlertFact)[-1].level == "INFO"


def test_severe_warns_the_desk_and_critical_stops_the_book_and_throttles() -> None:
    cfg = config(crypto=book_config(), other=book_config())
    rig = with_results(*GOOD, cfg=cfg)
    close(rig, *[LOSS] * 10, ts=T0)
    assert rig.desk.state.health[BOOK].level is H.SEVERE
    assert breaker_level(rig) is BreakerLevel.ALERT
    assert rig.desk.state.books[BOOK].state is BookState.RUNNING
    close(rig, *[LOSS] * 10, ts=T0 + 100)
    assert rig.desk.state.health[BOOK].level is H.CRITICAL
    assert breaker_level(rig) is BreakerLevel.THROTTLE
    assert rig.desk.state.books[BOOK].state is BookState.STOPPED
    assert rig.desk.state.books["other"].state is BookState.RUNNING
    assert [fact.level for fact in facts(rig.commands, AlertFact) if fact.code == "HEALTH_CRITICAL"] == ["CRITICAL"]


def test_a_stop_for_health_cancels_the_books_entries() -> None:
    rig = with_results(*GOOD)
    rig.bars(100.0, T0, entry())
    (working,) = [order for order in rig.desk.orders.values() if order.intent == "ENTRY"]
    close(rig, *[LOSS] * 20, ts=T0 + 1)
    assert rig.desk.orders[working.client_order_id].status == "PENDING_CANCEL"


def test_only_a_reason_for_that_book_has_it_judged_anew() -> None:
    rig = with_results(*GOOD)
    close(rig, *[LOSS] * 20, ts=T0)
    _, text = answer(rig, ask(V.START, T0 + 100))
    assert text == (
        "running: crypto; no entries of crypto, its strategy is ill: START it with a reason and it is judged anew"
    )
    assert rig.desk.state.health[BOOK].level is H.CRITICAL
    status, text = answer(rig, ask(V.START, T0 + 101, "parameters changed", book=BOOK))
    assert (status, text) == (CommandStatus.DONE, "no book was stopped; its strategy is judged anew")
    assert rig.desk.state.health[BOOK] == Health(H.HEALTHY, T0 + 101, (), T0 + 101)
    fact = facts(rig.commands, HealthFact)[-1]
    assert (fact.to_level, fact.causes) == (H.HEALTHY, ("judged anew, START by me: parameters changed",))
    close(rig, *mixed(9, 20), ts=T0 + 200)
    assert rig.desk.state.health[BOOK].level is H.HEALTHY, "the old ones are not judged"
    close(rig, LOSS, ts=T0 + 300)
    assert rig.desk.state.health[BOOK].level is H.CRITICAL


def test_the_size_shrinks_with_it() -> None:
    assert [health.size_factor(one) for one in HealthLevel] == [1, 1, d("0.5"), 0, 0]


@pytest.mark.parametrize("losses", [7, 10, 20])
def test_a_restart_finds_the_same_and_does_nothing_again(losses: int) -> None:
    rig = with_results(*GOOD)
    close(rig, *[LOSS] * losses, ts=T0)
    rig.feed(ask(V.START, T0 + 100))
    again = Rig(snapshot=rig.desk.snapshot(), ts=T0 + 200)
    assert again.desk.state.health == rig.desk.state.health
    assert again.desk.state.books[BOOK].state is BookState.RUNNING
    assert not facts(again.commands, HealthFact)
    assert not facts(again.commands, AlertFact)
    assert again.desk.snapshot() == rig.desk.snapshot()


def test_a_judgement_that_changed_with_the_configuration_is_told_at_the_start() -> None:
    rig = with_results(*GOOD)
    close(rig, *[LOSS] * 6, ts=T0)
    stricter = config(crypto=book_config(health=HealthConfig(losses_in_a_row=5)))
    again = Rig(stricter, rig.desk.snapshot(), T0 + 100)
    assert [fact.to_level for fact in facts(again.commands, HealthFact)] == [H.SEVERE]


def test_another_strategy_starts_with_a_clean_sheet() -> None:
    rig = with_results(*GOOD)
    close(rig, *[LOSS] * 20, ts=T0)
    other = Rig(config(crypto=book_config(strategy="pairs")), rig.desk.snapshot(), T0 + 100)
    assert other.desk.state.health == {}
    assert other.desk.state.results == {BOOK: ()}
    other.feed(bar(100.0, T0 + 100))
    assert other.desk.state.books[BOOK].state is BookState.STOPPED, "but nobody has started the book"
