"""What is given to the public function is taken for what it plainly is, or refused with one sentence."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas
import pytest

from tradeterm.domain.instrument import Calendar
from tradeterm.research import (
    Anchor,
    Costs,
    EntryBar,
    EquityFraction,
    ExitPolicy,
    FixedQuantity,
    Liquidity,
    MaxExposure,
    MaxPositions,
    backtest,
    panel_of,
)
from tradeterm.strategies.panel import Panel

FLAT = np.full(4, 100.0)
SIGNALS = np.array([1, 0, 0, 0])
KNOWN = Liquidity(np.array([0]), np.array([1e6]), np.array([0.02]))
NUMBERS = (np.float32(0.5), np.float64(0.5), Decimal("0.5"))


def panel(**changes: Any) -> Panel:
    prices = dict.fromkeys(("open", "high", "low", "close"), FLAT)
    return panel_of(**{**prices, "interval": "1h", **changes})


def tried(**changes: Any) -> Any:
    return backtest(**{"panel": panel(), "signals": SIGNALS, "exits": ExitPolicy(), **changes})


@pytest.mark.parametrize("half", NUMBERS, ids=lambda half: type(half).__name__)
def test_numbers_of_every_kind(half: Any) -> None:
    wanted = tried(size=0.5).trades.quantity.tolist()
    assert tried(size=half).trades.quantity.tolist() == wanted == [500.0]
    assert tried(size=EquityFraction(half)).trades.quantity.tolist() == wanted
    assert tried(size=FixedQuantity(half)).trades.quantity.tolist() == [0.5]
    assert ExitPolicy(stop=half, trail=half, time_limit_hours=half).stop == 0.5
    assert type(Costs(fee=half).fee) is float
    assert tried(size=np.int64(1), capital=np.int64(100), funding_hours=np.int64(8)).trades.quantity.tolist() == [1.0]


def test_words_for_a_closed_choice() -> None:
    assert ExitPolicy(anchor="signal").anchor is Anchor.SIGNAL  # type: ignore[arg-type]
    assert ExitPolicy(entry_bar="close").entry_bar is EntryBar.CLOSE  # type: ignore[arg-type]
    assert tried(calendar="NSE").simulation.market[0].calendar is Calendar.NSE
    assert tried(calendar=Calendar.NSE).simulation.market[0].calendar is Calendar.NSE


def test_a_limit_alone() -> None:
    assert tried(limits=MaxPositions(1)).trades.quantity.tolist() == tried(limits=(MaxPositions(1),)).trades.quantity


@pytest.mark.parametrize("zone", ("UTC", "Asia/Kolkata", "America/New_York"))
def test_times_with_a_zone_are_utc(zone: str) -> None:
    times = pandas.date_range("2025-03-30", periods=4, freq="h", tz="UTC")
    wanted = (times.asi8 // 1_000_000 if times.unit == "ns" else times.as_unit("ms").asi8).tolist()
    for given in (times.tz_convert(zone), pandas.Series(times.tz_convert(zone)), times.tz_localize(None)):
        assert panel(ts=given).ts_open.tolist() == wanted
    assert panel(ts=list(times.tz_convert(zone).to_pydatetime())).ts_open.tolist() == wanted


def test_one_name_alone() -> None:
    assert panel(instruments="BTCUSDT").instruments == ("BTCUSDT",)


def test_what_is_masked_is_missing() -> None:
    masked = np.ma.array(FLAT, mask=[False, True, False, False])
    found = panel(open=masked, high=masked, low=masked, close=masked)
    assert np.isnan(found.close[:, 0]).tolist() == [False, True, False, False]
    with pytest.raises(ValueError, match="X: row 1 has a bar with some prices missing"):
        panel(open=masked)


@pytest.mark.parametrize(
    ("wrong", "text"),
    (
        (lambda: tried(calendar="xx"), "calendar: found 'xx', allowed ALWAYS or NSE"),
        (lambda: tried(panel=pandas.DataFrame({"open": FLAT})), "panel: found <class 'pandas.DataFrame'>, allowed"),
        (lambda: tried(panel=None), "panel: found <class 'NoneType'>, allowed what panel_of makes"),
        (lambda: tried(exits={}), "exits: found {}, allowed an ExitPolicy, or the exits of a book"),
        (lambda: tried(costs={}), "costs: found {}, allowed Costs"),
        (lambda: tried(capital="100"), "capital: found '100', allowed a number"),
        (lambda: tried(capital=None), "capital: found None, allowed a number"),
        (lambda: tried(funding_hours="8"), "funding_hours: found '8', allowed a number"),
        (lambda: tried(size=True), "size: found True, allowed a number"),
        (lambda: tried(size="0.1"), "size: found '0.1', allowed a number"),
        (lambda: tried(limits=3), "limits: found 3, allowed limits, such as MaxPositions(5)"),
        (lambda: tried(limits=(3,)), "limits: found 3, allowed limits, such as MaxPositions(5)"),
        (lambda: tried(liquidity={"X": 1}), "liquidity: X: found 1, allowed a Liquidity"),
        (lambda: tried(liquidity=[1]), "liquidity: found [1], allowed a Liquidity by instrument"),
        (lambda: tried(liquidity={"X": KNOWN._replace(adv=np.zeros(2))}), "liquidity: X: found shapes (1,), (2,)"),
        (lambda: tried(costs=Costs(impact=1.0)), "liquidity: found none of X, needed where costs have an impact"),
        (lambda: tried(costs=Costs(impact=1.0), liquidity={"Y": KNOWN}), "liquidity: found none of X, needed"),
        (lambda: tried(costs=Costs(impacts={"Y": 1.0}), liquidity={"X": KNOWN}), 'costs.impacts: found "Y", which'),
        (lambda: tried(size=lambda wanted: None), "size of X: found None, allowed a number"),
        (lambda: tried(size=lambda wanted: "1"), "size of X: found '1', allowed a number"),
        (lambda: tried(size=lambda: 1.0), "size: found <function"),
        (lambda: tried(seed="x"), "seed: found 'x', allowed a whole number of 0 or more"),
        (lambda: tried(seed=-1), "seed: found -1, allowed a whole number of 0 or more"),
        (lambda: tried(seed=None), "seed: found None, allowed a whole number of 0 or more"),
        (lambda: tried(signals=lambda row, prices, side: 0), "signals: found <function"),
        (lambda: tried(signals=lambda name: lambda row: 0), "signals('X'): found <function"),
        (lambda: tried(signals=lambda _: lambda row, prices, side: np.zeros(2)), "X: the function answered array("),
        (lambda: tried(signals=lambda name: lambda row, prices, side: "1"), "X: the function answered '1' at row 0"),
        (lambda: Costs(fee=None), "fee: found None, allowed a number"),  # type: ignore[arg-type]
        (lambda: Costs(slippage="x"), "slippage: found 'x', allowed a number"),  # type: ignore[arg-type]
        (lambda: ExitPolicy(stop="0.02"), "stop: found '0.02', allowed a number"),  # type: ignore[arg-type]
        (lambda: ExitPolicy(stop=True), "stop: found True, allowed a number"),
        (lambda: ExitPolicy(anchor="sgnal"), "anchor: found 'sgnal', allowed fill or signal"),  # type: ignore[arg-type]
        (lambda: ExitPolicy(entry_bar=1), "entry_bar: found 1, allowed whole or close"),  # type: ignore[arg-type]
        (lambda: ExitPolicy(session_end="no"), "session_end: found 'no', allowed True or False"),  # type: ignore[arg-type]
        (lambda: ExitPolicy(trail_after=0.01), "trail_after: found 0.01 without trail, allowed with it alone"),
        (lambda: ExitPolicy(trail=0.01, trail_after=None), "trail_after: found None"),  # type: ignore[arg-type]
        (lambda: MaxPositions(0.5), "most: found 0.5, allowed a whole number of 1 or more"),  # type: ignore[arg-type]
        (lambda: MaxPositions(0), "most: found 0, allowed a whole number of 1 or more"),
        (lambda: MaxExposure("1"), "most: found '1', allowed a number"),  # type: ignore[arg-type]
        (lambda: FixedQuantity("1"), "quantity: found '1', allowed a number"),  # type: ignore[arg-type]
        (lambda: panel(open=["a"] * 4), "open: found <U1, allowed numbers"),
        (lambda: panel(open=[[1, 2], [3]]), "open: found values that are no numbers"),
        (lambda: panel(volume={"a": 1}), "volume: found values that are no numbers"),
        (lambda: panel(volume=FLAT + 1j), "volume: found complex128, allowed numbers"),
        (lambda: panel(open=np.array(["2020"] * 4)), "open: found <U4, allowed numbers"),
        (lambda: panel(interval=3.7), "interval: found 3.7, allowed 1m, 3m"),
        (lambda: panel(interval=None), "interval: found None, allowed 1m, 3m"),
        (lambda: panel(interval=True), "interval: found True, allowed 1m, 3m"),
        (lambda: panel(instruments=(None,)), "instruments: found None, allowed names"),
        (lambda: panel(instruments=("",)), "instruments: found '', allowed names"),
        (lambda: panel(instruments=3), "instruments: found 3, allowed names"),
        (lambda: panel(ts=["2020-01-01"] * 4), "ts: found <U10, allowed whole UTC milliseconds or"),
        (lambda: panel(ts=[[1], [2, 3]]), "ts: found values that are no times"),
        (lambda: panel(ts=np.arange(4, dtype=np.uint64) + np.uint64(2**63)), "ts: found 92233720368547758"),
    ),
)  # fmt: skip
def test_mistakes_are_a_value_error_of_one_sentence(wrong: Callable[[], object], text: str) -> None:
    with pytest.raises(ValueError) as caught:
        wrong()
    assert str(caught.value).startswith(text)
    assert "\n" not in str(caught.value)
