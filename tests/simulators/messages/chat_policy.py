"""A simulated AI for the chat: it calls tools by the words of the question and repeats what they said.

Only numbers of the results are in its answers, but for "guess", which makes one up: the console must mark it.
"""

import json
import re
from typing import Any

from simulators.messages.answers import Answer, text_answer, tool_answer

MODEL = "fake-chat-1"
Results = dict[str, dict[str, Any]]


def chat_policy(body: dict[str, Any]) -> Answer:
    """The next step of a conversation with tools: a call, or the answer once it knows enough."""
    question, results = _asked(body["messages"])
    words = question.lower()
    if "strategy" in words and re.match(r"(create|write|make)\b", words):
        return _write(results)
    if explained := re.match(r"(?:what does|explain what) ([a-z0-9_-]+)", words):
        return _explain(explained[1], results)
    if "pause" in words or "pausing" in words:
        return _pause(words, results)
    if any(word in words for word in ("why", "denied", "vetoed", "blocked")):
        return _why(words, results)
    if "parameter" in words or "threshold" in words:
        return _parameters(results)
    if "guess" in words:
        return _said("I would guess that BTC is at 123,456.70 next week.")
    if any(word in words for word in ("p&l", "pnl", "earn", "make", "made", "lose", "lost", "profit", "perform")):
        return _performance(results)
    if "position" in words:
        return _positions(results)
    return _said("I am a simulated AI: I answer by rule, not by a model. Ask about profit, positions or a signal.")


def _performance(results: Results) -> Answer:
    if "get_performance" not in results:
        calls = ("get_portfolio", {}), ("get_performance", {"period": "all", "group_by": "instrument"})
        return _calls(results, *calls, text="Let me look.")
    now, past = results["get_portfolio"], results["get_performance"]
    lines = [
        f"Equity is {_money(now['equity'])} {now['currency']}; today {_money(now['day_pnl'], signed=True)} "
        f"({now['day_return_pct']:.2f} %)."
    ]
    for total in past["total"]:
        lines.append(
            f"{total['closed_trades']} closed trades made {_money(total['pnl'], signed=True)} {total['currency']} "
            f"after {_money(total['fees'])} of fees; {total['won']} won."
        )
        worst = total["worst"]
        lines.append(
            f"The worst was {worst['instrument']} with {_money(worst['pnl'], signed=True)} [{worst['trade_id']}]."
        )
    return _said("\n".join(lines))


def _positions(results: Results) -> Answer:
    if "get_positions" not in results:
        return _calls(results, ("get_positions", {}))
    found = results["get_positions"]
    lines = [f"{found['count']} open positions."]
    lines += [
        f"{row['side']} {row['instrument']} {row['quantity']} at {row['entry_price']}, now {row['mark']}: "
        f"{_money(row['unrealized_pnl'], signed=True)} {row['currency']}, stop {row['stop_price']}."
        for row in found["rows"]
    ]
    return _said("\n".join(lines))


def _why(words: str, results: Results) -> Answer:
    if "get_signals" not in results:
        symbol = re.search(r"\b([a-z]{2,6})(?:usdt)?\b(?= |\?|$)", " ".join(w for w in words.split() if w in _COINS))
        named = {"symbol": f"{symbol[1].upper()}USDT"} if symbol else {}
        outcome = next(({"outcome": word.upper()} for word in ("denied", "vetoed", "blocked") if word in words), {})
        return _calls(results, ("get_signals", {**named, **outcome}))
    rows = results["get_signals"].get("rows", [])
    if not rows:
        return _said("There is no such signal.")
    if "explain_decision" not in results:
        return _calls(results, ("explain_decision", {"id": rows[0]["signal_id"]}))
    told = results["explain_decision"]
    failed = "; ".join(f"{check['code']}: {check['text']}" for check in told["checks_failed"]) or "No check failed"
    if (verdict := told["verdict"]) is not None:
        failed += f"; tier 2 ({verdict['by']}) said {verdict['decision']} {', '.join(verdict['reason_codes'])}"
    return _said(
        f"{told['strategy']} wanted {told['side']} {told['instrument']} at {told['price']} on the bar closed "
        f"{told['bar_closed']}. It was stopped by {told['stopped_by']}. {failed}. "
        f"{told['checks_passed']} checks passed. [{told['signal_id']}]"
    )


