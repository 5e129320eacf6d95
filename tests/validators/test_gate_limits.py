"""Budget, breaker, places, prices and dates."""

import asyncio
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.validators.acceptance import Usage
from tradeterm.validators.breaker import FAILURES, OPEN_S, WINDOW_S, CallBreaker
from tradeterm.validators.budget import Budget, Limits, Reservation, Spent
from tradeterm.validators.codes import Failure, GateFailure
from tradeterm.validators.models import (
    is_contaminated,
    known_model,
    model_table,
    model_warnings,
    price_of,
)
from tradeterm.validators.provider import retry_after
from tradeterm.validators.turnstile import Turnstile

TODAY = date(2026, 11, 21)
DAY_MS = 86_400_000


def test_a_verdict_costs_what_the_price_list_says() -> None:
    """About half a cent on Sonnet and 3 hundredths of a cent on Haiku."""
    usage = Usage(input=1200, cache_read=1500, output=250)
    sonnet = price_of("anthropic", "claude-sonnet-5-5", TODAY)
    haiku = price_of("anthropic", "claude-haiku-5-5", TODAY)
    assert sonnet is not None
    assert haiku is not None
    assert sonnet.cost(usage) == Decimal("0.00505")
    assert haiku.cost(usage) == Decimal("0.00026")
    assert sonnet.cost(Usage(cache_write_5m=10**6, cache_write_1h=10**6)) == Decimal("6.50")
    before = price_of("anthropic", "claude-sonnet-5-5", date(2026, 10, 6))
    assert before is not None
    assert (before.cache_read, sonnet.cache_read) == (Decimal("0.20"), Decimal("0.10"))


def test_what_is_not_known_has_no_price() -> None:
    assert price_of("anthropic", "claude-next", TODAY) is None
    assert price_of("openrouter", "anthropic/claude-sonnet-5-5", TODAY) is None
    assert price_of("openrouter", "claude-sonnet-5-5", TODAY) is None
    assert price_of("anthropic", "claude-sonnet-5-5", date(2020, 1, 1)) is None
    assert known_model("anthropic.claude-sonnet-5-5") == known_model("claude-sonnet-5-5")


def test_every_price_is_dated_and_above_nothing() -> None:
    for row in model_table().models:
        assert row.prices, row.id
        days = [price.since for price in row.prices]
        assert days == sorted(set(days))
        assert all(0 < price.cache_read < price.input < price.output for price in row.prices)
    assert date.fromisoformat(model_table().version)


def test_a_model_near_its_end_is_warned_of() -> None:
    (soon,) = model_warnings("anthropic", "claude-sonnet-4-5", TODAY)
    assert soon == "the model claude-sonnet-4-5 is retired on 2026-11-30, in 9 days"
    assert model_warnings("anthropic", "claude-sonnet-4-5", date(2026, 9, 1)) == ()
    (late,) = model_warnings("anthropic", "claude-sonnet-4-5", date(2026, 12, 1))
    assert "was to be retired" in late
    assert model_warnings("anthropic", "claude-sonnet-5-5", TODAY) == ()


@pytest.mark.parametrize(
    ("model", "bar", "contaminated"),
    [
        ("claude-sonnet-5-5", date(2026, 7, 29), True),
        ("claude-sonnet-5-5", date(2026, 7, 30), False),
        ("claude-next", date(2026, 11, 1), True),
        ("claude-sonnet-4-5", date(2026, 11, 1), True),  # its cutoff is not known
        ("claude-next", date(2026, 11, 20), False),  # nobody can know yet what comes after
    ],
)
def test_a_model_may_have_read_what_came_after(model: str, bar: date, contaminated: bool) -> None:
    assert is_contaminated(model, bar, TODAY) is contaminated


AMOUNT = st.decimals(0, 3, places=2)


@given(st.lists(st.tuples(AMOUNT, AMOUNT | st.none(), st.booleans()), max_size=20))
def test_reserved_and_spent_never_pass_the_limit(calls: list[tuple[Decimal, Decimal | None, bool]]) -> None:
    """A call takes at most what was reserved for it; some are still out."""
    budget = Budget(Limits(Decimal(5), 15, 1000), lambda: DAY_MS)
    out: list[Reservation] = []
    for worst, took, settles in calls:
        reservation = budget.reserve(worst, 50)
        if reservation is None:
            continue
        if settles:
            budget.settle(reservation, None if took is None else min(took, worst), 50)
        else:
            out.append(reservation)
        assert budget.spent.usd + sum((each.usd for each in out), Decimal(0)) <= 5
        assert budget.spent.calls <= 15
        assert budget.spent.tokens + 50 * len(out) <= 1000


def test_a_new_day_is_a_new_budget_and_a_restart_is_not() -> None:
    now = [DAY_MS]
    budget = Budget(Limits(Decimal(1), 2, 1000), lambda: now[0], Spent(1, Decimal("0.9"), 1, 0))
    assert budget.reserve(Decimal("0.2"), 1) is None
    late = budget.reserve(Decimal("0.1"), 1)
    assert late is not None
    assert budget.reserve(Decimal(0), 1) is None  # two calls
    now[0] += DAY_MS
    budget.settle(late, None, None)
    assert budget.spent == Spent(2)
    assert budget.reserve(Decimal(1), 1) is not None


def test_the_breaker_opens_waits_and_tries_once() -> None:
    now = [0.0]
    breaker = CallBreaker(lambda: now[0])
    assert [breaker.failed() for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    assert not breaker.allows()
    now[0] += OPEN_S
    assert [breaker.allows(), breaker.allows()] == [True, False]
    assert not breaker.failed()
    assert not breaker.allows()
    now[0] += OPEN_S
    assert breaker.allows()
    breaker.gave_up()
    assert breaker.allows()
    assert breaker.succeeded()
    assert [breaker.allows(), breaker.allows(), breaker.is_open] == [True, True, False]


def test_failures_far_apart_do_not_open_it() -> None:
    now = [0.0]
    breaker = CallBreaker(lambda: now[0])
    for _ in range(3 * FAILURES):
        assert not breaker.failed()
        now[0] += WINDOW_S / (FAILURES - 1) + 1


async def test_who_expires_first_goes_first() -> None:
    turnstile, went = Turnstile(at_once=1, waiting=3), []

    async def go(name: str, expires: float) -> None:
        async with turnstile.enter(expires):
            went.append(name)
            await asyncio.sleep(0)

    async with turnstile.enter(0):
        tasks = [asyncio.create_task(go(name, at)) for name, at in (("c", 3.0), ("a", 1.0), ("b", 2.0))]
        await asyncio.sleep(0)
        with pytest.raises(GateFailure) as caught:
            await go("late", 0.5)
        assert caught.value.code is Failure.QUEUE
        tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert went == ["b", "c"]
    async with turnstile.enter(0):  # no place was lost
        pass


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after-ms": "250", "retry-after": "3"}, 0.25),
        ({"retry-after": "Sat, 21 Nov 2026 16:00:10 GMT", "date": "Sat, 21 Nov 2026 16:00:00 GMT"}, 10.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "soon"}, None),
    ],
)
def test_how_long_a_server_asks_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds
