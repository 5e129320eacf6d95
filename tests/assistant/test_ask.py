"""The ask line on a desk written to real files, and on an empty profile."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal

import pytest
from seeded import BTC, WALL, seed, view

from tradeterm.assistant import answers
from tradeterm.assistant.ask import Confirm, ask, complete
from tradeterm.console.client import open_console
from tradeterm.console.protocol import Console
from tradeterm.domain.facts import AiUsage
from tradeterm.domain.states import BreakerLevel, CommandVerb, TradingState
from tradeterm.domain.view import GateView
from tradeterm.profile import Profile


@pytest.fixture
def console(profile: Profile) -> Iterator[Console]:
    seed(profile)
    found = open_console(profile)
    yield found
    found.close()


@pytest.fixture
def empty(profile: Profile) -> Iterator[Console]:
    found = open_console(profile)
    yield found
    found.close()


def test_status(console: Console) -> None:
    assert ask(console, "status").text.splitlines() == [
        "DEMO · ACTIVE · breaker CLOSED · recorded time 2025-04-06 18:01:00 UTC · 1600 times real speed",
        "equity 100,126.39 USDT · day -20.50 (-0.02 %) · drawdown 1.23 % · exposure 9.83 % · 2 open orders",
        "The engine is not running; this is how it was left.",
        "book crypto RUNNING: eos on paper, equity 100,126.39 USDT, day -0.02 %, 1 position, 2 trades (1 won), "
        "tier 2: RULES (no AI)",
        "LONG BTCUSDT 0.125 at 78500, mark 78750, +26.39 (+0.27 %), stop 76930, target 80855 [crypto]",
    ]


def test_calls_of_unknown_price_are_not_told_as_free(profile: Profile) -> None:
    gate = GateView(label="some-model", calls=3, spent_usd=Decimal(0), budget_usd=Decimal(5))
    seed(profile, view(gate=gate))
    with closing(open_console(profile)) as console:
        for purpose in ("gate", "gate", "gate", "chat"):
            console.book_usage(
                AiUsage(
                    ts=WALL, book="", purpose=purpose, model="some-model", signal_id="", input_tokens=1,
                    output_tokens=1, cached_tokens=0, cost=None, currency="USD", latency_ms=1,
                )
            )  # fmt: skip
        told = answers.status(console)
    assert "tier 2: some-model, 3 calls today for 0.00 USD of 5.00 USD + 3 calls of unknown price" in told


def test_status_with_a_clock_says_how_old_it_is(console: Console) -> None:
    assert "The engine is not running; this is how it was left, last sign 3 min ago." in answers.status(
        console, WALL + 180_000
    )


def test_trouble_is_loud(profile: Profile) -> None:
    trouble = view(
        trading_state=TradingState.HALTED,
        trading_reason="halt by operator",
        breaker=BreakerLevel.HALT,
        breaker_reason="drawdown",
        unprotected=1,
        unknown_orders=2,
    )
    seed(profile, trouble)
    console = open_console(profile)
    text = ask(console, "status").text
    console.close()
    assert "HALTED" in text
    assert "(halt by operator; drawdown)" in text
    assert "1 position WITHOUT A STOP" in text
    assert "2 orders in state UNKNOWN" in text


def test_positions_orders_signals_trades(console: Console) -> None:
    assert ask(console, "positions").text.startswith("LONG BTCUSDT 0.125 at 78500")
    assert ask(console, "orders").text == (
        "2025-04-06 18:00:00 FILLED ENTRY: BUY 0.125 BTCUSDT.BINANCE MARKET, filled 0.125 at 78500 [s1-1]"
    )
    assert "ENTRY LONG ETHUSDT.BINANCE at 78500: DENIED, denied: cool-down" in ask(console, "signals").text
    assert ask(console, "trades").text == (
        "2025-04-06 17:55:00 SHORT ADAUSDT.BINANCE 1000: 0.6 → 0.612, -12.67 after fees 0.67 and funding +0.00, "
        "protective stop"
    )


def test_pnl_risk_alerts_books(console: Console) -> None:
    assert ask(console, "pnl").text.splitlines() == [
        "crypto: +126.39 USDT since the start (realised +100.00, open +26.39), day -20.50 (-0.02 %), 1 of 2 trades won",
        "best ADAUSDT.BINANCE -12.67, worst ADAUSDT.BINANCE -12.67",
    ]
    assert ask(console, "risk").text.splitlines() == [
        "crypto: drawdown: 1.23 % of 8 %, 85 % left",
        "crypto: positions: 1 of 10, 90 % left",
        "crypto: daily loss: no value yet, limit 5 %",
    ]
    assert ask(console, "alerts").text == "2025-04-06 18:00:00 WARNING gap of 2 bars [DATA]"
    assert ask(console, "books").text.startswith("book crypto RUNNING: eos on paper")


def test_why_a_denied_signal(console: Console) -> None:
    assert ask(console, "why eth").text.splitlines() == [
        "eos wanted ENTRY LONG ETHUSDT.BINANCE at 78500 on the bar closed 2025-04-06 18:00:00 UTC: "
        "fell 5.1 % since the session's open.",
        "Numbers: move -0.051, funding no value.",
        "Rules: 1 of 2 failed.",
        "  COOL_DOWN: the last entry was 12 min ago (minutes 12, needed 30)",
        "Outcome: Tier 1 (the rules) denied it, so no order was sent. denied: cool-down [COOL_DOWN]",
    ]


def test_why_an_ordered_signal(console: Console) -> None:
    text = ask(console, "why BTCUSDT").text
    assert "Rules: all 1 passed." in text
    assert (
        "Tier 2, RULES (no AI): REDUCE, size times 0.5 (THIN_VOLUME). Volume is thin [31m; half size. Next line" in text
    )
    assert "Size: 0.125, bound by tier 2 (risk 0.25, tier 2 0.5)." in text
    assert "  ENTRY BUY 0.125: FILLED, filled 0.125 at 78500" in text
    assert "\x1b" not in text


def test_why_a_closed_trade(console: Console) -> None:
    assert "closed 2025-04-06 17:55:00 UTC at 0.612 (protective stop): -12.67" in ask(console, "why ada").text


def test_symbols_that_are_not_clear(console: Console) -> None:
    assert ask(console, "why doge").text == "'doge' is not watched here. Watched: ADAUSDT, BTCUSDT, ETHUSDT."
    assert ask(console, "flatten eth").text == "There is no open position in ETHUSDT.BINANCE."
    assert ask(console, "pause eos").text == "There is no book 'eos'. Books: crypto."


@pytest.mark.parametrize(
    ("line", "verb", "confirm", "consequence"),
    [
        ("halt", CommandVerb.HALT, Confirm.NOTHING, "Halt now: cancel entries, keep protective stops."),
        ("stop", CommandVerb.STOP, Confirm.NOTHING, "No new entries from now on; exits go on."),
        ("start", CommandVerb.START, Confirm.YES, "Let new entries through again."),
        ("resume", CommandVerb.RESUME, Confirm.YES, "End the halt: books that run may enter again."),
        ("resume crypto", CommandVerb.RESUME, Confirm.YES, "End the pause of book crypto: it may enter again."),
        ("pause crypto", CommandVerb.PAUSE, Confirm.NOTHING, "No new entries for book crypto; its exits go on."),
        ("flatten", CommandVerb.FLATTEN, Confirm.YES, "Close 1 position at market."),
        (
            "flatten btc",
            CommandVerb.FLATTEN,
            Confirm.YES,
            "Close 1 position in BTCUSDT.BINANCE at market (now +26.39).",
        ),
        (
            "kill",
            CommandVerb.KILL,
            Confirm.TYPED,
            "Cancel 2 open orders, close 1 position at market, stay HALTED, also after a restart.",
        ),
        ("speed 20x", CommandVerb.SPEED, Confirm.NOTHING, "Set the replay's speed: 20x."),
    ],
)
def test_control_words_are_proposed_never_sent(
    console: Console, line: str, verb: CommandVerb, confirm: Confirm, consequence: str
) -> None:
    answer = ask(console, line)
    assert answer.action is not None
    assert (answer.action.verb, answer.action.confirm, answer.text) == (verb, confirm, consequence)
    assert not console.commands()


def test_what_is_proposed_names_its_object(console: Console) -> None:
    flatten, speed = ask(console, "flatten btc").action, ask(console, "speed 20x").action
    assert flatten is not None
    assert speed is not None
    assert (flatten.instrument, speed.argument) == (BTC, "20")
    fastest = ask(console, "speed max").action
    assert fastest is not None and fastest.argument == "max"


@pytest.mark.parametrize("verb", [CommandVerb.RECOVER, CommandVerb.OVERRIDE])
def test_the_breaker_is_led_out_with_a_reason(console: Console, verb: CommandVerb) -> None:
    action = ask(console, f"{verb.lower()} the venue is well again").action
    assert action is not None
    assert (action.verb, action.confirm, action.reason) == (verb, Confirm.YES, "the venue is well again")
    without = ask(console, verb.lower())
    assert without.action is None
    assert "needs a reason" in without.text


def test_a_books_drawdown_is_accepted_by_its_name(console: Console) -> None:
    action = ask(console, "recover crypto one bad print").action
    assert action is not None
    assert (action.verb, action.book, action.reason) == (CommandVerb.RECOVER, "crypto", "one bad print")
    assert action.confirm is Confirm.YES
    assert action.consequence == "Accept the drawdown of book crypto: it is counted from here; the breaker stays."
    without = ask(console, "recover crypto")
    assert (without.action, without.text) == (
        None,
        "`recover crypto` needs a reason, in your own words: `recover crypto one bad print`.",
    )


def test_help_lists_every_word(console: Console) -> None:
    assert len(ask(console, "help").text.splitlines()) == 26


def test_completion_knows_the_desk(console: Console) -> None:
    assert complete(console, "why e") == ["why ETHUSDT"]
    assert complete(console, "pause ") == ["pause crypto"]


@pytest.mark.parametrize(
    "line", ["status", "positions", "orders", "signals", "trades", "pnl", "risk", "alerts", "books"]
)
def test_an_empty_profile_has_honest_answers(empty: Console, line: str) -> None:
    text = ask(empty, line).text
    assert "yet" in text or text == "No alerts."


def test_an_empty_profile_has_nothing_to_explain_or_close(empty: Console) -> None:
    assert ask(empty, "why btc").text == "'btc' is not watched here."
    assert ask(empty, "flatten").text == "There is no open position to flatten."
