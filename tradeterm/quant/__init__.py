"""Numbers of risk and return: pure functions on float64 arrays, oldest first. They know nothing of trading.

NaN (or None) is "no value", never 0. Wrong use is a ValueError of one sentence. No input is changed. Whatever is random
takes a seed. The modules hold the formulas, their sources and their units.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tradeterm.quant.bootstrap import BlockLengths, BlockMethod, block_bootstrap, optimal_block
from tradeterm.quant.correlation import (
    Heat,
    NearestPsd,
    Shrunk,
    aligned_log_returns,
    covariance_with_portfolio,
    diversification_ratio,
    effective_bets,
    ewma_covariance,
    groups,
    heat,
    ledoit_wolf,
    nearest_psd,
    pearson,
    portfolio_volatility,
    risk_shares,
    spearman,
)
from tradeterm.quant.expectancy import Expectancy, expectancy, wilson
from tradeterm.quant.garch import GarchFit, GarchParameters, fit_garch, garch_refusal
from tradeterm.quant.hmm import HmmFit, fit_hmm, hmm_refusal
from tradeterm.quant.impact import AlmgrenImpact, almgren_impact, outside_fit, sqrt_impact
from tradeterm.quant.kelly import kelly_continuous, kelly_fraction, kelly_from_trades, kelly_optimum, shrunk
from tradeterm.quant.performance import Performance, TradeStatistics, drawdown_series, performance, trade_statistics
from tradeterm.quant.ranks import RankIcSummary, rank_ic, summarise_rank_ic
from tradeterm.quant.regimes import classify, code_of, hmm_labels, persist, regime_of
from tradeterm.quant.simulation import Band, Estimate, Seed, Simulation, Summary, first_touch
from tradeterm.quant.stress import (
    CorrelationOne,
    FlashCrash,
    LiquidityCrisis,
    PositionLoss,
    Replay,
    Scenario,
    StressPosition,
    StressResult,
    VenueOutage,
    stress,
)
from tradeterm.quant.volatility import close_to_close, ewma_variance, ewma_volatility

if TYPE_CHECKING:
    from tradeterm.quant.barriers import FirstPassage, brownian_touch, first_passage, prob_above, prob_touch
    from tradeterm.quant.events import CalendarEntry, Headline, Impact, Jumps, NewsEffect, event_paths, news_effect
    from tradeterm.quant.montecarlo import CorrelatedPaths, correlated_paths, garch_paths, gbm_paths, regime_paths
    from tradeterm.quant.options import (
        PER_DAY,
        PER_POINT,
        Greeks,
        black76_greeks,
        black76_implied_vol,
        black76_price,
        bs_greeks,
        bs_price,
        implied_vol,
        parity_forward,
        parity_gap,
        parity_holds,
        unreliable_vol,
        years,
    )
    from tradeterm.quant.ruin import (
        DrawdownDistribution,
        Sizing,
        Survival,
        drawdown_distribution,
        kelly_drawdown,
        risk_of_ruin,
        risk_of_ruin_brownian,
        survival,
    )
    from tradeterm.quant.significance import (
        PboResult,
        SharpeSample,
        deflated_sharpe,
        expected_max_sharpe,
        minimum_track_record,
        pbo_cscv,
        probabilistic_sharpe,
    )
    from tradeterm.quant.tail import (
        RiskComponents,
        TailRisk,
        VarChange,
        component_var,
        portfolio_returns,
        var_after,
        var_cvar,
    )
    from tradeterm.quant.tail_tests import (
        Christoffersen,
        Kupiec,
        TrafficLight,
        Zone,
        christoffersen,
        kupiec,
        traffic_light,
    )

__all__ = [
    "PER_DAY",
    "PER_POINT",
    "AlmgrenImpact",
    "Band",
    "BlockLengths",
    "BlockMethod",
    "CalendarEntry",
    "Christoffersen",
    "CorrelatedPaths",
    "CorrelationOne",
    "DrawdownDistribution",
    "Estimate",
    "Expectancy",
    "FirstPassage",
    "FlashCrash",
    "GarchFit",
    "GarchParameters",
    "Greeks",
    "Headline",
    "Heat",
    "HmmFit",
    "Impact",
    "Jumps",
    "Kupiec",
    "LiquidityCrisis",
    "NearestPsd",
    "NewsEffect",
    "PboResult",
    "Performance",
    "PositionLoss",
    "RankIcSummary",
    "Replay",
    "RiskComponents",
    "Scenario",
    "Seed",
    "SharpeSample",
    "Shrunk",
    "Simulation",
    "Sizing",
    "StressPosition",
    "StressResult",
    "Summary",
    "Survival",
    "TailRisk",
    "TradeStatistics",
    "TrafficLight",
    "VarChange",
    "VenueOutage",
    "Zone",
    "aligned_log_returns",
    "almgren_impact",
    "black76_greeks",
    "black76_implied_vol",
    "black76_price",
    "block_bootstrap",
    "brownian_touch",
    "bs_greeks",
    "bs_price",
    "christoffersen",
    "classify",
    "close_to_close",
    "code_of",
    "component_var",
    "correlated_paths",
    "covariance_with_portfolio",
    "deflated_sharpe",
    "diversification_ratio",
    "drawdown_distribution",
    "drawdown_series",
    "effective_bets",
    "event_paths",
    "ewma_covariance",
    "ewma_variance",
    "ewma_volatility",
    "expectancy",
    "expected_max_sharpe",
    "first_passage",
    "first_touch",
    "fit_garch",
    "fit_hmm",
    "garch_paths",
    "garch_refusal",
    "gbm_paths",
    "groups",
    "heat",
    "hmm_labels",
    "hmm_refusal",
    "implied_vol",
    "kelly_continuous",
    "kelly_drawdown",
    "kelly_fraction",
    "kelly_from_trades",
    "kelly_optimum",
    "kupiec",
    "ledoit_wolf",
    "minimum_track_record",
    "nearest_psd",
    "news_effect",
    "optimal_block",
    "outside_fit",
    "parity_forward",
    "parity_gap",
    "parity_holds",
    "pbo_cscv",
    "pearson",
    "performance",
    "persist",
    "portfolio_returns",
    "portfolio_volatility",
    "prob_above",
    "prob_touch",
    "probabilistic_sharpe",
    "rank_ic",
    "regime_of",
    "regime_paths",
    "risk_of_ruin",
    "risk_of_ruin_brownian",
    "risk_shares",
    "shrunk",
    "spearman",
    "sqrt_impact",
    "stress",
    "summarise_rank_ic",
    "survival",
    "trade_statistics",
    "traffic_light",
    "unreliable_vol",
    "var_after",
    "var_cvar",
    "wilson",
    "years",
]

_NEED_SCIPY = ("barriers", "events", "montecarlo", "options", "ruin", "significance", "tail", "tail_tests")
"""Imported when a name of theirs is first used: scipy.special alone takes 0.2 s."""


if not TYPE_CHECKING:  # to a type checker it would promise that every name exists

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        for module in _NEED_SCIPY:
            home = vars(import_module(f"{__name__}.{module}"))
            globals().update({public: home[public] for public in __all__ if public in home})
        return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
