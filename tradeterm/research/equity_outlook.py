"""What may become of a book if its next trades are like its last ones: equity, drawdowns, ruin."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from tradeterm.quant import drawdown_distribution, risk_of_ruin_brownian, survival
from tradeterm.quant.equity_fan import AHEAD, LEAST_TRADES, EquityFan, equity_fan, trade_returns
from tradeterm.quant.ruin import QUANTILES
from tradeterm.quant.simulation import Estimate

SHARES = (0.02, 0.05, 0.10, 0.25, 0.50, 1.00)


class Drawdown(Struct, frozen=True):
    """A quantile of the largest drawdown, a fraction of the peak, and of the trades from its deepest point back to the
    peak; None where no path got back."""

    quantile: float
    drawdown: float
    recovery: float | None


class Surviving(Struct, frozen=True):
    """The probability that this capital is not lost whole, at the present size of trades."""

    capital: float
    probability: float
    standard_error: float


class EquityOutlook(Struct, frozen=True, kw_only=True):
    """`ruin` is the probability of losing `loss` of the equity within AHEAD trades of the present size, `ruin_ever` of
    ever losing it, by the closed form, None where it has no value. `recovered` is the share of the paths that are back
    at their peak after the largest drawdown.
    """

    fan: EquityFan
    loss: float
    ruin: Estimate
    ruin_ever: float | None
    drawdowns: tuple[Drawdown, ...]
    recovered: Estimate
    capitals: tuple[Surviving, ...]


def equity_outlook(
    equity: float, pnl: Sequence[float], *, drawdown_limit: float, loss: float = 0.5, paths: int = 1000, seed: int = 0
) -> EquityOutlook | str:
    """`pnl` are the closed trades in money, oldest first, `equity` what is there after them; or why there is no answer.

    Raises ValueError for a limit or a loss outside 0 to 1.
    """
    if not 0 < loss < 1:
        raise ValueError(f"the loss that is ruin must lie between 0 and 1, not {loss}")
    if len(pnl) < LEAST_TRADES:
        return f"not enough data: {len(pnl)} of {LEAST_TRADES} trades"
    returns = trade_returns(equity, pnl) if equity > 0 else None
    fan = None if returns is None else equity_fan(equity, pnl, drawdown_limit, paths=paths, seed=seed)
    if returns is None or fan is None:
        return "no answer: the equity was not above zero all the time"
    deep = drawdown_distribution(returns, AHEAD, paths, seed=seed)
    kept = survival([equity], pnl, AHEAD, paths, floor=equity * (1 - loss), seed=seed)
    lasting = survival([equity * share for share in SHARES], pnl, AHEAD, paths, seed=seed)
    return EquityOutlook(
        fan=fan,
        loss=loss,
        ruin=Estimate(1 - float(kept.probability[0]), float(kept.standard_error[0])),
        ruin_ever=_ruin_ever(equity * loss, pnl),
        drawdowns=tuple(
            Drawdown(quantile, drawdown, recovery if np.isfinite(recovery) else None)
            for quantile, drawdown, recovery in zip(
                QUANTILES, deep.max_drawdown.tolist(), deep.recovery.tolist(), strict=True
            )
        ),
        recovered=deep.recovered,
        capitals=tuple(
            Surviving(*row)
            for row in zip(
                lasting.capitals.tolist(), lasting.probability.tolist(), lasting.standard_error.tolist(), strict=True
            )
        ),
    )


def _ruin_ever(money: float, pnl: Sequence[float]) -> float | None:
    """By the mean and the deviation of the trades. Not by win rate and payoff, which leave out how losses vary and
    would promise more than the resampled trades do."""
    trades = np.asarray(pnl, dtype=np.float64)
    if trades.min() >= 0:
        return None
    return risk_of_ruin_brownian(float(trades.mean()), float(trades.std(ddof=1)), money)
