"""Commands that control: the row, the wait for its answer, the exit status, the confirmation."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from seeded import BTC, seed

from tradeterm.cli import control, main
from tradeterm.console.client import open_console
from tradeterm.domain.facts import CommandAck, CommandRow
from tradeterm.domain.states import CommandStatus, CommandVerb
from tradeterm.ledger.lock import EngineLock
from tradeterm.ledger.queue import pending_commands
from tradeterm.ledger.store import open_ledger
from tradeterm.ledger.writer import LedgerWriter
from tradeterm.profile import Profile

MINE = ("--profile", "default")
Reply = Callable[[CommandRow], CommandAck | None]


def answer(status: CommandStatus, detail: str = "") -> Reply:
    return lambda row: CommandAck(id=row.id, ts=row.ts + 1, verb=row.verb, status=status, detail=detail)


@contextmanager
def engine(profile: Profile, reply: Reply) -> Iterator[None]:
    """What a face sees of an engine: the lock is held and commands are answered."""
    over = threading.Event()

    def serve() -> None:
        writer = LedgerWriter(profile.ledger)
        writer.start()
        with closing(open_ledger(profile.ledger)) as db:
            seen = 0
            while not over.is_set():
                for row in pending_commands(db, seen):
                    seen = row.id
                    ack = reply(row)
                    if ack is not None:
                        writer.write([ack])
                time.sleep(0.005)
        writer.close()

    with EngineLock(profile.lock):
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture
def desk(profile: Profile) -> Profile:
    seed(profile)
    return profile


def sent(profile: Profile) -> list[CommandRow]:
    with closing(open_console(profile)) as console:
        return list(console.commands())


@pytest.mark.parametrize(
    ("arguments", "verb", "book", "instrument"),
    [
        (["start"], CommandVerb.START, "", ""),
        (["stop"], CommandVerb.STOP, "", ""),
        (["stop", "--engine"], CommandVerb.SHUTDOWN, "", ""),
        (["pause", "crypto"], CommandVerb.PAUSE, "crypto", ""),
        (["resume"], CommandVerb.RESUME, "", ""),
        (["resume", "crypto"], CommandVerb.RESUME, "crypto", ""),
        (["recover"], CommandVerb.RECOVER, "", ""),
        (["recover", "crypto"], CommandVerb.RECOVER, "crypto", ""),
        (["halt"], CommandVerb.HALT, "", ""),
        (["kill", "--yes"], CommandVerb.KILL, "", ""),
        (["flatten", "--yes"], CommandVerb.FLATTEN, "", ""),
        (["flatten", "btc", "--yes"], CommandVerb.FLATTEN, "", BTC),
        (["flatten", "--book", "crypto", "--yes"], CommandVerb.FLATTEN, "crypto", ""),
    ],
)
def test_each_command_is_one_row(
    desk: Profile, arguments: list[str], verb: CommandVerb, book: str, instrument: str
) -> None:
    with engine(desk, answer(CommandStatus.DONE)):
        assert main([*arguments, "--reason", "a test", *MINE]) == 0
    (row,) = sent(desk)
    assert (row.verb, row.book, row.instrument, row.reason) == (verb, book, instrument, "a test")


def test_done_is_said_on_stdout(desk: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    with engine(desk, answer(CommandStatus.DONE, "2 entries cancelled")):
        assert main(["halt", *MINE]) == 0
    assert capsys.readouterr().out == "halt: done (2 entries cancelled)\n"


def test_a_refusal_gives_its_reason_and_3(desk: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    with engine(desk, answer(CommandStatus.REFUSED, "positions are still open\x1b[2J")):
        assert main(["resume", *MINE]) == 3
    assert capsys.readouterr().err == "tradeterm: resume was refused: positions are still open [2J\n"


def test_silence_is_a_failure(
    desk: Profile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PATIENCE_S", 0.1)
    with engine(desk, lambda row: None):
        assert main(["stop", *MINE]) == 1
    assert "has not answered for 0.1 s; stop stays queued" in capsys.readouterr().err


def test_under_way_is_not_done(
    desk: Profile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "PATIENCE_S", 0.1)
    waits = "will be carried out as soon as bybit is reconciled"
    with engine(desk, answer(CommandStatus.ACCEPTED, waits)):
        assert main(["kill", "--yes", *MINE]) == 1
    said = capsys.readouterr().err
    assert f"kill was accepted and is under way, but not finished after 0.1 s ({waits}); `tradeterm status`" in said


@pytest.mark.parametrize("command", [["start"], ["stop"], ["pause", "crypto"], ["resume"], ["flatten", "--yes"]])
def test_without_an_engine_nothing_is_sent(
    desk: Profile, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, *MINE]) == 1
    assert "no engine is running in profile default" in capsys.readouterr().err
    assert not sent(desk)


@pytest.mark.parametrize("command", [["halt"], ["kill", "--yes"]])
def test_halt_and_kill_wait_for_the_next_engine(
    desk: Profile, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, *MINE]) == 0
    assert f"no engine is running; {command[0]} is queued and obeyed first at the next start" in capsys.readouterr().err
    (row,) = sent(desk)
    assert row.status is CommandStatus.QUEUED
    assert main(["status", *MINE]) == 0
    assert f"QUEUED, obeyed first at the next start: {command[0]}\n" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["halt"], ["kill", "--yes"]])
def test_where_nothing_ever_ran_there_is_nothing_to_halt(
    profile: Profile, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, *MINE]) == 1
    assert f"there is no ledger at {profile.ledger} yet" in capsys.readouterr().err


def test_the_row_as_json(desk: Profile, capsys: pytest.CaptureFixture[str]) -> None:
    with engine(desk, answer(CommandStatus.DONE)):
        assert main(["flatten", "btc", "--yes", "--json", *MINE]) == 0
    assert capsys.readouterr().out == (
        '{"type":"command","id":1,"verb":"FLATTEN","book":"","instrument":"BTCUSDT.BINANCE","status":"DONE","detail":""}\n'
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["flatten", "doge", "--yes"], "'doge' is not watched here"),
        (["flatten", "--book", "eos", "--yes"], "there is no book 'eos'; books: crypto"),
        (["pause", "eos"], "there is no book 'eos'; books: crypto"),
    ],
)
def test_what_does_not_exist_is_not_sent(
    desk: Profile, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    with engine(desk, answer(CommandStatus.DONE)):
        assert main([*arguments, *MINE]) == 2
    assert sentence in capsys.readouterr().err
    assert not sent(desk)


class Terminal:
    """A terminal at which somebody types one line."""

    def __init__(self, line: str) -> None:
        self._line = line
        self.shown = ""

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self._line

    def write(self, text: str) -> int:
        self.shown += text
        return len(text)

    def flush(self) -> None: ...


@pytest.mark.parametrize("command", ["kill", "flatten"])
def test_without_a_terminal_yes_is_needed(desk: Profile, capsys: pytest.CaptureFixture[str], command: str) -> None:
    with engine(desk, answer(CommandStatus.DONE)):
        assert main([command, *MINE]) == 3
    assert "there is no terminal; add --yes" in capsys.readouterr().err
    assert not sent(desk)


@pytest.mark.parametrize(("typed", "status"), [("kill\n", 0), ("KILL\n", 0), ("yes\n", 3), ("", 3)])
def test_on_a_terminal_the_word_is_typed(
    desk: Profile, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stderr", screen := Terminal(""))
    with engine(desk, answer(CommandStatus.DONE)):
        assert main(["kill", *MINE]) == status
    assert len(sent(desk)) == (status == 0)
    assert screen.shown.startswith(
        "Cancel 2 open orders, close 1 position at market, stay HALTED, also after a restart.\nType kill to go on: "
    )
