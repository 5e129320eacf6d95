"""Text from outside on its way into a report: one printable line, without anything that looks like a secret."""

from tradeterm.assistant.text import clean
from tradeterm.ledger.audit import redact_text
from tradeterm.validators.secrets import Key

_NO_KEY = Key("\x00")
"""Hides by form alone: no text that is clean holds it."""


def said(text: str, length: int = 400) -> str:
    """Whatever a strategy, a model, an exchange or an operator wrote, as a report may quote it."""
    return clean(_NO_KEY.hide(redact_text(text)), length)
