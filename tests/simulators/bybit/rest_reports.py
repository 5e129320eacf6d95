"""What the account did, told afterwards: closed results and the transaction log."""

from simulators.bybit.call import Call, Result, chosen_symbols
from simulators.bybit.checks import linear
from simulators.bybit.exchange import Exchange
from simulators.bybit.model import ZERO, Execution
from simulators.bybit.paging import page, window
from simulators.bybit.wire import eight, text


def closed_pnl(call: Call) -> Result:
    """One row for each order that closed something. Its prices include fees, unlike those of executions."""
    x, query = call.exchange, call.query
    linear(dict(query))
    symbols = chosen_symbols(x, query, required=False)
    start, end = window(query, x.clock.now_ms())
    groups: dict[str, list[Execution]] = {}
    for e in x.executions:
        if e.closed_size and e.symbol in symbols and start <= e.time_ms <= end:
            groups.setdefault(e.order_id, []).append(e)
    rows = [_closed_row(x, fills) for fills in groups.values()]
    newest = sorted(rows, key=lambda row: row[0], reverse=True)
    taken, cursor = page(newest, lambda row: row[0], query, 50, 100)
    return {"nextPageCursor": cursor, "category": "linear", "list": [row for _, row in taken]}


def _closed_row(x: Exchange, fills: list[Execution]) -> tuple[int, Result]:
    last = fills[-1]
    size = sum((e.closed_size for e in fills), ZERO)
    exit_value = sum((e.price * e.closed_size for e in fills), ZERO)
    pnl = sum((e.pnl for e in fills), ZERO)
    entry_value = exit_value - pnl if last.side == "Sell" else exit_value + pnl
    return last.seq, {
        "symbol": last.symbol,
        "orderType": last.order_type,
        "leverage": text(x.position(last.symbol).leverage),
        "updatedTime": str(last.time_ms),
        "side": last.side,
        "orderId": last.order_id,
        "closedPnl": text(pnl - sum((e.fee for e in fills), ZERO)),
        "avgEntryPrice": text(eight(entry_value / size)),
        "qty": text(last.order_qty),
        "cumEntryValue": text(eight(entry_value)),
        "createdTime": str(fills[0].time_ms),
        "orderPrice": text(last.order_price),
        "closedSize": text(size),
        "avgExitPrice": text(eight(exit_value / size)),
        "execType": last.exec_type,
        "fillCount": str(len(fills)),
        "cumExitValue": text(exit_value),
    }


def transaction_log(call: Call) -> Result:
    """Every change of the wallet, newest first: TRADE and SETTLEMENT (funding)."""
    x, query = call.exchange, call.query
    start, end = window(query, x.clock.now_ms())
    balance = x.wallet.balance
    rows: list[tuple[int, Result]] = []
    for e in reversed(x.executions):
        if start <= e.time_ms <= end and e.symbol == (query.get("symbol") or e.symbol):
            rows.append((e.seq, _log_row(e) | {"cashBalance": text(balance)}))
        balance -= e.pnl - e.fee
    taken, cursor = page(rows, lambda row: row[0], query, 20, 50)
    return {"nextPageCursor": cursor, "list": [row for _, row in taken]}


def _log_row(e: Execution) -> Result:
    funding = e.exec_type == "Funding"
    return {
        "id": f"{e.symbol}_{e.seq}",
        "symbol": e.symbol,
        "side": e.side,
        "funding": text(-e.fee) if funding else "",
        "orderLinkId": e.link_id,
        "orderId": e.order_id,
        "fee": "0" if funding else text(e.fee),
        "change": text(e.pnl - e.fee),
        "cashFlow": text(e.pnl),
        "transactionTime": str(e.time_ms),
        "type": "SETTLEMENT" if funding else "TRADE",
        "feeRate": text(e.fee_rate),
        "bonusChange": "",
        "size": text(e.qty),
        "qty": text(e.qty),
        "category": "linear",
        "currency": "USDT",
        "tradePrice": text(e.price),
        "tradeId": e.exec_id,
        "extraFees": "",
    }
