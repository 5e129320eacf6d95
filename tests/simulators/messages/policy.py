"""Answers by rule from the context alone: a simulated AI for demonstrations and end-to-end runs.

Its model is named `fake-policy-1`; whatever shows or keeps its verdicts says "simulated AI".
"""

import json
from typing import Any

from simulators.messages.answers import Answer, text_answer
from simulators.messages.chat_policy import chat_policy

MODEL = "fake-policy-1"
_ADVERSE = ("hack", "exploit", "delist", "insolven", "halt", "lawsuit", "fraud", "outage")
_FAR = 0.04


def policy(body: dict[str, Any]) -> Answer:
    """A verdict where one is asked for, a turn of the chat where there are tools, else who speaks."""
    if body.get("tools"):
        return chat_policy(body)
    context = _context(body)
    if context is None:
        return text_answer("I am a simulated AI: I answer by rule, not by a model.", model=MODEL)
    return text_answer(json.dumps(verdict(context)), model=MODEL)


def verdict(context: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The verdict the rules give, with evidence that is in the context; `changes` lie over it."""
    decision, factor, codes, confidence, why = _judge(context)
    found = {
        "signal_id": context["signal"]["id"],
        "symbol": context["signal"]["symbol"],
        "side": context["signal"]["side"],
        "decision": decision,
        "confidence": confidence,
        "size_factor": factor,
        "reason_codes": codes,
        "evidence": _evidence(context),
        "injection_suspected": False,
        "reasoning": f"Simulated AI: {why}",
    }
    return {**found, **changes}


def _judge(context: dict[str, Any]) -> tuple[str, float, list[str], float, str]:
    headlines = context.get("untrusted", {}).get("headlines", [])
    bad = [line for line in headlines if any(word in line.lower() for word in _ADVERSE)]
    if bad:
        return "REJECT", 0.0, ["NEWS_ADVERSE"], 0.2, "the news speaks against it."
    if context["market"].get("mark") is None:
        return "ABSTAIN", 0.0, ["MISSING_DATA"], 0.5, "there is no mark."
    sign = 1 if context["signal"]["side"] == "long" else -1
    trend = context["explain"].get("trend_4h")
    if trend is not None and -sign * float(trend) >= _FAR:
        return "REJECT", 0.0, ["TREND_AGAINST"], 0.3, "the price runs against it."
    drawdown, limit = context["portfolio"].get("drawdown"), context["limits"].get("drawdown")
    if drawdown is not None and limit is not None and float(drawdown) > float(limit) / 2:
        return "REDUCE", 0.5, ["DRAWDOWN"], 0.55, "over half of the drawdown limit is used."
    return "APPROVE", 1.0, ["SIGNAL_STRONG"], 0.62, "nothing speaks against it."


def _evidence(context: dict[str, Any]) -> list[dict[str, str]]:
    wanted = (("market", "mark"), ("portfolio", "drawdown"), ("signal", "price"))
    found = [(f"/{group}/{name}", context[group].get(name)) for group, name in wanted]
    return [{"path": path, "value": str(value)} for path, value in found if value is not None]


def _context(body: dict[str, Any]) -> dict[str, Any] | None:
    """The context of a request for a verdict, in either API's shape."""
    content = body["messages"][-1]["content"]
    try:
        context = json.loads(content)
    except (TypeError, ValueError):
        return None
    return context if isinstance(context, dict) and "signal" in context else None
