"""How fast the research kernel is: EOS in its simplest form on 1 and 10 symbol-years of 1-minute bars.

    python tests/benchmarks/kernel.py [FOLDER]

The work: move = close / the UTC day's first open − 1; crossing ±4 % at a close is the signal (long after a fall, short
after a rise), not on a day's last bar; stop 2 %, target 3 %, trailing 1.5 % once 1 % in profit, day's end; 0.055 % fee
a side, 0.02 % slippage, 10 % of equity each. Data is random with fixed seeds, written to FOLDER (a temporary one if not
given; an existing one is used again), as memory-mapped columns and as Parquet.

"whole" is a fresh process from its start to its printed result, the median of five; the other figures are those of the
last of them. Memory is the largest resident size, mapped pages included.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STARTED = time.perf_counter()
BARS = 525_600
START_MS = 1_735_689_600_000
MINUTE_MS, DAY_BARS = 60_000, 1440
ENTRY = 0.04
REPEATS = 5


def generate(folder: Path, symbols: int) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    for symbol in range(symbols):
        rng = np.random.default_rng(20261120 + symbol)
        sigma = 0.80 / np.sqrt(BARS)
        moves = rng.standard_normal(BARS) * sigma - 0.5 * sigma * sigma
        jump = rng.random(BARS) < 1.0 / 1440
        moves[jump] += rng.standard_normal(int(jump.sum())) * 0.01
        c = 30_000.0 * np.exp(np.cumsum(moves))
        o = np.empty(BARS)
        o[0], o[1:] = 30_000.0, c[:-1]
        wick = np.abs(rng.standard_normal((2, BARS))) * sigma * 0.5
        h, low = np.maximum(o, c) * (1 + wick[0]), np.minimum(o, c) * (1 - wick[1])
        o, h, low, c = (np.round(x, 2) for x in (o, h, low, c))
        h, low = np.maximum.reduce([h, o, c]), np.minimum.reduce([low, o, c])
        ts = START_MS + np.arange(BARS, dtype=np.int64) * MINUTE_MS
        columns = {"ts": ts, "o": o, "h": h, "l": low, "c": c}
        for name, values in columns.items():
            np.save(folder / f"{symbol:02d}.{name}.npy", values)
        pq.write_table(pa.table(columns), folder / f"{symbol:02d}.parquet", compression="zstd")


def run(folder: Path, symbols: int, source: str, way: str) -> None:
    """One run, timed from the process's start; prints a JSON line."""
    import numpy as np

    from tradeterm.quant.performance import performance, trade_statistics
    from tradeterm.research.bars import Bars
    from tradeterm.research.costs import Costs
    from tradeterm.research.equity import daily_equity
    from tradeterm.research.every_bar import simulate_every_bar
    from tradeterm.research.fills import ExitPolicy
    from tradeterm.research.simulate import InstrumentSignals, simulate
    from tradeterm.research.sizers import EquityFraction

    imported = time.perf_counter()

    def load(symbol: int) -> Bars:
        if source == "columns":
            found = [np.load(folder / f"{symbol:02d}.{name}.npy", mmap_mode="r") for name in ("ts", "o", "h", "l", "c")]
        else:
            import pyarrow.parquet as pq

            table = pq.read_table(folder / f"{symbol:02d}.parquet", use_threads=False, memory_map=True)
            found = [table.column(name).to_numpy() for name in ("ts", "o", "h", "l", "c")]
        return Bars(f"SYM{symbol:02d}", MINUTE_MS, *found)

    def signals(bars: Bars) -> InstrumentSignals:
        days = bars.close.reshape(-1, DAY_BARS)
        base = bars.open[::DAY_BARS, None]
        side = (days < base * (1 - ENTRY)).astype(np.int8) - (days > base * (1 + ENTRY))
        side[:, 1:][side[:, 1:] == side[:, :-1].copy()] = 0
        side[:, -1] = 0
        flat = side.ravel()
        rows = np.flatnonzero(flat)
        bars.release()
        return InstrumentSignals(rows, flat[rows])

    def crossing(bars: Bars) -> object:
        was = 0
        down = up = 0.0

        def on_bar(row: int, bar: tuple[float, float, float, float], side: int) -> int:
            nonlocal was, down, up
            if not row % DAY_BARS:
                was, down, up = 0, bar[0] * (1 - ENTRY), bar[0] * (1 + ENTRY)
            close = bar[3]
            now = 1 if close < down else -1 if close > up else 0
            if now == was:
                return 0
            was = now
            return now

        return on_bar

    market = [load(symbol) for symbol in range(symbols)]
    loaded = time.perf_counter()
    policy = ExitPolicy(stop=0.02, target=0.03, trail=0.015, trail_after=0.01, session_end=True)
    terms = {"costs": Costs(fee=0.00055, slippage=0.0002), "capital": 100_000.0, "sizer": EquityFraction(0.10)}
    if way == "jump":
        found = simulate(market, [signals(bars) for bars in market], policy, **terms)
    else:
        found = simulate_every_bar(market, [crossing(bars) for bars in market], policy, **terms)
    simulated = time.perf_counter()
    _, equity = daily_equity(found)
    figures = performance(equity=equity, periods_per_year=365)
    statistics_ = trade_statistics(found.trades.pnl)
    done = time.perf_counter()
    print(  # noqa: T201
        json.dumps(
            {
                "trades": len(found.trades),
                "wins": int((found.trades.pnl > 0).sum()),
                "longs": int((found.trades.side > 0).sum()),
                "pnl": round(statistics_.net, 1),
                "sharpe": round(figures.sharpe, 2),
                "import_s": round(imported - STARTED, 3),
                "load_s": round(loaded - imported, 3),
                "engine_s": round(simulated - loaded, 3),
                "metrics_s": round(done - simulated, 4),
                "cpu_s": round(time.process_time(), 3),
                "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            }
        )
    )


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def measure(folder: Path) -> None:
    say(
        f"{'way':<10} {'data':<8} {'symbols':>7} {'whole s':>8} {'CPU s':>6} {'engine s':>9}"
        f" {'MiB':>5} {'trades':>7} {'PnL':>10}"
    )
    for way in ("jump", "every-bar"):
        for source in ("columns", "parquet"):
            took = {}
            for symbols in (1, 10):
                times = []
                for _ in range(REPEATS):
                    started = time.perf_counter()
                    command = [sys.executable, __file__, str(folder), str(symbols), source, way]
                    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                    times.append(time.perf_counter() - started)
                got = json.loads(out)
                took[symbols] = statistics.median(times)
                say(
                    f"{way:<10} {source:<8} {symbols:>7} {took[symbols]:>8.3f} {got['cpu_s']:>6.2f}"
                    f" {got['engine_s']:>9.3f} {got['rss_mib']:>5} {got['trades']:>7} {got['pnl']:>10.1f}"
                )
            say(f"{way:<10} {source:<8} from 1 to 10 symbols: {took[10] / took[1]:.1f} times")


def main() -> None:
    if len(sys.argv) == 5:
        folder, symbols, source, way = sys.argv[1:]
        run(Path(folder), int(symbols), source, way)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "09.parquet").exists():
            generate(folder, 10)
        measure(folder)


if __name__ == "__main__":
    main()
