"""What a model is told of a report: figures, codes and names that look like names; no text anybody else wrote."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from tradeterm.assistant.chat.outside import name
from tradeterm.assistant.reports.chain import RULES
from tradeterm.assistant.reports.compliance import Compliance
from tradeterm.assistant.reports.gate import Gate
from tradeterm.assistant.reports.performance import BookPerformance, Performance
from tradeterm.assistant.scorecard import Judge
from tradeterm.research.figure_text import value_text

_MOST = 20
_CODE = re.compile(r"[A-Za-z0-9][\w&.:+-]{0,59}|[A-Za-z_]{1,40}( [A-Za-z_]{1,40}){1,2}")
"""One word, or up to three without a digit: too little for a sentence, or for a number that would pass as a fact."""
_SIMULATED = " (simulated AI)"


def digest(facts: Performance | Compliance | Gate) -> dict[str, Any]:
    """Plain data, at most `_MOST` lines of each list. Money has its currency beside it, ratios are written out."""
    told: dict[str, Any] = {
        "report": facts.head.kind.value,
        "label": facts.head.label,
        "period": facts.head.period,
        "modes": [*facts.head.modes],
    }
    match facts:
        case Performance():
            books = [_book(book) for book in facts.books[:_MOST]]
            return told | {"books": books, "open_positions": len(facts.positions), "models_cost_usd": facts.ai_usd}
        case Compliance():
            return told | _compliance(facts)
        case Gate():
            judges = [_judge(judge, card.currency) for card in facts.cards for judge in card.judges]
            return told | {"judges": judges[:_MOST], "verdicts": facts.verdicts, "audit_lines": facts.chain} | {
                "audit_file": facts.audit.state
            }  # fmt: skip


def _book(book: BookPerformance) -> dict[str, Any]:
    return {
        "book": name(book.book),
        "simulated_fills": book.simulated,
        "currency": book.currency,
        "closed_trades": book.trades,
        "sentence": book.sentence if name(book.book) == book.book else None,
        "figures": {
            line.label: f"insufficient: {line.why}" if line.why else value_text(line.value, line.unit, book.currency)
            for line in book.figures
        },
        "breakdowns": {
            each.by.value: [
                {"key": _coded(row.key), "trades": row.trades, "won": row.won, "net": row.net, "fees": row.fees}
                for row in each.slices[:_MOST]
            ]
            for each in book.breakdowns
        },
        "slippage": [
            {"of": row.of, "fills": row.fills, "mean_bps": row.mean_bps, "money": row.money} for row in book.slippage
        ],
        "buy_and_hold_pct": None if book.held is None else round(book.held.total_return * 100, 2),
    }


def _compliance(facts: Compliance) -> dict[str, Any]:
    denied = [
        {"book": name(book.book), "rule": rule.code, "limit": rule.limit, "asked": rule.asked, "denied": rule.denied}
        for book in facts.rules
        for rule in book.rules
        if rule.denied
    ]
    return {
        "sentences": [*facts.sentences],
        "runs": [{"mode": run.mode, "status": run.status} for run in facts.runs[-_MOST:]],
        "signals": [
            {"book": name(row.book), "kind": row.kind, "outcome": row.outcome, "code": _coded(row.code)}
            | {"signals": row.signals}
            for row in facts.outcomes[:_MOST]
        ],
        "rules_that_denied": denied[:_MOST],
        "violations": _counted(event.why for event in facts.violations),
        "breaker_moves": _counted(event.what for event in facts.breaker),
        "operator_commands": _counted(event.what.partition(" ")[0] for event in facts.commands),
        "alerts": _counted(event.what for event in facts.alerts),
        "tier2_decisions": _counted(each.decision for each in facts.decisions),
        "tier2_judges": dict(Counter(_judge_name(each.model) for each in facts.decisions)),
        "audit_lines_of_decisions": _counted(each.state for each in facts.decisions),
        "audit_files": {file.name: file.state for file in facts.audit},
        "ledger_agrees_with_itself": facts.ledger.ok,
        "reconciliations": len(facts.reconciliations),
        "reconciliations_that_differed": sum(not each.agreed for each in facts.reconciliations),
        "leverage": [
            {"book": name(row.book), "of": name(row.instrument) if row.instrument else "all positions"}
            | {"most_times_equity": row.most, "limit": row.limit, "over": row.over}
            for row in facts.leverage[:_MOST]
        ],
        "instruments_traded_but_not_allowed": [
            name(row.instrument) for row in facts.instruments if row.fills and row.allowed is False
        ][:_MOST],
        "orders_in_doubt_or_not_ours": _counted(each.trouble.partition(":")[0] for each in facts.orders),
        "gaps": len(facts.gaps),
    }


def _judge(judge: Judge, currency: str) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(judge)
    for left in ("breakdown", "models", "prompts"):
        del plain[left]
    for silence in ("abstained", "outages"):
        plain[silence]["codes"] = [(_coded(code), times) for code, times in plain[silence]["codes"]]
    return {"label": judge.label, "currency": currency, **plain}


def _counted(words: Iterable[str]) -> dict[str, int]:
    return dict(Counter(_coded(word) for word in words).most_common(_MOST))


def _judge_name(model: str) -> str:
    if model == RULES:
        return model
    return name(model.removesuffix(_SIMULATED)) + (_SIMULATED if model.endswith(_SIMULATED) else "")


def _coded(text: str) -> str:
    """A code, a reason or a key as it is; anything longer or stranger is not told."""
    return text if not text or _CODE.fullmatch(text) else "(not told)"
