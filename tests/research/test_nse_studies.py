"""Studies on shares of NSE: their charges, and what cannot be traded there."""

from pathlib import Path

import pytest
from data_kit import save, walk

from tradeterm.config import BookConfig, Config, PaperConfig
from tradeterm.domain.errors import DataError
from tradeterm.domain.market import DAY_MS
from tradeterm.research.nse import DELIVERY_FEE, INTRADAY_FEE, is_index
from tradeterm.research.studies import Asked, find_study

NSE_OPEN = 1_736_135_100_000  # Monday 2025-01-06 09:15 India time
NIGHT = ("exits.session_end=false",)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("ITC", "NIFTY50_INDEX"):
        save(tmp_path / "nse" / "1d" / f"{name}.parquet", *walk(5, start=NSE_OPEN, step=DAY_MS))
        save(tmp_path / "nse" / "5m" / f"{name}.parquet", *walk(75, start=NSE_OPEN, step=300_000))
    save(tmp_path / "okx" / "1d" / "BTC.parquet", *walk(5, step=DAY_MS))
    return tmp_path


def notes(root: Path, *settings: str, symbol: str = "ITC", interval: str = "1d") -> str:
    asked = Asked(symbols=(symbol,), interval=interval, settings=settings)
    return "\n".join(find_study("eos", None, root, asked).notes)


@pytest.mark.parametrize("name", ["NIFTY50_INDEX", "NIFTY", "NIFTY_50", "NIFTY50", "BANKNIFTY", "BANK-NIFTY", "SENSEX"])
def test_indices_are_known_by_name(name: str) -> None:
    assert is_index(name)


@pytest.mark.parametrize("name", ["NIFTYBEES", "BANKBARODA", "RELIANCE", "BANKNIFTY1", "NIFTY25JANFUT"])
def test_what_can_be_traded_is_no_index(name: str) -> None:
    assert not is_index(name)


def test_an_index_is_not_traded(root: Path) -> None:
    found = find_study("eos", None, root / "nse", Asked(interval="1d", settings=NIGHT))
    assert found.symbols == ("ITC.NSE",) and found.study.panel.instruments == ("ITC.NSE",)
    assert "left out NIFTY50_INDEX.NSE: an index cannot be traded" in found.notes
    with pytest.raises(DataError, match=r"NIFTY50_INDEX\.NSE: an index cannot be traded"):
        notes(root, *NIGHT, symbol="NIFTY50_INDEX")


def test_shares_are_charged_as_shares(root: Path) -> None:
    daily = Asked(symbols=("ITC",), interval="1d", settings=NIGHT)
    assert find_study("eos", None, root, daily).study.costs.fee == DELIVERY_FEE
    assert "costs.fee is 0.11 % a side" in notes(root, *NIGHT)
    intraday = find_study("eos", None, root, Asked(symbols=("ITC",), interval="5m"))
    assert intraday.study.costs.fee == INTRADAY_FEE
    assert "costs.fee" in notes(root, interval="5m")
    chosen = Asked(symbols=("ITC",), interval="5m", settings=("costs.fee=0.00055",))
    assert find_study("eos", None, root, chosen).study.costs.fee == 0.00055
    assert "costs.fee" not in notes(root, "costs.fee=0.001", interval="5m")


def test_a_configured_fee_and_a_books_own_stand(root: Path) -> None:
    asked = Asked(symbols=("ITC",), interval="5m")
    assert find_study("eos", Config(paper=PaperConfig(taker_fee=0.003)), root, asked).study.costs.fee == 0.003
    book = BookConfig(strategy="eos", venue="paper", instruments=("ITC.NSE",), capital=1e5, currency="INR")
    found = find_study("mine", Config(books={"mine": book}), root, Asked(interval="5m"))
    assert found.study.costs.fee == PaperConfig().taker_fee
    assert "costs.fee is 0.055 % a side, as [paper] taker_fee has it; intraday shares cost about 0.05 %" in found.notes


def test_what_daily_bars_cannot_show(root: Path) -> None:
    said = notes(root, *NIGHT)
    assert "exits.time_limit_hours is 8, so no trade lasts longer than 2 daily bars" in said
    assert "cannot be sold short over night" in said
    assert "time_limit_hours" not in notes(root, *NIGHT, "exits.time_limit_hours=100")
    assert "sold short" not in notes(root, interval="5m")
    crypto = notes(root, *NIGHT, symbol="BTC")
    assert "no trade lasts longer than 1 daily bar;" in crypto and "sold short" not in crypto
