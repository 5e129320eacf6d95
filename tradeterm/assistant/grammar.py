"""The words the ask line understands, and how a typed line becomes one of them."""

import difflib
from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct

from tradeterm.domain.states import CommandVerb


class Takes(StrEnum):
    """What may follow a word."""

    NOTHING = ""
    SYMBOL = "SYMBOL"
    MAYBE_SYMBOL = "[SYMBOL]"
    BOOK = "BOOK"
    MAYBE_BOOK = "[BOOK]"
    SPEED = "SPEED"
    REASON = "REASON"
    MAYBE_BOOK_REASON = "[BOOK] REASON"
    STRATEGY = "STRATEGY"
    FORM = "strategy"
    """The word itself."""


_REASONED = (Takes.REASON, Takes.MAYBE_BOOK_REASON)


class Word(Struct, frozen=True):
    """A word of the ask line: a question, or with a `verb` a request to the engine. `also` are whole lines that mean
    the same."""

    name: str
    help: str
    takes: Takes = Takes.NOTHING
    verb: CommandVerb | None = None
    also: tuple[str, ...] = ()

    @property
    def usage(self) -> str:
        return f"{self.name} {self.takes}".rstrip()


WORDS = (
    Word("status", "where the desk stands"),
    Word("positions", "open positions with their stops and targets"),
    Word("orders", "the latest orders and their states"),
    Word("signals", "the latest signals and what became of them"),
    Word("trades", "the latest closed round trips"),
    Word("why", "the last signal of a symbol: its numbers, the checks, the verdict, the outcome", Takes.SYMBOL),
    Word("pnl", "what was earned and lost, by book"),
    Word("risk", "each limit, how much of it is used, and the headroom"),
    Word("alerts", "the latest alerts"),
    Word("books", "the books and their states"),
    Word(
        "gate",
        "whether tier 2 is any good: what its verdicts were worth",
        also=("is the ai any good", "is tier 2 any good"),
    ),
    Word("strategies", "the strategies declared in files, yours and the examples"),
    Word("explain", "what a declared strategy does, in words made from its file", Takes.STRATEGY),
    Word("new", "write a strategy in a form; it needs no model", Takes.FORM),
    Word("halt", "stop all trading now: cancel entries, keep protective stops", verb=CommandVerb.HALT),
    Word("stop", "no new entries; exits go on", verb=CommandVerb.STOP),
    Word("start", "let entries through again after stop", verb=CommandVerb.START),
    Word("pause", "no new entries for one book", Takes.BOOK, CommandVerb.PAUSE),
    Word("resume", "end the pause of a book, or, without a book, a halt or kill", Takes.MAYBE_BOOK, CommandVerb.RESUME),
    Word("flatten", "close a position, or all of them, at market", Takes.MAYBE_SYMBOL, CommandVerb.FLATTEN),
    Word("kill", "cancel all orders, close all positions, stay halted", verb=CommandVerb.KILL),
    Word(
        "recover",
        "let the breaker fall from HALT or SHUTDOWN, and trade again; with a book, accept its drawdown",
        Takes.MAYBE_BOOK_REASON,
        CommandVerb.RECOVER,
    ),
    Word("override", "close the breaker for a while although its cause lasts", Takes.REASON, CommandVerb.OVERRIDE),
    Word("retry", "let tier 2 ask its model again after it gave up", verb=CommandVerb.RETRY),
    Word("speed", "speed of a replay: a factor, max, pause, resume, faster or slower", Takes.SPEED, CommandVerb.SPEED),
    Word("help", "these words"),
)
NEEDS_AI = 'Plain language needs an AI and its key: [gate] validator = "claude".'
SPEEDS = ("pause", "resume", "faster", "slower", "max")


class Request(Struct, frozen=True):
    """A line that was understood: its word, and what followed (already checked to be there when it must)."""

    word: Word
    argument: str = ""


class Misread(Struct, frozen=True):
    """A line that was not: why, in one sentence. `plain`: it may be plain language."""

    text: str
    plain: bool = False


