"""What the figures of a backtest are called, what they are measured in, and what they mean."""

from enum import StrEnum
from typing import NamedTuple


class Unit(StrEnum):
    """FRACTION: 0.1 is 10 %. TIME: UTC ms. DURATION: ms. R: multiples of the risk taken. PER_YEAR: times a year."""

    FRACTION = "fraction"
    RATIO = "ratio"
    MONEY = "money"
    COUNT = "count"
    TIME = "time"
    DURATION = "duration"
    R = "R"
    PER_YEAR = "per_year"


class Group(StrEnum):
    """What a figure is about, in the order they are shown."""

    RETURN = "return"
    DRAWDOWN = "drawdown"
    TRADES = "trades"
    EXPOSURE = "exposure"
    COSTS = "costs"
    LUCK = "luck"


class Figure(NamedTuple):
    """One figure; None is "no value". `buy_and_hold` and `equal_weight` are the same figure of those benchmarks, None
    too where it means nothing there. `name` is its key in JSON, `label` what people read."""

    name: str
    value: float | None
    unit: Unit
    definition: str
    label: str
    group: Group
    buy_and_hold: float | None = None
    equal_weight: float | None = None


class Definition(NamedTuple):
    """A figure before it has a value."""

    name: str
    label: str
    unit: Unit
    group: Group
    text: str


def _group(group: Group, *rows: tuple[str, str, Unit, str]) -> tuple[Definition, ...]:
    return tuple(Definition(name, label, unit, group, text) for name, label, unit, text in rows)


DEFINITIONS: tuple[Definition, ...] = (
    *_group(
        Group.RETURN,
        ("final_equity", "Final equity", Unit.MONEY, "capital and everything earned and paid since"),
        ("total_return", "Total return", Unit.FRACTION, "final equity / capital - 1"),
        ("cagr", "CAGR", Unit.FRACTION, "total return as growth a year of calendar time; misleads under one year"),
        ("volatility", "Volatility", Unit.FRACTION, "sample deviation of daily returns, annualised"),
        ("sharpe", "Sharpe", Unit.RATIO, "mean / sample deviation of daily returns, annualised; risk-free rate 0"),
        ("sortino", "Sortino", Unit.RATIO, "mean / downside deviation (over all days) of daily returns, annualised"),
        ("calmar", "Calmar", Unit.RATIO, "CAGR / largest drawdown"),
        ("best_day", "Best day", Unit.FRACTION, "highest daily return"),
        ("worst_day", "Worst day", Unit.FRACTION, "lowest daily return"),
        ("tail_ratio", "Tail ratio", Unit.RATIO, "95 % quantile / 5 % quantile of daily returns, the loss as positive"),
        ("skew", "Skew", Unit.RATIO, "third standardised moment of daily returns; below 0: the large days are losses"),
        ("kurtosis", "Kurtosis", Unit.RATIO, "fourth standardised moment of daily returns; normal: 3"),
        (
            "market_correlation",
            "Correlation with market",
            Unit.RATIO,
            "of daily returns with those of buying and holding",
        ),
    ),
    *_group(
        Group.DRAWDOWN,
        ("max_drawdown", "Max drawdown", Unit.FRACTION, "deepest fall of daily equity from its highest so far"),
        ("drawdown_start", "Its peak", Unit.TIME, "when equity was last at that high"),
        ("drawdown_bottom", "Its bottom", Unit.TIME, "when equity was lowest"),
        ("drawdown_recovery", "Its recovery", Unit.TIME, "when equity was back at that high; none while it is open"),
        ("drawdown_fall", "Time to the bottom", Unit.DURATION, "from peak to bottom"),
        ("drawdown_climb", "Time to recover", Unit.DURATION, "from bottom to recovery; none while it is open"),
        ("longest_drawdown", "Longest drawdown", Unit.DURATION, "longest time from a peak back to it; open ones count"),
        ("recovery_factor", "Recovery factor", Unit.RATIO, "total return / largest drawdown"),
    ),
    *_group(
        Group.TRADES,
        ("trades", "Trades", Unit.COUNT, "closed round trips; all below is net of costs"),
        ("win_rate", "Win rate", Unit.FRACTION, "share of trades that gained, of all"),
        ("payoff", "Payoff", Unit.RATIO, "average gain of a winner / average loss of a loser"),
        ("profit_factor", "Profit factor", Unit.RATIO, "sum of gains / sum of losses"),
        ("expectancy", "Expectancy", Unit.MONEY, "average profit of a trade"),
        (
            "expectancy_r",
            "Expectancy in R",
            Unit.R,
            "average of profit / loss at the initial stop; only trades with one",
        ),
        ("best_trade", "Best trade", Unit.MONEY, "largest profit of a trade"),
        ("worst_trade", "Worst trade", Unit.MONEY, "smallest profit, or largest loss, of a trade"),
        ("win_streak", "Winners in a row", Unit.COUNT, "at most"),
        ("loss_streak", "Losers in a row", Unit.COUNT, "at most"),
        ("average_duration", "Average duration", Unit.DURATION, "from entry to exit; inside a bar: to its close"),
        ("median_duration", "Median duration", Unit.DURATION, "half of the trades were shorter"),
    ),
    *_group(
        Group.EXPOSURE,
        ("time_in_market", "Time in market", Unit.FRACTION, "share of the period with at least one position open"),
        ("mean_gross", "Mean gross exposure", Unit.FRACTION, "notional at entry, averaged over time / mean equity"),
        ("turnover", "Turnover", Unit.PER_YEAR, "money bought and sold in a year / mean equity"),
    ),
    *_group(
        Group.COSTS,
        ("gross", "Before costs", Unit.MONEY, "profit at the prices before slippage, without fees and funding"),
        ("slippage", "Slippage", Unit.MONEY, "lost between those prices and the fills"),
        ("fees", "Fees", Unit.MONEY, "paid on both fills"),
        ("funding", "Funding", Unit.MONEY, "paid at settlements; below 0: received"),
        ("net", "Net profit", Unit.MONEY, "before costs - slippage - fees - funding"),
    ),
    *_group(
        Group.LUCK,
        (
            "probabilistic_sharpe",
            "Probabilistic Sharpe",
            Unit.FRACTION,
            "probability that the true Sharpe ratio is above 0, of one strategy alone (Bailey, López de Prado 2012)",
        ),
        (
            "deflated_sharpe",
            "Deflated Sharpe",
            Unit.FRACTION,
            "the same above what the best of all variants tried shows by luck (Bailey, López de Prado 2014)",
        ),
        (
            "minimum_track_record",
            "Days needed",
            Unit.COUNT,
            "daily returns after which such a Sharpe ratio is above 0 at 95 %; none if it is not above 0",
        ),
    ),
)
