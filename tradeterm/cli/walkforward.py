"""`tradeterm walkforward`: would parameters chosen by the past have earned in the time after it?"""

import argparse
import json
import math
from typing import TYPE_CHECKING, Any

from tradeterm.cli.backtest import found_of
from tradeterm.cli.commands import Commands
from tradeterm.cli.honesty import add_options, head_of, least_trades, sized, spreading, tell
from tradeterm.cli.output import DONE
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.market import DAY_MS

if TYPE_CHECKING:
    from tradeterm.research.study import Study

_METRICS = ("sharpe", "return", "calmar", "profit_factor")
_TRAIN, _TEST = 0.3, 0.1


def add(commands: Commands) -> None:
    parser = commands.add("walkforward", run, "choose parameters by the past, trade them on what follows", json=True)
    add_options(parser)
    parser.add_argument("--train", type=_days, metavar="DAYS", help="to choose on (default: three tenths of the data)")
    parser.add_argument("--test", type=_days, metavar="DAYS", help="to trade on (default: a tenth of the data)")
    parser.add_argument("--purge", type=_gap, default=1.0, metavar="DAYS", help="between the two (default: 1)")
    parser.add_argument("--anchored", action="store_true", help="always choose on everything since the beginning")
    parser.add_argument("--metric", choices=_METRICS, default="sharpe", help="what the best is best by")
    parser.add_argument(
        "--least-trades",
        type=least_trades,
        default=10,
        metavar="N",
        help="what made fewer of them in training is not chosen (default: 10)",
    )
    parser.add_argument(
        "--grid",
        action="append",
        type=_axis,
        default=[],
        metavar="KEY=VALUE,…",
        help="values of a parameter to choose from, all combinations of them (default: each moved by 20 %% alone)",
    )


def run(options: argparse.Namespace) -> int:
    """With it, from all candidates on all of the data: is the best of them overfitted? Every one is kept: `runs`.

    JSON: {"type": "walkforward", "run", "name", "strategy", "instruments", "interval", "first", "last", "data_hash",
    "seed", "notes", "sizing": "alike"|"book", "train", "test", "purge", "anchored", "walk_forward": {"folds":
    [{"window": [train start, train end, test start, test end], "parameters", "chosen",
    "in_sample"|"out_of_sample"|"unchanged": summary, "ts", "equity", "won", "lost"}], "metric", "tried", "drift":
    [{"name", "values", "changes", "spread"}], "efficiency", "ts", "equity", "out_of_sample": summary,
    "unchanged_return", "sentence", "insufficient"}, "overfitting": {"trials", "periods", "best", "sharpe",
    "expected", "deflated_sharpe", "pbo", "loss", "sentence"},
    "candidates": [{parameter: value}]}; a summary is {"total_return", "sharpe", "max_drawdown", "profit_factor",
    "trades", "refused"}. Lengths are days, times UTC ms, the rest fractions, null is no value;
    `tradeterm.research.honesty` has the definitions.
    """
    from tradeterm.research.backtesting import DAYS_PER_YEAR
    from tradeterm.research.honesty.evidence import shown
    from tradeterm.research.honesty.overfitting import candidate_returns, overfitting
    from tradeterm.research.honesty.parameters import candidates_of, nearby
    from tradeterm.research.honesty.summary import Metric
    from tradeterm.research.honesty.walk_forward import walk_forward

    found = sized(found_of(options), options)
    study = found.study
    candidates = candidates_of(dict(options.grid)) if options.grid else nearby(study)
    lengths = {
        "train": options.train or _part(study, _TRAIN),
        "test": options.test or _part(study, _TEST),
        "purge": options.purge,
    }
    try:
        with spreading(found, options, "windows") as spread:
            walked = walk_forward(
                study,
                **lengths,
                anchored=options.anchored,
                candidates=candidates,
                metric=Metric(options.metric),
                least_trades=options.least_trades,
                spread=spread,
            )
    except ValueError as error:  # not even one window
        raise ConfigError(str(error)) from None
    with spreading(found, options, "candidates") as spread:
        returns = candidate_returns(study, candidates, spread=spread)
    fitted = overfitting(returns, periods_per_year=DAYS_PER_YEAR[study.calendar])
    answers = {
        **lengths,
        "anchored": options.anchored,
        "walk_forward": walked,
        "overfitting": fitted,
        "candidates": candidates,
    }
    tell(options, "walkforward", head_of(found, options), answers, [shown(walked), shown(fitted)])
    return DONE


def _part(study: "Study", share: float) -> float:
    """Whole days, at least one."""
    opened = study.panel.ts_open
    return float(max(1, math.floor(share * int(opened[-1] - opened[0]) / DAY_MS)))


def _days(text: str) -> float:
    value = _gap(text)
    if not value:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a number of days above 0")
    return value


def _gap(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 100_000:
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed a number of days")
    return value


def _axis(text: str) -> tuple[str, tuple[Any, ...]]:
    """A parameter and the values to choose from."""
    name, equals, values = text.partition("=")
    parts = [part.strip() for part in values.split(",") if part.strip()]
    if not (name.strip() and equals and parts):
        raise argparse.ArgumentTypeError(f"found {text!r}, allowed KEY=VALUE,VALUE such as threshold=0.03,0.04")
    return name.strip(), tuple(_value(part) for part in parts)


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
