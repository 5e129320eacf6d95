"""What a specification says in plain English, and what differs between two."""

from typing import Any

import pytest
from test_declared_read import GOOD

from tradeterm.strategies.declared.diff import differences
from tradeterm.strategies.declared.files import example_files
from tradeterm.strategies.declared.names import condition_code
from tradeterm.strategies.declared.read import read_file, read_spec
from tradeterm.strategies.declared.words import condition_words, explain

CONDITIONS = [
    ({"ind": "rsi", "op": "crosses_above", "value": 30}, "RSI(14) crosses above 30", "RSI_14_CROSSED_ABOVE_30"),
    (
        {"ind": "ema", "n": 200, "op": "rising", "bars": 10},
        "EMA(200) has risen on each of the last 10 bars",
        "EMA_200_ROSE_10",
    ),
    ({"ind": "close", "op": "falling", "bars": 1}, "the close has fallen on this bar", "CLOSE_FELL_1"),
    (
        {"ind": "close", "op": ">", "of": {"ind": "highest", "n": 20, "ago": 1}},
        "the close is above the highest high of 20 bars as of the bar before",
        "CLOSE_ABOVE_HIGHEST_20_1_AGO",
    ),
    (
        {"ind": "volume", "op": ">=", "of": {"ind": "sma", "source": "volume"}, "times": 1.5},
        "the volume is at least 1.5 times SMA(20) of the volume",
        "VOLUME_AT_LEAST_1.5_SMA_20_VOLUME",
    ),
    ({"ind": "funding", "op": "<", "value": -0.0003}, "the funding rate is below -0.03 %", "FUNDING_BELOW_-0.0003"),
    ({"ind": "hour", "op": "between", "low": 8, "high": 16}, "the hour (UTC) is between 8:00 and 16:00", None),
    ({"ind": "return", "n": 12, "op": "<=", "value": -0.04}, "the return over 12 bars is at most -4 %", None),
    ({"ind": "macd_line", "op": "crosses_below", "of": {"ind": "macd_signal"}}, None, None),
    ({"ind": "percent_b", "op": "<", "value": 0}, "Bollinger %b(20, 2) is below 0", "PERCENT_B_20_2_BELOW_0"),
    (
        {"ind": "low", "op": "<", "of": {"ind": "vwap", "ago": 4}},
        "the low is below the day's VWAP as of 4 bars before",
        None,
    ),
]


@pytest.mark.parametrize(("condition", "words", "code"), CONDITIONS)
def test_a_condition_in_words(condition: dict[str, Any], words: str | None, code: str | None) -> None:
    (read,) = read_spec(GOOD | {"entry": {"all": [condition]}}).entry.all
    assert words is None or condition_words(read) == words
    assert code is None or condition_code(read) == code
    assert "None" not in condition_words(read)


def test_the_whole_of_it() -> None:
    assert explain(read_spec(GOOD)).splitlines() == [
        "Buys BTC at the close of a 15-minute bar when RSI(14) crosses above 30 and the change of EMA(200) from bar to "
        "bar is at least 0 % and the close is above EMA(50).",
        "Sells when RSI(14) is above 55 or after 48 bars (12 hours).",
        "Stop 0.75 % from the entry; take-profit 2 times as far as the stop; trailing stop 1 % from the best price.",
        "Risks at most 0.25 % of the book's equity a trade; at most 1 position open, each position at most as large as "
        "the equity. No entry once a day has lost 1 %.",
        "Understood as: 'tight risk' read as 0.25 % a trade.",
    ]


def test_a_state_is_entered_once() -> None:
    state = GOOD | {"entry": {"any": [{"ind": "rsi", "op": "<", "value": 30}]}}
    assert "when RSI(14) is below 30, if that was not so on the bar before." in explain(read_spec(state))


def test_both_sides_are_told_apart() -> None:
    text = explain(read_spec(GOOD | {"side": "both", "exit": {"any": [{"ind": "rsi", "op": ">", "value": 55}]}}))
    assert "Sells it short, the other way round, when RSI(14) crosses below 70" in text
    assert "and the close is below EMA(50)." in text
    assert "Closes a long when RSI(14) is above 55." in text
    assert "Closes a short when RSI(14) is below 45." in text


def test_a_stop_in_atr_says_what_happens_while_none_is_known() -> None:
    stop = {"type": "atr", "mult": 2.5, "fallback_pct": 1.5}
    text = explain(read_spec(GOOD | {"stop": stop}))
    assert (
        "Stop 2.5 ATR(14) from the entry (no entry while the ATR is not known; "
        "a stop that is lost then is put back 1.5 % away);"
    ) in text


def test_what_stands_in_the_way_is_said() -> None:
    text = explain(read_spec(GOOD | {"unsupported": ["the mood of the news"], "questions": ["Which exchange?"]}))
    assert "Cannot be applied, for this cannot be expressed: the mood of the news." in text
    assert text.endswith("\nCannot be applied until this is answered: Which exchange?")


def test_every_example_is_told() -> None:
    assert len(example_files()) >= 3
    for path in example_files():
        spec = read_file(path)
        assert spec.applicable and spec.name == path.stem
        assert "None" not in explain(spec)


def test_differences() -> None:
    other = GOOD | {
        "stop": {"type": "percent", "pct": 1},
        "entry": {"all": GOOD["entry"]["all"][1:]},
        "exit": {"any": [{"ind": "rsi", "op": ">", "value": 60}]},
    }
    assert differences(read_spec(GOOD), read_spec(GOOD)) == []
    assert differences(read_spec(GOOD), read_spec(other)) == [
        "stop.pct: 0.75, now 1.0",
        "longest holding time: 48 bars, now none",
        "entry: no longer RSI(14) crosses above 30",
        "exit: no longer RSI(14) is above 55",
        "exit: newly RSI(14) is above 60",
    ]
