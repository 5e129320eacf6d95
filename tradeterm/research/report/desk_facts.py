"""The facts of a report on several books, from the studies that were traded together."""

import msgspec

from tradeterm import __version__
from tradeterm.research.books import DeskResult, FoundDesk
from tradeterm.research.metrics import Unit, figures, value_text
from tradeterm.research.report.assumptions import assumptions
from tradeterm.research.report.facts import ReportFacts, Table
from tradeterm.research.report.toml import key_text, toml_text

_SHOWN = ("total_return", "sharpe", "max_drawdown", "trades", "win_rate", "profit_factor", "expectancy_r", "net")


def desk_facts_of(
    found: FoundDesk, *, command: str, created: int, regimes: tuple[str, ...] | None = None
) -> ReportFacts:
    """As `study_facts.facts_of`."""
    studies = found.desk.studies
    starts = [int(study.panel.ts_open[0]) if study.since is None else study.since for study in studies]
    books = [(one.name, msgspec.to_builtins(one.study.book) | {"interval": one.interval}) for one in found.books]
    tables = [toml_text(book, f"books.{key_text(name)}") for name, book in books]
    return ReportFacts(
        title=f"Backtest of {found.desk.name}",
        config="\n".join([toml_text(msgspec.to_builtins(found.desk.risk), "risk"), *tables]),
        data_hash=found.data_hash,
        code_version=__version__,
        command=command,
        start=min(starts),
        end=max(int(study.panel.ts[-1]) for study in studies),
        instruments=tuple(dict.fromkeys(name for study in studies for name in study.panel.instruments)),
        created=created,
        data_report=found.notes,
        assumptions=(
            "The books are traded together: each on its own capital, all under the limits of [risk], by their positions"
            " and entries at each decision; of signals at one instant those of the first book come first.",
            "A desk's breaker, which halts at the desk's own daily loss and drawdown and waits for a person, is not"
            " simulated.",
            *assumptions(studies[0]),
        ),
        seed=studies[0].seed,
        currency=found.desk.currency,
        regimes=regimes,
    )


def of_each(found: FoundDesk, result: DeskResult) -> Table:
    """The key figures of every book."""
    rows = []
    heads: tuple[str, ...] = ("Book",)
    for one, mine in zip(found.books, result.books, strict=True):
        known = {figure.name: figure for figure in figures(mine, benchmark=False)}
        shown = [known[name] for name in _SHOWN]
        heads = ("Book", *(figure.label for figure in shown))
        capital = value_text(one.study.book.capital, Unit.MONEY, found.desk.currency)
        values = (value_text(figure.value, figure.unit, found.desk.currency) for figure in shown)
        rows.append((f"{one.name} ({capital})", *values))
    return Table(heads, tuple(rows), "Each book on its own capital")
