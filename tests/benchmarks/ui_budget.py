"""What the screen costs: `python tests/benchmarks/ui_budget.py`.

A real pseudo-terminal of 240x60, a desk of 50 instruments, 20 new views and 5 new ledger versions a second, every
view decoded from the bytes an engine would have written. Keys are pressed all the while. Then the same desk stands
still but for a heartbeat a second. Prints figures; asserts nothing. The budget: under 10 % of a core, loop lag p95
under 20 ms, keypress to paint p95 under 50 ms, under 1 % when nothing moves.
"""

import asyncio
import fcntl
import os
import pty
import random
import select
import struct
import sys
import tempfile
import termios
import time
from pathlib import Path

import msgspec

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "ui"))

COLUMNS, ROWS, INSTRUMENTS, VIEWS_A_SECOND, SECONDS = 240, 60, 50, 20, 12
SETTLE_SECONDS = 8
KEYS = (*["j", "k"] * 6, "\t", "j", "k", "\x1b[Z", "2", "1", "3", "1")  # each of them changes what is shown


class Figures(msgspec.Struct):
    """What the screen measured of itself: share of a core, seconds of lag, seconds from key to paint."""

    cpu: float
    lags: list[float]
    latencies: list[float]


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


# The screen


def child(moving: bool, probe: float, folder: Path) -> None:
    from tradeterm.config import BookConfig, Config, UiConfig
    from tradeterm.profile import Profile
    from tradeterm.ui import env

    env.prepare(UiConfig())
    from textual import events
    from textual.screen import Screen

    from tradeterm.ui.app import TradetermApp

    class Measured(TradetermApp):
        """Stamps key presses, and the first screen update that is written after each."""

        key_at: float | None = None
        latencies: list[float] = []  # noqa: RUF012
        lags: list[float] = []  # noqa: RUF012

        async def on_event(self, event: events.Event) -> None:
            if isinstance(event, events.Key):
                pressed = time.perf_counter()
                await super().on_event(event)
                self.key_at = pressed
            else:
                await super().on_event(event)

        def _display(self, screen: Screen[object], renderable: object) -> None:
            super()._display(screen, renderable)
            if self.key_at is not None:
                self.latencies.append(time.perf_counter() - self.key_at)
                self.key_at = None

        async def measure(self) -> None:
            await asyncio.sleep(SETTLE_SECONDS)  # starting is not running
            self.latencies.clear()
            cpu, wall = time.process_time(), time.perf_counter()
            while time.perf_counter() - wall < SECONDS:
                before = time.perf_counter()
                await asyncio.sleep(probe)
                self.lags.append(time.perf_counter() - before - probe)
            used = (time.process_time() - cpu) / (time.perf_counter() - wall)
            figures = Figures(used, self.lags, self.latencies)
            (folder / "figures.json").write_bytes(msgspec.json.encode(figures))
            self.exit()

        def on_ready(self) -> None:
            self.probe = asyncio.create_task(self.measure())

    config = Config(
        books={"crypto": BookConfig(strategy="eos", venue="paper", instruments=("X.Y",), capital=1e5)},
        ui=UiConfig(),
    )
    console = crowded(moving)
    app = Measured(console, config, Profile("demo", folder / "state", folder / "config"))
    app.run()


