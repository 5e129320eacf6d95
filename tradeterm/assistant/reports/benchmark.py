"""What buying and holding a book's instruments would have made in the same time, where their bars are at hand."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct

from tradeterm.assistant.reports.said import said
from tradeterm.config import BookConfig, Config
from tradeterm.domain.errors import DataError, TradetermError
from tradeterm.feeds.registry import REPLAY
from tradeterm.profile import Profile, user_path
from tradeterm.resources import demo_folder

if TYPE_CHECKING:
    from tradeterm.research.data.panels import Loaded


class Held(Struct, frozen=True, kw_only=True):
    """Equal money in each instrument at the first close of the period, left there to the last one, without costs:
    `value` at `ts` (UTC ms), 1 at the start. `total_return` is a fraction."""

    instruments: tuple[str, ...]
    data_hash: str
    ts: tuple[int, ...]
    value: tuple[float, ...]
    total_return: float


def bars_folder(profile: Profile, config: Config) -> Path | None:
    """Where a run's bars are: the bundled recording (None), the recording it replayed, or what the feed keeps."""
    if config.feed.kind == REPLAY:
        return user_path(config.feed.path) if config.feed.path else None
    return profile.market / config.feed.kind


def held(book: BookConfig, folder: Path | None, first: int, last: int) -> Held | str:
    """From `first` to `last`, UTC ms, by the bars in `folder` (None: the bundled recording); a sentence where they are
    not all known."""
    from tradeterm.research.report.curve import telling

    root = demo_folder() if folder is None else folder
    try:
        loaded = _loaded(book, root)
    except TradetermError as error:
        return f"not known: {said(str(error).replace(str(root), 'the folder of bars'))}"
    panel = loaded.panel
    inside = (panel.ts >= first) & (panel.ts <= last)
    close = panel.close[inside]
    if len(close) < 2:
        return "not known: the bars at hand are of another time"
    known = np.isfinite(close)
    missing = [name for column, name in enumerate(book.instruments) if not known[:, column].any()]
    if missing:
        return f"not known: no bars of {', '.join(missing[:4])} in this time"
    at = np.where(known, np.arange(len(close))[:, None], -1)
    at = np.maximum.accumulate(at, axis=0)
    filled = np.where(at >= 0, np.take_along_axis(close, np.maximum(at, 0), axis=0), np.nan)
    start = np.array([column[ok][0] for column, ok in zip(close.T, known.T, strict=True)])
    value = np.where(np.isnan(filled), 1.0, filled / start).mean(axis=1)
    kept = telling(value)
    return Held(
        instruments=tuple(said(name, 60) for name in book.instruments),
        data_hash=loaded.data_hash,
        ts=tuple(panel.ts[inside][kept].tolist()),
        value=tuple(value[kept].tolist()),
        total_return=float(value[-1]) - 1,
    )


def _loaded(book: BookConfig, root: Path) -> "Loaded":
    """Bars kept under another venue's name serve where there are no others. Raises DataError."""
    from tradeterm.research.data.panels import load

    try:
        return load(root, book.instruments, book.interval)
    except DataError:
        return load(root, [name.partition(".")[0] for name in book.instruments], book.interval)
