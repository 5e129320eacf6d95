"""The reports there are."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    PERFORMANCE = "performance"
    COMPLIANCE = "compliance"
    GATE = "gate"


ABOUT: Mapping[Kind, str] = MappingProxyType(
    {
        Kind.PERFORMANCE: "what was earned, what it cost and what it was made of",
        Kind.COMPLIANCE: "what was allowed, what was done, and whether the record of it holds",
        Kind.GATE: "what the verdicts of tier 2 were worth",
    }
)
