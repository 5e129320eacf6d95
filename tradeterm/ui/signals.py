"""Leaving properly when told to: SIGTERM, SIGHUP, and a terminal that is simply gone.

Without handlers the framework would leave the terminal in its alternate screen with the mouse on; ignoring a hangup
would leave a process that reads end-of-file for ever.
"""

import asyncio
import os
import select
import signal
import sys
import threading
from collections.abc import Callable

HANDLED = (signal.SIGTERM, signal.SIGHUP)
PATIENCE_SECONDS = 3.0
PATIENCE_WITHOUT_TERMINAL_SECONDS = 0.7


def install(leave: Callable[[int], None]) -> None:
    """Call `leave(128 + n)` on the running loop when signal n arrives."""
    loop = asyncio.get_running_loop()
    for number in HANDLED:
        loop.add_signal_handler(number, leave, 128 + number)


def remove() -> None:
    loop = asyncio.get_running_loop()
    for number in HANDLED:
        loop.remove_signal_handler(number)


def terminal_gone() -> bool:
    """Whether the terminal on stdin has hung up (its window closed, its SSH line dropped)."""
    stdin = sys.__stdin__
    if stdin is None or not hasattr(select, "poll"):
        return False
    poll = select.poll()
    try:
        poll.register(stdin.fileno(), 0)
        events = poll.poll(0)
    except (OSError, ValueError):
        return True
    return any(mask & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, mask in events)


def end_surely(status: int) -> None:
    """End the process in time even if the orderly way out blocks, as writing to a dead or stalled terminal can.

    The UI holds nothing that could be lost: the engine is another process and every command is already in the ledger.
    """
    patience = PATIENCE_WITHOUT_TERMINAL_SECONDS if terminal_gone() else PATIENCE_SECONDS
    timer = threading.Timer(patience, os._exit, (status,))
    timer.daemon = True
    timer.start()
