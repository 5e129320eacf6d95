"""Where a refresh is reckoned: in a process of its own."""

import asyncio
import os
import pickle
import sys
from contextlib import suppress

from tradeterm.domain.errors import EngineError
from tradeterm.engine.models.worker import LENGTH_BYTES
from tradeterm.quant.risk_inputs import RiskInputs
from tradeterm.quant.risk_outputs import RiskOutputs

PATIENCE_S = 30.0
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class CalculatorError(EngineError):
    """The process ended, did not answer in time, or could not make sense of what it was given."""


class Calculator:
    """One process, started when it is first needed and again after it ended: a fit can neither hold the loop up nor
    take the engine with it. It has one thread, because with more the linear algebra of small matrices takes six times
    as long. One refresh at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    async def refresh(self, inputs: RiskInputs) -> RiskOutputs:
        """Raises CalculatorError; the same inputs may be given again."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await self._ask(inputs)
        except BaseException as error:  # a late answer would be taken for that of the next question
            await self.close()
            if isinstance(error, TimeoutError):
                raise CalculatorError(f"the risk process did not answer within {PATIENCE_S:g} s") from error
            if isinstance(error, OSError | EOFError):
                raise CalculatorError("the risk process ended") from error
            raise
        if not isinstance(answer, RiskOutputs):
            raise CalculatorError(f"the risk models failed: {answer}")
        return answer

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _ask(self, inputs: RiskInputs) -> object:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tradeterm.engine.models.worker",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=os.environ | _ONE_THREAD,
                start_new_session=True,  # a Ctrl-C is for the engine, which ends this one
            )
        asking, answers = self._process.stdin, self._process.stdout
        assert asking is not None
        assert answers is not None
        asking.write(pickle.dumps(inputs))
        await asking.drain()
        length = int.from_bytes(await answers.readexactly(LENGTH_BYTES), "big")
        return pickle.loads(await answers.readexactly(length))
