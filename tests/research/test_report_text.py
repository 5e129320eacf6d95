"""The words of a report: its verdict, its line of facts, its Markdown."""

import re

import numpy as np
import pytest
from report_kit import always_held, facts, market, traded
from research_kit import MONDAY

from tradeterm.domain.market import DAY_MS
from tradeterm.research import Costs, ExitPolicy, Result, backtest, panel_of
from tradeterm.research.metrics import figures
from tradeterm.research.report import Table, markdown
from tradeterm.research.report.cells import cell_text, is_number, printable
from tradeterm.research.report.headline import headline
from tradeterm.research.report.trades import MOST_LISTED, trade_list
from tradeterm.research.report.verdict import verdict


def said(result: Result, trials: int | None = None) -> str:
    return verdict(result, {figure.name: figure for figure in figures(result, trials=trials)})


def round_trips(gains: list[float], costs: Costs) -> Result:
    """Long on every other day, from its open to the next, which is that much higher."""
    close = np.cumprod(1 + np.array([0.0, *gains]))
    opened = np.concatenate((close[:1], close[:-1]))
    ts = MONDAY + DAY_MS * np.arange(len(close))
    panel = panel_of(opened, np.maximum(opened, close), np.minimum(opened, close), close, None, ts, interval="1d")
    signals = np.ones(len(close), np.int8)
    exits = ExitPolicy(time_limit_hours=24)
    return backtest(panel, signals, exits=exits, costs=costs, size=0.5)


FREE = Costs(fee=0.0, slippage=0.0)
LUCKY = [0.05, 0.0, -0.045, 0.0] * 50
STEADY = [0.02, 0.0, -0.01, 0.0] * 50


@pytest.mark.parametrize(
    ("result", "trials", "expected"),
    [
        (always_held([100, 100, 120]), None, "Too few trades to judge: 1 of at least 30. The strategy made 20.00 %."),
        (always_held([100, 100, 100, 20], size=2.0), None, "The account was lost: equity fell to 0."),
        (round_trips([-0.01] * 80, FREE), None, "and lost before costs too: there is no sign of an edge."),
        (round_trips([0.001] * 80, Costs(fee=0.002)), None, "took it all."),
        (round_trips(LUCKY, FREE), None, "but that may be luck: the chance that its true Sharpe is above 0 is"),
        (round_trips(STEADY, FREE), None, "and hardly by luck"),
        (round_trips(STEADY, FREE), 1_000_000, "after counting the variants tried."),
        (round_trips([0.0] * 80, FREE), None, "ended where it began"),
    ],
    ids=["few", "lost", "no edge", "costs", "luck", "edge", "tried", "nothing"],
)
def test_the_verdict_says_no_more_than_the_figures(result: Result, trials: int | None, expected: str) -> None:
    assert expected in said(result, trials)


def test_without_trades_the_signals_are_counted() -> None:
    panel = market(1, rows=100)
    assert said(backtest(panel, np.zeros((100, 3)), exits=ExitPolicy())).startswith("No trade was made. Buying")
    refused = backtest(panel, np.ones((100, 3)), exits=ExitPolicy(), limits=(lambda wanted, quantity: 0.0,))
    assert said(refused).startswith("No trade was made; 300 signals were refused. Buying and holding ")


def test_the_headline_names_what_and_when() -> None:
    names = tuple("ABCDEFGH")
    told = facts(instruments=names, start=MONDAY, end=MONDAY + 31 * DAY_MS)
    assert headline(told) == "A, B, C, D, E, F and 2 more · 2025-01-06 to 2025-02-05 · 31 days"


def test_cells_as_text() -> None:
    assert [cell_text(cell) for cell in ("a", 1234, 0.123456, 12345.6, 1e20, None, float("nan"), float("inf"))] == [
        "a", "1,234", "0.1235", "12,346", "1e+20", "-", "-", "-",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["1", "-1,234.50", "12.34 %", "3 h 20 min", "-0.29 R", "2025-04-06 00:00", "-", "+4.7"]
)
def test_numbers_stand_to_the_right(text: str) -> None:
    assert is_number(text)


@pytest.mark.parametrize("text", ["BTC", "2025-04", "1INCH", "- a"])
def test_words_do_not(text: str) -> None:
    assert not is_number(text)


def test_hidden_characters_are_not_shown() -> None:
    assert printable("a\u202eb\x1b[31m\nc") == "a b [31m c"
    assert printable("a\n\tb", lines=True) == "a\n    b"


def test_long_lists_keep_what_moved_the_most() -> None:
    result = traded(market(3))
    title, table = trade_list(result, "USDT")
    assert title == f"The {MOST_LISTED:,} of {len(result.trades):,} trades that gained or lost the most"
    listed = {int(str(row[0])) - 1 for row in table.rows}
    left_out = set(range(len(result.trades))) - listed
    moved = np.abs(result.trades.pnl)
    assert max(moved[sorted(left_out)]) <= min(moved[sorted(listed)])
    assert [row[0] for row in table.rows] == [str(number + 1) for number in sorted(listed)]


class Checked:
    title = "A | test"
    sentence = "It says *nothing*."
    tables = (Table(("Window", "Return"), (("2025|01", "1.00 %"),), "Windows", notes=("a_b",)),)


def test_markdown_says_the_same() -> None:
    result = traded(market(3, rows=3000))
    text = markdown(result, facts(trials=5, config="a = '```'\n"), honesty=(Checked(),))
    assert text.startswith("# A strategy\n\nBTC · 2025-01-06")
    assert "## A \\| test\n\nIt says \\*nothing\\*." in text
    assert "| Window | Return | Meaning |\n| --- | ---: | --- |\n| 2025\\|01 | 1.00 % | a\\_b |" in text
    assert "````toml\na = '```'\n````" in text
    assert "```sh\ntradeterm backtest eos\n```" in text
    assert "<svg" not in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert len(blocks) > 10
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_markup_in_names_is_text_in_markdown() -> None:
    panel = market(3, rows=400, names=("<b>|x", "[a](http://x)", "C`"))
    text = markdown(traded(panel), facts(title="# *x* <script>", instruments=panel.instruments))
    assert text.startswith("# \\# \\*x\\* \\<script\\>\n")
    assert "| \\<b\\>\\|x |" in text and "| \\[a\\](http://x) |" in text and "| C\\` |" in text
