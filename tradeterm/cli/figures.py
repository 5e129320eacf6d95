"""Figures in columns, as the commands that reckon write them."""

import math
from datetime import UTC, datetime


def aligned(rows: list[tuple[str, list[str]]]) -> list[str]:
    """Lines of a label and its cells; every row has as many, flush right."""
    first = max(len(label) for label, _ in rows)
    widths = [max(len(row[column]) for _, row in rows) for column in range(len(rows[0][1]))]
    return [
        "  ".join([f"{label:<{first}}", *(f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))])
        for label, cells in rows
    ]


def percent(probability: float, standard_error: float) -> str:
    """48.9 ± 1.6 %."""
    return f"{probability * 100:.1f} ± {standard_error * 100:.1f} %"


def decimals(price: float) -> int:
    """How many of them show six digits of a price; what is told beside it, such as its error, has as many."""
    return max(0, 5 - math.floor(math.log10(price)))


def moment(ts: int) -> str:
    """UTC, to the minute."""
    return f"{datetime.fromtimestamp(ts / 1000, UTC):%Y-%m-%d %H:%M} UTC"
