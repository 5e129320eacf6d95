"""Verdicts as a colleague's notes: the decision, two sentences, and what happened since."""

import textwrap
from collections.abc import Mapping, Sequence

from msgspec import Struct

from tradeterm.domain.facts import SignalFact, Trade
from tradeterm.domain.signals import SignalOutcome, Verdict, VerdictDecision
from tradeterm.domain.view import DeskView
from tradeterm.ui import fmt
from tradeterm.ui.plain import plain
from tradeterm.ui.tables.common import gain_tone, in_words, symbol
from tradeterm.ui.tables.signals import decision_tone, verdict_words
from tradeterm.ui.widgets.painted import Painted
from tradeterm.ui.widgets.tones import Line, clipped


class Note(Struct, frozen=True):
    """One verdict in words. `since` is a clause on what the price did, with its tone."""

    decision: str
    tone: str
    subject: str
    aside: str
    text: str
    since: str
    since_tone: str


def notes(
    verdicts: Sequence[Verdict],
    signals: Mapping[str, SignalFact],
    trades: Mapping[str, Trade],
    view: DeskView | None,
    zone: str,
) -> list[Note]:
    """`signals` by id, closed `trades` by the id of their signal; newest verdict first."""
    lasts = {feed.instrument: feed.last for feed in view.feeds} if view is not None else {}
    return [
        _note(
            verdict, signals.get(verdict.signal_id), trades.get(verdict.signal_id), lasts.get(verdict.instrument), zone
        )
        for verdict in verdicts
    ]


def _note(verdict: Verdict, signal: SignalFact | None, trade: Trade | None, last: float | None, zone: str) -> Note:
    since, tone = "", ""
    if trade is not None:
        since, tone = f"closed {fmt.signed_money(trade.pnl)}, {in_words(trade.exit_reason)}", gain_tone(trade.pnl)
    elif signal is not None and last is not None and signal.price > 0:
        change = (last / float(signal.price) - 1) * verdict.side.sign
        moved = fmt.signed_percent(change, 1)
        taken = signal.outcome is SignalOutcome.ORDERED
        since, tone = f"{moved} since" if taken else f"would be {moved} now", gain_tone(round(change, 3))
    latency = fmt.duration(verdict.latency_ms)
    return Note(
        decision=verdict_words(verdict),
        tone=decision_tone(verdict.decision),
        subject=f"{symbol(verdict.instrument)} {verdict.side}",
        aside=f"{fmt.short_clock(verdict.ts, zone)} {latency}",
        text=verdict.reasoning or _silence(verdict),
        since=since,
        since_tone=tone,
    )


def _silence(verdict: Verdict) -> str:
    return "No answer; the signal is blocked." if verdict.decision is VerdictDecision.FAILED_CLOSED else ""


class VerdictNotes(Painted):
    """As many notes as fit, newest on top."""

    DEFAULT_CSS = "VerdictNotes { height: 1fr; background: $surface; color: $foreground; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._notes: Sequence[Note] = ()

    def set_notes(self, notes: Sequence[Note]) -> None:
        if notes != self._notes:
            self._notes = notes
            self.repaint()

    def paint(self, width: int, height: int) -> Sequence[Line]:
        lines: list[Line] = []
        for note in self._notes:
            drawn = _lines_of(note, width)
            if lines and len(lines) + len(drawn) > height:
                break
            lines += [*drawn, ()]
        return lines[:height]


def _lines_of(note: Note, width: int) -> list[Line]:
    head: Line = ((note.decision, f"{note.tone} strong"), (" ", ""), (note.subject, "bold"))
    body = textwrap.wrap(plain(note.text), max(8, width)) if note.text else []
    tail: Line = ((note.since, note.since_tone or "muted"),)
    if len(note.since) + 1 + len(note.aside) <= width:
        tail = (*tail, (" " * (width - len(note.since) - len(note.aside)), ""), (note.aside, "muted"))
    lines: list[Line] = [clipped(head, width), *(((line, ""),) for line in body), clipped(tail, width)]
    return lines
