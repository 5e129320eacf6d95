"""The risk worker on bars of a test's own: a desk that hears of nothing else, and the refresh in this process."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from tradeterm.config import BookConfig, Config, RiskConfig
from tradeterm.desk import Desk
from tradeterm.domain.events import DeskEvent, DeskRestored
from tradeterm.domain.facts import Fact
from tradeterm.domain.instrument import Calendar, Instrument, InstrumentKind
from tradeterm.domain.market import HOUR_MS, MINUTE_MS, Bar, FundingRate
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.engine.models.models import Models
from tradeterm.engine.supervisor import Supervisor
from tradeterm.engine.urgency import Urgency
from tradeterm.quant.desk_risk import refresh
from tradeterm.quant.risk_inputs import RiskInputs
from tradeterm.quant.risk_outputs import RiskOutputs

NAMES = ("AAA.X", "BBB.X", "CCC.X")
STEP = 5 * MINUTE_MS
START = 480_000 * HOUR_MS


def instrument(name: str, calendar: Calendar = Calendar.ALWAYS) -> Instrument:
    return Instrument(
        id=name,
        symbol=name.partition(".")[0],
        venue="X",
        kind=InstrumentKind.PERPETUAL,
        quote_currency="USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        min_notional=Decimal(1),
        calendar=calendar,
    )


INSTRUMENTS = tuple(instrument(name) for name in NAMES)


def walk(rows: int, names: Sequence[str] = NAMES, seed: int = 0, start: int = START, step: int = STEP) -> list[Bar]:
    """Bars of prices that share a factor, in time order."""
    rng = np.random.default_rng(seed)
    moves = 0.002 * (rng.standard_normal((rows, 1)) + rng.standard_normal((rows, len(names))))
    closes = 100 * np.exp(np.cumsum(moves, axis=0))
    opens = np.vstack([np.full(len(names), 100.0), closes[:-1]])
    highs = np.maximum(opens, closes) * (1 + 0.001 * rng.random(closes.shape))
    lows = np.minimum(opens, closes) * (1 - 0.001 * rng.random(closes.shape))
    return [
        Bar(name, step, start + step * row, o, h, low, c, 10.0, start + step * (row + 1))
        for row in range(rows)
        for name, o, h, low, c in zip(
            names, *(field[row].tolist() for field in (opens, highs, lows, closes)), strict=True
        )
    ]


def instants(bars: Sequence[Bar]) -> dict[int, list[Bar]]:
    found: dict[int, list[Bar]] = {}
    for bar in bars:
        found.setdefault(bar.ts_event, []).append(bar)
    return found


class Here:
    """A calculator without a process, which fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.asked: list[RiskInputs] = []

    async def refresh(self, inputs: RiskInputs) -> RiskOutputs:
        self.asked.append(inputs)
        if self.failures:
            self.failures -= 1
            raise OSError("the process is gone")
        return refresh(inputs)

    async def close(self) -> None:
        pass


class Past:
    """A feed that has only history."""

    def __init__(self, bars: Sequence[Bar]) -> None:
        self._bars = bars

    async def history(self, until_ts: int, bars: int) -> Sequence[Bar | FundingRate]:
        known = [bar for bar in self._bars if bar.ts_event <= until_ts]
        return [bar for name in NAMES for bar in [b for b in known if b.instrument == name][-bars:]]


class Bench:
    """Drives a Models as the market does, and keeps what it posts and records."""

    def __init__(self, calculator: Any = None, *, lockstep: bool = True, **risk: Any) -> None:
        book = BookConfig(strategy="eos", venue="paper", instruments=NAMES, capital=100_000.0)
        self.config = Config(books={"crypto": book}, risk=RiskConfig(**risk))
        self.posted: list[DeskEvent] = []
        self.facts: list[Fact] = []
        self.states: list[tuple[str, str]] = []
        self.ts = 0
        self.desk = Desk(self.config)
        self.desk.on(DeskRestored(ts=START, instruments=INSTRUMENTS, snapshot=DeskSnapshot()))
        self.calculator = calculator or Here()

        async def no_delay(delay: float) -> None:
            await asyncio.sleep(0)

        self.supervisor = Supervisor(
            lambda worker, state, detail: self.states.append((state.value, detail)), sleep=no_delay
        )
        self.models = self.made(self.config, lockstep=lockstep)

    def made(self, config: Config, *, lockstep: bool = True) -> Models:
        return Models(
            config,
            INSTRUMENTS,
            desk=self.desk,
            supervisor=self.supervisor,
            post=self._post,
            record=lambda ts, facts: self.facts.extend(facts),
            now=lambda: self.ts,
            calculator=self.calculator,
            forecasts={},
            urgency=Urgency(),
            lockstep=lockstep,
        )

    def _post(self, event: DeskEvent) -> None:
        self.posted.append(event)
        self.desk.on(event)

    def of(self, type_: type[Any]) -> list[Any]:
        return [event for event in self.posted if isinstance(event, type_)]

    def told(self, type_: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, type_)]

    async def drive(self, bars: Sequence[Bar], *, after: int, until: int) -> None:
        """Start with what closed by `after`, then take instant by instant what closed by `until`."""
        running = asyncio.create_task(self.models.run())
        try:
            self.ts = after
            await self.models.start(Past(bars), after)  # type: ignore[arg-type]
            for ts, batch in instants(bars).items():
                if after < ts <= until:
                    self.ts = ts
                    await self.models.take(batch, ts)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
