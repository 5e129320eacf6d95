"""Panels for declared strategies: hourly bars on a coarse tick, so that prices often are equal, with holes."""

import numpy as np
from hypothesis import strategies as st

from tradeterm.domain.market import HOUR_MS
from tradeterm.strategies.panel import Panel

START = 1_743_811_200_000  # 2025-04-05 00:00 UTC


def random_panel(rows: int, columns: int, seed: int, start: int = START, step: float = 0.012) -> Panel:
    rng, shape = np.random.default_rng(seed), (rows, columns)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, step, shape), axis=0)) * 2) / 2
    opened = np.vstack([np.full((1, columns), 100.0), close[:-1]])
    high = np.round(np.maximum(opened, close) * (1 + rng.random(shape) * 0.01) * 2) / 2
    low = np.round(np.minimum(opened, close) * (1 - rng.random(shape) * 0.01) * 2) / 2
    fields = {
        "open": opened,
        "high": np.maximum(high, np.maximum(opened, close)),
        "low": np.minimum(low, np.minimum(opened, close)),
        "close": close,
        "volume": np.round(rng.lognormal(2, 0.8, shape), 1),
    }
    return Panel(
        instruments=tuple(f"I{i}.V" for i in range(columns)),
        interval_ms=HOUR_MS,
        ts_open=start + HOUR_MS * np.arange(rows),
        funding=np.repeat(rng.normal(0, 0.0003, (rows // 8 + 1, columns)), 8, axis=0)[:rows],
        **fields,
    )


@st.composite
def panels(draw: st.DrawFn, most_rows: int) -> Panel:
    """Now and then with missing bars, unknown funding and a stretch on which nothing moved."""
    rows, columns = draw(st.integers(1, most_rows)), draw(st.integers(1, 2))
    panel = random_panel(rows, columns, draw(st.integers(0, 2**32 - 1)), START + HOUR_MS * draw(st.integers(0, 30)))
    if draw(st.booleans()):
        first = draw(st.integers(0, rows - 1))
        for values in (panel.open, panel.high, panel.low, panel.close):
            values[first : first + draw(st.integers(1, rows))] = 100.0
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    missing = rng.random((rows, columns)) < draw(st.sampled_from([0.0, 0.0, 0.01, 0.3]))
    for values in (panel.open, panel.high, panel.low, panel.close, panel.volume):
        values[missing] = np.nan
    panel.funding[: draw(st.integers(0, rows))] = np.nan
    return panel
