"""The risk process: the same figures as here, and whatever happens to it is said and survived."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from tradeterm.domain.market import HOUR_MS
from tradeterm.engine.models import calculator
from tradeterm.engine.models.calculator import Calculator, CalculatorError
from tradeterm.quant.desk_risk import refresh
from tradeterm.quant.risk_inputs import BookInputs, Holding, Name, RiskInputs


def inputs(rows: int = 120, **more: Any) -> RiskInputs:
    rng = np.random.default_rng(5)
    closes = 100 * np.exp(np.cumsum(0.01 * rng.standard_normal((rows, 2)), axis=0))
    held = (Holding("A.X", 10.0, 100.0),)
    return RiskInputs(
        names=(Name("A.X", "A"), Name("B.X", "B")),
        times=HOUR_MS * np.arange(1, rows + 1),
        closes=closes,
        volumes=more.get("volumes", np.ones(closes.shape)),
        books=(BookInputs(name="b", instruments=("A.X", "B.X"), equity=10_000.0, holdings=held),),
    )


@pytest.fixture
async def process() -> AsyncIterator[Calculator]:
    found = Calculator()
    yield found
    await found.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_says_what_the_function_says_and_stays(process: Calculator) -> None:
    first = await process.refresh(inputs())
    pid = process.pid
    expected = refresh(inputs())
    assert first.together.instruments == expected.together.instruments
    np.testing.assert_allclose(first.together.covariance, expected.together.covariance, rtol=1e-9)
    assert first.risk["b"]["var_99"] == pytest.approx(expected.risk["b"]["var_99"])
    assert await process.refresh(inputs()) == first
    assert process.pid == pid


async def test_killed_it_is_told_and_started_again(process: Calculator) -> None:
    before = await process.refresh(inputs())
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(CalculatorError, match="the risk process ended"):
        await process.refresh(inputs())
    assert process.pid is None
    assert await process.refresh(inputs()) == before


async def test_what_it_cannot_reckon_is_said_and_the_next_is_answered(process: Calculator) -> None:
    with pytest.raises(CalculatorError, match="do not fit"):
        await process.refresh(inputs(volumes=np.ones((1, 1))))
    assert (await process.refresh(inputs())).together.instruments == ("A.X", "B.X")


async def test_one_that_does_not_answer_is_given_up(process: Calculator, monkeypatch: pytest.MonkeyPatch) -> None:
    await process.refresh(inputs())
    pid = process.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    monkeypatch.setattr(calculator, "PATIENCE_S", 0.2)
    with pytest.raises(CalculatorError, match="did not answer"):
        await process.refresh(inputs())
    assert not alive(pid)
    monkeypatch.undo()
    assert (await process.refresh(inputs())).together.instruments


async def test_a_question_that_is_dropped_is_not_answered_later(process: Calculator) -> None:
    first = await process.refresh(inputs())
    dropped = asyncio.ensure_future(process.refresh(inputs(rows=400)))
    await asyncio.sleep(0.005)
    dropped.cancel()
    await asyncio.gather(dropped, return_exceptions=True)
    assert await process.refresh(inputs()) == first


async def test_closed_nothing_is_left(process: Calculator) -> None:
    await process.close()
    await process.refresh(inputs())
    pid = process.pid
    assert pid is not None
    await process.close()
    assert not alive(pid)


def test_it_ends_with_its_engine_however_that_ends() -> None:
    source = (
        "import asyncio, sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_risk_calculator import inputs\n"
        "from tradeterm.engine.models.calculator import Calculator\n"
        "async def main():\n"
        "    process = Calculator()\n"
        "    await process.refresh(inputs())\n"
        "    print(process.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    folder = os.path.dirname(__file__)  # noqa: PTH120
    with subprocess.Popen([sys.executable, "-c", source, folder], stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout is not None
        pid = int(engine.stdout.readline())
        assert alive(pid)
        engine.kill()
    deadline = time.monotonic() + 10
    while alive(pid):
        assert time.monotonic() < deadline, "the risk process outlived its engine"
        time.sleep(0.02)
