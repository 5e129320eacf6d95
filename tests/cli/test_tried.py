"""Every variant that was run or swept on the same data counts against the next one's Sharpe ratio."""

import json
from pathlib import Path
from typing import Any

import pytest

from tradeterm.cli import main
from tradeterm.profile import Profile

EOS = ("eos", "--symbols", "BTCUSDT,SUIUSDT")


def ran(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def figure(answer: Any, name: str) -> Any:
    return {each["name"]: each["value"] for each in answer["figures"]}[name]


def said(answer: Any) -> list[str]:
    return [note for note in answer["notes"] if "were tried on this data" in note]


def test_runs_and_sweeps_count(capsys: pytest.CaptureFixture[str], profile: Profile, tmp_path: Path) -> None:
    own = ("backtest", *EOS, "--set", "threshold=0.02")
    first = ran(capsys, *own)
    assert (figure(first, "deflated_sharpe"), said(first)) == (None, [])
    assert said(ran(capsys, *own)) == [], "the same run again is no other variant"
    assert said(ran(capsys, "backtest", *EOS, "--set", "threshold=0.03")) == [
        "2 variants of eos were tried on this data, this one included"
    ]
    ran(capsys, "sweep", *EOS, "--vary", "threshold=0.01,0.015,0.025")
    page = tmp_path / "report.md"
    last = ran(capsys, *own, "--out", str(page))
    assert said(last) == ["5 variants of eos were tried on this data, this one included"]
    alone, deflated = figure(last, "probabilistic_sharpe"), figure(last, "deflated_sharpe")
    assert alone is not None and deflated is not None and deflated < alone
    assert "itself included: 5." in page.read_text(encoding="utf-8")


def test_declared_strategies_of_other_names_are_no_variants(
    capsys: pytest.CaptureFixture[str], profile: Profile, tmp_path: Path
) -> None:
    files = []
    for name in ("dips", "other"):
        files.append(str(tmp_path / f"{name}.json"))
        text = json.dumps(
            {
                "v": 1,
                "name": name,
                "symbols": ["ADA"],
                "timeframe": "5m",
                "side": "long",
                "entry": {"all": [{"ind": "rsi", "n": 14 if name == "dips" else 7, "op": "<", "value": 30}]},
                "exit": {"any": [{"bars_held": 48}]},
                "stop": {"type": "percent", "pct": 1.5},
                "target": {"type": "r", "mult": 2},
                "risk": {"risk_pct": 0.5, "max_leverage": 2},
            }
        )
        Path(files[-1]).write_text(text)
    ran(capsys, "sweep", files[0], "--vary", "parameters.entry.all.0.value=20,25")
    assert said(ran(capsys, "backtest", files[0])) == ["3 variants of dips were tried on this data, this one included"]
    assert said(ran(capsys, "backtest", files[1])) == []
    again = ran(capsys, "backtest", files[1], "--set", "exits.stop=0.01")
    assert said(again) == ["2 variants of other were tried on this data, this one included"]
