"""Whether a book's strategy still does what it should, judged by its own closed trades and nothing else.

After every such trade the last `WINDOW` of them are looked at, once there are `health.least_trades`; losses in a row
count from the first:

| what                        | MINOR            | MODERATE        | SEVERE         | CRITICAL         |
| --------------------------- | ---------------- | --------------- | -------------- | ---------------- |
| win rate                    | 5 points above   |                 |                | below `win_rate` |
| mean over deviation         |                  | below 0         |                |                  |
| expectancy, its t-statistic | below 0          | was positive    | t ≤ −1.645     |                  |
| losses in a row             | two thirds of it |                 | n in a row     | 2 n in a row     |
| mean entry slippage         |                  | above it        | twice it       |                  |
| win rate, R by CUSUM        |                  | sum 5           | sum 8          |                  |

The ratio is that of the trades' returns (a Sharpe ratio per trade), the expectancy is in units of risk where enough
trades know theirs, else in returns; −1.645 is the one-sided 5 % of the normal distribution. CUSUM (Page, Biometrika 41,
1954) adds up by how much trades fall short of `expected_win_rate` and `expected_r`, in standard deviations less an
allowance of 0.25, over the last `DRIFT_WINDOW`; with these steps a strategy as good as expected reaches 8 about once in
700 trades, one half a deviation worse after some 30 (Montgomery, Introduction to Statistical Quality Control, table
9.4). Slippage is judged once ten trades know theirs.

The health is the worst of what was found after each trade that has had fewer than `RECOVERY_WINS` wins after it: it
worsens at once, improves only with wins, and one more loss never improves it. It is a function of the trades, so a
restart finds the same. What it means: MINOR is told; MODERATE halves the size; SEVERE lets no entries of the book
through; CRITICAL stops the book besides. An operator who STARTs or RESUMEs the book with a reason has it judged anew,
by the trades that close from then on.
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction

from msgspec import Struct

from tradeterm.config import HealthConfig
from tradeterm.desk import breaker
from tradeterm.desk.closing import cancel_entries
from tradeterm.desk.state import Book, Health
from tradeterm.desk.turn import Turn
from tradeterm.domain.facts import HealthFact
from tradeterm.domain.snapshot import TradeResult
from tradeterm.domain.states import AlertLevel, BookState, HealthLevel

WINDOW = 50
DRIFT_WINDOW = 100
RECOVERY_WINS = 5
NO_ENTRIES = (HealthLevel.SEVERE, HealthLevel.CRITICAL)
_LEVELS = tuple(HealthLevel)
_WATCH = Fraction(1, 20)
_COLLAPSE_T = -1.645
_LEAST_SLIPPAGES = 10
_ALLOWANCE = 0.25
_DRIFT = ((8.0, HealthLevel.SEVERE), (5.0, HealthLevel.MODERATE))
_SIZES = {HealthLevel.HEALTHY: Decimal(1), HealthLevel.MINOR: Decimal(1), HealthLevel.MODERATE: Decimal("0.5")}
_LOUD = {HealthLevel.SEVERE: AlertLevel.ERROR, HealthLevel.CRITICAL: AlertLevel.CRITICAL}


class Finding(Struct, frozen=True):
    level: HealthLevel
    text: str


class Judgement(Struct, frozen=True):
    """A health, why, and what was measured after the last trade (None: not known)."""

    level: HealthLevel
    causes: tuple[str, ...]
    numbers: dict[str, float | None]


def size_factor(level: HealthLevel) -> Decimal:
    """What an entry's size is multiplied by."""
    return _SIZES.get(level, Decimal(0))


def rank(level: HealthLevel) -> int:
    """Levels in order: 0 is HEALTHY."""
    return _LEVELS.index(level)


def review(turn: Turn, book: Book) -> None:
    """Judge the book by the trades it has closed; act where that changed."""
    before = turn.state.health.get(book.name, Health())
    results = turn.state.results.get(book.name, ())
    found = judge([result for result in results if result.ts_closed > before.judged_from], book.config.health)
    if found.level is before.level and (found.causes == before.causes or found.level is HealthLevel.HEALTHY):
        return
    since = before.ts if found.level is before.level else turn.ts
    turn.state.health[book.name] = Health(found.level, since, found.causes, before.judged_from)
    _record(turn, book, before, found)
    if found.level is before.level:
        return
    why = f": {'; '.join(found.causes)}" if found.causes else ""
    level = _LOUD.get(found.level, AlertLevel.WARNING)
    if rank(found.level) < rank(before.level):
        level = AlertLevel.INFO
    text = f"the strategy of {book.name} is {found.level}, was {before.level}{why}"
    turn.alert(level, f"HEALTH_{found.level}", text, (book.name, ""))
    if found.level is HealthLevel.CRITICAL:
        _stop(turn, book)
    breaker.review(turn)


