"""Headlines: what they are about, when they count, and that no source of them can break or block anything."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from engine_kit import options
from hypothesis import given
from hypothesis import strategies as st
from test_engine_ai import asking, decisions, entries, run, served
from test_situation import BTC, contract
from validators.hostile import HOSTILE

from tradeterm.config import GateMode, NewsConfig, NewsMode
from tradeterm.domain.errors import DataError
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import HOUR_MS
from tradeterm.domain.orders import Order
from tradeterm.domain.signals import Verdict, VerdictDecision
from tradeterm.engine.check_config import trading_mistakes, trading_warnings
from tradeterm.engine.news import News
from tradeterm.engine.news_check import probe_news
from tradeterm.engine.news_sources import FileTail, fetch, make_client
from tradeterm.engine.surroundings import Surroundings
from tradeterm.feeds.headlines import LARGEST_FEED, MOST_ITEMS, Headline, is_feed_url, read_feed, read_line
from tradeterm.feeds.replay import ReplayFeed
from tradeterm.validators.protocol import Notice
from tradeterm.validators.untrusted import MOST_ITEMS as MOST_ITEMS_SHOWN
from tradeterm.validators.untrusted import clean

NOW = 1_795_276_800_000
LINK, PEPE, NIFTY = "LINKUSDT.BYBIT", "1000PEPEUSDT.BYBIT", "NIFTY.NSE"
CONTRACTS = (contract(), contract(LINK), contract(PEPE), contract(NIFTY, quote_currency="INR"))
RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title>
<item><title>Bitcoin falls &amp; recovers</title><pubDate>Sat, 21 Nov 2026 15:00:00 GMT</pubDate></item>
<item><title><![CDATA[LINK gains <b>3%</b>]]></title></item><item><title/></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>Wire</title><entry><title>Ether flat</title>
<updated>2026-11-21T15:30:00+01:00</updated></entry></feed>"""


class Desk:
    """Headlines of a configuration, and what a person was told."""

    def __init__(self, recorded: bool = False, **settings: Any) -> None:
        self.told: list[Notice] = []
        self.now = NOW
        config = NewsConfig(**settings)
        self.news = News(config, CONTRACTS, tell=self.told.append, now=lambda: self.now, recorded=recorded)

    @property
    def codes(self) -> list[str]:
        return [notice.code for notice in self.told]


def line(text: str, ts: object = NOW, **more: Any) -> str:
    return json.dumps({"ts": ts, "text": text, **more}) + "\n"


@asynccontextmanager
async def site(*answers: bytes) -> AsyncIterator[str]:
    """A server that gives these answers in turn, whole responses; the last one again and again."""
    left, lines = list(answers), set[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):  # who asked may have heard enough
            await reader.readuntil(b"\r\n\r\n")
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/feed?token=planted"
    for writer in lines:
        writer.transport.abort()


def response(body: bytes, status: str = "200 OK", **headers: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{lines}connection: close\r\n\r\n".encode() + body


def test_rss_and_atom() -> None:
    assert read_feed(RSS) == [
        Headline(1_795_273_200_000, "Bitcoin falls & recovers"),
        Headline(None, "LINK gains <b>3%</b>"),
    ]
    assert read_feed(ATOM) == [Headline(1_795_271_400_000, "Ether flat")]
    many = b"<rss>" + b"<item><title>x</title></item>" * 900 + b"</rss>"
    assert len(read_feed(many)) == MOST_ITEMS


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"no XML",
        b"<html><body>Not found</body></html>",
        b'<!DOCTYPE lolz [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]><rss><item><title>&c;</title></item></rss>',
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><rss><item><title>&f;</title></item></rss>',
        b'<?xml version="1.0" encoding="klingon"?><rss/>',
        b"<rss><item><title>cut",
        b"\xff\xfe\x00",
        b"<rss>" + b" " * LARGEST_FEED + b"</rss>",
    ],
    ids=["empty", "text", "HTML", "laughs", "external", "encoding", "cut", "UTF-16", "huge"],
)
def test_what_is_no_feed_is_refused(document: bytes) -> None:
    with pytest.raises(DataError):
        read_feed(document)


@given(st.binary(max_size=200))
def test_whatever_bytes_come_they_are_headlines_or_refused(data: bytes) -> None:
    for read in (read_feed, read_line):
        try:
            read(data)
        except DataError:
            continue


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://wire.example/rss?x=1", True),
        ("http://127.0.0.1:8080/rss", True),
        ("http://wire.example/rss", False),
        ("file:///etc/passwd", False),
        ("https://me:secret@wire.example/rss", False),
        ("https://", False),
        ("https://[bad", False),
        ("ftp://wire.example", False),
    ],
)
def test_addresses(url: str, safe: bool) -> None:
    assert is_feed_url(url) is safe


