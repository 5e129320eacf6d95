"""Real money needs its mode, its flag and its confirmation; each missing piece has its sentence and exit status 3."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bybit_config import bybit_config
from seeded import seed, view
from test_options import refused
from test_terminal import Open, engine_pid
from test_terminal import terminal as terminal

from tradeterm.cli import main, open_ui
from tradeterm.cli.real_money import PHRASE
from tradeterm.console import launch
from tradeterm.domain.errors import EngineError
from tradeterm.domain.states import Mode
from tradeterm.ledger.live import LiveWriter
from tradeterm.ledger.lock import EngineLock
from tradeterm.profile import Profile
from tradeterm.resources import example_config

SECRET = "a-secret-that-must-never-be-shown"
KEY = "a-key-that-must-never-be-shown"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BYBIT_API_KEY", KEY)
    monkeypatch.setenv("BYBIT_API_SECRET", SECRET)


@pytest.fixture
def live(profile: Profile) -> Path:
    profile.config_file.write_text(bybit_config())
    return profile.config_file


HEADLESS = "real money needs `tradeterm --headless --live --yes-trade-real-money`"


@pytest.mark.parametrize("flags", [[], ["--live"]])
def test_headless_needs_every_flag(capsys: pytest.CaptureFixture[str], live: Path, flags: list[str]) -> None:
    assert refused(capsys, "--headless", *flags) == (3, f'tradeterm: {live} has mode = "live": {HEADLESS}\n')


@pytest.mark.parametrize("flags", [["--yes-trade-real-money"], ["--live", "--yes-trade-real-money"]])
def test_the_screen_takes_no_flag_for_a_confirmation(
    capsys: pytest.CaptureFixture[str], live: Path, flags: list[str]
) -> None:
    said = "tradeterm: --yes-trade-real-money goes with --headless --live; the screen asks for it\n"
    assert refused(capsys, *flags) == (2, said)


@pytest.mark.parametrize("flags", [["--headless", "--live", "--yes-trade-real-money"], ["--headless", "--live"]])
def test_the_flag_without_the_mode(capsys: pytest.CaptureFixture[str], profile: Profile, flags: list[str]) -> None:
    profile.config_file.write_text(example_config().read_text())
    said = f'tradeterm: --live needs mode = "live", and {profile.config_file} has mode = "paper"\n'
    assert refused(capsys, *flags) == (3, said)
    status, said = refused(capsys, *flags, "--demo")
    assert status == 3
    assert 'has mode = "demo"' in said


@pytest.mark.parametrize("flag", ["--live", "--yes-trade-real-money"])
def test_a_command_takes_neither_flag(capsys: pytest.CaptureFixture[str], flag: str) -> None:
    assert refused(capsys, flag, "status") == (2, f"tradeterm: {flag} and a command do not go together\n")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"environment": "demo"}, 'found "demo", allowed mainnet with mode = "live"'),
        ({"venue": "paper"}, 'mode: found "live", but no book has venue = "bybit"; allowed paper'),
    ],
)
def test_what_contradicts_itself_is_named(
    capsys: pytest.CaptureFixture[str], profile: Profile, changes: dict[str, str], words: str
) -> None:
    profile.config_file.write_text(bybit_config(**changes))
    for command in (["config", "check"], ["--headless", "--live", "--yes-trade-real-money"]):
        status, said = refused(capsys, *command)
        assert status == 2
        assert words in said


def test_config_check_takes_a_live_configuration(capsys: pytest.CaptureFixture[str], live: Path) -> None:
    assert main(["config", "check"]) == 0
    assert capsys.readouterr().out == f"{live}: good. mode live, books crypto\n"


# on a terminal


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """The screen and the engine replaced: what would have been started, and how."""
    from tradeterm.ui import app

    started: list[dict[str, Any]] = []

    def ensure(profile: Profile, file: Path, **how: Any) -> launch.EngineHandle:
        started.append(how)
        return launch.EngineHandle(1, started=True)

    monkeypatch.setattr(launch, "ensure_engine", ensure)
    monkeypatch.setattr(app, "run_ui", lambda *_, start_engine: 0)
    monkeypatch.setattr(open_ui, "_is_terminal", lambda _: True)
    yield started


class Typed:
    def __init__(self, *lines: str) -> None:
        self._lines = list(lines)

    def readline(self) -> str:
        return self._lines.pop(0)


@pytest.mark.parametrize("typed", [PHRASE, "Trade Real Money  "])
def test_the_phrase_starts_an_engine_with_the_confirmation_on_its_command_line(
    asked: list[dict[str, Any]], live: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", Typed(typed + "\n"))
    assert main(["--live"]) == 0
    assert [how["real_money"] for how in asked] == [True]


@pytest.mark.parametrize("typed", ["yes\n", "\n", "", "trade real mone\n"])
def test_anything_else_starts_nothing(
    asked: list[dict[str, Any]],
    live: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    typed: str,
) -> None:
    monkeypatch.setattr("sys.stdin", Typed(typed))
    assert main(["--live"]) == 3
    assert capsys.readouterr().err.endswith("tradeterm: not confirmed, nothing was started\n")
    assert asked == []


def test_the_screen_without_the_flag(
    asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], live: Path
) -> None:
    said = f'tradeterm: {live} has mode = "live": real money needs `tradeterm --live`, which asks first\n'
    assert refused(capsys) == (3, said)
    assert asked == []


def test_a_paper_engine_is_never_taken_for_a_confirmed_one(
    asked: list[dict[str, Any]], profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile.config_file.write_text(example_config().read_text())
    assert main([]) == 0
    assert [how["real_money"] for how in asked] == [False]


def running(profile: Profile, mode: Mode) -> EngineLock:
    import msgspec

    seed(profile)
    with closing(LiveWriter(profile.live)) as writer:
        writer.publish(msgspec.structs.replace(view(), mode=mode, pid=os.getpid()))
    return EngineLock(profile.lock)


@pytest.mark.parametrize("flags", [[], ["--live"]])
def test_an_engine_that_runs_live_is_looked_at_without_a_question(
    asked: list[dict[str, Any]], live: Path, profile: Profile, flags: list[str]
) -> None:
    with running(profile, Mode.LIVE):
        assert main(flags) == 0
    assert [how["real_money"] for how in asked] == [False]


def test_live_on_an_engine_that_trades_paper(
    asked: list[dict[str, Any]], live: Path, profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(profile, Mode.PAPER):
        said = "tradeterm: the engine that runs trades paper, not live; end it first with `tradeterm stop --engine`\n"
        assert refused(capsys, "--live") == (3, said)


def test_an_engine_that_ended_meanwhile_is_not_started_unasked(
    asked: list[dict[str, Any]], live: Path, profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradeterm.ui import app

    lock = running(profile, Mode.LIVE)

    def ui(*_: object, start_engine: Any) -> int:
        lock.release()
        with pytest.raises(EngineError, match="`tradeterm --live` asks first and starts it again"):
            start_engine()
        return 0

    monkeypatch.setattr(app, "run_ui", ui)
    with lock:
        assert main([]) == 0


def test_what_was_confirmed_is_what_is_started(
    asked: list[dict[str, Any]], live: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradeterm.ui import app

    def ui(*_: object, start_engine: Any) -> int:
        start_engine()
        live.write_text(live.read_text().replace("1000.0", "9000.0"))
        with pytest.raises(EngineError, match="changed since it was confirmed"):
            start_engine()
        return 0

    monkeypatch.setattr(app, "run_ui", ui)
    monkeypatch.setattr("sys.stdin", Typed(PHRASE + "\n"))
    assert main(["--live"]) == 0
    assert [how["real_money"] for how in asked] == [True, True]


def test_mistakes_come_before_the_question(
    asked: list[dict[str, Any]], profile: Profile, capsys: pytest.CaptureFixture[str]
) -> None:
    profile.config_file.write_text(bybit_config(environment="testnet"))
    status, said = refused(capsys, "--live")
    assert status == 2
    assert said.startswith(f"tradeterm: {profile.config_file}: venues.bybit.environment: found")


def test_a_real_terminal_says_what_will_be_traded_and_no_secret(terminal: Open, live: Path) -> None:
    shown = terminal("--live")
    shown.wait_for(b"Type trade real money to go on: ")
    text = " ".join(shown.output.decode().split())
    for words in (
        "This trades REAL MONEY.",
        "Bybit mainnet (127.0.0.1:9), isolated margin, leverage 2",
        "key from BYBIT_API_KEY and BYBIT_API_SECRET",
        "crypto: eos on BTCUSDT.BYBIT, ETHUSDT.BYBIT; capital 1,000.00 USDT, at most 10% of it in a position",
    ):
        assert words in text, text
    shown.type("yes\r")
    status, _ = shown.wait_for_end()
    assert status == 3
    assert b"not confirmed, nothing was started" in shown.output
    assert engine_pid("default") is None
    for secret in (KEY, SECRET):
        assert secret.encode() not in shown.output


def test_ctrl_c_at_the_question_starts_nothing(terminal: Open, live: Path) -> None:
    shown = terminal("--live")
    shown.wait_for(b"to go on: ")
    shown.type("\x03")
    assert shown.wait_for_end()[0] == 130
    assert engine_pid("default") is None
    assert b"Traceback" not in shown.output
