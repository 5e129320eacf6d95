"""Entries: which signals become one, how large, at what price, and how much of it fills.

Both loops of the kernel decide here, so that they cannot differ.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from tradeterm.desk.sessions import is_last_bar, session_of
from tradeterm.research.account import Account
from tradeterm.research.fills import Anchor, ExitPolicy, levels
from tradeterm.research.protection import Protect
from tradeterm.research.sizers import AskingSizer, Limit, Refused, Sizer, Wanted


class Why(NamedTuple):
    """The words under which signals without a trade are counted. `same` and `opposite` are for a position (or an entry
    on its way) on the signal's side and on the other."""

    same: str = "POSITION_EXISTS"
    opposite: str = "POSITION_EXISTS"
    session_end: str = "SESSION_END"
    no_size: str = "NO_SIZE"
    limit: str = "LIMIT"


PLAIN = Why()
NO_VOLUME = "NO_VOLUME"
ACCOUNT_LOST = "ACCOUNT_LOST"


class Entry(NamedTuple):
    """An entry on its way: decided at the close of `signal_row`, filled at the open of `row`; what may end it."""

    side: int
    quantity: float
    signal_row: int
    row: int
    notional: float
    policy: ExitPolicy


class Decided(NamedTuple):
    """What became of a signal at the close `ts` (UTC ms): `why` there was no entry, or "" and how large it was to be.
    `instrument` is a number in the market."""

    ts: int
    instrument: int
    side: int
    why: str
    quantity: float


class Decider:
    """Turns signals into entries, or counts in `ignored` why not; `entering` are those on their way, by instrument,
    `entered` the last ones that filled, and `decided` is every decision in time.

    What may end a position is `policy`, or what `protect` makes of it at each signal. A sizer that asks somebody is
    let do so last, about an entry that nothing else refuses."""

    def __init__(
        self,
        account: Account,
        policy: ExitPolicy,
        sizer: Sizer,
        limits: Sequence[Limit],
        why: Why = PLAIN,
        protect: Protect | None = None,
    ) -> None:
        self._account, self._policy, self._sizer, self._limits = account, policy, sizer, tuple(limits)
        self._why, self._protect = why, protect
        self._asked = sizer.asked if isinstance(sizer, AskingSizer) else None
        self.entering: dict[int, Entry] = {}
        self.entered: dict[int, Entry] = {}
        self.ignored: Counter[str] = Counter()
        self.decided: list[Decided] = []

    def decide(self, number: int, row: int, side: int) -> Entry | None:
        """The entry for a signal at the close of `row`; None, counted, where there is none."""
        ts = self._account.market[number].closed(row)
        try:
            entry = self._judge(number, row, side)
        except Refused as refused:
            self.ignored[refused.why] += 1
            self.decided.append(Decided(ts, number, side, refused.why, 0.0))
            return None
        self.decided.append(Decided(ts, number, side, "", entry.quantity))
        self.entering[number] = entry
        return entry

    def enter(self, number: int) -> float | None:
        """Fill the instrument's entry; the price it got, None where its bar has no volume for it or all is lost."""
        entry = self.entering.pop(number)
        account, side = self._account, entry.side
        quantity = self._fills(number, entry)
        if not quantity > 0:
            self.ignored[NO_VOLUME] += 1
            return None
        price = account.open(number, side, quantity, entry.signal_row, entry.row, self._slip(number, entry, quantity))
        if price is None:
            self.ignored[ACCOUNT_LOST] += 1
            return None
        self.entered[number] = entry
        held, tick, policy = account.positions[number], account.market[number].tick, entry.policy
        at = levels(policy, side, price, self.anchor(number, price, entry.signal_row), tick)
        held.most = at.target - price * side
        held.worst = price if side > 0 else math.inf
        if policy.stop is not None:
            held.worst = price * side - at.stop
            held.risk = abs(price - at.stop * side) * quantity
        return price

    def anchor(self, number: int, price: float, signal_row: int) -> float:
        """The price stop and target are measured from."""
        if self._policy.anchor is Anchor.SIGNAL:
            return float(self._account.market[number].close[signal_row])
        return price

    def _fills(self, number: int, entry: Entry) -> float:
        """How much of the entry its bar lets through; nothing where that is not known."""
        share, bars = self._account.costs.participation, self._account.market[number]
        if share is None:
            return entry.quantity
        room = share * float(bars.volume[entry.row]) if bars.volume is not None else math.nan
        if entry.quantity <= room or not room >= 0:
            return entry.quantity if room >= 0 else 0.0
        return room if bars.lot is None else bars.lot.down(room)

    def _slip(self, number: int, entry: Entry, quantity: float) -> float:
        """What so much of the entry loses, by what was known at its signal; NaN where that is not enough."""
        bars = self._account.market[number]
        return self._account.costs.slip(quantity, bars.closed(entry.signal_row), bars.liquidity, bars.instrument)

    def _judge(self, number: int, row: int, side: int) -> Entry:
        account = self._account
        bars = account.market[number]
        if not bars.has_bar(row):
            raise Refused("NO_BAR")
        price, policy = float(bars.close[row]), self._policy
        if self._protect is not None:
            policy = self._protect(number, row, side, price)
        held = account.positions.get(number) or self.entering.get(number)
        if held is not None:
            raise Refused(self._why.same if held.side == side else self._why.opposite)
        into = bars.next_bar(row + 1)
        if into >= bars.rows:
            raise Refused("DATA_END")
        ts = bars.closed(row)
        if policy.session_end and (
            is_last_bar(bars.calendar, ts, bars.interval_ms)
            or session_of(bars.calendar, bars.opened(into)) != session_of(bars.calendar, ts - 1)
        ):
            raise Refused(self._why.session_end)
        equity, exposure = account.state(ts)
        if account.lost_at is not None:
            raise Refused(ACCOUNT_LOST)
        for entry in self.entering.values():
            exposure += entry.notional
        stop = math.nan
        if policy.stop is not None:
            stop = levels(policy, side, price, price, bars.tick).stop * side
        wanted = Wanted(
            number,
            bars.instrument,
            ts,
            side,
            price,
            stop,
            equity,
            account.peak,
            account.cash,
            exposure,
            len(account.positions) + len(self.entering),
            account.closed,
            account.day_start,
            row,
            account.positions,
        )
        quantity = float(self._sizer(wanted))
        if not 0 < quantity < math.inf:
            raise Refused(self._why.no_size)
        for limit in self._limits:
            allowed = float(limit(wanted, quantity))
            if not allowed > 0:
                raise Refused(self._why.limit)
            quantity = min(quantity, allowed)
        entry = Entry(side, quantity, row, into, quantity * price, policy)
        if math.isnan(self._slip(number, entry, quantity)):
            raise Refused("VOLUME_UNKNOWN")
        if self._asked is None:
            return entry
        quantity = float(self._asked(wanted, quantity))
        return entry._replace(quantity=quantity, notional=quantity * price)