def _pause(words: str, results: Results) -> Answer:
    if "get_portfolio" not in results:
        return _calls(results, ("get_portfolio", {}))
    if "propose_pause" not in results:
        books = [row["book"] for row in results["get_portfolio"]["books"]]
        book = next((book for book in books if book in words), books[0])
        return _calls(results, ("propose_pause", {"book": book}))
    told = results["propose_pause"]
    if "error" in told:
        return _said(f"That cannot be proposed: {told['error']}.")
    return _said(f"Proposal {told['proposal_id']} to {told['title']} is on a card for you; only you can apply it.")


def _parameters(results: Results) -> Answer:
    if "list_strategies" not in results:
        return _calls(results, ("list_strategies", {}))
    if "propose_params" not in results:
        book = next(book["book"] for row in results["list_strategies"]["strategies"] for book in row["books"])
        return _calls(results, ("propose_params", {"book": book, "changes": {"threshold": 0.05}}))
    told = results["propose_params"]
    if "error" in told:
        return _said(f"That cannot be proposed: {told['error']}.")
    return _said(f"Proposal {told['proposal_id']}: threshold from {told['before']['threshold']} to 0.05, on a card.")


def _write(results: Results) -> Answer:
    """A strategy of RSI; the first try says an operator that is not known."""
    told = results.get("propose_strategy")
    if told is None:
        return _calls(results, ("propose_strategy", {"spec": _strategy("under")}), text="I write it down.")
    if "error" in told:
        return _calls({**results, "again": {}}, ("propose_strategy", {"spec": _strategy("crosses_above")}))
    whole = told["preview"]["parts"][0]
    few = ". Under 30 trades are insufficient: it proves nothing" if whole["insufficient"] else ""
    return _said(
        f"{told['title']} is on a card [{told['proposal_id']}]. On {told['preview']['data']} it made "
        f"{whole['return_pct']:.2f} % after costs in {whole['trades']} trades; buying and holding made "
        f"{whole['buy_and_hold_pct']:.2f} %{few}. Only you can apply it."
    )


def _strategy(op: str) -> dict[str, Any]:
    return {
        "v": 1, "name": "rsi-tight-btc", "symbols": ["BTC"], "timeframe": "15m", "side": "long",
        "entry": {"all": [{"ind": "rsi", "n": 14, "op": op, "value": 30}]},
        "exit": {"any": [{"ind": "rsi", "n": 14, "op": ">", "value": 55}, {"bars_held": 48}]},
        "stop": {"type": "percent", "pct": 0.75}, "target": {"type": "r", "mult": 2},
        "risk": {"risk_pct": 0.25, "max_leverage": 10, "max_positions": 1, "daily_loss_pct": 1},
        "assumptions": [
            "oversold is read as RSI(14) coming back above 30",
            "tight risk is read as 0.25 % a trade and a stop 0.75 % away",
        ],
    }  # fmt: skip


def _explain(strategy: str, results: Results) -> Answer:
    if "get_strategy" not in results:
        return _calls(results, ("get_strategy", {"id": strategy}))
    told = results["get_strategy"]
    return _said(told["error"] if "error" in told else f"{told['in_words']} [{told['strategy_id']}]")


_COINS = ("btc", "eth", "bnb", "sol", "xrp", "ada", "sui", "doge", "link", "avax", "btcusdt", "ethusdt")


def _said(text: str) -> Answer:
    return text_answer(text, thinking="By rule.", model=MODEL)


def _calls(results: Results, *calls: tuple[str, dict[str, Any]], text: str = "") -> Answer:
    return tool_answer(*calls, text=text, thinking="By rule.", first=len(results) + 1, model=MODEL)


def _asked(messages: list[dict[str, Any]]) -> tuple[str, Results]:
    """The latest question, and by tool what was found for it since."""
    question, results, names = "", {}, {}
    for message in messages:
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block["type"] == "tool_use":
                names[block["id"]] = block["name"]
            elif block["type"] == "tool_result":
                results[names[block["tool_use_id"]]] = json.loads(block["content"])
            elif message["role"] == "user" and block["type"] == "text":
                question, results = block["text"], {}
    return question, results


def _money(value: str, *, signed: bool = False) -> str:
    return f"{float(value):+,.2f}" if signed else f"{float(value):,.2f}"
