"""What a declared strategy says: data only, with closed lists of words and bounded numbers."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

MOST_CONDITIONS = 12


class Side(StrEnum):
    """BOTH trades shorts by the mirror image of what is declared for longs."""

    LONG = "long"
    SHORT = "short"
    BOTH = "both"


class Timeframe(StrEnum):
    """Length of the bars; `tradeterm.domain.market.INTERVALS_MS` has the same names."""

    M1 = "1m"
    M3 = "3m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"


class IndicatorName(StrEnum):
    """Everything a condition may look at; `catalogue.py` says what each is."""

    CLOSE = "close"
    OPEN = "open"
    HIGH = "high"
    LOW = "low"
    VOLUME = "volume"
    HOUR = "hour"
    FUNDING = "funding"
    RETURN = "return"
    SESSION_MOVE = "session_move"
    SMA = "sma"
    EMA = "ema"
    EMA_SLOPE = "ema_slope"
    LINREG_SLOPE = "linreg_slope"
    HIGHEST = "highest"
    LOWEST = "lowest"
    VWAP = "vwap"
    RSI = "rsi"
    MFI = "mfi"
    STOCHASTIC_K = "stochastic_k"
    STOCHASTIC_D = "stochastic_d"
    CCI = "cci"
    ZSCORE = "zscore"
    MACD_LINE = "macd_line"
    MACD_SIGNAL = "macd_signal"
    MACD_HISTOGRAM = "macd_histogram"
    BOLLINGER_UPPER = "bollinger_upper"
    BOLLINGER_LOWER = "bollinger_lower"
    BOLLINGER_WIDTH = "bollinger_width"
    PERCENT_B = "percent_b"
    ATR = "atr"
    ATR_RATIO = "atr_ratio"
    ADX = "adx"
    OBV_SLOPE = "obv_slope"


class Source(StrEnum):
    """The series an average or an extreme is taken of."""

    CLOSE = "close"
    OPEN = "open"
    HIGH = "high"
    LOW = "low"
    VOLUME = "volume"


class Operator(StrEnum):
    """Crossing is between the bar before and this one; rising and falling is on each of the last `bars` bars."""

    ABOVE = ">"
    AT_LEAST = ">="
    BELOW = "<"
    AT_MOST = "<="
    CROSSES_ABOVE = "crosses_above"
    CROSSES_BELOW = "crosses_below"
    BETWEEN = "between"
    RISING = "rising"
    FALLING = "falling"


class Operand(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """An indicator with its own arguments (those it does not have are None), as it stood `ago` bars before."""

    ind: IndicatorName
    n: int | None = None
    fast: int | None = None
    slow: int | None = None
    signal: int | None = None
    smooth: int | None = None
    d: int | None = None
    width: float | None = None
    source: Source | None = None
    ago: int = 0


class Condition(Operand, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The operand compared with `value`, with `times` the operand `of`, with the range `low` to `high`, or with itself
    on each of the last `bars` bars."""

    op: Operator
    value: float | None = None
    of: Operand | None = None
    times: float = 1.0
    low: float | None = None
    high: float | None = None
    bars: int | None = None


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Conditions of which all, or any, must hold: one of the two lists, or neither."""

    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        return self.all or self.any


class AtrStop(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="atr"):
    """The stop so many average true ranges from the entry; while that is not known there is no entry, and a stop that
    is lost is put back `fallback_pct` away."""

    n: Annotated[int, Meta(ge=2, le=500, description="bars")] = 14
    mult: Annotated[float, Meta(ge=0.1, le=10.0, description="average true ranges")]
    fallback_pct: Annotated[float, Meta(ge=0.1, le=50.0, description="percent of the entry price")] = 2.0


class PercentStop(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="percent"):
    pct: Annotated[float, Meta(ge=0.1, le=50.0, description="percent of the entry price")]


class MultipleTarget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="r"):
    mult: Annotated[float, Meta(ge=0.1, le=20.0, description="times the stop's distance")]


class PercentTarget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="percent"):
    pct: Annotated[float, Meta(ge=0.1, le=500.0, description="percent of the entry price")]


class NoTarget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="type", tag="none"):
    pass


class Trail(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pct: Annotated[float, Meta(ge=0.1, le=50.0, description="distance from the best price, percent")]
    after_pct: Annotated[float, Meta(ge=0.0, le=100.0, description="profit that arms it, percent")] = 0.0


class Risk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    risk_pct: Annotated[float, Meta(gt=0.0, le=2.0, description="equity that one trade may lose at its stop, percent")]
    max_leverage: Annotated[float, Meta(gt=0.0, le=125.0, description="gross notional / equity")] = 1.0
    max_positions: Annotated[int, Meta(ge=1, le=500, description="open at once")] = 1
    daily_loss_pct: Annotated[float, Meta(gt=0.0, le=20.0, description="loss of a day that stops entries, percent")] = (
        2.0
    )


class Head(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What of a specification one value alone can be checked for."""

    v: Annotated[int, Meta(ge=1, le=1, description="version of the format")]
    name: str
    symbols: Annotated[tuple[str, ...], Meta(min_length=1)]
    timeframe: Timeframe
    side: Side
    risk: Risk
    assumptions: tuple[str, ...] = ()
    unsupported: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


class Spec(Head, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A declared strategy as its author means it. `read.py` makes one; made otherwise it is unchecked.

    Percentages are percents (0.25 is a quarter of a percent); fractions of conditions are fractions. `bars_held` is the
    longest holding time in bars. `assumptions` are vague words as they were understood; while there is anything in
    `unsupported` or `questions` it cannot be applied.
    """

    entry: Rules
    exit: Rules = Rules()
    bars_held: int | None = None
    stop: AtrStop | PercentStop
    target: MultipleTarget | PercentTarget | NoTarget = NoTarget()
    trail: Trail | None = None

    @property
    def applicable(self) -> bool:
        return not self.unsupported and not self.questions
