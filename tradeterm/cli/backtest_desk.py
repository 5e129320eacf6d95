"""`tradeterm backtest BOOK BOOK …`: several books in simulated time, as one desk."""

import argparse
import time
from collections.abc import Sequence

from msgspec.structs import replace

from tradeterm.cli.backtest import asked_of, check_impacts, folder_of, out_of
from tradeterm.cli.keep import keep
from tradeterm.cli.named import meaning
from tradeterm.cli.output import DONE, say_json
from tradeterm.domain.errors import ConfigError


def run_books(options: argparse.Namespace, names: Sequence[str]) -> int:
    """Its JSON is described in `backtest.run`."""
    out = out_of(options)
    if options.ai not in ("off", "rules"):
        raise ConfigError(f"--ai: found {options.ai}, allowed off or rules for several books: a record names none")
    started = time.perf_counter()
    meant = [meaning(name, options) for name in names]
    config = replace(meant[0].config, books={name: book for one in meant for name, book in one.config.books.items()})

    from tradeterm.research.books import find_desk, run_desk
    from tradeterm.research.outcome import desk_outcome_of
    from tradeterm.research.tier2 import by_rules

    found = find_desk([one.name for one in meant], config, folder_of(options), asked_of(options))
    check_impacts(found.desk.studies, config)
    found = replace(found, notes=(*(note for one in meant for note in one.notes), *found.notes))
    ai, verdicts = "OFF", None
    if options.ai == "rules":
        ai, verdicts = "RULES (no AI)", [by_rules(study) for study in found.desk.studies]
        found = replace(found, notes=("tier 2: RULES (no AI), the offline rules", *found.notes))
    result = run_desk(found.desk, verdicts=verdicts)
    seconds = time.perf_counter() - started
    outcome = desk_outcome_of(found, result, seconds=seconds, ai=ai, tables=options.tables)
    number = keep(options, "backtest", outcome)
    if options.json:
        say_json({"type": "backtest", "run": number, **outcome})
    else:
        from tradeterm.cli.backtest_text import say_outcome

        say_outcome(outcome, number, tables=options.tables)
    if out is not None:
        from tradeterm.cli.backtest_files import write_answer, write_desk_report

        if out.suffix in (".html", ".md"):
            write_desk_report(out, found, result, options)
        else:
            write_answer(out, {"type": "backtest", "run": number, **outcome})
    return DONE
