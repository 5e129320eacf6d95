"""Nothing with the form of a secret leaves in a question."""

import re

from tradeterm.validators.secrets import Key

_PROSE = re.compile(
    r"\b(?:the|and|for|was|were|are|did|does|from|how|has|have|had|not|but|than|our|its|which|why|with|been)\b",
    re.IGNORECASE,
)


def holds_secret(key: Key, text: str) -> bool:
    """Whether a text holds the key, or anything with the form of a secret.

    Twelve short words in a row look like a seed phrase; words that no word list of seed phrases has break the row, so
    that a plain question passes.
    """
    return key.is_leaked_by(_PROSE.sub("-", text)) or key.value in text
