"""What to do where the data is not enough for a study, in a sentence."""

from collections.abc import Sequence

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, INTERVALS_MS
from tradeterm.research.data.series import Series
from tradeterm.research.study import Study, too_short
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.registry import make_strategy

_QUOTE = "USDT"
"""Whose perpetuals have a history that anyone may fetch."""
_NAMED = 6


def no_bars(wanted: Sequence[str], missing: Sequence[str], interval: str, there: Sequence[str], place: str) -> str:
    """Bars of `missing` (SYMBOL or SYMBOL.VENUE) are not in the folder `place`; "" is the bundled recording, which no
    import adds to, so that all that is `wanted` has to come. `there` are the symbols that have bars."""
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    names = f"{', '.join(missing[:_NAMED])}{more}: there are no {interval} bars in"
    if place:
        return f"{names} {place}; `tradeterm data list` shows what there is, {_import(missing, interval)} some"
    return (
        f"{names} the bundled recording, which has {', '.join(there)}; --symbols names what to trade of these, "
        f"{_import(wanted, interval)} your own"
    )


def short_history(study: Study, panel: Panel, kept: Sequence[Series]) -> str | None:
    """That the strategy would never have its history in the whole of the data, and what to do; None where it has."""
    needed, interval = study.strategy.warmup, study.book.interval
    if needed <= panel.rows:
        return None
    before = "enough of them" if study.calendar is Calendar.NSE else f"{needed * panel.interval_ms / DAY_MS:,.1f} days"
    enough = _longest_that_suffices(study, panel, kept)
    shorter = f"--interval {enough} has enough bars, " if enough else ""
    brings = _import([series.instrument for series in kept], interval)
    return f"{too_short(needed, panel.rows)}; {shorter}{brings} more, {before} before the first entry"


def _longest_that_suffices(study: Study, panel: Panel, kept: Sequence[Series]) -> str | None:
    """The longest bars, shorter than the study's, of which the data has as many as the strategy needs of them."""
    book = study.book
    for name, length in sorted(INTERVALS_MS.items(), key=lambda item: -item[1]):
        if length >= panel.interval_ms or any(length % series.interval_ms for series in kept):
            continue
        needed = make_strategy(book.strategy, book.parameters, "book", length).warmup
        if needed <= panel.rows * panel.interval_ms // length:
            return name
    return None


def _import(symbols: Sequence[str], interval: str) -> str:
    plain = [symbol.partition(".")[0] for symbol in symbols]
    if not all(symbol.endswith(_QUOTE) for symbol in plain):
        return "`tradeterm data import FILE` brings"
    sources = " ".join(f"bybit:{symbol}" for symbol in plain[:_NAMED]) + (" …" if len(plain) > _NAMED else "")
    return f"`tradeterm data import {sources} --interval {interval} --from DATE` brings"
