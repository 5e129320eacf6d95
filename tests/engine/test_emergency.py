"""A kill straight at the venue: what it closes, what it says, and that it never claims more than the venue showed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from seeded import view
from simulators.bybit import KEY, SECRET, BybitSimulator, Key

from tradeterm.config import BookConfig, BybitConfig, Config, FeedConfig, VenuesConfig
from tradeterm.domain.states import Mode
from tradeterm.engine import emergency
from tradeterm.engine.emergency import UNSEEN, kill_at_venue, traded_there
from tradeterm.ledger.live import LiveWriter
from tradeterm.profile import Profile

BTC, ETH, LINK = "BTCUSDT.BYBIT", "ETHUSDT.BYBIT", "LINKUSDT.BYBIT"
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_KEY", KEY)
    monkeypatch.setenv("BYBIT_API_SECRET", SECRET)
    monkeypatch.setattr(emergency, "LONGEST_S", 1.0)


@pytest.fixture
async def venue() -> AsyncIterator[BybitSimulator]:
    async with BybitSimulator(prices={"BTCUSDT": 80_000, "ETHUSDT": 2_000, "LINKUSDT": 150}) as found:
        yield found


def config(rest: str, **books: BookConfig) -> Config:
    bybit = BybitConfig(rest_url=rest, public_url=rest.replace("http", "ws"), private_url=rest.replace("http", "ws"))
    return Config(
        mode=Mode.PAPER,
        feed=FeedConfig(kind="bybit"),
        venues=VenuesConfig(bybit=bybit),
        books=books or {"crypto": book(BTC, ETH)},
    )


def book(*instruments: str, venue: str = "bybit", enabled: bool = True) -> BookConfig:
    return BookConfig(strategy="eos", venue=venue, instruments=instruments, capital=1000.0, enabled=enabled)


async def test_everything_of_the_books_is_closed_and_nothing_else(venue: BybitSimulator, profile: Profile) -> None:
    venue.manual(symbol="BTCUSDT", side="Buy", qty="0.5", stopLoss="76000", takeProfit="90000")
    venue.manual(symbol="ETHUSDT", side="Sell", qty="3")
    venue.manual(symbol="ETHUSDT", side="Buy", orderType="Limit", price="1900", qty="1")
    venue.manual(symbol="LINKUSDT", side="Buy", qty="2")
    (found,) = await kill_at_venue(config(venue.rest_url), profile)
    assert (found.flat, found.failure, found.left) == (True, "", ())
    assert "closing 0.500 BTCUSDT at the market" in found.done
    assert "closing 3.00 ETHUSDT at the market" in found.done
    assert list(venue.positions) == ["LINKUSDT"]
    assert not [order for order in venue.orders if order.is_open]


async def test_done_twice_does_nothing_the_second_time(venue: BybitSimulator, profile: Profile) -> None:
    venue.manual(symbol="BTCUSDT", side="Buy", qty="0.5")
    await kill_at_venue(config(venue.rest_url), profile)
    sent = len(venue.orders)
    (again,) = await kill_at_venue(config(venue.rest_url), profile)
    assert (again.flat, again.done, len(venue.orders)) == (True, (), sent)


async def test_what_the_last_engine_held_is_closed_though_the_file_forgot_it(
    venue: BybitSimulator, profile: Profile
) -> None:
    venue.manual(symbol="LINKUSDT", side="Buy", qty="2")
    left = view()
    held = msgspec.structs.replace(left.positions[0], instrument=LINK, symbol="LINKUSDT")
    of_book = msgspec.structs.replace(left.books[0], venue="bybit")
    with closing(LiveWriter(profile.live)) as live:
        live.publish(msgspec.structs.replace(left, positions=(held,), books=(of_book,)))
    assert traded_there(config(venue.rest_url), profile) == {"bybit": (BTC, ETH, LINK)}
    (found,) = await kill_at_venue(config(venue.rest_url), profile)
    assert found.flat
    assert venue.positions == {}


def test_only_enabled_books_of_a_real_venue(profile: Profile) -> None:
    books = {"a": book(BTC), "b": book(ETH, venue="paper"), "c": book(LINK, enabled=False)}
    assert traded_there(config(NOWHERE, **books), profile) == {"bybit": (BTC,)}
    assert traded_there(config(NOWHERE, b=books["b"]), profile) == {}


async def test_a_venue_that_cannot_be_reached(profile: Profile) -> None:
    (found,) = await kill_at_venue(config(NOWHERE), profile)
    assert (found.flat, found.done, found.left) == (False, (), ("what is open at Bybit could not be seen",))
    assert "127.0.0.1" in found.failure


async def test_a_key_that_is_refused(venue: BybitSimulator, profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_KEY", "another-key-of-another-place")
    (found,) = await kill_at_venue(config(venue.rest_url), profile)
    assert not found.flat
    assert "Bybit does not know this API key" in found.failure
    for secret in (SECRET, "another-key-of-another-place"):
        assert secret not in repr(found)


async def test_without_a_key_nothing_is_claimed(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BYBIT_API_KEY")
    (found,) = await kill_at_venue(config(NOWHERE), profile)
    assert (found.flat, found.left) == (False, (UNSEEN,))
    assert found.failure.startswith("BYBIT_API_KEY is not set")


async def test_a_key_file_others_may_read(profile: Profile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("BYBIT_API_KEY", "BYBIT_API_SECRET"):
        monkeypatch.delenv(name)
    file = tmp_path / "keys"
    file.write_text(f"{KEY}\n{SECRET}\n")
    file.chmod(0o644)
    settings = config(NOWHERE)
    bybit = msgspec.structs.replace(settings.venues.bybit, key_file=str(file))
    (found,) = await kill_at_venue(msgspec.structs.replace(settings, venues=VenuesConfig(bybit=bybit)), profile)
    assert found.failure == f"others may read the key file {file}: run chmod 600 {file}"


async def test_a_key_that_may_only_read_closes_nothing_and_says_so(profile: Profile) -> None:
    reader = Key(KEY, SECRET, read_only=True)
    async with BybitSimulator(prices={"BTCUSDT": 80_000, "ETHUSDT": 2_000}, keys=[reader]) as venue:
        venue.manual(symbol="BTCUSDT", side="Buy", qty="0.5")
        (found,) = await kill_at_venue(config(venue.rest_url), profile)
    assert (found.flat, found.done) == (False, ())
    assert found.left == ("position Buy 0.500 BTCUSDT",)
    assert "the API key may not do this" in found.failure


async def test_a_key_that_is_refused_is_not_tried_for_a_minute(
    venue: BybitSimulator, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emergency, "LONGEST_S", 60.0)
    venue.manual(symbol="BTCUSDT", side="Buy", qty="0.5")
    venue.replace_key(Key(KEY, SECRET, expired=True))
    async with asyncio.timeout(5):
        (found,) = await kill_at_venue(config(venue.rest_url), profile)
    assert not found.flat
    assert "expired" in found.failure


async def test_one_look_that_lags_is_not_flat(venue: BybitSimulator, profile: Profile) -> None:
    """The venue first shows what was held a while ago: nothing."""
    venue.manual(symbol="BTCUSDT", side="Buy", qty="0.5")
    venue.faults.lag("position/list", 3600.0, times=1)
    (found,) = await kill_at_venue(config(venue.rest_url), profile)
    assert (found.flat, venue.positions) == (True, {})
    assert "closing 0.500 BTCUSDT at the market" in found.done


async def test_an_answer_that_got_lost_closes_once(venue: BybitSimulator, profile: Profile) -> None:
    venue.manual(symbol="BTCUSDT", side="Buy", qty="0.5")
    venue.faults.reset("order/create", after=True)
    (found,) = await kill_at_venue(config(venue.rest_url), profile)
    assert found.flat
    assert venue.positions == {}
    closing_orders = [order for order in venue.orders if order.side == "Sell"]
    assert len(closing_orders) == 1
