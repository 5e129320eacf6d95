"""The record of tier 2 on the Signals screen: what is said of it, and that it costs nothing while it is hidden."""

import json
from collections.abc import Callable
from decimal import Decimal
from functools import partial

import fake_console
import pytest
from conftest import MakeApp
from fake_console import FakeConsole
from fake_scores import ScoredConsole, scored
from frozen_app import LARGE, MIDDLE, SMALL, settle
from msgspec import structs
from textual.pilot import Pilot

from tradeterm.assistant.evidence import Evidence
from tradeterm.assistant.scoring import scorecard
from tradeterm.domain.errors import LedgerError
from tradeterm.domain.signals import VerdictDecision, VerdictSource
from tradeterm.ui.app import TradetermApp
from tradeterm.ui.glyphs import UNICODE
from tradeterm.ui.modals.detail import DetailModal
from tradeterm.ui.panels.scorecard import ScorecardPanel, _judge
from tradeterm.ui.panels.trace import Trace, trace_text
from tradeterm.ui.screens import signals as screen_module
from tradeterm.ui.screens.signals import SignalsScreen
from tradeterm.ui.widgets.pane import Pane
from tradeterm.ui.widgets.tones import Line, line_width, text_of

SIZES = [SMALL, MIDDLE, LARGE]
Compare = Callable[..., bool]


@pytest.fixture
def make_app(make_app: MakeApp) -> MakeApp:
    """Apps that open on this screen."""
    return partial(make_app, opened_on="signals")


def rules(count: int) -> ScoredConsole:
    return scored(count, VerdictSource.RULES, "rules")


async def go(app: TradetermApp, pilot: Pilot[None], *keys: str) -> SignalsScreen:
    await app.switch_mode("signals")
    await pilot.pause()
    for key in keys:
        await pilot.press(key)
    await pilot.pause()
    await settle(app, pilot)
    await pilot.pause()
    assert isinstance(app.screen, SignalsScreen)
    return app.screen


def text(screen: SignalsScreen) -> str:
    panel = screen.query_one(ScorecardPanel)
    return "\n".join(text_of(line) for line in panel.paint(160, 200))


def painted(console: ScoredConsole, width: int) -> list[Line]:
    evidence = Evidence(shadows=console.shadows, verdicts=console.judged, usage=console.paid)
    card = scorecard(evidence, currency="USDT")
    return [line for judge in card.judges for line in _judge(judge, card, width, UNICODE)]


