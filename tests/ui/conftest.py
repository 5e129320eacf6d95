"""Frozen apps for the tests of the terminal UI."""

from collections.abc import Callable
from pathlib import Path

import fake_console
import fake_live
import pytest
from fake_console import WALL, FakeConsole
from fake_live import LIVE_CONFIG, LIVE_WALL
from frozen_app import Clock, frozen_app

from tradeterm.ui.app import TradetermApp

MakeApp = Callable[..., TradetermApp]


@pytest.fixture
def clock() -> Clock:
    return Clock(WALL)


@pytest.fixture
def make_app(tmp_path: Path, clock: Clock) -> MakeApp:
    """Make an app on a frozen desk, "busy" or another state's name, or on a console of the test's own."""

    def make(state: str | FakeConsole = "busy", **options: object) -> TradetermApp:
        console = getattr(fake_console, state)() if isinstance(state, str) else state
        return frozen_app(console, tmp_path, clock, **options)

    return make


@pytest.fixture
def make_live_app(tmp_path: Path) -> MakeApp:
    """Make an app on a desk that trades real money, "live" or "blocked"."""

    def make(state: str | FakeConsole = "live", **options: object) -> TradetermApp:
        console = getattr(fake_live, state)() if isinstance(state, str) else state
        return frozen_app(console, tmp_path, Clock(LIVE_WALL), base=LIVE_CONFIG, **options)

    return make
