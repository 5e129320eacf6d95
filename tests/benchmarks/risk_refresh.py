"""How long one refresh of the risk models takes: 100 instruments, 50 positions in two books, three weeks of hours.

    OPENBLAS_NUM_THREADS=1 python tests/benchmarks/risk_refresh.py   # one thread, as the worker itself

The budget is 200 ms of the worker's processor. The engine's own part is what the loop does: gather and hand over, and
the per-bar models of one instrument.
"""

import statistics
import sys
import time
from collections.abc import Callable
from decimal import Decimal

import numpy as np

from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.domain.market import HOUR_MS, Bar
from tradeterm.engine.models.instruments import RUN_BARS, InstrumentModels
from tradeterm.quant.desk_risk import refresh
from tradeterm.quant.risk_inputs import BookInputs, Holding, Name, RiskInputs

INSTRUMENTS, POSITIONS, ROWS = 100, 50, 505
BUDGET_MS = 200.0


def inputs() -> RiskInputs:
    """Prices with a common factor and quiet and wild times, as crypto has them."""
    rng = np.random.default_rng(7)
    wild = np.where(np.sin(np.arange(ROWS) / 40) > 0.6, 2.5, 1.0)[:, None]
    moves = 0.006 * wild * (0.7 * rng.standard_normal((ROWS, 1)) + 0.7 * rng.standard_t(4, (ROWS, INSTRUMENTS)))
    closes = 100 * np.exp(np.cumsum(moves, axis=0))
    names = tuple(Name(f"N{i}.X", f"N{i}") for i in range(INSTRUMENTS))
    books = []
    for number in range(2):
        mine = names[number::2]
        holdings = tuple(
            Holding(name.id, float(rng.choice((-1, 1)) * rng.uniform(1, 20)), 100.0, stop=98.0)
            for name in mine[: POSITIONS // 2]
        )
        books.append(
            BookInputs(
                name=f"book{number}",
                instruments=tuple(name.id for name in mine),
                equity=100_000.0,
                holdings=holdings,
                trades=tuple(rng.normal(10, 300, 200).tolist()),
            )
        )
    return RiskInputs(
        names=names,
        times=HOUR_MS * np.arange(1, ROWS + 1),
        closes=closes,
        volumes=rng.uniform(100, 1000, (ROWS, INSTRUMENTS)),
        books=tuple(books),
    )


def processor_ms(work: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and worst processor time, milliseconds, after one that does not count."""
    work()
    taken = []
    for _ in range(times):
        started = time.process_time()
        work()
        taken.append(1000 * (time.process_time() - started))
    return statistics.median(taken), max(taken)


def models_us() -> float:
    """Processor time of the per-bar models of an instrument whose window is full, microseconds."""
    one = Decimal(1)
    instruments = [
        Instrument(
            id=f"N{i}.X",
            symbol=f"N{i}",
            venue="X",
            kind=InstrumentKind.PERPETUAL,
            quote_currency="USDT",
            tick_size=one,
            lot_size=one,
            min_quantity=one,
            min_notional=one,
        )
        for i in range(20)
    ]
    rng = np.random.default_rng(3)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.002, (RUN_BARS + 200, len(instruments))), axis=0))
    batches = [
        [
            Bar(item.id, 300_000, 300_000 * row, c, 1.001 * c, 0.999 * c, c, 1.0, 0)
            for item, c in zip(instruments, closes[row].tolist(), strict=True)
        ]
        for row in range(len(closes))
    ]
    models = InstrumentModels(instruments, 300_000)
    for batch in batches[:RUN_BARS]:
        models.on_bars(batch)
    started = time.process_time()
    for batch in batches[RUN_BARS:]:
        models.on_bars(batch)
    return 1e6 * (time.process_time() - started) / 200 / len(instruments)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> None:
    wanted = inputs()
    median, worst = processor_ms(lambda: refresh(wanted), 15)
    say(f"refresh, {INSTRUMENTS} instruments, {POSITIONS} positions: median {median:.1f} ms, worst {worst:.1f} ms")
    say(f"of the budget of {BUDGET_MS:.0f} ms: {median / BUDGET_MS:.2f}")
    say(f"models of an instrument, a bar: {models_us():.0f} us (budget 150)")


if __name__ == "__main__":
    main()
