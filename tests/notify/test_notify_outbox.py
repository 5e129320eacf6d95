from hypothesis import given
from hypothesis import strategies as st
from notify_kit import message

from tradeterm.domain.states import AlertLevel
from tradeterm.notify.outbox import ATTEMPTS, Outbox
from tradeterm.notify.protocol import SEVERITY, Notification

INFO, WARNING, ERROR, CRITICAL = AlertLevel


def outbox(level: AlertLevel = INFO, *, repeat_s: float = 300.0, per_minute: int = 1000, size: int = 100) -> Outbox:
    return Outbox(level, repeat_s=repeat_s, per_minute=per_minute, size=size)


def drained(box: Outbox, now_s: float, *, quiet: bool = False) -> list[Notification]:
    found = []
    while (taken := box.take(now_s, quiet=quiet)) is not None:
        found.append(taken)
    return found


def test_below_its_level_is_not_told() -> None:
    box = outbox(ERROR)
    for level in AlertLevel:
        box.put(message(f"{level}", level=level), 0.0)
    assert [taken.level for taken in drained(box, 0.0)] == [CRITICAL, ERROR]


def test_the_same_again_is_counted_and_told_once_the_time_is_over() -> None:
    box = outbox()
    for now_s in (0.0, 10.0, 20.0, 30.0):
        box.put(message(), now_s)
    box.put(message("another"), 30.0)
    assert [(taken.text, taken.count) for taken in drained(box, 30.0)] == [("feed is 40 s old", 1), ("another", 1)]
    assert drained(box, 299.0) == []
    assert box.pending
    assert [(taken.text, taken.count) for taken in drained(box, 300.0)] == [("feed is 40 s old", 3)]
    box.put(message(), 301.0)
    assert drained(box, 599.0) == []
    assert [taken.count for taken in drained(box, 600.0)] == [1]
    assert not box.pending


def test_after_the_time_it_is_told_at_once() -> None:
    box = outbox()
    box.put(message(), 0.0)
    assert len(drained(box, 0.0)) == 1
    box.put(message(), 300.0)
    assert [taken.count for taken in drained(box, 300.0)] == [1]


def test_the_same_text_at_a_higher_level_is_news() -> None:
    box = outbox()
    box.put(message(level=WARNING), 0.0)
    box.put(message(level=CRITICAL), 1.0)
    assert [taken.level for taken in drained(box, 1.0)] == [CRITICAL, WARNING]


def test_no_repeat_time_tells_everything() -> None:
    box = outbox(repeat_s=0.0)
    for _ in range(3):
        box.put(message(), 0.0)
    assert len(drained(box, 0.0)) == 3


def test_too_many_wait_for_the_next_minute() -> None:
    box = outbox(per_minute=2)
    for number in range(5):
        box.put(message(str(number)), 0.0)
    assert [taken.text for taken in drained(box, 0.0)] == ["0", "1"]
    assert drained(box, 59.9) == []
    assert [taken.text for taken in drained(box, 60.0)] == ["2", "3"]


def test_what_is_less_important_never_delays_what_is_more() -> None:
    box = outbox(per_minute=2)
    for number in range(5):
        box.put(message(str(number), level=INFO), 0.0)
    drained(box, 0.0)
    box.put(message("stop missing", level=CRITICAL), 1.0)
    assert [taken.text for taken in drained(box, 1.0)] == ["stop missing"]


def test_a_full_outbox_drops_the_oldest_of_the_least_and_says_so() -> None:
    box = outbox(size=3)
    for text, level in (("a", INFO), ("b", CRITICAL), ("c", INFO), ("d", ERROR), ("e", INFO)):
        box.put(message(text, level=level), 0.0)
    found = drained(box, 0.0)
    assert [(taken.text, taken.missed) for taken in found] == [("b", 2), ("d", 0), ("e", 0)]
    assert box.dropped == 2


def test_what_is_given_back_goes_first_of_its_level() -> None:
    box = outbox(per_minute=1)
    box.put(message("first"), 0.0)
    box.put(message("second"), 0.0)
    taken = box.take(0.0, quiet=False)
    assert taken is not None
    box.give_back()
    box.put(message("urgent", level=CRITICAL), 0.0)
    assert [again.text for again in drained(box, 0.0)] == ["urgent"]
    assert [again.text for again in drained(box, 60.0)] == ["first"]


