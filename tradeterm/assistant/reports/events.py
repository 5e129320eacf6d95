"""What happened besides trading: violations, the breaker, operators, alerts, orders in doubt, gaps in the record."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from msgspec import Struct

from tradeterm.assistant.reports.record import Record
from tradeterm.assistant.reports.said import said
from tradeterm.assistant.text import moment, span
from tradeterm.domain.facts import OrderEventFact, RunRow
from tradeterm.domain.orders import Order, OrderIntent, OrderStatus
from tradeterm.domain.states import AlertLevel
from tradeterm.engine.audit import audit_kind
from tradeterm.ledger.audit import AuditKind
from tradeterm.ledger.runs import RunStatus


class Event(Struct, frozen=True, kw_only=True):
    """`what` happened, to what (`about`: a book, an instrument), why, and what came of it (`answer`). `ts` is of the
    desk's clock; of a command that of the machine."""

    ts: int
    what: str
    about: str
    why: str
    answer: str = ""


class OrderTrouble(Struct, frozen=True, kw_only=True):
    """An order that was not ours (EXTERNAL), whose state was UNKNOWN for a time (`still`: it is now), that was refused,
    or that moved in a way it should not have (ANOMALY). `ts` is when it began, `ended` when the state was known
    again."""

    ts: int
    id: str
    book: str
    instrument: str
    intent: str
    trouble: str
    status: str
    ended: int | None
    still: bool
    detail: str


class Gap(Struct, frozen=True, kw_only=True):
    """A time of the machine's clock of which there is no record, or a run without a clean end."""

    start: int
    end: int | None
    run: str
    text: str


def violations_of(record: Record) -> tuple[Event, ...]:
    """What the audit file of safety violations is made of: entries denied by a limit, and CRITICAL alerts."""
    found = [
        Event(
            ts=signal.ts,
            what=f"{signal.kind.value} denied",
            about=f"{signal.book} {said(signal.instrument, 60)} {signal.side.value}",
            why=said(signal.outcome_code, 60),
            answer=said(signal.outcome_text),
        )
        for signal in record.signals
        if audit_kind(signal) is AuditKind.SAFETY_VIOLATIONS
    ]
    found += [
        Event(
            ts=alert.ts,
            what=f"{alert.level.value} alert",
            about=f"{alert.book} {said(alert.instrument, 60)}".strip(),
            why=said(alert.code, 60),
            answer=said(alert.text),
        )
        for alert in record.alerts
        if audit_kind(alert) is AuditKind.SAFETY_VIOLATIONS
    ]
    return tuple(sorted(found, key=lambda event: event.ts))


def breaker_of(record: Record) -> tuple[Event, ...]:
    return tuple(
        Event(
            ts=each.ts,
            what=f"{each.from_level.value} to {each.to_level.value}",
            about=said(each.rule, 60),
            why=said(each.cause),
            answer=", ".join(f"{said(name, 40)} {said(value, 40)}" for name, value in each.numbers.items()),
        )
        for each in record.breaker_events
    )


def commands_of(record: Record) -> tuple[Event, ...]:
    """What operators asked, by the machine's clock, and what was answered."""
    return tuple(
        Event(
            ts=row.ts,
            what=f"{row.verb.value} {said(row.argument, 80)}".strip(),
            about=f"{row.book} {said(row.instrument, 60)}".strip() or "the desk",
            why=f"{said(row.actor, 80)}{f': {said(row.reason)}' if row.reason else ''}",
            answer=f"{row.status.value} {moment(row.ts_updated)}{f': {said(row.detail)}' if row.detail else ''}",
        )
        for row in record.commands
        if not record.book or row.book in ("", record.book)
    )


def alerts_of(record: Record) -> tuple[Event, ...]:
    """From WARNING on."""
    return tuple(
        Event(
            ts=alert.ts,
            what=f"{alert.level.value} {said(alert.code, 60)}",
            about=f"{alert.book} {said(alert.instrument, 60)}".strip(),
            why=said(alert.text),
        )
        for alert in record.alerts
        if alert.level is not AlertLevel.INFO
    )


def health_of(record: Record) -> tuple[Event, ...]:
    return tuple(
        Event(
            ts=each.ts,
            what=f"{each.from_level.value} to {each.to_level.value}",
            about=f"{each.book} {said(each.strategy, 60)}",
            why=", ".join(said(cause) for cause in each.causes),
        )
        for each in record.health_events
    )


