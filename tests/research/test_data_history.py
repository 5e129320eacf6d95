"""History from venues: fetched in pieces, continued where it ended, never with a bar that is still open."""

import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from data_kit import START, walk
from simulators.bybit import BybitSimulator
from simulators.bybit.recorded import demo_bars

from tradeterm.config import BybitConfig
from tradeterm.domain.errors import DataError, VenueUnavailable
from tradeterm.domain.market import HOUR_MS, MINUTE_MS
from tradeterm.feeds.instruments import load_instruments
from tradeterm.research.data import bybit_history, fetch
from tradeterm.research.data.bybit_history import import_bybit
from tradeterm.research.data.ccxt_history import import_ccxt
from tradeterm.research.data.fetch import Wanted
from tradeterm.research.data.series import series_at
from tradeterm.research.data.store import read_series

FIVE = 5 * MINUTE_MS


def now() -> int:
    return time.time_ns() // 1_000_000


def nothing(_count: int, _total: int) -> None:
    """No progress wanted."""


def wanted(first: int | None, stop: int, **more: Any) -> Wanted:
    return Wanted(symbol="BTCUSDT", interval="5m", first=first, stop=stop, **more)


def test_bars_funding_and_facts_of_bybit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bybit_history, "PIECE", 7)
    told: list[tuple[int, int]] = []
    with BybitSimulator.in_thread(prices={"BTCUSDT": 80_000, "ETHUSDT": 2_000}) as venue:
        venue.load_bars("BTCUSDT", demo_bars(venue.market("BTCUSDT").instrument, 900), FIVE)
        settled = now() // (8 * HOUR_MS) * 8 * HOUR_MS
        venue.market("BTCUSDT").funding_history[:] = [(settled - i * 8 * HOUR_MS, Decimal("0.0001")) for i in range(6)]
        config = BybitConfig(rest_url=venue.rest_url)
        stop = now() // FIVE * FIVE
        first = stop - 30 * FIVE
        found = import_bybit(tmp_path, config, wanted(first, stop - 10 * FIVE), lambda *told_: told.append(told_))
        assert (found[0].instrument, found[0].interval, found[0].added) == ("BTCUSDT.BYBIT", "5m", 20)
        assert (found[0].first, found[0].last) == (first, stop - 11 * FIVE)
        assert told == [(7, 20), (14, 20), (20, 20)]
        more = import_bybit(tmp_path, config, wanted(None, now()), nothing)  # goes on where it ended
        assert 8 <= more[0].added <= 11 and more[0].same == 0
        again = import_bybit(tmp_path, config, wanted(first, stop - 10 * FIVE), nothing)
        assert (again[0].added, again[0].same) == (0, 20)
        longer = import_bybit(tmp_path, config, wanted(stop - 24 * HOUR_MS, stop), nothing)
        assert [one.interval for one in longer] == ["5m", "funding"] and longer[1].rows == 3
        with pytest.raises(DataError, match="Bybit has no USDT perpetual of that name"):
            import_bybit(tmp_path, config, Wanted(symbol="NOUSDT", interval="5m", first=first, stop=stop), nothing)
    ts, _ = read_series(series_at(tmp_path, "bybit", "5m", "BTCUSDT"))
    assert (np.diff(ts) == FIVE).all() and ts[-1] + FIVE <= now()
    facts = load_instruments(tmp_path / "bybit" / "instruments.toml")
    assert [item.id for item in facts] == ["BTCUSDT.BYBIT"] and facts[0].funding_interval_ms == 8 * HOUR_MS


def test_a_venue_out_of_reach_keeps_what_came(tmp_path: Path) -> None:
    with pytest.raises(VenueUnavailable):
        import_bybit(tmp_path, BybitConfig(rest_url="http://127.0.0.1:9"), wanted(START, START + 10 * FIVE), nothing)


class Exchange:
    """What of ccxt is used, playing a walk of 5-minute bars."""

    class BaseError(Exception):
        pass

    exchanges = ("kraken",)

    def __init__(self, rows: int, fail_after: int = 10**9) -> None:
        ts, values = walk(rows, step=FIVE)
        self.rows = [[int(at), *bar] for at, bar in zip(ts, values.tolist(), strict=True)]
        self.calls, self.fail_after = 0, fail_after

    def kraken(self, _settings: dict[str, Any]) -> "Exchange":
        return self

    def milliseconds(self) -> int:
        return int(self.rows[-1][0]) + FIVE // 2  # the last bar is still open

    def fetch_ohlcv(self, symbol: str, interval: str, since: int, limit: int) -> list[list[float]]:
        assert (symbol, interval) == ("BTC/USD", "5m")
        self.calls += 1
        if self.calls > self.fail_after:
            raise self.BaseError("kraken\nis down")
        return [row for row in self.rows if row[0] >= since][:limit]


def test_any_exchange_by_ccxt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Exchange(2500)
    monkeypatch.setitem(sys.modules, "ccxt", exchange)
    ask = Wanted(symbol="BTC/USD", interval="5m", first=START, stop=START + 10**12)
    found = import_ccxt(tmp_path, "kraken", ask, nothing)
    assert (found[0].instrument, found[0].added) == ("BTCUSD.KRAKEN", 2499)
    ts, values = read_series(series_at(tmp_path, "kraken", "5m", "BTCUSD"))
    assert ts.size == 2499 and np.array_equal(values, walk(2500, step=FIVE)[1][:-1])


def test_an_exchange_that_fails_keeps_what_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ccxt", Exchange(2500, fail_after=2))
    ask = Wanted(symbol="BTC/USD", interval="5m", first=START, stop=START + 10**12)
    with pytest.raises(DataError) as caught:
        import_ccxt(tmp_path, "kraken", ask, nothing)
    assert str(caught.value) == "kraken:BTC/USD: BaseError: kraken is down"
    assert read_series(series_at(tmp_path, "kraken", "5m", "BTCUSD"))[0].size == 2000


def test_times_on_the_command_line() -> None:
    assert fetch.parse_time("--from", "2025-01-01") == START
    assert fetch.parse_time("--from", "2025-01-01T05:30+05:30") == START