@pytest.mark.parametrize(
    ("text", "symbols", "about"),
    [
        ("BTC dips", [], {BTC}),
        ("bitcoin dips", [], {BTC}),
        ("Bitcoins are not a word of ours", [], set()),
        ("a link to nowhere", [], set()),
        ("LINK climbs as Chainlink signs", [], {LINK}),
        ("PEPE doubles", [], {PEPE}),
        ("nothing named", ["BTCUSDT"], {BTC}),
        ("nothing named", ["btc", LINK], {BTC, LINK}),
        ("nothing named", ["*"], {BTC, LINK, PEPE, NIFTY}),
        ("nothing named", ["ETH"], set()),
        ("Mysten Labs speaks", [], {LINK}),
        ("The Federal Reserve speaks", [], {BTC, LINK, PEPE, NIFTY}),
        ("NIFTY opens lower", [], {NIFTY}),
        ("", ["BTC"], set()),
    ],
)
async def test_what_a_headline_is_about(tmp_path: Path, text: str, symbols: list[str], about: set[str]) -> None:
    file = tmp_path / "news.jsonl"
    file.write_text(line(text, symbols=symbols))
    desk = Desk(file=str(file), words={LINK: ("mysten labs",), "*": ("federal reserve",)})
    await desk.news.start()
    assert {item.id for item in CONTRACTS if desk.news.about(item.id, NOW)} == about


async def test_a_headline_counts_from_its_time_on_for_some_hours(tmp_path: Path) -> None:
    file = tmp_path / "news.jsonl"
    old, ahead = NOW - 3 * HOUR_MS, "2026-11-21T16:30:00Z"
    file.write_text(line("BTC old", old) + line("BTC now") + line("BTC now") + line("BTC ahead", ahead))
    recorded = Desk(recorded=True, file=str(file), keep_hours=2.0)
    await recorded.news.start()
    assert recorded.news.about(BTC, NOW) == ("BTC now", "BTC now")
    assert recorded.news.about(BTC, NOW + HOUR_MS)[0] == "BTC ahead", "not before its time: that would be look-ahead"
    assert recorded.news.about(BTC, old) == ("BTC old",)
    live = Desk(file=str(file), keep_hours=2.0)
    await live.news.start()
    assert live.news.about(BTC, NOW) == ("BTC ahead", "BTC now"), "each once; a clock ahead of ours is not waited for"
    assert live.news.about(BTC, NOW + 3 * HOUR_MS) == ()


async def test_a_flood_of_instructions_hides_no_headline(tmp_path: Path) -> None:
    file = tmp_path / "news.jsonl"
    texts = [f"{number} {text}" for number in range(9) for text in HOSTILE if len(text) < 1000]
    flood = "".join(line(text, NOW + 1, symbols=["BTC"]) for text in texts)
    file.write_text(line("BTC bridge exploited") + flood)
    for recorded in (False, True):
        desk = Desk(recorded=recorded, file=str(file))
        await desk.news.start()
        shown = desk.news.about(BTC, NOW + 1)
        assert len(shown) == 2
        found = clean(shown)
        assert (found.items, found.suspicious) == (("BTC bridge exploited",), True)


def test_a_file_is_read_as_it_grows(tmp_path: Path) -> None:
    file = tmp_path / "news.jsonl"
    tail = FileTail(file)
    with pytest.raises(FileNotFoundError):
        tail.read()
    file.write_text(line("one") + "torn")
    assert [item.text for item in tail.read().headlines] == ["one"]
    with file.open("a") as more:
        more.write(" line\n\n" + line("two", symbols="BTC"))
    read = tail.read()
    assert ([item.text for item in read.headlines], read.unreadable) == (["two"], 1)
    assert (tail.read().headlines, tail.read().unreadable) == ([], 0)
    file.write_text(line("anew"))
    assert [item.text for item in tail.read().headlines] == ["anew"]


