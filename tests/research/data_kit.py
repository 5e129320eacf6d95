"""Small market data for the tests of the data folder."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from tradeterm.domain.market import MINUTE_MS

START = 1_735_689_600_000  # 2025-01-01 00:00 UTC
NSE_OPEN = 1_735_703_100_000  # 2025-01-01 09:15 India time


def walk(
    rows: int, seed: int = 1, start: int = START, step: int = MINUTE_MS
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Times and (rows, 5) bars of a random walk that pass every check."""
    random = np.random.default_rng(seed)
    close = np.round(100 * np.exp(np.cumsum(random.normal(0, 0.001, rows))), 2)
    opened = np.concatenate([[100.0], close[:-1]])
    high = np.maximum(opened, close) + 0.05
    low = np.minimum(opened, close) - 0.05
    volume = np.round(random.uniform(1, 9, rows), 3)
    return start + step * np.arange(rows), np.column_stack([opened, high, low, close, volume])


def save(path: Path, ts: NDArray[np.int64], values: NDArray[np.float64]) -> Path:
    """A Parquet file as the store writes it, by other hands."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stamps = pa.array(ts, pa.int64()).cast(pa.timestamp("ms", tz="UTC"))
    names = ("open", "high", "low", "close", "volume") if values.shape[1] == 5 else ("funding_rate",)
    parquet.write_table(pa.table({"timestamp": stamps} | {n: values[:, i] for i, n in enumerate(names)}), path)
    return path


def text(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