def test_an_attempt_that_failed_does_not_count_against_the_minute() -> None:
    box = outbox(per_minute=1)
    box.put(message(), 0.0)
    for _ in range(3):
        assert box.take(0.0, quiet=False) is not None
        box.give_back()


def test_it_is_tried_so_often_and_no_oftener() -> None:
    box = outbox()
    box.put(message("lost", count=4), 0.0)
    for attempt in range(ATTEMPTS):
        assert box.take(float(attempt), quiet=False) is not None
        box.give_back()
    assert box.take(100.0, quiet=False) is None
    assert box.dropped == 4
    box.put(message("next"), 100.0)
    taken = box.take(100.0, quiet=False)
    assert taken is not None
    assert taken.missed == 4


def test_what_was_missed_is_not_forgotten_by_a_failure() -> None:
    box = outbox(size=1)
    for text in ("a", "b", "c"):
        box.put(message(text), 0.0)
    for settle in (box.give_back, box.give_up):
        taken = box.take(0.0, quiet=False)
        assert taken is not None
        assert taken.missed == 2
        settle()
    assert box.dropped == 3
    box.put(message("d"), 0.0)
    taken = box.take(0.0, quiet=False)
    assert taken is not None
    assert taken.missed == 3


def test_quiet_hours_let_only_critical_through_and_are_summed_up() -> None:
    box = outbox()
    for text, level in (("a", ERROR), ("b", INFO), ("c", ERROR), ("d", CRITICAL)):
        box.put(message(text, level=level), 0.0)
    assert [taken.text for taken in drained(box, 0.0, quiet=True)] == ["d"]
    assert box.pending
    (summary,) = drained(box, 1.0)
    assert summary.code == "QUIET_HOURS"
    assert summary.level is ERROR
    assert summary.text == "alerts in the quiet hours; the last of the most serious: STALE_DATA c"
    assert summary.count == 3
    assert drained(box, 2.0) == []


def test_a_single_quiet_alert_is_told_as_it_was() -> None:
    box = outbox()
    box.put(message("only"), 0.0)
    assert drained(box, 0.0, quiet=True) == []
    assert [taken.text for taken in drained(box, 1.0)] == ["only"]


def test_at_the_end_what_is_counted_goes_or_is_owned_up_to() -> None:
    box = outbox()
    for now_s in (0.0, 1.0, 2.0):
        box.put(message(), now_s)
    drained(box, 2.0)
    box.hurry()
    assert [taken.count for taken in drained(box, 3.0)] == [2]
    for now_s in (4.0, 5.0):
        box.put(message(), now_s)
    box.put(message("waits"), 5.0)
    assert box.clear() == 3
    assert box.waiting == 0


def test_memory_of_what_was_told_is_bounded_and_loses_no_count() -> None:
    box = outbox(size=5000, per_minute=5000)
    for _ in range(3):
        box.put(message("first"), 0.0)
    for number in range(1500):
        box.put(message(str(number)), 0.0)
    found = drained(box, 0.0)
    assert sum(taken.count for taken in found) == 1503


@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(AlertLevel)),
            st.sampled_from("abc"),
            st.floats(0.0, 30.0),
            st.booleans(),
            st.sampled_from(["taken", "give_back", "give_up"]),
        ),
        max_size=60,
    ),
    st.integers(1, 5),
    st.integers(1, 5),
)
def test_every_alert_is_told_counted_or_owned_up_to(
    steps: list[tuple[AlertLevel, str, float, bool, str]], per_minute: int, size: int
) -> None:
    box = outbox(repeat_s=20.0, per_minute=per_minute, size=size)
    now_s, told = 0.0, 0
    for level, text, passed, quiet, end in steps:
        now_s += passed
        box.put(message(text, level=level), now_s)
        taken = box.take(now_s, quiet=quiet)
        if taken is None:
            continue
        assert not quiet or taken.level is CRITICAL
        if end == "taken":
            told += taken.count
        else:
            getattr(box, end)()
    box.clear()
    assert told + box.dropped == len(steps)


@given(st.lists(st.sampled_from(list(AlertLevel)), min_size=1, max_size=30))
def test_the_most_important_goes_first_and_none_overtakes_its_equals(levels: list[AlertLevel]) -> None:
    box = outbox()
    for number, level in enumerate(levels):
        box.put(message(str(number), level=level), 0.0)
    order = [(-SEVERITY[taken.level], int(taken.text)) for taken in drained(box, 0.0)]
    assert order == sorted(order)
    assert len(order) == len(levels)
