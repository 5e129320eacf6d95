"""`tradeterm robustness`: what is left of a result when what it should not depend on is changed."""

import argparse

from tradeterm.cli.backtest import found_of
from tradeterm.cli.commands import Commands
from tradeterm.cli.honesty import add_options, head_of, sized, spreading, tell
from tradeterm.cli.output import DONE


def add(commands: Commands) -> None:
    parser = commands.add("robustness", run, "shake a book or a strategy: parameters, delay, noise, costs", json=True)
    add_options(parser)


def run(options: argparse.Namespace) -> int:
    """Beside the changed runs: how long the edge lasts, what capital it carries, and what calamities would cost. Every
    one is kept: `runs`.

    JSON: {"type": "robustness", "run", "name", "strategy", "instruments", "interval", "first", "last", "data_hash",
    "seed", "notes", "sizing": "alike"|"book", "robustness": {"base": summary,
    "parameters"|"exits"|"delays"|"noise"|"costs": [{"variation": {"type": "parameter"|"exit"|"delay"|"noise"|"costs",
    and "name", "value"|"bars"|"size", "seed"|"factor"}, "summary"}], "skipped": {"share", "draws", "low", "median",
    "high", "losing"}, "resampled": {"paths", "days", "block", "below_start", "low", "median", "high",
    "worst_drawdown"}, "sentence"}, "decay": {"after": [{"bars", "signals", "mean", "standard_error"}], "edge",
    "half_life", "information": [{"bars", "dates", "mean", "t_statistic"}], "costs", "sentence"}, "regimes": {"rows":
    [{"key", "trades", "win_rate", "profit_factor", "expectancy", "expectancy_r", "average_duration", "costs", "net"}],
    "sentence"}, "capacity": {"coefficient", "coefficients", "free": summary, "points": [{"multiple", "capital",
    "summary", "retained", "largest"}], "half", "unknown", "sentence"}, "stress": {"falls"|"worst": [{"ts", "market",
    "book"}], "ts", "held": [[instrument, share]], "losses": [{"scenario", "share", "assumptions", "unknown"}],
    "sentence"}}; a summary is {"total_return", "sharpe", "max_drawdown", "profit_factor", "trades", "refused"}.
    Fractions, times in UTC ms, null is no value; `tradeterm.research.honesty` has the definitions.
    """
    from tradeterm.research.honesty.capacity import capacity
    from tradeterm.research.honesty.decay import decay
    from tradeterm.research.honesty.evidence import shown
    from tradeterm.research.honesty.regimes import by_regime
    from tradeterm.research.honesty.robustness import robustness
    from tradeterm.research.honesty.stress import stress

    found = sized(found_of(options), options)
    study = found.study
    with spreading(found, options, "changed runs") as spread:
        shaken = robustness(study, spread=spread)
    with spreading(found, options, "larger capital") as spread:
        carried = capacity(study, spread=spread)
    lasting, split, stressed = decay(study), by_regime(study), stress(study)
    regimes = {"rows": [row._asdict() for row in split.rows], "sentence": split.sentence}
    answers = {"robustness": shaken, "decay": lasting, "regimes": regimes, "capacity": carried, "stress": stressed}
    findings = [shown(each) for each in (shaken, lasting, split, carried, stressed)]
    tell(options, "robustness", head_of(found, options), answers, findings)
    return DONE
