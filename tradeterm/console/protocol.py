"""A face's handle on an engine: facts and live view in, commands out. Nothing here blocks on the engine."""

from collections.abc import Sequence
from typing import Protocol

from tradeterm.domain.facts import (
    AiUsage,
    AlertFact,
    BreakerFact,
    ChatRow,
    CommandRow,
    CorrelationFact,
    EquityPoint,
    FanFact,
    HealthFact,
    OrderEventFact,
    ReconciliationFact,
    RegimeFact,
    RiskSnapshotFact,
    RunRow,
    ShadowTrade,
    SignalFact,
    StressFact,
    Trade,
)
from tradeterm.domain.market import Bar
from tradeterm.domain.orders import Cash, Fill, Order
from tradeterm.domain.signals import Verdict
from tradeterm.domain.states import CommandVerb
from tradeterm.domain.view import DeskView


class Console(Protocol):
    """All lists are newest first and at most `limit` long. Reads take well under 10 ms; none raises while the engine
    writes. `since_ts` narrows to rows at or after a desk time."""

    def ledger_version(self) -> int:
        """Changes whenever the ledger changed (PRAGMA data_version, 5 µs)."""
        ...

    def view_version(self) -> int:
        """Changes whenever the live view changed."""
        ...

    def view(self) -> DeskView | None:
        """The latest live view; None while no engine has written one."""
        ...

    def engine_alive(self) -> bool:
        """Whether an engine holds the profile's lock."""
        ...

    def bars(self, instrument: str, limit: int = 400) -> Sequence[Bar]:
        """Recent closed bars, oldest first."""
        ...

    def signals(self, limit: int = 200) -> Sequence[SignalFact]: ...

    def signal(self, signal_id: str) -> SignalFact | None: ...

    def sized_signals(self, limit: int = 30) -> Sequence[SignalFact]:
        """Those of the newest 500 that were sized."""
        ...

    def verdicts(self, limit: int = 100) -> Sequence[Verdict]: ...

    def verdict(self, verdict_id: str) -> Verdict | None: ...

    def orders(self, limit: int = 200, signal_id: str | None = None) -> Sequence[Order]: ...

    def order_events(self, client_order_id: str) -> Sequence[OrderEventFact]:
        """Oldest first."""
        ...

    def fills(
        self, limit: int = 200, client_order_id: str | None = None, instrument: str | None = None
    ) -> Sequence[Fill]: ...

    def cash_events(self, limit: int = 200) -> Sequence[Cash]: ...

    def trades(self, limit: int = 500) -> Sequence[Trade]: ...

    def shadow_trades(self, limit: int = 200) -> Sequence[ShadowTrade]: ...

    def equity(self, book: str = "", limit: int = 2000) -> Sequence[EquityPoint]:
        """Oldest first; book "" is the whole desk."""
        ...

    def alerts(self, limit: int = 500) -> Sequence[AlertFact]: ...

    def breaker_events(self, limit: int = 50) -> Sequence[BreakerFact]: ...

    def reconciliations(self, limit: int = 50) -> Sequence[ReconciliationFact]: ...

    def risk_snapshots(self, book: str, limit: int = 50) -> Sequence[RiskSnapshotFact]: ...

    def health_events(self, limit: int = 50) -> Sequence[HealthFact]: ...

    def regimes(self, limit: int = 1000) -> Sequence[RegimeFact]: ...

    def correlation(self) -> CorrelationFact | None:
        """The newest one."""
        ...

    def stress_results(self) -> Sequence[StressFact]:
        """Each book's newest ones; book "" is the desk."""
        ...

    def fans(self) -> Sequence[FanFact]:
        """Each book's newest one."""
        ...

    def commands(self, limit: int = 100) -> Sequence[CommandRow]: ...

    def command(self, command_id: int) -> CommandRow | None: ...

    def chat(self, limit: int = 200) -> Sequence[ChatRow]:
        """Oldest first."""
        ...

    def ai_usage(self, since_ts: int, limit: int = 5000) -> Sequence[AiUsage]:
        """What models were asked since a time of the machine's clock."""
        ...

    def runs(self, limit: int = 50) -> Sequence[RunRow]: ...

    def log_lines(self, limit: int = 500) -> Sequence[str]:
        """The tail of the engine's log, oldest first."""
        ...

    def send(
        self, verb: CommandVerb, *, book: str = "", instrument: str = "", argument: str = "", reason: str = ""
    ) -> int:
        """Queue a command; returns its id, whose row shows the acknowledgement."""
        ...

    def say(self, role: str, text: str) -> int:
        """Add a line to the chat history."""
        ...

    def book_usage(self, usage: AiUsage) -> None:
        """Add what a request of the chat took."""
        ...

    def close(self) -> None: ...
