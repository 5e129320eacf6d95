"""Commands that read: status, logs, themes, keys, config, ledger, replay; in words and as JSON."""

import json
import stat
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from seeded import WALL, seed, view

from tradeterm.cli import main
from tradeterm.cli.logs import follow, tail
from tradeterm.domain.states import VenueState
from tradeterm.domain.view import StreamView, VenueView
from tradeterm.ledger.live import LiveWriter
from tradeterm.profile import Profile
from tradeterm.resources import example_config


def words(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(arguments) == status
    return capsys.readouterr().out


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    return json.loads(words(capsys, *arguments, "--json", status=status))


MINE = ("--profile", "default")


def test_status_shows_what_the_last_engine_left(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    seed(profile)
    text = words(capsys, "status", *MINE)
    assert text.startswith("profile default\nDEMO · ACTIVE")
    assert "The engine is not running; this is how it was left" in text


def test_status_json_has_the_documented_shape(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    seed(profile)
    answer = parsed(capsys, "status", *MINE)
    assert list(answer) == ["type", "profile", "engine", "streams", "desk", "last_run"]
    assert (answer["type"], answer["profile"], answer["engine"]["running"]) == ("status", "default", False)
    assert answer["desk"]["equity"] == "100126.39"
    assert answer["desk"]["positions"][0]["symbol"] == "BTCUSDT"
    assert answer["last_run"]["status"] == "CLOSED"


def test_status_says_how_venues_and_streams_stand(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    seed(profile)
    bybit = VenueView(
        venue="bybit",
        account="crypto",
        state=VenueState.RESTRICTED,
        simulated=False,
        latency_ms=84.4,
        ts_last=0,
        detail="this computer's clock is 0.7 s ahead\x1b[2J",
        skew_ms=703.2,
    )
    paper = VenueView(
        venue="paper", account="other", state=VenueState.READY, simulated=True, latency_ms=None, ts_last=0
    )
    streams = (
        StreamView(name="trades", ts_last=WALL - 400),
        StreamView(name="book", ts_last=None, detail="connecting"),
    )
    with closing(LiveWriter(profile.live)) as live:
        live.publish(view(venues=(bybit, paper), streams=streams))
    assert words(capsys, "status", *MINE).splitlines()[-4:] == [
        "venue bybit RESTRICTED, this computer's clock is 0.7 s ahead [2J, latency 84 ms, our clock 703 ms ahead",
        "venue paper READY, simulated",
        "stream trades: last message 0.4 s ago",
        "stream book: nothing received yet, connecting",
    ]
    answer = parsed(capsys, "status", *MINE)
    assert answer["streams"] == [
        {"name": "trades", "age_ms": 400, "detail": ""},
        {"name": "book", "age_ms": None, "detail": "connecting"},
    ]
    assert {key: answer["desk"]["venues"][0][key] for key in ("state", "latency_ms", "skew_ms")} == {
        "state": "RESTRICTED",
        "latency_ms": 84.4,
        "skew_ms": 703.2,
    }


def test_status_of_a_profile_that_never_ran(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert words(capsys, "status").splitlines() == [
        "profile demo",
        "The engine is not running. No engine has run in this profile yet.",
    ]
    answer = parsed(capsys, "status")
    assert (answer["desk"], answer["last_run"], answer["engine"]["age_ms"]) == (None, None, None)


def test_themes(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    names = [theme["name"] for theme in parsed(capsys, "themes")["themes"]]
    assert {"dark", "light", "high-contrast", "colour-blind", "ansi", "mono"} <= set(names)
    profile.themes.mkdir()
    (profile.themes / "mine.toml").write_text('[colours]\nbackground = "blackish"\n')
    assert main(["themes"]) == 2
    said = capsys.readouterr()
    assert "mine.toml: colours.background" in said.err
    assert "dark" in said.out


def test_keys_with_the_persons_own(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    profile.config_file.write_text(example_config().read_text() + '"app.theme" = "T"\n')
    keys = {row["id"]: row for row in parsed(capsys, "keys")["keys"]}
    assert keys["app.theme"]["keys"] == ["T"]
    assert keys["engine.halt"]["keys"] == ["ctrl+k"]
    assert "ctrl+k" in words(capsys, "keys")
    demo = {row["id"]: row["keys"] for row in parsed(capsys, "keys", "--demo")["keys"]}
    assert demo["app.theme"] == ["T"]


def test_a_clash_in_the_demos_keys_names_the_persons_file(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    profile.config_file.write_text('[keys]\n"app.theme" = "q"\n')
    for command in (["keys"], ["config", "check"], ["--headless"]):
        assert main(["--demo", *command]) == 2
        assert f"{profile.config_file} [keys] app.theme: 'q'" in capsys.readouterr().err


def test_config_check(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    good = str(example_config())
    said = words(capsys, "config", "check", "--config", good)
    assert said.endswith("mode paper, books crypto, nse_eos (not enabled)\n")
    answer = parsed(capsys, "config", "check", "--config", good)
    assert (answer["ok"], answer["mistakes"], answer["books"]) == (True, [], ["crypto", "nse_eos"])


@pytest.mark.parametrize(
    ("found", "changed", "sentence"),
    [
        ("threshold = 0.04", "threshold = 7.0", "books.crypto.parameters.threshold: found 7.0, allowed 0.001 to 1"),
        (
            "threshold = 0.04",
            "treshold = 0.04",
            "books.crypto.parameters.treshold: found a key that is not known here; did",
        ),
        (
            'strategy = "eos" ',
            'strategy = "eoss" ',
            'books.crypto.strategy: found "eoss", allowed declared or eos',
        ),
        ('# "app.theme" = "t"', '"app.theme" = "q"', "'q' is already the key of app.quit"),
        ('# "app.theme" = "t"', '"app.them" = "q"', "'app.them' is not an action; did you mean 'app.theme'?"),
        (
            'venue = "paper"',
            'venue = "bybit"',
            'books.crypto.venue: found "bybit", allowed paper with feed.kind replay',
        ),
        (
            'validator = "rules"',
            'validator = "ai"',
            'gate.validator: found "ai", allowed claude, openai-shaped, recorded or rules',
        ),
        ('kind = "replay"', 'kind = "bybi"', 'feed.kind: found "bybi", allowed replay or bybit'),
        ('kind = "replay"', 'kind = "bybit"', 'found "BTCUSDT.BINANCE", allowed SYMBOL.BYBIT of a USDT perpetual'),
        ('"BTCUSDT.BINANCE"', '"DOGEUSDT.BINANCE"', 'books.crypto.instruments: found "DOGEUSDT.BINANCE"'),
        ('path = ""', 'path = "nowhere"', "nowhere/instruments.toml: there is no such file"),
        ('path = ""', 'path = "config.toml"', "feed.path: "),
        ('currency = "USDT"', 'currency = "INR"', 'books.crypto.currency: found "INR", allowed USDT'),
        ('mode = "paper"', 'mode = "live"', 'mode: found "live", allowed demo or paper with feed.kind replay'),
        ("threshold = 0.04", "threshold = nan", "books.crypto.parameters.threshold: found nan, allowed 0.001 to 1"),
        ('theme = "dark"', 'theme = "drak"', 'ui.theme: found "drak", allowed ansi, '),
    ],
)
def test_config_check_looks_behind_the_types(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, found: str, changed: str, sentence: str
) -> None:
    text = example_config().read_text()
    assert found in text
    file = tmp_path / "config.toml"
    file.write_text(text.replace(found, changed, 1))
    assert main(["config", "check", "--config", str(file)]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert str(file) in said
    assert parsed(capsys, "config", "check", "--config", str(file), status=2)["mistakes"]


def test_config_init_is_private_and_never_replaces(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    words(capsys, "config", "init")
    file = home / "config.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert words(capsys, "config", "check").startswith(f"{file}: good")
    assert main(["config", "init"]) == 1
    assert "exists already and is left as it is" in capsys.readouterr().err


def test_logs(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    assert main(["logs", *MINE]) == 1
    assert "there is no log at" in capsys.readouterr().err
    profile.log.write_text("".join(f"line {n}\n" for n in range(100)) + "bell \x07\n")
    assert words(capsys, "logs", "-n", "2", *MINE) == "line 99\nbell �\n"
    assert json.loads(words(capsys, "logs", "-n", "2", "--json", *MINE).splitlines()[0]) == {
        "type": "log",
        "line": "line 99",
    }


def test_logs_follow_growth_rotation_and_a_half_written_line(profile: Profile) -> None:
    log = profile.log
    log.write_text("one\ntwo\n")
    lines = follow(log, 1)
    assert next(lines) == "two"

    def write() -> None:
        with log.open("a") as file:
            file.write("thr")
            file.flush()
            file.write("ee\n")
        log.rename(log.with_suffix(".1"))
        log.write_text("new\n")

    writer = threading.Timer(0.05, write)
    writer.start()
    seen = [next(lines)]
    if seen == ["three"]:
        seen.append(next(lines))
    writer.join()
    assert seen[-1] == "new"


def test_tail_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a\n")
    assert tail(tmp_path / "log", 0) == []


def test_ledger_check_names_what_disagrees(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    profile.config_file.write_text(example_config().read_text())
    assert main(["ledger", "check", *MINE]) == 1
    assert f"there is no ledger at {profile.ledger} yet" in capsys.readouterr().err
    seed(profile)
    answer = parsed(capsys, "ledger", "check", *MINE, status=1)
    assert (answer["type"], answer["ok"], answer["counts"]["orders"]) == ("ledger_check", False, 1)
    assert "order s1-1 has filled 0.125, its fills sum to 0" in answer["findings"]
    assert main(["ledger", "check", *MINE]) == 1
    assert f"{profile.ledger}: order s1-1 has filled" in capsys.readouterr().err


def test_ledger_export(capsys: pytest.CaptureFixture[str], profile: Profile, tmp_path: Path) -> None:
    seed(profile)
    rows = [json.loads(line) for line in words(capsys, "ledger", "export", "trades", *MINE).splitlines()]
    assert [(row["table"], row["pnl"]) for row in rows] == [("trades", "-12.67")]
    everything = words(capsys, "ledger", "export", *MINE)
    assert {json.loads(line)["table"] for line in everything.splitlines()} >= {"runs", "signals", "orders", "trades"}
    (file,) = parsed(capsys, "ledger", "export", "trades", "--format", "csv", "--to", str(tmp_path / "out"), *MINE)[
        "files"
    ]
    assert file == {"file": str(tmp_path / "out" / "trades.csv"), "rows": 1}
    header, row = Path(file["file"]).read_text().splitlines()
    assert dict(zip(header.split(","), row.split(","), strict=True))["pnl"] == "-12.67"


def test_ledger_export_of_what_is_not_there(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    seed(profile)
    assert main(["ledger", "export", "tradez", *MINE]) == 1
    assert "there is no table 'tradez'; there are signals, " in capsys.readouterr().err
    assert main(["ledger", "export", "--format", "csv", *MINE]) == 2
    assert "name a folder with --to" in capsys.readouterr().err


def test_replay_without_a_journal(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    assert main(["replay", *MINE]) == 1
    assert "there is no journal in" in capsys.readouterr().err


def test_a_ledger_that_is_none(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    profile.config_file.write_text(example_config().read_text())
    profile.ledger.write_text("not a database, but long enough to be looked at " * 40)
    for command in (["status"], ["ledger", "check"], ["ledger", "export"], ["kill", "--yes"]):
        assert main([*command, *MINE]) == 1
        assert "is not a ledger" in capsys.readouterr().err
