"""`tradeterm runs`: the runs of research that were kept, and each of them again."""

import argparse

from tradeterm.cli.commands import Commands
from tradeterm.cli.output import DONE, FAILED, say, say_error, say_json
from tradeterm.cli.session import profile_of


def add(commands: Commands) -> None:
    parser = commands.add("runs", run, "list the backtests and tests that were run, or show one again", json=True)
    parser.add_argument("number", nargs="?", type=int, metavar="RUN", help="show this one")
    parser.add_argument("--tables", action="store_true", help="also by symbol, side, exit, hour, month, regime")


def run(options: argparse.Namespace) -> int:
    """JSON: {"type": "runs", "file", "runs": [{"run", "ts", "command", "name", "version", "seed", "data_hash",
    "figures": {name: value}}]}, newest first, times UTC ms; with RUN that of the command that made it. The figures of a
    walk-forward are those out of sample, of a robustness test those of what it shakes; a look-ahead test has none. Exit
    status 1 where there is no such run."""
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
    rows = [
        {
            "run": one.id,
            "ts": one.ts,
            "command": one.command,
            "name": one.name,
            "version": one.version,
            "seed": one.seed,
            "data_hash": one.data_hash,
            "figures": one.figures,
        }
        for one in kept_runs(folder)
    ]
    if options.json:
        say_json({"type": "runs", "file": str(folder / FILE), "runs": rows})
    elif rows:
        _say_table(rows)
    else:
        say("nothing was run yet; `tradeterm backtest eos` is a beginning")
    return DONE


def _say_table(rows: list[dict[str, object]]) -> None:
    from tradeterm.cli.figures import moment
    from tradeterm.research.figure import Unit
    from tradeterm.research.figure_text import value_text

    wanted = (("trades", Unit.COUNT), ("total_return", Unit.FRACTION), ("sharpe", Unit.RATIO))
    lines: list[tuple[str, ...]] = [("run", "when", "what", "name", "trades", "return", "Sharpe", "data")]
    for row in rows:
        figures = row["figures"]
        assert isinstance(figures, dict)
        assert isinstance(row["ts"], int)
        told = (value_text(figures.get(name), unit) for name, unit in wanted)
        lines.append(
            (
                str(row["run"]),
                moment(row["ts"]),
                str(row["command"]),
                str(row["name"]),
                *told,
                str(row["data_hash"])[:12],
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [
            cell.ljust(width) if i in (1, 2, 3, 7) else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())
