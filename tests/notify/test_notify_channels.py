import asyncio
import io
import logging
import os
import pty
import threading

import pytest
from aiohttp import web
from notify_kit import Service, message

from tradeterm.config import BellConfig, BellStyle, NtfyConfig, SlackConfig, TelegramConfig
from tradeterm.domain.states import AlertLevel
from tradeterm.notify import http
from tradeterm.notify.aside import Aside
from tradeterm.notify.bell import Bell
from tradeterm.notify.ntfy import Ntfy
from tradeterm.notify.protocol import Channel, NotifyError, NotifyRefused, NotifyUnavailable
from tradeterm.notify.telegram import Telegram
from tradeterm.notify.webhook import Webhook, discord, slack

TOKEN, TOPIC, HOOK = "123456:AAH-very-secret_token", "secret-topic-77", "T000/B000/secret-path"
SECRETS = (TOKEN, TOPIC, HOOK)
KINDS = ["ntfy", "telegram", "slack", "discord"]


def channel(kind: str, url: str) -> Channel:
    match kind:
        case "ntfy":
            return Ntfy(NtfyConfig(url=url), TOPIC, TOKEN)
        case "telegram":
            return Telegram(TelegramConfig(url=url, chat_id="-100"), TOKEN)
        case "slack":
            return Webhook("slack", SlackConfig(), f"{url}/{HOOK}", slack)
    return Webhook("discord", SlackConfig(), f"{url}/{HOOK}", discord)


async def failure(sender: Channel) -> NotifyError:
    try:
        with pytest.raises(NotifyError) as caught:
            await sender.send(message())
    finally:
        await sender.close()
    return caught.value


async def test_ntfy() -> None:
    async with Service() as service:
        sender = channel("ntfy", service.url)
        await sender.send(message("stop is missing", level=AlertLevel.CRITICAL))
        await sender.close()
    ((path, headers, sent),) = service.requests
    assert path == "/"
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert sent["topic"] == TOPIC
    assert sent["title"] == "tradeterm: CRITICAL STALE_DATA"
    assert sent["message"].startswith("stop is missing\n")
    assert sent["priority"] == 5


async def test_ntfy_without_a_token() -> None:
    async with Service() as service:
        sender = Ntfy(NtfyConfig(url=service.url), TOPIC)
        await sender.send(message())
        await sender.close()
    assert "Authorization" not in service.requests[0][1]


async def test_telegram() -> None:
    async with Service() as service:
        sender = channel("telegram", service.url)
        await sender.send(message("*bold* @bob /stop a@b.c BTC/USDT"))
        await sender.close()
    ((path, _, sent),) = service.requests
    assert path == f"/bot{TOKEN}/sendMessage"
    assert sent["chat_id"] == "-100"
    assert "parse_mode" not in sent
    assert "*bold* @\u2060bob /\u2060stop a@b.c BTC/USDT" in sent["text"]
    assert sent["link_preview_options"] == {"is_disabled": True}


@pytest.mark.parametrize("kind", ["slack", "discord"])
async def test_webhooks(kind: str) -> None:
    async with Service(web.Response(status=204)) as service:
        sender = channel(kind, service.url)
        await sender.send(message())
        await sender.close()
    ((path, _, sent),) = service.requests
    assert path == f"/{HOOK}"
    assert "feed is 40 s old" in sent["text" if kind == "slack" else "content"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [301, 400, 401, 403, 404])
