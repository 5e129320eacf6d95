"""A sweep that has ended, in words: its best variants, and what the best of so many is worth."""

from collections.abc import Mapping
from typing import Any

from tradeterm.cli.figures import aligned
from tradeterm.cli.output import say

_SHOWN = 10
_FEW = "*"


def say_sweep(answer: Mapping[str, Any]) -> None:
    """Of what `tradeterm sweep --json` answers, as plain data."""
    from tradeterm.research.data.moments import utc
    from tradeterm.research.result import LEAST_TRADES

    trials = answer["trials"]
    say(f"{answer['name']}: {', '.join(answer['instruments'])}")
    say(
        f"{utc(answer['first'])} to {utc(answer['last'])} UTC, bars of {answer['interval']}, "
        f"data {answer['data_hash'][:12]}"
    )
    for text in answer["notes"]:
        say(text)
    known = f", {answer['resumed']} of them known from before" if answer["resumed"] else ""
    say(f"sweep {answer['key']}: {len(trials)} variants{known}; the best by {answer['metric']}")
    say()
    first, *others = trials[0]["changes"]
    head = (first, [*others, "return", "Sharpe", "max drawdown", "profit factor", "trades", "refused"])
    ranked = sorted((one for one in trials if one["score"] is not None), key=lambda one: (-one["score"], one["number"]))
    rows = [
        (_text(one["changes"][first]), [*(_text(one["changes"][name]) for name in others), *_cells(one["summary"])])
        for one in ranked[:_SHOWN]
    ]
    present = ("as it stands", [*("" for _ in others), *_cells(answer["present"])])
    say("\n".join(line.rstrip() for line in aligned([head, *rows, present])))
    if any(cells[-2].endswith(_FEW) for _, cells in (*rows, present)):
        say(f"{_FEW} under {LEAST_TRADES} trades: no figure says anything about it")
    say()
    say(answer["sentence"])


def _cells(summary: Mapping[str, Any]) -> list[str]:
    from tradeterm.research.honesty.summary import percent, plain
    from tradeterm.research.result import LEAST_TRADES

    return [
        percent(summary["total_return"]),
        plain(summary["sharpe"]),
        percent(summary["max_drawdown"]),
        plain(summary["profit_factor"]),
        f"{summary['trades']}{_FEW if summary['trades'] < LEAST_TRADES else ''}",
        str(summary["refused"]),
    ]


def _text(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
