"""The console app on a frozen desk: its clock stands still unless a test turns it, its timer never runs."""

from pathlib import Path

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


def frozen_app(
    console: FakeConsole,
    folder: Path,
    clock: Clock,
    *,
    theme: str = "dark",
    glyphs: str = "unicode",
    keys: dict[str, str] | None = None,
    start_engine: object = None,
) -> TradetermApp:
    config = Config(books=BOOKS, ui=UiConfig(theme=theme, glyphs=glyphs), keys=keys or {})
    profile = Profile("demo", folder / "state", folder / "config")
    return TradetermApp(
        console,
        config,
        profile,
        clock=clock,
        polling=False,
        start_engine=start_engine,
        environ={"TERM": "xterm-256color"},
    )
