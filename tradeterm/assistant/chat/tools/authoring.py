"""Tools with which a model writes a strategy: check and preview it, show it to the operator, backtest what there is."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.assistant.chat.outside import name
from tradeterm.assistant.chat.proposals import Proposals
from tradeterm.assistant.chat.tools.tool import Tool, ToolError
from tradeterm.config import Config
from tradeterm.domain.errors import ConfigError
from tradeterm.profile import Profile

_MISTAKES = 2
"""Times a specification with mistakes is sent back in one turn."""

_FORM = """\
spec is data, never code: {{"v": 1, "name": "rsi-oversold-btc", "symbols": ["BTC"], "timeframe": "15m", "side": "long",
"entry": {{"all": [{{"ind": "rsi", "n": 14, "op": "crosses_above", "value": 30}}, {{"ind": "close", "op": ">", "of": \
{{"ind": "ema", "n": 200}}}}]}}, "exit": {{"any": [{{"ind": "rsi", "n": 14, "op": ">", "value": 55}}, \
{{"bars_held": 48}}]}}, "stop": {{"type": "percent", "pct": 0.75}}, "target": {{"type": "r", "mult": 2}}, \
"trail": {{"pct": 1, "after_pct": 1}}, "risk": {{"risk_pct": 0.25, "max_leverage": 10, "max_positions": 1, \
"daily_loss_pct": 1}}, "assumptions": ["tight risk read as 0.25 % a trade"], "unsupported": [], "questions": []}}.
timeframe: {timeframes}. side: long, short or both (mirrored). entry and exit: all or any, at most 12 conditions. \
Also stop {{"type": "atr", "n": 14, "mult": 1.5}}, target {{"type": "percent", "pct": 2}} or \
{{"type": "none"}}; target, trail and exit may be left out. pct are per cent, risk_pct at most 2; but \
values of return, funding, slopes, widths and atr_ratio are fractions, 0.01 is 1 %. No other keys.
Every vague word and every choice of yours goes into assumptions; what this form cannot express goes into unsupported, \
what only the operator can say into questions: both keep it from being applied, so never drop them silently.
op: {operators}. ago (0 to 500) looks that many bars back. ind with arguments: {indicators}."""


class AboutSpec(Struct, frozen=True, forbid_unknown_fields=True):
    spec: dict[str, Any]


class AboutBacktest(
    Struct, frozen=True, forbid_unknown_fields=True, rename={"since": "from", "until": "to"}, omit_defaults=True
):
    id: str = ""
    spec: dict[str, Any] = {}
    since: str = ""
    until: str = ""


def authoring_tools(config: Config, profile: Profile, proposals: Proposals) -> tuple[Tool[Any], ...]:
    """Call it off the loop: it brings the numerical libraries, so that no tool has to while a screen waits."""
    import tradeterm.assistant.author_proposal  # noqa: F401

    return (
        Tool(
            "propose_strategy",
            "Show the operator a card with a strategy: what it does in words made from the spec, a backtest with costs "
            "against buying and holding, and the line they may type. It changes nothing; applied, it becomes a file "
            f"and a paper book, never a live one. Mistakes come back at most twice. {_form()}",
            AboutSpec,
            lambda taken: _propose(config, profile, proposals, taken.spec),
            mistakes=_MISTAKES,
        ),
        Tool(
            "preview",
            "The same check and backtest of a spec (form: propose_strategy) without a card.",
            AboutSpec,
            lambda taken: _preview(config, profile, taken.spec),
            mistakes=_MISTAKES,
        ),
        Tool(
            "run_backtest",
            "Backtest with costs, by id (a book, a strategy, or a declared one: list_strategies) or by spec (form: "
            "propose_strategy), on the operator's own data or else the bundled recording. from and to: UTC, such as "
            "2025-04-06 or 2025-04-06T12:00; left out, all there is.",
            AboutBacktest,
            lambda taken: _backtest(config, profile, taken),
        ),
    )


async def compared(config: Config, profile: Profile, book: str, changes: dict[str, Any]) -> tuple[str, ...]:
    """Lines on what a book would have made with changed parameters, beside what it made without."""
    from tradeterm.assistant.author_card import comparison_lines
    from tradeterm.assistant.author_preview import Task
    from tradeterm.assistant.author_worker import previews

    now = Task(config=config, name=book, root=str(profile.root))
    settings = tuple(f"{key}={msgspec.json.encode(value).decode()}" for key, value in changes.items())
    before, after = await previews([now, msgspec.structs.replace(now, settings=settings)])
    return comparison_lines(before, after)


async def _propose(config: Config, profile: Profile, proposals: Proposals, data: dict[str, Any]) -> dict[str, Any]:
    from tradeterm.assistant.author_proposal import propose

    made = _draft(config, data)
    try:
        proposal = await propose(made, config, profile, proposals)
    except ConfigError as error:
        raise ToolError("; ".join(str(error).splitlines())) from None
    can = not proposal.blocked
    how = "the operator sees a card and may type the line on it; you do not know that line"
    return {
        "proposal_id": proposal.id,
        "title": proposal.title,
        "card": list(proposal.lines),
        "preview": proposal.what["preview"],
        "cannot_be_applied": list(proposal.blocked),
        "applied": False,
        "expires_in_s": proposals.seconds_left(proposal),
        "how": how if can else "the operator sees why it cannot be applied; ask them what is open",
    }


async def _preview(config: Config, profile: Profile, data: dict[str, Any]) -> dict[str, Any]:
    from tradeterm.assistant.author_proposal import preview_of
    from tradeterm.assistant.author_worker import Refusal

    made = _draft(config, data)
    found = await preview_of(made, config, profile)
    return {
        "words": made.words,
        "notes": list(made.notes),
        "cannot_be_applied": list(made.blocked),
        "preview": None if found is None or isinstance(found, Refusal) else msgspec.to_builtins(found),
        "no_preview": found.sentence if isinstance(found, Refusal) else "",
    }


async def _backtest(config: Config, profile: Profile, taken: AboutBacktest) -> dict[str, Any]:
    from tradeterm.assistant.author import draft_of, named
    from tradeterm.assistant.author_preview import Task
    from tradeterm.assistant.author_proposal import task_of
    from tradeterm.assistant.author_worker import Refusal, previews
    from tradeterm.strategies.registry import strategy_names

    if bool(taken.id) == bool(taken.spec):
        raise ToolError("give either id or spec")
    start, end = _time("from", taken.since), _time("to", taken.until)
    if taken.id in config.books or taken.id in strategy_names():
        task = Task(config=config, name=taken.id, root=str(profile.root), start=start, end=end)
    else:
        try:
            made = _draft(config, taken.spec) if taken.spec else draft_of(named(taken.id, profile)[1], config)
        except ConfigError as error:
            raise ToolError("; ".join(str(error).splitlines())) from None
        if made.blocked:
            raise ToolError(made.blocked[0])
        task = task_of(made, config, profile, start=start, end=end)
    (found,) = await previews([task])
    if isinstance(found, Refusal):
        raise ToolError(found.sentence)
    return {"id": taken.id or name(str(taken.spec.get("name", ""))), "backtest": msgspec.to_builtins(found)}


def _draft(config: Config, data: dict[str, Any]) -> Any:
    from tradeterm.assistant.author import draft

    try:
        return draft(data, config)
    except ConfigError as error:
        raise ToolError("; ".join(str(error).splitlines())) from None


def _time(key: str, text: str) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ToolError(f"{key}: found {name(text)!r}, allowed a UTC time such as 2025-04-06T12:00") from None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


@cache
def _form() -> str:
    from tradeterm.strategies.declared.reference import indicators, operators
    from tradeterm.strategies.declared.spec import Timeframe

    told = [f"{one.name}({' '.join(one.arguments)})" if one.arguments else one.name for one in indicators()]
    words = [f"{op} ({keys})" for op, keys in operators()]
    return _FORM.format(timeframes=", ".join(Timeframe), operators="; ".join(words), indicators=", ".join(told))
