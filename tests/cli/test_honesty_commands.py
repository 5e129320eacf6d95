"""`tradeterm walkforward`, `robustness` and `lookahead` on the bundled recording: text, JSON, exit status."""

import json
from typing import Any

import pytest

from tradeterm.cli import main
from tradeterm.domain.market import DAY_MS
from tradeterm.profile import Profile

HEAD = ["type", "run", "name", "strategy", "instruments", "interval", "first", "last", "data_hash", "seed", "notes"]
SUMMARY = ["total_return", "sharpe", "max_drawdown", "profit_factor", "trades", "refused"]
FAST = ("--symbols", "BTCUSDT,SUIUSDT")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> str:
    assert main(list(arguments)) == status
    captured = capsys.readouterr()
    assert captured.err == ""  # no bar where nobody waits at a terminal
    return captured.out


def parsed(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> Any:
    return json.loads(told(capsys, *arguments, "--json", status=status))


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    try:
        status = main(list(arguments))
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else 1
    assert status == 2
    return capsys.readouterr().err


def test_lookahead(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    answer = parsed(capsys, "lookahead", "eos", *FAST, "--cuts", "6", "--rows", "30")
    assert list(answer) == [*HEAD, "clean", "cuts", "rows", "differences", "sentence"]
    assert answer["clean"] is True
    assert answer["differences"] == []
    assert answer["instruments"] == ["BTCUSDT.BINANCE", "SUIUSDT.BINANCE"]
    assert parsed(capsys, "runs", "1") == answer
    text = told(capsys, "lookahead", "eos", *FAST, "--cuts", "6", "--rows", "30")
    assert told(capsys, "runs", "2") == text
    assert text.splitlines()[-2:] == ["LOOK-AHEAD", answer["sentence"]]


def test_too_little_data_is_not_a_pass(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    short = ("--to", "2025-04-05T12:00")
    assert parsed(capsys, "lookahead", "eos", *FAST, *short, status=1)["clean"] is None


def test_walkforward(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    grid = ("--grid", "threshold=0.02,0.03", "--grid", "stall_bars=2")
    answer = parsed(capsys, "walkforward", "eos", *FAST, "--train", "2", "--test", "1", "--purge", "0.5", *grid)
    assert list(answer) == [
        *HEAD, "sizing", "train", "test", "purge", "anchored", "walk_forward", "overfitting", "candidates"
    ]  # fmt: skip
    assert (answer["train"], answer["test"], answer["purge"]) == (2, 1, 0.5)
    assert answer["candidates"] == [{"threshold": 0.02, "stall_bars": 2}, {"threshold": 0.03, "stall_bars": 2}]
    walked = answer["walk_forward"]
    assert list(walked) == [
        "folds", "metric", "tried", "drift", "efficiency", "ts", "equity", "out_of_sample", "unchanged_return",
        "sentence", "insufficient",
    ]  # fmt: skip
    assert walked["insufficient"] is (walked["out_of_sample"]["trades"] < 30)
    assert walked["tried"] == 2
    assert list(walked["out_of_sample"]) == SUMMARY
    for fold in walked["folds"]:
        assert list(fold) == [
            "window", "parameters", "chosen", "in_sample", "out_of_sample", "unchanged", "ts", "equity", "won", "lost",
        ]  # fmt: skip
        train_start, train_end, test_start, test_end = fold["window"]
        assert (train_end - train_start, test_start - train_end, test_end - test_start) == (
            2 * DAY_MS, DAY_MS // 2, DAY_MS,
        )  # fmt: skip
    assert answer["overfitting"]["trials"] == 2
    text = told(capsys, "walkforward", "eos", *FAST, "--train", "2", "--test", "1", "--purge", "0.5", *grid)
    assert walked["sentence"] in text
    assert answer["overfitting"]["sentence"] in text


def test_walkforward_has_lengths_of_its_own(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    answer = parsed(capsys, "walkforward", "eos", *FAST, "--anchored")
    assert (answer["train"], answer["test"], answer["purge"], answer["anchored"]) == (2, 1, 1, True)
    starts = {fold["window"][0] for fold in answer["walk_forward"]["folds"]}
    assert len(starts) == 1
    assert answer["candidates"][0] == {}
    assert len(answer["candidates"]) == answer["walk_forward"]["tried"]


def test_robustness(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    answer = parsed(capsys, "robustness", "eos", *FAST)
    assert list(answer) == [*HEAD, "sizing", "robustness", "decay", "regimes", "capacity", "stress"]
    shaken = answer["robustness"]
    assert list(shaken["base"]) == SUMMARY
    assert [each["variation"] for each in shaken["delays"]] == [{"type": "delay", "bars": bars} for bars in range(1, 6)]
    assert shaken["noise"][0]["variation"] == {"type": "noise", "size": 0.001, "seed": 0}
    assert shaken["costs"][0]["variation"] == {"type": "costs", "factor": 1.5}
    assert {"type": "parameter", "name": "threshold", "value": 0.032} in [
        each["variation"] for each in shaken["parameters"]
    ]
    assert answer["capacity"]["half"] is None  # a week tells no daily volume of twenty days
    text = told(capsys, "robustness", "eos", *FAST)
    for name in ("robustness", "decay", "regimes", "capacity", "stress"):
        assert answer[name]["sentence"] in text
    again = parsed(capsys, "robustness", "eos", *FAST)
    assert again == {**answer, "run": again["run"]}
    assert parsed(capsys, "runs", str(again["run"])) == again


def test_a_test_sizes_every_signal_alike_unless_told_otherwise(
    capsys: pytest.CaptureFixture[str], profile: Profile
) -> None:
    vary = ("--vary", "threshold=0.02", "--least-trades", "0")
    alike, own = (parsed(capsys, "sweep", "eos", *vary, *more) for more in ((), ("--book-sizing",)))
    assert (alike["sizing"], own["sizing"]) == ("alike", "book")
    assert alike["present"]["trades"] > own["present"]["trades"]
    assert alike["present"]["refused"] < own["present"]["refused"]
    assert alike["notes"][0].startswith("every signal is sized alike")
    assert not any("sized alike" in note for note in own["notes"])
    assert parsed(capsys, "robustness", "eos", *FAST, "--set", "sizing.drawdown_dampening=false")["sizing"] == "book"


@pytest.mark.parametrize(
    ("arguments", "text"),
    (
        (("walkforward", "eos", "--train", "1", "--test", "1e-9"), "test: found 1e-09 days, allowed above 0"),
        (("walkforward", "eos", "--train", "60"), "days of data, needed 62 for one window"),
        (("walkforward", "eos", "--train", "0"), "found '0', allowed a number of days above 0"),
        (("walkforward", "eos", "--purge", "-1"), "allowed a number of days"),
        (("walkforward", "eos", "--grid", "threshold"), "allowed KEY=VALUE,VALUE such as threshold=0.03,0.04"),
        (("walkforward", "eos", "--grid", "treshold=1"), "treshold"),
        (("walkforward", "eos", "--grid", "threshold=2"), "threshold"),
        (("robustness", "eos", "--workers", "0"), "found '0', allowed 1 to 64"),
        (("lookahead", "eos", "--cuts", "none"), "found 'none', allowed a whole number of 1 or more"),
        (("lookahead", "nothing"), "nothing"),
    ),
)
def test_wrong_use_is_one_sentence(
    capsys: pytest.CaptureFixture[str], profile: Profile, arguments: tuple[str, ...], text: str
) -> None:
    error = refused(capsys, *arguments)
    assert text in error
    assert "Traceback" not in error


def test_data_of_ones_own_is_spread_over_processes(
    capsys: pytest.CaptureFixture[str], profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradeterm.research import workers
    from tradeterm.resources import demo_folder

    main(["data", "import", str(demo_folder() / "crypto" / "5m" / "BTCUSDT.parquet"), "--venue", "binance"])
    capsys.readouterr()
    grid = ("--grid", "threshold=0.02,0.03")
    one = parsed(capsys, "walkforward", "eos", *grid, "--workers", "1")
    asked: list[int] = []
    pool = workers.ProcessPoolExecutor

    def counted(count: int, **more: Any) -> Any:
        asked.append(count)
        return pool(count, **more)

    monkeypatch.setattr(workers, "ProcessPoolExecutor", counted)
    assert parsed(capsys, "walkforward", "eos", *grid, "--workers", "2") == {**one, "run": 2}
    assert asked == [2, 2]


def test_a_bar_where_somebody_waits(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    from tradeterm.cli.progress import progress

    with progress("work") as tell:
        tell(1, 2)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress("work") as tell:
        tell(1, 2)
    assert "work" in capsys.readouterr().err
