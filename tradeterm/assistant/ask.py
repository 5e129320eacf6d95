"""The ask line: a typed line in, a plain answer out, and for a word that controls the desk a proposal to confirm."""

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

from tradeterm.assistant import answers, grammar
from tradeterm.assistant.text import count, money
from tradeterm.assistant.why import why
from tradeterm.console.protocol import Console
from tradeterm.domain.states import CommandVerb


class Confirm(StrEnum):
    """What a face asks before it sends. Taking risk away needs nothing; KILL must be typed."""

    NOTHING = "NOTHING"
    YES = "YES"
    TYPED = "TYPED"


class Proposed(Struct, frozen=True, kw_only=True):
    """A command for the engine, not yet sent. `consequence` says in one sentence what it will do."""

    verb: CommandVerb
    consequence: str
    confirm: Confirm = Confirm.NOTHING
    book: str = ""
    instrument: str = ""
    argument: str = ""
    reason: str = ""


class Answer(Struct, frozen=True):
    """`text` may have several lines; it quotes outside text and is data, never markup."""

    text: str
    action: Proposed | None = None


_QUESTIONS: dict[str, Callable[[Console], list[str]]] = {
    "status": answers.status,
    "positions": answers.positions,
    "orders": answers.orders,
    "signals": answers.signals,
    "trades": answers.trades,
    "pnl": answers.pnl,
    "risk": answers.risk,
    "alerts": answers.alerts,
    "books": answers.books,
    "gate": answers.gate,
}


_OF_STRATEGIES = ("strategies", "explain", "new")
_RECOVER = "Let the breaker fall if its cause is gone; books that run may enter again."
_OVERRIDE = "Close the breaker for a while although its cause lasts; a new or worse one raises it again."


def ask(console: Console, line: str) -> Answer:
    """Answer one typed line. Sends nothing: a control word comes back as `action` for the face to confirm and send."""
    request = grammar.read(line)
    if isinstance(request, grammar.Misread):
        return Answer(request.text)
    if request.word.verb is not None:
        return _propose(console, request.word.verb, request.argument)
    if request.word.name == "help":
        return Answer(_help())
    if request.word.name == "why":
        instrument, problem = _instrument(console, request.argument)
        return Answer(problem if instrument is None else "\n".join(why(console, instrument)))
    if request.word.name in _OF_STRATEGIES:
        return Answer("\n".join(_of_strategies(request.word.name, request.argument)))
    return Answer("\n".join(_QUESTIONS[request.word.name](console)))


def complete(console: Console, line: str) -> list[str]:
    """Whole lines the typed one may become."""
    strategies: list[str] = []
    if line.lstrip().lstrip(":").lower().startswith("explain "):
        from tradeterm.assistant.author_answers import names

        strategies = names()
    return grammar.complete(line, answers.symbols(console), answers.book_names(console), strategies)


def _of_strategies(word: str, argument: str) -> list[str]:
    """Reading them brings the numerical libraries."""
    from tradeterm.assistant import author_answers

    match word:
        case "explain":
            return author_answers.explained(argument)
        case "strategies":
            return author_answers.strategies()
    return ["`new strategy` opens a form on the screen; in a shell it is `tradeterm strategy new`."]


def _help() -> str:
    width = max(len(word.usage) for word in grammar.WORDS)
    return "\n".join(f"{word.usage:<{width}}  {word.help}" for word in grammar.WORDS)


def _instrument(console: Console, text: str) -> tuple[str | None, str]:
    instrument, candidates = answers.find_instrument(console, text)
    if instrument is not None:
        return instrument, ""
    if candidates:
        return None, f"{text!r} may be {', '.join(candidates)}; write one of them."
    known = answers.symbols(console)
    return None, f"{text!r} is not watched here." + (f" Watched: {', '.join(known)}." if known else "")


