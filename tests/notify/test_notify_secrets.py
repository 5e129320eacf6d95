import os
from pathlib import Path

import httpx
import pytest

from tradeterm.domain.errors import ConfigError
from tradeterm.notify.secrets import SecretUrl, load_secrets

TOKEN = "123456:AAH-very-secret_token"


def secrets_file(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "secrets.env"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def test_from_the_environment_before_the_file(tmp_path: Path) -> None:
    file = secrets_file(
        tmp_path,
        f'# mine\n\nexport TELEGRAM_BOT_TOKEN = "{TOKEN}"\nSMTP_PASSWORD=two words = one\nNTFY_TOPIC=\n',
    )
    found = load_secrets(file, {"NTFY_TOKEN": " tk_1 ", "SLACK_WEBHOOK_URL": ""})
    assert found.get("TELEGRAM_BOT_TOKEN") == TOKEN
    assert found.get("SMTP_PASSWORD") == "two words = one"
    assert found.get("NTFY_TOKEN") == "tk_1"
    assert found.get("NTFY_TOPIC") == found.get("SLACK_WEBHOOK_URL") == ""
    assert load_secrets(file, {"TELEGRAM_BOT_TOKEN": "9:other"}).get("TELEGRAM_BOT_TOKEN") == "9:other"


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError, match=r"notify\.telegram: TELEGRAM_BOT_TOKEN is not set"):
        load_secrets("", {}).need("TELEGRAM_BOT_TOKEN", "telegram")


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigError, match="run chmod 600"):
        load_secrets(secrets_file(tmp_path, f"SMTP_PASSWORD={TOKEN}", mode), {})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TOKEN, "line 1 that is not NAME"),
        (f"\nPASSWORD={TOKEN}", "unknown name on line 2"),
        ("NTFY_TOKEN=ä", "NTFY_TOKEN"),
    ],
)
def test_a_wrong_file_is_refused_without_being_quoted(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as refused:
        load_secrets(secrets_file(tmp_path, text), {})
    assert TOKEN not in str(refused.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_secrets(str(tmp_path / "none"), {})
    with pytest.raises(ConfigError, match=r"cannot be read|is not a file"):
        load_secrets(str(tmp_path), {})


def test_they_are_never_shown() -> None:
    secrets = load_secrets("", {"TELEGRAM_BOT_TOKEN": TOKEN})
    url = SecretUrl(httpx.URL(f"https://user:{TOKEN}@example.com:8443/bot{TOKEN}?key={TOKEN}"))
    for shown in (repr(secrets), str(secrets), repr([secrets]), str(url), repr(url), f"{url}"):
        assert TOKEN not in shown
    assert "example.com:8443" in str(url)
    assert url.raw_path == f"/bot{TOKEN}?key={TOKEN}".encode()
