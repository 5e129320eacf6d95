"""What simulated fills cost; always against the trader."""

import math
from collections.abc import Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

from tradeterm.config import Config
from tradeterm.decode import nearest, one_of, show
from tradeterm.quant.impact import sqrt_impact
from tradeterm.research.bars import Liquidity
from tradeterm.research.plainly import mistake, number


class Costs(Struct, frozen=True, kw_only=True):
    """`fee` is a fraction of every fill's notional, `slippage` of its price. With `impact` (the coefficient of the
    square-root law, about 1) slippage grows with the order's size: that needs the instrument's `Liquidity`, and an
    entry at a time at which it is not known is refused. `impacts` are coefficients of single symbols, which go before
    `impact`; 0 is no impact, which needs and refuses nothing. With `participation` an entry fills at most that fraction
    of its bar's volume; one at a bar whose volume is not known does not fill. With a `most_latency_ms` above 0 orders
    that fill at an open arrive later, by the rules of `latency.py`. Raises ValueError out of bounds."""

    fee: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.00055
    slippage: Annotated[float, Meta(ge=0.0, lt=1.0)] = 0.0002
    impact: Annotated[float, Meta(ge=0.0)] | None = None
    participation: Annotated[float, Meta(gt=0.0, le=1.0)] | None = None
    impacts: dict[str, Annotated[float, Meta(ge=0.0)]] = {}
    least_latency_ms: Annotated[float, Meta(ge=0.0)] = 0.0
    most_latency_ms: Annotated[float, Meta(ge=0.0)] = 0.0

    def __post_init__(self) -> None:
        for name in ("fee", "slippage", "impact", "participation"):
            if name in ("fee", "slippage") or getattr(self, name) is not None:
                force_setattr(self, name, number(name, getattr(self, name)))
        for name in ("fee", "slippage"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}: found {getattr(self, name)}, allowed 0 up to 1")
        if self.impact is not None and not 0 <= self.impact < math.inf:
            raise ValueError(f"impact: found {self.impact}, allowed 0 or more")
        if self.participation is not None and not 0 < self.participation <= 1:
            raise ValueError(f"participation: found {self.participation}, allowed above 0 and up to 1")

        if not isinstance(self.impacts, dict) or not all(isinstance(name, str) and name for name in self.impacts):
            raise mistake("impacts", self.impacts, "coefficients by symbol, such as {'BTCUSDT': 0.6}")
        for name, value in self.impacts.items():
            if not 0 <= number(f"impacts.{name}", value) < math.inf:
                raise ValueError(f"impacts.{name}: found {value}, allowed 0 or more")
        for name in ("least_latency_ms", "most_latency_ms"):
            force_setattr(self, name, number(name, getattr(self, name)))
        if not 0 <= self.least_latency_ms <= self.most_latency_ms < math.inf:
            found = f"{self.least_latency_ms:g} to {self.most_latency_ms:g}"
            raise ValueError(f"least_latency_ms and most_latency_ms: found {found}, allowed 0 or more, the least first")

    @property
    def latency(self) -> tuple[float, float] | None:
        """Least and most, ms; None: orders are not late."""
        return (self.least_latency_ms, self.most_latency_ms) if self.most_latency_ms else None

    def moved(self, instruments: Sequence[str]) -> list[str]:
        """Those of the instruments in which orders have an impact."""
        return [name for name in instruments if self.coefficient(name) is not None]

    def check_symbols(self, instruments: Sequence[str]) -> None:
        """Raises ValueError where a symbol that has a coefficient of its own is none of these (SYMBOL.VENUE)."""
        known = {*instruments, *(name.partition(".")[0] for name in instruments)}
        for name in self.impacts:
            if name not in known:
                symbols = list(dict.fromkeys(one.partition(".")[0] for one in instruments))
                hint = nearest(name.upper(), symbols) or f"; allowed {one_of(symbols)}"
                raise ValueError(f"costs.impacts: found {show(name)}, which is not traded{hint}")

    def coefficient(self, instrument: str) -> float | None:
        """That of the impact of orders in an instrument (SYMBOL or SYMBOL.VENUE); None: they have none."""
        return self.impacts.get(instrument, self.impacts.get(instrument.partition(".")[0], self.impact)) or None

    def slip(self, quantity: float, ts: int, liquidity: Liquidity | None, instrument: str = "") -> float:
        """The fraction of the price an order of this size loses at `ts`; NaN where its impact is not known."""
        coefficient = self.coefficient(instrument)
        if coefficient is None:
            return self.slippage
        if liquidity is None:
            return math.nan
        adv, volatility = liquidity.at(ts)
        return self.slippage + float(sqrt_impact(quantity, adv, volatility, coefficient))


def configured_costs(config: Config) -> Costs:
    """What a study costs where nothing else was asked for: the fills of [paper], and [research] beyond them."""
    paper, research = config.paper, config.research
    return Costs(
        fee=paper.taker_fee,
        slippage=paper.slippage,
        impact=research.impact,
        participation=paper.participation,
        impacts=research.impacts,
        least_latency_ms=research.least_latency_ms,
        most_latency_ms=research.most_latency_ms,
    )
