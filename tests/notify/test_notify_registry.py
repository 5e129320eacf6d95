import io
from typing import Any

import msgspec
import pytest
from notify_kit import FakeChannel, Service

from tradeterm.config import NotifyConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.states import AlertLevel
from tradeterm.notify.protocol import Notification
from tradeterm.notify.registry import ChannelResult, check_channels, make_channels, try_channels

EVERYTHING: dict[str, Any] = {
    "bell": {"enabled": True},
    "ntfy": {"enabled": True, "level": "INFO"},
    "telegram": {"enabled": True, "chat_id": "-1001234"},
    "slack": {"enabled": True},
    "discord": {"enabled": True},
    "email": {
        "enabled": True,
        "host": "mail.example.com",
        "username": "me",
        "sender": "me@example.com",
        "recipients": ["you@example.com"],
    },
}
ENVIRON = {
    "NTFY_TOPIC": "topic-1",
    "TELEGRAM_BOT_TOKEN": "123:abc-DEF_9",
    "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/T/B/x",
    "DISCORD_WEBHOOK_URL": "https://discord.com/api/webhooks/1/x",
    "SMTP_PASSWORD": "pass word",
}


def config(**tables: Any) -> NotifyConfig:
    return msgspec.convert(tables, NotifyConfig)


def test_nothing_is_enabled_by_default() -> None:
    assert make_channels(NotifyConfig(), {}) == []


async def test_every_channel_in_the_order_of_the_configuration() -> None:
    channels = make_channels(config(**EVERYTHING), ENVIRON, io.StringIO())
    assert [channel.name for channel in channels] == list(EVERYTHING)
    assert [channel.level for channel in channels][:2] == [AlertLevel.WARNING, AlertLevel.INFO]
    shown = "".join(f"{channel!r} {channel}" for channel in channels)
    for secret in ENVIRON.values():
        assert secret not in shown
    for channel in channels:
        await channel.close()


def test_every_missing_secret_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        make_channels(config(**EVERYTHING), {})
    assert [line.split(":")[0] for line in str(refused.value).splitlines()] == [
        "notify.ntfy",
        "notify.telegram",
        "notify.slack",
        "notify.discord",
        "notify.email",
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("NTFY_TOPIC", "a/b"),
        ("TELEGRAM_BOT_TOKEN", "abc"),
        ("TELEGRAM_BOT_TOKEN", "1:a/../b"),
        ("SLACK_WEBHOOK_URL", "http://hooks.slack.com/services/T/B/secret"),
        ("DISCORD_WEBHOOK_URL", "discord.com/secret"),
        ("DISCORD_WEBHOOK_URL", "https://[secret"),
    ],
)
def test_a_secret_of_the_wrong_shape_is_named_and_not_shown(variable: str, value: str) -> None:
    with pytest.raises(ConfigError, match=variable) as refused:
        make_channels(config(**EVERYTHING), ENVIRON | {variable: value})
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    ("table", "change", "key"),
    [
        ("ntfy", {"url": "http://ntfy.example.com"}, "notify.ntfy.url"),
        ("telegram", {"url": ""}, "notify.telegram.url"),
        ("telegram", {"chat_id": ""}, "notify.telegram.chat_id"),
        ("telegram", {"chat_id": "bob"}, "notify.telegram.chat_id"),
        ("email", {"host": ""}, "notify.email.host"),
        ("email", {"sender": "me"}, "notify.email.sender"),
        ("email", {"recipients": []}, "notify.email.recipients"),
        ("email", {"recipients": ["you@example.com", "x@y\nBcc: z@w"]}, "notify.email.recipients"),
    ],
)
def test_a_setting_that_cannot_work_is_named(table: str, change: dict[str, Any], key: str) -> None:
    wrong = config(**{table: EVERYTHING[table] | change})
    with pytest.raises(ConfigError, match=rf"^{key}: found .*, allowed [^\n]*$"):
        check_channels(wrong)
    check_channels(config(**{table: EVERYTHING[table] | change | {"enabled": False}}))


def test_a_proxy_that_is_none_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://me:hidden-word@proxy:70")
    with pytest.raises(ConfigError, match=r"notify\.slack: the proxy of the environment") as refused:
        make_channels(config(slack={"enabled": True}), ENVIRON)
    assert "hidden-word" not in str(refused.value)


def test_this_machine_needs_no_encryption() -> None:
    check_channels(config(ntfy={"enabled": True, "url": "http://127.0.0.1:8080"}))


async def test_a_trial_tells_how_each_channel_fares() -> None:
    async def broken(_: Notification) -> None:
        raise RuntimeError("with a secret in it")

    well, ill = FakeChannel("well", AlertLevel.CRITICAL), FakeChannel("ill", act=broken)
    async with Service() as service:
        (ntfy,) = make_channels(config(ntfy={"enabled": True, "url": service.url}), ENVIRON)
        results = await try_channels([well, ill, ntfy], source="tradeterm paper")
        await ntfy.close()
    assert results == [
        ChannelResult("well", True, "taken"),
        ChannelResult("ill", False, "ill failed: RuntimeError"),
        ChannelResult("ntfy", True, "taken"),
    ]
    assert service.requests[0][2]["title"] == "tradeterm paper: INFO TEST"
