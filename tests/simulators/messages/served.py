"""The server for a test that is no coroutine."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from simulators.messages.answers import Answer
from simulators.messages.faults import Fault
from simulators.messages.policy import policy
from simulators.messages.server import Answering, MessagesServer, Step


@contextmanager
def served(*script: Step | Answer | Fault, answering: Answering = policy) -> Iterator[MessagesServer]:
    """The Messages API in a thread of its own, as it must answer what runs an event loop of its own in this one."""
    server, loop, ready, over = MessagesServer(answering), asyncio.new_event_loop(), threading.Event(), asyncio.Event()
    server.script(*script)

    async def serve() -> None:
        async with server:
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()
