"""How much of its equity a cross-sectional book may have in the market.

With D the drawdown that leaves nothing, x = min(1, drawdown / D), and the range least..most of the market's regime:

    gross = (least + breadth * (most - least)) * (1 - x**p * (1 - recovery * recovered))        0 where x = 1

- p is 2 in a bull market (a small drawdown costs little), 1 in a neutral one and 1/2 in a weak one (it costs at once).
- `recovered` is the part of the deepest drawdown since the last peak that is won back; it takes up to `recovery` of the
  dampening back, so that the size returns before the peak does, but never above the range.
- Nothing at all (a kill) while the win rate of the last `trades` round trips is below `least_win_rate`, while its newer
  half is more than `win_rate_fall` below its older half, or while the mean rank IC of the last `rank_ic_dates` dates is
  below `least_rank_ic`. Without positions no trade can mend a win rate: `judge_anew` forgets the trades, by a person's
  word. The rank IC goes on being measured by itself.
- No new longs for `panic_bars` bars, the first included, from a bar on which the market fell by `panic_drop` or more,
  or its volatility was `panic_volatility` times the usual or more.

A number that is missing or not finite is the careful one: an unknown regime is a weak one, unknown breadth and recovery
are none, an unknown drawdown leaves nothing, an unknown win rate or rank IC at most the range's lower end, and a bar
without the market's numbers lets no new long through. A worse number never gives more.

The state is plain data: kept and read back, it goes on as if nothing had happened.
"""

import math
from decimal import Decimal
from enum import StrEnum

import msgspec
from msgspec import Struct

from tradeterm.config import ExposureConfig, ExposureRange


class MarketRegime(StrEnum):
    """The whole market, not an instrument."""

    BULL = "BULL"
    NEUTRAL = "NEUTRAL"
    WEAK = "WEAK"


class ExposureInputs(Struct, frozen=True, kw_only=True):
    """What the exposure follows from; None where there is not enough data. Fractions.

    `breadth` is the part of the universe that is in an uptrend of its own, 0..1; `panic_left` counts the bars, this one
    included, on which no new long may be opened.
    """

    regime: MarketRegime | None = None
    breadth: float | None = None
    drawdown: float | None = None
    recovered: float | None = None
    win_rate: float | None = None
    win_rate_fall: float | None = None
    rank_ic: float | None = None
    panic_left: int = 1


class Exposure(Struct, frozen=True):
    """Gross notional over equity to aim at, whether new longs may be opened, and why."""

    gross: float
    new_longs: bool
    reasons: tuple[str, ...]


class ExposureState(Struct, frozen=True, kw_only=True):
    """What the gates remember of a book: equity now, at its peak and at its lowest since; the last round trips (won or
    not) and rank ICs, oldest first; the newest bar's close (UTC ms), and how many bars are barred to new longs."""

    equity: Decimal | None = None
    peak: Decimal | None = None
    trough: Decimal | None = None
    wins: tuple[bool, ...] = ()
    rank_ics: tuple[float, ...] = ()
    bar_ts: int = -1
    panic_left: int = 1


def target_exposure(config: ExposureConfig, inputs: ExposureInputs) -> Exposure:
    """The exposure for these inputs; asked for where `config.enabled`."""
    regime = inputs.regime or MarketRegime.WEAK
    within = _range(config, regime)
    breadth, drawdown = _unit(inputs.breadth), _finite(inputs.drawdown)
    room = min(within.least + (breadth or 0.0) * (within.most - within.least), within.most)
    word = regime.value.lower() if inputs.regime else "unknown (weak)"
    reasons = [
        f"{word} market, {within.least:.0%} to {within.most:.0%}: {room:.1%} at"
        f" {'unknown breadth' if breadth is None else f'breadth {breadth:.0%}'}"
    ]
    factor = _dampening(config, regime, drawdown, _unit(inputs.recovered) or 0.0)
    if drawdown is None:
        reasons.append("drawdown is not known: nothing")
    elif factor < 1.0:
        reasons.append(f"drawdown {drawdown:.1%} of {config.drawdown:.1%}: times {factor:.2f}")
    gross = room * factor
    killed, unknown = _judged(config, inputs)
    if killed:
        gross = 0.0
    elif unknown:
        gross = min(gross, within.least)
        reasons.append(f"not enough data for {', '.join(unknown)}: at most {within.least:.0%}")
    if inputs.panic_left > 0:
        further = f" and the next {inputs.panic_left - 1}" if inputs.panic_left > 1 else ""
        reasons.append(f"no new longs on this bar{further}")
    new_longs = gross > 0 and inputs.panic_left <= 0
    return Exposure(gross, new_longs, (*reasons, *killed))


