"""Validators by the config's `gate.validator`. A new one is a file beside this and a line in `_validators`."""

from collections.abc import Callable

from tradeterm.config import GateConfig
from tradeterm.decode import one_of, show
from tradeterm.domain.errors import ConfigError
from tradeterm.validators.protocol import Validator
from tradeterm.validators.rules import RulesValidator


def _validators() -> dict[str, Callable[[], Validator]]:
    return {"rules": RulesValidator}


def validator_names() -> tuple[str, ...]:
    return tuple(sorted(_validators()))


def make_validator(gate: GateConfig) -> Validator:
    """The validator the gate asks. Raises ConfigError for an unknown name."""
    known = _validators()
    if gate.validator not in known:
        names = sorted(known)
        found = show(gate.validator)
        raise ConfigError(f"gate.validator: found {found}, allowed {one_of(names)}")
    return known[gate.validator]()
