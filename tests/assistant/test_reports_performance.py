"""The performance report beside sums made by hand, and what it does not say where there is too little."""

from contextlib import closing
from decimal import Decimal as D
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from reports_kit import BTC, ETH, START, add_run, desk, made, order, point, trade, write
from seeded import view

from tradeterm.assistant.reports.benchmark import held
from tradeterm.assistant.reports.breakdown import breakdowns
from tradeterm.assistant.reports.curve import equity_line
from tradeterm.assistant.reports.figures import figures_of
from tradeterm.assistant.reports.kinds import Kind
from tradeterm.assistant.reports.performance import Performance
from tradeterm.assistant.reports.performance_sections import performance_sections
from tradeterm.assistant.reports.write import as_text
from tradeterm.config_file import load_config
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.facts import AiUsage
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.domain.orders import Cash, CashKind, OrderSide, PositionSide
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import Mode
from tradeterm.ledger.live import LiveWriter
from tradeterm.profile import Profile
from tradeterm.research.data.panels import load_panel
from tradeterm.resources import demo_folder


def performance(profile: Profile, **wanted: Any) -> Performance:
    facts = made(profile, Kind.PERFORMANCE, **wanted).facts
    assert isinstance(facts, Performance)
    return facts


def figures(trades: list[Any], points: list[Any] = []) -> dict[str, Any]:  # noqa: B006 - only read
    return {line.name: line for line in figures_of(trades, points, ())}


def test_money_is_summed_exactly(profile: Profile) -> None:
    desk(profile)
    (book,) = performance(profile).books
    known = {line.name: line.value for line in book.figures}
    assert (known["net"], known["fees"], known["funding"], known["gross"]) == (6.0, 5.0, 0.5, 11.5)
    assert (known["best_trade"], known["worst_trade"], known["trades"]) == (20.0, -10.0, 3)
    assert known["total_return"] == pytest.approx(0.006)
    assert known["max_drawdown"] == pytest.approx(1006 / 1020 - 1)
    assert known["longest_drawdown"] == DAY_MS - HOUR_MS
    assert (book.currency, book.capital, book.strategies, book.simulated) == ("USDT", D(1000), ("eos",), True)
    assert book.sentence.startswith(
        "crypto: 3 closed trades, 1 won, +6.00 USDT net of costs; equity 1,000.00 to 1,006.00"
    )


def test_under_thirty_trades_no_figure_of_them_is_told(profile: Profile) -> None:
    desk(profile)
    (book,) = performance(profile).books
    assert book.insufficient
    silent = {line.name for line in book.figures if line.why == "3 of 30 trades"}
    assert silent == {
        "win_rate", "payoff", "profit_factor", "expectancy", "expectancy_r", "win_streak", "loss_streak",
        "average_duration", "median_duration",
    }  # fmt: skip
    assert all(line.value is None for line in book.figures if line.why)
    text = as_text(performance(profile).head, performance_sections(performance(profile)))
    assert "insufficient: 3 of 30 trades" in text
    assert "Insufficient: 3 of 30 closed trades" in text


def test_from_thirty_trades_on_they_are_those_of_the_definitions() -> None:
    gains = [5, -3, 8, -2, -2] * 6
    known = figures([trade(n, str(gain)) for n, gain in enumerate(gains)])
    wins, losses = [5, 8] * 6, [3, 2, 2] * 6
    assert known["win_rate"].value == 0.4
    assert known["payoff"].value == pytest.approx(mean(wins) / mean(losses))
    assert known["profit_factor"].value == pytest.approx(sum(wins) / sum(losses))
    assert known["expectancy"].value == pytest.approx(mean(gains))
    assert known["expectancy_r"].value == pytest.approx(mean(gains) / 10)
    assert (known["win_streak"].value, known["loss_streak"].value) == (1, 2)
    assert known["average_duration"].value == known["median_duration"].value == HOUR_MS / 2
    assert not any(line.why for line in known.values())


