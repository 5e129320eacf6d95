"""`tradeterm notify test`, and what `config check` and `doctor` say of notifications."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from notify_kit import Service

from tradeterm.cli import main
from tradeterm.cli.doctor_notify import notify_findings
from tradeterm.cli.finding import Level
from tradeterm.notify.secrets import NAMES
from tradeterm.profile import Profile
from tradeterm.resources import demo_config, example_config

MINE = ("--profile", "default")


@pytest.fixture(autouse=True)
def no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@contextmanager
def service(*answers: web.Response) -> Iterator[Service]:
    """A service on a loop of its own: the command brings one too."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    found = Service(*answers)
    try:
        asyncio.run_coroutine_threadsafe(found.__aenter__(), loop).result(10)
        yield found
    finally:
        asyncio.run_coroutine_threadsafe(found.__aexit__(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def configure(profile: Profile, **channels: str) -> Path:
    """The example with settings of channels laid over it."""
    text = example_config().read_text()
    for name, settings in channels.items():
        before, heading, after = text.partition(f"[notify.{name}]")
        text = before + heading + after.replace("enabled = false", settings, 1)
    profile.config_file.write_text(text)
    return profile.config_file


def with_url(profile: Profile, url: str) -> None:
    profile.config_file.write_text(profile.config_file.read_text().replace("https://ntfy.sh", url))


def test_nothing_to_try(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    file = configure(profile)
    assert main(["notify", "test", *MINE]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"tradeterm: {file}: [notify] has no channel with enabled = true")
    assert main(["notify", "test", "--demo"]) == 2


def test_a_line_a_channel_and_a_failure_stops_none(
    profile: Profile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(profile, ntfy="enabled = true", slack="enabled = true")
    monkeypatch.setenv("NTFY_TOPIC", "topic-1")
    with service() as there:
        with_url(profile, there.url)
        assert main(["notify", "test", *MINE]) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "ntfy   sent"
        assert lines[1].startswith("slack  FAILED: notify.slack: SLACK_WEBHOOK_URL is not set")
        assert there.requests[0][2]["title"] == "tradeterm paper default: INFO TEST"
        assert main(["notify", "test", "ntfy", *MINE]) == 0
        assert capsys.readouterr().out == "ntfy  sent\n"
        assert len(there.requests) == 2
        assert main(["notify", "test", "telegram", *MINE]) == 2
        assert 'found "telegram", allowed the enabled ntfy or slack' in capsys.readouterr().err


def test_as_json(profile: Profile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    configure(profile, ntfy="enabled = true")
    monkeypatch.setenv("NTFY_TOPIC", "topic-1")
    with service(web.Response(status=403)) as there:
        with_url(profile, there.url)
        assert main(["notify", "test", "--json", *MINE]) == 1
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert list(answer) == ["type", "profile", "ok", "channels"]
    assert (answer["type"], answer["profile"], answer["ok"]) == ("notify_test", "default", False)
    (found,) = answer["channels"]
    assert (found["channel"], found["taken"]) == ("ntfy", False)
    assert "HTTP status 403" in found["text"]
    assert "topic-1" not in json.dumps(answer)


def test_config_check_names_what_is_missing(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    file = configure(profile, telegram="enabled = true", email="enabled = true")
    assert main(["config", "check", *MINE]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f'tradeterm: {file}: notify.telegram.chat_id: found "", allowed a number or @channel'
    assert [line.split(": ")[2] for line in lines[1:]] == [
        *("notify.email.host", "notify.email.sender", "notify.email.recipients"),
    ]


def test_config_check_reads_a_secrets_file_that_is_named(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    file = configure(profile, ntfy="enabled = true")
    assert main(["config", "check", *MINE]) == 0  # the secret may be set where the engine is started
    file.write_text(file.read_text().replace('secrets_file = ""', 'secrets_file = "secrets.env"'))
    assert main(["config", "check", *MINE]) == 2
    assert f"the secrets file {file.parent / 'secrets.env'} cannot be read" in capsys.readouterr().err


def test_doctor_lists_channels_and_their_secrets(profile: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    file = configure(profile)
    (none,) = notify_findings(profile, file)
    assert (none.name, none.level) == ("notify", Level.OK)
    assert "no channel is enabled" in none.text
    configure(profile, ntfy="enabled = true", discord="enabled = true")
    monkeypatch.setenv("NTFY_TOPIC", "topic-1")
    there, missing = notify_findings(profile, file)
    assert (there.name, there.level) == ("notify ntfy", Level.OK)
    assert there.text.startswith("WARNING and above; settings and secrets are there")
    assert (missing.name, missing.level) == ("notify discord", Level.FAIL)
    assert "DISCORD_WEBHOOK_URL is not set" in missing.text
    assert notify_findings(profile, demo_config()) == []
