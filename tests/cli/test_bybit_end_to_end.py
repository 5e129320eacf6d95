"""The command line on a simulated Bybit: doctor, a live engine from a terminal, kill with and without an engine."""

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from bybit_config import NOWHERE, bybit_config
from simulators.bybit import KEY, SECRET, BybitSimulator
from test_running_engine import status
from test_terminal import PATIENCE_S, Open, engine_pid
from test_terminal import terminal as terminal

from tradeterm.cli import control, main
from tradeterm.engine import probe
from tradeterm.profile import Profile

PRICES = {"BTCUSDT": 80_000, "ETHUSDT": 2_000}


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_KEY", KEY)
    monkeypatch.setenv("BYBIT_API_SECRET", SECRET)


@pytest.fixture
def venue() -> Iterator[BybitSimulator]:
    with BybitSimulator.in_thread(prices=PRICES) as found:
        yield found


def configure(profile: Profile, venue: BybitSimulator, *, mode: str = "paper", environment: str = "demo") -> None:
    profile.config_file.write_text(
        bybit_config(
            mode=mode,
            environment=environment,
            rest=venue.rest_url,
            public=venue.public_url,
            private=venue.private_url,
        )
    )


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)


def no_secret(said: pytest.CaptureFixture[str]) -> tuple[str, str]:
    found = said.readouterr()
    for secret in (KEY, SECRET):
        assert secret not in found.out + found.err
    return found.out, found.err


# doctor


