"""The same work on many variants of a study, spread over processes."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import get_context, resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from msgspec import Struct, structs

from tradeterm.domain.errors import TradetermError
from tradeterm.research.study import Study
from tradeterm.strategies.panel import Panel

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Item = TypeVar("Item")
Found = TypeVar("Found")
Progress = Callable[[int, int], None]

_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_LOOK_EVERY_S = 0.1


class Cancelled(TradetermError):
    """The work was given up because it was asked to be."""


class PanelSource(Struct, frozen=True):
    """Where a process finds a study's panel by itself; the arguments of `research.data.panels.load_panel`."""

    folder: Path
    symbols: tuple[str, ...]
    interval: str
    start: int | None = None
    end: int | None = None

    def load(self) -> Panel:
        from tradeterm.research.data.panels import load_panel

        return load_panel(self.folder, self.symbols, self.interval, self.start, self.end)


class MapStudies(Protocol):
    """`map_studies` with the number of processes settled: `functools.partial(map_studies, workers=2, source=…)`."""

    def __call__(
        self, function: Callable[[Study, Item], Found], study: Study, items: Sequence[Item], /
    ) -> list[Found]: ...


class Submit(Protocol):
    """Begin `function(study, item)`; a pool's studies are those it was made for."""

    def __call__(self, function: Callable[[Study, Item], Found], item: Item, /) -> Future[Found]: ...


def map_studies(
    function: Callable[[Study, Item], Found],
    study: Study,
    items: Sequence[Item],
    /,
    *,
    workers: int = 1,
    source: PanelSource | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[Found]:
    """`function(study, item)` of every item, in their order.

    With more than one worker and a `source`, which must give the study's own panel, processes do it, each of which maps
    the panel from disk by itself; `function` must then be a module's own, and items and answers picklable. Without a
    source all is done here. `progress` is told how many of all are done; Cancelled is raised soon after `cancelled`
    says so. Whatever `function` raises ends the work.
    """
    if workers < 1:
        raise ValueError(f"workers: found {workers}, allowed 1 or more")
    tell = progress or (lambda done, of: None)
    asked = cancelled or (lambda: False)
    tell(0, len(items))
    if source is None or min(workers, len(items)) < 2:
        return list(_here(function, study, items, tell, asked))
    with study_pool(study, min(workers, len(items)), source) as submit:
        futures = [submit(function, item) for item in items]
        _wait(futures, tell, asked)
    return [future.result() for future in futures]


@contextmanager
def study_pool(study: Study, workers: int, source: PanelSource | None) -> Iterator[Submit]:
    """Processes as of `map_studies`, for work that is not known beforehand; what is not begun at the end is left out.

    Without a source, or with one worker, `submit` does the work itself before it returns.
    """
    if source is None or workers < 2:
        yield partial(_done_here, study)
        return
    bare = structs.replace(study, panel=study.panel.window(0, 0))
    context = get_context("spawn")
    resource_tracker.ensure_running()  # its start would end `_ctrl_c_waits`
    theirs, ours = context.Pipe(duplex=False)

    def submit(function: Callable[[Study, Item], Found], item: Item) -> Future[Found]:
        with _ctrl_c_waits():
            return pool.submit(_work, function, bare, source, item)

    with (
        theirs,
        ours,
        _one_thread_each(),
        ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(theirs,)) as pool,
    ):
        try:
            yield submit
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            ours.close()
            raise
        pool.shutdown(cancel_futures=True)


def _done_here(study: Study, function: Callable[[Study, Item], Found], item: Item) -> Future[Found]:
    future: Future[Found] = Future()
    try:
        future.set_result(function(study, item))
    except Exception as error:  # noqa: BLE001 - as a pool's future has it
        future.set_exception(error)
    return future


def _here(
    function: Callable[[Study, Item], Found],
    study: Study,
    items: Sequence[Item],
    tell: Progress,
    asked: Callable[[], bool],
) -> Iterator[Found]:
    for done, item in enumerate(items, 1):
        _check(asked)
        yield function(study, item)
        tell(done, len(items))


def _wait(futures: Sequence[Future[Found]], tell: Progress, asked: Callable[[], bool]) -> None:
    """Until all are done; raises what the first of them raises."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, timeout=_LOOK_EVERY_S, return_when=FIRST_COMPLETED)
        for future in done:
            future.result()
        if done:
            tell(len(futures) - len(waiting), len(futures))
        _check(asked)


def _work(function: Callable[[Study, Item], Found], bare: Study, source: PanelSource, item: Item) -> Found:
    panel = structs.replace(source.load(), instruments=bare.panel.instruments)  # the contracts' names for the columns
    return function(structs.replace(bare, panel=panel), item)


def _check(asked: Callable[[], bool]) -> None:
    if asked():
        raise Cancelled("cancelled")


def _begin(asker: "Connection[None, None]") -> None:
    """In a new process: a Ctrl-C is for the one that asked, and once that one hangs up there is nothing to do here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with, args=(asker,), daemon=True).start()


def _end_with(asker: "Connection[None, None]") -> None:
    """Its end of the pipe is closed when it gives up, and by the system when it dies."""
    with suppress(EOFError, OSError):
        asker.recv()
    os._exit(1)


@contextmanager
def _ctrl_c_waits() -> Iterator[None]:
    """A Ctrl-C within comes after it. A process started within has it blocked from its first instruction on, and does
    not die of it with a traceback while it imports, before `_begin`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started within use one thread of linear algebra each: there are as many of them as there are cores."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
