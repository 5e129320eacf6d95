"""`tradeterm backtest BOOK BOOK …`: several books in simulated time, as one desk."""

import argparse
import time
from collections.abc import Sequence

from msgspec.structs import replace

from tradeterm.cli.backtest import asked_of, check_impacts, folder_of, out_of
from tradeterm.cli.keep import keep
from tradeterm.cli.named import meaning
from tradeterm.cli.output import DONE, say_json
from tradeterm.cli.tier2 import judging


def run_books(options: argparse.Namespace, names: Sequence[str]) -> int:
    """Its JSON is described in `backtest.run`."""
    out = out_of(options)
    started = time.perf_counter()
    meant = [meaning(name, options) for name in names]
    books = {name: book for one in meant for name, book in one.config.books.items()}
    strategies = {one.name for one in meant if one.name not in one.config.books}
    config = replace(meant[0].config, books={name: book for name, book in books.items() if name not in strategies})

    from tradeterm.research.books import find_desk, run_desk
    from tradeterm.research.outcome import desk_outcome_of
    from tradeterm.research.together import Together

    found = find_desk([one.name for one in meant], config, folder_of(options), asked_of(options))
    check_impacts(found.desk.studies, config)
    desk = found.desk
    together = Together({item.id: item for study in desk.studies for item in study.instruments}, desk.panels, desk.risk)
    with judging(options, desk.names, desk.studies, found.data_hash, together) as judged:
        result = run_desk(desk, verdicts=judged.verdicts)
        ai, said = judged.said()
    found = replace(found, notes=(*said, *(note for one in meant for note in one.notes), *found.notes))
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