async def test_a_refusal_is_final_and_names_what_to_check(kind: str, status: int) -> None:
    async with Service(web.Response(status=status, text=f"bad {TOKEN} {HOOK}", headers={"Location": "/"})) as service:
        found = await failure(channel(kind, service.url))
    assert type(found) is NotifyRefused
    assert str(status) in str(found)
    assert "check " in str(found)
    assert len(service.requests) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "wait_s"),
    [
        (web.Response(status=429, headers={"Retry-After": "7"}), 7.0),
        (web.json_response({"parameters": {"retry_after": 9}}, status=429), 9.0),
        (web.json_response({"retry_after": 1.5}, status=429), 1.5),
        (web.Response(status=429, headers={"Retry-After": "99999"}), 300.0),
        (web.Response(status=429, headers={"Retry-After": "nan"}), 0.0),
        (web.Response(status=429, text="slow down"), 0.0),
        (web.json_response([], status=429), 0.0),
        (web.Response(status=503, headers={"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}), 0.0),
        (web.Response(status=500), 0.0),
    ],
)
async def test_what_is_worth_another_attempt(kind: str, answer: web.Response, wait_s: float) -> None:
    async with Service(answer) as service:
        found = await failure(channel(kind, service.url))
    assert isinstance(found, NotifyUnavailable)
    assert found.retry_after_s == wait_s


@pytest.mark.parametrize("kind", KINDS)
async def test_silence_and_nobody_there(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT_S", 0.05)
    async with Service(5.0) as service:
        assert "did not answer within" in str(await failure(channel(kind, service.url)))
    found = await failure(channel(kind, service.url))
    assert isinstance(found, NotifyUnavailable)
    assert "cannot be reached" in str(found)


@pytest.mark.parametrize("kind", KINDS)
async def test_no_secret_in_any_log_or_error(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    for logger in (None, "httpx", "httpcore"):  # those whom an AI was asked through are silent by now
        caplog.set_level(logging.DEBUG, logger)
    answers = [web.json_response({}), web.Response(status=404, text=TOKEN), web.Response(status=500, text=HOOK)]
    said = []
    async with Service(*answers, 0.0) as service:
        sender = channel(kind, service.url)
        await sender.send(message())
        for _ in range(2):
            with pytest.raises(NotifyError) as caught:
                await sender.send(message())
            said.append(f"{caught.value} {caught.value!r} {caught.value.__cause__!r}")
        said.append(repr(sender))
        await sender.close()
    said.append(str(await failure(channel(kind, service.url))))
    logged = caplog.text + "".join(str(record.__dict__) for record in caplog.records)
    assert "HTTP Request: POST" in logged
    for secret in SECRETS:
        assert secret not in logged
        assert secret not in "".join(said)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("style", "written"),
    [
        (BellStyle.BELL, "\a"),
        (BellStyle.OSC9, "\x1b]9;tradeterm: ERROR A: x, y 18:00:00 UTC\x1b\\\a"),
        (BellStyle.OSC777, "\x1b]777;notify;tradeterm: ERROR A;x, y 18:00:00 UTC\x1b\\\a"),
    ],
)
async def test_bell(style: BellStyle, written: str) -> None:
    terminal = Terminal()
    await Bell(BellConfig(style=style), terminal).send(message("x; y", code="A"))
    assert terminal.getvalue() == written


async def test_the_text_cannot_end_the_sequence() -> None:
    terminal = Terminal()
    await Bell(BellConfig(style=BellStyle.OSC777), terminal).send(message("a\x07\x1b]0;evil\x1b\\b\x9c", code="\x1bc"))
    assert [mark for mark in terminal.getvalue() if not mark.isprintable()] == ["\x1b", "\x1b", "\a"]


async def test_no_terminal_no_bell() -> None:
    stream = io.StringIO()
    with pytest.raises(NotifyRefused, match="no terminal"):
        await Bell(BellConfig(), stream).send(message())
    assert stream.getvalue() == ""
    stream.close()
    with pytest.raises(NotifyRefused, match="no terminal"):
        await Bell(BellConfig(), stream).send(message())


async def test_a_real_terminal_rings() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        await Bell(BellConfig(), terminal).send(message())
        assert os.read(ours, 10) == b"\a"
    os.close(ours)


async def test_a_stopped_terminal_delays_nobody() -> None:
    release = threading.Event()

    class Stopped(Terminal):
        def flush(self) -> None:
            release.wait(5.0)

    bell = Bell(BellConfig(), Stopped())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(bell.send(message()), 0.05)
    with pytest.raises(NotifyUnavailable, match="has not finished"):
        await bell.send(message())
    release.set()


async def test_what_the_thread_raises_is_raised_here() -> None:
    def broken() -> None:
        raise OSError("gone")

    aside = Aside("test")
    for _ in range(2):
        with pytest.raises(OSError, match="gone"):
            await aside.run(broken)
        await asyncio.sleep(0.01)
