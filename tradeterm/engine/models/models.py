"""The risk worker: models of instruments at every bar, of the whole desk every hour.

The desk hears of them in ModelUpdate and CovarianceUpdate; nothing it does waits for them. They come after the signals
of the bars they are made from, so that a signal is judged by the models of the bar before.

A refresh looks at the market up to a full multiple of its interval (UTC), and at nothing younger, so a run that was
interrupted goes on with the covariance it would have had. It fails loudly: the worker is FAILED, which denies entries,
until it is tried again; after `ATTEMPTS` the refresh is left out, and the desk goes on with the last one until that is
three refreshes old. A missed model of an instrument is unknown after three bars.

A feed has bars of one length, and a configuration one interval for all its books, or it is refused: so the ATR, RSI and
regime of an instrument are those of the bars of every book that trades it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from tradeterm.config import Config, enabled_books
from tradeterm.desk import Desk
from tradeterm.domain.events import CovarianceUpdate, DeskEvent, ModelUpdate
from tradeterm.domain.facts import AlertFact, Fact
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import DAY_MS, HOUR_MS, INTERVALS_MS, MINUTE_MS, Bar, FundingRate
from tradeterm.domain.states import AlertLevel, WorkerName
from tradeterm.engine.models.calculator import Calculator
from tradeterm.engine.models.closes import Closes
from tradeterm.engine.models.facts import ModelFacts
from tradeterm.engine.models.forecasts import Forecasts
from tradeterm.engine.models.inputs import risk_inputs
from tradeterm.engine.models.instruments import HISTORY_BARS, InstrumentModels
from tradeterm.engine.supervisor import Supervisor, WorkerGaveUp
from tradeterm.engine.urgency import Urgency
from tradeterm.feeds.protocol import Feed
from tradeterm.indicators import ta_lib

Work = Callable[[], Awaitable[None]]

ROWS = 505
"""Three weeks of hours: the least of which 1 % are five."""
MOST_BARS = 10_000
"""What is fetched of an instrument at most, so for short bars the rows are fewer."""
RECORDED_REFRESHES = 3
"""A recording, which may be played in seconds, is refreshed so many times less often."""
ATTEMPTS = 3
AT_ONCE = 8
"""Instruments judged before whatever waits for the loop gets it: half a millisecond."""


class Models:
    """Bars in, models out. `start` it with history while `run` runs; then `take` every instant's bars, in order.

    With `lockstep` (a recording) both return when everything is posted, so that a run depends on its data alone;
    otherwise at once, and what is taken waits for its turn.
    """

    def __init__(
        self,
        config: Config,
        instruments: Sequence[Instrument],
        *,
        desk: Desk,
        supervisor: Supervisor,
        post: Callable[[DeskEvent], None],
        record: Callable[[int, Sequence[Fact]], None],
        now: Callable[[], int],
        calculator: Calculator,
        forecasts: dict[str, Forecasts],
        urgency: Urgency,
        lockstep: bool,
    ) -> None:
        self._instruments = tuple(instruments)
        self._desk = desk
        self._supervisor = supervisor
        self._post = post
        self._record = record
        self._now = now
        self._calculator = calculator
        self._forecasts = forecasts
        self._urgency = urgency
        self._lockstep = lockstep
        (self._interval_ms,) = {INTERVALS_MS[book.interval] for book in enabled_books(config).books.values()}
        every = int(config.risk.refresh_minutes * MINUTE_MS)
        self._every_ms = every * RECORDED_REFRESHES if lockstep else every
        self._models = InstrumentModels(self._instruments, self._interval_ms)
        step_ms = max(HOUR_MS, self._interval_ms)
        spare = 2 + self._every_ms // step_ms
        self._closes = Closes([item.id for item in instruments], step_ms, ROWS, spare)
        self._history_bars = min(MOST_BARS, max(HISTORY_BARS, (ROWS + spare) * step_ms // self._interval_ms))
        self._facts = ModelFacts()
        self._begun = 0
        self._queue: asyncio.Queue[tuple[int, Work]] = asyncio.Queue()

    async def start(self, feed: Feed, cursor: int) -> None:
        """Take the history before `cursor` in; tell what it says."""
        await self._do(cursor, partial(self._begin, feed, cursor))

    async def take(self, bars: Sequence[Bar], ts: int) -> None:
        """The bars of one instant, once their signals are settled."""
        await self._do(ts, partial(self._look, bars))

    async def run(self) -> None:
        """Do what was taken, in order, until cancelled; the first work of an interval is followed by a refresh."""
        keep = partial(self._supervisor.keep, WorkerName.RISK, attempts=ATTEMPTS)
        while True:
            ts, work = await self._queue.get()
            await self._urgency.over()
            try:
                await keep(work)
                due = ts // self._every_ms * self._every_ms
                if due > self._begun:
                    self._begun = due
                    await keep(partial(self._refresh, due))
            except WorkerGaveUp as error:
                self._tell(ts, f"the risk models could not be renewed, the last ones hold until they are old: {error}")
            finally:
                self._queue.task_done()

    async def close(self) -> None:
        await self._calculator.close()

    async def _do(self, ts: int, work: Work) -> None:
        self._queue.put_nowait((ts, work))
        if self._lockstep:
            await self._queue.join()

    def _tell(self, ts: int, text: str) -> None:
        self._record(ts, [AlertFact(ts=ts, level=AlertLevel.ERROR, code="RISK_FAILED", text=text)])

    async def _begin(self, feed: Feed, cursor: int) -> None:
        history = await feed.history(cursor, self._history_bars) if cursor > 0 else ()
        for update in await asyncio.to_thread(self._warm, history):
            self._post(update)

    def _warm(self, history: Sequence[Bar | FundingRate]) -> list[ModelUpdate]:
        """In a thread, so that a kill is obeyed meanwhile."""
        ta_lib.load()  # now, so that the first bar does not wait for it
        bars = [item for item in history if isinstance(item, Bar)]
        for bar in bars:
            self._closes.put(bar)
        return self._models.warm(bars)

    async def _look(self, bars: Sequence[Bar]) -> None:
        for first in range(0, len(bars), AT_ONCE):
            if first:
                await asyncio.sleep(0)
            some = bars[first : first + AT_ONCE]
            for bar in some:
                self._closes.put(bar)
            for update in self._models.on_bars(some):
                self._post(update)

    async def _refresh(self, until: int) -> None:
        inputs = risk_inputs(
            self._desk.state, self._instruments, self._closes, self._forecasts, until=until, seed=until // DAY_MS
        )
        found = await self._calculator.refresh(inputs)
        ts, together = self._now(), found.together
        self._post(
            CovarianceUpdate(
                ts=until,
                instruments=together.instruments,
                covariance=together.covariance,
                groups=together.groups,
                observations=together.observations,
            )
        )
        for book, values in found.risk.items():
            self._forecasts.setdefault(book, Forecasts()).add(ts, values["var_95"], values["var_99"], values["equity"])
            self._post(ModelUpdate(ts=ts, model="risk", subject=book, values=values))
        facts = self._facts.new(ts, inputs, found)
        if facts:
            self._record(ts, facts)
