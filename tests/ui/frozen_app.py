"""The console app on a frozen desk: its clock stands still unless a test turns it, its timer never runs."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec
from fake_console import FakeConsole
from textual.pilot import Pilot

from tradeterm.config import BookConfig, Config, UiConfig
from tradeterm.profile import Profile
from tradeterm.ui.app import TradetermApp

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (160, 48)
BOOKS = {"crypto": BookConfig(strategy="eos", venue="paper", instruments=("BTCUSDT.BINANCE",), capital=100_000.0)}


class Clock:
    """A machine's clock that only tests move."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def pass_seconds(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


async def settle(app: TradetermApp, pilot: Pilot[None]) -> None:
    """Wait until what was asked for is written and painted."""
    await app.workers.wait_for_complete()
    await pilot.pause()


async def ended(app: TradetermApp) -> None:
    """Wait until the app has gone of its own accord."""
    for _ in range(1000):
        if not app.is_running:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("the app is still running")


def frozen_app(
    console: FakeConsole,
    folder: Path,
    clock: Clock,
    *,
    theme: str = "dark",
    glyphs: str = "unicode",
    keys: dict[str, str] | None = None,
    start_engine: object = None,
    base: Config | None = None,
    environ: Mapping[str, str] | None = None,
    opened_on: str = "desk",
) -> TradetermApp:
    """`opened_on` is the screen that is there from the start: to build the desk first takes as long again."""

    class Opened(TradetermApp):
        DEFAULT_MODE = opened_on

    ui = UiConfig(theme=theme, glyphs=glyphs)
    config = msgspec.structs.replace(base or Config(books=BOOKS), ui=ui, keys=keys or {})
    profile = Profile("demo", folder / "state", folder / "config")
    return Opened(
        console,
        config,
        profile,
        clock=clock,
        polling=False,
        start_engine=start_engine,
        environ={"TERM": "xterm-256color", **(environ or {})},
    )
