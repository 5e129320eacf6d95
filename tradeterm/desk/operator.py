"""What an operator may ask: start, stop, pause, resume, halt, kill, flatten. Every command is answered in plain words.

A kill is a small program that survives a restart: HALTED and `kill_pending` are recorded first; then, as far as the
venues are ready, entries are cancelled, positions closed reduce-only, leftovers cancelled, and a reconciliation has to
confirm that the venue is flat. Each step may be taken again without harm. The desk stays HALTED until it is resumed.
"""

from collections.abc import Callable

from tradeterm.desk import breaker
from tradeterm.desk.closing import cancel, cancel_entries, cancel_leftovers, start_exit
from tradeterm.desk.state import Book
from tradeterm.desk.turn import Turn
from tradeterm.domain.events import OperatorCommand
from tradeterm.domain.facts import CommandAck
from tradeterm.domain.orders import OrderIntent
from tradeterm.domain.states import AlertLevel, BookState, CommandStatus, CommandVerb, TradingState

_VERIFY_AGAIN_MS = 30_000
_ENGINE_VERBS = (CommandVerb.SPEED, CommandVerb.SHUTDOWN, CommandVerb.REPLAY)
Answer = tuple[CommandStatus, str]


def on_command(turn: Turn, event: OperatorCommand) -> None:
    """Obey or refuse; the driver's own verbs (SPEED, SHUTDOWN, REPLAY) are left to it."""
    if event.verb in _ENGINE_VERBS:
        return
    state = turn.state
    if event.book and event.book not in state.books:
        books = ", ".join(state.books) or "none"
        _answer(turn, event, CommandStatus.REFUSED, f"there is no book {event.book!r}; the books are {books}")
        return
    if event.instrument and event.instrument not in state.instruments:
        _answer(turn, event, CommandStatus.REFUSED, f"there is no instrument {event.instrument!r}")
        return
    _answer(turn, event, *_VERBS[event.verb](turn, event))


def advance(turn: Turn) -> None:
    """Take the next step of an unfinished kill and of unfinished FLATTEN commands."""
    _advance_kill(turn)
    for command_id, keys in list(turn.state.flattening.items()):
        if not any(key in turn.state.positions for key in keys):
            del turn.state.flattening[command_id]
            _ack(turn, command_id, CommandVerb.FLATTEN, CommandStatus.DONE, "flat")


def kill_verified(turn: Turn, venue: str, account: str) -> None:
    """A reconciliation agreed: one venue less to wait for."""
    if turn.state.kill_waiting.pop((venue, account), "") is None:
        advance(turn)


def _start(turn: Turn, event: OperatorCommand) -> Answer:
    changed = [_set_book(turn, book, BookState.RUNNING) for book in _books(turn, event, BookState.STOPPED)]
    return CommandStatus.DONE, f"running: {', '.join(changed)}" if changed else "no book was stopped"


def _stop(turn: Turn, event: OperatorCommand) -> Answer:
    changed = [_set_book(turn, book, BookState.STOPPED) for book in _books(turn, event, BookState.RUNNING)]
    return CommandStatus.DONE, f"no new entries: {', '.join(changed)}" if changed else "no book was running"


def _pause(turn: Turn, event: OperatorCommand) -> Answer:
    changed = [_set_book(turn, book, BookState.PAUSED) for book in _books(turn, event, BookState.RUNNING)]
    return CommandStatus.DONE, f"paused: {', '.join(changed)}" if changed else "no book was running"


def _resume(turn: Turn, event: OperatorCommand) -> Answer:
    state = turn.state
    paused = _books(turn, event, BookState.PAUSED)
    if event.book:
        changed = [_set_book(turn, book, BookState.RUNNING) for book in paused]
        return CommandStatus.DONE, f"running: {', '.join(changed)}" if changed else f"{event.book} was not paused"
    if state.kill_pending:
        return CommandStatus.REFUSED, "the kill has not finished: positions or orders are still being closed"
    for book in state.books.values():
        if not state.venue_ready(book.config.venue):
            return CommandStatus.REFUSED, f"venue {book.config.venue} has not been reconciled yet"
        if (book.config.venue, book.account) in state.disagreeing:
            return CommandStatus.REFUSED, f"venue {book.config.venue} disagrees with the ledger; reconcile first"
    was = state.trading_state
    breaker.reset(turn, event.actor)
    turn.set_trading(TradingState.ACTIVE, "")
    if was is not TradingState.ACTIVE:
        return CommandStatus.DONE, f"ACTIVE again, was {was}"
    changed = [_set_book(turn, book, BookState.RUNNING) for book in paused]
    return CommandStatus.DONE, f"running: {', '.join(changed)}" if changed else "nothing was halted or paused"


