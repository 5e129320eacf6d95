"""Trade against the simulated Bybit while everything goes wrong, then compare to the last digit.

The real engine runs in a process of its own; `kill_every_s` kills it with SIGKILL every few seconds as well.
"""

import math
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from simulators.bybit import KEY, SECRET, BybitSimulator
from simulators.bybit.model import Bar, Instrument

from tradeterm.config_file import load_config
from tradeterm.domain.states import CommandVerb
from tradeterm.engine.check import check
from tradeterm.ledger.lock import held_by
from tradeterm.ledger.queue import enqueue
from tradeterm.ledger.store import LedgerMissing, open_ledger
from tradeterm.profile import Profile, find_profile

PROFILE = "soak"
TICK = Decimal("0.01")
FLATTEN_EVERY_S = 15.0
SWING = (0.0, 0.004, 0.0, -0.004)
CAPITAL = Decimal(1_000_000)
MINUTE_MS = 60_000
SETTLE_S = 120.0
ENTRY = re.compile(r"(s[0-9a-f]{15})-\d+")

SYMBOLS = tuple(
    f"{name}USDT"
    for name in (
        *("BTC", "ETH", "SOL", "XRP", "ADA", "BNB", "LINK", "SUI"),
        *("DOT", "LTC", "AVAX", "DOGE", "TRX", "UNI", "APT", "NEAR"),
    )
)

CONFIG = """
mode = "paper"
[books.crypto]
strategy = "eos"
venue = "bybit"
instruments = [{instruments}]
capital = {capital}
interval = "1m"
[books.crypto.parameters]
threshold = 0.002
min_confirmations = 0
rearm_fraction = 1.0
[books.crypto.exits]
stop = 0.003
target = 0.003
trail = 0.001
trail_after = 0.001
time_limit_hours = 0.05
[books.crypto.limits]
cool_down_minutes = 0.0
max_positions = 100
max_open_orders = 500
max_total_exposure = 5.0
max_leverage = 5.0
daily_loss = 1.0
drawdown = 1.0
[books.crypto.sizing]
method = "fixed"
drawdown_dampening = false
[books.crypto.health]
least_trades = 500
losses_in_a_row = 100
[risk]
max_asset = 10.0
max_group = 10.0
max_sector = 10.0
max_one_sided = 10.0
max_gross = 10.0
max_heat = 1.0
max_var = 1.0
[breaker]
daily_loss = 1.0
drawdown = 1.0
[breaker.latency_seconds]
alert = 3600.0
throttle = 3600.0
halt = 3600.0
[breaker.refused_orders]
alert = 1000
throttle = 1000
halt = 1000
shutdown = 1000
[breaker.slippage]
alert = 1.0
throttle = 1.0
halt = 1.0
[feed]
kind = "bybit"
[venues.bybit]
rest_url = "{rest}"
public_url = "{public}"
private_url = "{private}"
"""