def crowded(moving: bool) -> object:
    """The frozen desk with 50 instruments, whose versions run with the clock."""
    from fake_console import BOOK, NOW, FakeConsole, busy_view

    from tradeterm.domain.view import DeskView

    base = busy_view()
    chance = random.Random(1)

    def one(number: int) -> bytes:
        feeds, positions = [], []
        for at in range(INSTRUMENTS):
            feed = base.feeds[at % len(base.feeds)]
            name = f"C{at:02d}USDT.BINANCE" if at >= len(base.feeds) else feed.instrument
            last = feed.last * (1 + chance.uniform(-0.001, 0.001))
            feeds.append(msgspec.structs.replace(feed, instrument=name, symbol=name[:-8], last=last))
            held = base.positions[at % len(base.positions)]
            mark = held.mark + held.mark.scaleb(-4).quantize(held.mark) * chance.randint(-9, 9)
            pnl = (mark - held.entry_price) * held.quantity
            positions.append(
                msgspec.structs.replace(held, instrument=name, symbol=name[:-8], book=BOOK, mark=mark, pnl=pnl)
            )
        view = msgspec.structs.replace(
            base,
            version=number,
            ts=NOW + number * 50,
            equity=base.equity + chance.randint(-90, 90),
            feeds=tuple(feeds),
            positions=tuple(positions),
        )
        return msgspec.msgpack.encode(view)

    encoded = [one(number) for number in range(40)]
    decode = msgspec.msgpack.Decoder(DeskView).decode

    class Crowded(FakeConsole):
        def _tick_count(self, rate: float) -> int:
            return int(time.monotonic() * (rate if moving else 1))

        def view_version(self) -> int:
            return self._tick_count(VIEWS_A_SECOND)

        def ledger_version(self) -> int:
            return self._tick_count(5) if moving else 0

        def view(self) -> DeskView:
            view = decode(encoded[self._tick_count(VIEWS_A_SECOND) % len(encoded) if moving else 0])
            return msgspec.structs.replace(view, wall_ts=time.time_ns() // 1_000_000)

        def engine_alive(self) -> bool:
            return True

    return Crowded(base)


# The terminal


def measure(moving: bool, probe: float, keys: bool) -> tuple[Figures, float, float]:
    """The screen's figures, painted kilobytes a second, and seconds to the first paint."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        pid, master = pty.fork()
        if pid == 0:
            os.environ["TERM"] = "xterm-256color"
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
            child(moving, probe, Path(folder))
            os._exit(0)
        painted, first, next_key, key, last = 0, 0.0, began + SETTLE_SECONDS + 1, 0, b""
        while True:
            ready, _, _ = select.select([master], [], [], 0.02)
            try:
                chunk = os.read(master, 65536) if ready else b""
            except OSError:
                break
            last = chunk or last
            if b"Positions" in chunk and not first:
                first = time.perf_counter() - began
            if began + SETTLE_SECONDS + 1 < time.perf_counter() < began + SETTLE_SECONDS + SECONDS:
                painted += len(chunk)
                if keys and time.perf_counter() > next_key:
                    os.write(master, KEYS[key % len(KEYS)].encode())
                    key += 1
                    next_key = time.perf_counter() + random.uniform(0.1, 0.3)
        os.waitpid(pid, 0)
        if not (Path(folder) / "figures.json").exists():
            sys.exit(f"the screen did not run to its end: {last.decode(errors='replace')}")
        figures = msgspec.json.decode((Path(folder) / "figures.json").read_bytes(), type=Figures)
        return figures, painted / 1000 / (SECONDS - 1), first


def say(line: str) -> None:
    sys.stdout.write(line + "\n")


def main() -> None:
    say(f"{COLUMNS}x{ROWS}, {INSTRUMENTS} instruments, {VIEWS_A_SECOND} views/s, {SECONDS} s each")
    figures, rate, first = measure(moving=True, probe=0.25, keys=False)
    say(f"busy: {100 * figures.cpu:.1f} % of a core, {rate:.0f} kB/s painted, first paint {first:.2f} s after the fork")
    figures, _, _ = measure(moving=True, probe=0.01, keys=True)
    lag, keys = percentile(figures.lags, 0.95), figures.latencies
    say(f"busy, a key every 0.2 s: {100 * figures.cpu:.1f} % of a core, loop lag p95 {1000 * lag:.1f} ms")
    middle, high = percentile(keys, 0.5), percentile(keys, 0.95)
    say(f"keypress to paint: median {1000 * middle:.1f} ms, p95 {1000 * high:.1f} ms ({len(keys)} keys)")
    figures, rate, _ = measure(moving=False, probe=1.0, keys=False)
    say(f"idle: {100 * figures.cpu:.2f} % of a core, {rate:.1f} kB/s painted")


if __name__ == "__main__":
    main()
