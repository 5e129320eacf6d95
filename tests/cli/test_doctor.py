"""The doctor's single checks, each with the sentence for its trouble, and the whole on a real profile."""

import json
from pathlib import Path

import pytest
from seeded import WALL, seed, view

from tradeterm.cli import main
from tradeterm.cli.doctor_host import clock, disk, folder, libraries, python, terminal
from tradeterm.cli.doctor_logout import judge
from tradeterm.cli.doctor_profile import configuration, engine, heartbeat, ledger
from tradeterm.cli.finding import Level
from tradeterm.ledger.lock import EngineLock
from tradeterm.profile import Profile
from tradeterm.resources import demo_config, example_config

XTERM = {"TERM": "xterm-256color"}


def test_the_machine_is_fit() -> None:
    assert python().level is Level.OK
    assert "textual 8." in libraries().text


@pytest.mark.parametrize(
    ("environment", "size", "encoding", "level", "text"),
    [
        (XTERM, (120, 40), "utf-8", Level.OK, "xterm-256color, 120×40, 256 colours, utf-8"),
        ({**XTERM, "COLORTERM": "truecolor"}, (80, 24), "UTF-8", Level.OK, "16 million colours"),
        ({**XTERM, "NO_COLOR": "1"}, (80, 24), "utf-8", Level.OK, "no colour (NO_COLOR)"),
        ({"TERM": "linux"}, (80, 24), "utf-8", Level.OK, "16 colours"),
        (XTERM, (20, 5), "utf-8", Level.WARN, "smaller than 60×15: one line of state only"),
        (XTERM, (80, 24), "ANSI_X3.4-1968", Level.WARN, "plain ASCII signs are used"),
        ({"TERM": "dumb"}, (80, 24), "utf-8", Level.FAIL, "TERM is 'dumb'"),
        ({}, (80, 24), "utf-8", Level.FAIL, "TERM is ''"),
    ],
)
def test_terminals(environment: dict[str, str], size: tuple[int, int], encoding: str, level: Level, text: str) -> None:
    found = terminal(environment, True, size, encoding)
    assert found.level is level
    assert text in found.text


def test_no_terminal_is_no_fault() -> None:
    assert terminal({}, False, (0, 0), "utf-8").level is Level.OK


def test_folders(tmp_path: Path) -> None:
    missing = tmp_path / "a" / "b"
    assert folder("state", missing).text == f"{missing} will be made"
    tmp_path.chmod(0o755)
    assert folder("state", tmp_path).level is Level.WARN
    assert f"chmod 700 {tmp_path}" in folder("state", tmp_path).text
    tmp_path.chmod(0o700)
    assert folder("state", tmp_path).level is Level.OK
    (tmp_path / "file").write_text("")
    assert folder("state", tmp_path / "file" / "x").level is Level.FAIL


def test_disk_and_clock(tmp_path: Path) -> None:
    assert "GiB free" in disk(tmp_path / "not" / "there").text
    assert clock(1_768_471_200.0, 1_700_000_000.0).level in (Level.OK, Level.WARN)
    early = clock(0.0, 1_700_000_000.0)
    assert (early.level, early.text) == (
        Level.FAIL,
        "1970-01-01 00:00:00 UTC is before this program was installed; set the clock",
    )


@pytest.mark.parametrize(
    ("group", "lingers", "kills", "level", "words"),
    [
        (
            "0::/user.slice/user-1000.slice/session-3.scope",
            False,
            True,
            Level.WARN,
            "`loginctl enable-linger ada` and run",
        ),
        (
            "0::/user.slice/user-1000.slice/session-3.scope",
            True,
            True,
            Level.WARN,
            "to prevent it run it as the systemd",
        ),
        ("0::/user.slice/user-1000.slice/session-3.scope", False, None, Level.WARN, "KillUserProcesses may be on"),
        ("0::/user.slice/user-1000.slice/session-3.scope", False, False, Level.OK, "KillUserProcesses is off"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice", False, False, Level.WARN, "enable-linger ada"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice", True, True, Level.OK, "ada lingers"),
        ("0::/system.slice/cron.service", False, True, Level.OK, "not in a login session"),
        ("", False, None, Level.OK, "not in a login session"),
    ],
)
def test_logout(group: str, lingers: bool, kills: bool | None, level: Level, words: str) -> None:
    found = judge("ada", group, lingers=lingers, kills=kills)
    assert found.level is level
    assert words in found.text


def test_configuration(tmp_path: Path, profile: Profile) -> None:
    assert configuration(demo_config(), profile).level is Level.OK
    file = tmp_path / "config.toml"
    file.write_text("a = 1\nb = 2\n")
    found = configuration(file, profile)
    assert found.level is Level.FAIL
    assert "(and 1 more; see `tradeterm config check`)" in found.text
    file.write_text(example_config().read_text().replace('venue = "paper"', 'venue = "bybit"'))
    assert 'books.crypto.venue: found "bybit"' in configuration(file, profile).text


def test_ledgers(profile: Profile) -> None:
    assert ledger(profile.ledger).text.startswith("none at")
    seed(profile)
    assert ledger(profile.ledger).text.endswith("sound")
    profile.ledger.write_bytes(b"nonsense" * 1000)
    for name in ("-wal", "-shm"):
        profile.ledger.with_name(profile.ledger.name + name).unlink(missing_ok=True)
    assert ledger(profile.ledger).level is Level.FAIL


def test_engines(profile: Profile) -> None:
    assert engine(profile).text == "not running"
    lock = EngineLock(profile.lock)
    lock.acquire()
    assert engine(profile).text.startswith("starting (process")
    lock.release()
    assert engine(profile).text == "not running (the lock file an earlier one left is harmless)"


@pytest.mark.parametrize(
    ("age_ms", "level", "text"),
    [
        (400, Level.OK, "running (process 4242), last sign 0.4 s ago"),
        (9_000, Level.WARN, "process 4242 has been silent for 9.0 s"),
        (90_000, Level.FAIL, "process 4242 has been silent for 90 s; see `tradeterm logs`"),
    ],
)
def test_a_silent_engine_is_not_taken_for_a_calm_one(age_ms: int, level: Level, text: str) -> None:
    found = heartbeat(4242, view(), WALL + age_ms)
    assert (found.level, found.text) == (level, text)


def test_the_whole(profile: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--demo", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    names = [check["name"] for check in answer["checks"]]
    assert (answer["type"], answer["profile"], answer["ok"]) == ("doctor", "demo", True)
    assert names == [
        *("python", "libraries", "terminal", "state folder", "config folder", "disk", "file system", "clock"),
        *("config", "ledger", "engine", "logout"),
    ]
    assert main(["doctor", "--profile", "other"]) == 1
    assert "FAIL  config" in capsys.readouterr().out