def inputs_of(
    config: ExposureConfig, state: ExposureState, regime: MarketRegime | None, breadth: float | None
) -> ExposureInputs:
    """What the state and the market's present numbers give."""
    drawdown = recovered = win_rate = fall = rank_ic = None
    if state.equity is not None and state.peak is not None and state.trough is not None and state.peak > 0:
        drawdown = float((state.peak - state.equity) / state.peak)
        depth = state.peak - state.trough
        recovered = float((state.equity - state.trough) / depth) if depth else 0.0
    half = config.trades // 2
    judged = state.wins[-2 * half :]
    if len(judged) == 2 * half:
        win_rate = sum(judged) / len(judged)
        fall = (sum(judged[:half]) - sum(judged[half:])) / half
    if len(state.rank_ics) >= config.rank_ic_dates:
        rank_ic = math.fsum(state.rank_ics[-config.rank_ic_dates :]) / config.rank_ic_dates
    return ExposureInputs(
        regime=regime,
        breadth=breadth,
        drawdown=drawdown,
        recovered=recovered,
        win_rate=win_rate,
        win_rate_fall=fall,
        rank_ic=rank_ic,
        panic_left=state.panic_left,
    )


def on_bar(
    config: ExposureConfig,
    state: ExposureState,
    ts: int,
    equity: Decimal | None,
    market_return: float | None,
    volatility: float | None,
) -> ExposureState:
    """A bar closed at `ts`: the book's equity, the market's return over the bar, and its volatility over the usual one.
    A bar seen before changes nothing."""
    if ts <= state.bar_ts:
        return state
    left = max(state.panic_left - 1, 0)
    moved, wild = _finite(market_return), _finite(volatility)
    if (moved is not None and moved <= -config.panic_drop) or (wild is not None and wild >= config.panic_volatility):
        left = max(left, config.panic_bars)
    elif moved is None or wild is None:
        left = max(left, 1)
    state = msgspec.structs.replace(state, bar_ts=ts, panic_left=left, equity=None)
    if equity is None or not equity.is_finite():
        return state
    if state.peak is None or state.trough is None or equity >= state.peak:
        return msgspec.structs.replace(state, equity=equity, peak=equity, trough=equity)
    return msgspec.structs.replace(state, equity=equity, trough=min(state.trough, equity))


def on_trade(config: ExposureConfig, state: ExposureState, *, won: bool) -> ExposureState:
    """A round trip of the book closed; one that only broke even was not won."""
    return msgspec.structs.replace(state, wins=(*state.wins, won)[-config.trades :])


def on_rank_ic(config: ExposureConfig, state: ExposureState, rank_ic: float | None) -> ExposureState:
    """The rank IC of a date, once its forward returns are known; a date that gave none is left out."""
    known = _finite(rank_ic)
    if known is None:
        return state
    return msgspec.structs.replace(state, rank_ics=(*state.rank_ics, known)[-config.rank_ic_dates :])


def judge_anew(state: ExposureState) -> ExposureState:
    """Forget the round trips: a person takes the book up again, at the lower end until there are new ones."""
    return msgspec.structs.replace(state, wins=())


def _dampening(config: ExposureConfig, regime: MarketRegime, drawdown: float | None, recovered: float) -> float:
    """Written so that rounding cannot make a worse number give more."""
    if drawdown is None:
        return 0.0
    share = min(max(drawdown / config.drawdown, 0.0), 1.0)
    if share >= 1.0:
        return 0.0
    match regime:
        case MarketRegime.BULL:
            lost = share * share
        case MarketRegime.NEUTRAL:
            lost = share
        case MarketRegime.WEAK:
            lost = math.sqrt(share)
    return 1.0 - lost * (1.0 - config.recovery * recovered)


def _judged(config: ExposureConfig, inputs: ExposureInputs) -> tuple[list[str], list[str]]:
    """What kills the exposure, and what cannot be judged yet."""
    killed, unknown = [], []
    win_rate, fall, rank_ic = _finite(inputs.win_rate), _finite(inputs.win_rate_fall), _finite(inputs.rank_ic)
    if win_rate is not None and win_rate < config.least_win_rate:
        killed.append(f"win rate {win_rate:.1%} is below {config.least_win_rate:.1%}: nothing")
    if fall is not None and fall > config.win_rate_fall:
        killed.append(f"win rate fell by {fall:.1%}, more than {config.win_rate_fall:.1%}: nothing")
    if win_rate is None or fall is None:
        unknown.append(f"the win rate (under {config.trades} trades)")
    if rank_ic is not None and rank_ic < config.least_rank_ic:
        killed.append(f"rank IC {rank_ic:.4f} is below {config.least_rank_ic:.4f}: nothing")
    if rank_ic is None:
        unknown.append(f"the rank IC (under {config.rank_ic_dates} dates)")
    return killed, unknown


def _range(config: ExposureConfig, regime: MarketRegime) -> ExposureRange:
    match regime:
        case MarketRegime.BULL:
            return config.bull
        case MarketRegime.NEUTRAL:
            return config.neutral
        case MarketRegime.WEAK:
            return config.weak


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _unit(value: float | None) -> float | None:
    known = _finite(value)
    return None if known is None else min(max(known, 0.0), 1.0)
