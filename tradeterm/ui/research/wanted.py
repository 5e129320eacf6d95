"""What a person asks to have tried, and the command that does it. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from tradeterm.domain.errors import ConfigError
from tradeterm.profile import user_path


class Kind(StrEnum):
    """The commands of research; a value is the command's word."""

    BACKTEST = "backtest"
    WALK_FORWARD = "walkforward"
    ROBUSTNESS = "robustness"
    SWEEP = "sweep"


_MOST_NAMED = 3
JOINED = " + "
"""Between the names of books that are traded together."""
VARIES = (Kind.WALK_FORWARD, Kind.SWEEP)
"""Those that choose among values of parameters."""


class Wanted(Struct, frozen=True, kw_only=True):
    """A study as it is typed; what is empty is the command's default. `settings` are KEY=VALUE, `vary` KEY=VALUES;
    `ai` is who judges as tier 2."""

    kind: Kind = Kind.BACKTEST
    name: str = ""
    data: str = ""
    symbols: str = ""
    interval: str = ""
    start: str = ""
    end: str = ""
    capital: str = ""
    settings: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    seed: int = 0
    ai: str = ""


def lack(wanted: Wanted) -> str:
    """What is missing before the command could be given at all; empty when nothing is."""
    if not wanted.name or wanted.name.startswith("-"):
        return "Name a book of the configuration or a strategy."
    if JOINED in wanted.name and wanted.kind is not Kind.BACKTEST:
        return "Only a backtest trades several books together: name one."
    if wanted.kind is Kind.SWEEP and not wanted.vary:
        return "A sweep varies something: give KEY=VALUE,VALUE or KEY=LOW:HIGH:STEP."
    return ""


def arguments(wanted: Wanted, profile: str, report: Path | None = None) -> list[str]:
    """The command line after `tradeterm`; with `report` a backtest also writes it there."""
    line = [wanted.kind.value, *wanted.name.split(JOINED), "--json", f"--profile={profile}"]
    for option, value in (
        ("data", absolute(wanted.data)),
        ("symbols", ",".join(wanted.symbols.replace(",", " ").split())),
        ("interval", wanted.interval),
        ("from", wanted.start),
        ("to", wanted.end),
        ("capital", wanted.capital.replace(",", "")),
    ):
        if value:
            line.append(f"--{option}={value}")
    if wanted.seed:
        line.append(f"--seed={wanted.seed}")
    line += [f"--set={setting}" for setting in wanted.settings]
    if wanted.kind in VARIES:
        option = "grid" if wanted.kind is Kind.WALK_FORWARD else "vary"
        line += [f"--{option}={each}" for each in wanted.vary]
    if wanted.kind is Kind.BACKTEST:
        line += ["--tables", *([f"--ai={wanted.ai}"] if wanted.ai else [])]
        if report is not None:
            line.append(f"--out={report}")
    return line


def described(wanted: Wanted) -> Sequence[str]:
    """The study in a few short parts, for a person."""
    period = " to ".join(filter(None, (wanted.start or "the beginning", wanted.end or "the end")))
    symbols = wanted.symbols.replace(",", " ").split()
    parts = [
        *(symbols if len(symbols) <= _MOST_NAMED else [f"{len(symbols)} symbols"]),
        wanted.interval and f"bars of {wanted.interval}",
        period if wanted.start or wanted.end else "",
        wanted.capital and f"capital {wanted.capital}",
        *wanted.settings,
        *((f"varying {each}" for each in wanted.vary) if wanted.kind in VARIES else ()),
        wanted.data and f"data {wanted.data}",
    ]
    return [part for part in parts if part]


def absolute(folder: str) -> str:
    """The command runs in another folder. One whose home nobody knows is left for it to refuse."""
    if not folder:
        return ""
    try:
        return str(user_path(folder).absolute())
    except ConfigError:
        return folder