def read(line: str) -> Request | Misread:
    """What a typed line means. Case does not matter; a leading `:` and a trailing `?` are forgiven."""
    parts = line.strip().lstrip(":").rstrip("?").split()
    if not parts:
        return Misread("Type a word; `help` lists them.")
    said = " ".join(parts).lower()
    asked = next((word for word in WORDS if said in word.also), None)
    if asked is not None:
        return Request(asked)
    name, rest = parts[0].lower(), parts[1:]
    word = next((word for word in WORDS if word.name == name), None)
    if word is None:
        return Misread(f"{NEEDS_AI} {hint(line)}", plain=not _is_slip(name, rest))
    if len(rest) > 1 and word.takes not in _REASONED:
        if word.verb is not None:  # whoever types `halt everything` must not wait for a model to chat about it
            return Misread(f"Nothing was done: that is written `{word.usage}`.")
        return Misread(f"{NEEDS_AI} {hint(line)}", plain=True)
    argument = " ".join(rest)
    if argument and word.takes is Takes.NOTHING:
        return Misread(f"`{word.name}` stands alone; found {argument!r} after it.", plain=word.verb is None)
    if not argument and word.takes in _REASONED:
        return Misread(f"`{word.name}` needs a reason, in your own words: `{word.name} the venue is well again`.")
    if word.takes is Takes.FORM and argument.lower() != Takes.FORM:
        return Misread(f"That is written `{word.usage}`.")
    if not argument and word.takes in (Takes.SYMBOL, Takes.BOOK, Takes.SPEED, Takes.STRATEGY):
        return Misread(f"`{word.name}` needs one more word: `{word.usage}`.")
    if word.takes is Takes.SPEED and not is_speed(argument):
        return Misread(f"`speed` takes a factor above 0, {', '.join(SPEEDS[:-1])} or {SPEEDS[-1]}; found {argument!r}.")
    return Request(word, argument)


def is_speed(text: str) -> bool:
    """Whether SPEED takes it: one of its words, or a finite factor above 0 (`20` or `20x`)."""
    if text in SPEEDS:
        return True
    try:
        return 0 < float(text.removesuffix("x")) <= 1e9
    except ValueError:
        return False


def complete(line: str, symbols: Sequence[str], books: Sequence[str], strategies: Sequence[str] = ()) -> list[str]:
    """Whole lines the typed one may become, in the order of the grammar."""
    line = line.lstrip().lstrip(":")
    name, space, start = line.partition(" ")
    if not space:
        return [word.name for word in WORDS if word.name.startswith(name.lower())]
    word = next((word for word in WORDS if word.name == name.lower()), None)
    if word is None:
        return []
    candidates: Sequence[str] = ()
    if word.takes in (Takes.SYMBOL, Takes.MAYBE_SYMBOL):
        candidates = symbols
    elif word.takes in (Takes.BOOK, Takes.MAYBE_BOOK, Takes.MAYBE_BOOK_REASON):
        candidates = books
    elif word.takes is Takes.SPEED:
        candidates = SPEEDS
    elif word.takes is Takes.STRATEGY:
        candidates = strategies
    elif word.takes is Takes.FORM:
        candidates = (Takes.FORM,)
    start = start.strip().lower()
    return [f"{word.name} {item}" for item in candidates if item.lower().startswith(start)]


def hint(line: str) -> str:
    """What helps without plain language: the word that was perhaps meant, else the most useful ones."""
    name = line.strip().lstrip(":").split(maxsplit=1)[0].lower()
    known = [word.name for word in WORDS]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5) if name not in known else []
    if close:
        return f"Did you mean `{close[0]}`?"
    return "Without one: status, positions, why SYMBOL, pnl, risk, trades, signals; `help` lists all words."


def _is_slip(name: str, rest: Sequence[str]) -> bool:
    """Whether a short line is rather a mistyped word than a question."""
    return len(rest) < 2 and bool(difflib.get_close_matches(name, [word.name for word in WORDS], n=1, cutoff=0.75))
