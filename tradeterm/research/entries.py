"""Entries: which signals become one, how large, and at what price. Whole orders; what may fill at once is not limited.

Both loops of the kernel decide here, so that they cannot differ.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tradeterm.desk.sessions import is_last_bar, session_of
from tradeterm.research.account import Account
from tradeterm.research.fills import Anchor, ExitPolicy
from tradeterm.research.sizers import Limit, Sizer, Wanted


class Entry(NamedTuple):
    """An entry on its way: decided at the close of `signal_row`, filled at the open of `row`."""

    side: int
    quantity: float
    signal_row: int
    row: int
    notional: float
    slip: float


class Decider:
    """Turns signals into entries, or counts in `ignored` why not; `entering` are those on their way, by instrument."""

    def __init__(self, account: Account, policy: ExitPolicy, sizer: Sizer, limits: Sequence[Limit]) -> None:
        self._account, self._policy, self._sizer, self._limits = account, policy, sizer, tuple(limits)
        self.entering: dict[int, Entry] = {}
        self.ignored: Counter[str] = Counter()

    def decide(self, number: int, row: int, side: int) -> Entry | None:
        """The entry for a signal at the close of `row`; None, counted, where there is none."""
        refused, entry = self._judge(number, row, side)
        if entry is None:
            self.ignored[refused] += 1
        else:
            self.entering[number] = entry
        return entry

    def enter(self, number: int) -> float:
        """Fill the instrument's entry; the price it got."""
        entry = self.entering.pop(number)
        account = self._account
        price = account.open(number, entry.side, entry.quantity, entry.signal_row, entry.row, entry.slip)
        if self._policy.stop is not None:
            held = account.positions[number]
            anchor = self.anchor(number, price, entry.signal_row)
            held.risk = abs(price - anchor * (1 - self._policy.stop * entry.side)) * entry.quantity
        return price

    def anchor(self, number: int, price: float, signal_row: int) -> float:
        """The price stop and target are measured from."""
        if self._policy.anchor is Anchor.SIGNAL:
            return float(self._account.market[number].close[signal_row])
        return price

    def _judge(self, number: int, row: int, side: int) -> tuple[str, Entry | None]:
        account = self._account
        bars = account.market[number]
        if not bars.has_bar(row):
            return "NO_BAR", None
        if number in account.positions or number in self.entering:
            return "POSITION_EXISTS", None
        into = bars.next_bar(row + 1)
        if into >= bars.rows:
            return "DATA_END", None
        ts = bars.closed(row)
        if self._policy.session_end and (
            is_last_bar(bars.calendar, ts, bars.interval_ms)
            or session_of(bars.calendar, bars.opened(into)) != session_of(bars.calendar, ts - 1)
        ):
            return "SESSION_END", None
        price = float(bars.close[row])
        equity, exposure = account.state(ts)
        for entry in self.entering.values():
            exposure += entry.notional
        stop = self._policy.stop
        wanted = Wanted(
            number,
            bars.instrument,
            ts,
            side,
            price,
            math.nan if stop is None else price * (1 - stop * side),
            equity,
            account.peak,
            account.cash,
            exposure,
            len(account.positions) + len(self.entering),
            account.closed,
        )
        quantity = float(self._sizer(wanted))
        if not 0 < quantity < math.inf:
            return "NO_SIZE", None
        for limit in self._limits:
            allowed = float(limit(wanted, quantity))
            if not allowed > 0:
                return "LIMIT", None
            quantity = min(quantity, allowed)
        slip = account.costs.slip(quantity, ts, bars.liquidity)
        if slip != slip:
            return "VOLUME_UNKNOWN", None
        return "", Entry(side, quantity, row, into, quantity * price, slip)
