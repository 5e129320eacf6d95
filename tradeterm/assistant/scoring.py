"""Shadow trades and verdicts made into a scorecard of tier 2. Pure: the same facts make the same card."""

import math
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from msgspec import Struct, structs

from tradeterm.assistant.evidence import Asked, Evidence
from tradeterm.assistant.scorecard import (
    LEAST_OUTCOMES,
    ApiCost,
    Baseline,
    Bin,
    By,
    Calibration,
    Coverage,
    Group,
    Judge,
    Scorecard,
    Silence,
    TwoByTwo,
    Value,
    Whose,
)
from tradeterm.assistant.scorecard_text import sentence
from tradeterm.assistant.text import clean
from tradeterm.domain.facts import AiUsage, ShadowTrade
from tradeterm.domain.market import DAY_MS
from tradeterm.domain.signals import Verdict, VerdictDecision, VerdictSource
from tradeterm.quant import scoring
from tradeterm.validators.models import is_simulated
from tradeterm.validators.rules import LABEL as RULES_LABEL

_ZERO, _ONE = Decimal(0), Decimal(1)
_LEAST_DAYS = 10
_TOP_FIFTH = 0.8
_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
_JUDGEMENTS = (VerdictDecision.APPROVE, VerdictDecision.REDUCE, VerdictDecision.REJECT)
_SIMULATED_LABELS = ("(simulated AI)", "SIMULATED AI")
_NO_VERDICT = "NO_VERDICT"
_PAID = ("gate", "news")
_USD = "USD"


class _Case(Struct, frozen=True):
    """A signal and what was said of it. `factor` is what the verdict left of its size."""

    shadow: ShadowTrade
    verdict: Verdict | None
    asked: Asked | None
    code: str
    watched: bool
    whose: Whose

    @property
    def decision(self) -> VerdictDecision:
        return self.verdict.decision if self.verdict is not None else VerdictDecision.FAILED_CLOSED

    @property
    def factor(self) -> Decimal:
        if self.verdict is None or self.decision not in (VerdictDecision.APPROVE, VerdictDecision.REDUCE):
            return _ZERO
        return min(max(self.verdict.size_factor, _ZERO), _ONE)

    @property
    def pnl(self) -> Decimal:
        return self.shadow.pnl or _ZERO

    @property
    def is_resolved(self) -> bool:
        return self.shadow.pnl is not None


def scorecard(evidence: Evidence, *, currency: str) -> Scorecard:
    """The scorecard of the books in a currency. Takes up to some seconds with thousands of outcomes."""
    shadows = sorted(
        (shadow for shadow in evidence.shadows if shadow.currency == currency),
        key=lambda each: (each.ts_opened, each.id),
    )
    elsewhere = Counter(shadow.currency for shadow in evidence.shadows if shadow.currency != currency)
    cases = _cases(shadows, evidence)
    lanes: dict[tuple[Whose, bool], list[_Case]] = defaultdict(list)
    for case in cases:
        lanes[case.whose, case.watched].append(case)
    order = list(Whose)
    keys = sorted(lanes, key=lambda key: (order.index(key[0]), key[1]))
    judges = tuple(_judge(key, lanes[key], evidence, currency) for key in keys)
    return Scorecard(
        currency=currency,
        judges=judges,
        shadows=len(shadows),
        unjudged=len(shadows) - len(cases),
        elsewhere=dict(elsewhere),
        capped=evidence.capped,
        sentence=judges[0].sentence if judges else "Tier 2 has not been asked about a signal yet.",
    )


# Who said what


def _cases(shadows: Sequence[ShadowTrade], evidence: Evidence) -> list[_Case]:
    """Of every signal the latest verdict that counted; where tier 2 was only watched, the one that would have."""
    asked = {known.id: known for known in evidence.asked}
    by_signal: dict[str, list[Verdict]] = defaultdict(list)
    for each in sorted(evidence.verdicts, key=lambda each: each.ts):
        by_signal[each.signal_id].append(each)
    usual = _Usual(evidence.verdicts, asked)
    found = []
    for shadow in shadows:
        aside = f"v{shadow.signal_id}-shadow"
        given = by_signal.get(shadow.signal_id, [])
        watched = next((each for each in given if each.id == aside), None)
        verdict = watched or next((each for each in reversed(given) if each.id != aside), None)
        if verdict is not None and _is_nobodys(verdict):
            continue
        if verdict is None and shadow.verdict_id:  # its verdict is not among those that were read
            continue
        code = verdict.code if verdict is not None else evidence.codes.get(shadow.signal_id, _NO_VERDICT)
        whose = usual.of(shadow, verdict)
        known = asked.get(verdict.id) if verdict is not None else None
        found.append(_Case(shadow, verdict, known, code, watched is not None, whose))
    return found


