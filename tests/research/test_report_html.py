"""The page: whole, safe, the same every time, and readable without its pictures."""

import re
import subprocess
import sys

import numpy as np
import pytest
from msgspec import Struct
from report_kit import Page, always_held, facts, market, traded

from tradeterm.research import ExitPolicy, Result, backtest
from tradeterm.research.report import Curve, Table, html
from tradeterm.research.report.charts import equity_chart
from tradeterm.research.report.curve import EquityCurve
from tradeterm.strategies.protocol import ExitRule, Signals


class WalkForward(Struct, frozen=True):
    title: str = "Walk-forward"
    sentence: str = "Out of sample it kept 12 % of what it made in sample."
    tables: tuple[Table, ...] = (
        Table(("Window", "In sample", "Trades"), (("2025-01", 1.25, 31), ("2025-02", None, 7))),
    )
    curves: tuple[Curve, ...] = (Curve("Out of $ample", (1.7e12, 1.71e12), (1.0, 1.1), is_time=True),)


class LookAhead(Struct, frozen=True):
    title: str = "Look-ahead"
    sentence: str = "Nothing was found."
    tables: tuple[Table, ...] = ()


@pytest.fixture(scope="module")
def result() -> Result:
    return traded(market(3))


@pytest.fixture(scope="module")
def written(result: Result) -> str:
    return html(result, facts(instruments=("A", "B", "C"), trials=30), honesty=(WalkForward(), LookAhead()))


@pytest.fixture(scope="module")
def page(written: str) -> Page:
    return Page(written)


def test_it_needs_nothing_else(written: str, page: Page) -> None:
    assert not {tag for tag, _ in page.elements} & {"script", "link", "img", "iframe", "object", "embed", "base"}
    for _, attributes in page.elements:
        assert not any(name.startswith("on") for name in attributes)
        for name, value in attributes.items():
            assert name in ("content", "d", "points") or "//" not in value, (name, value)
    assert "@import" not in written and "@font-face" not in written
    assert not re.search(r"url\((?!#)", written)
    assert any("default-src 'none'" in meta.get("content", "") for meta in page.all("meta"))


