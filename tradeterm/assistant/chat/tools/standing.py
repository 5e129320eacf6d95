"""Where the desk stands: money, positions, orders, limits, a market."""

from typing import Any

from msgspec import Struct

from tradeterm.assistant import answers
from tradeterm.assistant.chat.outside import name, quoted
from tradeterm.assistant.chat.tools.tool import MOST_ROWS, Nothing, Tool, ToolError, rows
from tradeterm.assistant.text import moment
from tradeterm.console.protocol import Console
from tradeterm.domain.orders import Order
from tradeterm.domain.view import DeskView, PositionView

_OPEN_ONLY_LIMIT = 500


class AboutSymbol(Struct, frozen=True, forbid_unknown_fields=True):
    symbol: str


class AboutOrders(Struct, frozen=True, forbid_unknown_fields=True):
    symbol: str = ""
    open_only: bool = False


def standing_tools(console: Console) -> tuple[Tool[Any], ...]:
    return (
        Tool(
            "get_portfolio",
            "The desk and each book now: equity, cash, profit since the start and of the day, drawdown, exposure, "
            "states, and whether the engine runs.",
            Nothing,
            lambda _: _portfolio(console),
        ),
        Tool(
            "get_positions",
            "Open positions with entry, mark, unrealised profit, stop and target.",
            Nothing,
            lambda _: _positions(console),
        ),
        Tool(
            "get_orders",
            "The latest orders with state, prices and fills; of one symbol, or only the open ones.",
            AboutOrders,
            lambda taken: _orders(console, taken),
        ),
        Tool(
            "get_risk_state",
            "Trading state, circuit breaker with its latest changes, every limit with its use, value at risk, and the "
            "health of each book's strategy.",
            Nothing,
            lambda _: _risk(console),
        ),
        Tool(
            "get_market",
            "A symbol now: last price, change since the session's open, funding rate, age of the data, regime and "
            "volatility, and the range of its recent bars.",
            AboutSymbol,
            lambda taken: _market(console, taken.symbol),
        ),
    )


def view_of(console: Console) -> DeskView:
    view = console.view()
    if view is None:
        raise ToolError("no engine has shown itself in this profile yet; the operator starts one")
    return view


def freshness(console: Console, view: DeskView) -> dict[str, Any]:
    """What every answer on the present must say of its age."""
    return {
        "as_of": f"{moment(view.ts)} UTC",
        "mode": view.mode.name,
        "recorded_data": view.replay is not None,
        "engine_running": console.engine_alive(),
    }


def pct(fraction: Any) -> float | None:
    """A fraction as a percentage."""
    return None if fraction is None else round(float(fraction) * 100, 4)


def instrument_of(console: Console, symbol: str) -> str:
    found, candidates = answers.find_instrument(console, symbol)
    if found is not None:
        return found
    known = list(candidates) or answers.symbols(console)
    raise ToolError(f"unknown symbol {name(symbol)!r}; known: {', '.join(map(name, known[:40]))}")


def _portfolio(console: Console) -> dict[str, Any]:
    view = view_of(console)
    return {
        **freshness(console, view),
        "currency": view.currency,
        "equity": view.equity,
        "day_pnl": view.day_pnl,
        "day_return_pct": pct(view.day_return),
        "unrealized_pnl": view.unrealized_pnl,
        "drawdown_pct": pct(view.drawdown),
        "exposure_pct": pct(view.exposure),
        "open_positions": len(view.positions),
        "open_orders": view.open_orders,
        "positions_without_stop": view.unprotected,
        "orders_in_state_unknown": view.unknown_orders,
        "trading_state": view.trading_state,
        "breaker": view.breaker,
        "books": [
            {
                "book": book.book,
                "strategy": book.strategy,
                "venue": book.venue,
                "state": book.state,
                "currency": book.currency,
                "equity": book.equity,
                "cash": book.cash,
                "capital": book.capital,
                "pnl_since_start": book.equity - book.capital,
                "realized_pnl": book.realized_pnl,
                "unrealized_pnl": book.unrealized_pnl,
                "day_pnl": book.day_pnl,
                "day_return_pct": pct(book.day_return),
                "drawdown_pct": pct(book.drawdown),
                "exposure_pct": pct(book.exposure),
                "open_positions": book.open_positions,
                "closed_trades": book.trades,
                "won": book.wins,
                "tier_2": book.tier2,
            }
            for book in view.books
        ],
    }


def _positions(console: Console) -> dict[str, Any]:
    view = view_of(console)
    found = [_position(position, view) for position in view.positions]
    return {**freshness(console, view), **rows(found, len(found), MOST_ROWS)}