def _propose(console: Console, verb: CommandVerb, argument: str) -> Answer:
    match verb:
        case CommandVerb.FLATTEN:
            return _flatten(console, argument)
        case CommandVerb.PAUSE | CommandVerb.RESUME:
            return _book(console, verb, argument)
        case CommandVerb.KILL:
            return _proposal(
                verb, f"Cancel {_open(console)} at market, stay HALTED, also after a restart.", Confirm.TYPED
            )
        case CommandVerb.RECOVER:
            return _recover(console, argument)
        case CommandVerb.OVERRIDE:
            return _proposal(verb, _OVERRIDE, Confirm.YES, reason=argument)
        case CommandVerb.START:
            return _proposal(verb, "Let new entries through again.", Confirm.YES)
        case CommandVerb.SPEED:
            return _proposal(verb, f"Set the replay's speed: {argument}.", argument=_factor(argument))
        case CommandVerb.RETRY:
            return _proposal(verb, "Let tier 2 ask its model again.")
        case CommandVerb.HALT:
            return _proposal(verb, "Halt now: cancel entries, keep protective stops.")
    return _proposal(verb, "No new entries from now on; exits go on.")


def _factor(argument: str) -> str:
    """A speed as the engine takes it: its words as they are, "20x" without the x."""
    return argument if argument in grammar.SPEEDS else argument.removesuffix("x")


def _proposal(
    verb: CommandVerb,
    consequence: str,
    confirm: Confirm = Confirm.NOTHING,
    *,
    book: str = "",
    instrument: str = "",
    argument: str = "",
    reason: str = "",
) -> Answer:
    action = Proposed(
        verb=verb,
        consequence=consequence,
        confirm=confirm,
        book=book,
        instrument=instrument,
        argument=argument,
        reason=reason,
    )
    return Answer(consequence, action)


def _flatten(console: Console, symbol: str) -> Answer:
    view = console.view()
    held = view.positions if view is not None else ()
    if not symbol:
        if not held:
            return Answer("There is no open position to flatten.")
        return _proposal(CommandVerb.FLATTEN, f"Close {count(len(held), 'position')} at market.", Confirm.YES)
    instrument, problem = _instrument(console, symbol)
    if instrument is None:
        return Answer(problem)
    mine = [position for position in held if position.instrument == instrument]
    if not mine:
        return Answer(f"There is no open position in {instrument}.")
    result = money(sum((position.pnl for position in mine), start=mine[0].pnl * 0), signed=True)
    return _proposal(
        CommandVerb.FLATTEN,
        f"Close {count(len(mine), 'position')} in {instrument} at market (now {result}).",
        Confirm.YES,
        instrument=instrument,
    )


def _book(console: Console, verb: CommandVerb, book: str) -> Answer:
    known = answers.book_names(console)
    if book and book not in known:
        return Answer(f"There is no book {book!r}." + (f" Books: {', '.join(known)}." if known else ""))
    if verb is CommandVerb.PAUSE:
        return _proposal(verb, f"No new entries for book {book}; its exits go on.", book=book)
    if book:
        return _proposal(verb, f"End the pause of book {book}: it may enter again.", Confirm.YES, book=book)
    return _proposal(verb, "End the halt: books that run may enter again.", Confirm.YES)


def _recover(console: Console, argument: str) -> Answer:
    book, _, reason = argument.partition(" ")
    if book not in answers.book_names(console):
        return _proposal(CommandVerb.RECOVER, _RECOVER, Confirm.YES, reason=argument)
    if not reason:
        return Answer(f"`recover {book}` needs a reason, in your own words: `recover {book} one bad print`.")
    text = f"Accept the drawdown of book {book}: it is counted from here; the breaker stays."
    return _proposal(CommandVerb.RECOVER, text, Confirm.YES, book=book, reason=reason)


def _open(console: Console) -> str:
    view = console.view()
    if view is None:
        return "all orders, close all positions"
    return f"{count(view.open_orders, 'open order')}, close {count(len(view.positions), 'position')}"
