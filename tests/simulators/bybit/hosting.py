"""A server on one loopback port, in the caller's loop or in a thread of its own; controls that any thread may call."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from aiohttp import web

P = ParamSpec("P")
T = TypeVar("T")
H = TypeVar("H", bound="Hosted")


def on_loop(method: Callable[Concatenate[H, P], T]) -> Callable[Concatenate[H, P], T]:
    """Runs a control in the server's own thread, from whichever thread it is called."""

    @wraps(method)
    def run(self: H, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.call(method, self, *args, **kwargs)

    return run


class Hosted:
    """Life of a server. `routes` and `serve_forever` are the venue's."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: int | None = None

    def routes(self, app: web.Application) -> None:
        raise NotImplementedError

    async def serve_forever(self) -> None:
        """What goes on while the server lives."""
        raise NotImplementedError

    def cut(self) -> None:
        """Cut the connections that would not end by themselves."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        self._loop, self._thread = asyncio.get_running_loop(), threading.get_ident()
        app = web.Application(client_max_size=2**20)
        self.routes(app)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await self._listen()
        self._port = self._runner.addresses[0][1]
        self.spawn(self.serve_forever())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.cut()
        if self._runner is not None:
            await self._runner.cleanup()
        self._loop = None

    async def _listen(self) -> None:
        assert self._runner is not None
        self._site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await self._site.start()

    async def down(self, seconds: float) -> None:
        """Nobody listens for so long: connections are cut, new ones refused."""
        assert self._site is not None
        await self._site.stop()
        self.cut()
        await asyncio.sleep(seconds)
        await self._listen()

    @classmethod
    @contextmanager
    def in_thread(cls, **settings: Any) -> Iterator[Self]:
        """A server in a thread and loop of its own, until the block ends."""
        server = cls(**settings)
        ready, done = threading.Event(), asyncio.Event()
        failed: list[BaseException] = []
        loops: list[asyncio.AbstractEventLoop] = []

        async def live() -> None:
            async with server:
                loops.append(asyncio.get_running_loop())
                ready.set()
                await done.wait()

        def run() -> None:
            try:
                asyncio.run(live())
            except BaseException as error:  # noqa: BLE001 - told to the thread that waits
                failed.append(error)
                ready.set()

        thread = threading.Thread(target=run, name=cls.__name__, daemon=True)
        thread.start()
        ready.wait()
        try:
            if failed:
                raise failed[0]
            yield server
        finally:
            if thread.is_alive() and loops:
                loops[0].call_soon_threadsafe(done.set)
            thread.join(10)
        if failed:
            raise failed[0]

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in the server's thread and return its result; directly when the server does not run."""
        if self._loop is None or self._thread == threading.get_ident():
            return function(*args, **kwargs)

        async def run() -> T:
            return function(*args, **kwargs)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(30)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Start work that ends with the server. In the server's thread only."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def port(self) -> int:
        return self._port
