"""What EOS does, on panels small enough to follow by hand: hourly bars, one instrument, sessions of 24 rows."""

import msgspec
import numpy as np
import pytest

from tradeterm.domain.market import HOUR_MS
from tradeterm.strategies.eos import Eos, EosParameters
from tradeterm.strategies.panel import Panel

DAY = 24
START = 1_743_811_200_000  # 2025-04-05 00:00 UTC


def flat(rows: int, price: float = 100.0) -> dict[str, np.ndarray]:
    fields = {name: np.full((rows, 1), price) for name in ("open", "high", "low", "close")}
    fields["volume"] = np.full((rows, 1), 10.0)
    fields["funding"] = np.full((rows, 1), np.nan)
    return fields


def panel(fields: dict[str, np.ndarray], start: int = START) -> Panel:
    rows = fields["open"].shape[0]
    return Panel(instruments=("X.V",), interval_ms=HOUR_MS, ts_open=start + HOUR_MS * np.arange(rows), **fields)


def bar(fields: dict[str, np.ndarray], row: int, o: float, h: float, low: float, c: float, v: float = 10.0) -> None:
    for name, value in zip(("open", "high", "low", "close", "volume"), (o, h, low, c, v), strict=True):
        fields[name][row] = value


def eos(**changes: float) -> Eos:
    return Eos(EosParameters(**{"volume_window": 4, "average_window": 4, **changes}), HOUR_MS)


DROP = DAY * 2 + 5


def dropped(v: float = 100.0, close: float = 95.0) -> dict[str, np.ndarray]:
    """Two calm days, then a fall of 5 % in the third day's sixth hour, on ten times the volume; it stays there."""
    fields = flat(DAY * 3)
    bar(fields, DROP, 100.0, 100.0, 94.9, close, v)
    for row in range(DROP + 1, DAY * 3):
        bar(fields, row, close, close, close, close)
    return fields


def entries(strategy: Eos, fields: dict[str, np.ndarray]) -> dict[int, int]:
    found = strategy.signals(panel(fields)).entries[:, 0]
    return {int(row): int(found[row]) for row in np.flatnonzero(found)}


def test_a_fall_on_volume_is_bought_once() -> None:
    assert entries(eos(), dropped()) == {DROP: 1}


def test_a_rise_on_volume_is_sold() -> None:
    fields = flat(DAY * 3)
    bar(fields, DROP, 100.0, 105.1, 100.0, 105.0, 100.0)
    for row in range(DROP + 1, DAY * 3):
        bar(fields, row, 105.0, 105.0, 105.0, 105.0)
    assert entries(eos(), fields) == {DROP: -1}


def test_a_move_below_the_threshold_is_left_alone() -> None:
    assert entries(eos(threshold=0.0501), dropped()) == {}
    assert entries(eos(threshold=0.05), dropped()) == {DROP: 1}


def test_without_volume_it_waits_until_the_move_stalls() -> None:
    assert entries(eos(), dropped(v=10.0)) == {DROP + 2: 1}
    assert entries(eos(stall_bars=3), dropped(v=10.0)) == {DROP + 3: 1}


def test_volume_confirms_for_the_last_three_bars() -> None:
    fields = dropped(v=10.0)
    bar(fields, DROP - 2, 100.0, 100.0, 100.0, 100.0, 100.0)
    assert entries(eos(), fields) == {DROP: 1}
    fields = dropped(v=10.0)
    bar(fields, DROP - 3, 100.0, 100.0, 100.0, 100.0, 100.0)
    assert entries(eos(), fields) == {DROP + 2: 1}


def test_a_close_back_in_the_far_quarter_of_the_bar_confirms() -> None:
    fields = dropped(v=10.0)
    bar(fields, DROP, 95.0, 95.2, 91.2, 94.2)  # three quarters of the range above the low
    assert entries(eos(), fields) == {DROP: 1}
    bar(fields, DROP, 95.0, 95.2, 91.2, 94.1)
    assert entries(eos(), fields) == {DROP + 2: 1}


def test_funding_confirms_on_the_crowds_side_only() -> None:
    for rate, first in ((-0.0003, DROP), (0.0003, DROP + 2), (-0.0002, DROP + 2)):
        fields = dropped(v=10.0)
        fields["funding"][:] = rate
        assert entries(eos(), fields) == {first: 1}, rate


def test_two_confirmations_can_be_asked_for() -> None:
    assert entries(eos(min_confirmations=2, stall_bars=2), dropped()) == {DROP + 2: 1}  # volume within 3 bars and stall
    assert entries(eos(min_confirmations=2, stall_bars=3), dropped()) == {}


def test_it_re_arms_inside_half_the_threshold_only() -> None:
    for back, expected in ((98.01, {DROP: 1, DROP + 4: 1}), (98.0, {DROP: 1}), (97.0, {DROP: 1})):
        fields = dropped()
        bar(fields, DROP + 2, back, back, back, back)
        bar(fields, DROP + 4, 95.0, 95.0, 94.0, 95.0, 100.0)
        bar(fields, DROP + 3, 97.9, 97.9, 97.9, 97.9)
        assert entries(eos(), fields) == expected, back


def test_a_new_session_measures_from_its_own_open() -> None:
    fields = dropped()
    more = flat(DAY, 95.0)
    fields = {name: np.concatenate([fields[name], more[name]]) for name in fields}
    bar(fields, DAY * 3 + 7, 95.0, 95.0, 91.0, 91.0, 100.0)
    for row in range(DAY * 3 + 8, DAY * 4):
        bar(fields, row, 91.0, 91.0, 91.0, 91.0)
    assert entries(eos(), fields) == {DROP: 1, DAY * 3 + 7: 1}


