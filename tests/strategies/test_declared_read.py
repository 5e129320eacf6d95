"""Reading a specification: what is right is read as it stands, every mistake is one sentence with its place."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.domain.errors import ConfigError
from tradeterm.strategies.declared.files import example_files, find_file
from tradeterm.strategies.declared.read import MOST_BYTES, parse, plain_spec, read_file, read_spec
from tradeterm.strategies.declared.spec import Operator, PercentStop, Spec

GOOD: dict[str, Any] = {
    "v": 1,
    "name": "rsi-oversold-btc",
    "symbols": ["BTC"],
    "timeframe": "15m",
    "side": "long",
    "entry": {
        "all": [
            {"ind": "rsi", "n": 14, "op": "crosses_above", "value": 30},
            {"ind": "ema_slope", "n": 200, "op": ">=", "value": 0},
            {"ind": "close", "op": ">", "of": {"ind": "ema", "n": 50}},
        ]
    },
    "exit": {"any": [{"bars_held": 48}, {"ind": "rsi", "n": 14, "op": ">", "value": 55}]},
    "stop": {"type": "percent", "pct": 0.75},
    "target": {"type": "r", "mult": 2},
    "trail": {"pct": 1},
    "risk": {"risk_pct": 0.25, "max_leverage": 10, "max_positions": 1, "daily_loss_pct": 1},
    "assumptions": ["'tight risk' read as 0.25 % a trade"],
}


def changed(place: str, value: Any) -> dict[str, Any]:
    """GOOD with another value at a place such as entry.all.0.n; None takes it away."""
    data = copy.deepcopy(GOOD)
    *path, last = [int(part) if part.isdigit() else part for part in place.split(".")]
    table: Any = data
    for part in path:
        table = table[part]
    if value is None:
        del table[last]
    else:
        table[last] = value
    return data


def mistakes(data: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read_spec(data)
    return str(caught.value).splitlines()


def test_a_specification_is_read() -> None:
    spec = read_spec(GOOD)
    assert (spec.name, spec.symbols, spec.timeframe, spec.side) == ("rsi-oversold-btc", ("BTC",), "15m", "long")
    first, second, third = spec.entry.all
    assert (first.ind, first.n, first.op, first.value) == ("rsi", 14, Operator.CROSSES_ABOVE, 30.0)
    assert third.of is not None and third.of.n == 50 and second.n == 200
    assert spec.bars_held == 48 and len(spec.exit.any) == 1
    assert spec.stop == PercentStop(pct=0.75)
    assert spec.applicable


def test_what_it_is_written_as_reads_as_the_same() -> None:
    spec = read_spec(GOOD)
    assert read_spec(json.loads(json.dumps(plain_spec(spec)))) == spec
    for path in example_files():
        assert read_spec(plain_spec(read_file(path))) == read_file(path)


SENTENCES = [
    ("entry.all.1.n", 0, "entry.all[1].n: found 0, allowed a whole number, 2 to 500"),
    ("entry.all.0.n", 14.5, "entry.all[0].n: found 14.5, allowed a whole number, 2 to 100"),
    ("entry.all.0.n", True, "entry.all[0].n: found true, allowed a whole number, 2 to 100"),
    ("entry.all.0.ind", "rsii", 'entry.all[0].ind: found "rsii"; did you mean rsi?'),
    ("entry.all.0.ind", "bolinger_uper", 'entry.all[0].ind: found "bolinger_uper"; did you mean bollinger_upper'),
    ("entry.all.0.ind", 3, "entry.all[0].ind: found 3, allowed close, open, high"),
    ("entry.all.0.ind", None, "entry.all[0].ind: missing, allowed close, open"),
    ("entry.all.0.op", "=", 'entry.all[0].op: found "=", allowed >, >=, <, <=, crosses_above, crosses_below, between'),
    ("entry.all.0.op", None, "entry.all[0].op: missing, allowed >, >=, <, <="),
    ("entry.all.0.value", 130, "entry.all[0].value: found 130, allowed 0 to 100"),
    ("entry.all.0.value", float("nan"), "entry.all[0].value: found nan, allowed 0 to 100"),
    ("entry.all.0.value", 10**400, f"entry.all[0].value: found {str(10**400)[:57]}…, allowed 0 to 100"),
    ("entry.all.0.value", None, "entry.all[0].value: missing, allowed a number here, or an indicator in of"),
    ("entry.all.0.fast", 3, "entry.all[0].fast: found a key that is not known here; allowed ind, n, ago, op, value"),
    ("entry.all.0.valeu", 3, "entry.all[0].valeu: found a key that is not known here; did you mean value?"),
    ("entry.all.0.of", {"ind": "ema"}, "entry.all[0]: found both value and of, allowed one of them"),
    ("entry.all.0.ago", -1, "entry.all[0].ago: found -1, allowed a whole number, 0 to 500"),
    ("entry.all.0", 5, "entry.all[0]: found 5, allowed a condition, a table with ind and op"),
    ("entry.all.0", {"bars_held": 3}, "entry.all[0].bars_held: found here, allowed in exit.any alone"),
    (
        "entry.all.2.of.ind",
        "rsi",
        "entry.all[2].of.ind: found rsi (a number of 0 to 100) to compare with close (a price)",
    ),
    ("entry.all.2.of", 7, "entry.all[2].of: found 7, allowed a table with ind"),
    ("entry.all.2.of", {"ind": "emma"}, 'entry.all[2].of.ind: found "emma"; did you mean'),
    (
        "entry.all.2.of",
        {"ind": "volume"},
        "entry.all[2].of.ind: found volume (a volume) to compare with close (a price)",
    ),
    ("entry.all.2.times", 0, "entry.all[2].times: found 0, allowed 0.01 to 100"),
    ("entry.all.0.times", 2, "entry.all[0].times: found beside value, allowed beside of"),
    (
        "entry.all.0",
        {"ind": "rsi", "op": "between", "low": 40, "high": 30},
        "entry.all[0].low: found 40.0, allowed below",
    ),
    ("entry.all.0", {"ind": "rsi", "op": "between", "low": 40}, "entry.all[0].high: missing, allowed 0 to 100"),
    ("entry.all.0", {"ind": "rsi", "op": "rising"}, "entry.all[0].bars: missing, allowed a whole number, 1 to 100"),
    (
        "entry.all.0",
        {"ind": "macd_line", "fast": 30, "op": ">", "value": 0},
        "entry.all[0].fast: found 30, allowed below",
    ),
    (
        "entry.all.0",
        {"ind": "sma", "source": "x", "op": ">", "value": 1},
        'entry.all[0].source: found "x", allowed close',
    ),
    ("entry.all", {}, "entry.all: found a table, allowed a list of conditions"),
    ("entry.all", [], "entry: found no condition, allowed all or any with at least one"),
    ("entry.all", [GOOD["entry"]["all"][0]] * 13, "entry.all: found 13 conditions, allowed at most 12"),
    ("entry.any", [], "entry: found both all and any, allowed one of them"),
    ("entry.some", [], "entry.some: found a key that is not known here; allowed all or any"),
    ("entry", None, "entry: missing, allowed a table"),
    ("entry", [], "entry: found [], allowed a table"),
    ("exit.any.0.bars_held", 0, "exit.any[0].bars_held: found 0, allowed a whole number, 1 to 43200"),
    ("exit.any.0.bars_held", 2881, "exit.any: found bars_held 2881, allowed 1 to 2880, which is 720 hours"),
    ("exit.any.0.n", 3, "exit.any[0].n: found beside bars_held, allowed alone"),
    ("exit.any.1", {"bars_held": 3}, "exit.any[1].bars_held: found a second one, allowed once"),
    ("exit.any.1.n", 1, "exit.any[1].n: found 1, allowed a whole number, 2 to 100"),
    ("stop", None, "stop: missing, allowed a table"),
    ("stop.type", "atrr", 'stop.type: found "atrr", allowed atr or percent'),
    ("stop.type", None, "stop.type: missing, allowed atr or percent"),
    ("stop.pct", 0, "stop.pct: found 0, allowed 0.1 to 50"),
    ("stop.mult", 2, "stop.mult: found a key that is not known here"),
    ("stop.pct", 9.5, "stop.pct: found 9.5, allowed below 9: at 10x a position is liquidated that many percent from"),
    ("stop", {"type": "atr", "mult": 2, "n": 20}, "stop.n: found 20, allowed 14, the period of the desk's own ATR"),
    ("target.type", "R", 'target.type: found "R", allowed r, percent or none'),
    ("trail", {}, "trail.pct: missing, allowed 0.1 to 50"),
    ("trail", "off", 'trail: found "off", allowed a table'),
    ("risk.risk_pct", 5, "risk.risk_pct: found 5, allowed above 0 and up to 2"),
    ("risk.max_positions", 0, "risk.max_positions: found 0, allowed a whole number, 1 to 500"),
    ("risk.leverage", 5, "risk.leverage: found a key that is not known here; did you mean max_leverage?"),
    ("v", 2, "v: found 2, allowed a whole number, 1 to 1"),
    ("name", "Rsi!", 'name: found "Rsi!", allowed 1 to 40 of a-z, 0-9, _ and -, a letter first'),
    ("symbols", [], "symbols: found [], allowed a list of at least one text"),
    ("symbols", ["btc usd"], 'symbols[0]: found "btc usd", allowed one such as BTC, BTCUSDT or RELIANCE.NSE'),
    ("symbols", ["BTC", "BTC"], 'symbols[1]: found "BTC" more than once, allowed once'),
    ("timeframe", "2m", 'timeframe: found "2m", allowed 1m, 3m, 5m, 15m, 30m, 1h, 4h or 1d'),
    ("side", "up", 'side: found "up", allowed long, short or both'),
    ("entyr", {}, "entyr: found a key that is not known here; did you mean entry?"),
    ("assumptions", ["a\x1b[2J"], 'assumptions[0]: found "a\\u001b[2J", allowed one line of 1 to 500 letters'),
    ("questions", ["how\u202e?"], 'questions[0]: found "how\ufffd?", allowed one line'),
    ("assumptions", ["x"] * 21, "assumptions: found 21 texts, allowed at most 20"),
]


@pytest.mark.parametrize(("place", "value", "sentence"), SENTENCES)
def test_a_mistake_is_one_sentence_with_its_place(place: str, value: Any, sentence: str) -> None:
    (found,) = mistakes(changed(place, value))
    assert found.startswith(sentence)
    assert len(found) < 500


def test_every_mistake_is_named() -> None:
    data = changed("entry.all.0.n", 0) | {"side": "up", "stop": {"type": "none"}}
    assert [line.partition(":")[0] for line in mistakes(data)] == ["side", "entry.all[0].n", "stop.type"]


def test_both_sides_need_a_mirror_image() -> None:
    both = GOOD | {"side": "both"}
    assert read_spec(both).side == "both"
    fixed = {"ind": "close", "op": ">", "value": 60_000}
    assert mistakes(both | {"entry": {"all": [fixed]}}) == [
        "entry.all[0]: a fixed price has no mirror image for shorts; allowed with side long or short"
    ]
    assert mistakes(both | {"exit": {"any": [{"bars_held": 3}, fixed]}})[0].startswith("exit.any[1]: a fixed price")
    assert mistakes(both | {"entry": {"any": [{"ind": "adx", "op": ">", "value": 20}]}}) == [
        "side: found both, but no condition of entry tells a long from a short; allowed long or short"
    ]


def test_what_cannot_be_expressed_or_is_asked_is_read_but_not_applicable() -> None:
    assert not read_spec(GOOD | {"unsupported": ["news sentiment"]}).applicable
    assert not read_spec(GOOD | {"questions": ["which account?"]}).applicable


FILES = [
    (b'{"v": 1, "v": 2}', "not valid JSON: v stands twice in one table"),
    (b'{"v": NaN}', "not valid JSON: NaN is no number"),
    (b'{"v": -Infinity}', "not valid JSON: -Infinity is no number"),
    (b'{"v": "\\ud800"}', "not valid JSON: "),
    (b"[1]", "found [1], allowed a table"),
    (b"{", "not valid JSON: "),
    (b"\xff", "found a byte at 0 that is not UTF-8, allowed UTF-8 text"),
    (b'{"a":' * 9 + b"1" + b"}" * 9, "found more than 8 levels of tables, allowed at most that many"),
    (b"[" * 30_000, "found more than 8 levels of tables, allowed at most that many"),
    (b" " * (MOST_BYTES + 1), f"found more than {MOST_BYTES} bytes, allowed at most that many"),
]


@pytest.mark.parametrize(("text", "sentence"), FILES, ids=range(len(FILES)))
def test_what_is_no_good_json(text: bytes, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"the file: {sentence}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"a = 1\na = 2", b"a = ", b"x = [" + b"[" * 20_000, b"a" + b".a" * 20 + b" = 1"])
def test_what_is_no_good_toml(text: bytes) -> None:
    with pytest.raises(ConfigError, match=r"the file: (not valid TOML|found more than 8 levels)"):
        parse(text, toml=True)


def test_a_file_is_named_in_its_mistakes(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(GOOD | {"side": "up", "v": 3}))
    with pytest.raises(ConfigError) as caught:
        read_file(path)
    assert [line.startswith(f"{path}: ") for line in str(caught.value).splitlines()] == [True, True]
    with pytest.raises(ConfigError, match=r"found a file of another kind, allowed .json or .toml"):
        read_file(tmp_path / "mine.py")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_file(tmp_path / "none.json")


def test_a_name_is_the_users_own_file_before_an_example(tmp_path: Path) -> None:
    assert find_file("rsi-oversold-btc", tmp_path).parent.name == "examples"
    (tmp_path / "rsi-oversold-btc.toml").write_text("")
    assert find_file("rsi-oversold-btc", tmp_path).parent == tmp_path
    with pytest.raises(ConfigError, match=r"is neither a file nor a strategy in .*; did you mean rsi-oversold-btc\?"):
        find_file("rsi-oversold", tmp_path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["rsi", "close", ">", "atr"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*GOOD, "ind", "op", "n", "value", "of", "all", "any", "type"]) | st.text(), inner
        )
    ),
    max_leaves=12,
)


def places(value: Any, at: str = "") -> list[str]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in inside for place in (f"{at}{key}", *places(item, f"{at}{key}."))]


@given(st.lists(st.tuples(st.sampled_from(places(GOOD)), VALUES), min_size=1, max_size=2))
def test_whatever_is_written_is_a_specification_or_sentences(changes: list[tuple[str, Any]]) -> None:
    data = copy.deepcopy(GOOD)
    for place, value in changes:
        *path, last = place.split(".")
        table: Any = data
        for part in path:
            table = table[int(part)] if isinstance(table, list) and int(part) < len(table) else table
            table = table.get(part, table) if isinstance(table, dict) else table
        if isinstance(table, dict):
            table[last] = value
    try:
        text = json.dumps(data, ensure_ascii=True).encode()
        spec = read_spec(parse(text))
    except ConfigError as error:
        assert all(line.isprintable() and ": " in line for line in str(error).split("\n"))
    else:
        assert isinstance(spec, Spec)
        assert read_spec(plain_spec(spec)) == spec
