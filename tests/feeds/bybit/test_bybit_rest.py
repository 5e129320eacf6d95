"""Public REST: paging, typed errors, retries, and what a venue that says stop gets."""

import socket
from collections.abc import Callable

import httpx
import pytest
from bybit_venue_kit import BTC, FIVE, T0, prices
from hypothesis import given
from hypothesis import strategies as st

from tradeterm.domain.errors import DataError, TradetermError, VenueRefused, VenueUnavailable
from tradeterm.feeds.bybit.rest import BUDGET, PublicRest

Answer = Callable[[httpx.Request], httpx.Response]


class Clock:
    """Time that only sleeping moves."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def wall(self) -> int:
        return T0 + int(self.seconds * 1000)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


def client(answer: Answer, clock: Clock | None = None) -> PublicRest:
    clock = clock or Clock()
    return PublicRest(
        "https://api.example",
        clock=clock.wall,
        transport=httpx.MockTransport(answer),
        sleep=clock.sleep,
        monotonic=clock.now,
    )


def ok(result: object, **more: object) -> httpx.Response:
    return httpx.Response(200, json={"retCode": 0, "retMsg": "OK", "result": result, "time": T0, **more})


def failing(error: Exception) -> Answer:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error

    return answer


def dns_error(request: httpx.Request) -> httpx.Response:
    try:
        raise socket.gaierror(-2, "Name or service not known")
    except socket.gaierror as error:
        raise httpx.ConnectError("[Errno -2]") from error


async def test_bars_are_paged_turned_round_and_the_open_one_left_out() -> None:
    asked: list[tuple[int, int]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        first, last = int(request.url.params["start"]), int(request.url.params["end"])
        asked.append((first, last))
        rows = [[str(ts), *prices(ts), "1"] for ts in range(first, last + 1, FIVE)]
        return ok({"list": rows[::-1]})

    async with client(answer) as rest:
        first = T0 - 1500 * FIVE
        bars = await rest.bars(BTC, "BTCUSDT", "5m", FIVE, first, T0 + 3 * FIVE)
    assert [bar.ts_open for bar in bars] == list(range(first, T0 - FIVE, FIVE))  # the last closed this very moment
    assert asked == [(first, first + 1000 * FIVE - 1), (first + 1000 * FIVE, T0 + 3 * FIVE - 1)]


async def test_funding_is_paged_backwards() -> None:
    stamps = [T0 - n * 3_600_000 for n in range(450)]

    def answer(request: httpx.Request) -> httpx.Response:
        first, last = int(request.url.params["startTime"]), int(request.url.params["endTime"])
        rows = [
            {"symbol": "X", "fundingRate": "0.0001", "fundingRateTimestamp": str(ts + 3)}
            for ts in stamps
            if first <= ts + 3 <= last
        ]
        return ok({"list": rows[:200]})

    async with client(answer) as rest:
        found = await rest.funding("X", stamps[-1], T0 + 1000)
    assert [ts for ts, _ in found] == sorted(stamps)


async def test_instruments_follow_the_cursor() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("cursor", "0"))
        return ok({"list": [{"symbol": str(page)}], "nextPageCursor": str(page + 1) if page < 2 else ""})

    async with client(answer) as rest:
        assert await rest.instruments() == [{"symbol": "0"}, {"symbol": "1"}, {"symbol": "2"}]


async def test_clock_offset() -> None:
    async with client(lambda request: ok({"timeSecond": "0", "timeNano": f"{T0 + 1500}000000"})) as rest:
        assert await rest.clock_offset() == 1500


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (dns_error, VenueUnavailable, "the name api.example cannot be resolved: check the network and DNS"),
        (failing(httpx.ReadTimeout("")), VenueUnavailable, "api.example"),
        (failing(httpx.ProxyError("403 Forbidden")), VenueUnavailable, "api.example cannot be reached: 403 Forbidden"),
        (lambda r: httpx.Response(502), VenueUnavailable, "not working at the moment (HTTP 502)"),
        (lambda r: httpx.Response(404), VenueRefused, "answered with HTTP 404"),
        (lambda r: httpx.Response(429), VenueUnavailable, "asked too often (HTTP 429)"),
        (lambda r: httpx.Response(200, text="<html>"), DataError, "no JSON of its own"),
        (lambda r: httpx.Response(200, json=[1]), DataError, "no JSON of its own"),
        (lambda r: ok({"list": 7}), DataError, "in a form that is not known here"),
        (lambda r: ok({}, retCode=10001, retMsg="bad\x1b[0m"), VenueRefused, "bad [0m (10001)"),
        (lambda r: ok({}, retCode=10016, retMsg="later"), VenueUnavailable, "busy or under maintenance (10016 later)"),
    ],
)
async def test_what_went_wrong_is_a_sentence(answer: Answer, kind: type[TradetermError], said: str) -> None:
    async with client(answer) as rest:
        with pytest.raises(kind) as caught:
            await rest.instruments()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_read_is_tried_again() -> None:
    answers = [httpx.Response(503), httpx.Response(200, text="<html>"), ok({"list": []})]
    async with client(lambda request: answers.pop(0)) as rest:
        assert await rest.instruments() == []


async def test_a_ban_ends_all_traffic_for_ten_minutes() -> None:
    asked, clock = [], Clock()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(403)

    async with client(answer, clock) as rest:
        for _ in range(3):
            with pytest.raises(VenueUnavailable, match="HTTP 403"):
                await rest.instruments()
        assert len(asked) == 1
        clock.seconds = 601
        with pytest.raises(VenueUnavailable):
            await rest.instruments()
        assert len(asked) == 2


async def test_too_many_requests_wait_for_the_time_the_venue_names() -> None:
    clock = Clock()
    headers = {"X-Bapi-Limit-Reset-Timestamp": str(T0 + 2500)}
    limited = {"retCode": 10006, "retMsg": "Too many visits!", "result": {}}
    answers = [httpx.Response(200, json=limited, headers=headers), ok({"list": []})]
    async with client(lambda request: answers.pop(0), clock) as rest:
        await rest.instruments()
    assert clock.seconds == 2.5


async def test_our_share_of_the_requests() -> None:
    clock = Clock()
    async with client(lambda request: ok({"list": []}), clock) as rest:
        for _ in range(3 * BUDGET):
            await rest.instruments()
    assert clock.seconds == 10.0


@given(st.binary(max_size=60) | st.from_regex(rb'\{"retCode":0,"result":\{"list":\[.{0,30}\]\}\}', fullmatch=True))
def test_no_body_raises_anything_else(body: bytes) -> None:
    import asyncio

    async def run() -> None:
        async with client(lambda request: httpx.Response(200, content=body)) as rest:
            for call in (
                rest.instruments(),
                rest.funding("X", 1, 2),
                rest.bars(BTC, "X", "5m", FIVE, T0, T0 + FIVE),
                rest.clock_offset(),
            ):
                try:
                    await call
                except TradetermError as error:
                    assert str(error)

    asyncio.run(run())