def test_figures_of_days_need_thirty_of_them() -> None:
    def days(count: int) -> list[Any]:
        return [point(START + n * DAY_MS, str(1000 + n * n % 7)) for n in range(count + 1)]

    assert figures([], days(29))["sharpe"].why == "29 of 30 days"
    known = figures([], days(30))
    values = [1000 + n * n % 7 for n in range(31)]
    returns = [b / a - 1 for a, b in pairwise(values)]
    spread = (sum((r - mean(returns)) ** 2 for r in returns) / 29) ** 0.5
    assert known["sharpe"].value == pytest.approx(mean(returns) / spread * 365**0.5)
    assert known["volatility"].value == pytest.approx(spread * 365**0.5)
    assert (known["best_day"].value, known["worst_day"].value) == (max(returns), min(returns))


@given(
    st.lists(
        st.tuples(
            st.integers(-500, 500), st.sampled_from([BTC, ETH]), st.sampled_from(["STOP", "TARGET", ""]),
            st.sampled_from([PositionSide.LONG, PositionSide.SHORT]), st.integers(0, 400),
        ),
        max_size=60,
    )
)  # fmt: skip
def test_every_breakdown_sums_to_the_whole(rows: list[tuple[int, str, str, PositionSide, int]]) -> None:
    trades = [
        trade(at, str(pnl), instrument=name, exit_reason=reason, side=side) for pnl, name, reason, side, at in rows
    ]
    found = breakdowns(trades)
    assert bool(found) == bool(trades)
    for each in found:
        assert sum(row.trades for row in each.slices) == len(trades)
        assert sum(row.net for row in each.slices) == sum(one.pnl for one in trades)
        assert sum(row.fees for row in each.slices) == len(trades)
        assert sum(row.won for row in each.slices) == sum(one.pnl > 0 for one in trades)
        assert [row.key for row in each.slices] == sorted(row.key for row in each.slices)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=80))
def test_drawdowns_are_those_of_a_walk_along_the_curve(values: list[int]) -> None:
    points = [point(START + n * 1000, str(value)) for n, value in enumerate(values)]
    peak, since, deepest, longest = values[0], 0, 0.0, 0
    for at, value in enumerate(values):
        if value >= peak:
            longest = max(longest, at - since if at - since > 1 else 0)
            peak, since = value, at
        deepest = min(deepest, value / peak - 1)
    longest = max(longest, len(values) - 1 - since)
    known = figures([], points)
    assert known["max_drawdown"].value == pytest.approx(deepest)
    assert known["longest_drawdown"].value == longest * 1000
    line = equity_line(points)
    assert line is not None
    assert line.deepest == pytest.approx(deepest)
    assert (line.ts[0], line.ts[-1], line.points) == (points[0].ts, points[-1].ts, len(values))


def test_an_account_that_was_lost_has_no_returns() -> None:
    known = figures([], [point(START, "100"), point(START + 1, "-5"), point(START + 2, "10")])
    assert known["final_equity"].value == 10
    assert known["total_return"].value is None
    assert known["max_drawdown"].value is None


def test_slippage_counts_what_was_lost_and_says_what_is_not_known(profile: Profile) -> None:
    write(
        profile,
        [
            trade(0, "1"),
            trade(1, "1", slippage=None),
            order("x1"),  # sold at 99, meant at 100
            order("x2", side=OrderSide.BUY, average_price=D("99.5")),  # bought cheaper than meant
            order("x3", reference_price=None),
        ],
    )
    entries, exits = performance(profile).books[0].slippage
    assert (entries.fills, entries.unknown, entries.mean_bps, entries.money) == (2, 1, D(5), D("0.1"))
    assert (exits.fills, exits.unknown, exits.mean_bps, exits.worst_bps) == (3, 1, D(25), D(100))
    assert exits.money == D("0.01") * 198 + D("-0.005") * 199


