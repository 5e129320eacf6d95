"""Whose bars a file holds, guessed from its name and place; whatever is not plain must be said by the person."""

import re
from pathlib import Path

from tradeterm.domain.market import INTERVALS_MS
from tradeterm.research.data.series import FUNDING

_VENUES = (
    "binance", "bybit", "okx", "ftx", "kraken", "coinbase", "bitfinex", "bitstamp", "bitget", "kucoin", "gateio",
    "deribit", "hyperliquid", "mexc", "bitmex", "dydx", "nse", "bse", "kite", "zerodha", "dhan",
)  # fmt: skip
_EXCHANGE_SUFFIX = {".NS": "nse", ".BO": "bse"}  # as Yahoo writes Indian stocks
_STYLES = {"Binance": "binance", "Bybit": "bybit", "Kite": "nse"}
_NOISE = re.compile(
    r"^(?:\d+[smhdw]|\d+(?:min|hour|day)|\d{1,4}|\d{8}|daily|hourly|minute|day|futures|spot|swap|perp|linear|kline|"
    r"klines|candles?|ohlcv?|data|funding(?:rate)?|rate|mark|bars|" + "|".join(_VENUES) + r")$",
    re.IGNORECASE,
)
_QUOTES = ("USDT", "USDC", "USD", "BUSD", "EUR", "INR", "BTC", "ETH")
_ALIASES = {"1min": "1m", "5min": "5m", "15min": "15m", "30min": "30m", "60m": "1h", "1hour": "1h", "1day": "1d"}


def guess_symbol(path: Path) -> str:
    """BTCUSDT of BTCUSDT-1m-2025-01.csv, BTC_USDT_USDT-5m-futures.feather, Binance_BTCUSDT_1h.csv; "" of none."""
    stem = path.stem
    for suffix in _EXCHANGE_SUFFIX:
        if stem.upper().endswith(suffix):
            return stem[: -len(suffix)].upper()
    words = stem.split("_") if "-" not in stem else re.split(r"[_]|-(?=\d|[a-z])|(?<=[0-9a-z])-", stem)
    kept = [word for word in words if word and not _NOISE.match(word)]
    if len(kept) in (2, 3) and all(word.upper() in _QUOTES for word in kept[1:]):
        return "".join(kept[:2]).upper()
    return clean_symbol("_".join(kept))


def clean_symbol(text: str) -> str:
    """BTC/USDT:USDT and BTC-USDT as BTCUSDT; other names as they are, spaces as _."""
    text = text.strip().split(":")[0] if "/" in text else text.strip()
    base, dash, quote = text.partition("-")
    joined = base + quote if dash and quote.upper() in _QUOTES else text.replace("/", "")
    return re.sub(r"\s+", "_", joined).upper()


def guess_venue(path: Path, style: str, ticker: str) -> str:
    """A venue that the file's name, folders or dialect tell; "" where none does."""
    for suffix, venue in _EXCHANGE_SUFFIX.items():
        if ticker.upper().endswith(suffix) or path.stem.upper().endswith(suffix):
            return venue
    for part in reversed(path.absolute().parent.parts[-3:]):
        if part.lower().startswith(_VENUES) and re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", part.lower()):
            return part.lower()
    words = re.split(r"[^a-z0-9]+", path.stem.lower())
    named = [venue for venue in _VENUES if venue in words]
    if len(named) == 1:
        return named[0]
    return next((venue for start, venue in _STYLES.items() if style.startswith(start)), "")


def guess_interval(path: Path) -> str:
    """An interval that the file's name or folder tells; "" where neither does."""
    for part in (path.stem, path.absolute().parent.name):
        for word in re.split(r"[^A-Za-z0-9]+", part):
            word = _ALIASES.get(word.lower(), word)
            if word in INTERVALS_MS:
                return word
            if word.lower() == FUNDING:
                return FUNDING
    return ""
