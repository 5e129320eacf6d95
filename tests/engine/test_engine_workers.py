"""Every worker is made to fail while the engine trades: entries stop, everybody is told, nothing is lost."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from engine_kit import demo_profile, rows, trades
from engine_kit import short_run as run
from fitting import fit_here

from tradeterm.brokers.paper.broker import PaperBroker
from tradeterm.config_file import load_config
from tradeterm.domain.errors import LedgerError
from tradeterm.domain.events import BarClosed
from tradeterm.domain.facts import AlertFact, SignalFact
from tradeterm.domain.signals import SignalOutcome
from tradeterm.engine.check import check
from tradeterm.engine.models.calculator import Calculator, CalculatorError
from tradeterm.engine.models.instruments import InstrumentModels
from tradeterm.feeds.replay import ReplayFeed
from tradeterm.ledger.live import LiveReader
from tradeterm.ledger.writer import LedgerWriter
from tradeterm.profile import HOME_VARIABLE
from tradeterm.strategies.runner import StrategyRunner
from tradeterm.validators.rules import RulesValidator

Patch = pytest.MonkeyPatch
pytestmark = pytest.mark.usefixtures("fitted_here")
REFRESH = Calculator.refresh  # of the process


@pytest.fixture(autouse=True)
def quick(monkeypatch: Patch) -> None:
    monkeypatch.setattr("tradeterm.engine.supervisor.FIRST_DELAY_S", 0.01)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """The trades of a run in which nothing fails."""
    with Patch.context() as patch:
        patch.setenv(HOME_VARIABLE, str(tmp_path_factory.mktemp("whole")))
        fit_here(patch.setattr)
        run()
        return trades()


def failing(times: int, real: Callable[..., Any], error: Exception, when: Callable[..., bool] = lambda *_: True) -> Any:
    left = times

    def broken(*arguments: Any, **named: Any) -> Any:
        nonlocal left
        if left and when(*arguments):
            left -= 1
            raise error
        return real(*arguments, **named)

    return broken


def after_midday(*arguments: Any) -> bool:
    event = arguments[1]
    return isinstance(event, BarClosed) and event.ts >= 1_744_372_800_000


def trading(*arguments: Any) -> bool:
    return any(bar.ts_event >= 1_744_372_800_000 for bar in arguments[1])


def restarts() -> dict[str, int]:
    view = LiveReader(demo_profile().live).view()
    assert view is not None
    assert {worker.worker.value: worker.state.value for worker in view.workers if worker.worker != "strategy"} == (
        dict.fromkeys(("market", "gate", "risk", "broker", "ledger"), "RUNNING")
    )
    return {worker.worker.value: worker.restarts for worker in view.workers if worker.restarts}


def sound() -> list[str]:
    profile = demo_profile()
    return list(check(profile.ledger, load_config(None, "demo"), audit=profile.audit).findings)


def alerts(seen: Any) -> list[str]:
    return [f"{fact.code} {fact.text}" for fact in seen.of(AlertFact)]


def test_market(whole: Any, monkeypatch: Patch) -> None:
    real = ReplayFeed.stream
    count = 0

    async def broken(self: ReplayFeed, after_ts: int) -> Any:
        nonlocal count
        async for batch in real(self, after_ts):
            count += 1
            if count == 100:
                raise ConnectionResetError("the feed went away")
            yield batch

    monkeypatch.setattr(ReplayFeed, "stream", broken)
    seen = run()
    assert trades() == whole
    assert restarts() == {"market": 1}
    assert any("market" in text and "the feed went away" in text for text in alerts(seen))
    assert sound() == []


def test_strategy(whole: Any, monkeypatch: Patch) -> None:
    broken = failing(2, StrategyRunner.on_bars, ZeroDivisionError("a strategy's bug"))
    monkeypatch.setattr(StrategyRunner, "on_bars", broken)
    seen = run()
    assert trades() == whole
    assert restarts() == {"strategy": 2}
    assert any("strategy" in text for text in alerts(seen))


def test_strategy_that_cannot_judge_an_instant_misses_its_signals_loudly(monkeypatch: Patch) -> None:
    broken = failing(3, StrategyRunner.on_bars, ZeroDivisionError("a strategy's bug"))
    monkeypatch.setattr(StrategyRunner, "on_bars", broken)
    seen = run()
    assert any(text.startswith("STRATEGY_FAILED") for text in alerts(seen))
    assert trades()


def test_gate_blocks_the_signal_it_broke_on_and_goes_on(monkeypatch: Patch) -> None:
    monkeypatch.setattr(RulesValidator, "judge", failing(1, RulesValidator.judge, RuntimeError("no answer")))
    seen = run()
    blocked = [fact for fact in seen.of(SignalFact) if fact.outcome is SignalOutcome.BLOCKED]
    assert [fact.outcome_code for fact in blocked] == ["VALIDATOR_FAILED"]
    assert restarts() == {"gate": 1}
    assert trades()
    assert sound() == []


def test_risk(whole: Any, monkeypatch: Patch) -> None:
    broken = failing(1, InstrumentModels.on_bars, RuntimeError("a model's bug"), trading)
    monkeypatch.setattr(InstrumentModels, "on_bars", broken)
    seen = run()
    assert trades() == whole
    assert restarts() == {"risk": 1}
    assert any("risk" in text for text in alerts(seen))


def test_risk_process_that_is_killed_is_told_and_started_again(whole: Any, monkeypatch: Patch) -> None:
    real, killed = REFRESH, []

    async def broken(self: Calculator, inputs: Any) -> Any:
        if self.pid is not None and not killed:
            killed.append(self.pid)
            os.kill(self.pid, signal.SIGKILL)
        return await real(self, inputs)

    monkeypatch.setattr(Calculator, "refresh", broken)
    seen = run()
    assert killed
    assert trades() == whole
    assert restarts() == {"risk": 1}
    assert [text for text in alerts(seen) if "the risk process ended" in text]
    assert len(alerts(seen)) == len(set(alerts(seen)))
    assert sound() == []


def test_risk_models_that_cannot_be_fitted_are_left_out_loudly(whole: Any, monkeypatch: Patch) -> None:
    error = CalculatorError("the risk models failed: a matrix is singular")
    monkeypatch.setattr(Calculator, "refresh", failing(3, Calculator.refresh, error))
    seen = run()
    assert [text for text in alerts(seen) if text.startswith("RISK_FAILED") and "a matrix is singular" in text]
    assert restarts() == {"risk": 3}
    assert trades()
    assert sound() == []


def test_broker_that_fails_on_market_data_is_shown_it_again(whole: Any, monkeypatch: Patch) -> None:
    broken = failing(1, PaperBroker.on_market, OSError("the venue's disk"), after_midday)
    monkeypatch.setattr(PaperBroker, "on_market", broken)
    run()
    assert trades() == whole
    assert restarts() == {"broker": 1}
    assert sound() == []


def test_broker_that_fails_while_it_sends_looks_the_order_up_and_never_sends_it_again(monkeypatch: Patch) -> None:
    real, sent = PaperBroker.submit, []

    async def broken(self: PaperBroker, order: Any) -> str:
        sent.append(order.client_order_id)
        venue_id = await real(self, order)
        if len(sent) == 1:
            raise OSError("after it was sent")
        return venue_id

    monkeypatch.setattr(PaperBroker, "submit", broken)
    run()
    assert len(sent) == len(set(sent)) > 1
    assert rows(f"SELECT status FROM orders WHERE client_order_id = '{sent[0]}'") == [("FILLED",)]
    assert restarts() == {"broker": 1}
    assert sound() == []


def test_ledger_that_cannot_be_written_holds_orders_back(whole: Any, monkeypatch: Patch) -> None:
    broken = failing(2, LedgerWriter.commit, LedgerError("no space is left"))
    monkeypatch.setattr(LedgerWriter, "commit", broken)
    seen = run()
    assert trades() == whole
    assert restarts()["ledger"] == 2
    assert any("no space is left" in text for text in alerts(seen))
    assert sound() == []
