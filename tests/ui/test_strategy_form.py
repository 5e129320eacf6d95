"""`new strategy`: a form, the same card and the same line as with a model, and no model anywhere."""

import asyncio
import sys
from typing import Any

import pytest
from conftest import MakeApp
from fake_console import busy
from frozen_app import LARGE, MIDDLE, SMALL
from test_chat_screen import shown, type_line, until
from textual.pilot import Pilot
from textual.widgets import Input

from tradeterm.ui.app import TradetermApp
from tradeterm.ui.modals.strategy_form import StrategyForm
from tradeterm.ui.screens.chat import ChatScreen

FILLED = {"name": "dips", "symbols": "ADA", "timeframe": "5m", "side": "both"}


async def opened(app: TradetermApp, pilot: Pilot[None]) -> StrategyForm:
    await type_line(pilot, "new strategy")
    await until(pilot, lambda: isinstance(app.screen, StrategyForm))
    assert isinstance(app.screen, StrategyForm)
    return app.screen


def fill(form: StrategyForm, **values: str) -> None:
    for key, text in values.items():
        form.query_one(f"#strategy-{key}", Input).value = text


def words(form: StrategyForm) -> str:
    return str(form.query_one("#strategy-words").visual)  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [SMALL, MIDDLE, LARGE])
async def test_a_strategy_is_typed_shown_and_applied_without_a_key(make_app: MakeApp, size: tuple[int, int]) -> None:
    console = busy()
    app = make_app(console)
    async with app.run_test(size=size) as pilot:
        form = await opened(app, pilot)
        fill(form, **FILLED)
        await pilot.press("enter")
        await until(pilot, lambda: bool(app.chat.cards()))
        await until(pilot, lambda: isinstance(app.front, ChatScreen) and bool(app.front.query("#chat-cards")))
        await until(pilot, lambda: "strategy dips" in shown(app, "chat-cards"))
        (card,) = app.chat.cards()
        text = shown(app, "chat-cards")
        assert "Buys ADA at the close of a 5-minute bar when RSI(14) crosses above 30." in text
        assert "Preview with costs" in text
        assert f"type {card.line}" in text
        assert card.seconds_left <= 600
        assert not (app.profile.config_home / "strategies").exists()
        await type_line(pilot, card.line)
        assert (app.profile.config_home / "strategies" / "dips.json").exists()
        assert app.chat.cards() == ()
        await until(pilot, lambda: any("--profile paper-dips" in row.text for row in console.said))
        assert all(card.line.split()[-1] not in row.text for row in console.said)
    assert console.sent == []


async def test_each_field_says_what_is_allowed_and_what_is_wrong(make_app: MakeApp) -> None:
    app = make_app("busy")
    async with app.run_test(size=SMALL) as pilot:
        form = await opened(app, pilot)
        assert "1 to 40 of a-z" in words(form)
        await pilot.press("enter")
        await until(pilot, lambda: bool(form.mistakes))
        assert form.mistakes == ("Name: nothing is typed, allowed 1 to 40 of a-z, 0-9, _ and -, a letter first",)
        assert "nothing is typed" in words(form)
        fill(form, name="dips", entry="rsj > 3", risk_pct="50")
        await pilot.press("enter")
        await until(pilot, lambda: len(form.mistakes) == 1)
        assert "did you mean rsi?" in form.mistakes[0]
        fill(form, entry="rsi < 30")
        await pilot.press("enter")
        await until(pilot, lambda: "risk.risk_pct: found 50" in " ".join(form.mistakes))
        await pilot.press("tab", "tab")
        assert isinstance(app.screen, StrategyForm)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.front)
        assert app.chat.cards() == ()


async def test_escape_ends_the_backtest(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def slow(*_: str, **options: Any) -> asyncio.subprocess.Process:
        process = await start(sys.executable, "-c", "import time; time.sleep(60)", **options)
        started.append(process)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", slow)
    app = make_app("busy")
    async with app.run_test(size=MIDDLE) as pilot:
        await pilot.press("7")
        form = await opened(app, pilot)
        fill(form, **FILLED)
        await pilot.press("enter")
        await until(pilot, lambda: bool(started))
        await pilot.press("escape")
        await until(pilot, lambda: started[0].returncode is not None)
        assert started[0].returncode == -9
        assert app.chat.cards() == ()


async def test_words_are_completed(make_app: MakeApp) -> None:
    app = make_app("busy")
    async with app.run_test(size=MIDDLE) as pilot:
        form = await opened(app, pilot)
        field = form.query_one("#strategy-entry", Input)
        field.focus()
        field.value = "rsi(14) cro"
        field.cursor_position = len(field.value)
        await pilot.pause()
        await until(pilot, lambda: bool(field._suggestion))
        await pilot.press("right")
        assert field.value == "rsi(14) crosses_above"
        assert app.candidates("new ") == ["new strategy"]
        assert "explain rsi-oversold-btc" in app.candidates("explain rs")
