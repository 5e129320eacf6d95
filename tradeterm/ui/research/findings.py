"""The tables of a result: what a backtest is made of, and what the tests of honesty tried. Pure."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from tradeterm.ui import fmt
from tradeterm.ui.plain import plain
from tradeterm.ui.research.outcome import (
    Backtest,
    Capacity,
    Decay,
    LookAhead,
    Outcome,
    Part,
    Robustness,
    Shaken,
    Stress,
    Sweep,
    Varied,
    WalkForward,
)
from tradeterm.ui.research.words import changes_text, date, moment, shown, summary_cells
from tradeterm.ui.tables.common import gain_tone, in_words, symbol
from tradeterm.ui.widgets.tones import Line, Span, clipped

_SUMMARY = ("return", "Sharpe", "drawdown", "factor", "trades")
_MOST_TRIALS = 200
_MOST_BARS = 12
_LEAST_NAME, _GAP = 16, 2


class Table(Struct, frozen=True):
    """Names to the left, numbers to the right. `rows` are a name and as many cells as there are `columns`; the last
    columns give way first where there is no room."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Span]]]


def tables_of(outcome: Outcome) -> list[Table]:
    """Everything that does not fit among the figures."""
    match outcome:
        case Backtest():
            return [_parts(f"By {by}", rows, outcome.book.currency) for by, rows in outcome.tables.items() if rows]
        case WalkForward():
            return list(_walk_forward(outcome))
        case Robustness():
            tables = [*_shaken(outcome.robustness), _parts("By regime", outcome.regimes.rows, "")]
            return [*tables, _decay(outcome.decay), _capacity(outcome.capacity), _stress(outcome.stress)]
        case LookAhead():
            return [_differences(outcome)]
        case Sweep():
            return [_trials(outcome)]


def table_lines(tables: Sequence[Table], width: int, ellipsis: str = "…") -> list[Line]:
    """The tables under each other, each with its own columns."""
    lines: list[Line] = []
    for table in tables:
        if table.rows:
            lines += [*([()] if lines else []), *_lines(table, width, ellipsis)]
    return lines


def _lines(table: Table, width: int, ellipsis: str) -> Iterator[Line]:
    cells = [[head] + [row[1][at][0] for row in table.rows] for at, head in enumerate(table.columns)]
    widths = [max(map(len, column)) for column in cells]
    longest = max(len(table.title), *(len(name) for name, _ in table.rows))
    least = min(longest, _LEAST_NAME)
    while len(widths) > 1 and sum(widths) + _GAP * len(widths) + least > width:
        widths.pop()
    room = max(least, min(longest, width - sum(widths) - _GAP * len(widths)))

    def line(name: Span, spans: Sequence[Span]) -> Line:
        label = clipped((name,), room, ellipsis)
        padding = " " * (room - sum(len(text) for text, _ in label))
        numbers = [((" " * _GAP) + text.rjust(cell), tone) for (text, tone), cell in zip(spans, widths, strict=False)]
        return clipped((*label, (padding, ""), *numbers), width, ellipsis)

    yield line((table.title, "title"), [(head, "muted") for head in table.columns])
    for name, spans in table.rows:
        yield line((name, ""), spans)


def _parts(title: str, rows: Sequence[Part], currency: str) -> Table:
    return Table(
        title,
        ("trades", "net", "win", "factor", "in R", "costs", "held"),
        [
            (
                _key(row.key),
                (
                    (fmt.number(row.trades, 0), ""),
                    (fmt.signed_money(row.net, currency), gain_tone(row.net)),
                    (fmt.percent(row.win_rate, 0), ""),
                    (fmt.number(row.profit_factor), ""),
                    (fmt.DASH if row.expectancy_r is None else f"{row.expectancy_r:+.2f}", gain_tone(row.expectancy_r)),
                    (fmt.money(row.costs, currency), ""),
                    (fmt.age(row.average_duration), "muted"),
                ),
            )
            for row in rows
        ],
    )


def _key(key: str) -> str:
    """An instrument by its symbol, a code in words."""
    return plain(symbol(key)) if "." in key else in_words(key)


def _walk_forward(outcome: WalkForward) -> Iterator[Table]:
    walk = outcome.walk_forward
    yield Table(
        "Test from, best in sample",
        ("out", "in", "unchanged", "trades"),
        [
            (
                f"{date(fold.window[2])}, {changes_text(fold.parameters) if fold.chosen else 'none could be chosen'}",
                (
                    (fmt.signed_percent(fold.out_of_sample.total_return), gain_tone(fold.out_of_sample.total_return)),
                    (fmt.signed_percent(fold.in_sample.total_return), gain_tone(fold.in_sample.total_return)),
                    (fmt.signed_percent(fold.unchanged.total_return), gain_tone(fold.unchanged.total_return)),
                    (fmt.number(fold.out_of_sample.trades, 0), ""),
                ),
            )
            for fold in walk.folds
        ],
    )
    yield Table("Joined", _SUMMARY, [("out of sample", summary_cells(walk.out_of_sample))])
    yield Table(
        "Drift of the best, window after window",
        ("changes",),
        [
            (plain(f"{each.name} {', '.join(map(shown, each.values))}"), [(str(each.changes), "")])
            for each in walk.drift
        ],
    )


