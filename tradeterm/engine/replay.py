"""Feed a journal to a fresh desk and compare what it answers, byte for byte."""

from pathlib import Path

from msgspec import Struct

from tradeterm.desk import Desk
from tradeterm.engine.journal import End, encode_commands, read_journal


class Difference(Struct, frozen=True):
    """The first event the desk answered otherwise; commands as JSON."""

    event: int
    kind: str
    ts: int
    recorded: str
    replayed: str


class ReplayReport(Struct, frozen=True, kw_only=True):
    """`complete` is false for a run that was killed: it has no final state to compare with (`digest` None)."""

    journal: str
    version: str
    config_hash: str
    events: int
    commands: int
    identical: bool
    first_difference: Difference | None
    digest: str | None
    complete: bool


def replay_journal(path: Path) -> ReplayReport:
    """Replay to the end or to the first difference. Raises DataError when the journal cannot be read."""
    header, steps = read_journal(path)
    desk = Desk(header.config)
    events = commands = last_ts = 0
    digest: str | None = None
    difference: Difference | None = None
    for step in steps:
        if isinstance(step, End):
            digest = step.digest
            if desk.digest() != digest:
                difference = Difference(events, "End", last_ts, digest, desk.digest())
            break
        answer = desk.on(step.event)
        replayed = encode_commands(answer)
        events, commands, last_ts = events + 1, commands + len(answer), step.event.ts
        if step.commands is not None and replayed != step.commands:
            kind = type(step.event).__name__
            difference = Difference(events, kind, last_ts, step.commands.decode(), replayed.decode())
            break
    return ReplayReport(
        journal=str(path),
        version=header.version,
        config_hash=header.config_hash,
        events=events,
        commands=commands,
        identical=difference is None,
        first_difference=difference,
        digest=digest,
        complete=digest is not None,
    )
