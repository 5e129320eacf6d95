"""A study of the bundled recording, or of part of it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from tradeterm.config import BookConfig
from tradeterm.domain.instrument import Instrument, InstrumentKind
from tradeterm.feeds.instruments import load_instruments
from tradeterm.research.data.panels import load
from tradeterm.research.study import Study
from tradeterm.resources import demo_folder
from tradeterm.strategies.panel import Panel

DEMO = ("BTCUSDT", "ETHUSDT", "BNBUSDT", "LINKUSDT", "ADAUSDT", "SUIUSDT")


def demo_study(symbols: Sequence[str] = DEMO, **book: Any) -> Study:
    """The demo's book on the demo's bars."""
    contracts = {item.symbol: item for item in load_instruments(demo_folder() / "instruments.toml")}
    instruments = tuple(contracts[symbol] for symbol in symbols)
    panel = load(demo_folder(), symbols, "5m", cache=False).panel
    names = tuple(item.id for item in instruments)
    given: dict[str, Any] = {"strategy": "eos", "venue": "paper", "instruments": names, "capital": 100_000.0, **book}
    return Study(
        book=BookConfig(**given), panel=msgspec.structs.replace(panel, instruments=names), instruments=instruments
    )


def contract(name: str, **changes: Any) -> Instrument:
    given: dict[str, Any] = {
        "id": name, "symbol": name, "venue": "V", "kind": InstrumentKind.PERPETUAL, "quote_currency": "USDT",
        "tick_size": Decimal("0.0001"), "lot_size": Decimal("0.0001"), "min_quantity": Decimal("0.0001"),
        "min_notional": Decimal(0), "max_leverage": Decimal(20),
    }  # fmt: skip
    exact = {
        name: Decimal(value) if isinstance(value, str) and name in given and isinstance(given[name], Decimal) else value
        for name, value in changes.items()
    }
    return Instrument(**{**given, **exact})


def study_of(panel: Panel, **book: Any) -> Study:
    """EOS on any panel, without sizing from results."""
    given: dict[str, Any] = {
        "strategy": "eos", "venue": "paper", "instruments": panel.instruments, "capital": 100_000.0, **book,
    }  # fmt: skip
    return Study(book=BookConfig(**given), panel=panel, instruments=tuple(contract(name) for name in panel.instruments))
