"""A backtest that is known only by its outcome, as what has to be asked for to run it again."""

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from tradeterm.config import BookConfig, Config
from tradeterm.ui.research.outcome import Backtest
from tradeterm.ui.research.wanted import Kind, Wanted


def again(outcome: Backtest, config: Config) -> Wanted:
    """The same study by today's configuration: what the two have different is set, the time is pinned."""
    from tradeterm.research.costs import configured_costs

    now = config.books.get(outcome.name)
    strategy = outcome.book.strategy
    book = now if now is not None else BookConfig(strategy=strategy, venue="paper", instruments=("",), capital=1.0)
    present = {
        **_leaves(msgspec.to_builtins({name: getattr(book, name) for name in ("exits", "sizing", "limits")})),
        **_leaves({"parameters": book.parameters}),
        **_costs(msgspec.to_builtins(configured_costs(config))),
    }
    then = {
        **_leaves({"exits": outcome.book.exits, "sizing": outcome.book.sizing, "limits": outcome.book.limits}),
        **_leaves({"parameters": outcome.book.parameters}),
        **_costs(outcome.costs),
    }
    return Wanted(
        kind=Kind.BACKTEST,
        name=outcome.name,
        data=outcome.data.folder,
        symbols=",".join(outcome.data.symbols),
        interval=outcome.data.interval,
        start=_time(outcome.starts),
        end=_time(outcome.data.last),
        capital=f"{outcome.book.capital:.12g}",
        settings=tuple(
            f"{key.removeprefix('parameters.')}={json.dumps(value)}"
            for key, value in then.items()
            if present.get(key) != value
        ),
        seed=outcome.seed,
        ai="rules" if outcome.ai.startswith("RULES") else "",
    )


def _costs(costs: Mapping[str, Any]) -> dict[str, Any]:
    """Coefficients of single symbols stay together: one that is not among them then is none."""
    return {f"costs.{key}": value for key, value in costs.items()}


def _leaves(table: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Plain values by their dotted keys."""
    return dict(_walk(table, before))


def _walk(table: Mapping[str, Any], before: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _walk(value, f"{before}{key}.")
        else:
            yield before + key, value


def _time(ts: int) -> str:
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%dT%H:%M:%S}"
