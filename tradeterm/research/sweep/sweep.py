"""A sweep: trials until there are as many as wanted, each kept when it is done, and what the best of them is worth."""

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait

import msgspec
import numpy as np
from msgspec import Struct, structs

from tradeterm import __version__
from tradeterm.domain.errors import ConfigError
from tradeterm.research.backtesting import DAYS_PER_YEAR
from tradeterm.research.honesty.overfitting import Overfitting, overfitting
from tradeterm.research.honesty.summary import Metric, Summary, score, summary, traded_equity
from tradeterm.research.honesty.walk_forward import LEAST_CHOSEN
from tradeterm.research.study import Study, run
from tradeterm.research.sweep.search import Method, Search, search_of
from tradeterm.research.sweep.space import Axis, Changes, check_axes, with_changes
from tradeterm.research.sweep.trials import Trial, Trials
from tradeterm.research.workers import Cancelled, Submit
from tradeterm.strategies.declared.strategy import Declared
from tradeterm.strategies.panel import Floats

ROUND = 8
"""Trials a guided search asks for at once, on however many cores: its course is the same on all machines."""
_LOOK_EVERY_S = 0.1


class Plan(Struct, frozen=True, kw_only=True):
    """What is searched, and how. `trials` counts for random and guided searches; a grid has its own number. A variant
    with fewer than `least_trades` has no score."""

    axes: tuple[Axis, ...]
    method: Method = Method.GRID
    trials: int = 100
    seed: int = 0
    metric: Metric = Metric.SHARPE
    least_trades: int = LEAST_CHOSEN


class Sweep(Struct, frozen=True, kw_only=True):
    """A finished sweep: `trials` in their order, `resumed` of them known from before; `present` is the study as it
    stands. `overfitting` is about the best by the plan's metric and counts every trial (None: none has a score)."""

    key: str
    trials: tuple[Trial, ...]
    resumed: int
    present: Summary
    overfitting: Overfitting | None
    sentence: str

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """Those with a score, the best first."""
        return tuple(sorted((t for t in self.trials if t.score is not None), key=_rank, reverse=True))


class Attempt(Struct, frozen=True):
    """What a run of one variant gives."""

    summary: Summary | None
    returns: Floats
    refused: str = ""


def attempt(study: Study, changes: Changes) -> Attempt:
    """Run the study with these numbers; without a run where the strategy refuses them together."""
    try:
        changed = with_changes(study, changes)
    except ConfigError as error:
        return Attempt(None, np.empty(0), str(error))
    result = run(changed)
    equity = traded_equity(changed, result)[1]
    before = equity[:-1]
    returns = np.where(before > 0, equity[1:] / np.where(before > 0, before, 1.0) - 1, 0.0)
    return Attempt(summary(changed, result), returns)


def key_of(study: Study, data_hash: str, plan: Plan, name: str = "") -> tuple[str, str]:
    """The key of a sweep, and the JSON it is a hash of: all that decides its trials, but not how many there are, and
    the `name` of a declared strategy."""
    made_of: dict[str, object] = {
        "version": __version__,
        "data_hash": data_hash,
        "book": study.book,
        "costs": study.costs,
        "funding_hours": study.funding_hours,
        "first": int(study.panel.ts_open[0]),
        "last": int(study.panel.ts_open[-1]),
        "since": study.since,
        "delay": study.delay,
        "study_seed": study.seed,
        "plan": structs.replace(plan, trials=0),
        "kept": Summary.__struct_fields__,
    }
    if name and study.book.strategy == Declared.name:
        made_of["name"] = name
    text = msgspec.json.encode(made_of)
    return hashlib.sha256(text).hexdigest()[:16], text.decode()


