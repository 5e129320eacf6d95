"""The rules by which a simulated position is opened and ended, written once; every loop of the kernel uses these.

Entry
- A signal exists at its bar's close and fills at the open of the instrument's next bar, with slippage.
- With `session_end`: no entry on a session's last bar, nor where the next bar lies in another session.
- A signal is ignored unless the instrument is flat at its bar's close: an exit on its way is still a position.

Inside a bar, in this order. The entry's bar counts whole, because entries fill at an open; where a latency made the
entry later, the price it met stands for that bar's open.
1. The open at the stop or beyond it (a gap): out at the open. STOP, or TRAILING once the stop has been moved.
2. The open at the target or beyond it: out at the open. The better price is real: an order that waits for a price gets
   the market's when that is better.
3. The bar's worst price reaches the stop: out at the stop. So where a bar reaches stop and target, the stop came first.
4. On the entry's bar only, the worst path of a trailing stop (below): TRAILING.
5. The bar's best price reaches the target: out at the target. TARGET.

At the bar's close, in this order; the exit order fills at the open of the instrument's next bar.
6. TRAILING     the close is at the trailing level or beyond it
7. TIME_LIMIT   held for `time_limit_hours` since the open it was entered at
8. SESSION_END  the session's last bar on which an order still trades, or the position has outlived its session
9. the strategy's own exits, in their order. One that `requires_profit` acts only if an earlier bar since the entry, its
   own bar included, closed beyond the entry price.
7 and 8 need no price. Around the clock they do not wait for bars that are missing: what is due in a hole is decided
there, as a live desk does by its clock, and fills at the first open after it. Where the market shuts they wait for the
next bar.

Trailing
- It arms when the best price since the entry is `trail_after` better than the entry price. From then on the stop is
  `trail` away from the best price, and only ever tighter.
- The best price is that of the bars before: it is updated after a bar's checks, so what a bar reaches moves the stop of
  the next bar. The close of a bar is known to be later than its best price, hence rule 6.
- Pessimistic on the entry's bar: its best price may arm the stop, and its worst price is taken to come after it. If the
  worst price reaches the level that belongs to the best price, the position is out at the worst price at which a path
  through this bar could have ended it: that of a stop armed just so (entry x (1 + trail_after) x (1 - trail) for a
  long), but not beyond the bar's worst price.
- With EntryBar.CLOSE instead: the entry's bar counts with its close alone, and rule 4 is not there. So it is on a live
  desk, which moves stops at closes and cannot know whether a bar's best price came before its entry.

Ticks, where the bars have one
- Initial stop, trailing stop and target are rounded to the tick nearer to the price, at least a tick away from it at
  the entry. Fills are rounded to the tick that is worse for the trader.

Costs
- Every fill, of stops and targets too, pays slippage against the trader: a fraction of the price, plus the square-root
  impact of the size that fills where that is asked for; a sale is never priced at 0 or below. Every fill pays the
  taker fee on its notional.
- With a participation an entry fills at most that fraction of its bar's volume, down to the lot; the rest is dropped,
  and the position is what filled.
- An exit fills whole, whatever the volume of its bar: only an entry may be cut.
- Without a latency an order that leaves at a close fills at the next open itself. With one it arrives later, at a price
  inside the bar that nobody recorded, and is taken to have met one worse than the open (`latency.py`); entries, and the
  exits of rules 6 to 9. Stops and targets wait at the venue and have none.
- Funding is paid at each settlement on the quantity held then, at the last close: by what was entered before that
  instant and not ended before it. An exit inside a bar counts as made when the bar closed, just before a settlement of
  that instant; an exit or an entry at an open comes just after it. None is paid where no bar closed within the funding
  interval before.

Data
- NaN bars: the instrument has no bar. Nothing fills, nothing is checked, no signal counts; orders wait.
- What is open at the instrument's last bar ends at its close, with costs (DATA_END).

Prices are "signed" below: price x side (+1 long, -1 short), so that higher is better for the position and each rule is
written once. Multiplying by +-1 is exact.
"""

import math
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import force_setattr

from tradeterm.config import ExitsConfig
from tradeterm.domain.market import HOUR_MS
from tradeterm.research.plainly import choice, mistake, number
from tradeterm.research.ticks import Step


class Reason(StrEnum):
    """Why a position ended; a strategy's own exits bring their own words."""

    STOP = "STOP"
    TARGET = "TARGET"
    TRAILING = "TRAILING"
    TIME_LIMIT = "TIME_LIMIT"
    SESSION_END = "SESSION_END"
    DATA_END = "DATA_END"
    ACCOUNT_LOST = "ACCOUNT_LOST"


class Anchor(StrEnum):
    """The price stop and target are measured from: that of the entry's fill, or (as a live desk does, whose stop leaves
    with the order) that of the signal's close. The trailing stop always goes by the fill."""

    FILL = "fill"
    SIGNAL = "signal"


class EntryBar(StrEnum):
    """What of the entry's own bar a trailing stop goes by: all of it, in the worst order; or its close alone."""

    WHOLE = "whole"
    CLOSE = "close"


