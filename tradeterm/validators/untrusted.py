"""Text from outside: cleaned, cut, and screened. It is data, and only the call that can but lower ever sees it."""

import re
import unicodedata
from collections.abc import Iterable

from msgspec import Struct

MOST_ITEMS = 5
LONGEST_ITEM = 200
_READ_AT_MOST = 4000

_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Cn"}
_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_SCREEN = re.compile(
    r"ignor|disregard|forget|overrid|overrul|bypass|unlock|disarm"
    r"|approv|reject|abstain|\breduce\b|veto|verdict|confiden|size.?factor|leverag|kill.?switch|risk.?limit|max.?size"
    r"|system|assistant|prompt|instruct|developer|jailbreak|\bdan\b|pretend|role.?play|you (?:are|must|should|will)\b"
    r"|\bapply\s+p\d|tool.?(?:use|call|result)|function.?call|\bjson\b|schema|injection|base64|decode|execute|\beval\b"
    r"|api.?key|secret|password|token:"
    r"|https?:|www\.|\b[a-z0-9-]+\.(?:com|net|org|io|ru|xyz|app|dev)\b|data:"
    r"|[A-Za-z0-9+/=_-]{28,}|[<>{}\[\]`|\\]|\$\(|human:|user:"
    r"|ignorez|ignorier|genehmig|approuv|aprob|aprueb|одобр|игнор|утверд|忽略|批准|指令|承認|無視|تجاهل",
    re.IGNORECASE,
)


class Cleaned(Struct, frozen=True):
    """What may be quoted, and whether something was dropped because it reads like an instruction."""

    items: tuple[str, ...]
    suspicious: bool


def clean(items: Iterable[object]) -> Cleaned:
    """At most five texts of 200 characters without anything invisible; the suspicious ones are dropped."""
    kept: list[str] = []
    suspicious = False
    for item in items:
        text = plain(item) if isinstance(item, str) else ""
        if not text:
            continue
        if is_suspicious(text):
            suspicious = True
        elif len(kept) < MOST_ITEMS:
            kept.append(text[:LONGEST_ITEM])
    return Cleaned(tuple(kept), suspicious)


def plain(text: str) -> str:
    """NFKC on one line, without control, zero-width, bidi, tag and private characters."""
    spaced = "".join(" " if char.isspace() else char for char in unicodedata.normalize("NFKC", text[:_READ_AT_MOST]))
    return " ".join("".join(char for char in spaced if not _is_hidden(char)).split())


def is_suspicious(text: str) -> bool:
    """Whether a text reads like an instruction, an address or code, or mixes alphabets within a word."""
    return _SCREEN.search(text) is not None or any(_is_mixed(word) for word in re.findall(r"\w+", text))


def _is_hidden(char: str) -> bool:
    return unicodedata.category(char) in _HIDDEN or any(ord(char) in selectors for selectors in _SELECTORS)


def _is_mixed(word: str) -> bool:
    scripts = {unicodedata.name(char, "?").partition(" ")[0] for char in word if char.isalpha()}
    return "LATIN" in scripts and len(scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}) > 0