def order_troubles(record: Record) -> tuple[OrderTrouble, ...]:
    """By the time each began."""
    events: dict[str, list[OrderEventFact]] = defaultdict(list)
    for event in record.order_events:
        events[event.client_order_id].append(event)
    orders = {order.client_order_id: order for order in record.orders}
    found = [
        _trouble(orders, order.client_order_id, "EXTERNAL: not ours, found at the venue", order.ts_created, None, "")
        for order in record.orders
        if order.intent is OrderIntent.EXTERNAL
    ]
    for name, told in events.items():
        found += _of_events(orders, name, told)
    seen = {(trouble.id, trouble.trouble) for trouble in found}
    for name, order in orders.items():
        if order.status is OrderStatus.UNKNOWN and (said(name, 80), "UNKNOWN") not in seen:
            found.append(_trouble(orders, name, "UNKNOWN", order.ts_updated, None, order.reason))
    for fill in record.fills:
        if fill.reconciliation and fill.client_order_id not in orders:
            found.append(
                _trouble(
                    orders,
                    fill.client_order_id,
                    "FILL FOUND: told by the venue when we compared",
                    fill.ts_event,
                    None,
                    "",
                )
            )
    return tuple(sorted(found, key=lambda trouble: trouble.ts))


def _of_events(orders: Mapping[str, Order], name: str, told: Iterable[OrderEventFact]) -> Iterable[OrderTrouble]:
    since: OrderEventFact | None = None
    for event in told:
        if event.to_status is OrderStatus.UNKNOWN and since is None:
            since = event
        elif since is not None and event.to_status is not OrderStatus.UNKNOWN:
            yield _trouble(orders, name, "UNKNOWN", since.ts, event.ts, since.detail)
            since = None
        if event.to_status is OrderStatus.REJECTED:
            yield _trouble(orders, name, "REJECTED", event.ts, None, event.detail)
        if event.anomaly:
            yield _trouble(orders, name, "ANOMALY", event.ts, None, event.detail)
    if since is not None:
        yield _trouble(orders, name, "UNKNOWN", since.ts, None, since.detail)


def _trouble(
    orders: Mapping[str, Order], name: str, trouble: str, ts: int, ended: int | None, detail: str
) -> OrderTrouble:
    order = orders.get(name)
    return OrderTrouble(
        ts=ts,
        id=said(name, 80),
        book=order.book if order else "",
        instrument=said(order.instrument, 60) if order else "",
        intent=order.intent.value if order else "",
        trouble=trouble,
        status=order.status.value if order else "",
        ended=ended,
        still=order is not None and order.status is OrderStatus.UNKNOWN and trouble == "UNKNOWN" and ended is None,
        detail=said(detail),
    )


def gaps_of(record: Record, *, alive: bool) -> tuple[Gap, ...]:
    """Runs without a clean end, and the times between runs, in which nothing was watched. `alive`: an engine runs on
    this ledger now."""
    found: list[Gap] = []
    before: RunRow | None = None
    for run in record.runs:
        if before is not None and before.ts_ended is not None and run.ts_started > before.ts_ended:
            away = span(run.ts_started - before.ts_ended)
            text = f"No engine ran from {moment(before.ts_ended)} to {moment(run.ts_started)} UTC ({away})."
            found.append(Gap(start=before.ts_ended, end=run.ts_started, run=run.id, text=text))
        if run.status == RunStatus.INTERRUPTED:
            last = _last_sign(record, run)
            text = f"Run {run.id} was killed or crashed after {moment(last)} UTC"
            text += f"; found dead {moment(run.ts_ended)} UTC." if run.ts_ended else "."
            found.append(Gap(start=last, end=run.ts_ended, run=run.id, text=text))
        before = run
    if before is not None and before.status == RunStatus.RUNNING and not alive:
        text = f"Run {before.id} has no end and no engine runs: it was killed or crashed."
        found.append(Gap(start=_last_sign(record, before), end=None, run=before.id, text=text))
    return tuple(found)


def _last_sign(record: Record, run: RunRow) -> int:
    """The last moment of the run that anything was written of: its start, where the desk's clock was a recording's."""
    if record.replayed:
        return run.ts_started
    told = [fact.ts for facts in (record.equity, record.signals, record.alerts, record.order_events) for fact in facts]
    told += [run.cursor] if run.cursor is not None else []
    end = run.ts_ended
    return max((ts for ts in told if ts >= run.ts_started and (end is None or ts <= end)), default=run.ts_started)
