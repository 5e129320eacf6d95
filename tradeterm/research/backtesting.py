"""The public function: would this rule have worked, by the fill rules of `fills.py`?"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from inspect import signature
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tradeterm.config import ExitsConfig
from tradeterm.domain.instrument import Calendar
from tradeterm.domain.market import DAY_MS, HOUR_MS
from tradeterm.research.bars import Liquidity, Settlements, bars_of
from tradeterm.research.costs import Costs
from tradeterm.research.every_bar import OnBar, simulate_every_bar
from tradeterm.research.fills import ExitPolicy, policy_of
from tradeterm.research.panels import check_panel, is_regular
from tradeterm.research.plainly import choice, mistake, number
from tradeterm.research.result import Result
from tradeterm.research.simulate import signals_of, simulate
from tradeterm.research.sizers import EquityFraction, Limit, Sizer, Wanted
from tradeterm.strategies.panel import Panel
from tradeterm.strategies.protocol import Signals, Strategy

MakeOnBar = Callable[[str], OnBar]
DAYS_PER_YEAR = {Calendar.ALWAYS: 365.0, Calendar.NSE: 252.0}


def backtest(
    panel: Panel,
    signals: ArrayLike | Signals | Strategy | MakeOnBar,
    *,
    exits: ExitsConfig | ExitPolicy | None = None,
    costs: Costs | None = None,
    capital: float = 100_000.0,
    size: float | Sizer = 0.10,
    limits: Limit | Sequence[Limit] = (),
    calendar: Calendar = Calendar.ALWAYS,
    funding_hours: float | None = 8.0,
    liquidity: Mapping[str, Liquidity] | None = None,
    seed: int = 0,
) -> Result:
    """Trade `signals` on `panel`, all instruments on one capital, one position an instrument.

    `signals` is an array of +1 (long), −1 (short) and 0, of shape (rows,) or (rows, instruments), each at the bar at
    whose close it exists; or a strategy's `Signals`, which may have exits of its own; or a strategy. It fills at the
    next bar's open. A rule that must see each bar is a function: `signals(name)` makes one for each instrument, which
    is called at each of its closes as `(row, (open, high, low, close), side)`, with the side of its position (0 if
    flat), the instruments in turn, and answers 0 (nothing), 1 or -1 (ignored unless flat), or 2 (leave). It trades by
    the same rules and takes a few times as long. Where a row has no bar it is not called, so `ignored` has no NO_BAR
    of it, as it has of an array's signals there.

    `exits` says what ends a position: a book's `ExitsConfig` (by default one with its defaults: stop 2 %, target 3 %,
    trailing, 8 hours, session end), or an `ExitPolicy`, in which each may be switched off.

    `size` is the notional of an entry as a fraction of equity, or a `Sizer`; `limits`, one or several, cut it.
    `calendar` is that of all instruments. Where the panel has funding, it is settled every `funding_hours`, as
    `settlements_of` says. `liquidity`, by instrument, is needed where `costs` has an impact; `seed` is
    that of their latency.

    Raises ValueError for input that is not sound: one sentence that says what was found where.
    """
    if not isinstance(panel, Panel):
        raise mistake("panel", type(panel), "what panel_of makes")
    check_panel(panel)
    capital = number("capital", capital)
    if not 0 < capital < math.inf:
        raise ValueError(f"capital: found {capital}, allowed above 0")
    calendar = choice("calendar", calendar, Calendar)
    policy = _policy(exits)
    costs = Costs() if costs is None else costs
    if not isinstance(costs, Costs):
        raise mistake("costs", costs, "Costs")
    if policy.session_end and panel.interval_ms >= DAY_MS:
        raise ValueError("session_end: every bar of a day or more is its session's last, so switch it off for these")
    market = bars_of(
        panel,
        calendar=calendar,
        funding=settlements_of(panel, None if funding_hours is None else number("funding_hours", funding_hours)),
        liquidity=_liquidity(panel, costs, liquidity),
    )
    sizer = _sizer(size) if callable(size) else EquityFraction(number("size", size))
    cuts = _limits(limits)
    seed = _seed(seed)
    if callable(signals):
        if not _takes(signals, 1):
            raise mistake("signals", signals, "a function of (name) that makes one of (row, prices, side)")
        calls = [_function(name, signals(name)) for name in panel.instruments]
        found = simulate_every_bar(
            market, calls, policy, costs=costs, capital=capital, sizer=sizer, limits=cuts, seed=seed
        )
    else:
        taken = signals_of(_signals(panel, signals))
        found = simulate(market, taken, policy, costs=costs, capital=capital, sizer=sizer, limits=cuts, seed=seed)
    return Result(found, DAYS_PER_YEAR[calendar])


def _function(name: str, made: object) -> OnBar:
    if not callable(made) or not _takes(made, 3):
        raise mistake(f"signals({name!r})", made, "a function of (row, (open, high, low, close), side)")
    return made


def _takes(function: Callable[..., object], count: int) -> bool:
    """Whether it may be called with so many arguments; one that does not tell is believed to."""
    try:
        called = signature(function)
    except (TypeError, ValueError):
        return True
    try:
        called.bind(*range(count))
    except TypeError:
        return False
    return True


def _sizer(size: Sizer) -> Sizer:
    """The sizer, whose answers are numbers."""
    if not _takes(size, 1):
        raise mistake("size", size, "a function of what is Wanted, or a number")

    def sized(wanted: Wanted) -> float:
        return number(f"size of {wanted.name}", size(wanted))

    return sized


def _seed(seed: object) -> int:
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise mistake("seed", seed, "a whole number of 0 or more")
    return int(seed)


def _policy(exits: object) -> ExitPolicy:
    if exits is None or isinstance(exits, ExitsConfig):
        return policy_of(exits or ExitsConfig())
    if not isinstance(exits, ExitPolicy):
        raise mistake("exits", exits, "an ExitPolicy, or the exits of a book")
    return exits


def _limits(limits: Limit | Sequence[Limit]) -> tuple[Limit, ...]:
    several = tuple(limits) if isinstance(limits, Iterable) else (limits,)
    for limit in several:
        if not callable(limit):
            raise mistake("limits", limit, "limits, such as MaxPositions(5)")
    return several


def _liquidity(panel: Panel, costs: Costs, known: Mapping[str, Liquidity] | None) -> list[Liquidity | None] | None:
    if known is not None and not isinstance(known, Mapping):
        raise mistake("liquidity", known, "a Liquidity by instrument")
    for name, one in (known or {}).items():
        if not isinstance(one, Liquidity):
            raise mistake(f"liquidity: {name}", one, "a Liquidity")
        shapes = [np.shape(values) for values in one]
        if len(shapes[0]) != 1 or len(set(shapes)) > 1:
            found = ", ".join(map(str, shapes))
            raise ValueError(f"liquidity: {name}: found shapes {found}, allowed three arrays of one length")
    costs.check_symbols(panel.instruments)
    without = [name for name in costs.moved(panel.instruments) if name not in (known or {})]
    if without:
        raise ValueError(f"liquidity: found none of {without[0]}, needed where costs have an impact")
    return None if known is None else [known.get(name) for name in panel.instruments]


def _signals(panel: Panel, signals: ArrayLike | Signals | Strategy) -> Signals:
    shape = (panel.rows, len(panel.instruments))
    if isinstance(signals, Signals):
        found = signals
    elif hasattr(signals, "explain"):
        if not is_regular(panel):
            raise ValueError("ts: a strategy needs rows without gaps (NaN where there is no bar)")
        found = signals.signals(panel)  # type: ignore[union-attr]
    else:
        return Signals(entries=_entries(signals, shape), exits=())
    for name, flags in (
        ("entries", found.entries),
        *((x.reason, side) for x in found.exits for side in (x.long, x.short)),
    ):
        if flags.shape != shape:
            raise ValueError(f"{name}: found shape {flags.shape}, allowed {shape} (rows, instruments)")
    return Signals(entries=_entries(found.entries, shape), exits=found.exits)


def _entries(values: object, shape: tuple[int, int]) -> NDArray[np.int8]:
    found = np.asarray(values)
    if found.ndim == 1 and shape[1] == 1:
        found = found[:, None]
    if found.shape != shape:
        raise ValueError(f"signals: found shape {found.shape}, allowed {shape} (rows, instruments)")
    if found.dtype.kind not in "biuf":
        raise ValueError(f"signals: found {found.dtype}, allowed whole numbers, booleans or floats")
    known = (found == 0) | (found == 1) | ((found == -1) if found.dtype.kind in "if" else False)
    if not known.all():
        row, column = (int(at[0]) for at in np.nonzero(~known))
        raise ValueError(f"signals: found {found[row, column]} in row {row}, allowed -1, 0 and 1")
    return found.astype(np.int8)


def settlements_of(panel: Panel, hours: float | None) -> list[Settlements | None]:
    """Settlements every `hours` hours of the UTC day (None: never), at the rate the panel knows then.

    A panel cannot tell when a rate was settled, nor whether it is still that of the market: where it ends, the panel
    must say NaN. Over missing rows a rate serves for `hours` at most. Raises ValueError for hours that do not divide
    the day.
    """
    if hours is None:
        return [None] * len(panel.instruments)
    if not 0 < hours <= 24 or DAY_MS % (hours * HOUR_MS):
        raise ValueError(f"funding_hours: found {hours}, allowed a part of the day, such as 8")
    step, closes = int(hours * HOUR_MS), panel.ts
    due = np.arange(-(-int(closes[0]) // step) * step, int(closes[-1]) + 1, step, dtype=np.int64)
    rows = np.searchsorted(closes, due, side="right") - 1
    fresh = due - closes[rows] < max(step, panel.interval_ms)
    found: list[Settlements | None] = []
    for column in range(len(panel.instruments)):
        rates = panel.funding[rows, column]
        known = fresh & np.isfinite(rates)
        found.append(Settlements(due[known], rates[known]) if known.any() else None)
    return found