def _is_nobodys(verdict: Verdict) -> bool:
    """Tier 2 switched off, only watched without an answer so far, or told to let pass what is not in its record."""
    return verdict.source is VerdictSource.NONE and verdict.decision is not VerdictDecision.FAILED_CLOSED


class _Usual:
    """Who judges in a book at a time: a cached verdict, or none, does not say itself who was asked."""

    def __init__(self, verdicts: Iterable[Verdict], asked: Mapping[str, Asked]) -> None:
        self._asked = asked
        self._answers: dict[str, list[tuple[int, Whose]]] = defaultdict(list)
        for verdict in sorted(verdicts, key=lambda each: each.ts):
            answered = verdict.decision is not VerdictDecision.FAILED_CLOSED
            if answered and verdict.source not in (VerdictSource.NONE, VerdictSource.CACHE):
                self._answers[verdict.book].append((verdict.ts, self._whose(verdict)))

    def of(self, shadow: ShadowTrade, verdict: Verdict | None) -> Whose:
        says_itself = verdict is not None and verdict.source not in (VerdictSource.NONE, VerdictSource.CACHE)
        if verdict is not None and says_itself and verdict.decision is not VerdictDecision.FAILED_CLOSED:
            return self._whose(verdict)
        near = self._answers.get(shadow.book)
        if near:
            at = bisect_right(near, shadow.ts_opened, key=lambda answer: answer[0])
            return near[max(0, at - 1)][1]
        return self._whose(verdict) if verdict is not None else Whose.AI

    def _whose(self, verdict: Verdict) -> Whose:
        if verdict.source is VerdictSource.RULES or verdict.model == RULES_LABEL:
            return Whose.RULES
        if verdict.source is VerdictSource.RECORDED or verdict.model.startswith("RECORDED"):
            return Whose.RECORDED
        known = self._asked.get(verdict.id)
        marked = any(label in verdict.model for label in _SIMULATED_LABELS) or is_simulated(verdict.model)
        if marked or (known is not None and known.simulated):
            return Whose.SIMULATED
        return Whose.PAST if known is not None and known.contaminated else Whose.AI


# One judge


def _judge(key: tuple[Whose, bool], cases: Sequence[_Case], evidence: Evidence, currency: str) -> Judge:
    whose, watched = key
    judged = [case for case in cases if case.decision in _JUDGEMENTS]
    resolved = [case for case in judged if case.is_resolved]
    decisions = Counter(case.decision for case in judged)
    value = _value(resolved)
    enough = value is not None
    confident = [case for case in resolved if case.verdict is not None and case.verdict.confidence is not None]
    reasked, flip_rate, flip_why = _flips(whose, watched, evidence.asked)
    judge = Judge(
        whose=whose,
        watched=watched,
        models=_distinct(clean(case.verdict.model, 60) for case in judged if case.verdict is not None),
        prompts=_distinct(case.asked.prompt_version for case in judged if case.asked is not None),
        first_ts=cases[0].shadow.ts_opened,
        last_ts=cases[-1].shadow.ts_opened,
        judged=len(judged),
        approved=decisions[VerdictDecision.APPROVE],
        reduced=decisions[VerdictDecision.REDUCE],
        rejected=decisions[VerdictDecision.REJECT],
        resolved=len(resolved),
        open=sum(case.shadow.ts_closed is None for case in judged),
        unknown=sum(case.shadow.ts_closed is not None and not case.is_resolved for case in judged),
        won=sum(case.pnl > 0 for case in resolved),
        value=value,
        two_by_two=_two_by_two(resolved),
        confident=len(confident),
        calibration=_calibration(confident),
        cost=_cost(cases, evidence.usage, value, currency),
        abstained=_silence(cases, VerdictDecision.ABSTAIN, told=enough),
        outages=_silence(cases, VerdictDecision.FAILED_CLOSED, told=enough),
        breakdown=_breakdown(judged),
        baseline=_baseline(resolved),
        reasked=reasked,
        flip_rate=flip_rate,
        flip_why=flip_why,
        sentence="",
    )
    return structs.replace(judge, sentence=sentence(judge, currency))


