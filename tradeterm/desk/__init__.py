"""The trading core: deterministic, without I/O."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tradeterm.desk.desk import Desk

__all__ = ["Desk"]


def __getattr__(name: str) -> Any:
    """The whole desk on its first use: a simulation takes its rules, not its orders and venues."""
    if name != "Desk":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tradeterm.desk.desk import Desk

    return Desk
