"""What research takes simulated fills to cost, beyond the simulated venue of [paper]."""

from typing import Annotated

from msgspec import Meta, Struct

Coefficient = Annotated[float, Meta(ge=0.0, le=10.0, description="of the square-root law of impact, about 1")]
LatencyMs = Annotated[float, Meta(ge=0.0, le=60_000.0, description="how late an order arrives")]


class ResearchConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Costs of every study, which `--set costs.…` overrides; they mean what they do in `tradeterm.research.costs`.
    `impacts` are coefficients of single symbols (SYMBOL or SYMBOL.VENUE), which go before `impact`."""

    impact: Coefficient | None = None
    least_latency_ms: LatencyMs = 0.0
    most_latency_ms: LatencyMs = 0.0
    impacts: dict[str, Coefficient] = {}
