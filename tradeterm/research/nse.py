"""What a study must know of shares of NSE where nobody has said otherwise, and of positions held over night."""

import re

from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research.bars import length_of
from tradeterm.research.study import Study

DELIVERY_FEE = 0.0011
"""A side of a delivery trade, a fraction: securities transaction tax 0.1 %, half of the buyer's stamp duty of 0.015 %,
and 0.0035 % for exchange, regulator and tax on both; no brokerage."""
INTRADAY_FEE = 0.0005
"""A side of an intraday trade: half of the seller's securities transaction tax of 0.025 %, half of the buyer's stamp
duty of 0.003 %, 0.0035 % as above, and brokerage of 0.03 % with tax."""

_FEW_BARS = 2
_INDEX = re.compile(
    r"(.*[_ -])?INDEX|NIFTY([_ -].+|\d+)?|(BANK|FIN|MIDCP)[_ -]?NIFTY|SENSEX|BANKEX|INDIA[_ -]?VIX", re.IGNORECASE
)


def is_index(symbol: str) -> bool:
    """Whether a symbol of the exchange is the name of an index, which cannot be bought or sold."""
    return _INDEX.fullmatch(symbol) is not None


def fee_of(*, session_end: bool) -> tuple[float, str]:
    """The fee of a side for positions that end with their session or do not, and a sentence about it."""
    if session_end:
        return INTRADAY_FEE, f"costs.fee is {percent(INTRADAY_FEE)} a side: tax, duty and brokerage of intraday shares"
    return DELIVERY_FEE, f"costs.fee is {percent(DELIVERY_FEE)} a side: tax and duty of delivered shares, no brokerage"


def percent(fraction: float) -> str:
    return f"{100 * fraction:.3g} %"


def overnight(study: Study) -> list[str]:
    """What to know of positions that are held over night, in any market."""
    interval, said = study.panel.interval_ms, []
    limit = study.book.exits.time_limit_hours
    if interval >= DAY_MS and limit is not None:
        more = limit * HOUR_MS - length_of(interval, study.calendar)
        bars = 1 if more < 0 else 2 + int(more // interval)
        if bars <= _FEW_BARS:
            said.append(
                f"exits.time_limit_hours is {limit:g}, so no trade lasts longer than {bars} daily "
                f"bar{'s' if bars > 1 else ''}; --set exits.time_limit_hours=720 is the longest"
            )
    if study.calendar is Calendar.NSE and not study.book.exits.session_end:
        said.append("shares of NSE cannot be sold short over night: no short of this study could have been held")
    return said
