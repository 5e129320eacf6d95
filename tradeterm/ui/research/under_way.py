"""How far a run has come, how fast it goes and how long it will take. Pure."""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from tradeterm.ui import fmt
from tradeterm.ui.glyphs import UNICODE, Glyphs
from tradeterm.ui.panels.panel import wrapped
from tradeterm.ui.research.command import Progress
from tradeterm.ui.widgets.tones import Line, Span

_LEAST_MS = 500
"""A rate of less time than this means nothing."""


class UnderWay(Struct, frozen=True):
    """A run that was started at `since`; its present piece of work began at `piece_since` with `begun` done, as known
    from sweeps that go on. Times are the machine's, ms."""

    since: int
    now: int
    progress: Progress | None = None
    piece_since: int = 0
    begun: int = 0

    def told(self, progress: Progress, now: int) -> "UnderWay":
        before = self.progress
        if before is None or before.what != progress.what or progress.done < before.done:
            return replace(self, now=now, progress=progress, piece_since=now, begun=progress.done)
        return replace(self, now=now, progress=progress)

    @property
    def rate(self) -> float | None:
        """Pieces a second; None while it is not known."""
        if self.progress is None or self.now - self.piece_since < _LEAST_MS:
            return None
        done = self.progress.done - self.begun
        return done * 1000 / (self.now - self.piece_since) if done > 0 else None

    @property
    def left_ms(self) -> float | None:
        """How long this piece of work will still take; None while that is not known."""
        rate = self.rate
        if rate is None or self.progress is None or self.progress.done >= self.progress.of:
            return None
        return (self.progress.of - self.progress.done) / rate * 1000


def progress_lines(way: UnderWay, width: int, glyphs: Glyphs = UNICODE) -> Sequence[Line]:
    """A bar and words about it; of a run that tells no progress, that it runs."""
    progress = way.progress
    if progress is None or progress.of <= 0:
        return [(("running", "accent strong"), (f"  {so_far(way)}", "muted"))]
    part = min(1.0, progress.done / progress.of)
    cells = max(4, width - 5)
    full = round(part * cells)
    bar: Line = ((glyphs.bar * full, "accent"), (glyphs.rail * (cells - full), "faint"), (f" {part:4.0%}", "bold"))
    words: list[Span] = [(f"{progress.what} {progress.done:,} of {progress.of:,}", "")]
    if way.rate is not None:
        words.append((f"  {_rate(way.rate)}", "muted"))
    if way.left_ms is not None:
        words.append((f"  {fmt.age(max(1000, way.left_ms))} left", "strong"))
    return [bar, *wrapped([*words, (f"  {so_far(way)}", "muted")], width)]


def so_far(way: UnderWay) -> str:
    return f"{fmt.age(way.now - way.since)} so far"


def _rate(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"
