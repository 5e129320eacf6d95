"""A preview in lines a person reads: numbers of each part side by side, then what to doubt."""

from collections.abc import Iterator, Sequence

from tradeterm.assistant.author_preview import Part, Preview
from tradeterm.assistant.author_worker import Refusal
from tradeterm.research.data.moments import date

_NONE = "-"
_LOOK_AHEAD = {True: "", False: "LOOK-AHEAD: ", None: "NOT CHECKED for look-ahead: "}
_COLUMNS: tuple[str, ...] = ("part", "trades", "return", "buy & hold", "drawdown", "won", "costs")


def preview_lines(found: Preview | Refusal) -> tuple[str, ...]:
    """Such as "in sample   31   -1.65 %   -1.77 %  …", a line a part."""
    if isinstance(found, Refusal):
        return (f"NO PREVIEW: {found.sentence}", "NOT CHECKED for look-ahead: there was no run to look at.")
    whole = found.whole
    symbols = ", ".join(name.partition(".")[0] for name in found.instruments)
    head = (
        f"Preview with costs, on {found.data}: {symbols}, bars of {found.interval}, "
        f"{date(whole.first)} to {date(whole.last)}"
    )
    return (head, *_table([_COLUMNS, *(_row(part) for part in found.parts)]), *_doubts(found))


def comparison_lines(before: Preview | Refusal, after: Preview | Refusal) -> tuple[str, ...]:
    """The same data with the values as they are and as they would be."""
    if isinstance(before, Refusal) or isinstance(after, Refusal):
        refused = before if isinstance(before, Refusal) else after
        assert isinstance(refused, Refusal)
        return (f"NO BACKTEST: {refused.sentence}",)
    whole = after.whole
    rows = [_COLUMNS]
    for part in after.parts:
        was = next((each for each in before.parts if each.name == part.name), None)
        if was is not None:
            rows.append((f"{part.name}, before", *_row(was)[1:]))
        rows.append((f"{part.name}, after", *_row(part)[1:]))
    head = f"Backtest with costs, on {after.data}: bars of {after.interval}, {date(whole.first)} to {date(whole.last)}"
    return (head, *_table(rows), *_doubts(after))


def _doubts(found: Preview) -> Iterator[str]:
    few = [part.name for part in found.parts if part.insufficient]
    if few:
        yield f"INSUFFICIENT: under 30 trades ({', '.join(few)}); such numbers say nothing"
    tried = found.trials
    if tried is not None and tried > 1:
        yield f"{tried} variants were tried on these data, this one included; the best of many is luck"
    yield "Whoever wrote it may know how that time went; only what comes after it is a test."
    yield f"{_LOOK_AHEAD[found.clean]}{found.look_ahead}"
    yield from found.notes


def _row(part: Part) -> tuple[str, ...]:
    return (
        part.name,
        f"{part.trades}{'!' if part.insufficient else ''}",
        _percent(part.return_pct),
        _percent(part.buy_and_hold_pct),
        _percent(part.max_drawdown_pct),
        _NONE if part.win_rate_pct is None else f"{part.win_rate_pct:.0f} %",
        f"{part.costs:,.2f}",
    )


def _percent(value: float | None) -> str:
    return _NONE if value is None else f"{value:+.2f} %"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
