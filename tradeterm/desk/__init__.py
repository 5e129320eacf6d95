"""The trading core: deterministic, without I/O."""

from tradeterm.desk.desk import Desk

__all__ = ["Desk"]
