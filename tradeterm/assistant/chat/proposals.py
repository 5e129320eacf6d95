"""Changes that a model may propose and only a person can apply, by typing a line that no model ever sees."""

import hmac
import re
import secrets
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from msgspec import Struct, to_builtins

from tradeterm.validators.digest import canonical, digest

LIFE_S = 120
_TRIES = 3
_MOST = 5
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # nothing that is read as something else
_LINE = re.compile(r"apply\s+(p[0-9]{1,6})\s+([a-z0-9]{4})", re.IGNORECASE)
_WANTED = re.compile(r"^\W*apply\b|\bapply\s+p[0-9]", re.IGNORECASE)
_CODE = re.compile(r"(apply\s+p[0-9]+)\s+\S+", re.IGNORECASE)
_USAGE = "`APPLY` takes a proposal and its code, as its card shows them: `APPLY p1 K7QX`."


class ProposalKind(StrEnum):
    PAUSE = "pause"
    PARAMETERS = "parameters"
    STRATEGY = "strategy"
    REPORT = "report"


class Proposal(Struct, frozen=True, kw_only=True):
    """What would be done. `before` and `after` are the values it changes; `made_ms` is the machine's clock.

    `book` is what it is about, a book or another name. `lines` are for the person to read on the card, `what` is for
    whoever applies it. A proposal with anything in `blocked` is only shown: each is a sentence on why.
    """

    id: str
    kind: ProposalKind
    book: str
    title: str
    consequence: str
    before: dict[str, Any]
    after: dict[str, Any]
    made_ms: int
    lines: tuple[str, ...] = ()
    what: dict[str, Any] = {}
    blocked: tuple[str, ...] = ()
    life_s: int = LIFE_S

    @property
    def hash(self) -> str:
        return digest(canonical(to_builtins(self)))


class ProposalRefused(Exception):
    """The typed line applies nothing; why, in one sentence."""


class Proposals:
    """The pending ones of this process. `now` is the machine's clock in ms."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._secret = secrets.token_bytes(32)
        self._made = 0
        self._pending: dict[str, Proposal] = {}
        self._wrong: dict[str, int] = {}

    def add(
        self,
        kind: ProposalKind,
        book: str,
        title: str,
        consequence: str,
        before: dict[str, Any],
        after: dict[str, Any],
        *,
        lines: tuple[str, ...] = (),
        what: dict[str, Any] | None = None,
        blocked: tuple[str, ...] = (),
        life_s: int = LIFE_S,
    ) -> Proposal:
        """Keep a proposal; one about the same thing gives way to it, and of too many the oldest goes."""
        self._made += 1
        proposal = Proposal(
            id=f"p{self._made}",
            kind=kind,
            book=book,
            title=title,
            consequence=consequence,
            before=before,
            after=after,
            made_ms=self._now(),
            lines=lines,
            what=what or {},
            blocked=blocked,
            life_s=life_s,
        )
        kept = [old for old in self.pending() if (old.kind, old.book) != (kind, book)]
        self._pending = {each.id: each for each in (*kept, proposal)[-_MOST:]}
        return proposal

    def pending(self) -> tuple[Proposal, ...]:
        """Those that can still be applied, the oldest first."""
        return tuple(each for each in self._pending.values() if self.seconds_left(each) > 0)

    def seconds_left(self, proposal: Proposal) -> int:
        """A clock that was set back ends a proposal too."""
        age_ms = self._now() - proposal.made_ms
        return max(0, proposal.life_s - age_ms // 1000) if age_ms >= 0 else 0

    def line(self, proposal: Proposal) -> str:
        """What the person types; "" for one that is only shown. The code hangs on all of the proposal's content and on
        a secret of this process."""
        if proposal.blocked:
            return ""
        mark = hmac.digest(self._secret, proposal.hash.encode(), "sha256")
        code = "".join(_LETTERS[byte % len(_LETTERS)] for byte in mark[:4])
        return f"APPLY {proposal.id} {code}"

    def take(self, line: str) -> Proposal:
        """The proposal that a typed line applies; it is gone afterwards, unless it is given back.
        Raises ProposalRefused."""
        words = _LINE.fullmatch(line.strip().lstrip(":").strip())
        if words is None:
            raise ProposalRefused(_USAGE)
        found = self._pending.get(words[1].lower())
        if found is None:
            raise ProposalRefused(f"There is no pending proposal {words[1].lower()}: applied, replaced or never made.")
        if not self.seconds_left(found):
            del self._pending[found.id]
            raise ProposalRefused(f"Proposal {found.id} has expired after {found.life_s} s. Ask for it again.")
        if found.blocked:
            raise ProposalRefused(f"Proposal {found.id} cannot be applied: {found.blocked[0].rstrip('.')}.")
        if not hmac.compare_digest(self.line(found).split()[2], words[2].upper()):
            raise ProposalRefused(self._wrong_code(found))
        del self._pending[found.id]
        return found

    def give_back(self, taken: Proposal) -> None:
        """Keep one that was taken and did nothing, where no other about the same came meanwhile."""
        pending = self.pending()
        if not any((each.kind, each.book) == (taken.kind, taken.book) for each in pending):
            kept = sorted((*pending, taken), key=lambda each: int(each.id[1:]))
            self._pending = {each.id: each for each in kept[-_MOST:]}

    def _wrong_code(self, found: Proposal) -> str:
        wrong = self._wrong.get(found.id, 0) + 1
        self._wrong[found.id] = wrong
        if wrong >= _TRIES:
            del self._pending[found.id]
            return f"That is not the code of {found.id}. After {_TRIES} wrong ones the proposal is withdrawn."
        return f"That is not the code of {found.id}. Nothing was applied."


def is_apply(line: str) -> bool:
    """Whether a typed line wants to apply a proposal, well or badly written: such a line never goes to a model."""
    return _WANTED.search(line) is not None


def without_code(line: str) -> str:
    """A typed line as it is kept: a code that may still be good is not."""
    return _CODE.sub(r"\1 ····", line)