def test_the_span_and_the_book_narrow_it(profile: Profile) -> None:
    desk(profile)
    write(profile, [trade(9, "7", book="other"), point(START + 9 * HOUR_MS, "507", book="other")])
    assert [book.book for book in performance(profile).books] == ["crypto", "other"]
    whole = performance(profile)
    assert whole.desk is not None
    assert "## The whole desk\n\nNothing is recorded." in as_text(whole.head, performance_sections(whole))
    (alone,) = performance(profile, book="other").books
    assert (alone.trades, alone.book) == (1, "other")
    later = performance(profile, start=START + HOUR_MS, end=START + 2 * HOUR_MS)
    assert [book.trades for book in later.books] == [1]
    assert (later.head.first, later.head.last) == (START + HOUR_MS, START + HOUR_MS + HOUR_MS // 2)
    with pytest.raises(ConfigError, match='--book: found "crpyto", allowed crypto or other'):
        performance(profile, book="crpyto")


def test_open_positions_have_the_live_views_marks_or_none(profile: Profile) -> None:
    held_ = Position(
        book="crypto", venue="paper", account="crypto", instrument="BTCUSDT.BINANCE", quantity=D("0.125"),
        average_price=D("78500"), ts_opened=START,
    )  # fmt: skip
    bare = Position(book="crypto", venue="bybit", account="crypto", instrument=ETH, quantity=D(-3), ts_opened=START)
    flat = Position(book="crypto", venue="paper", account="crypto", instrument=BTC)
    write(profile, [held_, bare, flat])
    assert [each.mark for each in performance(profile).positions] == [None, None]
    with closing(LiveWriter(profile.live)) as live:
        live.publish(view())
    first, second = performance(profile).positions
    assert (first.mark, first.pnl, first.simulated, first.side) == (D("78750.0"), D("26.39"), True, "LONG")
    assert (second.mark, second.pnl, second.simulated, second.side) == (None, None, False, "SHORT")
    text = as_text(performance(profile).head, performance_sections(performance(profile)))
    assert "NO STOP" in text


def test_what_models_cost_and_which_had_no_price(profile: Profile) -> None:
    def used(cost: str | None, model: str = "claude-sonnet-5-5", purpose: str = "gate") -> AiUsage:
        return AiUsage(
            ts=START, book="", purpose=purpose, model=model, signal_id="", input_tokens=100, output_tokens=None,
            cached_tokens=7, cost=None if cost is None else D(cost), currency="USD", latency_ms=1,
        )  # fmt: skip

    write(profile, [used("0.01"), used("0.02"), used(None), used("0.5", "fake-policy", "chat")])
    found = performance(profile)
    chat, gate = found.ai
    assert (chat.model, chat.cost) == ("SIMULATED AI (fake-policy)", D("0.5"))
    assert (gate.requests, gate.cost, gate.unpriced, gate.input_tokens, gate.output_tokens) == (3, D("0.03"), 1, 300, 0)
    assert found.ai_usd == D("0.53")
    assert found.sentences[-1].endswith("Models cost 0.53 USD in 3 requests, and 1 request of unknown price.")


def test_an_unknown_price_is_not_told_as_nothing(profile: Profile) -> None:
    asked = AiUsage(
        ts=START, book="", purpose="gate", model="some-model", signal_id="", input_tokens=1, output_tokens=1,
        cached_tokens=0, cost=None, currency="USD", latency_ms=1,
    )  # fmt: skip
    write(profile, [asked, asked])
    found = performance(profile)
    assert found.sentences[-1].endswith("What models cost is not known: 2 requests of unknown price.")
    text = as_text(found.head, performance_sections(found))
    assert "| n/a | 2 |" in text
    assert "0.00" not in text


def test_positions_are_told_as_those_of_now_where_the_time_ends_before(profile: Profile) -> None:
    later = Position(
        book="crypto", venue="paper", account="crypto", instrument=BTC, quantity=D(1), ts_opened=START + 9 * HOUR_MS
    )
    desk(profile)
    write(profile, [later])
    assert "1 position open. " in performance(profile).sentences[-1]
    found = performance(profile, end=START + 3 * HOUR_MS)
    assert found.sentences[-1].startswith("1 position open as of now, not of the report's end. ")
    text = as_text(found.head, performance_sections(found))
    assert "As the ledger has them now, not at the report's end." in text


def test_what_is_open_joins_the_net_to_the_change_of_equity(profile: Profile) -> None:
    first = structs.replace(point(START, "1000"), unrealized_pnl=D(5))
    last = structs.replace(point(START + HOUR_MS, "1030"), unrealized_pnl=D(17))
    write(profile, [trade(0, "20"), first, last])
    add_run(profile)
    (book,) = performance(profile).books
    assert book.cautions[1:] == (
        "Equity changed by +30.00 USDT, closed trades made +20.00: open profit went from +5.00 to +17.00, and -2.00 is "
        "of fees, funding and trades that lie partly outside the report's time.",
    )


def test_without_anything_open_net_and_equity_agree_and_nothing_is_said(profile: Profile) -> None:
    desk(profile)
    (book,) = performance(profile).books
    assert len(book.cautions) == 1


def test_deposits_are_not_taken_for_earnings(profile: Profile) -> None:
    desk(profile)
    moved = Cash(
        id="c1", venue="paper", account="crypto", book="crypto", kind=CashKind.DEPOSIT, amount=D(500),
        currency="USDT", ts_event=START,
    )  # fmt: skip
    write(profile, [moved])
    (book,) = performance(profile).books
    assert book.deposits == 500
    assert any("+500.00 USDT are in the equity" in caution for caution in book.cautions)


@pytest.mark.parametrize(
    ("modes", "label"),
    [
        (("paper",), "PAPER: simulated fills; no money was at stake."),
        (("live",), "LIVE mode, but every order went to the simulated venue"),
        (("paper", "live"), "MIXED: runs in the modes paper, live"),
    ],
)
def test_the_label_says_what_was_at_stake(profile: Profile, modes: tuple[str, ...], label: str) -> None:
    write(profile, [order("x1")])
    for n, mode in enumerate(modes):
        add_run(profile, START + n * DAY_MS, mode=Mode(mode), hours=1)
    assert performance(profile).head.label.startswith(label)


@pytest.mark.parametrize(
    ("mode", "label"), [("live", "LIVE: real orders, real money."), ("paper", "PAPER: play money at bybit")]
)
def test_orders_at_a_venue_are_not_called_simulated(profile: Profile, mode: str, label: str) -> None:
    write(profile, [order("x1", venue="bybit"), trade(0, "1", venue="bybit")])
    add_run(profile, mode=Mode(mode))
    found = performance(profile)
    assert found.head.label.startswith(label)
    assert not found.books[0].simulated


def test_buying_and_holding_by_the_bundled_bars() -> None:
    book = load_config(None, "demo").books["crypto"]
    whole = held(book, None, 1_743_811_500_000, 1_744_416_000_000)
    assert not isinstance(whole, str)
    panel = load_panel(demo_folder(), [name.partition(".")[0] for name in book.instruments], "5m")
    rows = panel.close[(panel.ts >= 1_743_811_500_000) & (panel.ts <= 1_744_416_000_000)]
    assert whole.total_return == pytest.approx(float((rows[-1] / rows[0]).mean()) - 1)
    assert whole.value[0] == pytest.approx(1.0)
    assert whole.total_return == pytest.approx(whole.value[-1] - 1)
    for other in (structs.replace(book, instruments=("BTCUSDT.BYBIT", "ETHUSDT.ELSEWHERE")), book):
        again = held(other, None, 1_743_811_500_000, 1_743_900_000_000)
        assert not isinstance(again, str)
        assert again.instruments == other.instruments
    assert held(book, None, START, START + DAY_MS) == "not known: the bars at hand are of another time"


def test_without_bars_the_reason_stands_there(profile: Profile) -> None:
    desk(profile)
    (book,) = performance(profile).books
    assert book.held is None
    assert book.held_why.startswith("not known: ")
    assert str(profile.root) not in book.held_why
    assert performance(profile, config=None).books[0].held_why.startswith("not known: ")


def test_an_empty_ledger_says_so(profile: Profile) -> None:
    write(profile, [])
    found = performance(profile)
    assert found.head.label == "NO RUN: no engine has written this record."
    text = as_text(found.head, performance_sections(found))
    assert "Nothing was traded and no equity was recorded." in text


def test_no_fall_has_no_sign(profile: Profile) -> None:
    write(profile, [point(START + n * HOUR_MS, "1000") for n in range(4)])
    report = made(profile, Kind.PERFORMANCE)
    text = as_text(report.head, report.sections)
    assert "at worst 0.00 % below its peak" in text
    assert "-0.00 %" not in text
