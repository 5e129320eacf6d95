"""What the ask line and `tradeterm status` say: plain text from a console. No clock and no I/O of its own."""

from collections.abc import Sequence

from tradeterm.assistant.text import clean, count, moment, money, number, percent, span, words
from tradeterm.console.protocol import Console
from tradeterm.domain.facts import RunRow
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.orders import Order
from tradeterm.domain.states import CommandStatus, CommandVerb, GateState
from tradeterm.domain.view import BookView, DeskView, GateView, LimitView, PositionView

NOTHING_YET = "No engine has run in this profile yet."
SHOWN = 10
GATE_SIGNALS = 500


def status(console: Console, now_ms: int | None = None) -> list[str]:
    """Where the desk stands. With `now_ms` (the machine's clock) also how old that is."""
    view = console.view()
    if view is None:
        runs = console.runs(limit=1)
        return [_engine(console, None, now_ms), *([_last_run(runs[0])] if runs else []), *_queued(console)]
    lines = [_headline(view), _money(view), _engine(console, view, now_ms), *_queued(console)]
    lines += [*_tier2(view.gate, _unpriced(console, view)), *(_book(book) for book in view.books)]
    lines += [_position(position) for position in view.positions]
    return lines


def _headline(view: DeskView) -> str:
    words = [view.mode.name, str(view.trading_state), f"breaker {view.breaker}"]
    if view.replay is not None:
        words.append(f"recorded time {moment(view.ts)} UTC")
        if view.replay.finished:
            words.append("the recording has ended")
        elif view.replay.paused:
            words.append("replay paused")
        elif view.replay.speed:
            words.append(f"{view.replay.speed:g} times real speed")
        else:
            words.append("as fast as possible")
    else:
        words.append(f"{moment(view.ts)} UTC")
    reasons = [clean(reason) for reason in (view.trading_reason, view.breaker_reason) if reason]
    return " · ".join(words) + (f" ({'; '.join(reasons)})" if reasons else "")


def _money(view: DeskView) -> str:
    parts = [
        f"equity {money(view.equity, view.currency)}",
        f"day {money(view.day_pnl, signed=True)} ({percent(view.day_return, signed=True)})",
        f"drawdown {percent(view.drawdown)}",
        f"exposure {percent(view.exposure)}",
        count(view.open_orders, "open order"),
    ]
    if view.unprotected:
        parts.append(f"{count(view.unprotected, 'position')} WITHOUT A STOP")
    if view.unknown_orders:
        parts.append(f"{count(view.unknown_orders, 'order')} in state UNKNOWN")
    return " · ".join(parts)


def _unpriced(console: Console, view: DeskView) -> int:
    """Today's calls of tier 2 whose price is not known; the chat has a budget of its own."""
    if view.gate.spent_usd is None or not view.gate.calls:
        return 0
    today = view.wall_ts // DAY_MS * DAY_MS
    return sum(usage.cost is None and usage.purpose != "chat" for usage in console.ai_usage(today))


def _tier2(gate: GateView, unpriced: int) -> list[str]:
    """Who judges and what is wrong, and what a model cost today; nothing where books say it all."""
    spent = ""
    if gate.spent_usd is not None:
        budget = f" of {money(gate.budget_usd, 'USD')}" if gate.budget_usd is not None else ""
        spent = f", {count(gate.calls, 'call')} today for {money(gate.spent_usd, 'USD')}{budget}"
        if unpriced:
            spent += f" + {count(unpriced, 'call')} of unknown price"
    if gate.state is GateState.UP and not spent:
        return []
    trouble = "" if gate.state is GateState.UP else f" {gate.state}: {clean(gate.detail)}"
    return [f"tier 2: {clean(gate.label)}{trouble}{spent}"]


