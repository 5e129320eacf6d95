"""`tradeterm sweep` on the bundled recording."""

import json

import pytest

from tradeterm.cli import main
from tradeterm.domain.errors import LedgerError
from tradeterm.profile import Profile
from tradeterm.research.sweep import sweep as module
from tradeterm.research.sweep.trials import Trials

FAST = ("--symbols", "BTCUSDT,SUIUSDT", "--vary", "threshold=0.02,0.04", "--least-trades", "0")


def told(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> tuple[str, str]:
    assert main(list(arguments)) == status
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_json(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    answer = json.loads(told(capsys, "sweep", "eos", *FAST, "--json")[0])
    assert list(answer) == [
        "type", "key", "name", "strategy", "instruments", "interval", "first", "last", "data_hash", "seed", "notes",
        "sizing", "method", "metric", "resumed", "present", "trials", "best", "overfitting", "sentence",
    ]  # fmt: skip
    assert [trial["changes"] for trial in answer["trials"]] == [{"threshold": 0.02}, {"threshold": 0.04}]
    scores = [trial["score"] for trial in answer["trials"]]
    assert answer["best"] == scores.index(max(scores))
    assert answer["resumed"] == 0
    assert answer["best"] == answer["overfitting"]["best"]
    assert answer["sizing"] == "alike"
    again = json.loads(told(capsys, "sweep", "eos", *FAST, "--json")[0])
    assert again["resumed"] == 2
    assert again["trials"] == answer["trials"]


def test_text_says_what_the_best_is_worth(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    out, err = told(capsys, "sweep", "eos", *FAST)
    assert err == ""
    assert "2 variants; the best by sharpe" in out
    assert "as it stands" in out
    assert "every signal is sized alike, 0.50% of equity at risk" in out
    assert "* under 30 trades" in out
    assert "The best of 2 has a Sharpe ratio of" in out


def test_a_ctrl_c_keeps_what_was_done(
    capsys: pytest.CaptureFixture[str], profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = module.attempt, []
    three = (*FAST[:-3], "threshold=0.02,0.03,0.04", *FAST[-2:])

    def interrupted(study: object, changes: object) -> object:
        calls.append(changes)
        if len(calls) == 4:  # the study as it stands, two variants, then
            raise KeyboardInterrupt
        return real(study, changes)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "attempt", interrupted)
    _, err = told(capsys, "sweep", "eos", *three, "--workers", "1", status=130)
    assert "the same command goes on from there" in err
    (half,) = json.loads(told(capsys, "runs", "--json")[0])["sweeps"]
    assert (half["trials"], half["wanted"], half["state"]) == (2, 3, "resumable")
    assert "the same `tradeterm sweep` goes on from there" in told(capsys, "runs")[0]
    begun = told(capsys, "runs", half["key"])[0]
    assert " 2 of 3 " in begun and "what its best is worth is not kept; the same `tradeterm sweep`" in begun
    assert json.loads(told(capsys, "runs", half["key"], "--json")[0]) == {"type": "sweep_begun", **half}
    monkeypatch.setattr(module, "attempt", real)
    out, _ = told(capsys, "sweep", "eos", *three)
    assert "3 variants, 2 of them known from before" in out
    (whole,) = json.loads(told(capsys, "runs", "--json")[0])["sweeps"]
    assert (whole["key"], whole["trials"], whole["state"]) == (half["key"], 3, "done")


def test_sweeps_are_listed_after_the_runs(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    answer = json.loads(told(capsys, "sweep", "eos", *FAST, "--json")[0])
    (listed,) = json.loads(told(capsys, "runs", "--json")[0])["sweeps"]
    best = answer["trials"][answer["best"]]
    assert listed == {
        "key": answer["key"],
        "ts": listed["ts"],
        "name": "eos",
        "version": listed["version"],
        "data_hash": answer["data_hash"],
        "method": "grid",
        "metric": "sharpe",
        "varied": ["threshold"],
        "trials": 2,
        "wanted": 2,
        "best": {"number": best["number"], "changes": best["changes"], "score": best["score"]},
        "state": "done",
    }
    alone = told(capsys, "runs")[0].splitlines()
    assert len(alone) == 2
    assert alone[1].split()[0] == answer["key"]
    assert " 2 of 2 " in alone[1] and " done " in alone[1]
    assert alone[1].endswith(f"threshold={best['changes']['threshold']}")
    told(capsys, "backtest", "eos", "--symbols", "SUIUSDT")
    lines = told(capsys, "runs")[0].splitlines()
    assert lines[0].startswith("run") and lines[2:] == ["", *alone]


def test_a_ledger_that_fails_at_the_end_costs_nobody_the_answer(
    capsys: pytest.CaptureFixture[str], profile: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise LedgerError("research.db: disk is full")

    monkeypatch.setattr(Trials, "end", full)
    out, err = told(capsys, "sweep", "eos", *FAST)
    assert "The best of 2 has a Sharpe ratio of" in out
    assert err.startswith("tradeterm: `runs ") and err.endswith("cannot show this again: research.db: disk is full\n")


def test_a_sweep_is_shown_again_by_its_key(capsys: pytest.CaptureFixture[str], profile: Profile) -> None:
    text = told(capsys, "sweep", "eos", *FAST)[0]
    (key,) = (row["key"] for row in json.loads(told(capsys, "runs", "--json")[0])["sweeps"])
    assert told(capsys, "runs", key)[0] == text
    answer = told(capsys, "sweep", "eos", *FAST, "--json")[0]
    assert told(capsys, "runs", key, "--json")[0] == answer
    assert "which was not kept in" in told(capsys, "runs", "0" * 16, status=1)[1]
    with pytest.raises(SystemExit):
        main(["runs", key[:-1] + "x"])
    assert "allowed the number of a run or the key of a sweep" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told_of"),
    [
        (("--set", "exits.stop_atr=2", "--vary", "exits.stop=0.01,0.05"), "stop stop_atr"),
        (("--set", "exits.target_stops=2", "--vary", "exits.target=0.01,0.05"), "target target_stops"),
        (("--vary", "exits.stop_atr=1,2", "--vary", "exits.stop=0.01,0.05"), "stop stop_atr"),
        (("--vary", "exits.stop_atr=null,2", "--vary", "exits.stop=0.01,0.05"), None),
        (("--vary", "exits.stop=0.01,0.05"), None),
    ],
)
def test_what_is_varied_and_cannot_matter_is_told(
    capsys: pytest.CaptureFixture[str], profile: Profile, arguments: tuple[str, ...], told_of: str | None
) -> None:
    out, err = told(capsys, "sweep", "eos", "--symbols", "SUIUSDT", "--least-trades", "0", *arguments, "--json")
    if told_of is None:
        assert err == ""
        return
    name, other = told_of.split()
    assert err == f"tradeterm: --vary: exits.{name} changes nothing: exits.{other} is set, which is taken instead\n"
    summaries: dict[float | None, list[object]] = {}
    for trial in json.loads(out)["trials"]:
        summaries.setdefault(trial["changes"].get(f"exits.{other}"), []).append(trial["summary"])
    assert all(first == second for first, second in summaries.values())


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--vary", "threshold=0.02:0.05"), "allowed LOW:HIGH:STEP"),
        (("--vary", "treshold=0.02"), "did you mean threshold?"),
        (("--vary", "threshold=7"), "threshold: found 7"),
        (("--vary", "threshold=0.02", "--dask", "somewhere"), "--dask: found 'somewhere'"),
    ],
)
def test_mistakes(capsys: pytest.CaptureFixture[str], profile: Profile, arguments: tuple[str, ...], text: str) -> None:
    _, err = told(capsys, "sweep", "eos", *arguments, status=2)
    assert text in err
