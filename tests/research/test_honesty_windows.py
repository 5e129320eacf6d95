"""The windows of a walk-forward: exact ends, no overlap, nothing of the test in the training."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from research_kit import MONDAY

from tradeterm.domain.market import DAY_MS
from tradeterm.research.honesty.windows import Window, windows


def day(number: float) -> int:
    return MONDAY + int(number * DAY_MS)


def test_rolling() -> None:
    assert windows(day(0), day(10), 4, 2, 1) == (
        Window(day(0), day(4), day(5), day(7)),
        Window(day(2), day(6), day(7), day(9)),
    )


def test_anchored_training_grows() -> None:
    assert windows(day(0), day(10), 4, 2, 1, anchored=True) == (
        Window(day(0), day(4), day(5), day(7)),
        Window(day(0), day(6), day(7), day(9)),
    )


def test_a_test_that_ends_just_at_the_end_counts() -> None:
    assert windows(day(0), day(9), 4, 2, 1)[-1].test_end == day(9)
    assert len(windows(day(0), day(9) - 1, 4, 2, 1)) == 1


@pytest.mark.parametrize("end", (day(0), day(-3), day(6.9)))
def test_none_fits(end: int) -> None:
    assert windows(day(0), end, 4, 2, 1) == ()


@pytest.mark.parametrize(
    ("lengths", "text"),
    (
        ((0, 2, 1), "train: found 0 days, allowed above 0"),
        ((4, 2e-8, 1), "test: found 2e-08 days, which makes .* windows, allowed 10,000"),
        ((4, -1, 1), "test: found -1 days, allowed above 0"),
        ((1e-9, 2, 1), "train: found 1e-09 days, allowed above 0, a millisecond at least"),
        ((4, 1e-9, 1), "test: found 1e-09 days, allowed above 0, a millisecond at least"),
        ((4, 2, -1), "purge: found -1 days, allowed 0 or more"),
        ((float("nan"), 2, 1), "train: found nan days, allowed above 0"),
        ((4, 2, float("inf")), "purge: found inf days, allowed 0 or more"),
    ),
)
def test_lengths_that_make_no_sense(lengths: tuple[float, float, float], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        windows(day(0), day(10), *lengths)


@given(
    length=st.floats(0, 400),
    train=st.floats(0.1, 90),
    test=st.floats(0.1, 30),
    purge=st.floats(0, 5),
    anchored=st.booleans(),
)
def test_what_always_holds(length: float, train: float, test: float, purge: float, anchored: bool) -> None:
    start, end = day(0), day(length)
    found = windows(start, end, train, test, purge, anchored)
    for window in found:
        assert start <= window.train_start < window.train_end
        assert window.test_start - window.train_end == round(purge * DAY_MS)
        assert window.test_end - window.test_start == round(test * DAY_MS)
        assert window.test_end <= end
        if anchored:
            assert window.train_start == start
        else:
            assert window.train_end - window.train_start == round(train * DAY_MS)
    for before, after in pairwise(found):
        assert after.test_start == before.test_end
    last = found[-1].test_end if found else start + round(train * DAY_MS) + round(purge * DAY_MS)
    assert end - last < round(test * DAY_MS)
