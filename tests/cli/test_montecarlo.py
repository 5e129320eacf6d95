"""`tradeterm montecarlo`: prices from the bundled recording and from files, books from the ledger."""

import json
import math
from contextlib import closing
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from seeded import facts

from tradeterm.cli import main
from tradeterm.cli.parser import parse
from tradeterm.domain.facts import EquityPoint, Trade
from tradeterm.ledger.writer import LedgerWriter
from tradeterm.profile import Profile, find_profile
from tradeterm.resources import demo_folder

BTC = ("montecarlo", "BTCUSDT", "--demo")
BOOK = ("montecarlo", "crypto", "--demo")
HOUR_MS = 3_600_000
FIRST = 1_704_067_200_000  # 2024-01-01 00:00 UTC


def out(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(arguments) == status
    return capsys.readouterr().out


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    return json.loads(out(capsys, *arguments, "--json", status=status))


def wrong(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    try:
        assert main(arguments) == 2
    except SystemExit as end:
        assert end.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    return said.err


def bars_file(folder: Path, count: int = 400, step: float = 0.01) -> Path:
    """Hourly bars of a seeded walk."""
    close = 100 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, step, count)))
    lines = ["timestamp,open,high,low,close,volume"]
    for number, price in enumerate(close.tolist()):
        lines.append(f"{FIRST + number * HOUR_MS},{price},{price},{price},{price},1")
    path = folder / "walk.csv"
    path.write_text("\n".join(lines))
    return path


# prices


def test_every_figure_comes_with_its_error(capsys: pytest.CaptureFixture[str]) -> None:
    text = out(capsys, *BTC, "--target", "85000", "--stop", "82000")
    lines = text.splitlines()
    assert lines[0].startswith("BTCUSDT.BINANCE: 83,378.3 at 2025-04-12 00:00 UTC")
    assert lines[1].startswith("2000 bars of 5m since ") and lines[1].endswith("(bundled recording)")
    assert lines[2] == "288 bars ahead, 1000 paths, seed 0, target 85,000.0, stop 82,000.0"
    assert lines[4].split() == ["gbm", "regime", "garch"]
    labels = [line[:12].strip() for line in lines[5:16]]
    assert labels == [
        *("up", "target first", "stop first", "neither", "mean"),
        *("70 % from", "70 % to", "90 % from", "90 % to", "95 % from", "95 % to"),
    ]
    assert all(line.count("±") == 3 for line in lines[5:16])
    assert capsys.readouterr().err == ""


def test_the_same_seed_gives_the_same_answer_and_another_another(capsys: pytest.CaptureFixture[str]) -> None:
    first = out(capsys, *BTC, "--level", "gbm")
    assert out(capsys, *BTC, "--level", "gbm") == first
    assert out(capsys, *BTC, "--level", "gbm", "--seed", "1") != first


def test_json_has_the_documented_shape(capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, *BTC, "--target", "82000", "--stop", "85000", "--horizon", "4h", "--paths", "500")
    assert list(answer) == [
        *("type", "of", "instrument", "price", "ts", "bars", "steps", "paths", "seed", "target", "stop", "levels"),
    ]
    assert (answer["type"], answer["of"], answer["instrument"]) == ("montecarlo", "price", "BTCUSDT.BINANCE")
    assert list(answer["bars"]) == ["source", "interval_ms", "count", "gaps", "ts_first", "ts_last"]
    assert (answer["steps"], answer["paths"], answer["bars"]["ts_last"]) == (48, 500, answer["ts"])
    for level in answer["levels"]:
        assert list(level) == [
            *("level", "model", "missing", "up", "target_first", "stop_first", "neither", "mean", "bands"),
        ]
        chances = [level[name]["probability"] for name in ("target_first", "stop_first", "neither")]
        assert sum(chances) == pytest.approx(1)
        p, error = level["up"].values()
        assert error == pytest.approx(math.sqrt(p * (1 - p) / 500))
        assert [band["level"] for band in level["bands"]] == [0.7, 0.9, 0.95]
        lows, highs = ([band[name] for band in level["bands"]] for name in ("low", "high"))
        assert lows == sorted(lows, reverse=True)
        assert highs == sorted(highs)
        assert all(band["low_error"] > 0 and band["high_error"] > 0 for band in level["bands"])


def test_without_target_and_stop_there_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    (level,) = parsed(capsys, *BTC, "--level", "gbm")["levels"]
    assert level["target_first"] is level["stop_first"] is level["neither"] is None
    (level,) = parsed(capsys, *BTC, "--level", "gbm", "--target", "85000")["levels"]
    assert level["stop_first"] is None
    assert level["target_first"]["probability"] + level["neither"]["probability"] == pytest.approx(1)
    assert "first" not in out(capsys, *BTC, "--level", "gbm")


