"""What a desk is worth, and what holding instead would have made, are the sums over its books."""

from pathlib import Path

import numpy as np
import pytest
from data_kit import save, walk
from research_kit import MONDAY, random_bars

from tradeterm.config import BookConfig, Config
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research import Costs, ExitPolicy, Result, backtest, panel_of
from tradeterm.research.books import find_desk
from tradeterm.research.desk_simulation import as_one
from tradeterm.research.metrics import benchmarks, buy_and_hold, cautions, equal_weight
from tradeterm.research.report.trades import trade_list
from tradeterm.research.simulate import InstrumentSignals, Simulation, simulate
from tradeterm.research.sizers import EquityFraction
from tradeterm.research.studies import Asked, find_study

COSTS = Costs(fee=0.001, slippage=0.002)


def idle(capital: float, *seeds: int) -> Simulation:
    market = [random_bars(seed, 900, step=0.02, name=f"S{seed}") for seed in seeds]
    quiet = [InstrumentSignals(np.empty(0, np.intp), np.empty(0, np.int8)) for _ in market]
    return simulate(market, quiet, ExitPolicy(), costs=COSTS, capital=capital, sizer=EquityFraction(1))


def path(close: list[float], size: float) -> Result:
    """A long from the second day on."""
    prices = np.array(close, dtype=np.float64)
    ts = MONDAY + DAY_MS * np.arange(len(prices))
    panel = panel_of(prices, prices, prices, prices, None, ts, interval="1d")
    signals = np.zeros(len(prices))
    signals[0] = 1
    return backtest(panel, signals, exits=ExitPolicy(), costs=Costs(fee=0.0, slippage=0.0), size=size, capital=1000.0)


def test_each_book_holds_on_its_own_capital() -> None:
    parts = idle(90_000.0, 1), idle(10_000.0, 2, 3)
    whole = Result(as_one(("a", "b"), parts), 365.0)
    for holding in (buy_and_hold, equal_weight):
        mine = [holding(Result(part, 365.0)).value for part in parts]
        assert holding(whole).value == pytest.approx(mine[0] + mine[1], rel=1e-12)
    assert [one.value.tolist() for one in benchmarks(whole)] == [
        buy_and_hold(whole).value.tolist(), equal_weight(whole).value.tolist()
    ]  # fmt: skip


def test_a_lost_book_leaves_no_debt_to_the_others() -> None:
    lost, other = path([100, 100, 100, 20, 20], 2.0), path([100, 100, 100, 110, 110], 1.0)
    whole = Result(as_one(("lost", "other"), (lost.simulation, other.simulation)), 365.0)
    assert lost.trades.pnl.sum() < -1000 and lost.equity.value[-1] == 0
    assert whole.equity.value == pytest.approx(lost.equity.value + other.equity.value)
    assert whole.equity.value[-1] == pytest.approx(1100)


def test_listed_trades_say_whose_they_are() -> None:
    one, other = path([100, 100, 90], 1.0), path([100, 100, 110, 120], 1.0)
    whole = Result(as_one(("first", "second"), (one.simulation, other.simulation)), 365.0)
    _, table = trade_list(whole, "USDT")
    assert table.columns[:3] == ("#", "Book", "Symbol")
    assert [row[:2] for row in table.rows] == [("1", "first"), ("2", "second")]
    assert "Book" not in trade_list(one, "USDT")[1].columns


def test_a_loss_beyond_the_capital_is_said_and_which_figure_counts() -> None:
    lost, other = path([100, 100, 100, 20, 20], 2.0), path([100, 100, 100, 110, 110], 1.0)
    whole = Result(as_one(("lost", "other"), (lost.simulation, other.simulation)), 365.0)
    said = (
        "Trades lost 600.00 more than the capital they were made with: what counts is the equity, which ends at 0"
        " there; the net of the trades tells the whole loss."
    )
    assert cautions(lost)[1] == cautions(whole)[0] == said
    assert not any("more than the capital" in caution for caution in cautions(other))


def test_the_same_data_has_one_hash_however_the_books_share_it(tmp_path: Path) -> None:
    for number, name in enumerate("ABC"):
        save(tmp_path / "v" / "1h" / f"{name}.parquet", *walk(30 + number, start=MONDAY, step=HOUR_MS))

    def hash_with(*shares: str) -> str:
        books = {
            f"book{at}": BookConfig(
                strategy="eos", venue="paper", instruments=tuple(share), interval="1h", capital=1000.0
            )
            for at, share in enumerate(shares)
        }
        return find_desk(list(books), Config(books=books), tmp_path, Asked()).data_hash

    alone = find_study("eos", None, tmp_path, Asked(symbols=("C", "A", "B"), interval="1h")).data_hash
    assert {hash_with(*shares) for shares in (("A", "BC"), ("CB", "A"), ("ABC", "C"), ("C", "B", "A"))} == {alone}
    assert hash_with("A", "B") != alone
