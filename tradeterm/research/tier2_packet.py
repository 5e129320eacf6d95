"""What a model is told of a signal in simulated time: the packet a live desk would hand over at the close of its bar.

The desk's part is made by the desk's own function, from a state that holds what the simulated book does; the rest by
the functions that a live engine asks (`validators.situation_numbers`, TA-Lib). Nothing is looked at that is later than
the close of the signal's bar.

What no bar tells is null, never made up: bid, ask, spread and the age of a quote; open interest; the health of the
strategy, which is not simulated. There are no headlines. `tier1` has the checks that are simulated (`tier1.CHECKS`),
and a volatility's past and correlations reach back as far as the study's panel does.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tradeterm.config import Config, RiskConfig
from tradeterm.desk import gate
from tradeterm.desk.packet import verdict_context
from tradeterm.desk.protection import protection_prices
from tradeterm.desk.rounding import plain
from tradeterm.desk.sessions import session_of
from tradeterm.desk.sizing import Sized
from tradeterm.desk.state import Book, DeskState, InstrumentModel, Mark
from tradeterm.domain.facts import SizeFactors
from tradeterm.domain.instrument import round_price
from tradeterm.domain.orders import PositionSide
from tradeterm.domain.signals import Signal, SignalKind
from tradeterm.domain.snapshot import Position
from tradeterm.domain.states import BookState
from tradeterm.research.regimes import Regimes
from tradeterm.research.sizers import Wanted, exact, trade_result
from tradeterm.research.study import Study, market_of
from tradeterm.research.tier1 import CHECKS, request_of
from tradeterm.research.together import Together
from tradeterm.strategies.panel import Floats
from tradeterm.validators.digest import digest
from tradeterm.validators.situation_numbers import Bars, bars_known, makes_sense, numbers_of, until_settlement

SOURCE = "replay"
"""Where the data come from, as a live engine names a recording."""
_ROWS_A_BAR = 8
"""Where a market shuts, nights and weekends may have rows of their own."""
_SHOWN_RESULTS = 30
_Rows = NDArray[np.intp]


class Packets:
    """Of the signals of one book, named as in a configuration. `together` tells how its instruments move together."""

    def __init__(
        self, study: Study, name: str, together: Together | None = None, risk: RiskConfig | None = None
    ) -> None:
        self._study, self._name = study, name
        self._risk = RiskConfig() if risk is None else risk
        contracts = {item.id: item for item in study.instruments}
        self._together = together or Together(contracts, (study.panel,), self._risk)
        self._strategy = study.strategy
        self._market = market_of(study)
        self._models = Regimes(self._market)
        self._length = bars_known(study.panel.interval_ms)

    def of(self, wanted: Wanted) -> tuple[Signal, dict[str, Any]]:
        """The signal of an entry that tier 1 let through, and what is known of it at the close of its bar."""
        contract, rows = self._study.instruments[wanted.instrument], self._rows(wanted)
        signal, state = self._signal(wanted), self._desk(wanted)
        mark = state.marks[contract.id]
        mark.session_open = self._session_open(wanted, rows)
        rate = float(self._study.panel.funding[wanted.row, wanted.instrument])
        mark.funding_rate = rate if np.isfinite(rate) else None
        book, model = state.books[self._name], state.models.get(contract.id)
        atr = None if model is None else model.atr
        stop, target = protection_prices(book, contract, signal.side, signal.price, atr)
        checks = gate.run(request_of(book.config.limits, contract, wanted, wanted.quantity), CHECKS)
        sized = Sized(plain(exact(wanted.quantity)), SizeFactors((), ""))
        packet = verdict_context(state, book, signal, stop, target, sized, checks, wanted.ts)
        packet["portfolio"]["health"] = None
        known = numbers_of(self._bars(wanted, rows)) if rows.size else {}
        bars = known.get("data_quality", {"bars": 0, "missing_bars": None})
        return signal, {
            **packet,
            "market": {
                **known.get("market", {}),
                **dict.fromkeys(("bid", "ask", "spread_bps", "open_interest_change_1h")),
                "last": wanted.price,
                "funding_next_minutes": self._until_settlement(wanted),
                **packet["market"],
            },
            "trend": known.get("trend", {}),
            "data_quality": {"source": SOURCE, "bar_age_ms": self._age(wanted, rows), "quote_age_ms": None, **bars},
            "bars": known.get("bars", []),
        }

    def _signal(self, wanted: Wanted) -> Signal:
        contract, strategy = self._study.instruments[wanted.instrument], self._strategy
        side = _side(wanted.side)
        return Signal(
            id="s" + digest(f"{self._name}|{strategy.name}|{contract.id}|{side}|{wanted.ts}")[:15],
            book=self._name,
            strategy=strategy.name,
            instrument=contract.id,
            kind=SignalKind.ENTRY,
            side=side,
            price=round_price(exact(wanted.price), contract),
            ts_bar=wanted.ts,
            reason=strategy.name.upper(),
            explain=strategy.explain(self._study.panel, wanted.row, wanted.instrument),
        )

    def _desk(self, wanted: Wanted) -> DeskState:
        """The state of a live desk that holds what the book does, as far as a packet looks at it."""
        ts, config, contracts = wanted.ts, self._study.book, self._study.instruments
        peak = max(wanted.peak_equity, wanted.equity)
        book = Book(
            self._name, config, self._study.panel.interval_ms, BookState.RUNNING, exact(wanted.cash), exact(peak)
        )
        book.day_start_equity = exact(wanted.day_start)
        state = DeskState(
            config=Config(risk=self._risk, books={self._name: config}),
            ts=ts,
            instruments={item.id: item for item in contracts},
            books={self._name: book},
            results={self._name: tuple(trade_result(each) for each in wanted.closed[-_SHOWN_RESULTS:])},
        )
        for number in (wanted.instrument, *wanted.held):
            state.marks[contracts[number].id] = Mark(price=self._market[number].last_close(ts), ts=ts)
        for number, held in wanted.held.items():
            state.positions[self._name, contracts[number].id] = Position(
                book=self._name,
                venue=config.venue,
                account=self._name,
                instrument=contracts[number].id,
                quantity=exact(held.quantity) * held.side,
                average_price=exact(held.price),
                ts_opened=held.ts + 1,  # an order fills a moment after the open
            )
        if wanted.held:
            state.covariance = self._together.at(ts)
        newest = self._models.newest(wanted.instrument, wanted.row)
        if newest is not None:
            strength = self._models.strength(wanted.instrument, wanted.row)
            state.models[contracts[wanted.instrument].id] = InstrumentModel(
                ts=newest[0], regime=newest[1].regime, volatility=newest[1].volatility, **strength._asdict()
            )
        return state

    def _rows(self, wanted: Wanted) -> _Rows:
        """The rows of the last bars, the signal's the newest."""
        panel, column = self._study.panel, wanted.instrument
        start = max(0, wanted.row + 1 - _ROWS_A_BAR * self._length)
        part, fields = slice(start, wanted.row + 1), (panel.open, panel.high, panel.low, panel.close, panel.volume)
        there = makes_sense(*(field[part, column] for field in fields))
        return start + np.flatnonzero(there)[-self._length :]

    def _bars(self, wanted: Wanted, rows: _Rows) -> Bars:
        panel, market = self._study.panel, self._market[wanted.instrument]

        def column(field: Floats) -> Floats:
            return np.ascontiguousarray(field[rows, wanted.instrument])

        opened = np.asarray(panel.ts_open[rows], dtype=np.int64)
        return Bars(
            opened + market.length_ms,
            np.array([session_of(market.calendar, int(ts)) for ts in opened], dtype=np.int64),
            column(panel.high),
            column(panel.low),
            column(panel.close),
            column(panel.volume),
            panel.interval_ms,
            market.calendar,
        )

    def _age(self, wanted: Wanted, rows: _Rows) -> int | None:
        """How old the last bar that makes sense is, in ms."""
        return wanted.ts - self._market[wanted.instrument].closed(int(rows[-1])) if rows.size else None

    def _session_open(self, wanted: Wanted, rows: _Rows) -> float | None:
        """The open of the session's first bar; None where the data begins in the middle of it."""
        if not rows.size:
            return None
        panel, calendar = self._study.panel, self._market[wanted.instrument].calendar
        session, first = session_of(calendar, int(panel.ts_open[wanted.row])), len(rows) - 1
        while first > 0 and session_of(calendar, int(panel.ts_open[rows[first - 1]])) == session:
            first -= 1
        if first == 0 and session_of(calendar, int(panel.ts_open[rows[0]]) - 1) == session:
            return None
        return float(panel.open[rows[first], wanted.instrument])

    def _until_settlement(self, wanted: Wanted) -> int | None:
        contract = self._study.instruments[wanted.instrument]
        settled = (self._study.funding or {}).get(contract.id)
        at = 0 if settled is None else int(np.searchsorted(settled.ts, wanted.ts, side="right"))
        last = None if settled is None or at == 0 else int(settled.ts[at - 1])
        return until_settlement(last, contract.funding_interval_ms, wanted.ts)


def _side(side: int) -> PositionSide:
    return PositionSide.LONG if side > 0 else PositionSide.SHORT