def _shaken(found: Shaken) -> Iterator[Table]:
    yield Table("As it is", _SUMMARY, [("unchanged", summary_cells(found.base))])
    for name, group in (
        ("Parameter moved", found.parameters),
        ("Exit moved", found.exits),
        ("Entry late", found.delays),
        ("Prices off", found.noise),
        ("Costs", found.costs),
    ):
        yield Table(name, _SUMMARY, [(variation_text(each), summary_cells(each.summary)) for each in group])
    quantiles = ("5 %", "median", "95 %", "lose")
    rows = []
    if found.skipped is not None:
        cut = found.skipped
        name = f"{cut.draws} draws without {fmt.percent(cut.share, 0)} of trades"
        rows.append((name, _quantiles(cut.low, cut.median, cut.high, cut.losing)))
    if found.resampled is not None:
        drawn = found.resampled
        name = f"{drawn.paths} curves of {drawn.days} days"
        rows.append((name, _quantiles(drawn.low, drawn.median, drawn.high, drawn.below_start)))
    yield Table("Drawn again", quantiles, rows)


def variation_text(varied: Varied) -> str:
    """What was changed."""
    match varied.variation:
        case {"type": "parameter", "name": name, "value": value}:
            return plain(f"{name}={shown(value)}")
        case {"type": "exit", "name": name, "value": value}:
            return plain(f"exits.{name}={shown(value)}")
        case {"type": "delay", "bars": bars}:
            return f"{bars} bar{'' if bars == 1 else 's'} late"
        case {"type": "noise", "size": size, "seed": seed}:
            return f"up to {fmt.percent(size, 2)}, seed {seed}"
        case {"type": "costs", "factor": factor}:
            return f"times {shown(float(factor))}"
    return plain(changes_text(varied.variation))


def _quantiles(low: float, median: float, high: float, losing: float) -> list[Span]:
    returns = [(fmt.signed_percent(value), gain_tone(value)) for value in (low, median, high)]
    return [*returns, (fmt.percent(losing, 0), "")]


def _decay(found: Decay) -> Table:
    step = max(1, len(found.after) // _MOST_BARS)
    return Table(
        "Edge after",
        ("mean return", "± error", "signals"),
        [
            (
                f"{each.bars} bar{'' if each.bars == 1 else 's'}",
                (
                    (fmt.signed_percent(each.mean, 3), gain_tone(each.mean)),
                    (fmt.percent(each.standard_error, 3), "muted"),
                    (fmt.number(each.signals, 0), ""),
                ),
            )
            for each in found.after[::step]
        ],
    )


def _capacity(found: Capacity) -> Table:
    return Table(
        "Capital",
        ("return kept", *_SUMMARY),
        [
            (fmt.money(each.capital, places=0), ((fmt.percent(each.retained, 0), ""), *summary_cells(each.summary)))
            for each in found.points
            if each.retained is not None
        ],
    )


def _stress(found: Stress) -> Table:
    return Table(
        "Calamity, hypothetical",
        ("costs", "not counted"),
        [
            (
                in_words(plain(each.scenario)),
                (
                    (fmt.percent(each.share, 2), ""),
                    (f"{len(each.unknown)} symbols" if each.unknown else "", "muted"),
                ),
            )
            for each in found.losses
        ],
    )


def _differences(found: LookAhead) -> Table:
    return Table(
        "Other data changed",
        ("what", "of", "when"),
        [
            (
                plain(each.check),
                ((plain(each.what), ""), (plain(symbol(each.instrument)), ""), (moment(each.ts), "muted")),
            )
            for each in found.differences[:_MOST_TRIALS]
        ],
    )


def _trials(sweep: Sweep) -> Table:
    names = list(sweep.trials[0].changes) if sweep.trials else []
    rows: list[tuple[str, Sequence[Span]]] = [("as it stands", summary_cells(sweep.present))]
    for trial in sweep.ranked[:_MOST_TRIALS]:
        values = plain(", ".join(shown(trial.changes.get(name)) for name in names))
        refused = f" ({plain(trial.refused)})" if trial.refused else ""
        rows.append((values + refused, summary_cells(trial.summary)))
    more = len(sweep.trials) - _MOST_TRIALS
    title = ", ".join(map(plain, names)) + (f", the best {_MOST_TRIALS} of {len(sweep.trials)}" if more > 0 else "")
    return Table(title, _SUMMARY, rows)