def _engine(console: Console, view: DeskView | None, now_ms: int | None) -> str:
    alive = console.engine_alive()
    if view is None:
        return (
            "The engine is starting."
            if alive
            else f"The engine is not running. {NOTHING_YET if not console.runs(limit=1) else ''}".strip()
        )
    age = f", last sign {span(now_ms - view.wall_ts)} ago" if now_ms is not None else ""
    if not alive:
        return f"The engine is not running; this is how it was left{age}."
    troubled = [f"{worker.worker} {worker.state}" for worker in view.workers if worker.state != "RUNNING"]
    text = f"engine running (process {view.pid}{age})"
    return f"{text}, but {', '.join(troubled)}: no entries meanwhile" if troubled else text


def _queued(console: Console) -> list[str]:
    """A halt or kill nobody has obeyed yet, the oldest first."""
    waiting = [
        row.verb.lower()
        for row in reversed(console.commands())
        if row.status is CommandStatus.QUEUED and row.verb in (CommandVerb.HALT, CommandVerb.KILL)
    ]
    return [f"QUEUED, obeyed first at the next start: {', '.join(dict.fromkeys(waiting))}"] if waiting else []


def _last_run(run: RunRow) -> str:
    ended = f", ended {moment(run.ts_ended)} UTC" if run.ts_ended else ""
    return f"Last run {run.id}: {run.mode}, {run.status}{ended}."


def _book(book: BookView) -> str:
    return (
        f"book {book.book} {book.state}: {book.strategy} on {book.venue}, "
        f"equity {money(book.equity, book.currency)}, day {percent(book.day_return, signed=True)}, "
        f"{count(book.open_positions, 'position')}, {count(book.trades, 'trade')} ({book.wins} won), "
        f"tier 2: {clean(book.tier2)}"
    )


def _position(position: PositionView) -> str:
    stop = f"stop {number(position.stop_price)}" if position.stop_price is not None else "NO STOP"
    if position.trailing:
        stop += " (trailing)"
    target = f", target {number(position.target_price)}" if position.target_price is not None else ""
    state = "" if position.protected else ", UNPROTECTED"
    state += ", exit under way" if position.exiting else ""
    return (
        f"{position.side} {position.symbol} {number(position.quantity)} at {number(position.entry_price)}, "
        f"mark {number(position.mark)}, {money(position.pnl, signed=True)} "
        f"({percent(position.return_pct / 100, signed=True)}), {stop}{target}{state} [{position.book}]"
    )


def positions(console: Console) -> list[str]:
    view = console.view()
    if view is None:
        return [NOTHING_YET]
    return [_position(position) for position in view.positions] or ["No open positions."]


def books(console: Console) -> list[str]:
    view = console.view()
    return [_book(book) for book in view.books] if view is not None else [NOTHING_YET]


def orders(console: Console) -> list[str]:
    return [_order(order) for order in console.orders(limit=SHOWN)] or ["No orders yet."]


def _order(order: Order) -> str:
    price = order.price if order.price is not None else order.trigger_price
    at = f" at {number(price)}" if price is not None else ""
    filled = f", filled {number(order.filled_quantity)}" if order.filled_quantity else ""
    average = f" at {number(order.average_price)}" if order.average_price is not None else ""
    why = f" ({clean(order.reason)})" if order.reason else ""
    return (
        f"{moment(order.ts_created)} {order.status} {order.intent}: {order.side} {number(order.quantity)} "
        f"{order.instrument} {order.type}{at}{filled}{average}{why} [{order.client_order_id}]"
    )


def signals(console: Console) -> list[str]:
    found = console.signals(limit=SHOWN)
    return [
        f"{moment(signal.ts_bar)} {signal.kind} {signal.side} {signal.instrument} at {number(signal.price)}: "
        f"{signal.outcome}{f', {clean(signal.outcome_text)}' if signal.outcome_text else ''}"
        for signal in found
    ] or ["No signals yet."]


def trades(console: Console) -> list[str]:
    return [
        f"{moment(trade.ts_closed)} {trade.side} {trade.instrument} {number(trade.quantity)}: "
        f"{number(trade.entry_price)} → {number(trade.exit_price)}, {money(trade.pnl, signed=True)} "
        f"after fees {money(trade.fees)} and funding {money(trade.funding, signed=True)}, {words(trade.exit_reason)}"
        for trade in console.trades(limit=SHOWN)
    ] or ["No closed trades yet."]


