"""Whether tier 2 is any good: the scorecard, computed from the ledger, never by the model."""

import asyncio
from typing import Any

import msgspec

from tradeterm.assistant.chat.outside import name
from tradeterm.assistant.chat.tools.standing import pct
from tradeterm.assistant.chat.tools.tool import Nothing, Tool, rows
from tradeterm.assistant.evidence import read_apart
from tradeterm.assistant.scorecard import LEAST_OUTCOMES, Baseline, By, Calibration, Judge, Scorecard, Silence, Value
from tradeterm.assistant.scorecard_text import not_enough, probability
from tradeterm.assistant.text import moment
from tradeterm.console.protocol import Console

_MOST_GROUPS = 48  # of all judges
_BY = (By.DECISION, By.STRATEGY, By.MODEL, By.PROMPT, By.REGIME, By.SYMBOL, By.REASON)


def scoring_tools(console: Console) -> tuple[Tool[Any], ...]:
    return (
        Tool(
            "gate_scorecard",
            "Whether tier 2 (the AI, or the rules without one) is any good: what its verdicts added to the profit of "
            "the same signals untouched, with its interval and the test against random vetoes, losses avoided and "
            "winners missed, its probabilities, outages and abstentions apart. Each judge and currency by itself; "
            f"below {LEAST_OUTCOMES} outcomes there are counts and no figures.",
            Nothing,
            lambda _: _scorecards(console),
        ),
    )


async def _scorecards(console: Console) -> dict[str, Any]:
    cards = await asyncio.to_thread(_cards, console)
    groups = _MOST_GROUPS // max(1, sum(len(card.judges) for card in cards))
    return {
        "outcomes_needed": LEAST_OUTCOMES,
        "note": "profits are those of shadow trades: the signal at its full size under the paper cost model",
        "scorecards": [_card(card, groups) for card in cards],
        "sentence": cards[0].sentence if cards else "Tier 2 has not been asked about a signal yet.",
    }


def _cards(console: Console) -> list[Scorecard]:
    from tradeterm.assistant.scoring import scorecard  # brings the numerical libraries

    evidence = read_apart(console)
    return [scorecard(evidence, currency=currency) for currency in evidence.currencies]


def _card(card: Scorecard, groups: int) -> dict[str, Any]:
    return {
        "currency": card.currency,
        "signals": card.shadows,
        "of_them_without_a_judgement": card.unjudged,
        "only_the_newest": card.capped,
        "judges": [_judge(judge, groups) for judge in card.judges],
    }


def _judge(judge: Judge, most: int) -> dict[str, Any]:
    shown = [group for by in _BY for group in judge.breakdown if group.by is by]
    groups = [
        {
            "by": group.by,
            "key": name(group.key),
            "judged": group.judged,
            "with_an_outcome": group.resolved,
            "won": group.won,
            "added": group.added,
        }
        for group in shown
    ]
    return {
        "judge": judge.label,
        "only_watched": judge.watched,
        "models": [name(model) for model in judge.models],
        "prompts": [name(prompt) for prompt in judge.prompts],
        "first_signal": f"{moment(judge.first_ts)} UTC",
        "last_signal": f"{moment(judge.last_ts)} UTC",
        "judged": judge.judged,
        "approved": judge.approved,
        "reduced": judge.reduced,
        "rejected": judge.rejected,
        "with_an_outcome": judge.resolved,
        "still_open": judge.open,
        "outcome_never_known": judge.unknown,
        "won_untouched": judge.won,
        "value": _value(judge.value) or not_enough(judge.resolved),
        "two_by_two": msgspec.structs.asdict(judge.two_by_two),
        "probability_of_a_win": _calibration(judge.calibration) or probability(judge),
        "requests": msgspec.structs.asdict(judge.cost),
        "abstained": _silence(judge.abstained),
        "outages": _silence(judge.outages),
        "cheap_gate": _baseline(judge.baseline),
        "flip_rate_pct": pct(judge.flip_rate),
        "asked_again": judge.reasked,
        "breakdown": rows(groups, len(groups), most),
        "sentence": judge.sentence,
    }


def _value(value: Value | None) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        "added": value.added,
        "with_it": value.gated,
        "without_it": value.ungated,
        "interval_95": None if value.low is None else [value.low, value.high],
        "drawn_anew": value.resampled,
        "random_vetoes_do_as_well_pct": pct(value.luck),
    }


def _calibration(found: Calibration | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "outcomes": found.outcomes,
        "won_pct": pct(found.base_rate),
        "brier_score": round(found.brier, 4),
        "log_loss": round(found.log_loss, 4),
        "skill": None if found.skill is None else round(found.skill, 4),
        "expected_calibration_error": round(found.expected_error, 4),
        "bins": [
            {"said_pct": pct(each.said), "won_pct": pct(each.won), "signals": each.count}
            | {"won_95_pct": [pct(each.won_low), pct(each.won_high)]}
            for each in found.bins
        ],
    }


def _silence(silence: Silence) -> dict[str, Any]:
    codes = {name(code): times for code, times in silence.codes}
    return {"signals": silence.count, "codes": codes, "would_have_earned": silence.forgone}


def _baseline(baseline: Baseline) -> dict[str, Any]:
    return {
        "what": "veto whatever comes in the top fifth of volatility",
        "signals": baseline.known,
        "vetoed": baseline.vetoed,
        "added": None if baseline.value is None else baseline.value.added,
        "judge_added_on_the_same": baseline.same,
        "why_not_known": baseline.why,
    }
