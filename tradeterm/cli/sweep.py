"""`tradeterm sweep`: many variants of a book or a strategy, and what the best of so many is worth."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradeterm.cli.backtest import found_of
from tradeterm.cli.commands import Commands
from tradeterm.cli.honesty import add_options, head_of, least_trades, sized
from tradeterm.cli.output import DONE, INTERRUPTED, note, say_json
from tradeterm.cli.progress import progress
from tradeterm.cli.session import profile_of
from tradeterm.domain.errors import ConfigError, LedgerError

if TYPE_CHECKING:
    from tradeterm.research.studies import Found
    from tradeterm.research.workers import Submit

_METHODS = ("grid", "random", "optuna")
_METRICS = ("sharpe", "return", "calmar", "profit_factor")


def add(commands: Commands) -> None:
    parser = commands.add("sweep", run, "try many variants, and doubt the best of them", json=True)
    add_options(parser)
    parser.add_argument(
        "--vary",
        action="append",
        default=[],
        required=True,
        metavar="KEY=VALUES",
        help="VALUE,VALUE or LOW:HIGH:STEP, to draw from also LOW:HIGH; a parameter, exits.…, sizing.…, limits.…",
    )
    parser.add_argument("--method", choices=_METHODS, default="grid", help="all combinations, draws, or guided draws")
    parser.add_argument("--trials", type=_trials, default=100, metavar="N", help="draws (default: 100)")
    parser.add_argument("--metric", choices=_METRICS, default="sharpe", help="what the best is best by")
    parser.add_argument(
        "--least-trades", type=least_trades, default=10, metavar="N", help="fewer are never the best (default: 10)"
    )
    parser.add_argument("--dask", metavar="tcp://…", help="run on this Dask cluster instead of this machine's cores")


def run(options: argparse.Namespace) -> int:
    """Every trial is kept in the profile's `research.db` when it is done: the same command after a Ctrl-C, or with more
    `--trials`, does only what is missing. `tradeterm runs KEY` shows one that has ended again.

    JSON: {"type": "sweep", "key", "name", "strategy", "instruments", "interval", "first", "last", "data_hash", "seed",
    "notes", "sizing": "alike"|"book", "method", "metric", "resumed", "present": summary, "trials": [{"number",
    "changes": {key: value}, "score", "summary", "refused"}], "best": number, "overfitting": {"trials", "periods",
    "best", "sharpe", "expected", "deflated_sharpe", "pbo", "loss", "sentence"}, "sentence"}; a summary is
    {"total_return", "sharpe", "max_drawdown", "profit_factor", "trades", "refused"}, a variant with fewer than
    `--least-trades` has no score. Fractions are not percents, null is no value. Exit status 130 after a Ctrl-C.
    """
    from tradeterm.research.honesty.summary import Metric
    from tradeterm.research.sweep.search import Method
    from tradeterm.research.sweep.space import parse_axis, without_effect
    from tradeterm.research.sweep.sweep import Plan, key_of, sweep
    from tradeterm.research.sweep.trials import Trials

    found = sized(found_of(options), options)
    plan = Plan(
        axes=tuple(parse_axis(text) for text in options.vary),
        method=Method(options.method),
        trials=options.trials,
        seed=options.seed,
        metric=Metric(options.metric),
        least_trades=options.least_trades,
    )
    for text in without_effect(found.study, plan.axes):
        note(f"tradeterm: --vary: {text}")
    key = key_of(found.study, found.data_hash, plan, found.name)
    trials = Trials(profile_of(options).root, key[0])
    at_once = _workers(options) * 2
    done = [0, 0]
    try:
        with _pool(found, options) as submit, progress("variants") as tell:

            def told(now: int, of: int) -> None:
                done[:] = now, of
                tell(now, of)

            swept = sweep(found.name, found.study, plan, trials, key, submit, at_once=at_once, progress=told)
    except KeyboardInterrupt:
        note(f"stopped after {done[0]} of {done[1]} variants, which are kept; the same command goes on from there")
        return INTERRUPTED
    ended = {
        "key": swept.key,
        **head_of(found, options),
        "method": plan.method,
        "metric": plan.metric,
        "resumed": swept.resumed,
        "present": swept.present,
        "trials": [
            {
                "number": trial.number,
                "changes": trial.changes,
                "score": trial.score,
                "summary": trial.summary,
                "refused": trial.refused,
            }
            for trial in swept.trials
        ],
        "best": swept.ranked[0].number if swept.ranked else None,
        "overfitting": swept.overfitting,
        "sentence": swept.sentence,
    }
    try:
        trials.end(ended)
    except LedgerError as error:
        note(f"tradeterm: `runs {swept.key}` cannot show this again: {error}")
    if options.json:
        say_json({"type": "sweep", **ended})
    else:
        from msgspec import to_builtins

        from tradeterm.cli.sweep_text import say_sweep

        say_sweep(to_builtins(ended))
    return DONE


@contextmanager
def _pool(found: "Found", options: argparse.Namespace) -> Iterator["Submit"]:
    """This machine's cores, or the cluster. The bundled recording stays in this process."""
    from tradeterm.research.workers import PanelSource, study_pool
    from tradeterm.resources import demo_folder

    if options.dask:
        if not options.dask.startswith(("tcp://", "tls://")):
            raise ConfigError(f"--dask: found {options.dask!r}, allowed an address such as tcp://host:8786")
        from tradeterm.research.sweep.cluster import cluster_pool

        with cluster_pool(found.study, options.dask) as submit:
            yield submit
        return
    source = None
    if found.folder != demo_folder():
        opened = found.study.panel.ts_open
        source = PanelSource(found.folder, found.symbols, found.interval, int(opened[0]), int(opened[-1]) + 1)
    with study_pool(found.study, _workers(options), source) as submit:
        yield submit


def _workers(options: argparse.Namespace) -> int:
    return int(options.workers or os.cpu_count() or 1)


def _trials(text: str) -> int:
    value = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed 1 to 999999")
    return value
