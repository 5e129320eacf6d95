"""Orders that arrive late, and impact by symbol."""

import json
from typing import Any

import msgspec
import numpy as np
import pytest
from study_kit import demo_study

from tradeterm.cli import main
from tradeterm.config import SizingConfig, SizingMethod
from tradeterm.profile import Profile
from tradeterm.research import Costs, Liquidity
from tradeterm.research.exits import Moment
from tradeterm.research.honesty.capacity import capacity
from tradeterm.research.report.assumptions import assumptions
from tradeterm.research.study import Study, run
from tradeterm.resources import demo_config

LATE = Costs(least_latency_ms=100, most_latency_ms=500)


@pytest.fixture(scope="module")
def study() -> Study:
    return demo_study(("BTCUSDT", "SUIUSDT"), sizing=SizingConfig(method=SizingMethod.FIXED))


def late(study: Study, costs: Costs, seed: int = 0) -> Study:
    return msgspec.structs.replace(study, costs=costs, seed=seed)


def test_without_latency_nothing_changes(study: Study) -> None:
    plain, none = run(study), run(late(study, Costs(least_latency_ms=0, most_latency_ms=0), seed=9))
    assert list(plain.trades) == list(none.trades)


def test_late_fills_are_never_better_and_lie_inside_their_bar(study: Study) -> None:
    found = run(late(study, LATE))
    market = found.simulation.market
    assert len(found.trades) >= 5
    worse = 0
    for trade in found.trades:
        bars = market[[one.instrument for one in market].index(trade.instrument)]
        opened = float(bars.open[trade.entry_row])
        worst = float(bars.high[trade.entry_row] if trade.side > 0 else bars.low[trade.entry_row])
        got = trade.entry_price * trade.side
        slipped = 1 + trade.side * (LATE.slippage + 1e-4)  # and a tick
        assert opened * trade.side <= got <= worst * slipped * trade.side
        worse += got > opened * (1 + trade.side * (LATE.slippage + 1e-6)) * trade.side
    assert worse


