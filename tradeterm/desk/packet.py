"""The frozen packet tier 2 may look at: canonical numbers only. Decimals are strings, an absent number is None."""

from decimal import Decimal
from typing import Any

import msgspec

from tradeterm.desk.account import book_equity, book_exposure, book_positions, day_pnl, drawdown, mark_of
from tradeterm.desk.models import current_model
from tradeterm.desk.positions import unrealized
from tradeterm.desk.sizing import Sized
from tradeterm.desk.state import Book, DeskState, Health
from tradeterm.domain.signals import GateCheck, Signal


def verdict_context(
    state: DeskState,
    book: Book,
    signal: Signal,
    stop: Decimal | None,
    target: Decimal | None,
    sized: Sized,
    checks: tuple[GateCheck, ...],
    ts: int,
) -> dict[str, Any]:
    """What the signal is, why, how large, what tier 1 saw, what the limits are and what the book holds."""
    equity = book_equity(state, book)
    exposure = book_exposure(state, book.name)
    mark = state.marks.get(signal.instrument)
    model = current_model(state, signal.instrument, ts, book.interval_ms)
    return {
        "signal": {
            "id": signal.id,
            "book": signal.book,
            "strategy": signal.strategy,
            "instrument": signal.instrument,
            "side": signal.side.value,
            "price": _text(signal.price),
            "stop": _text(stop),
            "target": _text(target),
            "quantity": _text(sized.quantity),
            "reason": signal.reason,
            "ts_bar": signal.ts_bar,
        },
        "explain": dict(signal.explain),
        "market": {
            "mark": _text(mark_of(state, signal.instrument)),
            "age_ms": None if mark is None else ts - mark.ts,
            "session_open": None if mark is None else mark.session_open,
            "funding_rate": None if mark is None else mark.funding_rate,
            "regime": None if model.regime is None else model.regime.value,
            "volatility": model.volatility,
        },
        "size": {"binding": sized.factors.binding, "factors": dict(sized.factors.factors)},
        "limits": msgspec.to_builtins(book.config.limits),
        "tier1": [
            {"code": check.code.value, "passed": check.passed, "numbers": dict(check.numbers)} for check in checks
        ],
        "portfolio": {
            "equity": _text(equity),
            "cash": _text(book.cash),
            "exposure": _text(exposure),
            "day_pnl": _text(None if equity is None else day_pnl(book, equity)),
            "drawdown": _text(None if equity is None else drawdown(book, equity)),
            "health": state.health.get(book.name, Health()).level.value,
            "positions": [_position(state, key) for key in sorted(state.positions) if key[0] == book.name],
            "open_positions": len(book_positions(state, book.name)),
        },
        "ts": ts,
    }


def _position(state: DeskState, key: tuple[str, str]) -> dict[str, Any]:
    position = state.positions[key]
    mark = mark_of(state, position.instrument)
    pnl = None if mark is None else unrealized(position, mark, state.instruments.get(position.instrument))
    return {
        "instrument": position.instrument,
        "side": position.side.value,
        "quantity": _text(position.quantity),
        "average_price": _text(position.average_price),
        "mark": _text(mark),
        "unrealized_pnl": _text(pnl),
        "ts_opened": position.ts_opened,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
