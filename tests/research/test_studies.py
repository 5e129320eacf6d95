"""A study from names and a folder: contracts, costs and currency of what is traded."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from data_kit import save, walk
from msgspec.structs import replace

from tradeterm.config import Config, ResearchConfig
from tradeterm.config_file import load_config
from tradeterm.domain.errors import ConfigError, DataError
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS
from tradeterm.research.studies import Asked, find_study
from tradeterm.research.study import run

NSE_OPEN = 1_736_135_100_000  # Monday 2025-01-06 09:15 India time
MONDAY = 1_736_121_600_000


@pytest.fixture
def demo() -> Config:
    return load_config(None, "demo")


def test_a_book_keeps_what_it_is_and_takes_what_is_asked(demo: Config) -> None:
    found = find_study("crypto", demo, None, Asked(settings=("exits.stop=0.03",), capital=7000.0, seed=3))
    study = found.study
    assert study.book.instruments == demo.books["crypto"].instruments == study.panel.instruments
    assert (study.book.exits.stop, study.book.capital, study.seed) == (0.03, 7000.0, 3)
    assert (study.costs.fee, study.costs.participation) == (demo.paper.taker_fee, demo.paper.participation)
    assert study.instruments[0].tick_size == Decimal("0.1")
    assert study.funding_hours == 8.0
    assert (found.interval, found.symbols[0]) == ("5m", "BTCUSDT.CRYPTO")
    assert find_study("crypto", demo, None, Asked(capital=7000.0)).data_hash == found.data_hash


def test_costs_of_research_are_of_every_study_unless_it_asks_for_others(demo: Config) -> None:
    research = ResearchConfig(impact=0.8, impacts={"BTCUSDT": 0.5}, least_latency_ms=50.0, most_latency_ms=400.0)
    config = replace(demo, research=research)
    for name in ("crypto", "eos"):
        costs = find_study(name, config, None, Asked()).study.costs
        assert (costs.impact, costs.impacts, costs.latency) == (0.8, {"BTCUSDT": 0.5}, (50.0, 400.0))
    asked = ("costs.impact=null", "costs.impacts={}", "costs.least_latency_ms=0", "costs.most_latency_ms=0")
    plain = find_study("crypto", demo, None, Asked()).study.costs
    assert find_study("crypto", config, None, Asked(settings=asked)).study.costs == plain
    with pytest.raises(ConfigError, match="found 50 to 10, allowed 0 or more, the least first"):
        find_study("crypto", config, None, Asked(settings=("costs.most_latency_ms=10",)))


def test_one_coefficient_that_nobody_has_a_use_for_names_what_may_be_meant(demo: Config) -> None:
    config = replace(demo, research=ResearchConfig(impacts={"BTCUDST": 1.0, "SUIUSDT": 0.5}))
    notes = find_study("eos", config, None, Asked(symbols=("SUIUSDT",))).notes
    assert "research.impacts: no book trades BTCUDST, and this data has none; did you mean BTCUSDT?" in notes


def test_stocks_of_the_exchange_are_whole_and_in_its_money(tmp_path: Path) -> None:
    save(tmp_path / "nse" / "5m" / "TEST.parquet", *walk(75, start=NSE_OPEN, step=300_000))
    found = find_study("eos", None, tmp_path, Asked())
    (contract,) = found.study.instruments
    assert (contract.calendar, contract.lot_size, contract.tick_size) == (Calendar.NSE, Decimal(1), Decimal("0.05"))
    assert (found.study.calendar, found.study.book.currency) == (Calendar.NSE, "INR")
    assert "whole shares" in found.notes[0]
    assert len(run(found.study).trades) == 0


def test_many_without_contract_facts_are_not_all_named(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / "v" / "1h" / f"S{number}.parquet", *walk(30, start=MONDAY, step=3_600_000))
    note, _ = find_study("eos", None, tmp_path, Asked(interval="1h")).notes
    assert note.startswith("no contract facts of S0.V, S1.V, S2.V, S3.V and 2 more: prices")


def test_time_asked_for(demo: Config) -> None:
    whole = find_study("crypto", demo, None, Asked()).study
    start = int(whole.panel.ts_open[0]) + 4 * DAY_MS
    part = find_study("crypto", demo, None, Asked(start=start)).study
    assert part.since == start
    assert int(part.panel.ts[-1]) == int(whole.panel.ts[-1])
    with pytest.raises(ConfigError, match="allowed a time after --from"):
        find_study("crypto", demo, None, Asked(start=start, end=start))
    with pytest.raises(DataError, match="no bars in that time"):
        find_study("crypto", demo, None, Asked(end=0))


def test_data_of_another_venue_serves_where_there_is_no_other(demo: Config, tmp_path: Path) -> None:
    save(tmp_path / "mine" / "5m" / "BTCUSDT.parquet", *walk(400, start=MONDAY, step=300_000))
    found = find_study("crypto", demo, tmp_path, Asked(symbols=("BTCUSDT.BINANCE",)))
    assert found.study.panel.instruments == ("BTCUSDT.MINE",)
    with pytest.raises(DataError, match=r"ETHUSDT\.BINANCE, .*: there are no 5m bars"):
        find_study("crypto", demo, tmp_path, Asked())


def test_with_impact_a_study_knows_its_liquidity(tmp_path: Path) -> None:
    rows = 40 * 24
    ts, values = walk(rows, start=MONDAY, step=3_600_000)
    close = 100 + 8 * np.sin(np.arange(rows) / 5)  # it moves far enough within a day for signals
    opened = np.concatenate([[100.0], close[:-1]])
    values[:, :4] = np.column_stack([opened, np.maximum(opened, close), np.minimum(opened, close), close])
    values[:, 4] = 1e6
    save(tmp_path / "v" / "1h" / "X.parquet", ts, values)
    fixed = ("sizing.method=fixed",)
    plain = find_study("eos", None, tmp_path, Asked(interval="1h", settings=fixed)).study
    assert plain.liquidity is None
    study = find_study("eos", None, tmp_path, Asked(interval="1h", settings=("costs.impact=1", *fixed))).study
    assert study.liquidity is not None and list(study.liquidity) == ["X.V"]
    found, before = run(study), run(plain)
    assert found.ignored["VOLUME_UNKNOWN"] > 0 and len(found.trades) > 0
    known = int(study.liquidity["X.V"].ts[0])
    assert known == MONDAY + 20 * DAY_MS
    assert (found.trades.entry_ts >= known).all()
    assert found.metrics.slippage / len(found.trades) > before.metrics.slippage / len(before.trades)


def test_history_before_the_time_asked_for_makes_liquidity_known(tmp_path: Path) -> None:
    save(tmp_path / "v" / "1h" / "X.parquet", *walk(40 * 24, start=MONDAY, step=3_600_000))
    asked = Asked(interval="1h", settings=("costs.impact=1",), start=MONDAY + 30 * DAY_MS)
    study = find_study("eos", None, tmp_path, asked).study
    assert study.liquidity is not None and int(study.liquidity["X.V"].ts[0]) == MONDAY + 20 * DAY_MS


def test_what_the_data_is_too_short_for_is_said(tmp_path: Path) -> None:
    found = find_study("eos", None, None, Asked(settings=("costs.impact=1",)))
    assert "impact needs 20 full days of volume before a trade; this data has 7" in found.notes
    save(tmp_path / "v" / "1h" / "X.parquet", *walk(20, start=MONDAY, step=3_600_000))
    (needed,) = (note for note in find_study("eos", None, tmp_path, Asked(interval="1h")).notes if "history" in note)
    warmup = find_study("eos", None, tmp_path, Asked(interval="1h")).study.strategy.warmup
    assert needed == (
        f"the strategy needs {warmup} bars of history, the data has 20; `tradeterm data import FILE` brings more, "
        f"{warmup / 24:,.1f} days before the first entry"
    )


def test_a_short_history_names_the_bars_that_suffice(tmp_path: Path) -> None:
    slow = Asked(symbols=("BTCUSDT",), interval="1h", settings=("volume_window=150",))
    found = find_study("eos", None, None, slow)
    needed = found.study.strategy.warmup
    assert needed > found.study.panel.rows
    (said,) = (note for note in found.notes if "history" in note)
    enough = said.partition("--interval ")[2].partition(" ")[0]
    assert enough == "30m"
    brings = "`tradeterm data import bybit:BTCUSDT --interval 1h --from DATE` brings more"
    assert f"{brings}, {needed / 24:.1f} days before the first entry" in said
    taken = find_study("eos", None, None, replace(slow, interval=enough))
    assert taken.study.strategy.warmup <= taken.study.panel.rows
    assert not [note for note in taken.notes if "history" in note]
    save(tmp_path / "nse" / "5m" / "TEST.parquet", *walk(30, start=NSE_OPEN, step=300_000))
    (said,) = (note for note in find_study("eos", None, tmp_path, Asked()).notes if "of history" in note)
    assert said.endswith("`tradeterm data import FILE` brings more, enough of them before the first entry")


def test_what_is_not_in_the_data_says_where_it_comes_from(tmp_path: Path) -> None:
    def refused(*symbols: str, folder: Path | None = None) -> str:
        with pytest.raises(DataError) as caught:
            find_study("eos", None, folder, Asked(symbols=symbols, interval="1h"))
        return str(caught.value)

    assert refused("BTCUSDT.BINANCE", "SOLUSDT.BINANCE") == (
        "SOLUSDT.BINANCE: there are no 1h bars in the bundled recording, which has ADAUSDT, BNBUSDT, BTCUSDT, ETHUSDT, "
        "LINKUSDT, SUIUSDT; --symbols names what to trade of these, "
        "`tradeterm data import bybit:BTCUSDT bybit:SOLUSDT --interval 1h --from DATE` brings your own"
    )
    save(tmp_path / "bybit" / "1h" / "BTCUSDT.parquet", *walk(30, start=MONDAY, step=3_600_000))
    assert refused("BTCUSDT", "SOLUSDT", "XRPUSDT", folder=tmp_path) == (
        f"SOLUSDT, XRPUSDT: there are no 1h bars in {tmp_path}; `tradeterm data list` shows what there is, "
        "`tradeterm data import bybit:SOLUSDT bybit:XRPUSDT --interval 1h --from DATE` brings some"
    )
    many = tuple(f"S{number}USDT" for number in range(9))
    assert refused(*many, folder=tmp_path).startswith(f"{', '.join(many[:6])} and 3 more: there are no 1h bars in")
    assert refused("WIPRO.NSE", folder=tmp_path).endswith("`tradeterm data import FILE` brings some")
