"""The words of a report: made from its figures; or, with a key, a model's, marked as such and its numbers checked."""

import asyncio
import re
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from tradeterm.assistant.chat.conversation import label_of
from tradeterm.assistant.chat.model import Asker, ModelFailed, Reply, Request
from tradeterm.assistant.chat.numbers import check, looked_up
from tradeterm.assistant.chat.opening import asker_of, key_of
from tradeterm.assistant.chat.secrecy import holds_secret
from tradeterm.assistant.chat.spending import BudgetSpent, Spending
from tradeterm.assistant.reports.digest import digest
from tradeterm.assistant.reports.make import Made
from tradeterm.assistant.reports.said import said
from tradeterm.config import ChatConfig, Config
from tradeterm.console.protocol import Console
from tradeterm.domain.errors import ConfigError, TradetermError
from tradeterm.research.report.blocks import Paragraph, Points, Section
from tradeterm.validators.secrets import Key

DEADLINE_S = 60.0
NOT_FOUND = "[not in the facts]"
_MOST, _LONGEST = 12, 2000


class Narrative(Struct, frozen=True, kw_only=True):
    """`by` is the model, "" where the program wrote the sentences itself, for the reason in `why`. `unverified` are the
    numbers of the model's text that are nowhere in the facts; each is marked in the text."""

    by: str
    paragraphs: tuple[str, ...]
    unverified: tuple[str, ...] = ()
    why: str = ""


def plain(made: Made, why: str) -> Narrative:
    """Without a model."""
    return Narrative(by="", paragraphs=made.facts.sentences, why=why)


def narrative(
    made: Made,
    config: Config | None,
    console: Console,
    now: Callable[[], int],
    environ: Mapping[str, str] | None = None,
) -> Narrative:
    """Written by the model of `gate.ai` if it can be had, else plain. The request counts as one of the chat: it is held
    to the chat's budgets and booked in the ledger. Never raises for what the model, the network or a budget does."""
    if config is None:
        return plain(made, "The configuration cannot be read, so no model is known.")
    try:
        key = key_of(config, environ)
    except ConfigError as error:
        return plain(made, said(str(error)))
    try:
        return asyncio.run(_asked(made, config, console, key, now))
    except (ModelFailed, BudgetSpent, TradetermError, TimeoutError) as error:
        why = str(error) or f"The model took more than {DEADLINE_S:g} s."
        return plain(made, said(key.hide(why)))


async def _asked(made: Made, config: Config, console: Console, key: Key, now: Callable[[], int]) -> Narrative:
    asker = await asyncio.to_thread(asker_of, config, key)
    try:
        return await written(made, asker, console, config.chat, key, now)
    finally:
        await asker.close()


async def written(
    made: Made, asker: Asker, console: Console, limits: ChatConfig, key: Key, now: Callable[[], int]
) -> Narrative:
    """Raises ModelFailed, BudgetSpent, TimeoutError, and LedgerError where the request cannot be booked."""
    facts = msgspec.json.decode(msgspec.json.encode(digest(made.facts)))
    text = msgspec.json.encode(facts).decode()
    if holds_secret(key, text):
        raise ModelFailed("The facts hold something with the form of a secret and were not sent.")
    request = Request(_prompt(), (), ({"role": "user", "content": text},))
    spending = Spending(console, asker, limits, now)
    spending.begin()
    reserved = spending.reserve(request)
    clock = asyncio.get_running_loop().time
    began, reply, sent = clock(), None, True
    try:
        async with asyncio.timeout(DEADLINE_S):
            reply = await _whole(asker, request)
    except ModelFailed as failure:
        sent = failure.sent
        raise
    finally:
        if sent:
            console.book_usage(spending.settle(reserved, reply, round((clock() - began) * 1000)))
    return _judged(reply, facts, key)


async def _whole(asker: Asker, request: Request) -> Reply:
    async for piece in asker.stream(request):
        if isinstance(piece, Reply):
            return piece
    raise ModelFailed("The answer broke off.")


def _judged(reply: Reply, facts: Any, key: Key) -> Narrative:
    if reply.stop_reason == "refusal":
        raise ModelFailed("The model declined to write it.")
    if reply.stop_reason != "end_turn":
        raise ModelFailed("The model's text has no end.")
    text = key.hide("\n\n".join(block["text"] for block in reply.content if block["type"] == "text"))
    paragraphs = [said(part, _LONGEST) for part in re.split(r"\n\s*\n", text) if part.strip()][:_MOST]
    if not any(paragraphs):
        raise ModelFailed("The model answered with nothing.")
    unverified = check("\n\n".join(paragraphs), looked_up([facts])).unverified
    return Narrative(
        by=label_of(said(reply.model, 80)),
        paragraphs=tuple(_marked(part, unverified) for part in paragraphs),
        unverified=unverified,
    )


def _marked(text: str, unverified: tuple[str, ...]) -> str:
    if not unverified:
        return text
    longest = "|".join(re.escape(token) for token in sorted(unverified, key=len, reverse=True))
    return re.sub(rf"(?<![\w.])(?:{longest})(?!\w)", lambda found: f"{found[0]} {NOT_FOUND}", text)


def section(found: Narrative) -> Section:
    """The narrative as a chapter of its report; who wrote it comes first."""
    if not found.by:
        return Section(
            "In words", (Points(found.paragraphs), Paragraph(f"Written by the program. {found.why}".strip()))
        )
    mark = f"Written by {found.by}, not checked by a person."
    if found.unverified:
        mark += f" Its numbers were sought in the facts; what is marked {NOT_FOUND} was not found there."
    else:
        mark += " Its numbers were sought in the facts and found."
    return Section("In words", (Paragraph(mark), *(Paragraph(part) for part in found.paragraphs)))


@cache
def _prompt() -> str:
    return files("tradeterm.assistant.reports").joinpath("prompts", "report_v1.md").read_text(encoding="utf-8").strip()
