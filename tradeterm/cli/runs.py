"""`tradeterm runs`: the runs of research that were kept, and each of them again; and the sweeps."""

import argparse
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, say, say_error, say_json
from tradeterm.cli.session import profile_of

if TYPE_CHECKING:
    from tradeterm.research.runs import RunLine
    from tradeterm.research.sweep.kept import KeptSweep


def add(commands: Commands) -> None:
    parser = commands.add(
        "runs", run, "list the backtests, tests and sweeps that were run, or show a run again", json=True
    )
    parser.add_argument("number", nargs="?", type=int, metavar="RUN", help="show this one")
    parser.add_argument("--tables", action="store_true", help="also by symbol, side, exit, hour, month, regime")


def run(options: argparse.Namespace) -> int:
    """JSON: {"type": "runs", "file", "runs": [{"run", "ts", "command", "name", "version", "seed", "data_hash",
    "figures": {name: value}}], "sweeps": [{"key", "ts" it was begun, "name", "version", "data_hash", "method",
    "metric", "varied": [key], "trials" done, "wanted", "best": null or {"number", "changes": {key: value}, "score"},
    "state": "done"|"resumable"|"cancelled" or null}]}, newest first, times UTC ms; with RUN that of the command that
    made it. The figures of a walk-forward are those out of sample, of a robustness test those of what it shakes; a
    look-ahead test has none. What a sweep wanted, and so its state, is null where an older version began it; only its
    own version goes on with a cancelled one. Exit status 1 where there is no such run."""
    from tradeterm.research.runs import FILE, kept_run, kept_runs

    folder = profile_of(options).root
    if options.number is not None:
        found = kept_run(folder, options.number)
        if found is None:
            return say_error(f"run: found {options.number}, which was not kept in {folder / FILE}", FAILED)
        if options.json:
            say_json({"type": found.command, "run": found.id, **found.outcome()})
            return DONE
        if found.command != "backtest":
            from tradeterm.cli.honesty import say_findings
            from tradeterm.research.honesty.evidence import shown
            from tradeterm.research.honesty.kept import findings_of

            outcome = found.outcome()
            say_findings(outcome, [shown(each) for each in findings_of(found.command, outcome)], found.id)
            return DONE
        from tradeterm.cli.backtest_text import say_outcome

        say_outcome(found.outcome(), found.id, tables=options.tables)
        return DONE
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


def _row(one: "RunLine") -> dict[str, object]:
    return {
        "run": one.id,
        "ts": one.ts,
        "command": one.command,
        "name": one.name,
        "version": one.version,
        "seed": one.seed,
        "data_hash": one.data_hash,
        "figures": one.figures,
    }


def _sweep_row(one: "KeptSweep") -> dict[str, object]:
    from msgspec import structs

    return {**structs.asdict(one), "state": one.state}


def _say_runs(runs: "tuple[RunLine, ...]") -> None:
    from tradeterm.cli.figures import moment
    from tradeterm.research.figure import Unit
    from tradeterm.research.figure_text import value_text

    wanted = (("trades", Unit.COUNT), ("total_return", Unit.FRACTION), ("sharpe", Unit.RATIO))
    lines = [("run", "when", "what", "name", "trades", "return", "Sharpe", "data")]
    for one in runs:
        trades, total, sharpe = (value_text(one.figures.get(name), unit) for name, unit in wanted)
        lines.append((str(one.id), moment(one.ts), one.command, one.name, trades, total, sharpe, one.data_hash[:12]))
    _say_table(lines, left={1, 2, 3, 7})


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
