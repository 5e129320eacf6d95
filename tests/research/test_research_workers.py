"""Work spread over processes: the same answers in the same order, progress, cancelling, errors."""

import os
import select
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from data_kit import START, save, walk
from honesty_kit import contract
from msgspec import structs

from tradeterm.config import BookConfig
from tradeterm.domain.market import MINUTE_MS
from tradeterm.research.honesty.robustness import robustness
from tradeterm.research.study import Study
from tradeterm.research.workers import Cancelled, PanelSource, map_studies, study_pool

SYMBOL = "BTCUSDT.BINANCE"
STEP = 5 * MINUTE_MS
ROWS = 3000


def total(study: Study, row: int) -> tuple[float, tuple[str, ...]]:
    return float(study.panel.close[row:].sum()), study.panel.instruments


def ctrl_c(study: Study, row: int) -> tuple[bool, bool]:
    return signal.getsignal(signal.SIGINT) is signal.SIG_IGN, is_blocked()


def is_blocked() -> bool:
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def environment(study: Study, row: int) -> tuple[int, str | None]:
    return os.getpid(), os.environ.get("OPENBLAS_NUM_THREADS")


def failing(study: Study, row: int) -> int:
    if row == 3:
        raise ValueError(f"row {row}")
    return row


@pytest.fixture
def source(tmp_path: Path) -> PanelSource:
    save(tmp_path / "binance" / "5m" / "BTCUSDT.parquet", *walk(ROWS, step=STEP))
    return PanelSource(tmp_path, (SYMBOL,), "5m", START + 10 * STEP, START + (ROWS - 10) * STEP)


def study_on(source: PanelSource) -> Study:
    panel = structs.replace(source.load(), instruments=("BTC.OTHER",))
    book = BookConfig(
        strategy="eos", venue="paper", instruments=panel.instruments, capital=1e5, parameters={"threshold": 0.01}
    )
    return Study(book=book, panel=panel, instruments=(contract("BTC.OTHER"),))


def test_processes_find_what_one_finds(source: PanelSource) -> None:
    study = study_on(source)
    assert study.panel.rows == ROWS - 20
    items = [5, 0, 900]
    here = map_studies(total, study, items)
    told: list[tuple[int, int]] = []
    spread = map_studies(
        total, study, items, workers=2, source=source, progress=lambda done, of: told.append((done, of))
    )
    assert spread == here
    assert told[0] == (0, 3)
    assert told[-1] == (3, 3)
    assert told == sorted(told)


def test_processes_are_others_with_one_thread_each(source: PanelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    found = map_studies(environment, study_on(source), [1, 2], workers=2, source=source)
    assert os.getpid() not in {process for process, _ in found}
    assert {threads for _, threads in found} == {"1"}
    assert "OPENBLAS_NUM_THREADS" not in os.environ


def test_no_process_begins_where_a_ctrl_c_could_reach_it(source: PanelSource, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    begin = ProcessPoolExecutor._spawn_process  # type: ignore[attr-defined]

    def seen(pool: ProcessPoolExecutor) -> None:
        begun.append(is_blocked())
        begin(pool)
        begun.append(is_blocked())  # starting one has not let it through either

    monkeypatch.setattr(ProcessPoolExecutor, "_spawn_process", seen)
    with study_pool(study_on(source), 2, source) as submit:
        first, second = submit(ctrl_c, 1), submit(ctrl_c, 2)
        assert not is_blocked()
        assert first.result() == second.result() == (True, False)
    assert begun and all(begun)


def test_without_a_source_all_is_done_here(source: PanelSource) -> None:
    found = map_studies(environment, study_on(source), [1, 2], workers=2)
    assert {process for process, _ in found} == {os.getpid()}


@pytest.mark.parametrize("spread", (False, True))
def test_an_error_is_told_and_ends_the_work(source: PanelSource, spread: bool) -> None:
    with pytest.raises(ValueError, match="row 3"):
        map_studies(failing, study_on(source), [1, 2, 3, 4], workers=2, source=source if spread else None)


@pytest.mark.parametrize("spread", (False, True))
def test_cancelling(source: PanelSource, spread: bool) -> None:
    done: list[int] = []
    with pytest.raises(Cancelled):
        map_studies(
            total,
            study_on(source),
            list(range(50)),
            workers=2,
            source=source if spread else None,
            progress=lambda count, of: done.append(count),
            cancelled=lambda: len(done) > 2,
        )
    assert max(done) < 50


def test_nothing_to_do(source: PanelSource) -> None:
    assert map_studies(total, study_on(source), [], workers=2, source=source) == []


def test_workers_that_make_no_sense(source: PanelSource) -> None:
    with pytest.raises(ValueError, match="workers: found 0"):
        map_studies(total, study_on(source), [1], workers=0)


def test_a_whole_test_of_robustness_is_the_same_on_processes(source: PanelSource) -> None:
    study = study_on(source)
    spread = partial(map_studies, workers=2, source=source)
    assert robustness(study, noise_runs=2, spread=spread) == robustness(study, noise_runs=2)


def endless(study: Study, row: int) -> int:
    while True:
        time.sleep(0.05)


def test_giving_up_does_not_wait_for_what_has_begun(source: PanelSource) -> None:
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        map_studies(
            endless,
            study_on(source),
            [1, 2],
            workers=2,
            source=source,
            cancelled=lambda: time.monotonic() - begun > 1.0,
        )


def test_processes_end_with_the_one_that_asked(source: PanelSource, tmp_path: Path) -> None:
    """Killed, so that it can tell them nothing."""
    script = tmp_path / "asks.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from pathlib import Path\n"
        "from test_research_workers import PanelSource, map_studies, study_on, tells\n"
        "if __name__ == '__main__':\n"
        f"    source = PanelSource(Path({str(source.folder)!r}), {source.symbols!r}, {source.interval!r})\n"
        "    map_studies(tells, study_on(source), [1, 2], workers=2, source=source)\n"
    )
    asks = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert asks.stdout is not None
    theirs = [int(asks.stdout.readline()) for _ in range(2)]
    asks.kill()
    asks.wait()
    ended, _, _ = select.select([asks.stdout], [], [], 30)  # the last of them has let go of it
    assert ended
    assert asks.stdout.read() == ""
    asks.stdout.close()
    assert len(set(theirs)) == 2


def tells(study: Study, row: int) -> int:
    sys.stdout.write(f"{os.getpid()}\n")
    sys.stdout.flush()
    return endless(study, row)
