"""What the README says of numbers, risk and notifications is what the program has."""

import inspect
import os
import re
import subprocess
import sys
import tomllib
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from msgspec.structs import astuple

import tradeterm.indicators
import tradeterm.quant
from tradeterm.config import Config
from tradeterm.config_file import read_config
from tradeterm.desk.protection import ALERT_AFTER_MS, FLATTEN_AFTER_MS
from tradeterm.notify.registry import CHANNELS
from tradeterm.notify.secrets import NAMES
from tradeterm.resources import example_config

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def shown(default: Any) -> str:
    value = default.value if isinstance(default, Enum) else default
    return repr(value).replace("'", '"')


def call(name: str, function: Any) -> str:
    """A function as the README writes it: names and defaults, no types."""
    parts: list[str] = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        bare = parameter.default is parameter.empty
        parts.append(parameter.name if bare else f"{parameter.name}={shown(parameter.default)}")
    return f"`{name}({', '.join(parts)})`"


@pytest.mark.parametrize("package", [tradeterm.indicators, tradeterm.quant], ids=["indicators", "quant"])
def test_every_public_function_is_there_as_it_is_called(package: ModuleType) -> None:
    text = section("Numbers in Python")
    functions = {name: value for name in package.__all__ if inspect.isfunction(value := getattr(package, name))}
    assert len(functions) > 10
    assert [found for name, value in functions.items() if (found := call(name, value)) not in text] == []


def test_every_call_shown_exists() -> None:
    known = {*tradeterm.indicators.__all__, *tradeterm.quant.__all__}
    calls = re.findall(r"(?:^\| |· )`(\w+)\(", section("Numbers in Python"), re.MULTILINE)
    assert len(calls) > 90
    assert set(calls) <= known


def test_the_example_runs_and_gives_numbers() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", section("Numbers in Python"), re.DOTALL)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["RSI", "99", "target", "expectancy", "Kelly,"]
    assert "nan" not in done.stdout


def test_the_configuration_of_notifications_is_taken_as_it_stands(tmp_path: Path) -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", section("Notifications"), re.DOTALL)
    before = example_config().read_text(encoding="utf-8")
    tables = "\n".join(block for block in before.split("\n\n") if "[notify" not in block)
    file = tmp_path / "config.toml"
    file.write_text(f"{tables}\n{text}")
    notify = read_config(file).notify
    assert notify.ntfy.enabled
    assert notify.quiet_from == 22.5
    assert notify.secrets_file == os.fspath(tmp_path / "secrets.env")


def test_every_channel_and_every_secret_is_named() -> None:
    text = section("Notifications")
    for name in (*CHANNELS, *NAMES):
        assert f"`{name}`" in text, name


def test_the_figures_of_risk_are_the_defaults() -> None:
    text, config = section("Risk"), Config()
    book = read_config(example_config()).books["crypto"]
    sizing, limits, risk, breaker = book.sizing, book.limits, config.risk, config.breaker
    for line in (
        f"Under `least_trades` ({sizing.least_trades})",
        f"`exploration_fraction` ({sizing.exploration_fraction * 100:g} % of equity)",
        f"last `window` ({sizing.window}) trades",
        f"`forget_days` ({sizing.forget_days:g})",
        f"`risk_fraction` ({sizing.risk_fraction * 100:g} %)",
        f"with a trend {sizing.regimes.trend:g}, range {sizing.regimes.range:g}, chop {sizing.regimes.chop:g}, "
        f"volatile {sizing.regimes.volatile:g}",
        f"gross {limits.max_total_exposure}, leverage {limits.max_leverage}, "
        f"a position {limits.max_position_exposure * 100:g} %, {limits.max_positions} positions, "
        f"daily loss {limits.daily_loss * 100:g} %, drawdown {limits.drawdown * 100:g} %",
        f"an instrument {risk.max_asset * 100:g} %, a group that moves together (correlation above "
        f"{risk.group_correlation:.2f}) {risk.max_group * 100:g} %, a configured sector {risk.max_sector * 100:g} %, "
        f"one side {risk.max_one_sided * 100:g} %, gross {risk.max_gross}",
        f"{risk.max_heat * 100:g} %; one-day 99 % VaR after the order {risk.max_var * 100:g} %",
        f"{breaker.cool_down_minutes:g} quiet minutes",
        f"over {breaker.window_minutes:g} minutes (`window_minutes`)",
        " | ".join(f"{step}" for step in astuple(breaker.refused_orders)),
        " | ".join(f"{step * 100:g} %" for step in astuple(breaker.slippage)),
        " | ".join(f"{step:g} s" for step in astuple(breaker.latency_seconds)),
        " | ".join(f"{ms // 1000} s" for ms in (ALERT_AFTER_MS, 30_000, FLATTEN_AFTER_MS)),
        f"{breaker.daily_loss * 100:g} %; {breaker.drawdown * 100:g} %",
        f"`override_minutes` ({breaker.override_minutes:g})",
        f"`health.least_trades` ({book.health.least_trades})",
    ):
        assert line in " ".join(text.split()), line
    assert sizing.kelly_fraction == 0.25  # "a quarter"


def test_the_keys_that_risk_names_exist() -> None:
    example = tomllib.loads(example_config().read_text(encoding="utf-8"))

    def keys(table: dict[str, Any]) -> set[str]:
        found = set(table)
        for value in table.values():
            if isinstance(value, dict):
                found |= keys(value)
        return found

    known = keys(example)
    named = set(re.findall(r"`(?:\w+\.)?([a-z]+_[a-z_]+)`", section("Risk") + section("Notifications")))
    assert len(named) > 15
    assert named <= known
