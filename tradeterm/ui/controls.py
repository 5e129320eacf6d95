"""From a key to a command: what exactly would be sent, what it will do, and what stands before it. Pure."""

from decimal import Decimal

from tradeterm.assistant.ask import Confirm, Proposed
from tradeterm.domain.states import BookState, CommandVerb, TradingState
from tradeterm.ui import fmt
from tradeterm.ui.model import Scene, is_live

KILL_WORD = "KILL"
STOP = Proposed(verb=CommandVerb.STOP, consequence="No new entries from now on; exits go on.")
SHUTDOWN = Proposed(verb=CommandVerb.SHUTDOWN, consequence="The engine ends.")


def propose(action: str, scene: Scene, position: str = "", book: str = "") -> Proposed:
    """The command of a trading or replay action. Raises KeyError for an action that sends none."""
    match action:
        case "position.flatten":
            return _flatten(scene, position)
        case "book.pause":
            return _pause(scene, book)
        case "engine.resume":
            return _resume(scene)
        case "engine.kill":
            return _proposed(CommandVerb.KILL, f"{_held(scene)}\n{_KILL}", Confirm.TYPED)
        case "engine.start":
            return _proposed(CommandVerb.START, f"New entries are let through again. {_held(scene)}", Confirm.YES)
        case "engine.stop":
            return STOP
        case "engine.halt":
            return _proposed(CommandVerb.HALT, "Entries are cancelled, protective stops stay.")
        case "replay.again":
            return _proposed(CommandVerb.REPLAY, "The recording plays anew, with a fresh account.")
        case "replay.pause":
            return _proposed(CommandVerb.SPEED, "", argument="resume" if _is_paused(scene) else "pause")
        case "replay.faster" | "replay.slower":
            return _proposed(CommandVerb.SPEED, "", argument=action.removeprefix("replay."))
    raise KeyError(action)


def flatten_all(scene: Scene) -> Proposed:
    return _proposed(CommandVerb.FLATTEN, f"Every position is closed at market. {_held(scene)}", Confirm.YES)


def words(proposed: Proposed) -> str:
    """The command as a person would say it: "flatten BTCUSDT", "speed faster"."""
    rest = proposed.argument or proposed.instrument.partition(".")[0] or proposed.book or proposed.reason
    return f"{proposed.verb.lower()} {rest}".strip()


_KILL = (
    "All orders are cancelled, all positions closed at market (reduce-only), and trading stays HALTED, "
    "also after a restart, until you resume it."
)


def _proposed(
    verb: CommandVerb,
    consequence: str,
    confirm: Confirm = Confirm.NOTHING,
    *,
    book: str = "",
    instrument: str = "",
    argument: str = "",
) -> Proposed:
    return Proposed(
        verb=verb, consequence=consequence, confirm=confirm, book=book, instrument=instrument, argument=argument
    )


def _flatten(scene: Scene, key: str) -> Proposed:
    held = scene.position(key)
    if held is None:
        raise KeyError(key)
    size = f"{held.symbol} {held.side} {fmt.quantity(abs(held.quantity))}"
    worth = fmt.money(abs(held.quantity) * held.mark)
    return _proposed(
        CommandVerb.FLATTEN,
        f"Close {size} of book {held.book} at market: {worth} {_currency(scene, held.book)} at the mark "
        f"{fmt.price(held.mark)}, now {fmt.signed_money(held.pnl)} ({fmt.signed_percent(held.return_pct / 100)}).",
        Confirm.YES,
        book=held.book,
        instrument=held.instrument,
    )


def _pause(scene: Scene, name: str) -> Proposed:
    book = scene.book(name)
    if book is None:
        raise KeyError(name)
    if book.state is BookState.PAUSED:
        text = f"Book {book.book} takes entries again. It holds {_positions(book.open_positions)}."
        return _proposed(CommandVerb.RESUME, text, Confirm.YES, book=book.book)
    text = f"Book {book.book} takes no new entries. Its {_positions(book.open_positions)} keep their exits and stops."
    return _proposed(CommandVerb.PAUSE, text, Confirm.YES, book=book.book)


def _resume(scene: Scene) -> Proposed:
    view = scene.view
    if view is not None and view.trading_state is TradingState.ACTIVE:
        paused = next((book.book for book in view.books if book.state is not BookState.RUNNING), "")
        return _proposed(CommandVerb.RESUME, f"Book {paused} takes entries again.", Confirm.YES, book=paused)
    reason = f" It was: {view.trading_reason}." if view is not None and view.trading_reason else ""
    return _proposed(CommandVerb.RESUME, f"Trading becomes ACTIVE again.{reason} {_held(scene)}", Confirm.YES)


def _held(scene: Scene) -> str:
    """Counts and amounts, for whoever has to decide."""
    view = scene.view
    if view is None:
        return "No engine has shown its state; it will be obeyed at the next start."
    worth = sum((abs(p.quantity) * p.mark for p in view.positions), Decimal(0))
    gain = fmt.signed_money(view.unrealized_pnl)
    orders = f"{view.open_orders} open order{'' if view.open_orders == 1 else 's'}"
    if not view.positions:
        return f"There are no positions and {orders}."
    money = f"{fmt.money(worth)} {view.currency}{' of real money' if is_live(scene) else ''}"
    return f"{_positions(len(view.positions))} worth {money} (now {gain}), {orders}."


def _positions(count: int) -> str:
    return f"{count} position{'' if count == 1 else 's'}"


def _currency(scene: Scene, name: str) -> str:
    book = scene.book(name)
    return book.currency if book is not None else ""


def _is_paused(scene: Scene) -> bool:
    replay = scene.view.replay if scene.view is not None else None
    return replay is not None and replay.paused
