"""What a test of honesty found, as tables and curves that a report and a terminal show alike."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct

from tradeterm.research.data.moments import date, utc
from tradeterm.research.honesty.capacity import Capacity
from tradeterm.research.honesty.decay import Decay
from tradeterm.research.honesty.look_ahead import LookAhead
from tradeterm.research.honesty.overfitting import Overfitting
from tradeterm.research.honesty.parameters import Changes
from tradeterm.research.honesty.regimes import ByRegime
from tradeterm.research.honesty.robustness import Robustness, Varied, named
from tradeterm.research.honesty.stress import Stress
from tradeterm.research.honesty.summary import Summary, percent, plain
from tradeterm.research.honesty.walk_forward import WalkForward
from tradeterm.research.metrics import Unit, value_text
from tradeterm.research.report.facts import Cell, Curve, Table

Finding = WalkForward | Robustness | LookAhead | Decay | Capacity | Stress | ByRegime | Overfitting

_SUMMARY = ("return", "Sharpe", "max drawdown", "profit factor", "trades", "refused")
_MOST_BARS = 12
_MOST_VALUES = 6


class Shown(Struct, frozen=True, kw_only=True):
    """A finding under its title: `tradeterm.research.report.Evidence`."""

    title: str
    sentence: str
    tables: tuple[Table, ...]
    curves: tuple[Curve, ...] = ()


def shown(found: Finding) -> Shown:
    """A finding as it is shown."""
    match found:
        case WalkForward():
            return _walk_forward(found)
        case Robustness():
            return _robustness(found)
        case LookAhead():
            return _look_ahead(found)
        case Decay():
            return _decay(found)
        case Capacity():
            return _capacity(found)
        case Stress():
            return _stress(found)
        case ByRegime():
            return _by_regime(found)
        case Overfitting():
            return _overfitting(found)


def _walk_forward(found: WalkForward) -> Shown:
    rows = tuple(
        (
            date(fold.window.test_start),
            _changes(fold.parameters) if fold.chosen else "none could be chosen",
            percent(fold.in_sample.total_return),
            plain(fold.in_sample.sharpe),
            fold.in_sample.trades,
            percent(fold.out_of_sample.total_return),
            plain(fold.out_of_sample.sharpe),
            fold.out_of_sample.trades,
            fold.out_of_sample.refused,
            percent(fold.unchanged.total_return),
        )
        for fold in found.folds
    )
    head = ("test from", "best in sample")
    columns = (*head, "in sample", "Sharpe", "trades", "out of sample", "Sharpe", "trades", "refused", "unchanged")
    drift = tuple(
        (each.name, _chosen([_number(value) for value in each.values]), each.changes, plain(each.spread))
        for each in found.drift
    )
    tables = [Table(columns, rows), Table(("joined", *_SUMMARY), (("out of sample", *_cells(found.out_of_sample)),))]
    if drift:
        tables.append(Table(("parameter", "best values", "changes", "spread"), drift))
    curve = Curve("out of sample", tuple(map(float, found.ts)), found.equity, is_time=True)
    return Shown(title="Walk-forward", sentence=found.sentence, tables=tuple(tables), curves=(curve,))


def _robustness(found: Robustness) -> Shown:
    groups = (
        ("parameter moved", found.parameters),
        ("exit moved", found.exits),
        ("entry late", found.delays),
        ("prices off", found.noise),
        ("costs", found.costs),
    )
    tables = [Table(("as it is", *_SUMMARY), (("", *_cells(found.base)),))]
    tables += [Table((title, *_SUMMARY), tuple(map(_varied, group))) for title, group in groups if group]
    quantiles = ("5 %", "median", "95 %")
    if found.skipped is not None:
        name = f"{found.skipped.share * 100:g} % of trades left out"
        row: tuple[Cell, ...] = (
            f"{found.skipped.draws} draws",
            percent(found.skipped.low),
            percent(found.skipped.median),
            percent(found.skipped.high),
            f"{found.skipped.losing * 100:.1f} %",
        )
        tables.append(Table((name, *quantiles, "lose"), (row,)))
    if found.resampled is not None:
        name = f"days drawn again in blocks of {found.resampled.block:.1f}"
        row = (
            f"{found.resampled.paths} curves",
            percent(found.resampled.low),
            percent(found.resampled.median),
            percent(found.resampled.high),
            f"{found.resampled.below_start * 100:.1f} %",
            percent(found.resampled.worst_drawdown),
        )
        tables.append(Table((name, *quantiles, "lose", "drawdown, worst 5 %"), (row,)))
    return Shown(title="Robustness", sentence=found.sentence, tables=tuple(tables))


def _look_ahead(found: LookAhead) -> Shown:
    rows = tuple(
        (each.check.value, utc(each.ts), each.row, each.instrument, each.what, each.whole, each.found)
        for each in found.differences
    )
    columns = ("data", "first difference", "row", "instrument", "what", "with all", "without")
    return Shown(title="Look-ahead", sentence=found.sentence, tables=(Table(columns, rows),) if rows else ())


def _decay(found: Decay) -> Shown:
    step = max(1, len(found.after) // _MOST_BARS)
    rows = tuple(
        (
            each.bars,
            each.signals,
            f"{each.mean * 100:+.3f} %",
            None if each.standard_error is None else f"{each.standard_error * 100:.3f} %",
        )
        for each in found.after[::step]
    )
    tables = [Table(("bars after", "signals", "mean return", "standard error"), rows)] if rows else []
    if found.information:
        ic = tuple((each.bars, each.dates, f"{each.mean:+.3f}", plain(each.t_statistic)) for each in found.information)
        tables.append(Table(("bars after", "rows", "rank correlation", "t"), ic))
    curve = Curve(
        "mean return, %",
        tuple(float(each.bars) for each in found.after),
        tuple(100 * each.mean for each in found.after),
    )
    return Shown(title="Decay of the edge", sentence=found.sentence, tables=tuple(tables), curves=(curve,))


def _capacity(found: Capacity) -> Shown:
    rows = tuple(
        (
            f"{point.capital:,.0f}",
            percent(point.summary.total_return),
            None if point.retained is None else f"{point.retained * 100:.0f} %",
            point.summary.trades,
            None if point.largest is None else f"{point.largest * 100:.3f} %",
        )
        for point in found.points
    )
    columns = ("capital", "return", "retained", "trades", "largest entry of a day's volume")
    return Shown(title="Capacity", sentence=found.sentence, tables=(Table(columns, rows),))


def _stress(found: Stress) -> Shown:
    tables = []
    days = tuple((date(day.ts), percent(day.market), percent(day.book)) for day in found.falls)
    if days:
        tables.append(Table(("the market's worst days", "market", "book"), days))
    days = tuple((date(day.ts), percent(day.book), percent(day.market)) for day in found.worst)
    if days:
        tables.append(Table(("the book's worst days", "book", "market"), days))
    if found.losses and found.ts is not None:
        losses = tuple((loss.scenario, percent(-loss.share)) for loss in found.losses)
        notes = tuple(loss.assumptions for loss in found.losses)
        tables.append(Table((f"held at {utc(found.ts)}", "equity"), losses, notes=notes))
    return Shown(title="Stress", sentence=found.sentence, tables=tuple(tables))


def _by_regime(found: ByRegime) -> Shown:
    rows = tuple(
        (
            row.key,
            row.trades,
            value_text(row.win_rate, Unit.FRACTION),
            plain(row.profit_factor),
            value_text(row.expectancy, Unit.MONEY),
            value_text(row.expectancy_r, Unit.R),
            value_text(row.costs, Unit.MONEY),
            value_text(row.net, Unit.MONEY),
        )
        for row in found.rows
    )
    columns = ("regime at entry", "trades", "win rate", "profit factor", "expectancy", "in R", "costs", "net")
    return Shown(title="Regimes", sentence=found.sentence, tables=(Table(columns, rows),) if rows else ())


def _overfitting(found: Overfitting) -> Shown:
    row = (
        found.trials,
        plain(found.sharpe),
        plain(found.expected),
        None if found.deflated_sharpe is None else f"{found.deflated_sharpe * 100:.1f} %",
        None if found.pbo is None else f"{found.pbo * 100:.1f} %",
    )
    columns = ("variants", "best Sharpe", "expected of luck", "probability of an edge", "probability of overfitting")
    return Shown(title="Overfitting", sentence=found.sentence, tables=(Table(columns, (row,)),))


def _varied(each: Varied) -> tuple[Cell, ...]:
    return (named(each.variation), *_cells(each.summary))


def _cells(found: Summary) -> tuple[Cell, ...]:
    depth = None if found.max_drawdown is None else percent(found.max_drawdown)
    return (
        percent(found.total_return),
        plain(found.sharpe),
        depth,
        plain(found.profit_factor),
        found.trades,
        found.refused,
    )


def _changes(parameters: Changes) -> str:
    return ", ".join(f"{name} {_number(value)}" for name, value in parameters.items()) or "as configured"


def _chosen(values: Sequence[str]) -> str:
    """One value a window; of many windows the values they chose most, with how often."""
    if len(values) <= _MOST_VALUES:
        return ", ".join(values)
    counts = Counter(values).most_common()
    more = f" and {len(counts) - _MOST_VALUES} other" if len(counts) > _MOST_VALUES else ""
    return ", ".join(f"{value} ({count}x)" for value, count in counts[:_MOST_VALUES]) + more


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
