"""What the doctor hears of a venue, without a trade: each trouble has its sentence, and no answer holds a secret."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from simulators.bybit import KEY, SECRET, BybitSimulator, Key
from test_emergency import BTC, NOWHERE, book, config

from tradeterm.config import Config
from tradeterm.engine import probe as module
from tradeterm.engine.probe import Probed, Verdict, probe


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_KEY", KEY)
    monkeypatch.setenv("BYBIT_API_SECRET", SECRET)


@pytest.fixture
async def venue() -> AsyncIterator[BybitSimulator]:
    async with BybitSimulator(prices={"BTCUSDT": 80_000, "ETHUSDT": 2_000}) as found:
        yield found


async def ask(venue: BybitSimulator, cache: Path, settings: Config | None = None) -> dict[str, Probed]:
    found = await probe(settings or at(venue), cache)
    assert not [order for order in venue.orders if not order.link_id.startswith("mine")]
    for item in found:
        assert SECRET not in item.text
        assert KEY not in item.text
    worst = {}
    for item in found:
        if item.subject not in worst or item.verdict is Verdict.FAIL:
            worst[item.subject] = item
    return worst


def at(venue: BybitSimulator) -> Config:
    import msgspec

    from tradeterm.config import VenuesConfig

    settings = config(venue.rest_url)
    bybit = msgspec.structs.replace(settings.venues.bybit, private_url=venue.private_url, public_url=venue.public_url)
    return msgspec.structs.replace(settings, venues=VenuesConfig(bybit=bybit))


async def test_all_is_well(venue: BybitSimulator, tmp_path: Path) -> None:
    found = await ask(venue, tmp_path)
    assert list(found) == [
        *("bybit", "bybit data", "bybit key source", "bybit clock", "bybit key", "bybit permissions", "bybit account"),
        *("bybit position mode", "bybit balance", "bybit private stream"),
    ]
    assert {item.verdict for item in found.values()} == {Verdict.OK}
    assert found["bybit"].text == f"demo, play money, at 127.0.0.1:{venue.port}"
    assert found["bybit key source"].text == "from BYBIT_API_KEY and BYBIT_API_SECRET"
    assert found["bybit balance"].text == "100,000.00 USDT in the wallet"


async def test_a_wrong_key(venue: BybitSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_SECRET", "not-the-secret-of-this-key")
    found = await ask(venue, tmp_path)
    assert found["bybit key"].verdict is Verdict.FAIL
    assert "Bybit does not accept the signature" in found["bybit key"].text


@pytest.mark.parametrize(
    ("key", "subject", "words"),
    [
        (Key(KEY, SECRET, read_only=True), "bybit permissions", "the key may read but not trade"),
        (Key(KEY, SECRET, expired=True), "bybit key", "the API key has expired"),
        (Key(KEY, SECRET, ips=frozenset({"10.0.0.1"})), "bybit key", "the API key is bound to other IP addresses"),
    ],
)
async def test_keys_that_cannot_trade(tmp_path: Path, key: Key, subject: str, words: str) -> None:
    async with BybitSimulator(prices={"BTCUSDT": 80_000, "ETHUSDT": 2_000}, keys=[key]) as venue:
        found = await ask(venue, tmp_path)
    assert found[subject].verdict is Verdict.FAIL
    assert words in found[subject].text


async def test_a_clock_that_is_wrong(venue: BybitSimulator, tmp_path: Path) -> None:
    venue.clock_offset_ms = -2_500
    found = await ask(venue, tmp_path)
    assert found["bybit clock"].verdict is Verdict.FAIL
    assert "2.5 s ahead of Bybit's (allowed 0.5 s): set it by NTP" in found["bybit clock"].text


async def test_no_key_at_all(venue: BybitSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BYBIT_API_KEY", "BYBIT_API_SECRET"):
        monkeypatch.delenv(name)
    found = await ask(venue, tmp_path)
    assert found["bybit key"] == Probed(
        "bybit key",
        Verdict.FAIL,
        "no API key for bybit: set BYBIT_API_KEY and BYBIT_API_SECRET, or name a key file in venues.bybit.key_file",
    )
    assert list(found) == ["bybit", "bybit data", "bybit key"]


async def test_an_instrument_the_venue_does_not_trade(venue: BybitSimulator, tmp_path: Path) -> None:
    settings = config(venue.rest_url, crypto=book(BTC, "NOSUCHUSDT.BYBIT", venue="paper"))
    found = await ask(venue, tmp_path, settings)
    assert found["bybit data"].verdict is Verdict.FAIL
    assert "NOSUCHUSDT.BYBIT" in found["bybit data"].text


async def test_paper_on_live_prices_needs_no_key(venue: BybitSimulator, tmp_path: Path) -> None:
    found = await ask(venue, tmp_path, config(venue.rest_url, crypto=book(BTC, venue="paper")))
    assert list(found) == ["bybit data"]
    assert found["bybit data"].text.startswith("1 instrument traded there, ")


@pytest.mark.parametrize(("trades_at", "verdict"), [("paper", Verdict.WARN), ("bybit", Verdict.FAIL)])
async def test_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trades_at: str, verdict: Verdict) -> None:
    monkeypatch.setattr(module, "LONGEST_S", 0.3)
    found = {item.subject: item for item in await probe(config(NOWHERE, crypto=book(BTC, venue=trades_at)), tmp_path)}
    assert found["bybit data"].verdict is verdict
    assert (list(found) == ["bybit data"]) == (trades_at == "paper")


async def test_without_a_venue_nothing_is_asked(tmp_path: Path) -> None:
    assert await probe(Config(), tmp_path) == []