def _value(cases: Sequence[_Case], factors: Sequence[float] | None = None, *, brief: bool = False) -> Value | None:
    """None below LEAST_OUTCOMES. `factors` are those of another gate on the same signals."""
    if len(cases) < LEAST_OUTCOMES:
        return None
    pnl = [float(case.pnl) for case in cases]
    factor = [float(case.factor) for case in cases] if factors is None else list(factors)
    days = [case.shadow.ts_opened // DAY_MS for case in cases]
    by_day = len(set(days)) >= _LEAST_DAYS
    draws = 1000 if brief else 4000
    found = scoring.value_added(pnl, factor, days if by_day else None, draws=draws)
    touched = any(each < 1 for each in factor)
    luck = scoring.random_vetoes(pnl, factor).p if touched and not brief else None
    exact = [case.factor for case in cases] if factors is None else [Decimal(str(each)) for each in factors]
    ungated = sum((case.pnl for case in cases), _ZERO)
    gated = sum((case.pnl * each for case, each in zip(cases, exact, strict=True)), _ZERO)
    return Value(
        outcomes=len(cases),
        ungated=ungated,
        gated=gated,
        added=gated - ungated,
        low=_money(found.low),
        high=_money(found.high),
        resampled="days" if by_day else "signals",
        luck=luck,
    )


def _two_by_two(cases: Sequence[_Case]) -> TwoByTwo:
    found = scoring.outcomes([float(case.pnl) for case in cases], [float(case.factor) for case in cases])
    enough = len(cases) >= LEAST_OUTCOMES
    saved = [case.pnl * (1 - case.factor) for case in cases]
    return TwoByTwo(
        losses_avoided=found.losses_avoided,
        winners_missed=found.winners_missed,
        losses_taken=found.losses_taken,
        winners_taken=found.winners_taken,
        money_avoided=-sum((each for each in saved if each < 0), _ZERO) if enough else None,
        money_missed=sum((each for each in saved if each > 0), _ZERO) if enough else None,
    )


def _calibration(cases: Sequence[_Case]) -> Calibration | None:
    if len(cases) < LEAST_OUTCOMES:
        return None
    said = [case.verdict.confidence or 0.0 for case in cases if case.verdict is not None]
    won = [case.pnl > 0 for case in cases]
    asked = [case.shadow.ts_opened for case in cases]
    known = [case.shadow.ts_closed or case.shadow.ts_opened for case in cases]
    mapped = scoring.walk_forward_map(said, won, asked, known).tolist()
    later = [(share, came) for share, came in zip(mapped, won, strict=True) if not math.isnan(share)]
    return Calibration(
        outcomes=len(cases),
        base_rate=sum(won) / len(won),
        brier=scoring.brier(said, won),
        log_loss=scoring.log_loss(said, won),
        skill=_number(scoring.brier_skill(said, won, [case.shadow.strategy for case in cases])),
        expected_error=scoring.expected_calibration_error(said, won),
        bins=tuple(
            Bin(
                low=each.low,
                high=each.high,
                count=each.trades,
                said=each.said,
                won=each.won,
                won_low=each.won_low,
                won_high=each.won_high,
            )
            for each in scoring.reliability(said, won)
        ),
        coverage=tuple(
            Coverage(threshold=each.threshold, coverage=each.coverage, accuracy=_number(each.accuracy))
            for each in scoring.coverage(said, won, _THRESHOLDS)
        ),
        mapped=len(later),
        mapped_brier=scoring.brier(*zip(*later, strict=True)) if later else None,
    )


def _silence(cases: Sequence[_Case], decision: VerdictDecision, *, told: bool) -> Silence:
    mine = [case for case in cases if case.decision is decision]
    resolved = [case for case in mine if case.is_resolved]
    return Silence(
        count=len(mine),
        resolved=len(resolved),
        codes=tuple(Counter(clean(case.code, 40) or decision.value for case in mine).most_common()),
        forgone=sum((case.pnl for case in resolved), _ZERO) if told else None,
    )


def _cost(cases: Sequence[_Case], usage: Sequence[AiUsage], value: Value | None, currency: str) -> ApiCost:
    mine = {case.shadow.signal_id for case in cases}
    rows = [row for row in usage if row.purpose in _PAID and row.signal_id in mine]
    cost = sum((row.cost for row in rows if row.cost is not None), _ZERO)
    paid_in = next((row.currency for row in rows), _USD)
    unpriced = sum(row.cost is None for row in rows)
    comparable = (paid_in == currency or not cost) and not unpriced
    return ApiCost(
        requests=len(rows),
        unpriced=unpriced,
        cost=cost,
        currency=paid_in,
        net=value.added - cost if value is not None and comparable else None,
    )


def _breakdown(judged: Sequence[_Case]) -> tuple[Group, ...]:
    def keys(case: _Case) -> list[tuple[By, str]]:
        verdict, shadow = case.verdict, case.shadow
        assert verdict is not None
        reasons = [(By.REASON, clean(code, 40)) for code in dict.fromkeys(verdict.reason_codes)]
        prompt = [(By.PROMPT, case.asked.prompt_version)] if case.asked is not None else []
        return [
            (By.DECISION, verdict.decision.value),
            *reasons,
            (By.STRATEGY, shadow.strategy or "unknown"),
            (By.SYMBOL, clean(shadow.instrument, 40)),
            (By.REGIME, shadow.regime or "unknown"),
            (By.MODEL, clean(verdict.model, 60) or "unknown"),
            *prompt,
        ]

    groups: dict[tuple[By, str], list[_Case]] = defaultdict(list)
    for case in judged:
        for key in keys(case):
            groups[key].append(case)
    order = list(By)
    ranked = sorted(groups, key=lambda key: (order.index(key[0]), -len(groups[key]), key[1]))
    return tuple(_group(key, groups[key]) for key in ranked)


def _group(key: tuple[By, str], cases: Sequence[_Case]) -> Group:
    resolved = [case for case in cases if case.is_resolved]
    value = _value(resolved, brief=True)
    return Group(
        by=key[0],
        key=key[1],
        judged=len(cases),
        resolved=len(resolved),
        won=sum(case.pnl > 0 for case in resolved),
        added=value.added if value is not None else None,
        low=value.low if value is not None else None,
        high=value.high if value is not None else None,
    )


def _baseline(resolved: Sequence[_Case]) -> Baseline:
    told = [(case, case.asked.volatility) for case in resolved if case.asked is not None]
    known = [(case, share) for case, share in told if share is not None]
    vetoed = sum(share >= _TOP_FIFTH for _, share in known)
    cases = [case for case, _ in known]
    value = _value(cases, [0.0 if share >= _TOP_FIFTH else 1.0 for _, share in known])
    own = _value(cases, brief=True)
    why = ""
    if not known:
        why = "no record of a decision tells the volatility's percentile"
    elif value is None:
        why = f"{len(known)} of {LEAST_OUTCOMES} outcomes tell the volatility's percentile"
    same = own.added if own is not None else None
    return Baseline(known=len(known), vetoed=vetoed, value=value, same=same, why=why)


def _flips(whose: Whose, watched: bool, asked: Sequence[Asked]) -> tuple[int, float | None, str]:
    """Contexts that were asked again, and the share of those answers that differ from the one before."""
    if whose in (Whose.RULES, Whose.RECORDED):
        return 0, None, "the same question always has the same answer here"
    last: dict[str, VerdictDecision] = {}
    reasked = flipped = 0
    for each in asked:
        mine = (Whose.SIMULATED if each.simulated else Whose.PAST if each.contaminated else Whose.AI) is whose
        answered = each.source is VerdictSource.LIVE and each.decision is not VerdictDecision.FAILED_CLOSED
        if not (mine and answered and each.context_hash) or each.enforced is watched:
            continue
        before = last.get(each.context_hash)
        if before is not None:
            reasked += 1
            flipped += before is not each.decision
        last[each.context_hash] = each.decision
    if not reasked:
        return 0, None, "no recorded context was asked about twice"
    return reasked, flipped / reasked, ""


# Small things


def _distinct(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(word for word, _ in Counter(words).most_common() if word)


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _money(value: float) -> Decimal | None:
    return Decimal(f"{value:.8g}") if math.isfinite(value) else None