@dataclass
class Report:
    """What was found. `wrong` is empty when everything is in order."""

    faults: Counter[str] = field(default_factory=Counter)
    halts: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    orders: int = 0
    executions: int = 0
    signals: int = 0
    worst_naked_s: float = 0.0
    naked_over_a_second: int = 0
    memory_mb: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[str]:
        yield f"{self.signals} signals, {self.orders} orders, {self.executions} executions, {self.kills} kills"
        yield f"worst naked {self.worst_naked_s:.2f} s, longer than a second: {self.naked_over_a_second}"
        if self.memory_mb:
            first, last = self.memory_mb[len(self.memory_mb) // 4], self.memory_mb[-1]
            yield f"memory {first:.0f} MB after a quarter of the time, {last:.0f} MB at the end"
        yield f"faults ({sum(self.faults.values())}):"
        yield from (f"  {count:5d}  {name}" for name, count in self.faults.most_common())
        yield "halts and reductions, each resumed at once:"
        yield from (f"  {count:5d}  {name}" for name, count in self.halts.most_common())
        yield "in order" if not self.wrong else "WRONG:"
        yield from (f"  {text}" for text in self.wrong)


@dataclass
class Market:
    """The venue with prices that swing, and what happens there now and then without anybody asking."""

    venue: BybitSimulator
    prices: dict[str, Decimal]
    chance: random.Random

    def history(self) -> None:
        """A day without a move, so that the session's open is known."""
        for symbol, price in self.prices.items():
            flat = [Bar(n * MINUTE_MS, price, price, price, price, Decimal(10_000)) for n in range(1500)]
            self.venue.load_bars(symbol, flat, MINUTE_MS)

    def move(self) -> None:
        """Away from the session's open in one minute, back in the next, so that every second close is a signal."""
        minute, into = divmod(time.time() / 60, 1)
        for place, (symbol, base) in enumerate(self.prices.items()):
            before, after = SWING[(int(minute) + place - 1) % 4], SWING[(int(minute) + place) % 4]
            part = min(1.0, into * 2)
            away = Decimal(str(round(before + (after - before) * part + self.chance.uniform(-0.0002, 0.0002), 5)))
            self.venue.set_price(symbol, base * (1 + away) // TICK * TICK)

    def surprise(self) -> None:
        """Silence, lost connections, funding, a position closed by hand."""
        venue, dice, held = self.venue, self.chance.random(), list(self.venue.positions)
        if dice < 0.01:
            venue.call(venue.faults.silence, self.chance.choice(["public", "private"]), 5.0)
        elif dice < 0.02:
            venue.call(self.chance.choice([venue.private.drop, venue.public.drop]))
        elif dice < 0.03 and held:
            venue.settle_funding(self.chance.choice(held), "0.0001")
        elif dice < 0.035 and held:
            venue.manual_close(self.chance.choice(held))


@dataclass
class Soak:
    """`fault_probability` is that of each kind of fault at each of its occasions."""

    home: Path
    minutes: float
    seed: int = 0
    kill_every_s: float | None = None
    fault_probability: float = 0.01
    symbols: Sequence[str] = SYMBOLS
    report: Report = field(default_factory=Report)

    def run(self) -> Report:
        """TRADETERM_HOME must be `home`."""
        prices = {symbol: Decimal(100 * (place + 1)) for place, symbol in enumerate(self.symbols)}
        contracts = [
            Instrument(symbol, symbol.removesuffix("USDT"), TICK, TICK, TICK, Decimal(10**6), Decimal(10**6))
            for symbol in self.symbols
        ]
        with BybitSimulator.in_thread(seed=self.seed, balance=CAPITAL, prices=prices, instruments=contracts) as venue:
            market = Market(venue, prices, random.Random(self.seed))
            market.history()
            config, profile = self._write_config(venue), find_profile(PROFILE)
            with Engine(config) as engine:
                self._storm(market, engine, profile)
                self._settle(market, engine, profile)
            self._compare(venue, profile, config)
        return self.report

    def _write_config(self, venue: BybitSimulator) -> Path:
        text = CONFIG.format(
            instruments=", ".join(f'"{symbol}.BYBIT"' for symbol in self.symbols),
            capital=float(CAPITAL),
            rest=venue.rest_url,
            public=venue.public_url,
            private=venue.private_url,
        )
        self.home.mkdir(parents=True, exist_ok=True)
        path = self.home / "config.toml"
        path.write_text(text)
        return path

    def _storm(self, market: Market, engine: "Engine", profile: Profile) -> None:
        """Prices swing, the venue fails, the engine is killed, and whenever it halts a person resumes it."""
        _wait_until_started(profile)
        market.venue.call(market.venue.faults.storm, self.fault_probability, hang_seconds=8.0)
        end = time.monotonic() + self.minutes * 60
        next_kill = self._next_kill(market)
        next_look = 0.0
        while time.monotonic() < end:
            market.move()
            if time.monotonic() >= next_kill:
                engine.kill()
                self.report.kills += 1
                next_kill = self._next_kill(market)
            engine.keep()
            if time.monotonic() >= next_look:
                next_look = time.monotonic() + 1.0
                self._operate(profile)
                self.report.memory_mb.append(engine.memory_mb())
                market.surprise()
            time.sleep(0.1)

    def _next_kill(self, market: Market) -> float:
        """Half of the kills hit the moments after a bar has closed, when orders are on their way."""
        if self.kill_every_s is None:
            return math.inf
        wait = market.chance.uniform(0.5, 1.5) * self.kill_every_s
        until_close = 60 - time.time() % 60
        if market.chance.random() < 0.5 and until_close < 3 * self.kill_every_s:
            wait = until_close + market.chance.uniform(0.0, 1.5)
        return time.monotonic() + wait

    def _settle(self, market: Market, engine: "Engine", profile: Profile) -> None:
        """No more faults: everything is flattened, and both sides come to rest."""
        venue = market.venue
        venue.call(venue.faults.clear)
        self.report.faults = Counter(f"{fault.name} ({fault.where})" for fault in venue.fault_log)
        engine.keep()
        send(profile, CommandVerb.STOP)
        deadline, asked = time.monotonic() + SETTLE_S, -math.inf
        while time.monotonic() < deadline and (venue.positions or asked < 0 or _restless(profile)):
            market.move()
            self._operate(profile)
            if time.monotonic() - asked > FLATTEN_EVERY_S:
                asked = time.monotonic()
                send(profile, CommandVerb.FLATTEN)
            time.sleep(0.2)
        if venue.positions or _restless(profile):
            self.report.wrong.append(f"not at rest {SETTLE_S:g} s after the last fault: {_restless(profile)}")
        engine.stop()

    def _operate(self, profile: Profile) -> None:
        state = _rows(profile, "SELECT trading_state, trading_reason FROM desk_state")
        breaker = _rows(profile, "SELECT to_level, cause FROM breaker_events ORDER BY rowid DESC LIMIT 1")
        held_up = [why for now, why in (*state, *breaker) if now not in ("ACTIVE", "CLOSED")]
        if held_up:
            self.report.halts[_kind(held_up[0])] += 1
            send(profile, CommandVerb.RESUME)

    def _compare(self, venue: BybitSimulator, profile: Profile, config: Path) -> None:
        report = self.report
        report.executions = len(venue.executions)
        report.orders = sum(not order.is_child for order in venue.orders)
        report.signals = len(_rows(profile, "SELECT id FROM signals WHERE kind = 'ENTRY'"))
        naked = venue.naked_intervals()
        report.worst_naked_s = max((interval.seconds for interval in naked), default=0.0)
        report.naked_over_a_second = sum(interval.seconds > 1 for interval in naked)
        report.wrong += [*_fills(venue, profile), *_sent_twice(venue), *_books(venue, profile)]
        report.wrong += check(profile.ledger, load_config(config, PROFILE), audit=profile.audit).findings


def _fills(venue: BybitSimulator, profile: Profile) -> Iterator[str]:
    """Each execution exactly once, to the last digit."""
    theirs = {item.exec_id: item for item in venue.executions if item.exec_type != "Funding"}
    ours = {row[0]: row[1:] for row in _rows(profile, "SELECT exec_id, quantity, price, fee FROM fills")}
    yield from (f"missed fill {theirs[exec_id]}" for exec_id in sorted(theirs.keys() - ours.keys()))
    yield from (f"fill {exec_id} {ours[exec_id]} never happened" for exec_id in sorted(ours.keys() - theirs.keys()))
    for exec_id in sorted(ours.keys() & theirs.keys()):
        there = theirs[exec_id]
        if tuple(map(Decimal, ours[exec_id])) != (there.qty, there.price, there.fee):
            yield f"fill {exec_id}: {ours[exec_id]} here, {there} there"


def _sent_twice(venue: BybitSimulator) -> Iterator[str]:
    """An entry may be sent again under the next attempt's id only if the one before never arrived."""
    attempts = Counter(found.group(1) for order in venue.orders if (found := ENTRY.fullmatch(order.link_id)))
    yield from (f"signal {signal_id} was sent {count} times" for signal_id, count in attempts.items() if count > 1)
    if venue.orders and not attempts:
        yield "no entry of ours is known by its id: nothing was compared"


def _books(venue: BybitSimulator, profile: Profile) -> Iterator[str]:
    here = {name: Decimal(size) for name, size in _rows(profile, "SELECT instrument, quantity FROM positions")}
    held = {f"{symbol}.BYBIT": position.size for symbol, position in venue.positions.items()}
    if {name: size for name, size in here.items() if size} != held:
        yield f"positions {here} here, {held} there"
    (cash,) = _rows(profile, "SELECT cash FROM book_state WHERE book = 'crypto'")
    earned, paid = Decimal(cash[0]) - CAPITAL, venue.wallet.balance - CAPITAL
    if earned != paid:
        yield f"money: {earned} earned here, {paid} there"


class Engine:
    """The real engine in a process of its own, until the block ends."""

    def __init__(self, config: Path) -> None:
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Engine":
        self.keep()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def keep(self) -> None:
        """Start it unless it runs."""
        if self._process is not None and self._process.poll() is None:
            return
        with (self._config.parent / "engine.err").open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tradeterm", "--headless", "--profile", PROFILE, "--config", str(self._config)],
                env={**os.environ, "BYBIT_API_KEY": KEY, "BYBIT_API_SECRET": SECRET},
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)

    def memory_mb(self) -> float:
        if self._process is None or self._process.poll() is not None:
            return math.nan
        pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def send(profile: Profile, verb: CommandVerb) -> None:
    """As a face would, whether or not an engine runs."""
    with closing(open_ledger(profile.ledger)) as db:
        enqueue(db, verb, ts=time.time_ns() // 1_000_000, actor="operator")


def _restless(profile: Profile) -> list[str]:
    """Orders that still work and positions that are not flat, as our ledger has them."""
    closed = "('DENIED', 'FILLED', 'CANCELED', 'EXPIRED', 'REJECTED')"
    orders = _rows(profile, f"SELECT client_order_id, status FROM orders WHERE status NOT IN {closed}")
    positions = _rows(profile, "SELECT instrument, quantity FROM positions WHERE CAST(quantity AS REAL) != 0")
    return [" ".join(map(str, row)) for row in (*orders, *positions)]


def _kind(reason: str) -> str:
    """The reason without what differs from one time to the next."""
    return re.sub(r"[\d.,:-]*\d[\w.-]*|\b[A-Z]+USDT\S*", "…", reason)[:90] or "(no reason)"


def _rows(profile: Profile, sql: str) -> list[tuple[Any, ...]]:
    try:
        with closing(open_ledger(profile.ledger, readonly=True)) as db:
            return [tuple(row) for row in db.execute(sql)]
    except (sqlite3.OperationalError, LedgerMissing):  # nothing written yet
        return []


def _wait_until_started(profile: Profile) -> None:
    deadline = time.monotonic() + 30
    while held_by(profile.lock) is None:
        assert time.monotonic() < deadline, "the engine does not start"
        time.sleep(0.05)
