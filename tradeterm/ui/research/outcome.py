"""What the commands of research answer, as far as the screen shows it: their documented JSON, typed."""

from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.domain.errors import TradetermError

CONTAMINATED = "CONTAMINATED"
"""What stands in the name of who judged as tier 2 where a model may have known what came after."""

Point = tuple[int, float]
"""UTC ms and equity."""


class Summary(Struct, frozen=True):
    """What one variant came to; fractions are not percents."""

    total_return: float
    sharpe: float | None
    max_drawdown: float | None
    profit_factor: float | None
    trades: int


class Figure(Struct, frozen=True):
    """A figure of a backtest; `unit` is one of `tradeterm.research.metrics.Unit`."""

    name: str
    value: float | None
    unit: str
    buy_and_hold: float | None = None


class BookOf(Struct, frozen=True):
    strategy: str
    capital: float
    currency: str
    parameters: dict[str, Any] = {}
    exits: dict[str, Any] = {}
    sizing: dict[str, Any] = {}
    limits: dict[str, Any] = {}


class DataOf(Struct, frozen=True):
    folder: str
    symbols: tuple[str, ...]
    interval: str
    hash: str
    first: int
    last: int


class TradeOf(Struct, frozen=True):
    """A closed trade; `side` is 1 or -1, `r` its gain in multiples of the risk taken, `book` whose it is where several
    were traded."""

    instrument: str
    side: int
    quantity: float
    entry_ts: int
    entry_price: float
    exit_ts: int
    exit_price: float
    reason: str
    fees: float
    slippage: float
    funding: float
    pnl: float
    r: float | None
    book: str = ""


class Part(Struct, frozen=True):
    """The trades of one symbol, side, hour or regime. `average_duration` is in ms."""

    key: str
    trades: int
    win_rate: float | None
    profit_factor: float | None
    expectancy: float | None
    expectancy_r: float | None
    average_duration: float | None
    costs: float
    net: float


class Fan(Struct, frozen=True):
    """Equity at `ts` (UTC ms) by quantiles ("0.05" to "0.95") of curves of the same days drawn again."""

    ts: tuple[int, ...]
    quantiles: dict[str, tuple[float, ...]]
    paths: int


class BookPart(Struct, frozen=True):
    """One of several books that were traded together."""

    name: str


class Backtest(Struct, frozen=True, tag_field="type", tag="backtest"):
    """`run` is None where it could not be kept; `ai` says who judged as tier 2. `benchmark` is the equity of buying and
    holding; `books` are those of a desk, of which all figures are then."""

    run: int | None
    name: str
    version: str
    seed: int
    seconds: float
    book: BookOf
    costs: dict[str, Any]
    data: DataOf
    since: int | None
    instruments: tuple[str, ...]
    insufficient: bool
    cautions: tuple[str, ...]
    notes: tuple[str, ...]
    figures: tuple[Figure, ...]
    ignored: dict[str, int]
    tables: dict[str, tuple[Part, ...]]
    equity: tuple[Point, ...]
    trades: tuple[TradeOf, ...]
    ai: str = "OFF"
    benchmark: tuple[Point, ...] = ()
    fan: Fan | None = None
    books: tuple[BookPart, ...] = ()

    @property
    def starts(self) -> int:
        """From when on it may enter."""
        return self.data.first if self.since is None else self.since

    def figure(self, name: str) -> Figure | None:
        return next((figure for figure in self.figures if figure.name == name), None)


class _Head(Struct, frozen=True, kw_only=True):
    name: str
    strategy: str
    instruments: tuple[str, ...]
    interval: str
    first: int
    last: int
    data_hash: str
    seed: int
    notes: tuple[str, ...]
    run: int | None = None


class Overfitting(Struct, frozen=True):
    """Is the best of so many variants more than luck? `pbo` is the probability that it is not."""

    trials: int
    deflated_sharpe: float | None
    pbo: float | None
    sentence: str


class Fold(Struct, frozen=True):
    """`window` is train start, train end, test start, test end in UTC ms."""

    window: tuple[int, int, int, int]
    parameters: dict[str, Any]
    chosen: bool
    in_sample: Summary
    out_of_sample: Summary
    unchanged: Summary


class Drift(Struct, frozen=True):
    """The values of a parameter that were best, window after window."""

    name: str
    values: tuple[Any, ...]
    changes: int


