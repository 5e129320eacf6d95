"""How many variants of a strategy were tried on the same data, by the ledger of research: the best of many is luck."""

import json
from collections.abc import Mapping
from pathlib import Path

import msgspec

from tradeterm.research.costs import Costs
from tradeterm.research.runs import FILE, open_runs
from tradeterm.research.study import Study
from tradeterm.research.sweep.kept import has_sweeps
from tradeterm.strategies.declared.strategy import Declared


def variants_tried(folder: Path, study: Study, data_hash: str, name: str) -> int:
    """Backtests that differ in their book or costs, and trials of sweeps; the study itself is one of them.

    `name` is the run's: declared strategies are variants of one another where they have the same. Raises LedgerError
    where the ledger in `folder` cannot be read.
    """
    strategy = study.book.strategy
    declared = strategy == Declared.name
    variants, trials = {_variant(msgspec.to_builtins(study.book), msgspec.to_builtins(study.costs))}, 0
    if (folder / FILE).is_file():
        with open_runs(folder / FILE) as db:
            kept = db.execute("SELECT DISTINCT study FROM runs WHERE data_hash = ?", (data_hash,)).fetchall()
            counted = "SELECT made_of, count(*) FROM sweeps JOIN trials ON sweep = key GROUP BY key"
            swept = db.execute(counted).fetchall() if has_sweeps(db) else []
        for (text,) in kept:
            run = json.loads(text)
            if run.get("book", {}).get("strategy") == strategy and (not declared or run["name"] == name):
                variants.add(_variant(run["book"], run["costs"]))
        for text, count in swept:
            made_of = json.loads(text)
            same = made_of.get("name", name) == name  # an older version did not keep it
            if same and (made_of["data_hash"], made_of["book"]["strategy"]) == (data_hash, strategy):
                trials += count
    return len(variants) + trials


def _variant(book: object, costs: Mapping[str, object]) -> bytes:
    """Costs that an older version did not know were none."""
    return msgspec.json.encode((book, {**msgspec.to_builtins(Costs()), **costs}), order="sorted")
