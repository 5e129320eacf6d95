"""A call that may block, made where it cannot hold up the loop or the end of the program."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

from tradeterm.notify.protocol import NotifyUnavailable


class Aside:
    """Runs one blocking call at a time in a daemon thread. A call that hangs is left alone and refuses the next."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None

    async def run(self, work: Callable[[], None]) -> None:
        """What `work` raises is raised here. Raises NotifyUnavailable while an earlier call still hangs."""
        if self._thread is not None and self._thread.is_alive():
            raise NotifyUnavailable(f"{self._name} has not finished an earlier message")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def settle(error: BaseException | None) -> None:
            if done.done():
                return
            if error is None:
                done.set_result(None)
            else:
                done.set_exception(error)

        def call() -> None:
            failure: BaseException | None = None
            try:
                work()
            except Exception as error:  # noqa: BLE001 - raised again where it is awaited
                failure = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(settle, failure)

        self._thread = threading.Thread(target=call, name=f"notify-{self._name}", daemon=True)
        self._thread.start()
        await done
