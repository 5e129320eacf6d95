"""What may go wrong at the venue, on demand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from simulators.bybit.clock import Clock
from simulators.bybit.exchange import Event, Tweaks


@dataclass(frozen=True)
class ReplyFault:
    """A reply that is not the one that was earned. `after`: the request was carried out before."""

    name: str
    after: bool = False
    seconds: float = 0.0
    status: int = 200
    body: str = ""
    code: int = 0
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """One fault that happened: venue time, what, where."""

    time_ms: int
    name: str
    where: str


class Faults:
    def __init__(self, clock: Clock, rng: Random) -> None:
        self.log: list[Fault] = []
        self.on_drop: dict[str, Callable[[], None]] = {}

    def reply(self, endpoint: str) -> ReplyFault | None:
        return None

    def lag_ms(self, endpoint: str) -> int:
        return 0

    def batch(self, events: list[Event]) -> list[Event]:
        return events

    def deliveries(self, topic: str, rows: list[dict[str, object]]) -> list[float]:
        return [0.0]

    def skip_book(self, symbol: str) -> bool:
        return False

    def silent(self, stream: str) -> bool:
        return False

    def tweaks(self, symbol: str, what: str) -> Tweaks:
        return Tweaks()
