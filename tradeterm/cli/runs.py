"""`tradeterm runs`: the runs of research that were kept, and each of them again; and the sweeps."""

import argparse
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, say, say_error, say_json
from tradeterm.cli.session import profile_of

if TYPE_CHECKING:
    from pathlib import Path

    from tradeterm.research.runs import RunLine
    from tradeterm.research.sweep.kept import KeptSweep

_NOBODY = "OFF"
_KEY = 16
"""Letters of the key of a sweep."""


def add(commands: Commands) -> None:
    parser = commands.add(
        "runs", run, "list the backtests, tests and sweeps that were run, or show a run again", json=True
    )
    parser.add_argument("which", nargs="?", type=_which, metavar="RUN|SWEEP", help="show this one: its number, or key")
    parser.add_argument("--tables", action="store_true", help="also by symbol, side, exit, hour, month, regime")


def run(options: argparse.Namespace) -> int:
    """JSON: {"type": "runs", "file", "runs": [{"run", "ts", "command", "name", "version", "seed", "data_hash", "ai":
    who judged, "figures": {name: value}}], "sweeps": [{"key", "ts" it was begun, "name", "version", "data_hash",
    "method", "metric", "varied": [key], "trials" done, "wanted", "best": null or {"number", "changes": {key: value},
    "score"}, "state": "done"|"resumable"|"cancelled" or null}]}, newest first, times UTC ms; with RUN or SWEEP that of
    the command that made it, and of a sweep that has not ended {"type": "sweep_begun"} with its row of this list. The
    figures of a walk-forward are those out of sample, of a robustness test those of what it shakes; a look-ahead test
    has none. What a sweep wanted, and so its state, is null where an older version began it; only its own version goes
    on with a cancelled one. Exit status 1 where there is no such run or sweep."""
    folder = profile_of(options).root
    match options.which:
        case int():
            return _run(options, folder)
        case str():
            return _sweep(options, folder)
        case _:
            return _list(options, folder)


def _run(options: argparse.Namespace, folder: "Path") -> int:
    from tradeterm.research.runs import FILE, kept_run

    found = kept_run(folder, options.which)
    if found is None:
        return say_error(f"run: found {options.which}, which was not kept in {folder / FILE}", FAILED)
    if options.json:
        say_json({"type": found.command, "run": found.id, **found.outcome()})
    elif found.command == "backtest":
        from tradeterm.cli.backtest_text import say_outcome

        say_outcome(found.outcome(), found.id, tables=options.tables)
    else:
        from tradeterm.cli.honesty import say_findings
        from tradeterm.research.honesty.evidence import shown
        from tradeterm.research.honesty.kept import findings_of

        outcome = found.outcome()
        say_findings(outcome, [shown(each) for each in findings_of(found.command, outcome)], found.id)
    return DONE


def _sweep(options: argparse.Namespace, folder: "Path") -> int:
    """What `tradeterm sweep` said of it; of one that has not ended how far it came."""
    from tradeterm.research.runs import FILE
    from tradeterm.research.sweep.kept import kept_answer, kept_sweeps

    found = next((one for one in kept_sweeps(folder) if one.key == options.which), None)
    if found is None:
        return say_error(f"sweep: found {options.which}, which was not kept in {folder / FILE}", FAILED)
    answer = kept_answer(folder, found.key)
    if options.json:
        say_json({"type": "sweep_begun", **_sweep_row(found)} if answer is None else {"type": "sweep", **answer})
    elif answer is None:
        _say_sweeps((found,))
        say("what its best is worth is not kept; the same `tradeterm sweep`, once it has ended, says and keeps it")
    else:
        from tradeterm.cli.sweep_text import say_sweep

        say_sweep(answer)
    return DONE


def _list(options: argparse.Namespace, folder: "Path") -> int:
    from tradeterm.research.runs import FILE, kept_runs
    from tradeterm.research.sweep.kept import kept_sweeps

    runs, sweeps = kept_runs(folder), kept_sweeps(folder)
    if options.json:
        say_json(
            {
                "type": "runs",
                "file": str(folder / FILE),
                "runs": [_row(one) for one in runs],
                "sweeps": [_sweep_row(one) for one in sweeps],
            }
        )
        return DONE
    if runs:
        _say_runs(runs)
    if runs and sweeps:
        say()
    if sweeps:
        _say_sweeps(sweeps)
    if not runs and not sweeps:
        say("nothing was run yet; `tradeterm backtest eos` is a beginning")
    return DONE


def _which(text: str) -> int | str:
    """The number of a run, or the key of a sweep."""
    if len(text) == _KEY and not set(text) - set("0123456789abcdef"):
        return text
    if not (text.isascii() and text.isdigit() and len(text) < _KEY):
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed the number of a run or the key of a sweep")
    return int(text)


def _row(one: "RunLine") -> dict[str, object]:
    return {
        "run": one.id,
        "ts": one.ts,
        "command": one.command,
        "name": one.name,
        "version": one.version,
        "seed": one.seed,
        "data_hash": one.data_hash,
        "ai": one.ai,
        "figures": one.figures,
    }


def _sweep_row(one: "KeptSweep") -> dict[str, object]:
    from msgspec import structs

    return {**structs.asdict(one), "state": one.state}


def _say_runs(runs: "tuple[RunLine, ...]") -> None:
    """Who judged as tier 2 stands at the end of the lines of those runs where somebody did."""
    from tradeterm.cli.figures import moment
    from tradeterm.research.figure import Unit
    from tradeterm.research.figure_text import value_text

    wanted = (("trades", Unit.COUNT), ("total_return", Unit.FRACTION), ("sharpe", Unit.RATIO))
    judged = any(one.ai != _NOBODY for one in runs)
    lines = [("run", "when", "what", "name", "trades", "return", "Sharpe", "data", "tier 2" if judged else "")]
    for one in runs:
        trades, total, sharpe = (value_text(one.figures.get(name), unit) for name, unit in wanted)
        who = "" if one.ai == _NOBODY else one.ai
        lines.append(
            (str(one.id), moment(one.ts), one.command, one.name, trades, total, sharpe, one.data_hash[:12], who)
        )
    _say_table(lines, left={1, 2, 3, 7, 8})


def _say_sweeps(sweeps: "tuple[KeptSweep, ...]") -> None:
    from tradeterm.cli.figures import moment
    from tradeterm.research.figure import Unit
    from tradeterm.research.figure_text import NO_VALUE, value_text
    from tradeterm.research.sweep.kept import SweepState

    lines = [("sweep", "begun", "method", "name", "trials", "best by", "value", "state", "data", "best variant")]
    for one in sweeps:
        unit = Unit.FRACTION if one.metric == "return" else Unit.RATIO
        changes = {} if one.best is None else one.best.changes
        lines.append(
            (
                one.key,
                moment(one.ts),
                one.method,
                one.name,
                f"{one.trials} of {'?' if one.wanted is None else max(one.wanted, one.trials)}",
                one.metric,
                value_text(None if one.best is None else one.best.score, unit),
                NO_VALUE if one.state is None else one.state.value,
                one.data_hash[:12],
                " ".join(f"{key}={_plain(value)}" for key, value in changes.items()) or NO_VALUE,
            )
        )
    _say_table(lines, left={0, 1, 2, 3, 5, 7, 8, 9})
    if any(one.state is SweepState.RESUMABLE for one in sweeps):
        say("resumable: the same `tradeterm sweep` goes on from there")


def _plain(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _say_table(lines: Sequence[tuple[str, ...]], left: Container[int]) -> None:
    """The columns of `left` flush left, the others flush right."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = [
            cell.ljust(width) if i in left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())
