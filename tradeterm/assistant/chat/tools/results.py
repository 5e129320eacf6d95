"""What was earned and what it cost: closed trades one by one and summed, fees, funding, slippage, models."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Struct

from tradeterm.assistant.chat.outside import name
from tradeterm.assistant.chat.tools.standing import instrument_of, pct, view_of
from tradeterm.assistant.chat.tools.tool import MOST_ROWS, Tool, rows
from tradeterm.assistant.text import moment
from tradeterm.console.protocol import Console
from tradeterm.domain.facts import Trade
from tradeterm.domain.market import DAY_MS

_LOOKED_THROUGH = 5000


class Period(StrEnum):
    """Of the desk's clock, UTC; days are 24 hours back from now, except today."""

    TODAY = "today"
    DAY = "1d"
    WEEK = "7d"
    MONTH = "30d"
    ALL = "all"


class GroupBy(StrEnum):
    BOOK = "book"
    INSTRUMENT = "instrument"
    STRATEGY = "strategy"
    SIDE = "side"
    EXIT_REASON = "exit_reason"
    DAY = "day"


class Order(StrEnum):
    NEWEST = "newest"
    BEST = "best"
    WORST = "worst"


class AboutPerformance(Struct, frozen=True, forbid_unknown_fields=True):
    period: Period = Period.ALL
    group_by: GroupBy = GroupBy.BOOK


class AboutTrades(Struct, frozen=True, forbid_unknown_fields=True):
    period: Period = Period.ALL
    symbol: str = ""
    book: str = ""
    order: Order = Order.NEWEST
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS)] = 10


class AboutCosts(Struct, frozen=True, forbid_unknown_fields=True):
    period: Period = Period.ALL


def result_tools(console: Console, now: Callable[[], int]) -> tuple[Tool[Any], ...]:
    """`now` is the machine's clock in ms: models are paid by its days."""
    return (
        Tool(
            "get_performance",
            "Closed trades summed by book, instrument, strategy, side, exit reason or day: count, won, profit after "
            "costs, fees, funding, best and worst. Each currency apart.",
            AboutPerformance,
            lambda taken: _performance(console, taken),
        ),
        Tool(
            "get_trades",
            "Closed trades one by one with entry, exit, costs and profit; the newest, best or worst ones.",
            AboutTrades,
            lambda taken: _trades(console, taken),
        ),
        Tool(
            "get_costs",
            "What trading cost in a period: fees, funding and mean entry slippage by book; and what models cost today "
            "(UTC) by purpose, in USD.",
            AboutCosts,
            lambda taken: _costs(console, taken.period, now()),
        ),
    )


def _closed(console: Console, period: Period) -> tuple[list[Trade], dict[str, Any]]:
    """The trades of a period, with what must be said of it."""
    view = view_of(console)
    since = {
        Period.TODAY: view.ts // DAY_MS * DAY_MS,
        Period.DAY: view.ts - DAY_MS,
        Period.WEEK: view.ts - 7 * DAY_MS,
        Period.MONTH: view.ts - 30 * DAY_MS,
        Period.ALL: 0,
    }[period]
    read = console.trades(limit=_LOOKED_THROUGH)
    said = {
        "period": period,
        "since": f"{moment(since)} UTC" if since else "the ledger's begin",
        "until": f"{moment(view.ts)} UTC",
    }
    if len(read) == _LOOKED_THROUGH:
        said["left_out"] = f"trades before the latest {_LOOKED_THROUGH}"
    return [trade for trade in read if trade.ts_closed >= since], said


def _currencies(console: Console) -> dict[str, str]:
    return {book.book: book.currency for book in view_of(console).books}


def _performance(console: Console, taken: AboutPerformance) -> dict[str, Any]:
    trades, said = _closed(console, taken.period)
    currencies = _currencies(console)
    groups: dict[tuple[str, str], list[Trade]] = defaultdict(list)
    totals: dict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        currency = currencies.get(trade.book, "?")
        groups[_group(trade, taken.group_by), currency].append(trade)
        totals[currency].append(trade)
    found = [
        {taken.group_by.value: key, "currency": currency, **_summed(members)}
        for (key, currency), members in sorted(groups.items())
    ]
    return {
        **said,
        "total": [{"currency": currency, **_summed(members)} for currency, members in sorted(totals.items())],
        "group_by": taken.group_by,
        **rows(found, len(found), MOST_ROWS),
        "note": "closed trades only; open positions are in get_positions and get_portfolio",
    }


