"""Lines as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.assistant.grammar import SPEEDS, WORDS, Misread, Request, Takes, complete, read

SYMBOLS, BOOKS = ["BTCUSDT", "BNBUSDT", "ETHUSDT"], ["crypto", "eos"]


@pytest.mark.parametrize(
    ("line", "word", "argument"),
    [
        ("status", "status", ""),
        ("  STATUS  ", "status", ""),
        (":why btc?", "why", "btc"),
        ("flatten", "flatten", ""),
        ("flatten BTCUSDT", "flatten", "BTCUSDT"),
        ("resume", "resume", ""),
        ("pause crypto", "pause", "crypto"),
        ("speed 20x", "speed", "20x"),
        ("speed max", "speed", "max"),
        ("gate", "gate", ""),
        ("strategies", "strategies", ""),
        ("explain dips", "explain", "dips"),
        ("New Strategy", "new", "Strategy"),
        ("Is the AI any good?", "gate", ""),
    ],
)
def test_understood(line: str, word: str, argument: str) -> None:
    request = read(line)
    assert isinstance(request, Request)
    assert (request.word.name, request.argument) == (word, argument)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("", "Type a word; `help` lists them."),
        ("why", "`why` needs one more word: `why SYMBOL`."),
        ("pause", "`pause` needs one more word: `pause BOOK`."),
        ("halt now", "`halt` stands alone; found 'now' after it."),
        ("speed fast", "`speed` takes a factor above 0, pause, resume, faster, slower or max; found 'fast'."),
        ("speed nan", "`speed` takes a factor above 0, pause, resume, faster, slower or max; found 'nan'."),
        ("postions", "Did you mean `positions`?"),
        ("why did we sell bitcoin yesterday", "Without one: status, positions"),
        ("halt everything now", "Nothing was done: that is written `halt`."),
        ("new", "That is written `new strategy`."),
        ("new order", "That is written `new strategy`."),
        ("explain", "`explain` needs one more word: `explain STRATEGY`."),
    ],
)
def test_not_understood(line: str, answer: str) -> None:
    misread = read(line)
    assert isinstance(misread, Misread)
    assert answer in misread.text


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ("why did we sell bitcoin yesterday", True),
        ("pnl today", True),
        ("how much did we make?", True),
        ("drawdown?", True),
        ("halt everything now", False),
        ("kill it all please", False),
        ("flatten btc and eth", False),
        ("postions", False),
        ("hlat now", False),
        ("why", False),
        ("", False),
    ],
)
def test_only_what_is_no_word_may_be_plain_language(line: str, plain: bool) -> None:
    misread = read(line)
    assert isinstance(misread, Misread)
    assert misread.plain is plain


@given(st.text(max_size=80))
def test_no_line_breaks_it(line: str) -> None:
    assert isinstance(read(line), (Request, Misread))
    assert all(isinstance(item, str) for item in complete(line, SYMBOLS, BOOKS))


@pytest.mark.parametrize(
    ("line", "candidates"),
    [
        ("st", ["status", "strategies", "stop", "start"]),
        ("why b", ["why BTCUSDT", "why BNBUSDT"]),
        ("flatten ", ["flatten BTCUSDT", "flatten BNBUSDT", "flatten ETHUSDT"]),
        ("pause e", ["pause eos"]),
        ("halt ", []),
        ("recover cr", ["recover crypto"]),
        ("nonsense b", []),
        ("speed ", [f"speed {item}" for item in SPEEDS]),
    ],
)
def test_completion(line: str, candidates: list[str]) -> None:
    assert complete(line, SYMBOLS, BOOKS) == candidates


def test_what_is_completed_is_understood() -> None:
    for word in WORDS:
        if word.takes in (Takes.REASON, Takes.MAYBE_BOOK_REASON):
            continue  # its own words
        for line in complete(f"{word.name} ", SYMBOLS, BOOKS, ["dips"]) or [word.name]:
            assert isinstance(read(line), Request), line