def pnl(console: Console) -> list[str]:
    view = console.view()
    if view is None:
        return [NOTHING_YET]
    lines = [
        f"{book.book}: {money(book.equity - book.capital, book.currency, signed=True)} since the start "
        f"(realised {money(book.realized_pnl, signed=True)}, open {money(book.unrealized_pnl, signed=True)}), "
        f"day {money(book.day_pnl, signed=True)} ({percent(book.day_return, signed=True)}), "
        f"{book.wins} of {count(book.trades, 'trade')} won"
        for book in view.books
    ]
    closed = console.trades(limit=500)
    if closed:
        best, worst = max(closed, key=lambda trade: trade.pnl), min(closed, key=lambda trade: trade.pnl)
        lines.append(
            f"best {best.instrument} {money(best.pnl, signed=True)}, "
            f"worst {worst.instrument} {money(worst.pnl, signed=True)}"
        )
    return lines


def risk(console: Console) -> list[str]:
    view = console.view()
    if view is None:
        return [NOTHING_YET]
    return [_limit(limit) for limit in view.limits] or ["No limits are shown yet."]


def _limit(limit: LimitView) -> str:
    where = f"{limit.book}: " if limit.book else ""
    if limit.value is None:
        return f"{where}{limit.name}: no value yet, limit {_amount(limit.limit, limit.unit)}"
    left = f"{max(0.0, 1 - limit.value / limit.limit) * 100:.0f} % left" if limit.limit > 0 else "nothing left"
    return f"{where}{limit.name}: {_amount(limit.value, limit.unit)} of {_amount(limit.limit, limit.unit)}, {left}"


def _amount(value: float, unit: str) -> str:
    text = f"{value:,.2f}".rstrip("0").rstrip(".")
    return text if unit == "count" else f"{text} {unit}".rstrip()


def alerts(console: Console) -> list[str]:
    found = console.alerts(limit=SHOWN)
    return [f"{moment(alert.ts)} {alert.level} {clean(alert.text)} [{alert.code}]" for alert in found] or ["No alerts."]


def gate(console: Console) -> list[str]:
    """What tier 2 was worth, each currency apart. Made of so few signals that nobody waits for it."""
    from tradeterm.assistant.evidence import read_evidence
    from tradeterm.assistant.scorecard_text import scorecard_lines
    from tradeterm.assistant.scoring import scorecard  # brings the numerical libraries

    evidence = read_evidence(console, GATE_SIGNALS)
    cards = [scorecard(evidence, currency=currency) for currency in evidence.currencies]
    lines = [line for card in cards for line in scorecard_lines(card)]
    return lines or ["Tier 2 has not been asked about a signal yet."]


def symbols(console: Console) -> list[str]:
    """The symbols a person may name: those the engine watches, else those with signals."""
    view = console.view()
    if view is not None and view.feeds:
        return sorted({feed.symbol for feed in view.feeds})
    return sorted({_symbol(signal.instrument) for signal in console.signals()})


def book_names(console: Console) -> list[str]:
    view = console.view()
    return [book.book for book in view.books] if view is not None else []


def find_instrument(console: Console, text: str) -> tuple[str | None, Sequence[str]]:
    """The instrument id a person means by a symbol, an id or the unambiguous start of one; else the candidates."""
    view = console.view()
    known = {feed.instrument for feed in view.feeds} if view is not None else set()
    known |= {position.instrument for position in view.positions} if view is not None else set()
    known = known or {signal.instrument for signal in console.signals()}
    wanted = text.upper()
    exact = [item for item in sorted(known) if wanted in (item.upper(), _symbol(item).upper())]
    matches = exact or [item for item in sorted(known) if item.upper().startswith(wanted)]
    return (matches[0], matches) if len(matches) == 1 else (None, matches)


def _symbol(instrument: str) -> str:
    return instrument.rpartition(".")[0] or instrument
