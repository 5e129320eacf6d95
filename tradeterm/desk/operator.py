"""What an operator may ask: start, stop, pause, resume, halt, kill, flatten, and recover or override the breaker.
Every command is answered in plain words.

A kill is a small program that survives a restart: HALTED and `kill_pending` are recorded first; then, as far as the
venues are ready, entries are cancelled, positions closed reduce-only, leftovers cancelled, and a reconciliation has to
confirm that the venue is flat. Each step may be taken again without harm. The desk stays HALTED until it is resumed.

A HALT by an operator (or a kill) and one by the breaker are two locks: RESUME opens both, RECOVER and OVERRIDE open the
breaker's alone. RECOVER accepts a drawdown, which is counted anew from there; every other cause must be gone, and every
loss measured. RECOVER of one book accepts that book's drawdown, and leaves the breaker alone.
START or RESUME of one book with a reason has its strategy's health judged anew from then on.
"""

from collections.abc import Callable
from decimal import Decimal

from tradeterm.desk import breaker, desk_money, health
from tradeterm.desk.account import accept_drawdown, book_equity, day_loss, desk_shares, drawdown, unknown_equity
from tradeterm.desk.breaker_rules import measure, percent
from tradeterm.desk.closing import cancel, cancel_entries, cancel_leftovers, start_exit
from tradeterm.desk.state import Book, DeskState
from tradeterm.desk.turn import Turn
from tradeterm.domain.events import OperatorCommand
from tradeterm.domain.facts import CommandAck
from tradeterm.domain.orders import OrderIntent
from tradeterm.domain.states import (
    AlertLevel,
    BookState,
    BreakerLevel,
    CommandStatus,
    CommandVerb,
    HealthLevel,
    TradingState,
)

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
    text = f"running: {', '.join(changed)}" if changed else "no book was stopped"
    return CommandStatus.DONE, text + _judge_anew(turn, event)


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
        text = f"running: {', '.join(changed)}" if changed else f"{event.book} was not paused"
        return CommandStatus.DONE, text + _judge_anew(turn, event)
    obstacle = _obstacle(state) or _held(turn)
    if state.breaker is BreakerLevel.SHUTDOWN:
        obstacle = f"the breaker is at SHUTDOWN, {state.breaker_reason}; RECOVER with a reason ends it"
    if obstacle:
        return CommandStatus.REFUSED, obstacle
    was = state.trading_state
    if state.breaker is BreakerLevel.HALT:
        breaker.release(turn, _because("RESUME", event))
    turn.set_trading(TradingState.ACTIVE, "")
    if was is not TradingState.ACTIVE:
        return CommandStatus.DONE, f"ACTIVE again, was {was}{_still(state)}"
    changed = [_set_book(turn, book, BookState.RUNNING) for book in paused]
    if changed:
        return CommandStatus.DONE, f"running: {', '.join(changed)}"
    return CommandStatus.DONE, f"nothing was halted or paused{_still(state)}"


def _recover(turn: Turn, event: OperatorCommand) -> Answer:
    state = turn.state
    if not event.reason.strip():
        return CommandStatus.REFUSED, "RECOVER needs a reason"
    if event.book:
        return _recover_book(turn, state.books[event.book])
    if not breaker.is_latched(state.breaker):
        text = f"the breaker is {state.breaker}; RECOVER leads out of HALT and SHUTDOWN{_denied(state)}"
        return CommandStatus.REFUSED, text
    obstacle = _obstacle(state) or _held(turn, accepted=("drawdown",))
    if obstacle:
        return CommandStatus.REFUSED, obstacle
    accepted = _accept_drawdown(turn)
    breaker.release(turn, _because("RECOVER", event))
    return CommandStatus.DONE, f"the breaker is {state.breaker}, {_let_go(turn)}{accepted}{_denied(state)}"


def _recover_book(turn: Turn, book: Book) -> Answer:
    unknown, equity = unknown_equity(turn.state, (book,)), book_equity(turn.state, book)
    if equity is None:
        return CommandStatus.REFUSED, unknown
    fallen = drawdown(book, equity)
    if equity <= 0 or fallen <= 0:
        why = "has no equity left" if equity <= 0 else "is not below its peak"
        return CommandStatus.REFUSED, f"{book.name} {why}"
    accept_drawdown(turn, book, equity)
    latched = breaker.is_latched(turn.state.breaker)
    still = f"; the breaker is {turn.state.breaker}: RECOVER without a book ends that" if latched else ""
    text = f"the drawdown of {book.name}, {percent(fallen)}, is accepted and counted from here{still}"
    return CommandStatus.DONE, text


def _accept_drawdown(turn: Turn) -> str:
    """Count the drawdown from here where it is what holds the breaker up: no later day would make up for it."""
    if not any(cause.rule.startswith("drawdown") for cause in breaker.blocking(turn)):
        return ""
    for book in turn.state.books.values():
        equity = book_equity(turn.state, book)
        if equity is not None and equity > 0:
            accept_drawdown(turn, book, equity)
    desk_money.accept(turn, desk_shares(turn.state))
    return "; the drawdown is counted from here"


