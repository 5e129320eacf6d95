"""Reading the file itself: where it is looked for, how it can be unreadable, what no single key can say."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tradeterm.config import Config, FeedConfig, ResearchConfig
from tradeterm.config_file import config_hash, load_config
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile
from tradeterm.resources import demo_config, example_config
from tradeterm.strategies.registry import strategy_names

BOOK = """
[books.crypto]
strategy = "eos"
venue = "paper"
instruments = ["BTCUSDT.BINANCE"]
capital = 1000
"""


def sentence(file: Path, profile: str = "default") -> str:
    with pytest.raises(ConfigError) as caught:
        load_config(file, profile)
    return str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_the_demo_has_its_own_configuration(file: Path) -> None:
    file.write_text("nonsense", encoding="utf-8")
    assert load_config(file, "demo") == load_config(demo_config())


def test_the_demo_keeps_the_users_looks_and_keys(profile: Profile) -> None:
    looks = '[ui]\ntheme = "light"\n[keys]\n"app.theme" = "T"\n'
    profile.config_file.write_text(f'mode = "live"\n[feed]\nspeed = "a mistake elsewhere"\n{looks}', encoding="utf-8")
    config = load_config(None, "demo")
    assert (config.ui.theme, config.keys) == ("light", {"app.theme": "T"})
    assert config == msgspec.structs.replace(load_config(demo_config()), ui=config.ui, keys=config.keys)


@pytest.mark.parametrize("looks", ['[ui]\nglyphs = "emoji"', "[ui]\ntheme = 3", "[keys]\nq = 1"])
def test_a_mistake_in_the_demos_looks_names_the_users_file(profile: Profile, looks: str) -> None:
    profile.config_file.write_text(looks, encoding="utf-8")
    with pytest.raises(ConfigError, match=f"^{profile.config_file}: .*: found .*, allowed "):
        load_config(None, "demo")


def test_the_users_file_is_found(profile: Profile) -> None:
    profile.config_file.write_text(BOOK, encoding="utf-8")
    assert load_config().books["crypto"].capital == 1000.0


def test_an_explicit_file_wins(profile: Profile, file: Path) -> None:
    profile.config_file.write_text("nonsense", encoding="utf-8")
    file.write_text(BOOK, encoding="utf-8")
    assert list(load_config(file).books) == ["crypto"]


def test_no_file_names_what_to_do(home: Path) -> None:
    assert "tradeterm config init" in sentence(home / "config.toml")


def test_toml_errors_name_the_line(file: Path) -> None:
    file.write_text('mode = "demo"\nmode is demo\n', encoding="utf-8")
    assert (
        sentence(file) == f"{file}: not valid TOML: Expected '=' after a key in a key/value pair (at line 2, column 6)"
    )


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    assert sentence(tmp_path) == f"{tmp_path}: cannot be read: Is a directory"


def test_bytes_that_are_no_text(file: Path) -> None:
    file.write_bytes(b'mode = "d\xe9mo"')
    assert sentence(file) == f"{file}: found a byte at 9 that is not UTF-8, allowed UTF-8 text"


def test_a_byte_order_mark_is_forgiven(file: Path) -> None:
    file.write_text(BOOK, encoding="utf-8-sig")
    assert load_config(file).books


def test_all_mistakes_come_at_once(file: Path) -> None:
    file.write_text(BOOK + 'colour = 1\n[ui]\nmouse = "yes"\n[gate]\ndeadline_seconds = 0\n', encoding="utf-8")
    assert sentence(file).splitlines() == [
        f"{file}: books.crypto.colour: found a key that is not known here; allowed strategy, venue, instruments, "
        "capital, currency, interval, enabled, parameters, exits, sizing, limits, execution, health or exposure",
        f'{file}: ui.mouse: found "yes", allowed true or false',
        f"{file}: gate.deadline_seconds: found 0, allowed 1 to 60",
    ]


def test_a_value_out_of_bounds_is_one_sentence(file: Path) -> None:
    file.write_text(BOOK + "[books.crypto.exits]\nstop = 5.0\n", encoding="utf-8")
    assert sentence(file) == f"{file}: books.crypto.exits.stop: found 5.0, allowed 0.001 to 0.5"


def test_off_switches_an_exit_off_but_never_the_stop(file: Path) -> None:
    file.write_text(BOOK + '[books.crypto.exits]\ntarget = "off"\ntime_limit_hours = "off"\n', encoding="utf-8")
    exits = load_config(file).books["crypto"].exits
    assert (exits.target, exits.time_limit_hours, exits.trail) == (None, None, 0.015)
    file.write_text(BOOK + '[books.crypto.exits]\nstop = "off"\n', encoding="utf-8")
    assert sentence(file) == f'{file}: books.crypto.exits.stop: found "off", allowed 0.001 to 0.5'


@pytest.mark.parametrize("name", ["Crypto", "2nd", "a-b", "a b", "shadow", "x" * 17, "../x", "drop;--"])
def test_a_book_name_is_a_namespace(file: Path, name: str) -> None:
    file.write_text(BOOK.replace("books.crypto", f'books."{name}"'), encoding="utf-8")
    assert f'found book name "{name}", allowed 1 to 16 of a-z' in sentence(file)


def test_a_file_without_an_enabled_book(file: Path) -> None:
    file.write_text("", encoding="utf-8")
    assert sentence(file) == f"{file}: books: found no book, allowed at least one [books.NAME] that is enabled"
    file.write_text(BOOK + "enabled = false\n", encoding="utf-8")
    assert "found only books that are not enabled" in sentence(file)


def test_an_instrument_twice(file: Path) -> None:
    file.write_text(BOOK.replace('["BTC', '["BTCUSDT.BINANCE", "BTC'), encoding="utf-8")
    assert sentence(file).endswith('books.crypto.instruments: found "BTCUSDT.BINANCE" more than once, allowed once')


def test_a_long_found_value_is_cut(file: Path) -> None:
    file.write_text(BOOK.replace("1000", f'"{"9" * 500}"'), encoding="utf-8")
    assert len(sentence(file)) < len(str(file)) + 140


def test_rates_of_a_day_to_come_would_never_grow_old(file: Path) -> None:
    today = datetime.now(UTC).date()
    for day, allowed in ((today, True), (today + timedelta(days=3), False)):
        file.write_text(f'{BOOK}[risk]\nrates_day = "{day}"\nrates = {{INR = 0.012}}\n', encoding="utf-8")
        if allowed:
            assert load_config(file).risk.rates == {"INR": 0.012}
        else:
            found = f'risk.rates_day: found "{day}", allowed a day that has begun: rates age from there'
            assert sentence(file) == f"{file}: {found}"


def test_orders_of_research_are_not_later_at_least_than_at_most(file: Path) -> None:
    late = "[research]\nleast_latency_ms = 200\nmost_latency_ms = "
    file.write_text(f"{BOOK}{late}100\n", encoding="utf-8")
    found = "research.least_latency_ms: found 200, allowed at most most_latency_ms, which is 100"
    assert sentence(file) == f"{file}: {found}"
    file.write_text(f"{BOOK}{late}200\nimpact = 0.7\nimpacts = {{BTCUSDT = 0.4}}\n", encoding="utf-8")
    assert load_config(file).research == ResearchConfig(
        impact=0.7, least_latency_ms=200.0, most_latency_ms=200.0, impacts={"BTCUSDT": 0.4}
    )
    file.write_text(f"{BOOK}[research]\nimpacts = {{BTCUSDT = -1}}\n", encoding="utf-8")
    assert sentence(file) == f"{file}: research.impacts.BTCUSDT: found -1, allowed 0 to 10"
    file.write_text(f"{BOOK}[research]\nimpakt = 1\n", encoding="utf-8")
    assert "research.impakt: found a key that is not known here; did you mean impact?" in sentence(file)


def test_a_home_that_nobody_has(file: Path) -> None:
    file.write_text(BOOK + '[feed]\npath = "~nobody-of-that-name/bars"\n', encoding="utf-8")
    assert f"{file}: feed.path: ~nobody-of-that-name/bars: there is no such home folder" in sentence(file)


def test_a_relative_data_path_starts_at_the_file(file: Path) -> None:
    file.write_text(BOOK + '[feed]\npath = "data"\n', encoding="utf-8")
    assert load_config(file).feed.path == str(file.parent / "data")


def test_the_hash_follows_every_setting() -> None:
    one, other = Config(), Config(feed=FeedConfig(speed=1.0))
    assert config_hash(one) == config_hash(Config())
    assert config_hash(one) != config_hash(other)
    assert len(config_hash(one)) == 16


def test_the_example_is_accepted() -> None:
    config = load_config(example_config())
    assert list(config.books) == ["crypto", "nse_eos"]
    assert not {*config.books} & {*strategy_names()}, "`backtest eos` is to mean the strategy"
    assert [name for name, book in config.books.items() if book.enabled] == ["crypto"]
