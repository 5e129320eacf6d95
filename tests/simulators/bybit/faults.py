"""What may go wrong at the venue: on demand or by chance, at one endpoint, topic or symbol; everything is logged."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from random import Random

from simulators.bybit.clock import Clock
from simulators.bybit.exchange import Event, Tweaks

PAGE = "<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
BROKEN = '{"retCode":0,"retMsg":"OK","result":{"orderId":"'
TEXTS = {
    10000: "Server Timeout",
    10002: "invalid request, please check your server timestamp or recv_window param.",
    10003: "API key is invalid.",
    10004: "error sign! please check your signature generation algorithm.",
    10005: "Permission denied, please check your API key permissions.",
    10006: "Too many visits. Exceeded the API Rate Limit.",
    10010: "Unmatched IP, please check your API key's bound IP addresses.",
    10016: "Request timeout, please try again later",
    33004: "Your api key has expired.",
    110007: "ab not enough for new order",
    110074: "This contract is not live",
    110079: "The order is processing and can not be operated",
}


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


@dataclass
class Rule:
    """A fault that waits. `left` None: for ever. `where` may hold `*`."""

    kind: str
    name: str
    where: str
    probability: float
    left: int | None
    reply: ReplyFault | None = None
    seconds: float = 0.0
    tweaks: Tweaks = field(default_factory=Tweaks)
    until: float | None = None
    hits: int = 0

    def cancel(self) -> None:
        self.left = 0

    @property
    def live(self) -> bool:
        return self.left != 0 and (self.until is None or time.monotonic() < self.until)


class Faults:
    """The faults in wait. Each method adds one and returns it; `times` None means again and again.

    Endpoints are named like `order/create`, topics like `execution` or `tickers.BTCUSDT`; both may hold `*`.
    """

    def __init__(self, clock: Clock, rng: Random) -> None:
        self.rules: list[Rule] = []
        self.log: list[Fault] = []
        self.on_drop: dict[str, Callable[[], None]] = {}
        self._clock, self._rng = clock, rng

    def clear(self) -> None:
        """No fault waits any longer; the log stays."""
        self.rules.clear()

    # --- replies: before the request is carried out, or after -------------------------------------------------------

    def timeout(
        self, endpoint: str, *, after: bool, seconds: float = 30.0, times: int | None = 1, probability: float = 1.0
    ) -> Rule:
        """No reply for `seconds`, then a closed connection."""
        return self._reply(endpoint, ReplyFault("timeout", after, seconds), times, probability)

    def reset(self, endpoint: str, *, after: bool, times: int | None = 1, probability: float = 1.0) -> Rule:
        """The connection is reset instead of a reply."""
        return self._reply(endpoint, ReplyFault("reset", after), times, probability)

    def http(
        self, endpoint: str, status: int, *, after: bool = False, times: int | None = 1, probability: float = 1.0
    ) -> Rule:
        """An HTTP status with a page that is no JSON."""
        page = "access too frequent" if status == 403 else PAGE
        return self._reply(endpoint, ReplyFault("http", after, status=status, body=page), times, probability)

    def late_acceptance(
        self, endpoint: str, seconds: float, *, times: int | None = 1, probability: float = 1.0
    ) -> Rule:
        """The connection is reset, and the request is carried out only `seconds` later: a look-up in between finds
        nothing. One that is older than its recv_window by then is refused, as at the venue."""
        return self._reply(endpoint, ReplyFault("late", False, seconds), times, probability)

    def gateway_page(
        self, endpoint: str, *, after: bool = True, times: int | None = 1, probability: float = 1.0
    ) -> Rule:
        """HTTP 200 with a page of the gateway."""
        return self._reply(endpoint, ReplyFault("page", after, body=PAGE), times, probability)

    def unreadable(self, endpoint: str, *, after: bool = True, times: int | None = 1, probability: float = 1.0) -> Rule:
        """HTTP 200 with JSON that breaks off."""
        return self._reply(endpoint, ReplyFault("unreadable", after, body=BROKEN), times, probability)

    def ret_code(
        self,
        endpoint: str,
        code: int,
        text: str | None = None,
        *,
        after: bool = False,
        times: int | None = 1,
        probability: float = 1.0,
    ) -> Rule:
        """A retCode; with `after` the request was carried out all the same."""
        said = TEXTS.get(code, "refused") if text is None else text
        return self._reply(endpoint, ReplyFault("retcode", after, code=code, text=said), times, probability)

    def rate_limited(
        self, endpoint: str, *, reset_in_ms: int = 1000, times: int | None = 1, probability: float = 1.0
    ) -> Rule:
        """10006 with a reset header so far ahead; a negative value puts it in the past."""
        fault = ReplyFault("retcode", False, float(reset_in_ms), code=10006, text=TEXTS[10006])
        return self._reply(endpoint, fault, times, probability)

    def delay(
        self, endpoint: str, seconds: float, *, after: bool = True, times: int | None = 1, probability: float = 1.0
    ) -> Rule:
        """A late reply; with `after` the streams tell of the order, even of its fill, before it."""
        return self._reply(endpoint, ReplyFault("delay", after, seconds), times, probability)

    def lag(self, endpoint: str, seconds: float, *, times: int | None = None, probability: float = 1.0) -> Rule:
        """Look-ups (`order/realtime`, `order/history`, `execution/list`) do not show what is younger than this;
        `position/list` shows what was held then."""
        return self._add(Rule("lag", "lag", endpoint, probability, times, seconds=seconds))

    # --- streams ----------------------------------------------------------------------------------------------------

    def duplicate(self, topic: str, *, times: int | None = 1, probability: float = 1.0) -> Rule:
        """A push goes out twice."""
        return self._add(Rule("duplicate", "duplicate push", topic, probability, times))

    def lose(self, topic: str, *, times: int | None = 1, probability: float = 1.0) -> Rule:
        """A push never goes out: only REST knows."""
        return self._add(Rule("lose", "lost push", topic, probability, times))

    def late(self, topic: str, seconds: float, *, times: int | None = 1, probability: float = 1.0) -> Rule:
        """A push goes out late; others overtake it."""
        return self._add(Rule("late", "late push", topic, probability, times, seconds=seconds))

    def reorder(self, *, times: int | None = 1, probability: float = 1.0) -> Rule:
        """What one event pushes goes out backwards: wallet and fill before the order."""
        return self._add(Rule("reorder", "reordered pushes", "private", probability, times))

    def drop_on(self, topic: str, *, times: int | None = 1, probability: float = 1.0) -> Rule:
        """The stream is cut instead of a push of `topic`."""
        return self._add(Rule("drop", "stream dropped", topic, probability, times))

    def silence(self, stream: str, seconds: float) -> Rule:
        """`public` or `private` says nothing for `seconds`, though pings are answered. What was due is lost."""
        self.note("silent stream", stream)
        return self._add(Rule("silence", "silent stream", stream, 1.0, None, until=time.monotonic() + seconds))

    def skip_book(self, symbol: str, *, times: int | None = 1, probability: float = 1.0) -> Rule:
        """A delta of the order book is missing: its `u` is skipped."""
        return self._add(Rule("skip", "book gap", symbol, probability, times))

    # --- matching ---------------------------------------------------------------------------------------------------

    def refuse_stops(
        self, symbol: str = "*", code: int = 10001, *, times: int | None = 1, probability: float = 1.0
    ) -> Rule:
        """A request that would set a stop (attached, trading-stop or amended) is refused with `code`."""
        return self._tweak("stop", "stop refused", symbol, Tweaks(refuse_stops=code), times, probability)

    def partial_fills(
        self, symbol: str = "*", parts: int = 3, *, times: int | None = 1, probability: float = 1.0
    ) -> Rule:
        """A taker's fill comes in `parts` executions."""
        return self._tweak("match", "partial fills", symbol, Tweaks(parts=parts), times, probability)

    def fill_share(
        self, symbol: str = "*", share: Decimal = Decimal("0.5"), *, times: int | None = 1, probability: float = 1.0
    ) -> Rule:
        """Only a share of an order finds a counterpart: a limit rests with the rest, a market order is cancelled."""
        return self._tweak("match", "part of a fill", symbol, Tweaks(fill_share=share), times, probability)

    def cancel_loses(self, symbol: str = "*", *, times: int | None = 1, probability: float = 1.0) -> Rule:
        """A cancel is acknowledged, but the fill was faster: `Filled`, and a second `Filled` of the lost cancel."""
        return self._tweak("cancel", "cancel loses to a fill", symbol, Tweaks(cancel_loses=True), times, probability)

    def overfill(self, symbol: str, qty: Decimal, *, times: int | None = 1, probability: float = 1.0) -> Rule:
        """A taker gets `qty` more than it asked for."""
        return self._tweak("match", "over-fill", symbol, Tweaks(overfill=qty), times, probability)

    # --- everything at once -----------------------------------------------------------------------------------------

    def storm(self, probability: float, *, hang_seconds: float = 10.0, lag_seconds: float = 2.0) -> list[Rule]:
        """Every fault that leaves the venue's own truth whole, each by chance at each occasion, until `clear`.

        Not among them: an over-fill, a wrong clock, keys that stop working, and silence; call those yourself.
        """
        p = probability
        rules = []
        for endpoint in ("order/*", "position/*"):
            for after in (False, True):
                rules += [
                    self.timeout(endpoint, after=after, seconds=hang_seconds, times=None, probability=p),
                    self.reset(endpoint, after=after, times=None, probability=p),
                    self.http(endpoint, 502, after=after, times=None, probability=p),
                    self.gateway_page(endpoint, after=after, times=None, probability=p),
                    self.unreadable(endpoint, after=after, times=None, probability=p),
                    self.ret_code(endpoint, 10016, after=after, times=None, probability=p),
                    self.ret_code(endpoint, 10000, after=after, times=None, probability=p),
                    self.delay(endpoint, 0.3, after=after, times=None, probability=p),
                ]
            rules += [
                self.http(endpoint, 429, times=None, probability=p),
                self.rate_limited(endpoint, times=None, probability=p),
                self.rate_limited(endpoint, reset_in_ms=-500, times=None, probability=p),
            ]
        for endpoint in ("order/realtime", "order/history", "execution/list"):
            rules.append(self.lag(endpoint, lag_seconds, probability=p))
        for topic in ("order", "execution", "position", "wallet"):
            rules += [
                self.duplicate(topic, times=None, probability=p),
                self.lose(topic, times=None, probability=p),
                self.late(topic, 0.5, times=None, probability=p),
                self.drop_on(topic, times=None, probability=p),
            ]
        rules += [
            self.reorder(times=None, probability=p),
            self.skip_book("*", times=None, probability=p),
            self.drop_on("tickers.*", times=None, probability=p / 10),
            self.refuse_stops(times=None, probability=p),
            self.partial_fills(times=None, probability=max(p, 0.1)),
            self.fill_share(times=None, probability=p),
            self.cancel_loses(times=None, probability=p),
            self.late_acceptance("order/create", 1.5, times=None, probability=p),
        ]
        return rules

    # --- asked by the venue -----------------------------------------------------------------------------------------

    def reply(self, endpoint: str) -> ReplyFault | None:
        rule = self._hit("reply", endpoint)
        if rule is None or rule.reply is None:
            return None
        fault = rule.reply
        if fault.code == 10006:
            reset_at = str(self._clock.now_ms() + int(fault.seconds))
            fault.headers.update(
                {"X-Bapi-Limit": "10", "X-Bapi-Limit-Status": "0", "X-Bapi-Limit-Reset-Timestamp": reset_at}
            )
        return fault

    def lag_ms(self, endpoint: str) -> int:
        rule = self._hit("lag", endpoint)
        return int(rule.seconds * 1000) if rule else 0

    def batch(self, events: list[Event]) -> list[Event]:
        return events[::-1] if self._hit("reorder", "private") else events

    def deliveries(self, topic: str) -> list[float]:
        """Delays of the copies of one push; none when it is lost."""
        if self._hit("drop", topic):
            self.on_drop["public" if "." in topic else "private"]()
            return []
        if self._hit("lose", topic):
            return []
        late = self._hit("late", topic)
        first = late.seconds if late else 0.0
        return [first, first] if self._hit("duplicate", topic) else [first]

    def silent(self, stream: str) -> bool:
        return any(rule.kind == "silence" and rule.live and rule.where == stream for rule in self.rules)

    def skips_book(self, symbol: str) -> bool:
        return self._hit("skip", symbol) is not None

    def tweaks(self, symbol: str, what: str) -> Tweaks:
        """How the next match or stop of `symbol` differs from the ordinary."""
        rule = self._hit(what, symbol)
        return rule.tweaks if rule else Tweaks()

    # --- rules ------------------------------------------------------------------------------------------------------

    def _reply(self, endpoint: str, fault: ReplyFault, times: int | None, probability: float) -> Rule:
        detail = fault.code or (fault.status if fault.name == "http" else "")
        name = f"{fault.name}{f' {detail}' if detail else ''} {'after' if fault.after else 'before'} acceptance"
        return self._add(Rule("reply", name, endpoint, probability, times, reply=fault))

    def _tweak(self, kind: str, name: str, symbol: str, tweaks: Tweaks, times: int | None, probability: float) -> Rule:
        return self._add(Rule(kind, name, symbol, probability, times, tweaks=tweaks))

    def _add(self, rule: Rule) -> Rule:
        self.rules = [known for known in self.rules if known.live] + [rule]
        return rule

    def _hit(self, kind: str, where: str) -> Rule | None:
        """The first rule of `kind` that strikes here and now; noted in the log."""
        for rule in self.rules:
            if rule.kind != kind or not rule.live or not fnmatchcase(where, rule.where):
                continue
            if rule.probability < 1.0 and self._rng.random() >= rule.probability:
                continue
            rule.hits += 1
            if rule.left is not None:
                rule.left -= 1
            self.note(rule.name, where)
            return rule
        return None

    def note(self, name: str, where: str) -> None:
        """Write one fault to the log."""
        self.log.append(Fault(self._clock.now_ms(), name, where))
