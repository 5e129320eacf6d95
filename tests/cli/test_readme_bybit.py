"""The configurations the README shows are taken as they stand there."""

import re
import tomllib
from pathlib import Path
from typing import Any

from tradeterm.cli import main
from tradeterm.config import Config, Environment
from tradeterm.decode import convert
from tradeterm.engine.check_config import trading_mistakes

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
SECTION = README[README.index("## Trade on Bybit") : README.index("## For programs")]


def merged(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    both = dict(first)
    for key, value in second.items():
        both[key] = merged(both[key], value) if isinstance(value, dict) and key in both else value
    return both


def read(data: dict[str, Any]) -> Config:
    config, mistakes = convert(data, Config)
    assert config is not None, mistakes
    return config


def test_each_step_is_a_good_configuration(tmp_path: Path) -> None:
    paper, demo = re.findall(r"```toml\n(.*?)```", SECTION, re.DOTALL)
    file = tmp_path / "config.toml"
    file.write_text(paper)
    assert main(["config", "check", "--config", str(file)]) == 0
    steps = merged(tomllib.loads(paper), tomllib.loads(demo))
    (missing,) = trading_mistakes(read(merged(steps, {"venues": {"bybit": {"key_file": str(tmp_path / "none")}}})))
    assert "cannot be read" in missing
    key_file = tmp_path / "bybit-demo.key"
    key_file.write_text("A" * 18 + "\n" + "b" * 36 + "\n")
    key_file.chmod(0o600)
    steps = merged(steps, {"venues": {"bybit": {"key_file": str(key_file)}}})
    config = read(steps)
    assert trading_mistakes(config) == []
    assert config.venues.bybit.environment is Environment.DEMO
    live = merged(steps, {"mode": "live", "venues": {"bybit": {"environment": "mainnet"}}})
    assert trading_mistakes(read(live)) == []
    for wrong in ({"mode": "live"}, {"venues": {"bybit": {"environment": "mainnet"}}}):
        assert len(trading_mistakes(read(merged(steps, wrong)))) == 1
