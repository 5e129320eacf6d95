"""What waits for one channel, and what may go next. No clock and no I/O: times come in as seconds that only grow."""

from collections import deque

from msgspec import Struct, structs

from tradeterm.domain.states import AlertLevel
from tradeterm.notify.protocol import SEVERITY, Notification

_MINUTE_S = 60.0
_MOST_REPEATS = 1000

ATTEMPTS = 20

Key = tuple[AlertLevel, str, str]


class _Waiting(Struct, eq=False):
    message: Notification
    attempts: int = 0


class _Repeat(Struct):
    """An alert that was told a while ago: until when another is only counted, how often, and the last of them."""

    until_s: float
    count: int
    last: Notification


class Outbox:
    """Decides what one channel is told.

    - Below its level: nothing.
    - The same level, code and text within `repeat_s` of the last time it was told: counted, and told as one message
      with that count when the time is over.
    - More than `per_minute` in a minute: it waits. Messages of lower levels do not count against higher ones, and the
      highest level goes first.
    - More than `size` waiting: the least important, and of those the oldest, is dropped; the next message says so.
    - What could not be delivered goes first of its level again, up to ATTEMPTS times.
    - In quiet hours nothing but CRITICAL; the rest is summed up in one message after them.
    """

    def __init__(self, level: AlertLevel, *, repeat_s: float, per_minute: int, size: int) -> None:
        self._least = SEVERITY[level]
        self._repeat_s = repeat_s
        self._per_minute = per_minute
        self._size = size
        self._waiting: list[_Waiting] = []
        self._taken: _Waiting | None = None
        self._repeats: dict[Key, _Repeat] = {}
        self._sent: deque[tuple[float, int]] = deque()
        self._quiet_count = 0
        self._quiet_worst: Notification | None = None
        self._missed = 0
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Messages that have not been taken."""
        return len(self._waiting)

    @property
    def pending(self) -> bool:
        """Whether time alone may bring something to send."""
        return bool(self._waiting or self._quiet_count or any(repeat.count for repeat in self._repeats.values()))

    def put(self, message: Notification, now_s: float) -> None:
        if SEVERITY[message.level] < self._least:
            return
        key = (message.level, message.code, message.text)
        told = self._repeats.get(key)
        if told is not None and (now_s < told.until_s or told.count):
            told.count += message.count
            told.last = message
            return
        if self._repeat_s > 0:
            self._remember(key, message, now_s)
        self._append(_Waiting(message))

    def take(self, now_s: float, *, quiet: bool) -> Notification | None:
        """The message to send now, or None."""
        self._release(now_s)
        if quiet:
            self._hush()
        elif self._quiet_worst is not None:
            self._append(_Waiting(self._summary(self._quiet_worst)))
        if not self._waiting:
            return None
        chosen = max(self._waiting, key=_severity)  # the first of its level
        severity = _severity(chosen)
        while self._sent and now_s - self._sent[0][0] >= _MINUTE_S:
            self._sent.popleft()
        if sum(sent >= severity for _, sent in self._sent) >= self._per_minute:
            return None
        self._sent.append((now_s, severity))
        self._waiting.remove(chosen)
        missed, self._missed = self._missed, 0
        chosen.message = structs.replace(chosen.message, missed=missed)
        self._taken = chosen
        return chosen.message

    def give_back(self) -> None:
        """The message taken last may be tried again."""
        if self._taken is None:
            return
        taken, self._taken = self._taken, None
        taken.attempts += 1
        if taken.attempts >= ATTEMPTS:
            self._give_up(taken)
            return
        self._sent.pop()
        self._missed += taken.message.missed
        self._waiting.insert(0, taken)
        self._trim()

    def give_up(self) -> None:
        """The message taken last will not be delivered; the next one says so."""
        if self._taken is not None:
            taken, self._taken = self._taken, None
            self._give_up(taken)

    def hurry(self) -> None:
        """Let counted repeats go at once: there will be no later."""
        for repeat in self._repeats.values():
            repeat.until_s = 0.0

    def clear(self) -> int:
        """Drop all that waits, is counted or was held in quiet hours; returns how many messages these were."""
        left = sum(waiting.message.count for waiting in self._waiting) + self._quiet_count
        left += sum(repeat.count for repeat in self._repeats.values())
        self._waiting.clear()
        self._repeats.clear()
        self._quiet_count, self._quiet_worst = 0, None
        self._drop(left)
        return left

    def _remember(self, key: Key, message: Notification, now_s: float) -> None:
        if len(self._repeats) >= _MOST_REPEATS:  # the oldest; a count not told yet is told rather than lost
            oldest = self._repeats.pop(next(iter(self._repeats)))
            if oldest.count:
                self._append(_Waiting(structs.replace(oldest.last, count=oldest.count)))
        self._repeats.pop(key, None)
        self._repeats[key] = _Repeat(now_s + self._repeat_s, 0, message)

    def _release(self, now_s: float) -> None:
        """Counted repeats whose time is over become one message, which starts the time anew."""
        for key, repeat in [item for item in self._repeats.items() if item[1].until_s <= now_s]:
            if repeat.count:
                self._append(_Waiting(structs.replace(repeat.last, count=repeat.count)))
                self._repeats[key] = _Repeat(now_s + self._repeat_s, 0, repeat.last)
            else:
                del self._repeats[key]

    def _append(self, waiting: _Waiting) -> None:
        self._waiting.append(waiting)
        self._trim()

    def _trim(self) -> None:
        if len(self._waiting) > self._size:
            least = min(self._waiting, key=_severity)  # the first, so the oldest, of the lowest level
            self._waiting.remove(least)
            self._drop(least.message.count)

    def _give_up(self, taken: _Waiting) -> None:
        self._missed += taken.message.missed  # counted when they were dropped
        self._drop(taken.message.count)

    def _drop(self, count: int) -> None:
        self._missed += count
        self.dropped += count

    def _hush(self) -> None:
        held = [waiting.message for waiting in self._waiting if waiting.message.level is not AlertLevel.CRITICAL]
        self._waiting = [waiting for waiting in self._waiting if waiting.message.level is AlertLevel.CRITICAL]
        for message in held:
            self._quiet_count += message.count
            worst = self._quiet_worst
            if worst is None or SEVERITY[message.level] >= SEVERITY[worst.level]:
                self._quiet_worst = message

    def _summary(self, worst: Notification) -> Notification:
        count, self._quiet_count, self._quiet_worst = self._quiet_count, 0, None
        if count == worst.count:
            return worst
        return structs.replace(
            worst,
            code="QUIET_HOURS",
            text=f"alerts in the quiet hours; the last of the most serious: {worst.code} {worst.text}",
            count=count,
        )


def _severity(waiting: _Waiting) -> int:
    return SEVERITY[waiting.message.level]
