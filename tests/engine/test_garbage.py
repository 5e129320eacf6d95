"""Cycles are collected between orders, and Python's own collecting comes back at the end."""

import asyncio
import gc
import weakref

import pytest

from tradeterm.engine import garbage
from tradeterm.engine.garbage import collect_between_orders
from tradeterm.engine.urgency import PRESSING_S, Urgency


class Knot:
    def __init__(self) -> None:
        self.me = self


def tied() -> "weakref.ref[Knot]":
    return weakref.ref(Knot())


async def cancelled(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_cycles_go_when_no_order_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "EVERY_S", PRESSING_S / 10)
    moments = [0.0]
    urgency = Urgency(clock=lambda: moments[-1])
    urgency.press()
    task = asyncio.create_task(collect_between_orders(urgency))
    await asyncio.sleep(0)
    assert not gc.isenabled()
    knot = tied()
    await asyncio.sleep(3 * PRESSING_S)
    assert knot() is not None, "an order is on its way"
    moments.append(PRESSING_S)
    async with asyncio.timeout(10):
        while knot() is not None:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(PRESSING_S / 10)
    await cancelled(task)
    assert gc.isenabled()


async def test_a_full_look_comes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "EVERY_S", 0.001)
    monkeypatch.setattr(garbage, "FULL_EVERY", 2)
    before = gc.get_stats()[2]["collections"]
    task = asyncio.create_task(collect_between_orders(Urgency()))
    async with asyncio.timeout(10):
        while gc.get_stats()[2]["collections"] < before + 2:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.005)
    await cancelled(task)
    assert gc.isenabled()
