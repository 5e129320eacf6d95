"""What the models found that is not the desk's business but a screen's, as rows of the ledger."""

from collections.abc import Iterator

from tradeterm.domain.facts import CorrelationFact, FanFact, StressFact
from tradeterm.domain.market import DAY_MS
from tradeterm.quant.equity_fan import QUANTILES, EquityFan
from tradeterm.quant.risk_inputs import RiskInputs
from tradeterm.quant.risk_outputs import RiskOutputs, Stressed, Together

_DIGITS = 4  # of a correlation: a hundred names are a matrix of ten thousand

ModelFact = CorrelationFact | StressFact | FanFact


class ModelFacts:
    """Tells what is new: a refresh finds the same where nothing was traded, and rows are never pruned.

    The correlation is told once a day and when its groups change. All scenarios of a book are told together.

    A fan's numbers: trades (how many there are, of the 30 it needs: without them there is no fan); profit and deep, the
    probabilities of having more than now after the last step and of a drawdown beyond the book's limit on the way;
    profit_se and deep_se, their standard errors; drawdown_50, drawdown_95 and drawdown_99, quantiles of the largest.
    """

    def __init__(self) -> None:
        self._correlation: tuple[int, tuple[str, ...], tuple[int, ...]] | None = None
        self._stress: dict[str, tuple[Stressed, ...]] = {}
        self._fans: dict[str, tuple[int, EquityFan | None]] = {}

    def new(self, ts: int, inputs: RiskInputs, outputs: RiskOutputs) -> list[ModelFact]:
        return [
            *self._new_correlation(ts, outputs.together),
            *self._new_stress(ts, outputs),
            *self._new_fans(ts, inputs, outputs),
        ]

    def _new_correlation(self, ts: int, found: Together) -> Iterator[ModelFact]:
        told = (ts // DAY_MS, found.instruments, found.groups)
        if found.instruments and told != self._correlation:
            self._correlation = told
            yield CorrelationFact(
                ts=ts,
                instruments=found.instruments,
                correlation=tuple(tuple(round(value, _DIGITS) for value in row) for row in found.correlation),
                groups=found.groups,
                observations=found.observations,
            )

    def _new_stress(self, ts: int, outputs: RiskOutputs) -> Iterator[ModelFact]:
        for book in outputs.risk:
            results = tuple(result for result in outputs.stress if result.book == book)
            if results == self._stress.get(book):
                continue
            self._stress[book] = results
            for result in results:
                yield StressFact(
                    ts=ts,
                    book=book,
                    scenario=result.scenario,
                    loss=result.loss,
                    share=result.share,
                    assumptions=result.assumptions,
                )

    def _new_fans(self, ts: int, inputs: RiskInputs, outputs: RiskOutputs) -> Iterator[ModelFact]:
        for book in inputs.books:
            fan, trades = outputs.fans[book.name], len(book.trades)
            if (trades, fan) == self._fans.get(book.name):
                continue
            self._fans[book.name] = (trades, fan)
            yield _fan_fact(ts, book.name, trades, fan)


def _fan_fact(ts: int, book: str, trades: int, fan: EquityFan | None) -> FanFact:
    if fan is None:
        return FanFact(ts=ts, book=book, steps=(), bands={}, paths=0, seed=0, numbers={"trades": float(trades)})
    middle, high, extreme = fan.drawdowns
    return FanFact(
        ts=ts,
        book=book,
        steps=fan.steps,
        bands={f"{level:.2f}": band for level, band in zip(QUANTILES, fan.bands, strict=True)},
        paths=fan.paths,
        seed=fan.seed,
        numbers={
            "trades": float(trades),
            "profit": fan.profit.probability,
            "profit_se": fan.profit.standard_error,
            "deep": fan.deep.probability,
            "deep_se": fan.deep.standard_error,
            "drawdown_50": middle,
            "drawdown_95": high,
            "drawdown_99": extreme,
        },
    )
