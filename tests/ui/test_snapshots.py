"""Pictures of every screen at three sizes, dark and light, empty and busy, and of the states that matter most.

They are SVG files beside this test. Look at them after a change of looks, then `pytest tests/ui --snapshot-update`.
"""

import sys
from collections.abc import Callable

import pytest
from conftest import MakeApp
from fake_risk import risky
from frozen_app import LARGE, MIDDLE, SMALL
from textual.pilot import Pilot

from tradeterm.ui.app import TradetermApp

Compare = Callable[..., bool]

BASELINE = (3, 11)
SIZES = [pytest.param(size, id=f"{size[0]}x{size[1]}") for size in (SMALL, MIDDLE, LARGE)]


@pytest.fixture(autouse=True)
def only_the_baseline_python_updates(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--snapshot-update") and sys.version_info[:2] != BASELINE:
        pytest.fail(f"pictures are taken with Python {BASELINE[0]}.{BASELINE[1]} only")


def press(*keys: str) -> Callable[[Pilot[None]], object]:
    """Press keys, and wait until all is painted."""

    async def before(pilot: Pilot[None]) -> None:
        await pilot.pause()
        for key in keys:
            await pilot.press(key)
        await pilot.pause()

    return before


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("screen", list(TradetermApp.MODES))
def test_busy(snap_compare: Compare, make_app: MakeApp, screen: str, theme: str, size: tuple[int, int]) -> None:
    app = make_app("busy", theme=theme, opened_on=screen)
    assert snap_compare(app, terminal_size=size, run_before=press())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", list(TradetermApp.MODES))
def test_empty(snap_compare: Compare, make_app: MakeApp, screen: str, size: tuple[int, int]) -> None:
    assert snap_compare(make_app("empty", opened_on=screen), terminal_size=size, run_before=press())


@pytest.mark.parametrize("screen", ["desk", "orders"])
def test_empty_in_light(snap_compare: Compare, make_app: MakeApp, screen: str) -> None:
    app = make_app("empty", theme="light", opened_on=screen)
    assert snap_compare(app, terminal_size=MIDDLE, run_before=press())


@pytest.mark.parametrize(
    ("state", "size"),
    [
        ("halted", MIDDLE),
        ("stale", MIDDLE),
        ("stale", SMALL),
        ("no_engine", SMALL),
        ("finished", LARGE),
        ("finished", SMALL),
        ("busy", (59, 20)),
        ("halted", (20, 5)),
    ],
)
def test_state(snap_compare: Compare, make_app: MakeApp, state: str, size: tuple[int, int]) -> None:
    assert snap_compare(make_app(state), terminal_size=size, run_before=press())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("screen", ["desk", "orders"])
def test_live(snap_compare: Compare, make_live_app: MakeApp, screen: str, theme: str, size: tuple[int, int]) -> None:
    """Real money, and not all is well: the clock is wrong, a stream is lost, somebody else trades on the account."""
    app = make_live_app("live", theme=theme, opened_on=screen)
    assert snap_compare(app, terminal_size=size, run_before=press())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("screen", ["desk", "orders"])
def test_blocked(snap_compare: Compare, make_live_app: MakeApp, screen: str, size: tuple[int, int]) -> None:
    """Real money, the key has expired, and the positions disagree."""
    assert snap_compare(make_live_app("blocked", opened_on=screen), terminal_size=size, run_before=press())


@pytest.mark.parametrize(
    ("state", "screen", "size", "keys"),
    [
        pytest.param("ready", "desk", LARGE, (), id="calm"),
        pytest.param("live", "risk", MIDDLE, (), id="risk"),
        pytest.param("blocked", "desk", (20, 5), (), id="tiny"),
        pytest.param("live", "desk", (59, 20), (), id="one-line"),
        pytest.param("blocked", "orders", SMALL, ("g", "v"), id="venues"),
        pytest.param("blocked", "orders", SMALL, ("g", "r"), id="reconciliations"),
        pytest.param("blocked", "orders", SMALL, ("g", "r", "enter"), id="disagreement"),
        pytest.param("live", "desk", SMALL, ("q",), id="quit"),
        pytest.param("live", "desk", SMALL, ("K",), id="kill"),
    ],
)
def test_live_detail(
    snap_compare: Compare, make_live_app: MakeApp, state: str, screen: str, size: tuple[int, int], keys: tuple[str, ...]
) -> None:
    assert snap_compare(make_live_app(state, opened_on=screen), terminal_size=size, run_before=press(*keys))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_risk(snap_compare: Compare, make_app: MakeApp, theme: str, size: tuple[int, int]) -> None:
    """With all that the risk engine finds."""
    app = make_app(risky(), theme=theme, opened_on="risk")
    assert snap_compare(app, terminal_size=size, run_before=press())


@pytest.mark.parametrize("letter", ["k", "v", "e", "s", "c", "r", "m"])
def test_risk_tab(snap_compare: Compare, make_app: MakeApp, letter: str) -> None:
    app = make_app(risky(), opened_on="risk")
    assert snap_compare(app, terminal_size=SMALL, run_before=press("g", letter))


@pytest.mark.parametrize("letter", ["v", "c", "m", "x"])
def test_risk_detail(snap_compare: Compare, make_app: MakeApp, letter: str) -> None:
    app = make_app(risky(), opened_on="risk")
    assert snap_compare(app, terminal_size=SMALL, run_before=press("g", letter, "enter"))


@pytest.mark.parametrize("letter", ["l", "c"])
@pytest.mark.parametrize("glyphs", ["unicode", "ascii"])
@pytest.mark.parametrize("theme", ["ansi", "mono"])
def test_risk_on_poor_terminals(snap_compare: Compare, make_app: MakeApp, theme: str, glyphs: str, letter: str) -> None:
    app = make_app(risky(), theme=theme, glyphs=glyphs, opened_on="risk")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=press("g", letter))


@pytest.mark.parametrize("theme", ["high-contrast", "colour-blind", "ansi", "mono"])
def test_live_theme(snap_compare: Compare, make_live_app: MakeApp, theme: str) -> None:
    assert snap_compare(make_live_app("blocked", theme=theme), terminal_size=MIDDLE, run_before=press())


@pytest.mark.parametrize("theme", ["high-contrast", "colour-blind", "ansi", "mono"])
def test_theme(snap_compare: Compare, make_app: MakeApp, theme: str) -> None:
    assert snap_compare(make_app("busy", theme=theme), terminal_size=MIDDLE, run_before=press())


def test_no_colour(snap_compare: Compare, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(make_app("busy"), terminal_size=MIDDLE, run_before=press())


def test_ascii(snap_compare: Compare, make_app: MakeApp) -> None:
    assert snap_compare(make_app("busy", glyphs="ascii"), terminal_size=MIDDLE, run_before=press())


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(("f",), id="flatten"),
        pytest.param(("K",), id="kill"),
        pytest.param(("q",), id="quit"),
        pytest.param(("question_mark",), id="help"),
        pytest.param(("enter",), id="detail"),
        pytest.param(("g",), id="jump"),
        pytest.param(("slash", "e", "t", "h"), id="filter"),
        pytest.param(("colon", *"why LINK".replace(" ", "_"), "enter"), id="answer"),
        pytest.param(("g", "c"), id="chart"),
        pytest.param(("tab", "z"), id="zoom"),
    ],
)
def test_dialog(snap_compare: Compare, make_app: MakeApp, keys: tuple[str, ...]) -> None:
    """Everything that opens fits 80x24."""
    pressed = ("space" if key == "_" else key for key in keys)
    assert snap_compare(make_app("busy"), terminal_size=SMALL, run_before=press(*pressed))
