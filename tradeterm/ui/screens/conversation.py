"""The conversation in toned text: what was said, what was looked up, what is not verified, what waits to be applied."""

import re
from collections.abc import Sequence
from functools import lru_cache

from textual.content import Content

from tradeterm.assistant.chat.footer import read_footer
from tradeterm.domain.facts import ChatRow
from tradeterm.ui import fmt
from tradeterm.ui.chat_session import Answering, Card, PartKind
from tradeterm.ui.plain import plain

_NAMES = {"operator": "you", "console": "console", "assistant": "assistant"}
_UNVERIFIED, _CITED = "underline $warning", "$accent"
_DOUBTS = ("INSUFFICIENT", "NO PREVIEW", "NO BACKTEST", "LOOK-AHEAD", "NOT CHECKED", "note: ")
Parts = list[tuple[str, str]]


def conversation(rows: Sequence[ChatRow], zone: str) -> Content:
    """The ledger's lines, the newest last."""
    return Content.assemble(*(part for row in rows for part in _row(row, zone)))


@lru_cache(maxsize=512)
def _row(row: ChatRow, zone: str) -> tuple[tuple[str, str], ...]:
    mine = row.role == "operator"
    parts: Parts = [
        (f"{fmt.short_clock(row.ts, zone)} ", "$muted"),
        (f"{_NAMES.get(row.role, row.role)}\n", "bold $prompt" if mine else "bold $accent"),
    ]
    if row.role == "assistant":
        parts += _answer(row.text)
    else:
        parts += [(f"  {plain(line)}\n", "$bright" if mine else "$foreground") for line in row.text.splitlines()]
    return (*parts, ("\n", ""))


def answering(answer: Answering) -> Content:
    """An answer as far as it has come."""
    parts: Parts = []
    for kind, text in answer.parts:
        if kind is PartKind.TEXT:
            for line in text.strip().splitlines():
                parts += _marked(f"  {plain(line)}\n", answer.unverified, answer.citations)
        else:
            parts.append((f"  {plain(text)}\n", "$warning" if kind is PartKind.TROUBLE else "$muted"))
    if answer.unverified:
        parts.append((_footnote(answer.unverified), "$warning"))
    if not answer.done:
        parts.append(("  … escape cancels\n", "$muted"))
    return Content.assemble(*parts)


def cards(pending: Sequence[Card], asked_ms: int = 0) -> Content:
    """What would change, and the line to type: that of the newest alone, at the end, so that it is in sight and no
    other is typed for it. Where something was asked at `asked_ms`, after the card, the answer is not pushed away."""
    parts: Parts = []
    for card in pending[:-1]:
        parts.append((f"{plain(card.title)}   {card.seconds_left} s left\n", "$muted"))
    for card in pending[-1:]:
        seen = card.made_ms < asked_ms
        parts.append((f"{plain(card.title)}\n", "bold $bright"))
        parts.append((f"{plain(card.consequence)}\n", "$foreground"))
        lines = [line for line in card.lines if line.startswith(_DOUBTS)] if seen else card.lines
        parts += [(f"{plain(line)}\n", _loudness(line)) for line in lines]
        for key, before, after in card.changes:
            parts += [(f"  {plain(key)}  ", "$muted"), (f"{plain(before)} → {plain(after)}\n", "$foreground")]
        parts += [(f"cannot be applied: {plain(why)}\n", "$warning") for why in card.blocked]
        if card.line:
            parts += [("type ", "$muted"), (card.line, "bold $prompt"), (f"   {card.seconds_left} s left\n", "$muted")]
    return Content.assemble(*parts).rstrip()


def _loudness(line: str) -> str:
    """What must not be read past stands out on a card."""
    return "$warning" if line.startswith(_DOUBTS) else "$foreground"


def _answer(text: str) -> Parts:
    footed = read_footer(text)
    parts: Parts = []
    for line in footed.body.splitlines():
        parts += _marked(f"  {plain(line)}\n", footed.unverified, footed.citations)
    if footed.unverified:
        parts.append((_footnote(footed.unverified), "$warning"))
    if footed.about:
        parts.append((f"  {plain(footed.about)}\n", "$muted"))
    return parts


def _footnote(unverified: Sequence[str]) -> str:
    return f"  underlined, not in what was looked up: {plain(' · '.join(unverified))}\n"


def _marked(line: str, unverified: Sequence[str], citations: Sequence[str]) -> Parts:
    """The line with its unverified tokens underlined and its ledger ids in colour."""
    styles = {**dict.fromkeys(citations, _CITED), **dict.fromkeys(unverified, _UNVERIFIED)}
    if not styles:
        return [(line, "$foreground")]
    longest_first = sorted(styles, key=len, reverse=True)
    pattern = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, longest_first))})(?!\w)")
    return [(piece, styles.get(piece, "$foreground")) for piece in pattern.split(line) if piece]
