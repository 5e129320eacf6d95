"""Where market data comes from."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

from msgspec import Struct

from tradeterm.domain.events import MarketEvent
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import Bar, FundingRate


class StreamAge(Struct, frozen=True):
    """A stream of the feed: when its last message came (UTC ms, None: none yet), and what is wrong with it."""

    name: str
    ts_last: int | None
    detail: str = ""


class Feed(Protocol):
    """A source of instruments, history and live market data.

    `stream` yields batches of events that belong to one instant; whoever reads it finishes a batch before asking for
    the next one, so a replay is deterministic and a slow reader is back-pressure, not loss.
    """

    @property
    def report(self) -> Sequence[str]:
        """What the checks of the data repaired, for a person."""
        ...

    async def open(self) -> None:
        """Get ready; `instruments` are known afterwards. Raises VenueError or DataError."""
        ...

    async def close(self) -> None: ...

    def instruments(self) -> Sequence[Instrument]: ...

    async def history(self, until_ts: int, bars: int) -> Sequence[Bar | FundingRate]:
        """Up to `bars` closed bars an instrument with ts_event <= until_ts, and funding, in time order."""
        ...

    def stream(self, after_ts: int) -> AsyncIterator[Sequence[MarketEvent]]:
        """Everything after `after_ts`."""
        ...

    def now(self) -> int:
        """The feed's clock: recorded time in a replay, the machine's otherwise (UTC ms)."""
        ...

    def streams(self) -> Sequence[StreamAge]:
        """How old what the feed last heard is; empty for a recording."""
        ...


@runtime_checkable
class KnowsOpenInterest(Protocol):
    """A feed whose venue says how many contracts are open."""

    def open_interest(self, instrument: str) -> float | None:
        """In base units; None where it is not known now."""
        ...
