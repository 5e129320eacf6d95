"""Frozen apps for the tests of the terminal UI."""

from collections.abc import Callable, Iterator
from pathlib import Path

import fake_console
import fake_live
import pytest
from fake_console import WALL, FakeConsole
from fake_live import LIVE_CONFIG, LIVE_WALL
from frozen_app import Clock, frozen_app
from textual._styles_cache import StylesCache
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

from tradeterm.ui.app import TradetermApp

MakeApp = Callable[..., TradetermApp]


@pytest.fixture(scope="session", autouse=True)
def styles_parsed_once() -> Iterator[None]:
    """Every app parses the same style sheets several times, which is a quarter of the time of a picture; rules are
    only read, so all apps of a run have them from one cache, by everything that they are made of."""
    parse = Stylesheet._parse_rules
    known: dict[object, list[RuleSet]] = {}

    def from_cache(sheet: Stylesheet, *source: object, **more: object) -> list[RuleSet]:
        key = (source, frozenset(more.items()), frozenset(sheet._variables.items()))
        if key not in known:
            known[key] = parse(sheet, *source, **more)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", from_cache)
        yield


@pytest.fixture(autouse=True)
def lines_forgotten() -> Iterator[None]:
    """Textual keeps the painted lines of a thousand widgets alive, though their apps have gone."""
    yield
    StylesCache.get_inner_outer.cache_clear()


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