def _halt(turn: Turn, event: OperatorCommand) -> Answer:
    turn.set_trading(TradingState.HALTED, _because("HALT", event))
    canceled = cancel_entries(turn)
    turn.alert(AlertLevel.WARNING, "HALTED", f"halted by {event.actor}; protective stops stay")
    return CommandStatus.DONE, f"HALTED; entry orders being cancelled: {canceled}; protective stops stay"


def _kill(turn: Turn, event: OperatorCommand) -> Answer:
    state = turn.state
    state.kill_commands.append(event.id)
    if not state.kill_pending:
        state.kill_pending, state.kill_asked = True, None
        state.kill_waiting.clear()
        state.trading_state, state.trading_reason = TradingState.HALTED, _because("KILL", event)
        turn.record_desk()
        turn.alert(AlertLevel.CRITICAL, "KILL", f"kill by {event.actor}: closing everything")
    waiting = sorted({book.config.venue for book in state.books.values() if not state.venue_ready(book.config.venue)})
    if waiting:
        return CommandStatus.ACCEPTED, f"will be carried out as soon as {', '.join(waiting)} is reconciled"
    return CommandStatus.ACCEPTED, "closing everything; DONE when the venue was seen flat"


def _flatten(turn: Turn, event: OperatorCommand) -> Answer:
    keys = tuple(
        key for key in sorted(turn.state.positions) if event.book in ("", key[0]) and event.instrument in ("", key[1])
    )
    canceled = cancel_entries(turn, event.book, event.instrument)
    for key in keys:
        start_exit(turn, turn.state.positions[key], "FLATTEN")
    if not keys:
        return CommandStatus.DONE, f"nothing was open; entry orders being cancelled: {canceled}"
    turn.state.flattening[event.id] = keys
    return CommandStatus.ACCEPTED, f"closing {', '.join(' '.join(key) for key in keys)}"


_VERBS: dict[CommandVerb, Callable[[Turn, OperatorCommand], Answer]] = {
    CommandVerb.START: _start,
    CommandVerb.STOP: _stop,
    CommandVerb.PAUSE: _pause,
    CommandVerb.RESUME: _resume,
    CommandVerb.HALT: _halt,
    CommandVerb.KILL: _kill,
    CommandVerb.FLATTEN: _flatten,
}


def _advance_kill(turn: Turn) -> None:
    state = turn.state
    if not state.kill_pending:
        return
    cancel_entries(turn)
    for order in state.working_orders():
        if order.intent is OrderIntent.EXTERNAL:
            cancel(turn, order)
    for _, position in sorted(state.positions.items()):
        start_exit(turn, position, "KILL")
    cancel_leftovers(turn)
    ready = all(state.venue_ready(book.config.venue) for book in state.books.values())
    if state.positions or state.working or not ready:
        state.kill_asked = None
        state.kill_waiting.clear()
    elif state.kill_asked is None or (state.kill_waiting and turn.ts - state.kill_asked >= _VERIFY_AGAIN_MS):
        state.kill_asked = turn.ts
        for book in state.books.values():
            state.kill_waiting[(book.config.venue, book.account)] = None
            turn.reconcile(book.config.venue, book.account, "kill: is everything flat?")
    elif not state.kill_waiting:
        _finish_kill(turn)


def _finish_kill(turn: Turn) -> None:
    state = turn.state
    state.kill_pending, state.kill_asked = False, None
    turn.record_desk()
    turn.alert(
        AlertLevel.WARNING, "KILL_DONE", "everything is closed and the venue was seen flat; the desk stays HALTED"
    )
    for command_id in state.kill_commands:
        _ack(turn, command_id, CommandVerb.KILL, CommandStatus.DONE, "flat, verified with the venue; HALTED")
    state.kill_commands.clear()


def _books(turn: Turn, event: OperatorCommand, state: BookState) -> list[Book]:
    return [book for book in turn.state.books.values() if event.book in ("", book.name) and book.state is state]


def _set_book(turn: Turn, book: Book, state: BookState) -> str:
    book.state = state
    turn.record_book(book)
    return book.name


def _because(verb: str, event: OperatorCommand) -> str:
    return f"{verb} by {event.actor}" + (f": {event.reason}" if event.reason else "")


def _answer(turn: Turn, event: OperatorCommand, status: CommandStatus, detail: str) -> None:
    _ack(turn, event.id, event.verb, status, detail)
    if event.verb is CommandVerb.KILL and status is CommandStatus.ACCEPTED:
        advance(turn)


def _ack(turn: Turn, command_id: int, verb: CommandVerb, status: CommandStatus, detail: str) -> None:
    turn.record(CommandAck(id=command_id, ts=turn.ts, verb=verb, status=status, detail=detail))
