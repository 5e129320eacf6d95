"""Request limits: so many a second for each endpoint, and so many in five seconds for the address."""

import time
from collections import deque
from dataclasses import dataclass, field


@dataclass
class Limits:
    """`per_second` for each endpoint of a group; a breach of the address limit bans for `ban_seconds`."""

    per_second: dict[str, int] = field(
        default_factory=lambda: {
            "order/create": 10,
            "order/amend": 10,
            "order/cancel": 10,
            "order/cancel-all": 10,
            "set-leverage": 10,
            "switch-mode": 10,
            "trading-stop": 10,
            "margin-mode": 5,
            "fee-rate": 5,
            "transaction-log": 25,
            "read": 50,
        }
    )
    per_address: int = 600
    address_window_s: float = 5.0
    ban_seconds: float = 600.0
    connections: int = 500
    connection_window_s: float = 300.0
    _connected: deque[float] = field(default_factory=deque)
    _windows: dict[str, tuple[int, int]] = field(default_factory=dict)
    _recent: deque[float] = field(default_factory=deque)
    _banned_until: float = 0.0

    def banned(self) -> bool:
        """Count one request of the address; True while it is shut out."""
        now = time.monotonic()
        while self._recent and self._recent[0] <= now - self.address_window_s:
            self._recent.popleft()
        self._recent.append(now)
        if now >= self._banned_until and len(self._recent) > self.per_address:
            self.ban()
        return now < self._banned_until

    def crowded(self) -> bool:
        """Count one new connection to a stream; True beyond the limit."""
        now = time.monotonic()
        while self._connected and self._connected[0] <= now - self.connection_window_s:
            self._connected.popleft()
        self._connected.append(now)
        return len(self._connected) > self.connections

    def ban(self, seconds: float | None = None) -> None:
        self._banned_until = time.monotonic() + (self.ban_seconds if seconds is None else seconds)
        self._recent.clear()

    def take(self, group: str, endpoint: str, now_ms: int) -> tuple[bool, dict[str, str]]:
        """Count one request of `endpoint`: whether it is within the limit of its group, and the headers that say so."""
        most = self.per_second[group]
        start, used = self._windows.get(endpoint, (now_ms, 0))
        if now_ms - start >= 1000 or now_ms < start:
            start, used = now_ms, 0
        used += 1
        self._windows[endpoint] = (start, used)
        within = used <= most
        return within, {
            "X-Bapi-Limit": str(most),
            "X-Bapi-Limit-Status": str(max(most - used, 0)),
            "X-Bapi-Limit-Reset-Timestamp": str(now_ms if within else start + 1000),
        }
