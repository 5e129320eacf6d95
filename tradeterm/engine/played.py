"""What a run saw and decided, read from its journal."""

from pathlib import Path

import msgspec
from msgspec import Struct

from tradeterm.config import Config
from tradeterm.domain.commands import DeskCommand, Record
from tradeterm.domain.errors import DataError
from tradeterm.domain.events import BarClosed, DeskRestored, OperatorCommand
from tradeterm.domain.facts import SignalFact, Trade
from tradeterm.domain.instrument import Instrument
from tradeterm.domain.market import Bar
from tradeterm.domain.signals import SignalKind, Verdict
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.engine.journal import End, read_journal

_commands = msgspec.json.Decoder(tuple[DeskCommand, ...])


class Played(Struct, frozen=True, kw_only=True):
    """One run. `snapshot` is what it began with, `instruments` are its contracts, `bars` what it saw. `signals` are the
    last states of its entry signals, `verdicts` what tier 2 said of them, `trades` the round trips it closed, in order;
    `operator` has when somebody asked for what. Times are UTC ms.
    """

    config: Config
    snapshot: DeskSnapshot
    instruments: tuple[Instrument, ...]
    bars: tuple[Bar, ...]
    signals: tuple[SignalFact, ...]
    verdicts: tuple[Verdict, ...]
    trades: tuple[Trade, ...]
    operator: tuple[tuple[int, str], ...]
    complete: bool


def played(path: Path) -> Played:
    """Read a journal to its end. Raises DataError where it cannot be read, or holds no bars."""
    header, steps = read_journal(path)
    snapshot, complete = DeskSnapshot(), False
    instruments: tuple[Instrument, ...] = ()
    bars: list[Bar] = []
    signals: dict[str, SignalFact] = {}
    verdicts: list[Verdict] = []
    trades: list[Trade] = []
    operator: list[tuple[int, str]] = []
    for step in steps:
        if isinstance(step, End):
            complete = True
            break
        match step.event:
            case DeskRestored():
                snapshot, instruments = step.event.snapshot, step.event.instruments
            case BarClosed():
                bars.append(step.event.bar)
            case OperatorCommand():
                operator.append((step.event.ts, f"{step.event.verb} by {step.event.actor}"))
        for command in _commands.decode(step.commands or b"[]"):
            if not isinstance(command, Record):
                continue
            match command.fact:
                case SignalFact(kind=SignalKind.ENTRY):
                    signals[command.fact.id] = command.fact
                case Verdict():
                    verdicts.append(command.fact)
                case Trade():
                    trades.append(command.fact)
    if not bars:
        raise DataError(f"{path}: found no closed bar in this journal, so there is nothing to repeat")
    return Played(
        config=header.config,
        snapshot=snapshot,
        instruments=instruments,
        bars=tuple(bars),
        signals=tuple(signals.values()),
        verdicts=tuple(verdicts),
        trades=tuple(trades),
        operator=tuple(operator),
        complete=complete,
    )
