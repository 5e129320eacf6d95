"""Volume of the last hour: what is known of it, and never more."""

import pytest
from desk_kit import BTC, FIVE, T0, Rig, d
from slicing_kit import MINUTE, SlicingRig, sliced

from tradeterm.config import ExecutionConfig
from tradeterm.desk.participation import recent_volume, remember, room, traded
from tradeterm.desk.state import Mark
from tradeterm.domain.market import HOUR_MS


def seen(count: int, interval: int = FIVE, volume: float = 10.0, until: int = T0) -> Mark:
    mark = Mark(100.0, until)
    for number in range(count - 1, -1, -1):
        remember(mark, interval, until - number * interval, volume)
    return mark


def test_an_hour_of_bars_is_kept() -> None:
    assert len(seen(500).volumes[FIVE]) == 12
    assert len(seen(500, MINUTE).volumes[MINUTE]) == 60
    assert len(seen(9, 4 * HOUR_MS).volumes[4 * HOUR_MS]) == 1


@pytest.mark.parametrize(
    ("count", "interval", "hour", "minute"),
    [
        (12, FIVE, 120, 2),
        (3, FIVE, 30, 2),
        (500, MINUTE, 600, 10),
        (5, HOUR_MS, 10, "0.16"),
        (2, 4 * HOUR_MS, 2, "0.04"),
    ],
)
def test_the_hour_counts_what_was_seen(count: int, interval: int, hour: int, minute: object) -> None:
    volume = recent_volume(seen(count, interval), interval, T0)
    assert volume is not None
    assert round(volume.hour, 1) == hour or interval > HOUR_MS
    assert round(volume.within(MINUTE), 2) == pytest.approx(d(minute), abs=d("0.011"))


def test_what_is_old_bad_or_missing_is_not_known() -> None:
    assert recent_volume(None, FIVE, T0) is None
    assert recent_volume(seen(12), MINUTE, T0) is None
    assert recent_volume(seen(12), FIVE, T0 + 2 * FIVE) is not None
    assert recent_volume(seen(12), FIVE, T0 + 2 * FIVE + 1) is None
    for bad in (float("nan"), float("inf"), -1.0):
        mark = seen(11)
        remember(mark, FIVE, T0 + FIVE, bad)
        assert recent_volume(mark, FIVE, T0 + FIVE) is None


def test_room_is_the_smaller_of_both_caps_and_what_was_traded_counts() -> None:
    rig = SlicingRig(sliced(), paper=True)
    execution, state = ExecutionConfig(), rig.desk.state
    assert room(state, execution, BTC, FIVE, rig.ts, FIVE) == d(50)
    assert room(state, execution, BTC, FIVE, rig.ts, HOUR_MS) == d(600)
    rig.enter()
    assert traded(state, BTC, rig.ts) == rig.sent[0], "on its way counts in full, what is held back not at all"
    rig.go(1800)
    assert traded(state, BTC, rig.ts) == d(100)
    tight = ExecutionConfig(participation_per_hour=0.01)
    assert room(state, tight, BTC, FIVE, rig.ts, FIVE) == d(120) - d(100)
    assert traded(state, BTC, rig.ts + 2 * HOUR_MS) == 0


def test_without_bars_there_is_no_room() -> None:
    assert room(Rig().desk.state, ExecutionConfig(), BTC, FIVE, T0, FIVE) is None
