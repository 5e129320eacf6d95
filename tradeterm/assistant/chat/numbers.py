"""Whether an answer says what was looked up: each of its numbers and ids is sought in the results of its turn."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

_FARTHEST = Decimal("0.25")
"""A rounded number may be this far from the real one, relative to it: "0" is no rounding of 0.3."""

_HUNDRED = Decimal(100)
_SCALES = {"k": 3, "m": 6, "mn": 6, "bn": 9, "b": 9}
_DATE = r"\d{4}-\d{2}-\d{2}"
_TIME = r"\d{1,2}:\d{2}(?::\d{2})?"
_WORD = r"(?:[A-Za-z_][\w.&-]*)?\d[\w.&-]*[\w]"
_NUMBER = r"[+−-]?[$€£₹]?(?:\d{1,3}(?:[,'’]\d{3})+|\d+)(?:[.,]\d+)?"
_TOKEN = re.compile(
    rf"(?<![\w.])(?:(?P<date>{_DATE})|(?P<time>{_TIME})"
    rf"|(?P<number>{_NUMBER})\s?(?P<unit>%|percent\b|per cent\b|bps\b|bp\b|(?:bn|mn|[kKmMbB])\b)?(?![\w]|[.-]\w)"
    rf"|(?P<word>{_WORD}))"
)
_MEASURED = re.compile(rf"(?P<number>{_NUMBER})(?P<unit>[A-Za-zµ]{{1,4}})")
_LIST_MARK = re.compile(r"^\s*\d{1,2}[.)]\s", re.MULTILINE)
_IN_TEXT = re.compile(rf"(?<![\w.]){_NUMBER}")
_STAMP = re.compile(rf"{_DATE}|{_TIME}")


class Checked(Struct, frozen=True):
    """Tokens of the answer as they stand in it, each once, in order."""

    unverified: tuple[str, ...]
    citations: tuple[str, ...]


class Looked(Struct, frozen=True):
    """What the results of a turn hold: their ids, their text, and their numbers as an answer may tell them, in order:
    bare, as percentages, and as basis points."""

    bare: tuple[Decimal, ...]
    percent: tuple[Decimal, ...]
    points: tuple[Decimal, ...]
    ids: frozenset[str]
    text: str


def looked_up(results: Iterable[Any]) -> Looked:
    """From plain data: mappings, sequences, texts and numbers."""
    plain: set[Decimal] = set()
    percentages: set[Decimal] = set()
    ids: set[str] = set()
    texts: list[str] = []
    for key, leaf in _leaves(results, ""):
        number = _decimal(leaf)
        if number is not None:
            (percentages if key.endswith("_pct") else plain).add(number)
        elif isinstance(leaf, str):
            texts.append(leaf)
            if key == "id" or key.endswith("_id"):
                ids.add(leaf)
            said = (_value(match[0]) for match in _IN_TEXT.finditer(_STAMP.sub(" ", leaf)))
            plain.update(value for value in said if value is not None)
    return Looked(
        bare=_sorted(plain, percentages, (value / _HUNDRED for value in percentages)),
        percent=_sorted(percentages, plain, (value * _HUNDRED for value in plain)),
        points=_sorted(
            plain, (value * _HUNDRED for value in percentages), (value * _HUNDRED * _HUNDRED for value in plain)
        ),
        ids=frozenset(ids),
        text="\n".join(texts),
    )


def _sorted(*values: Iterable[Decimal]) -> tuple[Decimal, ...]:
    return tuple(sorted({value for some in values for value in some}))


def check(answer: str, looked: Looked) -> Checked:
    """What of the answer no result holds, and the ledger ids it cites."""
    unverified: dict[str, None] = {}
    citations: dict[str, None] = {}
    marks = {match.start(): match.end() for match in _LIST_MARK.finditer(answer)}
    for token in _TOKEN.finditer(answer):
        if any(start <= token.start() < end for start, end in marks.items()):
            continue
        said = token[0].strip()
        if token["number"] is not None:
            known = _is_known(token["number"], (token["unit"] or "").lower(), looked)
        elif token["word"] is not None:
            known = _is_known_word(said, looked)
        else:
            known = said in looked.text
        if not known:
            unverified[said] = None
        elif said in looked.ids:
            citations[said] = None
    for word in re.findall(r"[A-Za-z][\w.&-]*\w", answer):  # ids without a digit
        if word in looked.ids:
            citations[word] = None
    return Checked(tuple(unverified), tuple(citations))


def _is_known_word(word: str, looked: Looked) -> bool:
    """An id, a symbol or a name as a result has it; or a measure such as 4h or 12x by its number."""
    if word in looked.ids or re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", looked.text):
        return True
    measure = _MEASURED.fullmatch(word)
    return measure is not None and _is_known(measure["number"], measure["unit"].lower(), looked)


def _is_known(number: str, unit: str, looked: Looked) -> bool:
    claim = _value(number)
    if claim is None:
        return False
    scale = _SCALES.get(unit, 0)
    half = Decimal(5).scaleb(scale - _places(number) - 1)
    claim = claim.scaleb(scale)
    if unit in ("%", "percent", "per cent"):
        told = looked.percent
    else:
        told = looked.points if unit in ("bps", "bp") else looked.bare
    claims = (claim,) if number[0] in "+-−" else (claim, -claim)  # "lost 12.67" has no sign
    return any(_is_rounding(each, half, told) for each in claims)


def _is_rounding(claim: Decimal, half: Decimal, told: Sequence[Decimal]) -> bool:
    """Whether the claim is one of the values, rounded to its last place."""
    for value in told[bisect_left(told, claim - half) :]:
        if value > claim + half:
            return False
        if abs(claim - value) <= abs(value) * _FARTHEST:
            return True
    return False


def _places(number: str) -> int:
    value = _plain(number)
    return len(value.partition(".")[2])


def _value(number: str) -> Decimal | None:
    return _decimal(_plain(number))


def _plain(number: str) -> str:
    """A written number with a point and without anything else: 1,234.50 and 1'234,50 alike."""
    bare = re.sub(r"[$€£₹'’]", "", number).replace("−", "-")
    whole, comma, rest = bare.rpartition(",")
    if comma and (len(rest) != 3 or "." in whole) and "." not in rest:  # a decimal comma
        return f"{whole.replace(',', '')}.{rest}"
    return bare.replace(",", "")


def _decimal(leaf: Any) -> Decimal | None:
    if isinstance(leaf, bool) or not isinstance(leaf, (int, float, str, Decimal)):
        return None
    if isinstance(leaf, str) and (len(leaf) > 40 or not re.fullmatch(r"[+-]?\d+(\.\d+)?(E[+-]?\d{1,3})?", leaf)):
        return None
    try:
        number = Decimal(repr(leaf) if isinstance(leaf, float) else leaf)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _leaves(item, str(name))
    elif isinstance(value, str) or not isinstance(value, Iterable):
        yield key, value
    else:
        for item in value:
            yield from _leaves(item, key)
