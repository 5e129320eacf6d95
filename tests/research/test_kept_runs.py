"""The ledger of research: runs from several processes at once, and a file of something else."""

import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from tradeterm.domain.errors import LedgerError
from tradeterm.research.runs import FILE, keep_run, kept_run, kept_runs

OUTCOME: dict[str, Any] = {
    "name": "eos", "version": "1", "seed": 4, "data": {"hash": "abc"}, "since": None,
    "figures": [{"name": "trades", "value": 2}], "trades": [{"pnl": 1.5}, {"pnl": -0.25}],
}  # fmt: skip


def keep(folder: Path) -> list[int]:
    return [keep_run(folder, "backtest", OUTCOME) for _ in range(10)]


def test_a_run_comes_back_as_it_was(tmp_path: Path) -> None:
    number = keep_run(tmp_path / "new", "backtest", OUTCOME)
    found = kept_run(tmp_path / "new", number)
    assert found is not None
    assert found.outcome() == OUTCOME
    assert (found.command, found.data_hash, found.seed) == ("backtest", "abc", 4)
    assert kept_run(tmp_path / "new", number + 1) is None
    assert kept_runs(tmp_path / "nothing") == ()


def test_a_list_of_runs_reads_no_trades(tmp_path: Path) -> None:
    number = keep_run(tmp_path, "backtest", OUTCOME)
    (listed,) = kept_runs(tmp_path)
    assert (listed.id, listed.name, listed.figures) == (number, "eos", {"trades": 2})
    assert not {"study", "trades", "metrics"} & set(listed.__struct_fields__)


def test_no_run_is_lost_where_several_begin_at_once(tmp_path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        numbers = [number for found in pool.map(keep, [tmp_path] * 6) for number in found]
    assert sorted(numbers) == list(range(1, 61))
    assert [run.id for run in kept_runs(tmp_path)] == list(range(60, 0, -1))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == []


def test_any_reader_may_look_while_a_run_is_kept(tmp_path: Path) -> None:
    keep_run(tmp_path, "backtest", OUTCOME)
    with closing(sqlite3.connect(tmp_path / FILE)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM runs").fetchone() == (1,)
        assert keep_run(tmp_path, "backtest", OUTCOME) == 2


@pytest.mark.parametrize("pragma", ("user_version = 99", "application_id = 5", "user_version = 0"))
def test_what_is_not_known_is_left_alone(pragma: str, tmp_path: Path) -> None:
    keep_run(tmp_path, "backtest", OUTCOME)
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute(f"PRAGMA {pragma}")
    for act in (lambda: kept_runs(tmp_path), lambda: keep_run(tmp_path, "backtest", OUTCOME)):
        with pytest.raises(LedgerError, match="move it away"):
            act()
