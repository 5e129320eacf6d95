"""How long `tradeterm backtest` takes, from the start of its process to its last byte, and how much memory.

    python tests/benchmarks/backtest_speed.py [--data FOLDER] [--peers FOLDER --peer NAME=PYTHON …] [--repeat N]

The work: EOS on 1 and 10 symbol-years of 1-minute bars with the numbers the peers use: move of 4 % of the day, stop
2 %, target 3 %, trailing 1.5 % once 1 % in profit, day's end, 0.055 % fee a side, 0.02 % slippage, 10 % of equity each.
It is more work than the peers': the strategy's confirmations and own exits, the desk's sizing, limits and ticks, the
benchmarks, every figure, and the run kept in the ledger. "default" is the same with the book's defaults; "every bar" is
`every_bar.py`, a Python function that is called at each of the bars.

FOLDER of --data has SYM00.parquet … (columns ts, o, h, l, c, v); without it random bars with fixed seeds are made. They
are imported once, before the clock runs. --peers is the folder of the peers' scripts (eos_NAME.py -n SYMBOLS), each run
by the Python named for it on the same data in the same run; ratios are peer over tradeterm. Medians; nothing is
asserted.
"""

import argparse
import compileall
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import tradeterm

EVERY_BAR = Path(__file__).with_name("every_bar.py")
SYMBOLS = 10
BARS, START_MS, MINUTE_MS = 525_600, 1_735_689_600_000, 60_000
SAME_AS_PEERS = (
    "min_confirmations=0", "exits.time_limit_hours=off", "sizing.method=fixed", "sizing.risk_fraction=0.02",
    "sizing.drawdown_dampening=false", "sizing.regimes.trend=1", "sizing.regimes.range=1", "sizing.regimes.chop=1",
    "sizing.regimes.volatile=1", "limits.daily_loss=1", "limits.drawdown=1", "limits.cool_down_minutes=0",
    "limits.max_position_exposure=1", "costs.participation=off",
)  # fmt: skip


class Measured(NamedTuple):
    seconds: float
    cpu: float
    mib: float
    answer: str


def measure(command: Sequence[str], environment: dict[str, str]) -> Measured:
    """One process from start to end."""
    with tempfile.TemporaryFile() as out:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        answer = out.read().decode()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, answer)


def median(command: Sequence[str], environment: dict[str, str], repeat: int) -> Measured:
    runs = [measure(command, environment) for _ in range(repeat)]
    seconds, cpu, mib = (statistics.median(float(run[field]) for run in runs) for field in range(3))
    return Measured(seconds, cpu, mib, runs[-1].answer)


def generate(folder: Path) -> None:
    """A year of minutes for each symbol: a random walk with jumps, about one a day."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    for symbol in range(SYMBOLS):
        rng = np.random.default_rng(20261120 + symbol)
        sigma = 0.80 / np.sqrt(BARS)
        moves = rng.standard_normal(BARS) * sigma - 0.5 * sigma * sigma
        jump = rng.random(BARS) < 1.0 / 1440
        moves[jump] += rng.standard_normal(int(jump.sum())) * 0.01
        c = np.round(30_000.0 * np.exp(np.cumsum(moves)), 2)
        o = np.concatenate(([30_000.0], c[:-1]))
        wick = np.abs(rng.standard_normal((2, BARS))) * sigma * 0.5
        h = np.maximum(np.round(np.maximum(o, c) * (1 + wick[0]), 2), np.maximum(o, c))
        low = np.minimum(np.round(np.minimum(o, c) * (1 - wick[1]), 2), np.minimum(o, c))
        volume = np.round(np.exp(rng.standard_normal(BARS)) * 10 + 0.001, 3)
        ts = START_MS + np.arange(BARS, dtype=np.int64) * MINUTE_MS
        table = pa.table({"ts": ts, "o": o, "h": h, "l": low, "c": c, "v": volume})
        pq.write_table(table, folder / f"SYM{symbol:02d}.parquet", compression="zstd")


def bring_in(source: Path, folder: Path, environment: dict[str, str]) -> None:
    """Import the bars, and let one run lay out the columns of each set of symbols."""
    for symbol in range(SYMBOLS):
        name = f"SYM{symbol:02d}"
        command = [
            *(sys.executable, "-m", "tradeterm", "data", "import", str(source / f"{name}.parquet"), "--data"),
            *(str(folder), "--venue", "bench", "--symbol", name, "--interval", "1m"),
        ]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)


def ours(folder: Path, symbols: int, settings: Sequence[str]) -> list[str]:
    given = [part for setting in settings for part in ("--set", setting)]
    return [
        *(sys.executable, "-m", "tradeterm", "backtest", "eos", "--data", str(folder), "--symbols", names_of(symbols)),
        *("--interval", "1m", *given, "--json"),
    ]


def names_of(symbols: int) -> str:
    return ",".join(f"SYM{symbol:02d}" for symbol in range(symbols))


def _figures(found: Measured) -> str:
    return f"{found.seconds:7.2f} s  {found.cpu:6.2f} s CPU  {found.mib:5.0f} MiB"


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        source = options.data or work / "source"
        if options.data is None:
            source.mkdir()
            generate(source)
        folder = work / "data"
        folder.mkdir()
        environment = {**os.environ, "TRADETERM_HOME": str(work / "home")}
        bring_in(source, folder, environment)
        compileall.compile_dir(Path(tradeterm.__file__).parent, quiet=1)  # as pip has done for the peers
        for symbols in (1, SYMBOLS):
            say(f"{symbols} symbol-year{'s' * (symbols > 1)}")
            mine: dict[str, Measured] = {}
            for name, command in (
                ("as peers", ours(folder, symbols, SAME_AS_PEERS)),
                ("default", ours(folder, symbols, ())),
                ("every bar", [sys.executable, str(EVERY_BAR), str(folder), names_of(symbols)]),
            ):
                measure(command, environment)  # lays out the columns
                mine[name] = found = median(command, environment, options.repeat)
                told = len(json.loads(found.answer)["trades"])
                say(f"  {name:<16}{_figures(found)}  {told} trades")
            for peer in options.peer:
                name, _, python = peer.partition("=")
                script = options.peers / f"eos_{name}.py"
                command = [python, str(script), "-n", str(symbols), "--data", str(source), "--tmp", str(work)]
                found = median(command, dict(os.environ), max(1, options.repeat // 2))
                told = json.loads(found.answer.splitlines()[-1])["trades"]
                jumping, stepping = (found.seconds / mine[way].seconds for way in ("as peers", "every bar"))
                say(f"  {name:<16}{_figures(found)}  {told} trades  × {jumping:.1f}, every bar × {stepping:.1f}")


if __name__ == "__main__":
    main()
