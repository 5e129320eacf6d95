"""Every key of the configuration, wrong in every way it can be: a sentence with file, key, found and allowed."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from tradeterm.config import Config
from tradeterm.config_file import load_config
from tradeterm.domain.errors import ConfigError
from tradeterm.resources import example_config

Path_ = tuple[str, ...]

# What a name or an id may be is checked beyond its type.
WRONG_TEXTS = {
    ("mode",): "real",
    ("books", "crypto", "interval"): "7m",
    ("books", "crypto", "currency"): "dollars",
    ("books", "crypto", "instruments"): ["BTCUSDT"],
    ("feed", "start"): "yesterday",
    ("ui", "glyphs"): "emoji",
    ("ui", "timezone"): "Mars/Olympus",
}


def bare(info: inspect.Type) -> inspect.Type:
    return info.type if isinstance(info, inspect.Metadata) else info


def every_key(info: inspect.Type, at: Path_ = ()) -> Iterator[tuple[Path_, inspect.Type]]:
    """Every key the configuration knows, found by introspection; mappings are entered at the example's own names."""
    info = bare(info)
    if isinstance(info, inspect.StructType):
        for field in info.fields:
            yield (*at, field.encode_name), field.type
            yield from every_key(field.type, (*at, field.encode_name))
    elif isinstance(info, inspect.DictType) and isinstance(bare(info.value_type), inspect.StructType):
        yield from every_key(info.value_type, (*at, "crypto"))


KEYS = dict(every_key(inspect.type_info(Config)))


def bounds(info: inspect.Type) -> Iterator[float]:
    """Values just outside what a number may be."""
    info = bare(info)
    members = [bare(member) for member in info.types] if isinstance(info, inspect.UnionType) else [info]
    for member in members:
        if isinstance(member, (inspect.FloatType, inspect.IntType)):
            step = 1 if isinstance(member, inspect.IntType) else 1e-3
            if member.ge is not None:
                yield member.ge - step
            if member.gt is not None:
                yield member.gt
            if member.le is not None:
                yield member.le + step
            if member.lt is not None:
                yield member.lt


def wrong_values() -> Iterator[tuple[str, Path_, Any]]:
    for key, info in KEYS.items():
        name = ".".join(key)
        wrong_type: Any = 7 if not isinstance(bare(info), (inspect.FloatType, inspect.IntType)) else "seven"
        if isinstance(bare(info), inspect.UnionType) and isinstance(bare(bare(info).types[0]), inspect.FloatType):
            wrong_type = "seven"
        yield f"{name}-type", key, wrong_type
        for value in bounds(info):
            yield f"{name}-{value:g}", key, value
        if any(isinstance(bare(member), inspect.FloatType) for member in getattr(bare(info), "types", (info,))):
            yield f"{name}-nan", key, float("nan")
            yield f"{name}-inf", key, float("inf")
            yield f"{name}-vast", key, 10**400  # a whole number that no float can hold
        if key in WRONG_TEXTS:
            yield f"{name}-text", key, WRONG_TEXTS[key]


CASES = list(wrong_values())


def toml(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return msgspec.json.encode(value).decode()
        case list() | tuple():
            return f"[{', '.join(toml(item) for item in value)}]"
        case dict():
            return "{" + ", ".join(f"{toml(name)} = {toml(item)}" for name, item in value.items()) + "}"
    return str(value)


def example() -> dict[str, Any]:
    return tomllib.loads(example_config().read_text(encoding="utf-8"))


def write(folder: Path, data: dict[str, Any]) -> Path:
    file = folder / "config.toml"
    file.write_text("".join(f"{name} = {toml(value)}\n" for name, value in data.items()), encoding="utf-8")
    return file


def placed(data: dict[str, Any], key: Path_, value: Any) -> dict[str, Any]:
    table = data
    for name in key[:-1]:
        table = table.setdefault(name, {})
    table[key[-1]] = value
    return data


def test_the_introspection_finds_the_configuration() -> None:
    assert len(KEYS) > 50
    assert ("books", "crypto", "exits", "stop") in KEYS
    assert ("keys",) in KEYS


def test_the_example_names_every_key_with_its_default() -> None:
    """Except what has no default and what is commented out; `mode` is paper there, with the reason beside it."""
    text = example_config().read_text(encoding="utf-8")
    for key in KEYS:
        sections = (f".{key[-1]}]", f"[{key[-1]}]", f"[{key[-1]}.")
        assert f"{key[-1]} = " in text or any(section in text for section in sections), key
    book = load_config(example_config()).books["crypto"]
    bare_book = type(book)(strategy="eos", venue="paper", instruments=book.instruments, capital=book.capital)
    for name in ("currency", "interval", "enabled", "exits", "sizing", "limits"):
        assert getattr(book, name) == getattr(bare_book, name), name
    for name in ("gate", "news", "paper", "feed", "ledger", "ui", "keys"):
        assert getattr(load_config(example_config()), name) == getattr(Config(), name), name


@pytest.mark.parametrize(("key", "value"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_wrong_value_is_named(tmp_path: Path, key: Path_, value: Any) -> None:
    file = write(tmp_path, placed(example(), key, value))
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1
    assert sentence.startswith(f"{file}: {'.'.join(key)}")
    assert "found " in sentence
    assert "allowed " in sentence


TABLES = [(), *[key for key, info in KEYS.items() if isinstance(bare(info), inspect.StructType)], ("books", "crypto")]


@pytest.mark.parametrize("table", TABLES, ids=[".".join(table) or "top" for table in TABLES])
def test_an_unknown_key_is_named(tmp_path: Path, table: Path_) -> None:
    file = write(tmp_path, placed(example(), (*table, "colour_of_money"), "green"))
    with pytest.raises(ConfigError) as caught:
        load_config(file)
    sentence = str(caught.value)
    assert sentence.startswith(f"{file}: {'.'.join((*table, 'colour_of_money'))}: found a key that is not known here")
    assert "green" not in sentence  # what stands under an unknown key may be a secret


def test_a_misspelt_key_is_recognised(tmp_path: Path) -> None:
    file = write(tmp_path, placed(example(), ("books", "crypto", "exits", "tarjet"), 0.03))
    with pytest.raises(ConfigError, match=r"books\.crypto\.exits\.tarjet: .*did you mean target\?"):
        load_config(file)


@pytest.mark.parametrize("name", ["strategy", "venue", "instruments", "capital"])
def test_what_a_book_needs_is_missed(tmp_path: Path, name: str) -> None:
    data = example()
    del data["books"]["crypto"][name]
    file = write(tmp_path, data)
    with pytest.raises(ConfigError, match=rf"books\.crypto\.{name}: missing, allowed "):
        load_config(file)
