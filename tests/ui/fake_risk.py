"""The frozen desk with everything the risk engine finds: two books, one of them ill, a breaker that is overridden."""

import math
from collections.abc import Sequence
from decimal import Decimal

import msgspec
from fake_console import (
    BOOK,
    MINUTE,
    NOW,
    TICKS,
    FakeConsole,
    at,
    busy_view,
    instrument,
)

from tradeterm.domain.facts import (
    BreakerFact,
    CorrelationFact,
    EquityPoint,
    FanFact,
    HealthFact,
    RegimeFact,
    RiskSnapshotFact,
    SignalFact,
    SizeFactors,
    StressFact,
)
from tradeterm.domain.states import BookState, BreakerLevel, HealthLevel, Regime
from tradeterm.domain.view import DeskView, GroupView, HealthView, LimitView, RateView, RegimeView, RiskView

D = Decimal
HOUR = 60 * MINUTE
COINS = tuple(TICKS)
OTHER = "momentum"

SIZES = {
    "s6": SizeFactors(
        (
            ("sizing", "0.25 Kelly over 45 trades"),
            ("risk per trade", "0.00610000"),
            ("risk", "17.52140000"),
            ("position cap", "5.74520000"),
            ("capital", "43.66100000"),
            ("leverage", "101.24800000"),
            ("largest order", "576.10000000"),
            ("2% of equity", "57.44720000"),
            ("× with the trend", "1.30000000"),
            ("× volatility", "0.84000000"),
            ("× drawdown", "0.92000000"),
            ("× health healthy", "1.00000000"),
            ("× breaker alert", "0.50000000"),
            ("× verdict", "1.00000000"),
            ("lot", "2.885"),
        ),
        "position cap",
    ),
    "s7": SizeFactors(
        (
            ("sizing", "exploring: 12 of 30 trades"),
            ("risk per trade", "0.00500000"),
            ("risk", "43.82000000"),
            ("position cap", "49.80000000"),
            ("× regime chop", "0.40000000"),
            ("lot", "17.53"),
        ),
        "risk",
    ),
    "s8": SizeFactors((("sizing", "edge is negative over 45 trades: no size"), ("risk per trade", "0E-8"),
                       ("risk", "0E-8"), ("position cap", "0.124"), ("lot", "0")), "edge is negative over 45 trades"),
}  # fmt: skip

CORRELATION = CorrelationFact(
    ts=at("18:00"),
    instruments=tuple(instrument(coin) for coin in COINS),
    correlation=(
        (1.0, 0.87, 0.74, 0.41, 0.55, 0.12),
        (0.87, 1.0, 0.71, 0.48, 0.52, 0.08),
        (0.74, 0.71, 1.0, 0.33, 0.36, -0.07),
        (0.41, 0.48, 0.33, 1.0, 0.78, -0.44),
        (0.55, 0.52, 0.36, 0.78, 1.0, 0.03),
        (0.12, 0.08, -0.07, -0.44, 0.03, 1.0),
    ),
    groups=(0, 0, 0, 1, 1, 2),
    observations=505,
)

STRESS = tuple(
    StressFact(ts=at("18:00"), book=book, scenario=name, loss=loss * part, share=share * part, assumptions=text)
    for book, part in (("", 1.0), (BOOK, 0.8))
    for name, loss, share, text in (
        ("flash crash -30%", 7178.4, 0.0720, "Every price falls by 30% at once; stops are filled after the fall."),
        ("liquidity crisis", 1432.9, 0.0144, "Everything is closed at once: spread 0.10% x 5, volume x 0.2."),
        ("correlation one", 3127.0, 0.0314, "All names fall together by 3 deviations of 1 days."),
        ("venue outage", 1961.5, 0.0197, "No order reaches the venue for 4 bar(s), stops held there included."),
        ("2020-03-12", 10210.3, 0.1024, "The returns of that day."),
        ("2021-05-19", -212.2, -0.0021, "The returns of that day."),
    )
)