def test_the_session_may_open_at_another_hour() -> None:
    fields = flat(DAY * 3)
    bar(fields, DAY * 2 + 2, 100.0, 100.0, 95.0, 95.0, 100.0)
    for row in range(DAY * 2 + 3, DAY * 3):
        bar(fields, row, 95.0, 95.0, 95.0, 95.0)
    assert entries(eos(), fields) == {DAY * 2 + 2: 1}
    assert entries(eos(session_offset_hours=4), fields) == {DAY * 2 + 2: 1}  # still yesterday's session
    assert entries(eos(session_offset_hours=2), fields) == {DAY * 2 + 2: 1}  # the session's first bar falls
    assert eos(session_offset_hours=3).explain(panel(fields), DAY * 2 + 5, 0)["move"] == 0.0


def test_without_the_sessions_first_bar_there_is_no_move() -> None:
    fields = dropped()
    for name in ("open", "high", "low", "close", "volume"):
        fields[name][DAY * 2] = np.nan
    assert entries(eos(), fields) == {}
    assert eos().explain(panel(fields), DROP, 0)["move"] is None


def test_a_cross_of_the_average_ends_a_position_in_profit() -> None:
    fields = flat(DAY * 3)
    top, under = DAY * 2 + 3, DAY * 2 + 6
    for row in range(top, under):
        bar(fields, row, 102.0, 102.0, 102.0, 102.0)
    average, funding = eos().signals(panel(fields)).exits
    assert (average.reason, average.requires_profit) == ("AVERAGE_CROSS", True)
    assert np.flatnonzero(average.short[:, 0]).tolist() == [top]
    assert np.flatnonzero(average.long[:, 0]).tolist() == [under]
    assert (funding.reason, funding.requires_profit) == ("FUNDING_TURNED", False)
    assert not funding.long.any() and not funding.short.any()


def test_funding_that_turns_extreme_ends_the_side_that_pays() -> None:
    fields = flat(DAY * 4)
    fields["funding"][DAY * 2 :] = 0.0001
    fields["funding"][DAY * 3 : DAY * 3 + 8] = 0.0004
    fields["funding"][DAY * 3 + 8 :] = -0.0004
    rule = eos().signals(panel(fields)).exits[1]
    assert np.flatnonzero(rule.long[:, 0]).tolist() == [DAY * 3]
    assert np.flatnonzero(rule.short[:, 0]).tolist() == [DAY * 3 + 8]


def test_explain_names_the_numbers_behind_a_signal() -> None:
    fields = dropped()
    fields["funding"][:] = -0.0004
    found = eos().explain(panel(fields), DROP, 0)
    assert found["move"] == pytest.approx(-0.05)
    assert found["session_open"] == 100.0
    assert found["close"] == 95.0
    assert found["volume_ratio"] == pytest.approx(100 / ((10 + 10 + 10 + 100) / 4))
    assert found["close_in_range"] == pytest.approx(0.1 / 5.1)
    assert found["bars_since_extreme"] == 0.0
    assert (found["confirm_volume"], found["confirm_funding"], found["confirm_exhaustion"]) == (1.0, 1.0, 0.0)
    assert found["confirmations"] == 2.0
    assert found["funding_rate"] == -0.0004
    assert found["trend_1h"] == pytest.approx(-0.05)
    assert found["trend_4h"] == pytest.approx(-0.05)
    assert found["average"] == pytest.approx((300 + 95) / 4)


def test_explain_says_none_where_there_is_no_value() -> None:
    found = eos().explain(panel(flat(DAY * 3)), DROP, 0)
    assert found["funding_rate"] is None
    assert found["close_in_range"] is None  # a bar without a range
    assert eos().explain(panel(flat(DAY * 3)), 0, 0)["trend_1h"] is None


def test_bars_of_another_length_are_refused() -> None:
    with pytest.raises(ValueError, match="made for bars of 300000 ms"):
        Eos().signals(panel(flat(4)))
    with pytest.raises(ValueError, match="whole number"):
        Eos(interval_ms=7_000_000)


def test_the_warm_up_reaches_to_the_farthest_volume_that_counts() -> None:
    """The session's first bar signals because of a volume two bars earlier; its last bar must still know that."""
    strategy = eos(exhaustion_range=0.001, stall_bars=30)
    fields = flat(DAY * 3)
    bar(fields, DAY * 2 - 2, 100.0, 100.0, 100.0, 100.0, 21.0)
    fields["volume"][DAY * 2 - 5 : DAY * 2 - 2] = 7.0  # 21 is just twice its mean of four
    bar(fields, DAY * 2, 100.0, 100.0, 94.9, 95.0)
    for row in range(DAY * 2 + 1, DAY * 3):
        bar(fields, row, 95.0, 95.0, 95.0, 95.0)
    bar(fields, DAY * 3 - 1, 95.0, 95.0, 94.9, 95.0, 100.0)
    assert entries(strategy, fields) == {DAY * 2: 1}
    window = panel(fields).window(DAY * 3 - strategy.warmup, DAY * 3)
    assert not strategy.signals(window).entries.any()


def test_a_market_that_shuts_at_night_is_refused() -> None:
    whole = panel(flat(DAY * 3))
    shut = msgspec.structs.replace(whole, ts_open=whole.ts_open + DAY * HOUR_MS * (np.arange(DAY * 3) >= DAY))
    with pytest.raises(ValueError, match="open around the clock"):
        eos().signals(shut)
