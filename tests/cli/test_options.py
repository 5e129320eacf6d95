"""Wrong use, profiles and the exit status of each kind of mistake."""

from pathlib import Path

import pytest

from tradeterm.cli import main
from tradeterm.cli.parser import parse
from tradeterm.cli.session import profile_of
from tradeterm.profile import Profile


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int | str | None, str]:
    """The exit status and what stands on stderr."""
    try:
        status: int | str | None = main(arguments)
    except SystemExit as end:
        status = end.code
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nonsense"], "invalid choice: 'nonsense'"),
        (["--headless", "--speed", "fast"], "found 'fast', allowed a number above 0, or max"),
        (["--headless", "--speed", "nan"], "found 'nan', allowed a number above 0, or max"),
        (["--headless", "--duration", "-1"], "found '-1', allowed a number of seconds above 0"),
        (["--headless", "--duration", "inf"], "found 'inf', allowed a number of seconds above 0"),
        (["--until-end"], "--until-end goes with --headless"),
        (["--speed", "max"], "--speed goes with --headless"),
        (["--json"], "--json goes with --headless or a command"),
        (["--headless", "status"], "--headless and a command do not go together"),
        (["--yes-trade-real-money"], "goes with --headless --live"),
        (["pause"], "the following arguments are required: BOOK"),
        (["status", "--demo", "--profile", "other"], "--demo has its own profile and configuration"),
        (["status", "--demo", "--config", "x.toml"], "--demo has its own profile and configuration"),
        (["config", "check", "--profile", "demo", "--config", "x.toml"], "has its own configuration"),
        (["status", "--profile", "../etc"], "profile '../etc' is not a name"),
        (["--headless", "--config", "/nonexistent/c.toml"], "there is no such file"),
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    status, said = refused(capsys, *arguments)
    assert status == 2
    assert words in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    "command", [("walkforward",), ("robustness", "--seed", "1"), ("sweep", "--vary", "threshold=0.02"), ("lookahead",)]
)
def test_what_tests_one_book_says_what_to_do_with_two(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    status, said = refused(capsys, *command, "crypto", "--interval", "5m", "eos")
    assert status == 2
    assert said == (
        f"tradeterm {command[0]}: found crypto eos, allowed one book, strategy or file; "
        "give it once for each, or trade them together with `tradeterm backtest crypto eos`\n"
    )


def test_what_is_given_twice_is_not_sent_to_where_it_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    _, said = refused(capsys, "walkforward", "eos", "eos")
    assert said == "tradeterm walkforward: found eos eos, allowed one book, strategy or file; give it once\n"
    assert said.count("`") == 0
    said = refused(capsys, "walkforward", "eos", "crypto", "eos")[1]
    assert said.endswith("trade them together with `tradeterm backtest eos crypto`\n")


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        (("walkforward", "eos", "--ai-budget", "1"), "usage: tradeterm walkforward "),
        (("status", "--nonsense"), "usage: tradeterm status "),
        (("strategy", "new", "--nonsense"), "usage: tradeterm strategy new "),
        (("--nonsense",), "usage: tradeterm [-h]"),
    ],
    ids=lambda it: " ".join(it) if isinstance(it, tuple) else None,
)
def test_an_option_that_is_not_there_is_told_under_its_command(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], usage: str
) -> None:
    status, said = refused(capsys, *command)
    assert (status, said.startswith(usage)) == (2, True)
    assert "unrecognized arguments: --" in said


@pytest.mark.parametrize("command", [("walkforward",), ("robustness",), ("sweep", "--vary", "threshold=0.02")])
@pytest.mark.parametrize("option", [("--report", "x.html"), ("--out=x.json",), ("--report",)])
def test_a_test_says_how_to_get_a_report(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], option: tuple[str, ...]
) -> None:
    status, said = refused(capsys, *command, "eos", *option)
    assert (status, said.startswith(f"usage: tradeterm {command[0]} ")) == (2, True)
    assert "a test writes no report: --json gives all it found, and `tradeterm backtest`" in said


def test_an_option_that_is_not_there_is_not_taken_for_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert "unrecognized arguments: --folds 3" in refused(capsys, "walkforward", "eos", "--folds", "3")[1]
    assert "unrecognized arguments: eos" in refused(capsys, "status", "eos")[1]


def name(*arguments: str) -> str:
    return profile_of(parse(arguments)).name


def test_without_a_configuration_the_demo_is_the_default(home: Path) -> None:
    assert name("status") == "demo"
    assert name("status", "--profile", "mine") == "mine"
    assert name("--profile", "mine", "status") == "mine"
    assert name("--demo", "status") == name("status", "--demo") == "demo"


def test_a_home_that_is_not_known(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A container's user may have a number without a name, and no HOME."""

    def nobody(*_: object) -> None:
        raise KeyError("getpwuid(): uid not found")

    for function in ("getpwuid", "getpwnam"):
        monkeypatch.setattr(f"pwd.{function}", nobody)
    for name in ("HOME", "TRADETERM_HOME", "USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    sentence = "tradeterm: your home folder is not known; set HOME or TRADETERM_HOME to a folder\n"
    assert refused(capsys, "status") == (2, sentence)
    monkeypatch.setenv("TRADETERM_HOME", "~/here")
    said = "tradeterm: ~/here: there is no such home folder; write the path in full\n"
    assert refused(capsys, "status") == (2, said)


def test_with_a_configuration_it_is_the_profile_default(profile: Profile) -> None:
    profile.config_file.write_text("")
    assert name("status") == "default"
    assert name("status", "--demo") == "demo"


def test_an_explicit_configuration_means_the_profile_default(home: Path) -> None:
    assert name("status", "--config", "x.toml") == "default"


def test_options_before_a_command_are_not_lost_behind_it(home: Path) -> None:
    options = parse(["--json", "--profile", "mine", "status"])
    assert (options.json, options.profile) == (True, "mine")