def sweep(
    name: str,
    study: Study,
    plan: Plan,
    trials: Trials,
    key: tuple[str, str],
    submit: Submit,
    *,
    at_once: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Sweep:
    """Do what is not done yet, `at_once` trials side by side, on a pool of this study.

    Raises ConfigError for a plan that the study does not take, and Cancelled when asked to be: what was done until then
    is kept, and the same call goes on from there.
    """
    check_axes(study, plan.axes)
    search, wanted = search_of(plan.method, plan.axes, plan.trials, plan.seed)
    trials.begin(name, plan.method.value, plan.metric.value, key[1], wanted)
    known = {number: trial for number, trial in trials.known().items() if number < wanted}
    resumed, done = len(known), len(known)
    present = submit(attempt, {})
    progress(done, wanted)
    for trial in _rounds(search, plan, wanted, known, submit, at_once, cancelled):
        trials.keep(trial)
        known[trial.number] = trial
        done += 1
        progress(done, wanted)
    found = tuple(known[number] for number in range(wanted))
    as_is = present.result().summary
    assert as_is is not None  # the study itself was accepted
    finished = Sweep(key=key[0], trials=found, resumed=resumed, present=as_is, overfitting=None, sentence="")
    judged = _judged(finished, study)
    return structs.replace(finished, overfitting=judged, sentence=_sentence(finished, plan, judged))


def _rounds(
    search: Search,
    plan: Plan,
    wanted: int,
    known: dict[int, Trial],
    submit: Submit,
    at_once: int,
    cancelled: Callable[[], bool],
) -> Iterator[Trial]:
    """New trials as they are done. A guided search is told of a whole round before the next, in order."""
    size = ROUND if plan.method is Method.OPTUNA else wanted
    for first in range(0, wanted, max(1, size)):
        numbers = range(first, min(first + size, wanted))
        asked = {number: search.ask(number) for number in numbers}
        scores = {number: known[number].score for number in numbers if number in known}
        left: dict[int, Changes] = {number: asked[number] for number in numbers if number not in known}
        for trial in _done(left, plan, submit, at_once, cancelled):
            scores[trial.number] = trial.score
            yield trial
        for number in numbers:
            search.tell(number, scores[number])


def _done(
    left: dict[int, Changes], plan: Plan, submit: Submit, at_once: int, cancelled: Callable[[], bool]
) -> Iterator[Trial]:
    """The trials as they are done; few are handed out at a time, so that giving up is quick."""
    coming = iter(left.items())
    running: dict[Future[Attempt], tuple[int, Changes]] = {}
    while True:
        while len(running) < at_once and (following := next(coming, None)) is not None:
            running[submit(attempt, following[1])] = following
        if not running:
            return
        ended, _ = wait(running, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED)
        if cancelled():
            raise Cancelled("cancelled")
        for future in ended:
            number, changes = running.pop(future)
            found = future.result()
            enough = found.summary is not None and found.summary.trades >= plan.least_trades
            value = score(found.summary, plan.metric) if found.summary is not None and enough else None
            yield Trial(
                number=number,
                changes=dict(changes),
                score=value,
                summary=found.summary,
                returns=found.returns,
                refused=found.refused,
            )


def _judged(swept: Sweep, study: Study) -> Overfitting | None:
    """Of the best by the metric, among all that were tried."""
    ran = [trial for trial in swept.trials if trial.summary is not None]
    if not swept.ranked or not len(ran[0].returns):
        return None
    best, numbers = swept.ranked[0].number, [trial.number for trial in ran]
    judged = overfitting(
        np.column_stack([trial.returns for trial in ran]),
        periods_per_year=DAYS_PER_YEAR[study.calendar],
        trials=len(swept.trials),
        chosen=numbers.index(best),
    )
    return structs.replace(judged, best=best)


def _sentence(swept: Sweep, plan: Plan, judged: Overfitting | None) -> str:
    of, refused = len(swept.trials), sum(bool(trial.refused) for trial in swept.trials)
    text = judged.sentence if judged is not None else "No variant could be run."
    if not swept.ranked and refused < of:
        text = f"No variant made {plan.least_trades} trades and has a value of {plan.metric.value}: there is no best."
    return f"{text} {refused} of {of} were refused by the strategy." if refused else text


def _rank(trial: Trial) -> tuple[float, int]:
    return (trial.score if trial.score is not None else -np.inf, -trial.number)
