"""What a refresh of the desk's risk answers; see `tradeterm.quant.desk_risk`."""

from msgspec import Struct

from tradeterm.quant.equity_fan import EquityFan

Values = dict[str, float | None]


class Together(Struct, frozen=True):
    """How instruments move together: covariance of daily simple returns, shrunk (Ledoit & Wolf, constant correlation),
    groups of which each pair is correlated by the limit at least in that, and the correlation as it was seen, which is
    to be looked at: where shrinking leaves nothing but the mean, all pairs would be the same."""

    instruments: tuple[str, ...] = ()
    covariance: tuple[tuple[float, ...], ...] = ()
    correlation: tuple[tuple[float, ...], ...] = ()
    groups: tuple[int, ...] = ()
    observations: int = 0


class Stressed(Struct, frozen=True):
    """What a scenario would cost a book, in its money (positive: lost) and of its equity."""

    book: str
    scenario: str
    loss: float
    share: float | None
    assumptions: str


class RiskOutputs(Struct, frozen=True):
    together: Together
    risk: dict[str, Values]
    stress: tuple[Stressed, ...]
    fans: dict[str, EquityFan | None]
