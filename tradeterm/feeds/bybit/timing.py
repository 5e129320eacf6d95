"""How long the live feed waits for what."""

from msgspec import Struct


class Timing(Struct, frozen=True, kw_only=True):
    """`_s` are seconds of the process, `_ms` milliseconds of the venue's clock after the event they speak of."""

    gather_s: float = 1.5
    """Bars of one close time wait for each other so long."""
    patience_s: float = 10.0
    """The same while what is missing is being fetched, as after a reconnect."""
    quote_every_s: float = 0.1
    """Quotes leave at most so often, the newest of each instrument."""
    late_ms: int = 3_000
    """A closed bar the stream did not bring is fetched."""
    final_ms: int = 2_000
    """A fetched bar is final."""
    funding_ms: tuple[int, ...] = (200, 700, 1_200, 5_000, 15_000, 60_000, 300_000, 1_800_000, 3_600_000)
    """The venue's history is asked about a settlement; after the last time no more."""
    forecast_ms: int = 1_200
    """The ticker's forecast stands for a settlement that the history does not have yet."""
    silent_after_s: float = 30.0
    """No frame, or no market data at all: connect anew."""
    stale_topic_s: float = 120.0
    """Nothing of one topic that always moves: subscribe to it anew."""
    renew_every_s: float = 5.0
    """A topic is not subscribed anew more often; twice as long without a snapshot is as bad as a gap."""
    tick_s: float = 0.25
    offset_every_s: float = 1_800.0
    refresh_every_s: float = 86_400.0