def _group(trade: Trade, by: GroupBy) -> str:
    match by:
        case GroupBy.BOOK:
            return trade.book
        case GroupBy.INSTRUMENT:
            return name(trade.instrument)
        case GroupBy.STRATEGY:
            return trade.strategy
        case GroupBy.SIDE:
            return trade.side.value
        case GroupBy.EXIT_REASON:
            return trade.exit_reason
    return moment(trade.ts_closed)[:10]


def _summed(trades: Sequence[Trade]) -> dict[str, Any]:
    won = sum(trade.pnl > 0 for trade in trades)
    best, worst = max(trades, key=lambda trade: trade.pnl), min(trades, key=lambda trade: trade.pnl)
    return {
        "closed_trades": len(trades),
        "won": won,
        "lost": len(trades) - won,
        "win_rate_pct": pct(won / len(trades)),
        "pnl": _sum(trade.pnl for trade in trades),
        "fees": _sum(trade.fees for trade in trades),
        "funding": _sum(trade.funding for trade in trades),
        "mean_pnl": round(_sum(trade.pnl for trade in trades) / len(trades), 2),
        "best": {"trade_id": best.id, "instrument": name(best.instrument), "pnl": best.pnl},
        "worst": {"trade_id": worst.id, "instrument": name(worst.instrument), "pnl": worst.pnl},
    }


def _sum(values: Any) -> Decimal:
    return sum(values, Decimal(0))


def _trades(console: Console, taken: AboutTrades) -> dict[str, Any]:
    wanted = instrument_of(console, taken.symbol) if taken.symbol else ""
    trades, said = _closed(console, taken.period)
    found = [trade for trade in trades if wanted in ("", trade.instrument) and taken.book in ("", trade.book)]
    if taken.order is not Order.NEWEST:
        found.sort(key=lambda trade: trade.pnl, reverse=taken.order is Order.BEST)
    currencies = _currencies(console)
    shown = [_trade(trade, currencies) for trade in found[: taken.limit]]
    return {**said, "order": taken.order, **rows(shown, len(found), taken.limit)}


def _trade(trade: Trade, currencies: dict[str, str]) -> dict[str, Any]:
    return {
        "trade_id": trade.id,
        "signal_id": trade.signal_id,
        "book": trade.book,
        "instrument": name(trade.instrument),
        "side": trade.side,
        "quantity": trade.quantity,
        "entry_price": trade.entry_price,
        "exit_price": trade.exit_price,
        "opened": f"{moment(trade.ts_opened)} UTC",
        "closed": f"{moment(trade.ts_closed)} UTC",
        "pnl": trade.pnl,
        "return_pct": trade.return_pct,
        "r_multiple": trade.r_multiple,
        "fees": trade.fees,
        "funding": trade.funding,
        "currency": currencies.get(trade.book, "?"),
        "exit_reason": trade.exit_reason,
    }


def _costs(console: Console, period: Period, now: int) -> dict[str, Any]:
    trades, said = _closed(console, period)
    currencies = _currencies(console)
    books: dict[str, list[Trade]] = defaultdict(list)
    for trade in trades:
        books[trade.book].append(trade)
    models: dict[str, list[Decimal | None]] = defaultdict(list)
    for row in console.ai_usage(now // DAY_MS * DAY_MS):
        models[row.purpose].append(row.cost)
    return {
        **said,
        "books": [
            {
                "book": book,
                "currency": currencies.get(book, "?"),
                "closed_trades": len(members),
                "fees": _sum(trade.fees for trade in members),
                "funding": _sum(trade.funding for trade in members),
                "mean_entry_slippage_pct": _mean_slippage(members),
            }
            for book, members in sorted(books.items())
        ],
        "models_today": [
            {
                "purpose": purpose,
                "requests": len(costs),
                "cost_usd": _sum(cost for cost in costs if cost is not None),
                "requests_of_unknown_price": sum(cost is None for cost in costs),
            }
            for purpose, costs in sorted(models.items())
        ],
    }


def _mean_slippage(trades: Sequence[Trade]) -> float | None:
    known = [trade.slippage for trade in trades if trade.slippage is not None]
    return pct(_sum(known) / len(known)) if known else None
