"""In which markets does a strategy earn?"""

from msgspec import Struct

from tradeterm.research.honesty.summary import count
from tradeterm.research.metrics import By, Row, breakdown
from tradeterm.research.regimes import Regimes
from tradeterm.research.result import LEAST_TRADES
from tradeterm.research.study import Study, run

UNKNOWN = "UNKNOWN"


class ByRegime(Struct, frozen=True):
    """The trades by the regime of their instrument as it was known when they were decided, most trades first; UNKNOWN
    where there was none."""

    rows: tuple[Row, ...]
    sentence: str


def by_regime(study: Study) -> ByRegime:
    """Run the study and split its trades by the rule-based regime at entry, the one that sizes them."""
    result = run(study)
    models = Regimes(result.simulation.market)
    trades = result.trades
    known = [models.at(*at).regime for at in zip(trades.instrument.tolist(), trades.signal_row.tolist(), strict=True)]
    words = [UNKNOWN if regime is None else regime.value for regime in known]
    rows = breakdown(result, By.REGIME, regimes=words)
    return ByRegime(rows, _sentence(rows, study.book.currency))


def _sentence(rows: tuple[Row, ...], currency: str) -> str:
    if not rows:
        return "It made no trade in any regime."
    earning, losing = [row for row in rows if row.net > 0], [row for row in rows if row.net < 0]
    text = f"It earns in {len(earning)} of {count(len(rows), 'regime')}"
    if earning:
        best = max(earning, key=lambda row: row.net)
        text += f", most in {best.key} ({best.net:+,.2f} {currency} in {count(best.trades, 'trade')})"
    if losing:
        worst = min(losing, key=lambda row: row.net)
        text += f", and loses most in {worst.key} ({worst.net:+,.2f} {currency} in {count(worst.trades, 'trade')})"
    few = [row.key for row in rows if row.trades < LEAST_TRADES]
    return f"{text}; fewer than {LEAST_TRADES} trades, which prove nothing, in {', '.join(few)}." if few else f"{text}."