async def test_what_is_no_file_and_what_is_too_large_is_told(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    desk = Desk(file=str(pipe))
    await desk.news.start()
    assert "it is no file" in desk.told[0].text
    large = tmp_path / "large.jsonl"
    large.write_text(line("BTC first") + line("x" * 1000) * 1100 + line("BTC last"))
    desk = Desk(file=str(large))
    await desk.news.start()
    assert desk.news.about(BTC, NOW) == ("BTC last",)
    assert "larger than 1 MB, what came before is left out" in desk.told[0].text
    recorded = Desk(recorded=True, file=str(large))
    await recorded.news.start()
    assert recorded.news.about(BTC, NOW) == ("BTC last", "BTC first")
    assert recorded.told == []


async def test_many_headlines_hold_up_nothing(tmp_path: Path) -> None:
    file = tmp_path / "news.jsonl"
    file.write_text("".join(line(f"BTC {number} {'words ' * 20}") for number in range(3000)))
    desk = Desk(file=str(file))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    waiting = asyncio.create_task(others())
    await desk.news.start()
    waiting.cancel()
    assert turns >= 300
    assert len(desk.news.about(BTC, NOW)) == MOST_ITEMS_SHOWN


@pytest.mark.parametrize(
    "raw", [b"[]", b"{}", b'{"ts":"soon","text":"x"}', b'{"ts":1e400,"text":"x"}', b'{"ts":1,"text":7}', b"[" * 9000]
)
def test_a_line_that_is_none(raw: bytes) -> None:
    with pytest.raises(DataError):
        read_line(raw)


async def test_what_fails_is_told_once_and_again_when_it_ends(tmp_path: Path) -> None:
    file = tmp_path / "news.jsonl"
    desk = Desk(file=str(file))
    for _ in range(3):
        await desk.news._read_file()
    assert desk.codes == ["NEWS_FAILED"]
    assert "No such file" in desk.told[0].text
    file.write_text("rubbish\n")
    await desk.news._read_file()
    with file.open("a") as more:
        more.write(line("BTC fine"))
    await desk.news._read_file()
    assert desk.codes == ["NEWS_FAILED", "NEWS_FAILED", "NEWS_BACK"]
    assert "news.file: 1 line left out: no headline; trading" in desk.told[1].text
    assert desk.news.about(BTC, NOW) == ("BTC fine",)


ANSWERS = {
    "404": (response(b"", "404 Not Found"), "the answer was 404"),
    "HTML": (response(b"<html/>"), "neither RSS nor Atom"),
    "huge": (response(b"<rss>" + b"x" * LARGEST_FEED + b"</rss>"), "larger than 1 MB"),
    "no HTTP": (b"hello\r\n\r\n", "no connection: RemoteProtocolError"),
    "cut": (response(RSS)[:-40], "no connection: RemoteProtocolError"),
    "moved away": (response(b"", "302 Found", location="http://evil.example/"), "not https"),
    "moved round": (response(b"", "302 Found", location="/feed"), "moved more than 3 times"),
    "moved nowhere": (response(b"", "301 Moved"), "moved more than 3 times"),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_a_feed_that_fails_is_told_without_its_address(name: str) -> None:
    answer, why = ANSWERS[name]
    async with site(answer) as url:
        desk = Desk(feeds=(url,))
        await desk.news._read_feeds()
    (notice,) = desk.told
    assert (notice.code, notice.level.value) == ("NEWS_FAILED", "WARNING")
    assert why in notice.text
    assert "trading goes on without them" in notice.text
    assert "planted" not in notice.text


async def test_a_feed_is_read_again_and_again_and_nothing_ends_that(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradeterm.engine.news.MINUTE_MS", 1)
    async with site(response(b"<html/>"), response(RSS), response(ATOM)) as url:
        desk = Desk(feeds=(url,), poll_minutes=1.0)
        running = asyncio.create_task(desk.news.run())
        for _ in range(500):
            await asyncio.sleep(0.02)
            if len(desk.told) == 2 and desk.news.about(LINK, NOW):
                break
        assert desk.codes == ["NEWS_FAILED", "NEWS_BACK"]
        assert desk.news.about(BTC, NOW) == ("Bitcoin falls & recovers",)
        assert desk.news.about(LINK, NOW) == ("LINK gains <b>3%</b>",)
        desk.now = None  # type: ignore[assignment]  # whatever breaks inside
        await asyncio.sleep(0.05)
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_nobody_there() -> None:
    async with make_client() as client:
        with pytest.raises(DataError, match="no connection: ConnectError"):
            await fetch(client, "http://127.0.0.1:9/rss")


def with_news(**settings: Any) -> Any:
    return msgspec.structs.replace(options().config, news=NewsConfig(**settings))


def test_mistakes_and_warnings_are_sentences(tmp_path: Path) -> None:
    config = with_news(feeds=("http://wire.example/rss",), words={"DOGEUSDT.X": ("dog",), "BTCUSDT.BINANCE": ()})
    assert trading_mistakes(config) == [
        'news.feeds: found "http://wire.example/rss", allowed addresses that begin with https://',
        'news.words: found "DOGEUSDT.X", allowed an instrument of a book, or "*"',
        "news.words.BTCUSDT.BINANCE: found [], allowed words",
    ]
    unread, missing = trading_warnings(with_news(file=str(tmp_path / "none.jsonl")))
    assert unread.startswith("news: nobody reads headlines")
    assert missing.endswith("none.jsonl does not exist yet")
    assert trading_warnings(options().config) == []


async def test_the_doctor_looks_at_each_source(tmp_path: Path) -> None:
    file = tmp_path / "news.jsonl"
    file.write_text(line("one") + "rubbish\n")
    async with site(response(RSS)) as url:
        found = await probe_news(with_news(file=str(file), feeds=(url, "http://127.0.0.1:9/rss?token=planted")))
    said = [(item.subject, item.verdict.value, item.text) for item in found]
    assert said == [
        ("news file", "WARN", f"{file}: 1 headlines, 1 lines that are none"),
        ("news 127.0.0.1", "OK", "2 headlines"),
        ("news 127.0.0.1", "WARN", "no connection: ConnectError"),
    ]
    assert await probe_news(options().config) == []


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-planted-0123456789abcdef")


def test_a_headline_reaches_the_second_call_alone_and_may_only_lower(tmp_path: Path) -> None:
    """Through the whole engine: the signals of the recording with bad news, hostile news, and none."""
    file = tmp_path / "news.jsonl"
    adverse = "ETH bridge exploit drains funds, exchange halts withdrawals"
    early = 1_744_329_600_000
    texts = [f"ETH: {text}" for text in HOSTILE]
    file.write_text(line(adverse, early, symbols=["ETH"]) + "".join(line(text, early) for text in texts))
    with served() as server:
        config = msgspec.structs.replace(asking(server), news=NewsConfig(file=str(file), keep_hours=48.0))
        seen = run(config=config)
    first = [body["messages"][0]["content"] for body in server.asked if '"untrusted"' not in str(body["messages"])]
    second = [
        json.loads(body["messages"][0]["content"]) for body in server.asked if '"untrusted"' in str(body["messages"])
    ]
    assert first and not any(word in text for text in first for word in ("exploit", "Ignore all", "withdrawals"))
    assert second and {context["signal"]["symbol"] for context in second} == {"ETHUSDT.BINANCE"}
    assert all(adverse in context["untrusted"]["headlines"] for context in second)
    verdicts = seen.of(Verdict)
    hit = {verdict.code for verdict in verdicts if verdict.instrument == "ETHUSDT.BINANCE"}
    assert hit == {"NEWS_ADVERSE"}
    assert {verdict.decision for verdict in verdicts} <= {VerdictDecision.APPROVE, VerdictDecision.REJECT}
    orders = [order for order in seen.of(Order) if order.parent_id is None and not order.reduce_only]
    assert "ETHUSDT.BINANCE" not in {order.instrument for order in orders}
    of_eth = [record for record in decisions() if record["instrument"] == "ETHUSDT.BINANCE"]
    assert of_eth and all(record["suspicious"] and adverse in record["headlines"] for record in of_eth)
    assert entries(seen)


class StillFeed(ReplayFeed):
    """One that was never opened."""

    def __init__(self) -> None:
        """It plays nothing."""

    def instruments(self) -> tuple[Instrument, ...]:
        return CONTRACTS


@pytest.mark.parametrize("mode", [{"news_mode": NewsMode.OFF}, {"mode": GateMode.OFF}, {"validator": "rules"}])
def test_where_nobody_reads_them_a_broken_source_is_not_even_looked_at(mode: dict[str, Any]) -> None:
    gate = msgspec.structs.replace(options().config.gate, **{"validator": "claude", **mode})
    config = msgspec.structs.replace(with_news(file="/nowhere"), gate=gate)
    told: list[Notice] = []
    made = Surroundings(config, StillFeed(), tell=told.append, now=lambda: NOW, recorded=False)
    assert made._news is None
    assert told == []


@pytest.mark.parametrize("validator", ["claude", "openai-shaped", "recorded"])
def test_a_record_is_searched_by_the_headlines_too(validator: str) -> None:
    gate = msgspec.structs.replace(options().config.gate, validator=validator)
    config = msgspec.structs.replace(with_news(file="/nowhere"), gate=gate)
    assert Surroundings(config, StillFeed(), tell=lambda notice: None, now=lambda: NOW, recorded=True)._news is not None