def test_a_file_needs_no_configuration_and_nothing_later_is_seen(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = bars_file(tmp_path)
    whole = parsed(capsys, "montecarlo", "MINE", "--data", str(path), "--level", "gbm", "--profile", "other")
    assert (whole["instrument"], whole["bars"]["source"], whole["bars"]["interval_ms"]) == ("MINE", "walk.csv", HOUR_MS)
    assert (whole["bars"]["count"], whole["steps"]) == (400, 24)
    early = ("montecarlo", "MINE", "--data", str(path), "--until", "2024-01-10T00:30", "--level", "garch")
    first = parsed(capsys, *early)
    assert first["ts"] == FIRST + 9 * 24 * HOUR_MS
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:230], *(f"{line[:13]},9,9,9,9,9" for line in lines[230:])]))
    assert parsed(capsys, *early) == first


def test_until_of_the_recording(capsys: pytest.CaptureFixture[str]) -> None:
    answer = parsed(capsys, *BTC, "--level", "gbm", "--until", "2025-04-09T12:02Z", "--bars", "300")
    assert answer["ts"] == 1_744_200_000_000  # 12:00
    assert answer["bars"]["count"] == 300


def test_gaps_are_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = bars_file(tmp_path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:50] + lines[60:]))
    assert ", 1 gaps (walk.csv)" in out(capsys, "montecarlo", "MINE", "--data", str(path), "--level", "gbm")


def test_too_few_bars_are_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = str(bars_file(tmp_path, 60))
    assert "gbm: not enough data: 60 of 101 bars" in out(capsys, "montecarlo", "MINE", "--data", path, status=1)
    (level,) = parsed(capsys, "montecarlo", "MINE", "--data", path, "--level", "gbm", status=1)["levels"]
    assert (level["missing"], level["up"], level["bands"]) == ("not enough data: 60 of 101 bars", None, [])


def test_events_widen_what_may_come(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path, news, calendar = bars_file(tmp_path, step=0.001), tmp_path / "news.csv", tmp_path / "calendar.csv"
    end = FIRST + 400 * HOUR_MS
    news.write_text(f"timestamp,sentiment\n{end - HOUR_MS},-0.9\n{end + HOUR_MS},0.9\n")
    calendar.write_text(f"timestamp,known,impact\n{end + 5 * HOUR_MS},{end - HOUR_MS},high\n")
    given = ("--headlines", str(news), "--calendar", str(calendar), "--seed", "3")
    answer = parsed(capsys, "montecarlo", "MINE", "--data", str(path), *given)
    levels = {level["level"]: level for level in answer["levels"]}
    assert levels["events"]["model"].endswith("2 of 3 events count")
    width = {name: level["bands"][2]["high"] - level["bands"][2]["low"] for name, level in levels.items()}
    assert width["events"] > 2 * width["gbm"]
    none = parsed(capsys, "montecarlo", "MINE", "--data", str(path), "--level", "events", "--level", "gbm")["levels"]
    assert none[0]["bands"] == none[1]["bands"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("timestamp,sentiment\n1704067200000,2\n", "column sentiment: found 2 in row 1, allowed -1 to 1"),
        ("timestamp,sentiment\n1704067200000,\n", "column sentiment: found nan in row 1"),
        ("timestamp,mood\n1704067200000,1\n", "found no column sentiment or score"),
        ("when,score\n1704067200000,1\n", "column timestamp: found only when, score"),
    ],
)
def test_a_wrong_file_of_headlines_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, words: str
) -> None:
    news = tmp_path / "news.csv"
    news.write_text(text)
    assert main([*BTC, "--headlines", str(news)]) == 1
    assert f"{news}: {words}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--target", "85000", "--stop", "86000"), "found both on one side of the last price 83,378.3"),
        (("--target", "83378.3"), "--target: found the last price 83,378.3 itself"),
        (("--horizon", "4m"), "--horizon: found 4 minutes, allowed at least one bar of 5m"),
        (("--horizon", "soon"), "allowed a time such as 90m, 24h or 5d"),
        (("--horizon", "900d", "--paths", "100000"), "--paths: found 100000 paths of 259200 bars, allowed 77"),
        (("--paths", "5"), "found '5', allowed 100 to 100000"),
        (("--seed", "-1"), "allowed 0 to"),
        (("--stop", "nan"), "allowed a price above 0"),
        (("--until", "yesterday"), "allowed a time such as"),
        (("--until", "2020-01-01"), "there are no bars of BTCUSDT.BINANCE up to then"),
        (("--level", "magic"), "invalid choice: 'magic'"),
    ],
)
def test_wrong_use(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str) -> None:
    assert words in wrong(capsys, *BTC, *arguments)


def test_a_name_that_is_none_lists_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    said = wrong(capsys, "montecarlo", "NOPE", "--demo")
    assert 'found "NOPE", allowed crypto, BTCUSDT.BINANCE' in said