def judge_anew(turn: Turn, book: Book, why: str) -> None:
    """Forget the judgement so far: from now on only trades that close later count."""
    before = turn.state.health.get(book.name, Health())
    turn.state.health[book.name] = Health(HealthLevel.HEALTHY, turn.ts, (), turn.ts)
    _record(turn, book, before, Judgement(HealthLevel.HEALTHY, (f"judged anew, {why}",), {}))


def judge(results: Sequence[TradeResult], config: HealthConfig) -> Judgement:
    """The health after these trades, oldest first: the worst of what was found after each of the last ones."""
    findings, numbers = assess(results, config)
    worst, wins = findings, 0
    for end in range(len(results) - 1, 0, -1):
        wins += results[end].pnl > 0
        if wins >= RECOVERY_WINS:
            break
        earlier = assess(results[:end], config)[0]
        if rank(_worst(earlier)) > rank(_worst(worst)):
            worst = earlier
    ordered = sorted(worst, key=lambda finding: -rank(finding.level))
    return Judgement(_worst(worst), tuple(finding.text for finding in ordered), numbers)


def assess(results: Sequence[TradeResult], config: HealthConfig) -> tuple[list[Finding], dict[str, float | None]]:
    """What is wrong after the last of these trades, without looking back at earlier judgements."""
    numbers: dict[str, float | None] = {"trades": float(min(len(results), WINDOW))}
    if len(results) < config.least_trades:
        return list(_losses_in_a_row(results, config, numbers)), numbers
    seen = results[-WINDOW:]
    findings = [
        *_win_rate(seen, config, numbers),
        *_sharpe(seen, numbers),
        *_expectancy(results, config, numbers),
        *_losses_in_a_row(results, config, numbers),
        *_slippage(seen, config, numbers),
        *_drift(results[-DRIFT_WINDOW:], config, numbers),
    ]
    return findings, numbers


def _worst(findings: Sequence[Finding]) -> HealthLevel:
    return max((finding.level for finding in findings), key=rank, default=HealthLevel.HEALTHY)


def _win_rate(seen: Sequence[TradeResult], config: HealthConfig, numbers: dict[str, float | None]) -> Iterator[Finding]:
    wins, limit = sum(result.pnl > 0 for result in seen), Fraction(str(config.win_rate))
    rate = Fraction(wins, len(seen))
    numbers["win_rate"] = float(rate)
    if rate < limit + _WATCH and limit:
        level = HealthLevel.CRITICAL if rate < limit else HealthLevel.MINOR
        yield Finding(level, f"won {wins} of {len(seen)} trades, {_percent(rate)}, critical below {_percent(limit)}")


def _sharpe(seen: Sequence[TradeResult], numbers: dict[str, float | None]) -> Iterator[Finding]:
    mean, deviation = _moments([float(result.return_pct) for result in seen])
    sharpe = mean / deviation if deviation else None
    numbers["sharpe"] = sharpe
    if sharpe is not None and sharpe < 0:
        yield Finding(HealthLevel.MODERATE, f"returns of {len(seen)} trades over their deviation are {sharpe:.2f}")


def _expectancy(
    results: Sequence[TradeResult], config: HealthConfig, numbers: dict[str, float | None]
) -> Iterator[Finding]:
    seen = results[-WINDOW:]
    in_r = sum(result.r_multiple is not None for result in seen) >= config.least_trades
    values = _values(seen, in_r)
    mean, deviation = _moments(values)
    t = mean / (deviation / math.sqrt(len(values))) if deviation else None
    numbers["expectancy_r"] = mean if in_r else None
    numbers["t_statistic"] = t
    if mean >= 0:
        return
    before = _values(results[-2 * WINDOW : -WINDOW], in_r)
    level, how = HealthLevel.MINOR, "is"
    if len(before) >= config.least_trades and _moments(before)[0] > 0:
        level, how = HealthLevel.MODERATE, "was positive and is"
    if t is None or t <= _COLLAPSE_T:
        level, how = HealthLevel.SEVERE, "has collapsed to"
    text = f"{mean:.2f} R" if in_r else f"{mean:.2f} %"
    sure = "" if t is None else f" (t {t:.1f})"
    yield Finding(level, f"the expectancy of {len(values)} trades {how} {text}{sure}")


