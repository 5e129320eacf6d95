"""What stands under an answer in the ledger, one line each: who answered and what it cost, and what is not verified.

The chat table holds text alone, so that anybody can read it; the screen reads these lines back to mark the answer.
"""

from decimal import Decimal

from msgspec import Struct

_LINE, _UNVERIFIED, _CITED, _BETWEEN = "— ", "— not in what was looked up: ", "— rests on: ", " · "


class Footed(Struct, frozen=True):
    """An answer taken apart. `about` is the line on who answered."""

    body: str
    about: str = ""
    unverified: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()


def with_footer(
    body: str, *, who: str, calls: int, cost: Decimal | None, unverified: tuple[str, ...], citations: tuple[str, ...]
) -> str:
    looked = "nothing looked up" if not calls else f"{calls} look-up{'' if calls == 1 else 's'}"
    lines = [_LINE + _BETWEEN.join((who, looked, usd(cost)))]
    if citations:
        lines.append(_CITED + _BETWEEN.join(citations))
    if unverified:
        lines.append(_UNVERIFIED + _BETWEEN.join(unverified))
    return "\n".join([_without_forged(body), *lines])


def read_footer(text: str) -> Footed:
    lines = text.splitlines()
    at = len(lines)
    while at > 0 and lines[at - 1].startswith(_LINE):
        at -= 1
    unverified: tuple[str, ...] = ()
    citations: tuple[str, ...] = ()
    about = ""
    for line in lines[at:]:
        if line.startswith(_UNVERIFIED):
            unverified = tuple(line.removeprefix(_UNVERIFIED).split(_BETWEEN))
        elif line.startswith(_CITED):
            citations = tuple(line.removeprefix(_CITED).split(_BETWEEN))
        else:
            about = line.removeprefix(_LINE)
    return Footed("\n".join(lines[:at]), about, unverified, citations)


def usd(cost: Decimal | None) -> str:
    """A cost in USD; n/a where the price is not known. A tenth of a cent is the least that is shown."""
    if cost is None:
        return "cost n/a"
    return f"{cost:.3f} USD" if cost == 0 or cost >= Decimal("0.001") else "under 0.001 USD"


def _without_forged(body: str) -> str:
    """An answer cannot write its own footer."""
    return "\n".join(f" {line}" if line.startswith(_LINE) else line for line in body.splitlines()).rstrip()
