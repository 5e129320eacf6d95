"""The commands on a real engine in its own process, started as a person would start it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tradeterm.console.client import open_console
from tradeterm.profile import find_profile
from tradeterm.resources import example_config

PATIENCE_S = 20.0


def tradeterm(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tradeterm", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def status() -> Any:
    return json.loads(tradeterm("status", "--json").stdout)


@pytest.fixture
def engine(home: Path) -> Iterator[subprocess.Popen[str]]:
    """A paper engine on the recording, slow enough that it does not end by itself."""
    home.mkdir()
    (home / "config.toml").write_text(example_config().read_text().replace("speed = 1600.0", "speed = 6000.0"))
    process = subprocess.Popen(
        [sys.executable, "-m", "tradeterm", "--headless", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    deadline = time.monotonic() + PATIENCE_S
    with closing(open_console(find_profile())) as console:
        while console.view() is None:
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
    yield process
    if process.poll() is None:
        process.kill()
    process.communicate()


def said(done: subprocess.CompletedProcess[str]) -> tuple[int, str, str]:
    return done.returncode, done.stdout, done.stderr


def test_a_session_of_commands(engine: subprocess.Popen[str]) -> None:
    assert said(tradeterm("pause", "crypto")) == (0, "pause: done (paused: crypto)\n", "")
    assert status()["desk"]["books"][0]["state"] == "PAUSED"
    assert tradeterm("resume", "crypto").returncode == 0
    assert tradeterm("stop").returncode == 0
    assert tradeterm("start").returncode == 0
    assert tradeterm("halt", "--reason", "a test").returncode == 0
    assert status()["desk"]["trading_state"] == "HALTED"
    assert tradeterm("resume").returncode == 0
    assert status()["desk"]["trading_state"] == "ACTIVE"
    assert tradeterm("kill").returncode == 3
    assert tradeterm("kill", "--yes").returncode == 0
    assert status()["desk"]["trading_state"] == "HALTED"
    assert status()["desk"]["positions"] == []

    second = tradeterm("--headless")
    assert second.returncode == 1
    assert f"another engine (pid {engine.pid})" in second.stderr
    assert "running" in next(
        check["text"]
        for check in json.loads(tradeterm("doctor", "--json").stdout)["checks"]
        if check["name"] == "engine"
    )

    assert tradeterm("stop", "--engine").returncode == 0
    out, errors = engine.communicate(timeout=PATIENCE_S)
    assert (engine.returncode, errors) == (0, "")
    assert json.loads(out.splitlines()[-1])["type"] == "summary"
    assert tradeterm("ledger", "check").returncode == 0
    assert tradeterm("replay").returncode == 0
    assert tradeterm("logs").returncode == 0


def test_a_kill_given_while_the_engine_was_dead_is_obeyed_at_its_next_start(engine: subprocess.Popen[str]) -> None:
    os.kill(engine.pid, signal.SIGKILL)
    engine.wait(timeout=PATIENCE_S)
    assert tradeterm("kill", "--yes").returncode == 0
    done = tradeterm("--headless", "--json", "--speed", "max", "--duration", "2")
    assert done.returncode == 0, done.stderr
    after = status()["desk"]
    assert (after["trading_state"], after["positions"]) == ("HALTED", [])


def test_interrupted_from_the_keyboard(engine: subprocess.Popen[str]) -> None:
    engine.send_signal(signal.SIGINT)
    engine.communicate(timeout=PATIENCE_S)
    assert engine.returncode == 130


def test_a_book_of_instruments_the_recording_does_not_have(home: Path) -> None:
    home.mkdir()
    text = example_config().read_text()
    (home / "config.toml").write_text(text.replace('"BTCUSDT.BINANCE"', '"DOGEUSDT.BINANCE"'))
    done = tradeterm("--headless", "--until-end")
    assert done.returncode in (1, 2)
    assert "DOGEUSDT.BINANCE" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("found", "changed"), [('venue = "paper"', 'venue = "papr"'), ('"rules" ', '"rulez" ')])
def test_names_only_the_engine_knows(home: Path, found: str, changed: str) -> None:
    home.mkdir()
    (home / "config.toml").write_text(example_config().read_text().replace(found, changed))
    done = tradeterm("--headless", "--until-end")
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith(f"tradeterm: {home / 'config.toml'}: ")
    assert f'found "{changed.split(chr(34))[1]}", allowed' in done.stderr
    assert len(done.stderr.splitlines()) == 1