FAN = FanFact(
    ts=at("18:00"),
    book=BOOK,
    steps=tuple(range(0, 101, 10)),
    bands={
        f"{level:.2f}": tuple(99_712.4 * (1 + 6e-4 * step + z * 6e-3 * math.sqrt(step)) for step in range(0, 101, 10))
        for level, z in ((0.05, -1.64), (0.25, -0.67), (0.5, 0.0), (0.75, 0.67), (0.95, 1.64))
    },
    paths=1000,
    seed=20184,
    numbers={
        "trades": 45.0, "profit": 0.834, "profit_se": 0.0118, "deep": 0.041, "deep_se": 0.0063,
        "drawdown_50": 0.031, "drawdown_95": 0.074, "drawdown_99": 0.097,
    },
)  # fmt: skip
NO_FAN = FanFact(ts=at("18:00"), book=OTHER, steps=(), bands={}, paths=0, seed=0, numbers={"trades": 12.0})


def _snapshot(book: str, hour: int, hours: int) -> RiskSnapshotFact:
    """An hour of a week whose VaR breathes; the equity falls hard once, two days before its end."""
    ago = hours - 1 - hour
    var = 0.019 + 0.006 * math.sin(hour / 17) + (0.004 if ago < 40 else 0.0)
    fall = 0.034 * max(0.0, min(1.0, (hour - (hours - 58)) / 8))
    equity = 99_712.4 * (1.03 + 0.004 * math.sin(hour / 9) - fall)
    tails = {"_historical": 1.13, "_student_t": 1.08, "_filtered": 0.94, "_monte_carlo": 1.02, "": 1.0}
    values: dict[str, float | None] = {"equity": equity, "rows": 505.0}
    for suffix, times in tails.items():
        values |= {
            f"var_95{suffix}": var * times * 0.71, f"cvar_95{suffix}": var * times * 0.89,
            f"var_99{suffix}": var * times, f"cvar_99{suffix}": var * times * 1.15,
        }  # fmt: skip
    values |= {f"component_var_99/{instrument(coin)}": var / 3 for coin in ("BTC", "ETH", "BNB")}
    past = ago <= 40
    values |= {"days": float(hour // 24), "hits_95": 1.0 + past, "hits_99": float(past)}
    values |= dict.fromkeys(("kupiec_95", "kupiec_99", "christoffersen_95", "christoffersen_99"))
    return RiskSnapshotFact(ts=at("18:00") - ago * HOUR, book=book, values=values)


SNAPSHOTS = {book: tuple(_snapshot(book, hour, 168) for hour in range(167, -1, -1)) for book in ("", BOOK)}
UNKNOWN_TAIL = RiskSnapshotFact(
    ts=at("18:00"), book=OTHER, values={"equity": 40_000.0, "rows": 41.0, "var_99": None, "days": 0.0}
)


def _regimes() -> tuple[RegimeFact, ...]:
    turns = (Regime.RANGE, Regime.TREND_UP, Regime.CHOP, Regime.TREND_DOWN, Regime.VOLATILE)
    facts = []
    for place, coin in enumerate(COINS[:-1]):
        for turn in range(7):
            ts = NOW - (7 - turn) * (3 + place % 3) * HOUR - place * 11 * MINUTE
            regime = turns[(turn * (place + 1) + place) % len(turns)]
            facts.append(RegimeFact(ts=ts, instrument=instrument(coin), regime=regime, numbers={"adx": 27.0}))
    return tuple(sorted(facts, key=lambda fact: -fact.ts))


REGIMES = _regimes()
MULTIPLIERS = {Regime.TREND_UP: 1.3, Regime.TREND_DOWN: 1.3, Regime.RANGE: 0.8, Regime.CHOP: 0.4, Regime.VOLATILE: 0.3}


def _regime_view(place: int, coin: str) -> RegimeView:
    newest = next((fact for fact in REGIMES if fact.instrument == instrument(coin)), None)
    if newest is None or newest.regime is None:
        return RegimeView(instrument=instrument(coin), regime=None, since=None, volatility=None, multiplier=0.4)
    return RegimeView(
        instrument=newest.instrument, regime=newest.regime, since=newest.ts, volatility=0.47 + 0.11 * place,
        multiplier=MULTIPLIERS[newest.regime],
    )  # fmt: skip


BREAKER = (
    BreakerFact(ts=at("18:31"), from_level=BreakerLevel.HALT, to_level=BreakerLevel.ALERT,
                cause="OVERRIDE by sam: venue is slow, I watch it; now 2 orders refused within 10 minutes",
                numbers={"refused": "2", "last": "s7-1t"}, rule="refused", override_until=at("19:31")),
    BreakerFact(ts=at("18:26"), from_level=BreakerLevel.ALERT, to_level=BreakerLevel.HALT,
                cause="paper takes 3.42 s to answer, limit 3 s",
                numbers={"seconds": "3.420", "limit": "3", "measurements": "60"}, rule="latency paper"),
    BreakerFact(ts=at("18:25"), from_level=BreakerLevel.CLOSED, to_level=BreakerLevel.ALERT,
                cause="paper takes 0.61 s to answer, limit 0.5 s",
                numbers={"seconds": "0.610", "limit": "0.5", "measurements": "60"}, rule="latency paper"),
    BreakerFact(ts=at("16:30"), from_level=BreakerLevel.ALERT, to_level=BreakerLevel.CLOSED,
                cause="15 minutes without a cause", numbers={}),
    BreakerFact(ts=at("15:45"), from_level=BreakerLevel.CLOSED, to_level=BreakerLevel.ALERT,
                cause="mean slippage of 3 orders is 0.14 %, limit 0.10 %",
                numbers={"slippage": "0.0014", "limit": "0.001", "orders": "3"}, rule="slippage"),
)  # fmt: skip

HEALTH = (
    HealthFact(ts=at("17:20"), book=OTHER, strategy="eos", from_level=HealthLevel.MINOR,
               to_level=HealthLevel.MODERATE, causes=("mean over deviation is -0.12",), numbers={"sharpe": -0.12}),
)  # fmt: skip


def risk_view() -> DeskView:
    view = busy_view()
    crypto = view.books[0]
    other = msgspec.structs.replace(
        crypto, book=OTHER, state=BookState.PAUSED, equity=D("40120.00"), cash=D("40120.00"), capital=D(40_000),
        unrealized_pnl=D(0), realized_pnl=D(120), day_pnl=D("-61.20"), drawdown=D("0.0312"), exposure=D(0),
        open_positions=0, trades=12, wins=5,
    )  # fmt: skip
    desk = (
        LimitView(name="VaR 99", book="", value=2.71, limit=10.0, unit="%"),
        LimitView(name="heat", book="", value=0.61, limit=6.0, unit="%"),
        LimitView(name="gross", book="", value=24.0, limit=200.0, unit="%"),
        LimitView(name="one-sided", book="", value=31.0, limit=50.0, unit="%"),
        LimitView(name="largest asset", book="", value=9.9, limit=40.0, unit="%"),
        LimitView(name="largest group", book="", value=53.0, limit=60.0, unit="%"),
    )
    others = tuple(msgspec.structs.replace(limit, book=OTHER, value=None) for limit in view.limits[:2])
    health = (
        HealthView(book=BOOK, level=HealthLevel.HEALTHY, causes=(), trades=45, win_rate=0.58, payoff=1.91,
                   expectancy_r=0.31, expectancy_se=0.12, kelly=0.36, risk_fraction=0.0061,
                   sizing="0.25 Kelly over 45 trades"),
        HealthView(book=OTHER, level=HealthLevel.MODERATE, causes=("mean over deviation is -0.12",), trades=12,
                   win_rate=None, payoff=None, expectancy_r=None, expectancy_se=None, kelly=None,
                   risk_fraction=0.005, sizing="exploring: 12 of 30 trades"),
    )  # fmt: skip
    risk = RiskView(
        gross=0.24, net=0.18, heat=0.0061, var_95=0.0192, var_99=0.0271, cvar_99=0.0312,
        regimes=tuple(_regime_view(place, coin) for place, coin in enumerate(COINS)),
        health=health,
        groups=(
            GroupView(name="correlated 1", instruments=CORRELATION.instruments[:3], exposure=0.53, limit=0.6),
            GroupView(name="correlated 2", instruments=CORRELATION.instruments[3:5], exposure=0.04, limit=0.6),
            GroupView(name="layer one", instruments=CORRELATION.instruments[:2], exposure=None, limit=0.5),
        ),
        rates=(RateView(currency="INR", rate=D("0.01168"), ts=NOW - 51 * HOUR),
               RateView(currency="EUR", rate=None, ts=None)),
    )  # fmt: skip
    return msgspec.structs.replace(
        view, books=(crypto, other), limits=(*view.limits, *others, *desk), risk=risk, breaker=BreakerLevel.ALERT,
        breaker_reason=BREAKER[0].cause, breaker_since=at("18:31"), breaker_override_until=at("19:31"),
    )  # fmt: skip


def _lot(fact: SignalFact) -> Decimal | None:
    return D(SIZES[fact.id].factors[-1][1]) if fact.id in SIZES else fact.quantity


class RiskConsole(FakeConsole):
    """Serves what the risk engine wrote."""

    def __init__(self, view: DeskView | None) -> None:
        super().__init__(view)
        self.asked: list[str] = []

    def signals(self, limit: int = 200) -> Sequence[SignalFact]:
        return tuple(
            msgspec.structs.replace(fact, size=SIZES.get(fact.id, fact.size), quantity=_lot(fact))
            for fact in super().signals(limit)
        )

    def equity(self, book: str = "", limit: int = 2000) -> Sequence[EquityPoint]:
        self.asked.append(f"equity {book} {limit}")
        return [msgspec.structs.replace(point, book=book) for point in super().equity(book, limit)]

    def breaker_events(self, limit: int = 50) -> Sequence[BreakerFact]:
        return BREAKER[:limit]

    def risk_snapshots(self, book: str, limit: int = 50) -> Sequence[RiskSnapshotFact]:
        self.asked.append(f"risk_snapshots {book} {limit}")
        return SNAPSHOTS.get(book, (UNKNOWN_TAIL,))[:limit]

    def health_events(self, limit: int = 50) -> Sequence[HealthFact]:
        return HEALTH[:limit]

    def regimes(self, limit: int = 1000) -> Sequence[RegimeFact]:
        self.asked.append(f"regimes {limit}")
        return REGIMES[:limit]

    def correlation(self) -> CorrelationFact | None:
        self.asked.append("correlation")
        return CORRELATION

    def stress_results(self) -> Sequence[StressFact]:
        self.asked.append("stress_results")
        return STRESS

    def fans(self) -> Sequence[FanFact]:
        self.asked.append("fans")
        return (FAN, NO_FAN)


def risky() -> RiskConsole:
    return RiskConsole(risk_view())


def crowd(count: int = 50) -> CorrelationFact:
    """A correlation of many instruments, five to a group."""
    names = tuple(f"C{place:02d}USDT.BINANCE" for place in range(count))
    moves = tuple(
        tuple(1.0 if one == two else 0.9 - 0.002 * two if one // 5 == two // 5 else 0.3 * math.cos(one * two)
              for two in range(count))
        for one in range(count)
    )  # fmt: skip
    return CorrelationFact(
        ts=NOW, instruments=names, correlation=moves, groups=tuple(place // 5 for place in range(count)),
        observations=505,
    )  # fmt: skip
