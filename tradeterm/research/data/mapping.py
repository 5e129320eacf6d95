"""Which column of a foreign table is what: guessed from the names exchanges, brokers and programs use, and shown."""

import re

from msgspec import Struct

from tradeterm.domain.errors import DataError
from tradeterm.feeds.table import Table

BARS = ("ts", "open", "high", "low", "close", "volume")
SETTLEMENTS = ("ts", "rate")
FIELDS = (*BARS, "rate")

# In order of preference, as letters and digits of the lower-case name.
_NAMES = {
    "ts": (
        "timestamp", "ts", "opentime", "opentimestamp", "startat", "starttime", "start", "unix", "unixtimestamp",
        "calctime", "fundingtime", "fundingtimestamp", "fundingratetimestamp", "datetime", "gmttime", "localtime",
        "date", "time", "t", "dt", "date1", "indexlevel0", "index", "unnamed0", "",
    ),
    "open": ("open", "o", "openprice", "op"),
    "high": ("high", "h", "highprice", "hi"),
    "low": ("low", "l", "lowprice", "lo"),
    "close": ("close", "c", "closeprice", "closelast", "cl", "last", "lastprice"),
    "volume": (
        "volume", "v", "vol", "basevolume", "volumebase", "tottrdqty", "totaltradedquantity", "ttltrdqnty",
        "sharestraded", "quantity", "qty", "tickvolume",
    ),
    "rate": ("fundingrate", "lastfundingrate", "rate", "funding"),
}  # fmt: skip
_SYMBOLS = ("symbol", "ticker", "pair", "tic", "tradingsymbol", "instrument", "scrip", "stock")
_CLOCKS = ("time", "timeofday", "clock")
_QUOTED = ("usd", "usdt", "usdc", "busd", "inr", "eur", "quote")
_BINANCE_COLUMNS = 12


class Mapping(Struct, frozen=True):
    """Indices of the table's columns by field. `clock` is a column of times of day beside one of dates, `symbol` one
    that names the instrument of each row; None where there is none."""

    columns: dict[str, int]
    clock: int | None
    symbol: int | None
    style: str

    @property
    def is_funding(self) -> bool:
        return "rate" in self.columns

    def shown(self, table: Table) -> dict[str, str]:
        """The mapping in words, field by field."""
        words = {field: table.names[index] for field, index in self.columns.items()}
        if self.clock is not None:
            words["ts"] += f" + {table.names[self.clock]}"
        return words


def parse_columns(text: str) -> dict[str, str]:
    """`ts=Date,open=Open` as a mapping. Raises DataError."""
    wanted: dict[str, str] = {}
    for part in text.split(","):
        field, equals, name = part.partition("=")
        field = field.strip().lower()
        if not equals or field not in FIELDS or not name.strip():
            raise DataError(f"--columns: found {part[:60]!r}, allowed FIELD=COLUMN with FIELD of {', '.join(FIELDS)}")
        if field in wanted:
            raise DataError(f"--columns: found {field} twice, allowed once")
        wanted[field] = name.strip()
    return wanted


def guess_mapping(table: Table, wanted: dict[str, str]) -> Mapping:
    """What each column is; `wanted` names columns outright. Raises DataError, naming what is missing or unclear."""
    columns = {field: _named(table, field, name) for field, name in wanted.items()}
    plain = [_plain(name) for name in table.names]
    clock = None
    if table.has_header:
        is_funding = "rate" in columns or (_find(table, plain, "rate") is not None and "close" not in plain)
        style = _style(plain) if not is_funding else "funding settlements"
        for field in SETTLEMENTS if is_funding else BARS:
            if field not in columns and (index := _find(table, plain, field)) is not None:
                columns[field] = index
    else:
        is_funding = "rate" in columns
        style, clock, guessed = _by_position(table)
        columns = (guessed if not is_funding else {}) | columns
    needed = SETTLEMENTS if is_funding else BARS[:-1]
    for field in needed:
        if field not in columns:
            raise DataError(
                f"{table.path}: column {field}: found only {_names(table)}, "
                f"allowed a {field} column; name it with --columns {field}=NAME"
            )
    if table.has_header and clock is None and "ts" not in wanted and plain[columns["ts"]] in ("date", "date1"):
        clock = next((plain.index(name) for name in _CLOCKS if name in plain), None)
    taken = list(columns.values())
    twice = next((index for index in taken if taken.count(index) > 1), None)
    if twice is not None:
        raise DataError(f"{table.path}: column {table.names[twice]}: found it used twice, allowed once")
    symbol = next((plain.index(name) for name in _SYMBOLS if name in plain), None) if table.has_header else None
    return Mapping(columns, clock, symbol if symbol not in taken else None, style)


def _named(table: Table, field: str, name: str) -> int:
    for match in (
        [i for i, known in enumerate(table.names) if known == name],
        [i for i, known in enumerate(table.names) if known.lower() == name.lower()],
    ):
        if len(match) == 1:
            return match[0]
        if match:
            raise DataError(f"{table.path}: column {name}: found {len(match)} of that name, allowed one")
    raise DataError(f"{table.path}: column {name} (for {field}): not there; found {_names(table)}")


def _find(table: Table, plain: list[str], field: str) -> int | None:
    for alias in _NAMES[field]:
        found = [i for i, name in enumerate(plain) if name == alias]
        if len(found) > 1:
            names = " and ".join(table.names[i] for i in found)
            raise DataError(
                f"{table.path}: column {field}: found {names}, allowed one; name it with --columns {field}=NAME"
            )
        if found:
            return found[0]
    if field == "volume":  # such as "Volume BTC" beside "Volume USDT"
        return next((i for i, n in enumerate(plain) if n.startswith("volume") and not n.endswith(_QUOTED)), None)
    return None


def _by_position(table: Table) -> tuple[str, int | None, dict[str, int]]:
    """Without names: time (or date and time), open, high, low, close, volume, as every exchange orders them."""
    count = len(table.names)
    dated = count >= 6 and re.fullmatch(r"\d{1,2}:\d{2}(:\d{2})?", _second_cell(table)) is not None
    first = 2 if dated else 1
    if count < first + 4:
        raise DataError(
            f"{table.path}: found {count} columns without names, allowed time, open, high, low, close and volume"
        )
    fields = {"ts": 0} | {field: i for i, field in enumerate(BARS[1:], first) if i < count}
    style = "Binance klines without a header" if count == _BINANCE_COLUMNS else "no header"
    return style, 1 if dated else None, fields


def _second_cell(table: Table) -> str:
    cells = re.split(r"[,;\t|]", table.sample)
    return cells[1].strip() if len(cells) > 1 else ""


def _style(plain: list[str]) -> str:
    """Whose dump it looks like, for a person to recognise."""
    names = set(plain)
    if {"opentime", "closetime"} <= names or "takerbuyvolume" in names:
        return "Binance klines"
    if {"startat", "period"} <= names or {"starttime", "turnover"} <= names:
        return "Bybit klines"
    if "adjclose" in names:
        return "Yahoo"
    if {"date", "open", "oi"} <= names or "tradingsymbol" in names:
        return "Kite"
    return "bars"


def _plain(name: str) -> str:
    """Letters and digits of a name in lower case, without a number before it ("1. open")."""
    letters = re.sub(r"[^a-z0-9]", "", name.lower())
    return re.sub(r"^\d+(?=[a-z])", "", letters)


def _names(table: Table) -> str:
    shown = ", ".join(name or '""' for name in table.names[:30])
    return f"{shown}, …" if len(table.names) > 30 else shown or "no columns"
