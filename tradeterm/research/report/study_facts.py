"""The facts of a report, from the study that was run."""

import msgspec

from tradeterm import __version__
from tradeterm.research.report.assumptions import assumptions
from tradeterm.research.report.facts import ReportFacts
from tradeterm.research.report.toml import toml_text
from tradeterm.research.studies import Found


def facts_of(
    found: Found, *, command: str, created: int, trials: int | None = None, regimes: tuple[str, ...] | None = None
) -> ReportFacts:
    """`command` is the line that was typed, `created` UTC ms. `trials` and `regimes` are as in `ReportFacts`."""
    study = found.study
    start = int(study.panel.ts_open[0]) if study.since is None else study.since
    book = msgspec.to_builtins(study.book) | {"interval": found.interval}
    return ReportFacts(
        title=f"Backtest of {found.name}",
        config=toml_text(book, f"books.{found.name}"),
        data_hash=found.data_hash,
        code_version=__version__,
        command=command,
        start=start,
        end=int(study.panel.ts[-1]),
        instruments=study.panel.instruments,
        created=created,
        data_report=found.notes,
        assumptions=assumptions(study),
        seed=study.seed,
        currency=study.book.currency,
        trials=trials,
        regimes=regimes,
    )