def test_the_latency_is_the_seed_s(study: Study) -> None:
    one, again, other = (run(late(study, LATE, seed)).trades.entry_price.tolist() for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_stops_and_targets_are_not_late(study: Study) -> None:
    found, plain = run(late(study, LATE)).trades, run(study).trades
    inside = {(t.instrument, t.entry_ts): t.exit_price for t, m in zip(plain, plain.moment, strict=True)
              if m == Moment.INSIDE and t.reason == "STOP"}  # fmt: skip
    both = [(t.exit_price, inside[t.instrument, t.entry_ts]) for t in found if (t.instrument, t.entry_ts) in inside]
    assert both
    assert all(mine == theirs for mine, theirs in both)


@pytest.mark.parametrize("least", (500, -1))
def test_a_latency_that_is_none_is_refused(least: float) -> None:
    with pytest.raises(ValueError, match="the least first"):
        Costs(least_latency_ms=least, most_latency_ms=100)


def test_a_symbol_has_its_own_coefficient() -> None:
    known = Liquidity(np.array([0]), np.array([10_000.0]), np.array([0.04]))
    costs = Costs(slippage=0.0, impact=0.5, impacts={"BTCUSDT": 2.0})
    slips = [costs.slip(100.0, 1, known, name) for name in ("BTCUSDT.BINANCE", "SUIUSDT.BINANCE")]
    assert slips == pytest.approx([2.0 * 0.04 * 0.1, 0.5 * 0.04 * 0.1])
    alone = Costs(slippage=0.0, impacts={"BTCUSDT": 2.0})
    assert alone.slip(100.0, 1, known, "SUIUSDT.BINANCE") == 0.0, "a table switches nothing on for the others"
    assert alone.slip(100.0, 1, None, "SUIUSDT.BINANCE") == 0.0
    with pytest.raises(ValueError, match=r"impacts\.BTC: found -1"):
        Costs(impacts={"BTC": -1.0})


@pytest.mark.parametrize("wrong", (None, [1], {1: 1.0}, {"": 1.0}), ids=str)
def test_coefficients_are_by_symbol(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"impacts: found .*, allowed coefficients by symbol"):
        Costs(impacts=wrong)


def test_a_coefficient_of_a_symbol_that_is_not_traded_is_refused() -> None:
    names = ("BTCUSDT.BINANCE", "SUIUSDT.BINANCE")
    Costs(impacts={"BTCUSDT": 1.0, "SUIUSDT.BINANCE": 2.0}).check_symbols(names)
    for name, hint in (("btcusdt", "did you mean BTCUSDT?"), ("NOSUCH", "allowed BTCUSDT or SUIUSDT")):
        with pytest.raises(ValueError, match="which is not traded; ") as caught:
            Costs(impacts={name: 1.0}).check_symbols(names)
        assert str(caught.value).endswith(hint)
    assert main(["backtest", "eos", "--demo", "--set", "costs.impacts.NOSUCH=1"]) == 2
    assert main(["backtest", "eos", "--demo", "--set", "costs.impacts.=1"]) == 2


def test_a_coefficient_of_the_configuration_is_for_whoever_trades_the_symbol(
    profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    research = "[research.impacts]\nNOSUCH = 0.5\n"
    profile.config_file.write_text(demo_config().read_text(encoding="utf-8") + research, encoding="utf-8")
    assert main(["backtest", "eos", "--symbols", "SUIUSDT", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["costs"]["impacts"] == {"NOSUCH": 0.5}
    assert main(["backtest", "eos", "--symbols", "SUIUSDT", "--set", "costs.impacts.NEITHER=1"]) == 2
    assert "found NEITHER, which is not traded" in capsys.readouterr().err.replace('"', "")


def test_a_coefficient_that_nobody_has_a_use_for_is_told(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    plain = json.loads(answered(capsys, "backtest", "eos", "--json"))
    impacts = "[research]\nimpacts = { NOPE = 1.0, BTCUDST = 1.0, SUIUSDT = 0.0 }\n"
    profile.config_file.write_text(demo_config().read_text(encoding="utf-8") + impacts, encoding="utf-8")
    answer = json.loads(answered(capsys, "backtest", "eos", "--symbols", "SUIUSDT", "--json"))
    told = [note for note in answer["notes"] if "impact" in note]
    assert told == ["research.impacts: no book trades NOPE, BTCUDST, and this data has none"]
    whole = json.loads(answered(capsys, "backtest", "eos", "--json"))
    assert (whole["trades"], whole["ignored"]) == (plain["trades"], plain["ignored"]), "it costs and refuses nothing"


def test_an_impact_of_nothing_costs_and_refuses_nothing(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    plain = json.loads(answered(capsys, "backtest", "eos", "--json"))
    for setting in ("costs.impact=0", "costs.impacts.SUIUSDT=0"):
        free = json.loads(answered(capsys, "backtest", "eos", "--set", setting, "--json"))
        assert len(free["trades"]) > 0
        assert (free["trades"], free["ignored"]) == (plain["trades"], plain["ignored"])
        assert not [note for note in free["notes"] if "impact" in note]
    others = json.loads(answered(capsys, "backtest", "eos", "--set", "costs.impacts.SUIUSDT=1", "--json"))
    assert others["ignored"]["VOLUME_UNKNOWN"] > 0, "a week is too short"
    assert {trade["instrument"] for trade in others["trades"]} == {trade["instrument"] for trade in plain["trades"]} - {
        "SUIUSDT.BINANCE"
    }


def answered(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def test_assumptions_and_capacity_name_them(study: Study) -> None:
    known = Liquidity(np.array([0]), np.array([1e6]), np.array([0.04]))
    own = msgspec.structs.replace(
        late(study, Costs(impacts={"BTCUSDT": 0.7})), liquidity=dict.fromkeys(study.panel.instruments, known)
    )
    told = " ".join(
        assumptions(msgspec.structs.replace(own, costs=msgspec.structs.replace(own.costs, most_latency_ms=300)))
    )
    assert "BTCUSDT.BINANCE 0.7, none for the others;" in told
    assert "0 to 300 ms after the next open" in told
    found = capacity(own, (1.0, 10.0))
    assert found.coefficients == {"BTCUSDT.BINANCE": 0.7, "SUIUSDT.BINANCE": 1.0}
    assert found.free.total_return > found.points[0].summary.total_return > found.points[1].summary.total_return


def test_entries_that_fill_in_part_are_counted(study: Study) -> None:
    assert run(study).partly_filled == 0
    found = run(late(study, Costs(participation=0.0005)))
    whole = {(each.ts, each.instrument): each.quantity for each in found.simulation.decided if not each.why}
    market = found.simulation.market
    numbers = [bars.instrument for bars in market]
    cut = 0
    for trade in found.trades:
        number = numbers.index(trade.instrument)
        bars = market[number]
        assert trade.quantity <= 0.0005 * float(bars.volume[trade.entry_row]) * (1 + 1e-9)
        cut += trade.quantity < whole[bars.closed(trade.signal_row), number]
    assert found.partly_filled == cut > 0
