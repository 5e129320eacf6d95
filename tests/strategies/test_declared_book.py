"""From a specification to the book that trades it, and to the text of a configuration file."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from test_declared_read import GOOD, changed

from tradeterm.config import BookConfig, Config, SizingMethod
from tradeterm.config_file import read_config
from tradeterm.decode import convert
from tradeterm.domain.errors import ConfigError
from tradeterm.domain.market import INTERVALS_MS
from tradeterm.strategies.declared.book import book_name, book_of, book_toml
from tradeterm.strategies.declared.files import example_files
from tradeterm.strategies.declared.read import read_file, read_spec
from tradeterm.strategies.registry import make_strategy


def book(data: dict[str, Any], **changes: Any) -> BookConfig:
    return book_of(read_spec(data), **{"capital": 50_000.0, "venue": "paper", **changes}).book


def test_stop_target_and_risk_become_exits_sizing_and_limits() -> None:
    made = book(GOOD)
    assert (made.strategy, made.instruments, made.interval) == ("declared", ("BTCUSDT.BINANCE",), "15m")
    assert (made.exits.stop, made.exits.stop_atr, made.exits.target, made.exits.target_stops) == (0.0075, None, None, 2)
    assert (made.exits.trail, made.exits.trail_after, made.exits.time_limit_hours) == (0.01, 0, 12)
    assert not made.exits.session_end
    assert (made.sizing.method, made.sizing.risk_fraction) == (SizingMethod.FIXED, 0.0025)
    assert max(made.sizing.regimes.trend, made.sizing.regimes.range) == 1
    assert (made.limits.max_leverage, made.limits.max_positions, made.limits.daily_loss) == (10, 1, 0.01)
    assert made.limits.max_position_exposure == made.sizing.max_position_fraction == 1


def test_what_is_not_declared_is_off() -> None:
    data = changed("exit", None)
    del data["target"], data["trail"]
    made = book(data)
    assert (made.exits.target, made.exits.target_stops, made.exits.trail, made.exits.time_limit_hours) == (None,) * 4
    assert "exit" not in made.parameters


def test_a_stop_by_atr_has_a_fraction_for_when_that_is_not_known() -> None:
    made = book_of(read_spec(changed("stop", {"type": "atr", "mult": 1.5})), capital=1e5, venue="paper")
    assert (made.book.exits.stop, made.book.exits.stop_atr) == (0.02, 1.5)
    assert any("once ATR(14) is above 6 % of the price" in note for note in made.notes)


def test_leverage_is_clamped_to_the_accounts_and_that_is_said() -> None:
    made = book_of(read_spec(GOOD), capital=1e5, venue="bybit", leverage_cap=3)
    assert made.book.limits.max_leverage == made.book.limits.max_total_exposure == 3
    assert made.notes[0] == "risk.max_leverage: 10 is clamped to 3, the most the account allows"
    assert book(changed("risk.max_leverage", 50)).limits.max_leverage == 10
    assert not [note for note in book_of(read_spec(GOOD), capital=1e5, venue="paper").notes if "clamped" in note]


def test_a_small_leverage_is_that_of_a_position_too() -> None:
    made = book(changed("risk.max_leverage", 0.5))
    assert made.limits.max_position_exposure == made.sizing.max_position_fraction == made.limits.max_leverage == 0.5


@pytest.mark.parametrize("key", ["unsupported", "questions"])
def test_what_cannot_be_applied_is_no_book(key: str) -> None:
    with pytest.raises(ConfigError, match=r"(unsupported|open question): the mood of the news"):
        book(GOOD | {key: ["the mood of the news"]})


def test_symbols_become_instruments_of_the_venue() -> None:
    symbols = ["BTC", "ETHUSDT", "SOLUSDT.BYBIT", "USDC"]
    assert book(GOOD | {"symbols": symbols}, venue="bybit").instruments == (
        *("BTCUSDT.BYBIT", "ETHUSDT.BYBIT", "SOLUSDT.BYBIT", "USDCUSDT.BYBIT"),
    )
    nse = book(GOOD | {"symbols": ["RELIANCE.NSE"], "exit": {}})
    assert (nse.currency, nse.parameters["calendar"]) == ("INR", "NSE")
    with pytest.raises(ConfigError, match="which keep different hours"):
        book(GOOD | {"symbols": ["RELIANCE.NSE", "BTC"]})


def test_the_book_signals_by_its_parameters_alone() -> None:
    made = book(GOOD)
    strategy = make_strategy(made.strategy, made.parameters, "books.b", INTERVALS_MS[made.interval])
    assert strategy.name == "declared" and strategy.warmup > 1612
    with pytest.raises(ConfigError) as caught:
        make_strategy("declared", {**made.parameters, "exit": {"any": [{"bars_held": 3}]}}, "books.b")
    assert str(caught.value) == (
        "books.b.parameters.exit.any: found bars_held, which is time_limit_hours of the book's exits"
    )
    with pytest.raises(ConfigError) as caught:
        make_strategy("declared", {"side": "long", "entry": {"all": [{"ind": "rsi", "n": 1, "op": "x"}]}}, "books.b")
    assert str(caught.value).startswith("books.b.parameters.entry.all[0].op: found")


@pytest.mark.parametrize("path", example_files(), ids=lambda path: path.stem)
def test_its_text_reads_as_the_same_book(path: Path, tmp_path: Path) -> None:
    spec = read_file(path)
    made = book_of(spec, capital=12_345.5, venue="paper").book
    text = book_toml(book_name(spec), made)
    config, mistakes = convert(tomllib.loads(text), Config)
    assert not mistakes and config is not None
    assert config.books == {book_name(spec): made}
    file = tmp_path / "config.toml"
    file.write_text('mode = "paper"\n' + text)
    assert read_config(file).books[book_name(spec)] == made


@pytest.mark.parametrize(
    "changes",
    [
        {"stop": {"type": "percent", "pct": 0.1}, "target": {"type": "r", "mult": 20}},
        {"stop": {"type": "atr", "mult": 10, "fallback_pct": 8.9}, "target": {"type": "percent", "pct": 500}},
        {"trail": {"pct": 50, "after_pct": 100}, "target": {"type": "percent", "pct": 0.1}},
        {"risk": {"risk_pct": 2, "max_leverage": 125, "max_positions": 500, "daily_loss_pct": 20}},
        {"risk": {"risk_pct": 0.001, "max_leverage": 0.01, "max_positions": 1, "daily_loss_pct": 0.01}},
        {"timeframe": "1m", "exit": {"any": [{"bars_held": 43_200}]}},
    ],
    ids=range(6),
)
def test_whatever_is_allowed_here_is_allowed_in_a_book(changes: dict[str, Any]) -> None:
    made = book(GOOD | changes)
    found, mistakes = convert(tomllib.loads(book_toml("b", made)), Config)
    assert mistakes == [] and found is not None and found.books["b"] == made


def test_a_name_fits_a_book() -> None:
    assert book_name(read_spec(GOOD)) == "rsi_oversold_btc"
    assert book_name(read_spec(GOOD | {"name": "donchian-breakout"})) == "donchian"
    assert book_name(read_spec(GOOD | {"name": "a" * 40})) == "a" * 16
