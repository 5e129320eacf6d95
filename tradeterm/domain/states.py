"""States of the desk, its books, its workers and its venues."""

from enum import StrEnum


class Mode(StrEnum):
    DEMO = "demo"
    PAPER = "paper"
    LIVE = "live"


class TradingState(StrEnum):
    """ACTIVE; REDUCING (only orders that shrink exposure); HALTED (nothing but cancels and protective exits)."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class BookState(StrEnum):
    """RUNNING; STOPPED (no new entries, exits go on); PAUSED (as STOPPED, for one book, by the operator)."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class BreakerLevel(StrEnum):
    CLOSED = "CLOSED"
    ALERT = "ALERT"
    THROTTLE = "THROTTLE"
    HALT = "HALT"
    SHUTDOWN = "SHUTDOWN"


class Regime(StrEnum):
    """What an instrument's price is doing; see `tradeterm.quant.regimes` for the rules."""

    TREND_UP = "TREND_UP"
    TREND_DOWN = "TREND_DOWN"
    RANGE = "RANGE"
    CHOP = "CHOP"
    VOLATILE = "VOLATILE"


class HealthLevel(StrEnum):
    """How a strategy does against what it should: watch, half size, no entries, halt."""

    HEALTHY = "HEALTHY"
    MINOR = "MINOR"
    MODERATE = "MODERATE"
    SEVERE = "SEVERE"
    CRITICAL = "CRITICAL"


class AlertLevel(StrEnum):
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class WorkerName(StrEnum):
    MARKET = "market"
    STRATEGY = "strategy"
    GATE = "gate"
    RISK = "risk"
    BROKER = "broker"
    LEDGER = "ledger"


class WorkerState(StrEnum):
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class VenueState(StrEnum):
    """READY: reconciled, everything may be sent. RESTRICTED: reconciled, but only what shrinks exposure may be sent
    (the clock, a rate limit). BLOCKED: nothing can be sent until a person acts (key, region, permission)."""

    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    RECONCILING = "RECONCILING"
    READY = "READY"
    RESTRICTED = "RESTRICTED"
    BLOCKED = "BLOCKED"


class GateState(StrEnum):
    """Of tier 2: DEGRADED answers some signals, DOWN blocks every entry until somebody acts."""

    UP = "UP"
    DEGRADED = "DEGRADED"
    DOWN = "DOWN"


class CommandVerb(StrEnum):
    """What an operator may ask of a running engine. SPEED takes pause, resume, faster, slower, max or a factor.

    START lets entries through again after STOP; RESUME ends PAUSE (with a book) or HALT and KILL (without one);
    SHUTDOWN ends the engine; REPLAY starts a finished demo anew. RECOVER lets the breaker fall from HALT or SHUTDOWN,
    OVERRIDE closes it for a while although its cause lasts; both need a reason. RETRY lets tier 2 ask its model again
    after it gave up.
    """

    START = "START"
    STOP = "STOP"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    HALT = "HALT"
    KILL = "KILL"
    FLATTEN = "FLATTEN"
    SPEED = "SPEED"
    SHUTDOWN = "SHUTDOWN"
    REPLAY = "REPLAY"
    RECOVER = "RECOVER"
    OVERRIDE = "OVERRIDE"
    RETRY = "RETRY"


class CommandStatus(StrEnum):
    QUEUED = "QUEUED"
    ACCEPTED = "ACCEPTED"
    DONE = "DONE"
    REFUSED = "REFUSED"
