"""A demo engine that can be told to die at a step of an order's life. Run by the crash tests as a script.

crash_child.py [--fit-here] START_TS [POINT COUNT]
"""

import os
import signal
import sys
from pathlib import Path

from tradeterm.brokers.paper.broker import PaperBroker
from tradeterm.brokers.paper.store import PaperStore
from tradeterm.config_file import load_config
from tradeterm.domain.commands import DeskCommand
from tradeterm.engine import core, options, run
from tradeterm.ledger.writer import LedgerWriter
from tradeterm.profile import find_profile


class Bomb:
    """Kills this process when it was hit often enough."""

    def __init__(self, count: int) -> None:
        self.left = count

    def hit(self) -> None:
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, bomb: Bomb) -> None:
    """Put the bomb at one step of an order's life."""
    submit, commit, carry_out = PaperBroker.submit, LedgerWriter.commit, core.Core._carry_out
    step, write = PaperBroker._carry_out, PaperStore.write

    async def before_write_ahead(self, command: DeskCommand) -> None:  # type: ignore[no-untyped-def]
        if type(command).__name__ == "SubmitOrder":
            bomb.hit()
        await carry_out(self, command)

    async def after_commit(self, order):  # type: ignore[no-untyped-def]
        bomb.hit()
        return await submit(self, order)

    async def after_send(self, order):  # type: ignore[no-untyped-def]
        venue_id = await submit(self, order)
        bomb.hit()
        return venue_id

    async def during_commit(self):  # type: ignore[no-untyped-def]
        bomb.hit()
        await commit(self)

    def at_venue_step(self, store, *arguments):  # type: ignore[no-untyped-def]
        write(self, store, *arguments)
        if store.executions:
            bomb.hit()

    def after_fill(self, do):  # type: ignore[no-untyped-def]
        events = step(self, do)
        if any(type(event).__name__ == "FillReceived" for event in events):
            bomb.hit()
        return events

    async def during_cancel(self, command: DeskCommand) -> None:  # type: ignore[no-untyped-def]
        if type(command).__name__ in ("CancelOrder", "AmendOrder"):
            bomb.hit()
        await carry_out(self, command)

    async def during_kill(self, command: DeskCommand) -> None:  # type: ignore[no-untyped-def]
        if self.desk.state.kill_pending and type(command).__name__ == "SubmitOrder":
            bomb.hit()
        await carry_out(self, command)
        if self.desk.state.kill_pending:
            bomb.hit()

    match point:
        case "before-write-ahead":
            core.Core._carry_out = before_write_ahead
        case "during-commit":
            LedgerWriter.commit = during_commit
        case "after-commit":
            PaperBroker.submit = after_commit
        case "after-send":
            PaperBroker.submit = after_send
        case "at-venue-fill":
            PaperStore.write = at_venue_step
        case "after-fill":
            PaperBroker._carry_out = after_fill
        case "during-cancel":
            core.Core._carry_out = during_cancel
        case "during-kill":
            core.Core._carry_out = during_kill
        case _:
            raise SystemExit(f"unknown point {point}")


def main() -> int:
    start, *point = (argument for argument in sys.argv[1:] if argument != "--fit-here")
    if "--fit-here" in sys.argv:
        sys.path.insert(0, str(Path(__file__).parents[1]))
        from fitting import fit_here

        fit_here(setattr)
    if point:
        arm(point[0], Bomb(int(point[1])))
    return run.run_engine(
        options.EngineOptions(
            profile=find_profile("demo"),
            config=load_config(None, "demo"),
            speed=0.0,
            until_end=True,
            start_ts=int(start) or None,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
