"""Fit risk models in the process of the engine.

To start a process for it, and to import the same again there, is half of the time of a recorded run, and other tests
are about that process. A recorded run waits for the answer either way.
"""

from collections.abc import Callable
from typing import Any

from tradeterm.engine.models.calculator import Calculator
from tradeterm.quant.desk_risk import refresh
from tradeterm.quant.risk_inputs import RiskInputs
from tradeterm.quant.risk_outputs import RiskOutputs


def fit_here(put: Callable[[Any, str, Any], None]) -> None:
    """`put` is setattr, or one that a test undoes."""

    async def fit(self: Calculator, inputs: RiskInputs) -> RiskOutputs:
        return refresh(inputs)

    put(Calculator, "refresh", fit)
