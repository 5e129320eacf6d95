"""What the ledger of research says of sweeps: how far they came, and the best of each."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from tradeterm import __version__
from tradeterm.domain.errors import LedgerError
from tradeterm.research.runs import FILE, keep_run, open_runs
from tradeterm.research.sweep.kept import SweepState, kept_answer, kept_sweeps
from tradeterm.research.sweep.trials import Trial, Trials


def begun(folder: Path, wanted: int, *, key: str = "k", version: str = __version__) -> Trials:
    made_of = {"version": version, "data_hash": "hash", "plan": {"axes": [{"name": "threshold"}]}}
    trials = Trials(folder, key)
    trials.begin("eos", "random", "return", msgspec.json.encode(made_of).decode(), wanted)
    return trials


def trial(number: int, score: float | None) -> Trial:
    return Trial(
        number=number, changes={"threshold": number / 100}, score=score, summary=None, returns=np.array([0.01, -0.02])
    )


def test_without_a_sweep_there_are_none(tmp_path: Path) -> None:
    assert kept_sweeps(tmp_path / "nothing") == ()
    assert not (tmp_path / "nothing").exists(), "looking makes no ledger"
    keep_run(tmp_path, "backtest", {"name": "eos", "seed": 0, "data_hash": "hash"})
    assert kept_sweeps(tmp_path) == ()


def test_a_sweep_is_resumable_until_it_is_done(tmp_path: Path) -> None:
    trials = begun(tmp_path, 3)
    (empty,) = kept_sweeps(tmp_path)
    assert (empty.trials, empty.best, empty.state) == (0, None, SweepState.RESUMABLE)
    for number, score in enumerate((0.1, 0.3)):
        trials.keep(trial(number, score))
    assert kept_sweeps(tmp_path)[0].state is SweepState.RESUMABLE
    trials.keep(trial(2, None))
    (kept,) = kept_sweeps(tmp_path)
    assert (kept.name, kept.method, kept.metric, kept.varied, kept.data_hash) == (
        "eos", "random", "return", ("threshold",), "hash",
    )  # fmt: skip
    assert (kept.trials, kept.wanted, kept.state) == (3, 3, SweepState.DONE)
    assert kept.best is not None and (kept.best.number, kept.best.score) == (1, 0.3)
    assert kept.best.changes == {"threshold": 0.01}


def test_of_two_that_are_equally_good_the_first_is_the_best(tmp_path: Path) -> None:
    trials = begun(tmp_path, 2)
    for number in (1, 0):
        trials.keep(trial(number, 0.5))
    best = kept_sweeps(tmp_path)[0].best
    assert best is not None and best.number == 0


@pytest.mark.parametrize("wanted", [(2, 4), (4, 2)])
def test_the_most_trials_that_were_asked_for_count(tmp_path: Path, wanted: tuple[int, int]) -> None:
    for count in wanted:
        trials = begun(tmp_path, count)
    for number in range(2):
        trials.keep(trial(number, 0.0))
    (kept,) = kept_sweeps(tmp_path)
    assert (kept.trials, kept.wanted, kept.state) == (2, 4, SweepState.RESUMABLE)


def test_what_a_sweep_came_to_is_of_all_that_was_ever_wanted(tmp_path: Path) -> None:
    trials = begun(tmp_path, 2)
    assert kept_answer(tmp_path, "k") is None, "it has not ended"
    for number in (0, 1):
        trials.keep(trial(number, 0.5))
    trials.end({"key": "k", "trials": [0, 1], "sentence": "of two"})
    found = kept_answer(tmp_path, "k")
    assert found is not None
    assert (list(found), found["sentence"]) == (["key", "trials", "sentence"], "of two")
    assert [one["number"] for one in found["trials"]] == [0, 1]
    begun(tmp_path, 1).end({"trials": [0], "sentence": "of one"})
    assert kept_answer(tmp_path, "k") == found
    begun(tmp_path, 3)
    assert kept_answer(tmp_path, "k") is None, "one is missing"


def test_another_version_does_not_go_on(tmp_path: Path) -> None:
    begun(tmp_path, 3, version="0.0.1").keep(trial(0, 0.0))
    assert kept_sweeps(tmp_path)[0].state is SweepState.CANCELLED


def test_what_an_older_version_did_not_keep_is_not_known(tmp_path: Path) -> None:
    trials = begun(tmp_path, 3)
    trials.keep(trial(0, 0.0))
    with open_runs(tmp_path / FILE) as db, db:
        db.execute("UPDATE sweeps SET made_of = json_remove(made_of, '$.wanted')")
    (kept,) = kept_sweeps(tmp_path)
    assert (kept.trials, kept.wanted, kept.state) == (1, None, None)
    begun(tmp_path, 1)
    assert kept_sweeps(tmp_path)[0].state is SweepState.DONE, "the same command tells it"


def test_a_file_that_is_no_ledger_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough to be looked at" * 40)
    with pytest.raises(LedgerError, match=FILE):
        kept_sweeps(tmp_path)