def test_data_that_cannot_be_read(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", demo_folder() / "instruments.toml"):
        assert main(["montecarlo", "X", "--data", str(path)]) == 1
        assert str(path) in capsys.readouterr().err


# books


def trade(number: int, pnl: float, **changes: Any) -> Trade:
    """One of the seeded desk's trades, as the ledger keeps it."""
    (known,) = [fact for fact in facts() if isinstance(fact, Trade)]
    given = {"id": f"t{number}", "ts_closed": FIRST + number * HOUR_MS, "pnl": D(str(pnl)), "strategy": "eos"}
    return msgspec.structs.replace(known, **(given | changes))


def ledger_of(trades: list[Trade], equity: float | None = 100_000.0) -> Profile:
    profile = find_profile("demo")
    profile.create()
    points = []
    if equity is not None:
        money = {"equity": D(str(equity)), "cash": D(str(equity))}
        none = dict.fromkeys(("unrealized_pnl", "day_pnl", "drawdown", "exposure"), D(0))
        points = [EquityPoint(ts=FIRST, book="crypto", **money, **none)]
    with closing(LedgerWriter(profile.ledger, ("crypto",))) as writer:
        writer.start()
        writer.write([*trades, *points])
    return profile


def results(count: int) -> list[float]:
    return np.random.default_rng(2).normal(60.0, 600.0, count).round(2).tolist()


def test_a_book_without_trades_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(BOOK) == 1
    assert capsys.readouterr().err == "tradeterm: book crypto: not enough data: 0 of 30 trades\n"
    ledger_of([trade(number, pnl) for number, pnl in enumerate(results(12))])
    answer = parsed(capsys, *BOOK, status=1)
    assert (answer["trades"], answer["needed"], answer["missing"]) == (12, 30, "not enough data: 12 of 30 trades")
    assert "fan" not in answer


def test_a_book_with_trades(capsys: pytest.CaptureFixture[str]) -> None:
    ledger_of([trade(number, pnl) for number, pnl in enumerate(results(60))])
    lines = out(capsys, *BOOK).splitlines()
    assert lines[0] == "book crypto: 100,000.00 USDT after 60 closed trades since 2024-01-01 00:00 UTC"
    assert lines[1] == "100 trades ahead, 1000 paths of those trades drawn again in blocks, seed 0"
    for words in ("more than now at the end: ", "a drawdown beyond 8.0 %: ", "ruin, 50 % of it lost at the present"):
        (line,) = [line for line in lines if line.startswith(words)]
        assert "±" in line
    labels = {line.split("  ")[0] for line in lines}
    assert {"trades", "5 %", "50 %", "95 %", "largest drawdown", "trades back", "starting capital"} <= labels


def test_a_book_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    ledger_of([trade(number, pnl) for number, pnl in enumerate(results(60))])
    answer = parsed(capsys, *BOOK, "--ruin", "0.02")
    assert list(answer) == [
        *("type", "of", "book", "currency", "equity", "trades", "needed", "missing", "ahead", "paths", "seed", "fan"),
        *("profit", "drawdown_limit", "beyond_limit", "ruin", "drawdowns", "recovered", "capitals"),
    ]
    assert list(answer["fan"]["quantiles"]) == ["0.05", "0.25", "0.5", "0.75", "0.95"]
    assert all(row[0] == pytest.approx(100_000) for row in answer["fan"]["quantiles"].values())
    assert [row["quantile"] for row in answer["drawdowns"]] == [0.5, 0.75, 0.9, 0.95, 0.99]
    deep = [row["drawdown"] for row in answer["drawdowns"]]
    assert deep == sorted(deep)
    kept = [row["probability"] for row in answer["capitals"]]
    assert kept == sorted(kept)
    assert kept[0] < kept[-1]
    assert 0 < answer["ruin"]["probability"] < 1
    assert 0 < answer["ruin"]["ever"] < 1
    assert answer["ruin"]["ever"] > answer["ruin"]["probability"] - 3 * answer["ruin"]["standard_error"]


def test_only_trades_of_the_book_and_its_present_strategy_count(capsys: pytest.CaptureFixture[str]) -> None:
    mine = [trade(number, pnl) for number, pnl in enumerate(results(40))]
    others = [trade(100, -9e4, book="other"), trade(101, -9e4, strategy="older"), trade(39, 1.0, strategy="")]
    ledger_of([*mine[:39], *others])
    assert parsed(capsys, *BOOK)["trades"] == 40


def test_an_equity_that_was_not_there_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    ledger_of([trade(number, 5000.0) for number in range(40)])
    assert main(BOOK) == 1
    assert "the equity was not above zero all the time" in capsys.readouterr().err


def test_all_wins_have_no_closed_form(capsys: pytest.CaptureFixture[str]) -> None:
    ledger_of([trade(number, 10.0 + number) for number in range(40)])
    assert parsed(capsys, *BOOK)["ruin"] == {"loss": 0.5, "probability": 0.0, "standard_error": 0.0, "ever": None}
    assert "closed form" not in out(capsys, *BOOK)


def test_its_options_are_understood_anywhere() -> None:
    options = parse(["--json", "montecarlo", "BTCUSDT", "--horizon", "5d", "--level", "gbm", "--level", "garch"])
    assert (options.json, options.horizon, options.level) == (True, 5 * 24 * HOUR_MS, ["gbm", "garch"])