class Walk(Struct, frozen=True):
    folds: tuple[Fold, ...]
    metric: str
    tried: int
    drift: tuple[Drift, ...]
    efficiency: float | None
    ts: tuple[int, ...]
    equity: tuple[float, ...]
    out_of_sample: Summary
    unchanged_return: float | None
    sentence: str


class WalkForward(_Head, frozen=True, tag_field="type", tag="walkforward", kw_only=True):
    train: float
    test: float
    purge: float
    anchored: bool
    walk_forward: Walk
    overfitting: Overfitting


class Varied(Struct, frozen=True):
    """One thing changed, by its JSON, and what came of it."""

    variation: dict[str, Any]
    summary: Summary


class Skipped(Struct, frozen=True):
    """Returns with a share of the trades left out at random: quantiles of 5, 50 and 95 %."""

    share: float
    draws: int
    low: float
    median: float
    high: float
    losing: float


class Resampled(Struct, frozen=True):
    """Returns of curves of daily returns drawn again in blocks: quantiles of 5, 50 and 95 %."""

    paths: int
    days: int
    block: float
    below_start: float
    low: float
    median: float
    high: float
    worst_drawdown: float


class Shaken(Struct, frozen=True):
    base: Summary
    parameters: tuple[Varied, ...]
    delays: tuple[Varied, ...]
    noise: tuple[Varied, ...]
    costs: tuple[Varied, ...]
    skipped: Skipped | None
    resampled: Resampled | None
    sentence: str
    exits: tuple[Varied, ...] = ()


class After(Struct, frozen=True):
    """Mean return of a signal so many bars later."""

    bars: int
    signals: int
    mean: float
    standard_error: float | None


class Decay(Struct, frozen=True):
    after: tuple[After, ...]
    half_life: float | None
    sentence: str


class Regimes(Struct, frozen=True):
    rows: tuple[Part, ...]
    sentence: str


class CapitalPoint(Struct, frozen=True):
    capital: float
    summary: Summary
    retained: float | None


class Capacity(Struct, frozen=True):
    points: tuple[CapitalPoint, ...]
    sentence: str


class Loss(Struct, frozen=True):
    """Share of the equity a calamity would cost; it is not known of the instruments in `unknown`."""

    scenario: str
    share: float
    assumptions: str
    unknown: tuple[str, ...]


class Stress(Struct, frozen=True):
    losses: tuple[Loss, ...]
    sentence: str


class Robustness(_Head, frozen=True, tag_field="type", tag="robustness", kw_only=True):
    robustness: Shaken
    decay: Decay
    regimes: Regimes
    capacity: Capacity
    stress: Stress


class Difference(Struct, frozen=True):
    """A signal or trade that other data changed; `check` says how, `ts` is UTC ms."""

    check: str
    ts: int
    instrument: str
    what: str


class LookAhead(_Head, frozen=True, tag_field="type", tag="lookahead", kw_only=True):
    """`clean` is None where the data is too short to tell."""

    clean: bool | None
    cuts: int
    rows: int
    differences: tuple[Difference, ...]
    sentence: str


class Trial(Struct, frozen=True):
    """A variant of a sweep; `refused` says why it could not be run."""

    number: int
    changes: dict[str, Any]
    score: float | None
    summary: Summary | None
    refused: str


class Sweep(_Head, frozen=True, tag_field="type", tag="sweep", kw_only=True):
    method: str
    metric: str
    resumed: int
    present: Summary
    trials: tuple[Trial, ...]
    best: int | None
    overfitting: Overfitting | None
    sentence: str

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """Best first; those without a score last."""
        return tuple(sorted(self.trials, key=lambda trial: (trial.score is None, -(trial.score or 0), trial.number)))


Outcome = Backtest | WalkForward | Robustness | LookAhead | Sweep


def decode_outcome(answer: bytes) -> Outcome:
    """The answer of a command. Raises TradetermError where it is none of theirs."""
    try:
        found: Outcome = msgspec.json.decode(answer, type=Outcome)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise TradetermError(f"the answer of the command is not understood: {error}") from None
    return found


def kept_outcome(command: str, number: int, kept: dict[str, Any]) -> Outcome:
    """A run of the ledger again. Raises TradetermError where it is of a kind that is not known here."""
    try:
        found: Outcome = msgspec.convert({**kept, "type": command, "run": number}, type=Outcome)
    except msgspec.ValidationError as error:
        raise TradetermError(f"run {number} is not understood: {error}") from None
    return found
