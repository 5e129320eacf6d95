"""Funding as it was settled: at the times and rates of the recorded file, and never outside it."""

from pathlib import Path

import numpy as np
import pytest
from data_kit import START, save, walk

from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research import Costs, panel_of
from tradeterm.research.backtesting import backtest, settlements_of
from tradeterm.research.data.panels import load
from tradeterm.research.fills import ExitPolicy
from tradeterm.research.report.assumptions import assumptions
from tradeterm.research.studies import Asked, find_study
from tradeterm.research.study import run

CALM = ("exits.stop=0.5", "exits.target=0.9", "exits.trail=0.5", "exits.time_limit_hours=72", "exits.session_end=false")


def settled(root: Path, name: str, hours: list[float], rate: float = 0.001) -> None:
    times = np.array([START + int(hour * HOUR_MS) for hour in hours])
    save(root / "okx" / "funding" / f"{name}.parquet", times, np.full((len(hours), 1), rate))


def bars(root: Path, name: str, rows: int = 96, interval: str = "1h", step: int = HOUR_MS) -> None:
    save(root / "okx" / interval / f"{name}.parquet", *walk(rows, step=step))


def test_settlements_are_kept_with_the_columns(tmp_path: Path) -> None:
    bars(tmp_path, "X")
    bars(tmp_path, "Y")
    settled(tmp_path, "X", [4, 8.5, 12])
    for cache in (True, True, False):
        (one, other) = load(tmp_path, ["X", "Y"], "1h", cache=cache).settlements
        assert one is not None and other is None
        assert ((one.ts - START) / HOUR_MS).tolist() == [4, 8.5, 12] and one.rate.tolist() == [0.001] * 3


def test_a_study_settles_at_the_files_own_times_each_instrument_for_itself(tmp_path: Path) -> None:
    for name in "XYZ":
        bars(tmp_path, name)
    settled(tmp_path, "X", list(range(0, 97, 8)))
    settled(tmp_path, "Y", list(range(0, 97, 4)))
    study = find_study("eos", None, tmp_path, Asked(interval="1h")).study
    assert study.funding is not None
    assert {name: len(found.ts) for name, found in study.funding.items()} == {"X.OKX": 13, "Y.OKX": 25}
    market = run(study).simulation.market
    assert [0 if each.funding is None else len(each.funding.ts) for each in market] == [13, 25, 0]


def test_nothing_is_paid_outside_the_file_and_that_is_said(tmp_path: Path) -> None:
    bars(tmp_path, "X")
    bars(tmp_path, "Y")
    settled(tmp_path, "X", [0, 8, 16, 24])
    settled(tmp_path, "Y", list(range(0, 97, 8)))
    found = find_study("eos", None, tmp_path, Asked(interval="1h"))
    said = [note for note in found.notes if "funding" in note]
    assert said == [
        "funding of X.OKX is known from 2025-01-01 00:00 to 2025-01-02 00:00 UTC alone; before and after, none is paid"
    ]
    (bars_x, _) = run(found.study).simulation.market
    assert bars_x.funding is not None and int(bars_x.funding.ts[-1]) == START + 24 * HOUR_MS
    inside = Asked(interval="1h", end=START + 25 * HOUR_MS)
    assert not [note for note in find_study("eos", None, tmp_path, inside).notes if "funding" in note]


def test_a_file_of_another_time_pays_nothing(tmp_path: Path) -> None:
    bars(tmp_path, "X")
    settled(tmp_path, "X", [-400, -392])
    found = find_study("eos", None, tmp_path, Asked(interval="1h"))
    assert [note for note in found.notes if note.startswith("funding of X.OKX is known from 2024-12-15")]
    assert run(found.study).metrics.funding == 0.0


def test_the_report_says_how_funding_is_settled(tmp_path: Path) -> None:
    bars(tmp_path, "X")
    bars(tmp_path, "Y")
    settled(tmp_path, "X", [0, 8])
    lines = " ".join(assumptions(find_study("eos", None, tmp_path, Asked(interval="1h")).study))
    assert "Funding is settled at the recorded times and rates; none is known of Y.OKX, so none is paid there." in lines


def test_a_panel_of_days_pays_every_settlement_of_the_day() -> None:
    panel = panel_of(*(np.full(6, 100.0) for _ in range(4)), interval="1d", funding=np.full(6, 0.001))
    found = backtest(
        panel, np.array([1, 0, 0, 0, 0, 0]), exits=ExitPolicy(time_limit_hours=48), costs=Costs(fee=0, slippage=0),
        capital=1000.0, size=1.0,
    )  # fmt: skip
    assert found.trades.funding.tolist() == pytest.approx([6.0])  # held from 00:00 to 00:00 two days on


def test_a_rate_of_a_panel_serves_no_longer_than_an_interval_without_rows() -> None:
    ts = START + HOUR_MS * np.array([0, 1, 2, 3, 40, 41])
    panel = panel_of(*(np.full(6, 100.0) for _ in range(4)), ts=ts, interval="1h", funding=np.full(6, 0.001))
    (found,) = settlements_of(panel, 8.0)
    assert found is not None
    assert ((found.ts - START) / HOUR_MS).tolist() == [8]
    days = panel_of(*(np.full(3, 100.0) for _ in range(4)), ts=START + DAY_MS * np.arange(3), interval="1d",
                    funding=np.array([np.nan, 0.001, np.nan]))  # fmt: skip
    (known,) = settlements_of(days, 8.0)
    assert known is not None and ((known.ts - START) / HOUR_MS).tolist() == [48, 56, 64]
