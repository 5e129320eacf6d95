"""What the driver's models say of instruments, of how they move together, and of books: kept, never computed here."""

import math
from itertools import chain

from tradeterm.desk.state import DeskState, InstrumentModel, Rate
from tradeterm.desk.turn import Turn
from tradeterm.domain.events import CovarianceUpdate, ModelUpdate, RateUpdate
from tradeterm.domain.facts import RegimeFact, RiskSnapshotFact
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.states import AlertLevel, Regime

_REGIMES = tuple(Regime)
_CURRENT_BARS = 3


def on_model(turn: Turn, event: ModelUpdate) -> None:
    """A model of an instrument or the risk of a book; numbers that are not finite count as not there."""
    values = {name: value for name, value in event.values.items() if value is None or abs(value) < float("inf")}
    if len(values) != len(event.values):
        bad = ", ".join(sorted(event.values.keys() - values.keys()))
        text = f"the {event.model} model of {event.subject or 'the desk'} gave no number for {bad}"
        turn.alert_once(f"model:{event.model}:{event.subject}", AlertLevel.ERROR, "BAD_MODEL", text)
    if event.model == "instrument":
        _instrument(turn, event.subject, values)
    else:
        turn.state.risk[event.subject] = values
        turn.record(RiskSnapshotFact(ts=turn.ts, book=event.subject, values=values))


def current_model(state: DeskState, instrument: str, ts: int, interval_ms: int) -> InstrumentModel:
    """What the models say of the instrument at `ts`; one older than three bars of the book counts as unknown.

    It is of the book's own bars: all books of a configuration have one interval, and the models know no other.
    A bar is judged by the models of the bar before it: those of its own instant come after its exits and signals. An
    event whose clock reads a little less than the model's (a fill that was on its way) may use it; one that reads a bar
    less or more has a clock that cannot tell the model's age.
    """
    model = state.models.get(instrument)
    if model is None or not -interval_ms < ts - model.ts <= _CURRENT_BARS * interval_ms:
        return InstrumentModel(ts=ts)
    return model


def on_covariance(turn: Turn, event: CovarianceUpdate) -> None:
    """One with a row missing or a number that is not finite is dropped: the last one holds until it is old. A NaN would
    pass every comparison that keeps a variance from being below 0, and come out as no risk at all."""
    names = len(event.instruments)
    square = len(event.groups) == len(event.covariance) == names and all(len(row) == names for row in event.covariance)
    if not square or not all(map(math.isfinite, chain.from_iterable(event.covariance))):
        text = "the covariance of the risk models has numbers missing, the last one holds until it is old"
        turn.alert_once("model:covariance", AlertLevel.ERROR, "BAD_MODEL", text)
        return
    turn.forget("model:covariance")
    turn.state.covariance = event


def on_rate(turn: Turn, event: RateUpdate) -> None:
    """An older rate than the one we have is of no use, and one of the future is none: it would hold for ever. A day is
    forgiven, as days begin at different times; the rate is then of now."""
    known, ahead = turn.state.rates.get(event.currency), event.ts_rate - turn.ts
    if ahead > DAY_MS:
        text = f"a rate of {event.currency} is of {ahead / DAY_MS:.1f} days from now and is not used"
        turn.alert_once(f"rate of the future:{event.currency}", AlertLevel.ERROR, "BAD_RATE", text)
        return
    turn.forget(f"rate of the future:{event.currency}")
    held = min(event.ts_rate, turn.ts)
    if event.rate.is_finite() and event.rate > 0 and (known is None or held >= known.ts):
        turn.state.rates[event.currency] = Rate(event.rate, held)


def _instrument(turn: Turn, instrument: str, values: dict[str, float | None]) -> None:
    before = turn.state.models.get(instrument)
    code = values.get("regime")
    regime = next((regime for place, regime in enumerate(_REGIMES) if place == code), None)
    same = before is not None and before.regime is regime
    since = before.regime_since if before is not None and same else turn.ts
    turn.state.models[instrument] = InstrumentModel(
        ts=turn.ts,
        atr=values.get("atr"),
        rsi=values.get("rsi"),
        adx=values.get("adx"),
        volatility=values.get("volatility"),
        regime=regime,
        regime_since=since,
    )
    if not same:
        turn.record(RegimeFact(ts=turn.ts, instrument=instrument, regime=regime, numbers=values))
