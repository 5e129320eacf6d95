"""A turn's facts reach the ledger together, before any of its other commands is carried out."""

from collections.abc import Sequence

from tradeterm.domain.commands import DeskCommand, RaiseAlert, Record
from tradeterm.domain.events import DeskEvent, Timer
from tradeterm.domain.facts import AlertFact, Fact
from tradeterm.domain.states import AlertLevel
from tradeterm.engine.core import Core


class ScriptedDesk:
    """Answers any event with fact, alert, fact."""

    def on(self, event: DeskEvent) -> list[DeskCommand]:
        first, second = (Record(fact=AlertFact(ts=1, level=AlertLevel.INFO, code=code, text="")) for code in "ab")
        return [first, RaiseAlert(level=AlertLevel.INFO, code="x", text=""), second]


async def test_facts_of_a_turn_are_written_in_one_piece_and_first() -> None:
    seen: list[str] = []

    def record(ts: int, facts: Sequence[Fact]) -> None:
        seen.append("facts " + "".join(fact.code for fact in facts if isinstance(fact, AlertFact)))

    core = Core(
        ScriptedDesk(),  # type: ignore[arg-type]  # `on` is all it uses
        lockstep=True,
        journal=None,
        record=record,
        alert=lambda command: seen.append("alert"),
        reconcile=lambda command: None,
    )
    await core._handle(Timer(ts=1))
    assert seen == ["facts ab", "alert"]