class ExitPolicy(Struct, frozen=True, kw_only=True):
    """What may end a position. Fractions of price; None switches an exit off. `anchor` and `entry_bar` may be given by
    their words. Raises ValueError for what is out of bounds, and for `trail_after` without `trail`."""

    stop: float | None = None
    target: float | None = None
    trail: float | None = None
    trail_after: float = 0.0
    time_limit_hours: float | None = None
    session_end: bool = False
    anchor: Anchor = Anchor.FILL
    entry_bar: EntryBar = EntryBar.WHOLE

    def __post_init__(self) -> None:
        for name, most in (("stop", 1.0), ("trail", 1.0), ("target", math.inf), ("time_limit_hours", math.inf)):
            given = getattr(self, name)
            if given is None:
                continue
            value = number(name, given)
            if not 0 < value < most:
                raise ValueError(f"{name}: found {given}, allowed above 0" + (" and below 1" if most == 1 else ""))
            force_setattr(self, name, value)
        force_setattr(self, "trail_after", number("trail_after", self.trail_after))
        if not 0 <= self.trail_after < math.inf:
            raise ValueError(f"trail_after: found {self.trail_after}, allowed 0 or more")
        if self.trail_after and self.trail is None:
            raise ValueError(f"trail_after: found {self.trail_after} without trail, allowed with it alone")
        if not isinstance(self.session_end, bool):
            raise mistake("session_end", self.session_end, "True or False")
        force_setattr(self, "anchor", choice("anchor", self.anchor, Anchor))
        force_setattr(self, "entry_bar", choice("entry_bar", self.entry_bar, EntryBar))

    @property
    def time_limit_ms(self) -> int | None:
        return None if self.time_limit_hours is None else int(self.time_limit_hours * HOUR_MS)


def policy_of(exits: ExitsConfig, anchor: Anchor = Anchor.FILL, entry_bar: EntryBar = EntryBar.WHOLE) -> ExitPolicy:
    """A book's exits. Raises ValueError for those that need models, which the kernel does not run."""
    unknown = [name for name in ("stop_atr", "thesis_rsi", "one_sided") if getattr(exits, name) is not None]
    unknown += ["regimes"] if exits.regimes.enabled else []
    if unknown:
        raise ValueError(f"exits.{unknown[0]} is on: it needs a live desk's models, which are not simulated here")
    return ExitPolicy(
        stop=exits.stop,
        target=exits.target if exits.target_stops is None else exits.stop * exits.target_stops,
        trail=exits.trail,
        trail_after=0.0 if exits.trail is None else exits.trail_after,
        time_limit_hours=exits.time_limit_hours,
        session_end=exits.session_end,
        anchor=anchor,
        entry_bar=entry_bar,
    )


class Levels(NamedTuple):
    """A position's signed prices: `stop` (−inf: none), `target` (inf: none), `arm`, from which the stop trails (inf:
    never), and `keep`, what of the best price the trailing level is, up to a multiple of `tick`. `entry_bar` says what
    of the first bar the trailing stop goes by."""

    stop: float
    target: float
    arm: float
    keep: float
    tick: Step | None = None
    entry_bar: EntryBar = EntryBar.WHOLE


def levels(policy: ExitPolicy, side: int, entry: float, anchor: float, tick: Step | None = None) -> Levels:
    """Of a position entered at the price `entry`; stop and target are measured from the price `anchor`.

    A short's target at or below zero is never reached, as prices are above it.
    """
    stop = -math.inf if policy.stop is None else anchor * (1 - policy.stop * side) * side
    target = math.inf if policy.target is None else anchor * (1 + policy.target * side) * side
    arm = math.inf if policy.trail is None else entry * (1 + policy.trail_after * side) * side
    if tick is not None and policy.stop is not None:
        stop = tick.up(min(stop, anchor * side - tick.size))
    if tick is not None and policy.target is not None:
        target = tick.down(max(target, anchor * side + tick.size))
    return Levels(stop, target, arm, 1 - (policy.trail or 0.0) * side, tick, policy.entry_bar)


class Watch:
    """A position followed bar by bar, in signed prices: `inside` then `close` for each bar since the entry.

    `stop` is the stop of the next bar, `peak` the best price of the bars before it as far as it matters. A bar whose
    worst price is above `stop` and whose best price is below `calm` changes nothing and may be left out. `met` is the
    price before slippage at which a late order entered: what its bar had before is not the position's.
    """

    __slots__ = (
        "_arm", "_close_alone", "_first", "_initial", "_keep", "_met", "_target", "_tick", "calm", "peak", "stop",
    )  # fmt: skip

    def __init__(self, at: Levels, entry: float, met: float = -math.inf) -> None:
        self.stop, self._target, self._arm, self._keep, self._tick, entry_bar = at
        self._close_alone = entry_bar is EntryBar.CLOSE
        self._initial, self.peak, self._first, self._met = self.stop, entry, True, met
        self.calm = -math.inf  # the entry's bar has rules of its own

    def inside(self, opened: float, best: float, worst: float) -> tuple[float, str] | None:
        """Rules 1 to 5: the signed price and the reason of an exit in this bar."""
        stop, target = self.stop, self._target
        if self._first:
            opened = max(opened, self._met)  # an order is never early: what it met is the open or worse
        if opened <= stop:
            return opened, self._stopped()
        if opened >= target:
            return opened, Reason.TARGET
        if worst <= stop:
            return stop, self._stopped()
        if self._first and not self._close_alone:
            reached = max(self.peak, best)
            if reached >= self._arm and worst <= reached * self._keep:
                return max(worst, self._arm * self._keep), Reason.TRAILING
        return (target, Reason.TARGET) if best >= target else None

    def close(self, best: float, closed: float) -> bool:
        """Move the stop by what the bar has reached; whether rule 6 ends the position."""
        if self._first:
            self._first = False
            if self._close_alone:
                best = closed
        if best > self.peak:
            self.peak = best
        if self.peak < self._arm:
            self.calm = min(self._arm, self._target)
            return False
        self.calm = min(self.peak, self._target)
        level = self.peak * self._keep
        if self._tick is not None:
            level = self._tick.up(level)
        if level > self.stop:
            self.stop = level
            return closed <= level
        return False

    def _stopped(self) -> str:
        return Reason.STOP if self.stop == self._initial else Reason.TRAILING