def _losses_in_a_row(
    results: Sequence[TradeResult], config: HealthConfig, numbers: dict[str, float | None]
) -> Iterator[Finding]:
    count = next((n for n, result in enumerate(reversed(results)) if result.pnl >= 0), len(results))
    numbers["losses_in_a_row"] = float(count)
    most = config.losses_in_a_row
    ladder = ((2 * most, HealthLevel.CRITICAL), (most, HealthLevel.SEVERE), (-(-2 * most // 3), HealthLevel.MINOR))
    level = next((level for least, level in ladder if count >= least), None)
    if level is not None:
        yield Finding(level, f"{count} losses in a row, severe from {most} on")


def _slippage(seen: Sequence[TradeResult], config: HealthConfig, numbers: dict[str, float | None]) -> Iterator[Finding]:
    known = [result.slippage for result in seen if result.slippage is not None]
    numbers["slippage"] = None
    if len(known) < _LEAST_SLIPPAGES:
        return
    mean, limit = sum(known, Decimal(0)) / len(known), Decimal(str(config.slippage))
    numbers["slippage"] = float(mean)
    if mean > limit:
        level = HealthLevel.SEVERE if mean > 2 * limit else HealthLevel.MODERATE
        text = f"entries lose {100 * mean:.2f} % to the signal's price on average, limit {100 * limit:.2f} %"
        yield Finding(level, text)


def _drift(seen: Sequence[TradeResult], config: HealthConfig, numbers: dict[str, float | None]) -> Iterator[Finding]:
    if config.expected_win_rate is not None:
        expected = config.expected_win_rate
        deviation = math.sqrt(expected * (1 - expected))
        shortfall = cusum([(expected - (result.pnl > 0)) / deviation for result in seen])
        numbers["cusum_win_rate"] = shortfall
        yield from _drifted(shortfall, f"wins fall short of the {100 * expected:.1f} % expected")
    if config.expected_r is not None:
        values = _values(seen, True)
        _, deviation = _moments(values)
        if len(values) >= config.least_trades and deviation:
            shortfall = cusum([(config.expected_r - value) / deviation for value in values])
            numbers["cusum_r"] = shortfall
            yield from _drifted(shortfall, f"results fall short of the {config.expected_r:.2f} R expected")


def cusum(shortfalls: Sequence[float]) -> float:
    """The one-sided cumulative sum of standardised shortfalls: max(0, S + shortfall − 0.25), from 0."""
    total = 0.0
    for shortfall in shortfalls:
        total = max(0.0, total + shortfall - _ALLOWANCE)
    return total


def _drifted(total: float, what: str) -> Iterator[Finding]:
    level = next((level for least, level in _DRIFT if total >= least), None)
    if level is not None:
        yield Finding(level, f"{what} (CUSUM {total:.1f})")


def _values(results: Sequence[TradeResult], in_r: bool) -> list[float]:
    if in_r:
        return [float(result.r_multiple) for result in results if result.r_multiple is not None]
    return [float(result.return_pct) for result in results]


def _moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation, exactly summed; 0 where all are the same, or none."""
    if not values:
        return 0.0, 0.0
    mean = math.fsum(values) / len(values)
    if len(values) < 2 or min(values) == max(values):
        return mean, 0.0
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def _percent(share: Fraction) -> str:
    return f"{float(100 * share):.1f} %"


def _stop(turn: Turn, book: Book) -> None:
    """No more entries of the book; its exits go on."""
    if book.state is not BookState.STOPPED:
        book.state = BookState.STOPPED
        turn.record_book(book)
    cancel_entries(turn, book.name)


def _record(turn: Turn, book: Book, before: Health, found: Judgement) -> None:
    turn.record(
        HealthFact(
            ts=turn.ts,
            book=book.name,
            strategy=book.config.strategy,
            from_level=before.level,
            to_level=found.level,
            causes=found.causes,
            numbers=found.numbers,
            judged_from=turn.state.health[book.name].judged_from,
        )
    )
