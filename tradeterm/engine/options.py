"""How an engine run is started, and who watches it."""

from collections.abc import Callable
from typing import Protocol

from msgspec import Struct

from tradeterm.config import Config
from tradeterm.domain.facts import Fact
from tradeterm.domain.states import Mode, TradingState
from tradeterm.profile import Profile


class RunStarted(Struct, frozen=True, kw_only=True):
    """`resumed` is true when an interrupted run goes on. `notes` are what the data checks repaired."""

    run_id: str
    ts: int
    mode: Mode
    resumed: bool
    books: tuple[str, ...]
    tier2: str
    trading_state: TradingState
    trading_reason: str
    ledger: str
    notes: tuple[str, ...] = ()


Summary = dict[str, str | int | float | None]


class Observer(Protocol):
    """Sees, inside the engine's process, every fact as it is queued for the ledger. Must return at once."""

    def started(self, run: RunStarted) -> None: ...

    def fact(self, ts: int, fact: Fact) -> None:
        """`ts` is the desk's clock, UTC ms."""
        ...

    def ended(self, summary: Summary) -> None: ...


def _never() -> bool:
    return False


class EngineOptions(Struct, frozen=True, kw_only=True):
    """`speed` (recorded seconds per real second, 0: as fast as possible) and `start_ts` override the config's feed.

    `until_end` ends the engine with the recording, `duration` after that many real seconds. `journal` None follows
    the config. `real_money` says that a person has confirmed to trade it. `parent_fd` is the reading end of a pipe:
    when its writer is gone the engine ends. `should_stop` is polled a few times a second and ends the engine cleanly.
    """

    profile: Profile
    config: Config
    speed: float | None = None
    until_end: bool = False
    real_money: bool = False
    duration: float | None = None
    start_ts: int | None = None
    journal: bool | None = None
    parent_fd: int | None = None
    observers: tuple[Observer, ...] = ()
    should_stop: Callable[[], bool] = _never