def test_everything_that_is_pointed_at_is_there_once(written: str, page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    wanted = set(re.findall(r"url\(#([^)]+)\)", written))
    for _, attributes in page.elements:
        wanted |= {attributes[name][1:] for name in ("href", "xlink:href") if name in attributes}
        wanted |= set(attributes.get("aria-labelledby", "").split())
    assert len(wanted) > 20
    assert wanted <= set(ids)
    assert page.open == []


def test_charts_say_in_words_what_they_show(page: Page) -> None:
    drawings = page.all("svg")
    assert (
        len(drawings) == 10
    )  # equity, the market, its days drawn again, trades and one of the evidence, each wide and narrow
    assert all(drawing["role"] == "img" and drawing["aria-labelledby"] for drawing in drawings)
    assert len(page.all("desc")) == len(page.all("title")) - 1 == 10
    assert "9 of 10 lie from" in page.text


def test_tables_have_headers(page: Page) -> None:
    tables = len(page.all("table"))
    assert tables > 10
    assert len(page.all("caption")) >= tables - 1
    rows = sum(1 for th in page.all("th") if th.get("scope") == "row")
    assert rows + tables == len(page.all("tr"))
    assert all(th.get("scope") in ("row", "col") for th in page.all("th"))


def test_colours_are_those_of_the_style_sheet(written: str) -> None:
    drawings = "".join(re.findall(r"<svg .*?</svg>", written, re.DOTALL))
    assert not re.search(r"#[0-9a-f]{6}\b(?!\))", drawings.replace("url(#", "url("))
    used = set(re.findall(r"var\(--(\w+)\)", drawings))
    assert {"text", "muted", "grid", "line", "other", "gain", "loss"} == used
    for scheme in written.split("<style>")[1].split("</style>")[0].split(":root {")[1:]:
        assert all(f"--{name}:" in scheme for name in used)


def test_the_figures_of_the_result_are_in_it(result: Result, page: Page) -> None:
    performance = result.metrics.performance
    assert performance is not None
    assert f"Sharpe {performance.sharpe:.2f}" in page.text
    assert f"{performance.total_return * 100:,.2f} %" in page.text
    assert f"{len(result.trades):,}" in page.text
    for expected in (
        "Fills at the next open.",
        "BTC: 3 bars are missing.",
        "tradeterm backtest eos",
        "0123456789abcdef",
    ):
        assert expected in page.text
    assert "Variants tried before this one was chosen, itself included: 30." in page.text


def test_evidence_has_sections_of_its_own(page: Page) -> None:
    assert "Walk-forward Out of sample it kept 12 % of what it made in sample." in page.text
    assert "2025-01 1.25 31" in page.text and "2025-02 - 7" in page.text
    assert "Out of $ample" in page.text
    assert "Look-ahead Nothing was found." in page.text
    assert "No walk-forward" not in page.text


def test_the_same_is_written_the_same(result: Result) -> None:
    told = facts(instruments=("A", "B", "C"))
    assert html(result, told) == html(result, told)
    assert "No walk-forward and no robustness test is part of this report" in html(result, told)


def test_a_thousand_trades_are_a_small_file(result: Result, written: str) -> None:
    assert len(result.trades) > 1000
    assert len(written.encode()) < 600_000
    assert "The 1,000 of 1,162 trades that gained or lost the most" in written


EVIL = "\"><script>alert(1)</script><b x='&amp;\u202e"


def test_outside_text_stays_text() -> None:
    panel = market(3, rows=400, names=(EVIL, "B|`*", "C"))
    entries = np.zeros((400, 3), np.int8)
    entries[10::60] = 1
    out = np.zeros((400, 3), bool)
    out[30::60] = True
    signals = Signals(entries=entries, exits=(ExitRule(reason=f"<i>{EVIL}", long=out, short=out),))
    result = backtest(panel, signals, exits=ExitPolicy())
    told = facts(
        title=EVIL, config=f"a = 1\n# {EVIL}", command=EVIL, data_hash=EVIL, code_version=EVIL, currency=EVIL[:9],
        instruments=panel.instruments, assumptions=(EVIL,), data_report=(EVIL,),
    )  # fmt: skip
    evil = Table((EVIL, EVIL), ((EVIL, EVIL),), EVIL, notes=(EVIL,))
    honest = WalkForward(title=EVIL, sentence=EVIL, tables=(evil,), curves=(Curve(EVIL, (1.0, 2.0), (1.0, 2.0)),))
    written = html(result, told, honesty=(honest,))
    found = Page(written)
    assert not found.all("script") and not found.all("b") and not found.all("i")
    assert "\u202e" not in written
    assert found.text.count("<script>alert(1)</script>") > 20
    assert found.open == []


@pytest.mark.parametrize(
    "result",
    [
        backtest(market(1, rows=200), np.zeros((200, 3)), exits=ExitPolicy()),
        always_held([100, 100, 120]),
        always_held([100, 100, 100, 20, 20], size=2.0),
        always_held([100] * 40),
        traded(market(5, 1, rows=600), stop=None),
    ],
    ids=["no trade", "one trade", "lost account", "nothing moved", "no stops"],
)
def test_poor_results_are_reported_too(result: Result) -> None:
    found = Page(html(result, facts(), honesty=(LookAhead(),)))
    assert not re.search(r"\b(nan|inf|None)\b", found.text)
    assert found.open == []


def test_one_instrument_has_one_benchmark() -> None:
    found = Page(html(traded(market(5, 1, rows=600)), facts()))
    assert "Strategy Buy and hold Total return" in found.text
    assert "Equal weight " not in found.text


def test_curves_may_have_names_of_any_script() -> None:
    curves = tuple(Curve(name, (0.0, 1.0, 2.0), (1.0, 2.0, float("nan"))) for name in ("平均", "$x", "a_b^", "<", "e"))
    written = html(traded(market(5, 1, rows=600)), facts(), honesty=(WalkForward(curves=curves),))
    assert all(written.count(f">{name}</text>") == 2 for name in ("平均", "$x", "a_b^", "&lt;", "e"))


def test_regimes_are_broken_down_where_they_are_known() -> None:
    result = traded(market(5, 1, rows=600))
    words = tuple("bear" if number % 4 else "bull" for number in range(len(result.trades)))
    assert "By regime at the entry" in html(result, facts(regimes=words))
    with pytest.raises(ValueError, match="regimes: found"):
        html(result, facts(regimes=words[1:]))


def test_the_drawing_library_is_loaded_for_the_page_alone() -> None:
    code = (
        "import sys; sys.path[:0] = sys.argv[1:]\n"
        "from report_kit import facts, market, traded\n"
        "from tradeterm.research.report import html, markdown\n"
        "result = traded(market(5, 1, rows=600))\n"
        "markdown(result, facts())\n"
        "assert not {'matplotlib', 'pandas'} & set(sys.modules)\n"
        "html(result, facts())\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, *sys.path], check=True, timeout=120)


def test_every_tick_of_an_equity_by_factors_has_a_number() -> None:
    ts = np.arange(50, dtype=np.int64) * 86_400_000
    equity = np.linspace(100_000, 5_000_000, 50)
    upper = equity_chart(EquityCurve(ts, equity, np.zeros(50), equity, 0.0, 86_400_000), 700).axes[0]
    assert upper.get_yscale() == "log"
    assert all(label.get_text() for label in upper.yaxis.get_ticklabels())
    assert not upper.yaxis.get_minorticklocs().size