def _denied(state: DeskState) -> str:
    """Which books open nothing whatever the breaker lets through: their own limits are no cause of it."""
    found = ""
    for book in state.books.values():
        equity, limits = book_equity(state, book), book.config.limits
        if equity is None:
            continue
        lost, fallen = day_loss(book, equity), drawdown(book, equity)
        if lost is not None and lost >= Decimal(str(limits.daily_loss)):
            most = percent(Decimal(str(limits.daily_loss)))
            found += f"; {book.name} opens nothing: lost {percent(lost)} today, its own limit {most}"
        elif fallen >= Decimal(str(limits.drawdown)):
            most, way = percent(Decimal(str(limits.drawdown))), f"RECOVER {book.name} with a reason accepts that"
            found += f"; {book.name} opens nothing: {percent(fallen)} below its peak, its own limit {most}, {way}"
    return found


def _override(turn: Turn, event: OperatorCommand) -> Answer:
    state = turn.state
    if not event.reason.strip():
        return CommandStatus.REFUSED, "OVERRIDE needs a reason"
    if state.breaker is BreakerLevel.SHUTDOWN:
        return (
            CommandStatus.REFUSED,
            "SHUTDOWN cannot be overridden; RECOVER with a reason ends it",
        )
    causes = measure(state, turn.ts)
    law = next((cause for cause in causes if not cause.overridable), None)
    if law is not None:
        return CommandStatus.REFUSED, f"this cannot be overridden: {law.text}"
    if breaker.is_latched(state.breaker) and (unknown := unknown_equity(state, state.books.values())):
        return CommandStatus.REFUSED, unknown
    if not causes:
        ends = "RESUME ends it" if state.breaker is BreakerLevel.HALT else "it falls by itself"
        closed = state.breaker is BreakerLevel.CLOSED
        return CommandStatus.REFUSED, "the breaker is CLOSED" if closed else f"no cause is left to override; {ends}"
    if breaker.is_latched(state.breaker) and (obstacle := _obstacle(state)):
        return CommandStatus.REFUSED, obstacle
    breaker.override(turn, causes, _because("OVERRIDE", event))
    covered = "; ".join(cause.text for cause in causes)
    turn.alert(AlertLevel.WARNING, "BREAKER_OVERRIDE", f"{_because('OVERRIDE', event)}; does not count now: {covered}")
    minutes = f"{state.config.breaker.override_minutes:g}"
    text = f"for {minutes} minutes this does not count: {covered}; {_let_go(turn)}{_denied(state)}"
    return CommandStatus.DONE, text


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
    CommandVerb.RECOVER: _recover,
    CommandVerb.OVERRIDE: _override,
}


def _obstacle(state: DeskState) -> str:
    """Why nothing may trade yet, whatever an operator says; "" where nothing stands in the way."""
    if state.kill_pending:
        return "the kill has not finished: positions or orders are still being closed"
    for book in state.books.values():
        if not state.venue_ready(book.config.venue):
            return f"venue {book.config.venue} has not been reconciled yet"
        if (book.config.venue, book.account) in state.disagreeing:
            return f"venue {book.config.venue} disagrees with the ledger; reconcile first"
    return ""


def _held(turn: Turn, accepted: tuple[str, ...] = ()) -> str:
    """Why the breaker cannot leave HALT or SHUTDOWN: the worst cause that lasts, but for `accepted` rules, or a loss
    that cannot be measured; "" where there is neither."""
    state = turn.state
    lasting = next((cause for cause in breaker.blocking(turn) if not cause.rule.startswith(accepted)), None)
    if lasting is None:
        return unknown_equity(state, state.books.values()) if breaker.is_latched(state.breaker) else ""
    minutes = f"{state.config.breaker.override_minutes:g}"
    may = lasting.overridable and BreakerLevel.SHUTDOWN not in (lasting.level, state.breaker)
    way = f"; OVERRIDE with a reason goes on regardless for {minutes} minutes" if may else ""
    return f"the cause lasts: {lasting.text}{way}"


def _let_go(turn: Turn) -> str:
    """Trade again, if it was the breaker that halted the desk; what holds now."""
    state = turn.state
    if state.trading_state is TradingState.HALTED and state.trading_reason.startswith(breaker.HALTED_BY_BREAKER):
        turn.set_trading(TradingState.ACTIVE, "")
    reason = f": {state.trading_reason}; RESUME ends that" if state.trading_state is not TradingState.ACTIVE else ""
    return f"trading is {state.trading_state}{reason}"


def _still(state: DeskState) -> str:
    """What the breaker still holds back."""
    return "" if state.breaker is BreakerLevel.CLOSED else f"; the breaker is {state.breaker}: {state.breaker_reason}"


def _judge_anew(turn: Turn, event: OperatorCommand) -> str:
    """A reason, typed for one book, ends the judgement of its strategy so far; what was done, or could be."""
    book = turn.state.books.get(event.book)
    ill = [name for name, known in turn.state.health.items() if known.level is not HealthLevel.HEALTHY]
    if book is not None and book.name in ill and event.reason.strip():
        health.judge_anew(turn, book, _because(event.verb, event))
        return "; its strategy is judged anew"
    held = [name for name in ill if event.book in ("", name) and turn.state.health[name].level in health.NO_ENTRIES]
    if held:
        names = ", ".join(held)
        return f"; no entries of {names}, its strategy is ill: {event.verb} it with a reason and it is judged anew"
    return ""


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