def _position(position: PositionView, view: DeskView) -> dict[str, Any]:
    currency = next((book.currency for book in view.books if book.book == position.book), view.currency)
    return {
        "book": position.book,
        "instrument": name(position.instrument),
        "side": position.side,
        "quantity": position.quantity,
        "entry_price": position.entry_price,
        "mark": position.mark,
        "unrealized_pnl": position.pnl,
        "return_pct": position.return_pct,
        "currency": currency,
        "stop_price": position.stop_price,
        "target_price": position.target_price,
        "stop_is_trailing": position.trailing,
        "protected_at_venue": position.protected,
        "fees_so_far": position.fees,
        "funding_so_far": position.funding,
        "opened": f"{moment(position.ts_opened)} UTC",
        "exit_under_way": position.exiting,
    }


def _orders(console: Console, taken: AboutOrders) -> dict[str, Any]:
    wanted = instrument_of(console, taken.symbol) if taken.symbol else ""
    found = [
        order
        for order in console.orders(limit=_OPEN_ONLY_LIMIT)
        if wanted in ("", order.instrument) and not (taken.open_only and order.is_closed)
    ]
    return {"looked_through": _OPEN_ONLY_LIMIT, **rows([_order(order) for order in found], len(found), 25)}


def _order(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.client_order_id,
        "signal_id": order.signal_id,
        "created": f"{moment(order.ts_created)} UTC",
        "book": order.book,
        "instrument": name(order.instrument),
        "intent": order.intent,
        "side": order.side,
        "type": order.type,
        "status": order.status,
        "quantity": order.quantity,
        "price": order.price,
        "trigger_price": order.trigger_price,
        "filled_quantity": order.filled_quantity,
        "average_price": order.average_price,
        "reason": quoted(order.reason),
    }


def _risk(console: Console) -> dict[str, Any]:
    view = view_of(console)
    risk = view.risk
    return {
        **freshness(console, view),
        "trading_state": view.trading_state,
        "trading_reason": quoted(view.trading_reason),
        "kill_under_way": view.kill_pending,
        "breaker": view.breaker,
        "breaker_changes": [
            {
                "when": f"{moment(event.ts)} UTC",
                "from": event.from_level,
                "to": event.to_level,
                "rule": event.rule,
                "cause": quoted(event.cause),
                "numbers": event.numbers,
            }
            for event in console.breaker_events(limit=5)
        ],
        "limits": [
            {"limit": limit.name, "book": limit.book or "desk", "value": limit.value, "allowed": limit.limit}
            | {"unit": limit.unit}
            for limit in view.limits[:MOST_ROWS]
        ],
        "gross_exposure_pct": pct(risk.gross),
        "net_exposure_pct": pct(risk.net),
        "lost_if_all_stops_hit_pct": pct(risk.heat),
        "one_day_var_95_pct": pct(risk.var_95),
        "one_day_var_99_pct": pct(risk.var_99),
        "one_day_cvar_99_pct": pct(risk.cvar_99),
        "health": [
            {
                "book": health.book,
                "level": health.level,
                "causes": list(health.causes),
                "closed_trades": health.trades,
                "win_rate_pct": pct(health.win_rate),
                "expectancy_r": health.expectancy_r,
                "next_trade_may_risk_pct": pct(health.risk_fraction),
                "sizing": health.sizing,
            }
            for health in risk.health
        ],
    }


def _market(console: Console, symbol: str) -> dict[str, Any]:
    instrument = instrument_of(console, symbol)
    view = view_of(console)
    feed = next((feed for feed in view.feeds if feed.instrument == instrument), None)
    if feed is None:
        raise ToolError(f"no market data of {name(instrument)} is at hand")
    regime = next((regime for regime in view.risk.regimes if regime.instrument == instrument), None)
    bars = console.bars(instrument, 288)
    return {
        **freshness(console, view),
        "instrument": name(instrument),
        "last": feed.last,
        "data_age_s": round(max(0, view.ts - feed.ts_last) / 1000, 1) if feed.ts_last else None,
        "stale": feed.stale,
        "session_open": feed.session_open,
        "change_since_open_pct": pct(feed.change),
        "funding_rate_pct": pct(feed.funding_rate),
        "regime": regime.regime if regime is not None else None,
        "annualised_volatility_pct": pct(regime.volatility) if regime is not None else None,
        "recent_bars": {
            "count": len(bars),
            "since": f"{moment(bars[0].ts_open)} UTC",
            "highest": max(bar.high for bar in bars),
            "lowest": min(bar.low for bar in bars),
            "latest_close": bars[-1].close,
        }
        if bars
        else None,
    }
