"""Keys come from two places, and are shown nowhere."""

import logging
import os
from io import StringIO
from pathlib import Path

import pytest

from tradeterm.config import BybitConfig
from tradeterm.domain.errors import ConfigError
from tradeterm.venues.credentials import Credentials, Redaction, bybit_credentials, install, load_credentials, remove

KEY, SECRET = "AbCdEf123456", "s3cr3t/with+signs=="
SIGNATURE = "ab12" * 16


def key_file(folder: Path, text: str, mode: int = 0o600) -> str:
    path = folder / "bybit.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    return str(path)


def test_the_environment_comes_first(tmp_path: Path) -> None:
    environ = {"BYBIT_API_KEY": f" {KEY}\n", "BYBIT_API_SECRET": SECRET}
    path = key_file(tmp_path, "another-key\nanother-secret\n")
    assert load_credentials("bybit", path, environ) == Credentials(KEY, SECRET)


def test_a_file_of_two_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BYBIT_API_KEY", "BYBIT_API_SECRET"):
        monkeypatch.delenv(name, raising=False)
    path = key_file(tmp_path, f"{KEY}\n\n  {SECRET}\n")
    assert bybit_credentials(BybitConfig(key_file=path)) == Credentials(KEY, SECRET)


def test_nothing_given_says_what_to_do() -> None:
    with pytest.raises(ConfigError, match="set BYBIT_API_KEY and BYBIT_API_SECRET, or name a key file"):
        load_credentials("bybit", "", {})


@pytest.mark.parametrize("given", [{"BYBIT_API_KEY": KEY}, {"BYBIT_API_SECRET": SECRET}])
def test_half_a_pair_says_which(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="is not set") as refused:
        load_credentials("bybit", "", given)
    assert KEY not in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o777])
def test_a_file_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, f"{KEY}\n{SECRET}\n", mode)
    with pytest.raises(ConfigError, match=f"run chmod 600 {path}"):
        load_credentials("bybit", path, {})


@pytest.mark.parametrize("text", ["", KEY, f"{KEY}\n{SECRET}\nmore", f"{KEY}\nshort", f"two words\n{SECRET}", "\0\0"])
def test_a_file_that_is_no_key_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_credentials("bybit", key_file(tmp_path, text), {})
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "lines", [("BYBIT_API_KEY=abcdefgh", SECRET), (KEY, f'"{SECRET}"'), (f"key: {KEY}".replace(" ", ""), SECRET)]
)
def test_names_and_quotes_are_not_part_of_a_key(tmp_path: Path, lines: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match=r"write the bare (key|secret) alone") as refused:
        load_credentials("bybit", key_file(tmp_path, "\n".join(lines)), {})
    assert SECRET not in str(refused.value)


def test_a_file_saved_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert load_credentials("bybit", key_file(tmp_path, f"\ufeff{KEY}\r\n{SECRET}\r\n"), {}) == Credentials(KEY, SECRET)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_credentials("bybit", str(tmp_path / "none"), {})
    with pytest.raises(ConfigError, match=r"cannot be read|is not a file"):
        load_credentials("bybit", str(tmp_path), {})


def test_an_rsa_key_is_not_a_secret() -> None:
    secret = "-----BEGIN-PRIVATE-KEY-----"
    with pytest.raises(ConfigError, match="RSA"):
        load_credentials("bybit", "", {"BYBIT_API_KEY": KEY, "BYBIT_API_SECRET": secret})


def test_neither_is_ever_shown() -> None:
    credentials = Credentials(KEY, SECRET)
    for shown in (repr(credentials), str(credentials), f"{credentials}", repr([credentials])):
        assert KEY not in shown
        assert SECRET not in shown


def test_no_log_holds_key_secret_or_signature() -> None:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    logger = logging.Logger("test")
    logger.addHandler(handler)
    redaction = Redaction(Credentials(KEY, SECRET))
    install(redaction, (logger,))
    install(redaction, (logger,))
    logger.warning("sent %s with %s", {"X-BAPI-API-KEY": KEY, "X-BAPI-SIGN": SIGNATURE}, SECRET)
    logger.warning('{"op":"auth","args":["%s",1662350400000,"%s"]}', KEY, SIGNATURE)
    try:
        raise ValueError(f"signature={SIGNATURE} of {KEY}")
    except ValueError:
        logger.exception("failed with %s", SECRET)
    text = stream.getvalue()
    assert "failed with [hidden]" in text
    assert "ValueError" in text
    for hidden in (KEY, SECRET, SIGNATURE):
        assert hidden not in text
    assert handler.filters == [redaction]
    remove(redaction, (logger,))
    assert handler.filters == []
