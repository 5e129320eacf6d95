"""How good tier 2 was: what its verdicts did to the profit, how often they were right, and what its silence cost.

Every signal that tier 2 was asked about has a shadow trade: what it would have earned had nobody touched its size. A
verdict's factor on that profit against the whole of it is what the verdict was worth. A size is taken to scale profit
and costs alike; lots and least sizes are left out of account. Whose verdicts they are is never mixed.
"""

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

LEAST_OUTCOMES = 50
"""Fewer outcomes say nothing about judgement: no figure is given."""


class Whose(StrEnum):
    """Who judged; the value is how a face names it. PAST is a model asked about days it may have read of."""

    AI = "AI"
    PAST = "AI ON ITS PAST"
    RECORDED = "RECORDED AI"
    SIMULATED = "SIMULATED AI"
    RULES = "RULES (no AI)"


class By(StrEnum):
    """What a breakdown is by."""

    DECISION = "decision"
    REASON = "reason"
    STRATEGY = "strategy"
    SYMBOL = "symbol"
    REGIME = "regime"
    MODEL = "model"
    PROMPT = "prompt"


class Value(Struct, frozen=True, kw_only=True):
    """What verdicts did to the profit of `outcomes` signals. `added` is `gated` − `ungated`.

    `low` and `high` bound `added` at 95 % (bootstrap of whole days, or where there are fewer than ten of signals:
    `resampled` is "days" or "signals"; None where there is no interval). `luck` is the chance that the same factors
    dealt out at random do as well (permutation test, one-sided).
    """

    outcomes: int
    ungated: Decimal
    gated: Decimal
    added: Decimal
    low: Decimal | None
    high: Decimal | None
    resampled: str
    luck: float | None


class Group(Struct, frozen=True, kw_only=True):
    """One line of a breakdown: `key` is the decision, the reason code ... A signal with several reason codes counts in
    each. `added` is None below LEAST_OUTCOMES resolved ones of this line."""

    by: By
    key: str
    judged: int
    resolved: int
    won: int
    added: Decimal | None
    low: Decimal | None = None
    high: Decimal | None = None


class TwoByTwo(Struct, frozen=True, kw_only=True):
    """Resolved signals by what was done and what came of them. A veto or a smaller size is `avoided` where the signal
    lost, `missed` where it won (a profit of exactly 0 lost nothing and counts as missed nothing: it is in neither).

    `money_avoided` − `money_missed` is the value added; both are 0 or more, and None below LEAST_OUTCOMES.
    """

    losses_avoided: int
    winners_missed: int
    losses_taken: int
    winners_taken: int
    money_avoided: Decimal | None
    money_missed: Decimal | None


class Bin(Struct, frozen=True, kw_only=True):
    """Signals whose confidence lay from `low` to below `high` (the last one includes 1): what was said and what came.

    `won_low` to `won_high` is the Wilson 95 % interval of `won`.
    """

    low: float
    high: float
    count: int
    said: float
    won: float
    won_low: float
    won_high: float


class Coverage(Struct, frozen=True, kw_only=True):
    """Had only answers counted that are at least so sure (of a win or of a loss): the share of signals with such an
    answer, and the share of those that was right; None where there is none."""

    threshold: float
    coverage: float
    accuracy: float | None


class Calibration(Struct, frozen=True, kw_only=True):
    """Confidence, P(net profit > 0), against what came of `outcomes` signals.

    `base_rate` is the share that won; `skill` is 1 − Brier score / that of saying each strategy's own share of winners,
    None where that score is 0. `expected_error` is the ECE. `mapped_brier` is the Brier score of an isotonic map fitted
    on what was known before each signal, over `mapped` signals; None below 200 outcomes.
    """

    outcomes: int
    base_rate: float
    brier: float
    log_loss: float
    skill: float | None
    expected_error: float
    bins: tuple[Bin, ...]
    coverage: tuple[Coverage, ...]
    mapped: int
    mapped_brier: float | None


class Silence(Struct, frozen=True, kw_only=True):
    """Signals blocked without a judgement, as often as each code was given, most often first.

    `forgone` is what they would have earned: above 0 they cost that much. None until the judge has LEAST_OUTCOMES.
    """

    count: int
    resolved: int
    codes: tuple[tuple[str, int], ...]
    forgone: Decimal | None


class Baseline(Struct, frozen=True, kw_only=True):
    """The cheap gate to beat: veto whatever came in the top fifth of volatility. Judged on the same signals; `value` is
    None where too few of them tell their volatility, `why` then says so. `same` is what the judge added on those."""

    known: int
    vetoed: int
    value: Value | None
    same: Decimal | None
    why: str


class ApiCost(Struct, frozen=True, kw_only=True):
    """What the requests cost. `unpriced` of them have no known price and are not in `cost`.

    `net` is the value added less the cost where both are in one currency, else None.
    """

    requests: int
    unpriced: int
    cost: Decimal
    currency: str
    net: Decimal | None


class Judge(Struct, frozen=True, kw_only=True):
    """The record of one judge. `watched`: it was asked aside and nothing came of its verdicts (gate.mode shadow).

    Of the `judged` (approved, reduced or rejected) signals `resolved` have an outcome, `open` are still running, and of
    `unknown` the outcome will never be known. `value` is None below LEAST_OUTCOMES resolved ones, `calibration` below
    as many with a confidence. `abstained` and `outages` are no judgements and in none of these figures. `flip_rate` is
    the share of `reasked` contexts asked again that were answered with another decision; `flip_why` where it is None.
    `sentence` says it all in one plain sentence.
    """

    whose: Whose
    watched: bool
    models: tuple[str, ...]
    prompts: tuple[str, ...]
    first_ts: int
    last_ts: int
    judged: int
    approved: int
    reduced: int
    rejected: int
    resolved: int
    open: int
    unknown: int
    won: int
    value: Value | None
    two_by_two: TwoByTwo
    confident: int
    calibration: Calibration | None
    cost: ApiCost
    abstained: Silence
    outages: Silence
    breakdown: tuple[Group, ...]
    baseline: Baseline
    reasked: int
    flip_rate: float | None
    flip_why: str
    sentence: str

    @property
    def label(self) -> str:
        """How faces name the judge."""
        return f"{self.whose.value} (only watched)" if self.watched else self.whose.value


class Scorecard(Struct, frozen=True, kw_only=True):
    """The judges that were asked in books of one currency, in the order of `Whose`, the watched after the enforced.

    `shadows` are all shadow trades in the currency, `elsewhere` those in others: scorecards of their own. Of `unjudged`
    ones nobody said anything: tier 2 was off, or only watched and has not answered. `capped`: only the newest were
    read. `sentence` is that of the first judge, or why there is none.
    """

    currency: str
    judges: tuple[Judge, ...]
    shadows: int
    unjudged: int
    elsewhere: dict[str, int]
    capped: bool
    sentence: str
