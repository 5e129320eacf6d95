"""One signal from its numbers to its exit, as text: the answer to "why?" and "why not?"."""

from collections.abc import Iterable, Sequence

from msgspec import Struct
from textual.content import Content

from tradeterm.domain.facts import ShadowTrade, SignalFact, Trade
from tradeterm.domain.orders import Fill, Order
from tradeterm.domain.signals import GateCheck, SignalKind, SignalOutcome, Verdict
from tradeterm.ui import fmt
from tradeterm.ui.plain import plain
from tradeterm.ui.tables.common import in_words, order_ticks, symbol
from tradeterm.ui.tables.orders import intent_words
from tradeterm.ui.tables.signals import verdict_words

_FRACTIONS = ("move", "funding_rate", "trend_1h", "trend_4h", "threshold")
_PRICES = ("session_open", "close", "average")


class Trace(Struct, frozen=True):
    """Everything the ledger knows of a signal."""

    signal: SignalFact
    verdict: Verdict | None
    orders: Sequence[Order]
    fills: Sequence[Fill]
    trade: Trade | None
    shadow: ShadowTrade | None


def trace_text(trace: Trace, zone: str) -> Content:
    signal = trace.signal
    parts: list[tuple[str, str]] = []
    wish = f"{signal.side}" if signal.kind is SignalKind.ENTRY else f"exit of {signal.side}"
    parts += [
        (f"{symbol(signal.instrument)} {wish}", "bold $bright"),
        (f"  {fmt.moment(signal.ts, zone)} · {signal.strategy} · book {signal.book} · {signal.id}\n", "$muted"),
        (plain(signal.outcome_text or signal.outcome.lower()) + "\n", f"bold {_outcome_style(signal.outcome)}"),
    ]
    parts += _head("Numbers")
    parts += [
        (f"  {name:<19}", "$muted") if place == 0 else (f"{name}\n", "")
        for name, value in _numbers(signal)
        for place, name in enumerate((name, value))
    ]
    parts += _head("Tier 1 · rules")
    parts += _checks(signal.checks) or [("  No rule was asked: an exit never waits.\n", "$muted")]
    parts += _head("Tier 2 · verdict")
    parts += _verdict(trace)
    if signal.checks_after:
        failed = [check for check in signal.checks_after if not check.passed]
        parts += _head("Rules again, after the verdict")
        parts += _checks(failed) if failed else [(f"  all {len(signal.checks_after)} pass\n", "$pnl-up")]
    parts += _head("Size")
    parts += _size(signal)
    parts += _head("Orders and fills")
    parts += _orders(trace, zone)
    parts += _head("Exit")
    parts += _exit(trace, zone)
    parts += _head("Shadow")
    parts += _shadow(trace)
    return Content.assemble(*parts)


def _head(title: str) -> list[tuple[str, str]]:
    return [(f"\n{title}\n", "bold $pane-title")]


def _outcome_style(outcome: SignalOutcome) -> str:
    calm = (SignalOutcome.ORDERED, SignalOutcome.PENDING)
    return "$foreground" if outcome in calm else "$muted" if outcome is SignalOutcome.IGNORED else "$warning"


def _numbers(signal: SignalFact) -> Iterable[tuple[str, str]]:
    yield "price", fmt.price(signal.price)
    for name, value in signal.explain.items():
        if name in _FRACTIONS:
            text = fmt.signed_percent(value, 4 if name == "funding_rate" else 2)
        elif name in _PRICES:
            text = fmt.price(value)
        elif name.startswith("confirm_"):
            text = fmt.DASH if value is None else "yes" if value else "no"
        else:
            text = fmt.number(value, 0 if value is not None and float(value).is_integer() else 2)
        yield plain(name).replace("_", " "), text


def _checks(checks: Sequence[GateCheck]) -> list[tuple[str, str]]:
    parts: list[tuple[str, str]] = []
    for check in checks:
        parts.append((f"  {'pass' if check.passed else 'FAIL'} ", "$pnl-up" if check.passed else "bold $pnl-down"))
        parts.append((f"{check.code:<31}", "$foreground" if check.passed else "bold $foreground"))
        numbers = " · ".join(f"{plain(name)} {plain(value)}" for name, value in check.numbers.items())
        parts.append((f"{plain(check.text) or numbers}\n", "$muted" if check.passed else "$foreground"))
        if numbers and not check.passed:
            parts.append((f"       {numbers}\n", "$muted"))
    return parts


