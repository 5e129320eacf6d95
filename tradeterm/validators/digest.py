"""One way to write a context down, and the digests that name contexts, prompts and answers."""

import hashlib
import json
from typing import Any

_DIGITS = 32


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces, ASCII only: equal values give equal texts. Raises ValueError for NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(data: str | bytes) -> str:
    """The first 128 bits of the SHA-256, in hex: 64 digits would look like a private key to the redaction."""
    raw = data.encode() if isinstance(data, str) else data
    return hashlib.sha256(raw).hexdigest()[:_DIGITS]
