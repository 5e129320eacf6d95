"""The desk as the risk models see it: what its books hold, own and have earned, at the present marks."""

from collections.abc import Mapping, Sequence

from tradeterm.desk.account import book_equity, book_positions, mark_of
from tradeterm.desk.currency import rate_of
from tradeterm.desk.state import Book, DeskState
from tradeterm.domain.instrument import Instrument
from tradeterm.engine.models.closes import Closes
from tradeterm.engine.models.forecasts import Forecasts
from tradeterm.quant.risk_inputs import BookInputs, Holding, Name, RiskInputs


def risk_inputs(
    state: DeskState,
    instruments: Sequence[Instrument],
    closes: Closes,
    forecasts: Mapping[str, Forecasts],
    *,
    until: int,
    seed: int,
) -> RiskInputs:
    """The market up to `until`, the books as they are now."""
    times, prices, volumes = closes.until(until)
    desk = forecasts.get("", Forecasts())
    return RiskInputs(
        names=tuple(Name(item.id, item.symbol, item.calendar) for item in instruments),
        times=times,
        closes=prices,
        volumes=volumes,
        books=tuple(_book(state, book, forecasts.get(book.name, Forecasts())) for book in state.books.values()),
        desk_hits_95=desk.hits_95,
        desk_hits_99=desk.hits_99,
        group_correlation=state.config.risk.group_correlation,
        seed=seed,
    )


def _book(state: DeskState, book: Book, forecasts: Forecasts) -> BookInputs:
    equity, rate = book_equity(state, book), rate_of(state, book.config.currency)
    holdings = []
    for position in book_positions(state, book.name):
        mark, contract = mark_of(state, position.instrument), state.instruments.get(position.instrument)
        if mark is None or contract is None:
            equity = None  # nobody can say what the book is worth
            continue
        holdings.append(
            Holding(
                instrument=position.instrument,
                quantity=float(position.quantity),
                price=float(mark),
                multiplier=float(contract.multiplier),
                stop=None if position.stop_price is None else float(position.stop_price),
            )
        )
    return BookInputs(
        name=book.name,
        instruments=book.config.instruments,
        equity=None if equity is None else float(equity),
        rate=None if rate is None else float(rate),
        holdings=tuple(holdings),
        trades=tuple(float(result.pnl) for result in state.results.get(book.name, ())),
        drawdown_limit=book.config.limits.drawdown,
        hits_95=forecasts.hits_95,
        hits_99=forecasts.hits_99,
    )