def _verdict(trace: Trace) -> list[tuple[str, str]]:
    verdict = trace.verdict
    if verdict is None:
        if trace.signal.outcome is SignalOutcome.PENDING:
            return [("  waiting for it\n", "$accent")]
        return [("  Not asked: only an entry that passed the rules is judged.\n", "$muted")]
    parts = [
        (f"  {verdict_words(verdict)}", "bold $bright"),
        (f"  by {plain(verdict.model) or verdict.source} in {fmt.duration(verdict.latency_ms)}, ", "$muted"),
        (f"size factor {fmt.number(verdict.size_factor)}\n", "$muted"),
    ]
    if verdict.reasoning:
        parts.append((f"  {plain(verdict.reasoning)}\n", "$foreground"))
    if verdict.reason_codes:
        parts.append((f"  {', '.join(plain(code) for code in verdict.reason_codes)}\n", "$muted"))
    return parts


def _size(signal: SignalFact) -> list[tuple[str, str]]:
    if signal.size is None:
        return [("  Never sized: it did not get that far.\n", "$muted")]
    parts = [
        (f"  {plain(name):<19}", "$muted") if place == 0 else (f"{plain(name)}\n", "")
        for pair in signal.size.factors
        for place, name in enumerate(pair)
    ]
    if signal.size.binding:
        parts.append((f"  bound by {plain(signal.size.binding)}\n", "$foreground"))
    if signal.quantity is not None:
        parts.append((f"  quantity {fmt.quantity(signal.quantity)}\n", "bold $bright"))
    return parts


def _orders(trace: Trace, zone: str) -> list[tuple[str, str]]:
    if not trace.orders:
        return [("  No order was sent.\n", "$muted")]
    ticks = order_ticks(trace.orders)
    parts: list[tuple[str, str]] = []
    for order in sorted(trace.orders, key=lambda order: (order.ts_created, order.client_order_id)):
        at = order.average_price or order.trigger_price or order.price
        parts.append((f"  {fmt.clock(order.ts_created, zone)} ", "$muted"))
        parts.append((f"{intent_words(order):<7}{order.side:<5}{fmt.quantity(order.quantity):>10} ", "$foreground"))
        parts.append(
            (f"{'@ ' + ticks.price(order.instrument, at) if at is not None else 'at market':<14} ", "$foreground")
        )
        parts.append((f"{order.status}", "bold $foreground"))
        parts.append((f"  {order.client_order_id}{' · ' + in_words(order.reason) if order.reason else ''}\n", "$muted"))
        for fill in (fill for fill in reversed(trace.fills) if fill.client_order_id == order.client_order_id):
            paid = ticks.price(fill.instrument, fill.price)
            words = f"filled {fmt.quantity(fill.quantity)} @ {paid}, fee {fmt.money(fill.fee)}"
            parts.append((f"  {fmt.clock(fill.ts_event, zone)}   {words}\n", "$pnl-up"))
    return parts


def _exit(trace: Trace, zone: str) -> list[tuple[str, str]]:
    trade = trace.trade
    if trade is not None:
        r = f", {fmt.number(trade.r_multiple)} R" if trade.r_multiple is not None else ""
        held = fmt.duration(trade.ts_closed - trade.ts_opened)
        return [
            (
                f"  {fmt.clock(trade.ts_closed, zone)} {in_words(trade.exit_reason)}"
                f" @ {order_ticks(trace.orders).price(trade.instrument, trade.exit_price)} after {held}: ",
                "",
            ),
            (
                f"{fmt.signed_money(trade.pnl)} ({fmt.signed_percent(trade.return_pct / 100)}{r})\n",
                "bold $pnl-up" if trade.pnl > 0 else "bold $pnl-down",
            ),
        ]
    filled = any(order.filled_quantity for order in trace.orders)
    return [("  still open\n" if filled else "  Nothing was opened.\n", "$muted")]


def _shadow(trace: Trace) -> list[tuple[str, str]]:
    shadow = trace.shadow
    if shadow is None:
        asked = trace.signal.verdict_id is not None
        return [(f"  None: {'none was kept' if asked else 'tier 2 was not asked'}.\n", "$muted")]
    if shadow.pnl is not None:
        return [(f"  Untouched by tier 2 it would have made {fmt.signed_money(shadow.pnl)}.\n", "$foreground")]
    ended = "still running" if shadow.ts_closed is None else f"its end is not known ({plain(shadow.exit_reason)})"
    return [(f"  Untouched by tier 2: {ended}.\n", "$muted")]
