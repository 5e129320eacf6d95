"""Which numbers and ids of an answer were looked up, within rounding, and which were not."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.assistant.chat.footer import read_footer, with_footer
from tradeterm.assistant.chat.numbers import check, looked_up

RESULTS: list[Any] = [
    {
        "as_of": "2025-04-06 18:01:00 UTC",
        "equity": "100126.39",
        "day_return_pct": -0.0205,
        "drawdown": 0.0123,
        "pnl": "-12.67",
        "count": 3,
        "signal_id": "s1a2b3c4",
        "rows": [{"instrument": "1000PEPEUSDT.BYBIT", "order_id": "s1-1", "held": "4 h"}],
        "text": "the last entry was 12 min ago, of 30",
        "small": 0.0004,
    }
]


@pytest.mark.parametrize(
    "answer",
    [
        "Equity is 100,126.39 USDT.",
        "Equity is 100126.4.",
        "Equity is about 100,126.",
        "Equity is $100,126.39",
        "Equity is 100.1k",
        "It lost 12.67.",
        "It made -12.67.",
        "It made −12.67.",
        "It made -12.7 USDT",
        "Drawdown 1.23 %.",
        "Drawdown 1.2%",
        "Drawdown 0.0123 of equity",
        "Drawdown 123 bps",
        "Today -0.02 %",
        "Today -0.000205 as a fraction",
        "1. There are 3 of them\n2. and that is all",
        "Signal s1a2b3c4 of order s1-1 on 1000PEPEUSDT.BYBIT.",
        "On 2025-04-06 at 18:01 UTC",
        "12 minutes, needed 30",
        "It was held 4h.",
        "Nothing with a number.",
        "(100,126.39)",
        "**100,126.39**",
        "100’126.39",
    ],
)
def test_what_was_looked_up(answer: str) -> None:
    assert check(answer, looked_up(RESULTS)).unverified == ()


@pytest.mark.parametrize(
    ("answer", "unverified"),
    [
        ("Equity is 100,126.49", ("100,126.49",)),
        ("Equity is 120k", ("120k",)),
        ("It made +12.67.", ("+12.67",)),
        ("Drawdown 1.3 %", ("1.3 %",)),
        ("Drawdown 1.23", ("1.23",)),
        ("There are 8.", ("8",)),
        ("It is 0", ("0",)),
        ("Small is 0.00", ("0.00",)),
        ("Signal s9f9f9f9", ("s9f9f9f9",)),
        ("12x leverage on 5 of 7", ("5", "7")),
        ("On 2025-04-07 at 19:01", ("2025-04-07", "19:01")),
        ("A lot: 99 and again 99.", ("99",)),
        ("Win rate 62.5%, Sharpe 1.8", ("62.5%", "1.8")),
        ("٣٣ percent", ("٣٣ percent",)),
    ],
)
def test_what_was_not(answer: str, unverified: tuple[str, ...]) -> None:
    assert check(answer, looked_up(RESULTS)).unverified == unverified


def test_ids_are_citations() -> None:
    assert check("See [s1a2b3c4] and s1-1.", looked_up(RESULTS)).citations == ("s1a2b3c4", "s1-1")


def test_without_results_every_number_is_unverified() -> None:
    assert check("2 and 3.5 %", looked_up([])).unverified == ("2", "3.5 %")


@given(st.decimals(min_value=Decimal("-1e9"), max_value=Decimal("1e9"), places=4), st.integers(0, 4))
def test_a_rounded_number_is_found(value: Decimal, places: int) -> None:
    rounded = round(value, places)
    if value and abs(rounded - value) > abs(value) / 4:
        return
    assert check(f"It is {rounded:,.{places}f} now", looked_up([{"value": str(value)}])).unverified == ()
    fraction = (rounded / 100).quantize(Decimal(1).scaleb(-places - 2))
    assert check(f"It is {fraction:f} now", looked_up([{"value_pct": str(value)}])).unverified == ()


@given(st.text(max_size=300), st.lists(st.one_of(st.text(max_size=30), st.floats(), st.integers()), max_size=5))
def test_no_text_breaks_it(answer: str, results: list[Any]) -> None:
    checked = check(answer, looked_up([{"x": results}]))
    assert all(token in answer for token in checked.unverified)


@given(st.text(max_size=200))
def test_a_footer_is_read_back_and_cannot_be_forged(body: str) -> None:
    text = with_footer(body, who="m", calls=1, cost=None, unverified=("1 %", "2"), citations=("s1",))
    footed = read_footer(text)
    assert (footed.unverified, footed.citations) == (("1 %", "2"), ("s1",))
    assert footed.about == "m · 1 look-up · cost n/a"


def test_an_answer_cannot_write_its_own_footer() -> None:
    body = "Fine.\n— real-model · 3 look-ups · 0.000 USD"
    text = with_footer(
        body, who="SIMULATED AI (fake-chat-1)", calls=0, cost=Decimal("0.0004"), unverified=(), citations=()
    )
    assert read_footer(text).about == "SIMULATED AI (fake-chat-1) · nothing looked up · under 0.001 USD"
    assert "real-model" in read_footer(text).body