@pytest.mark.parametrize("size", SIZES)
async def test_a_letter_away_on_every_size(make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app(scored(80))
    async with app.run_test(size=size) as pilot:
        screen = await go(app, pilot, "g", "c")
        shown = [pane.id for pane in screen.query(Pane) if pane.display]
        assert shown == ["score-pane"]
        assert screen.query_one("#score-pane", Pane).summary == "USDT · 80 signals"
        assert "AI claude-sonnet-5-5 · USDT" in text(screen)
        await pilot.press("g", "t")
        assert screen.query_one("#trace-pane", Pane).display and not screen.query_one("#score-pane", Pane).display


async def test_few_outcomes_give_no_figure(make_app: MakeApp) -> None:
    app = make_app(scored(15))
    async with app.run_test(size=LARGE) as pilot:
        said = text(await go(app, pilot, "g", "c"))
    assert said.count("not enough data (11 of 50)") == 3  # the sentence, the value, the probabilities
    assert "Brier" not in said and "random" not in said and "would have earned" not in said
    assert "14  8 approved · 4 reduced · 2 rejected" in said


async def test_rules_are_named_as_such(make_app: MakeApp) -> None:
    app = make_app(rules(80))
    async with app.run_test(size=MIDDLE) as pilot:
        said = text(await go(app, pilot, "g", "c"))
    assert said.startswith("RULES (no AI) · USDT\nRULES (no AI) may have helped or harmed: ")
    assert "Probability  none is given" in said


async def test_a_simulated_ai_is_named_as_such(make_app: MakeApp) -> None:
    app = make_app(scored(60, model="fake-sonnet (simulated AI)"))
    async with app.run_test(size=MIDDLE) as pilot:
        said = text(await go(app, pilot, "g", "c"))
    assert said.startswith("SIMULATED AI fake-sonnet (simulated AI)")


async def test_a_probability_far_from_what_came_is_marked(make_app: MakeApp) -> None:
    lines = painted(scored(260), 100)
    (bin_line,) = [line for line in lines if text_of(line).startswith("  0.7 to 0.8")]
    assert bin_line[1] == ("0% (0% to 39%)".ljust(24), "warn")
    assert any("skill" in text_of(line) and "ECE" in text_of(line) for line in lines)


def test_value_is_coloured_only_where_it_is_sure() -> None:
    unsure = next(line for line in painted(scored(260), 100) if text_of(line).startswith("Value added"))
    assert {tone for _, tone in unsure} <= {"muted", "bold", ""}
    console = scored(260)
    helped = {
        verdict.signal_id: structs.replace(verdict, **_perfect(shadow.pnl))
        for verdict, shadow in zip(console.judged, console.shadows, strict=True)
    }
    console.judged = tuple(helped.values())
    sure = next(line for line in painted(console, 100) if text_of(line).startswith("Value added"))
    assert "up" in {tone for _, tone in sure}


def _perfect(pnl: Decimal | None) -> dict[str, object]:
    lost = pnl is not None and pnl < 0
    return {"decision": VerdictDecision.REJECT if lost else VerdictDecision.APPROVE, "size_factor": Decimal(not lost)}


@pytest.mark.parametrize("width", [46, 58, 78, 111, 112, 156, 200])
def test_no_line_is_wider_than_its_room(width: int) -> None:
    for console in (scored(260), rules(80), scored(15)):
        assert max(line_width(line) for line in painted(console, width)) <= width


async def test_before_anything_was_asked(make_app: MakeApp) -> None:
    app = make_app("empty")
    async with app.run_test(size=MIDDLE) as pilot:
        screen = await go(app, pilot, "g", "c")
        pane = screen.query_one("#score-pane", Pane)
        assert pane.empty and pane.empty_text == "Tier 2 has not been asked about a signal yet."


async def test_nothing_is_read_while_it_is_hidden(make_app: MakeApp) -> None:
    console = scored(60)
    app = make_app(console)
    async with app.run_test(size=LARGE) as pilot:
        await go(app, pilot)
        console.tick()
        app.catch_up()
        await settle(app, pilot)
        assert console.scores_read == 0
        await go(app, pilot, "g", "c")
        assert console.scores_read == 1


async def test_computed_again_only_when_an_outcome_came(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    console, made = scored(60), []
    real = screen_module._scorecards
    monkeypatch.setattr(screen_module, "SCORE_EVERY_S", 0.01)
    monkeypatch.setattr(screen_module, "SCORE_SHARE", 0.0)
    monkeypatch.setattr(screen_module, "_scorecards", lambda evidence: made.append(1) or real(evidence))
    app = make_app(console)
    async with app.run_test(size=LARGE) as pilot:
        screen = await go(app, pilot, "g", "c")
        assert (console.scores_read, len(made)) == (1, 1)
        await again(app, pilot, console)
        assert (console.scores_read, len(made)) == (2, 1)
        console.shadows[0] = structs.replace(console.shadows[30], id="x0", signal_id="z0", verdict_id="vz0")
        await again(app, pilot, console)
        assert (console.scores_read, len(made)) == (3, 2)
        assert "2 open" in text(screen)


async def again(app: TradetermApp, pilot: Pilot[None], console: FakeConsole) -> None:
    """The ledger moved, and the screen had the time to follow."""
    await pilot.pause(0.05)
    console.tick()
    app.catch_up()
    await settle(app, pilot)
    await pilot.pause(0.05)


async def test_it_rests_between_two_scorecards(make_app: MakeApp) -> None:
    console = scored(60)
    app = make_app(console)
    async with app.run_test(size=LARGE) as pilot:
        await go(app, pilot, "g", "c")
        for _ in range(5):
            await again(app, pilot, console)
        assert console.scores_read == 1


async def test_frozen_it_stays(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen_module, "SCORE_EVERY_S", 0.01)
    monkeypatch.setattr(screen_module, "SCORE_SHARE", 0.0)
    console = scored(60)
    app = make_app(console)
    async with app.run_test(size=LARGE) as pilot:
        screen = await go(app, pilot, "g", "c")
        screen.query_one("#score-pane", Pane).frozen = True
        await again(app, pilot, console)
        assert console.scores_read == 1


async def test_a_ledger_that_cannot_be_read_is_said(make_app: MakeApp) -> None:
    class Broken(ScoredConsole):
        def shadow_trades(self, limit: int = 200) -> tuple[()]:
            if limit > 1000:
                raise LedgerError("the ledger is damaged")
            return ()

    console = scored(60)
    app = make_app(Broken(console.shadows, console.judged, console.paid))
    async with app.run_test(size=LARGE) as pilot:
        screen = await go(app, pilot, "g", "c")
        assert screen.query_one("#notice").text == "the ledger is damaged"


async def test_enter_opens_it_whole_and_it_can_be_copied(make_app: MakeApp) -> None:
    app = make_app(scored(80))
    async with app.run_test(size=SMALL) as pilot:
        screen = await go(app, pilot, "g", "c")
        detail = screen.query_one(ScorecardPanel).detail()
        assert detail is not None
        assert detail.text.splitlines()[0].startswith("AI (claude-sonnet-5-5): 75 signals judged")
        assert json.loads(json.dumps(detail.subject, default=str))[0]["judges"][0]["resolved"] == 72
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, DetailModal)


async def test_it_scrolls(make_app: MakeApp) -> None:
    app = make_app(scored(260))
    async with app.run_test(size=SMALL) as pilot:
        screen = await go(app, pilot, "g", "c", "end")
        panel = screen.query_one(ScorecardPanel)
        last = text_of(panel.paint(*panel.content_size)[-1])
        assert "more lines" not in last and "chop" in last


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, "Untouched by tier 2 it would have made "),
        ({"pnl": None, "ts_closed": None}, "Untouched by tier 2: still running."),
        ({"pnl": None, "exit_reason": "GAP"}, "Untouched by tier 2: its end is not known (GAP)."),
        (None, "None: none was kept."),
    ],
)
def test_the_trace_says_what_became_of_the_shadow(changed: dict[str, object] | None, said: str) -> None:
    signal = next(fact for fact in fake_console.SIGNALS if fact.verdict_id is not None)
    shadow = None if changed is None else structs.replace(scored(9).shadows[8], **changed)
    trace = Trace(signal=signal, verdict=None, orders=(), fills=(), trade=None, shadow=shadow)
    assert said in trace_text(trace, "UTC").plain


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("state", ["few", "rules", "ai"])
def test_pictured(snap_compare: Compare, make_app: MakeApp, state: str, theme: str, size: tuple[int, int]) -> None:
    console = {"few": lambda: scored(15), "rules": lambda: rules(80), "ai": lambda: scored(260)}[state]()

    async def before(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, TradetermApp)
        await go(pilot.app, pilot, "g", "c")

    assert snap_compare(make_app(console, theme=theme), terminal_size=size, run_before=before)