def venue_checks(capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    out, _ = no_secret(capsys)
    return [check for check in json.loads(out)["checks"] if check["name"].startswith("bybit")]


def test_doctor_asks_the_venue_without_trading(
    profile: Profile, venue: BybitSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(profile, venue)
    assert main(["doctor", "--json"]) == 0
    found = venue_checks(capsys)
    assert found[0]["text"] == f"demo, play money, at 127.0.0.1:{venue.port}"
    assert {check["level"] for check in found} == {"OK", "WARN"}
    assert venue.orders == ()


def test_doctor_with_a_key_the_venue_does_not_know(
    profile: Profile, venue: BybitSimulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(profile, venue)
    monkeypatch.setenv("BYBIT_API_KEY", "the-key-of-another-place")
    assert main(["doctor", "--json"]) == 1
    out = venue_checks(capsys)
    assert out[-1]["level"] == "FAIL"
    assert out[-1]["text"].startswith("Bybit does not know this API key")
    assert "the-key-of-another-place" not in json.dumps(out)


@pytest.mark.parametrize(("trades_at", "status", "level"), [("paper", 0, "WARN"), ("bybit", 1, "FAIL")])
def test_doctor_offline(
    profile: Profile,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    trades_at: str,
    status: int,
    level: str,
) -> None:
    monkeypatch.setattr(probe, "LONGEST_S", 0.3)
    profile.config_file.write_text(bybit_config(mode="paper", environment="demo", venue=trades_at, rest=NOWHERE))
    assert main(["doctor", "--json"]) == status
    found = {check["name"]: check["level"] for check in venue_checks(capsys)}
    assert found["bybit data"] == level
    assert (len(found) == 1) == (trades_at == "paper")


# kill without an engine


def test_kill_without_an_engine_leaves_the_venue_flat(
    profile: Profile, venue: BybitSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    configure(profile, venue)
    venue.manual(symbol="BTCUSDT", side="Buy", qty="0.01", stopLoss="76000")
    venue.manual(symbol="ETHUSDT", side="Buy", orderType="Limit", price="1900", qty="1")
    assert main(["kill", "--yes"]) == 0
    out, err = no_secret(capsys)
    assert out.startswith(
        "bybit: closing 0.010 BTCUSDT at the market\nbybit: cancelled all orders of ETHUSDT\nbybit: flat"
    )
    assert "cannot be queued for the next start" in err
    assert venue.positions == {}
    assert not [order for order in venue.orders if order.is_open]


# a live engine


@pytest.fixture
def live(profile: Profile, venue: BybitSimulator, terminal: Open) -> Iterator[int]:
    """An engine that a person has started with the typed confirmation; the terminal is gone since."""
    configure(profile, venue, mode="live", environment="mainnet")
    shown = terminal("--live")
    shown.wait_for(b"Type trade real money to go on: ")
    shown.type("trade real money\r")
    shown.wait_for(b" LIVE ")
    assert SECRET.encode() not in shown.output
    shown.close()
    shown.wait_for_end()
    pid = engine_pid("default")
    assert pid is not None
    yield pid
    if engine_pid("default") == pid:
        os.kill(pid, signal.SIGCONT)


def flat(venue: BybitSimulator) -> bool:
    return not venue.positions and not [order for order in venue.orders if order.is_open]


@pytest.mark.skipif(not Path("/proc").exists(), reason="this system shows no command lines in /proc")
def test_a_confirmed_engine_trades_live_and_is_found_again_without_a_question(
    live: int, venue: BybitSimulator, terminal: Open
) -> None:
    started = Path(f"/proc/{live}/cmdline").read_bytes().split(b"\0")
    assert b"--live" in started
    assert b"--yes-trade-real-money" in started
    assert SECRET.encode() not in b" ".join(started)
    again = terminal()
    again.wait_for(b" LIVE ")
    assert b"Type " not in again.output
    again.close()
    until(lambda: [v["state"] for v in status()["desk"]["venues"]] == ["READY"])
    assert {stream["name"] for stream in status()["streams"]} >= {"klines", "tickers"}
    assert main(["stop", "--engine"]) == 0


def test_kill_beside_a_hung_engine_and_what_that_does_when_it_wakes_up(
    live: int, venue: BybitSimulator, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    until(lambda: [v["state"] for v in status()["desk"]["venues"]] == ["READY"])
    venue.manual(symbol="BTCUSDT", side="Buy", qty="0.01", stopLoss="76000")
    until(lambda: len(status()["desk"]["positions"]) == 1)
    os.kill(live, signal.SIGSTOP)
    monkeypatch.setattr(control, "PATIENCE_S", 0.5)
    assert main(["kill", "--yes"]) == 0
    out, err = no_secret(capsys)
    assert f"the engine (process {live}) runs but has not answered" in err
    assert "closing 0.010 BTCUSDT at the market" in out
    assert flat(venue)
    os.kill(live, signal.SIGCONT)
    until(lambda: status()["desk"]["trading_state"] == "HALTED" and not status()["desk"]["positions"])
    assert flat(venue)
    sold = [execution.qty for execution in venue.executions if execution.side == "Sell"]
    assert sum(sold) == Decimal("0.01"), "two hands, one close"
    assert main(["stop", "--engine"]) == 0


def test_kill_after_a_crash_and_the_next_start(
    live: int, profile: Profile, venue: BybitSimulator, capsys: pytest.CaptureFixture[str]
) -> None:
    until(lambda: [v["state"] for v in status()["desk"]["venues"]] == ["READY"])
    venue.manual(symbol="ETHUSDT", side="Sell", qty="0.5", stopLoss="2100")
    until(lambda: len(status()["desk"]["positions"]) == 1)
    os.kill(live, signal.SIGKILL)
    until(lambda: engine_pid("default") is None)
    assert [order for order in venue.orders if order.is_open], "the stop rests at the venue though the engine is dead"
    assert main(["kill", "--yes"]) == 0
    assert "kill is queued besides and obeyed first at the next start" in no_secret(capsys)[1]
    assert flat(venue)
    assert main(["--headless", "--live", "--yes-trade-real-money", "--duration", "3"]) == 0
    after = status()["desk"]
    assert (after["trading_state"], after["positions"]) == ("HALTED", [])
    assert flat(venue)
    assert main(["ledger", "check"]) == 0
