from decimal import Decimal
from pathlib import Path

import pytest

from tradeterm.domain.errors import DataError
from tradeterm.feeds.instruments import load_instruments
from tradeterm.resources import demo_folder

GOOD = """
[[instruments]]
symbol = "BTCUSDT"
venue = "BINANCE"
kind = "PERPETUAL"
quote_currency = "USDT"
tick_size = "0.1"
lot_size = "0.001"
min_quantity = "0.001"
min_notional = "100"
"""


def save(folder: Path, text: str) -> Path:
    path = folder / "instruments.toml"
    path.write_text(text)
    return path


def test_the_bundled_facts() -> None:
    found = load_instruments(demo_folder() / "instruments.toml")
    assert [item.symbol for item in found] == ["BTCUSDT", "ETHUSDT", "BNBUSDT", "LINKUSDT", "ADAUSDT", "SUIUSDT"]
    assert found[0].id == "BTCUSDT.BINANCE"
    assert (found[0].tick_size, found[0].funding_interval_ms) == (Decimal("0.1"), 28_800_000)


def test_the_id_is_symbol_and_venue(tmp_path: Path) -> None:
    assert load_instruments(save(tmp_path, GOOD))[0].id == "BTCUSDT.BINANCE"


WRONG = [
    ("", "instruments: found none, allowed at least one [[instruments]] table"),
    ("instruments = 3", "instruments: found none, allowed at least one [[instruments]] table"),
    (GOOD + GOOD, "instrument BTCUSDT.BINANCE: found twice, allowed once"),
    (GOOD.replace('"0.1"', '"0"'), "instrument 1 (BTCUSDT.BINANCE): tick_size: found 0, allowed a number above 0"),
    (GOOD.replace('"0.1"', '"NaN"'), "instrument 1 (BTCUSDT.BINANCE): tick_size: found NaN, allowed a number above 0"),
    (GOOD.replace('"100"', '"-1"'), "instrument 1 (BTCUSDT.BINANCE): min_notional: found -1, allowed 0 or more"),
    (
        GOOD.replace('"0.1"', '"dime"'),
        'instrument 1: tick_size: found "dime", allowed a number in quotes such as "0.01"',
    ),
    (GOOD.replace("PERPETUAL", "FUTURE"), 'instrument 1: kind: found "FUTURE", allowed PERPETUAL, EQUITY or OPTION'),
    (GOOD.replace('kind = "PERPETUAL"\n', ""), "instrument 1: kind: missing, allowed PERPETUAL, EQUITY or OPTION"),
    (GOOD.replace('"BTCUSDT"', "1"), "instrument 1: symbol: found 1, allowed a text in quotes"),
    (GOOD + 'tick = "0.1"', "instrument 1: tick: found a key that is not known here"),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_a_mistake_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    path = save(tmp_path, text)
    with pytest.raises(DataError) as caught:
        load_instruments(path)
    assert str(caught.value) == f"{path}: {sentence}"


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "instruments.toml"
    with pytest.raises(DataError, match="there is no such file"):
        load_instruments(path)
    save(tmp_path, "[[instruments")
    with pytest.raises(DataError, match="not valid TOML"):
        load_instruments(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not UTF-8"):
        load_instruments(path)
