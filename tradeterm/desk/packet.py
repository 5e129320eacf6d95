"""The frozen packet tier 2 may look at: canonical numbers only. Decimals are strings, an absent number is None.

It holds what the desk knows. What bars, quotes and settlements say besides is added by the engine on the way to tier 2.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from tradeterm.desk.account import book_equity, book_exposure, book_positions, day_pnl, drawdown, mark_of
from tradeterm.desk.comovement import Comovement, comovement
from tradeterm.desk.models import current_model
from tradeterm.desk.positions import unrealized
from tradeterm.desk.sizing import Sized
from tradeterm.desk.state import Book, DeskState, Health
from tradeterm.domain.signals import GateCheck, Signal
from tradeterm.domain.snapshot import TradeResult

_LOOKED_BACK = 30
_SHOWN_RESULTS = 10


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
    held = [key for key in sorted(state.positions) if key[0] == book.name]
    moves = comovement(state) if held else None
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
            "atr": model.atr,
            "rsi": model.rsi,
            "adx": model.adx,
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
            "positions": [_position(state, key, signal.instrument, moves) for key in held],
            "open_positions": len(book_positions(state, book.name)),
        },
        "history": _history(state.results.get(book.name, ())),
        "ts": ts,
    }


def _history(results: Sequence[TradeResult]) -> dict[str, Any]:
    """How the last thirty trades of the book's strategy ended; R is profit over what was at risk."""
    last = results[-_LOOKED_BACK:]
    multiples = [float(result.r_multiple) for result in last if result.r_multiple is not None]
    wins = sum(result.pnl > 0 for result in last)
    streak = next((n for n, result in enumerate(reversed(last)) if result.pnl >= 0), len(last))
    return {
        "trades": len(last),
        "wins": wins,
        "win_rate": round(wins / len(last), 3) if last else None,
        "mean_r": round(math.fsum(multiples) / len(multiples), 3) if multiples else None,
        "loss_streak": streak,
        "last_r": [round(multiple, 2) for multiple in multiples[-_SHOWN_RESULTS:]],
    }


def _correlation(instrument: str, other: str, moves: Comovement | None) -> float | None:
    """Of daily returns; None where one of them is in no covariance."""
    if instrument == other:
        return 1.0
    if moves is None or instrument not in moves.place or other not in moves.place:
        return None
    one, two = moves.place[instrument], moves.place[other]
    deviation = math.sqrt(moves.covariance[one][one] * moves.covariance[two][two])
    return round(moves.covariance[one][two] / deviation, 2) if deviation > 0 else None


def _position(state: DeskState, key: tuple[str, str], wanted: str, moves: Comovement | None) -> dict[str, Any]:
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
        "correlation": _correlation(wanted, position.instrument, moves),
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
