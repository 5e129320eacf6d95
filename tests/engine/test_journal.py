from pathlib import Path

import pytest

from tradeterm.config import Config
from tradeterm.desk import Desk
from tradeterm.domain.commands import RaiseAlert
from tradeterm.domain.errors import DataError
from tradeterm.domain.events import DeskRestored, Timer
from tradeterm.domain.snapshot import DeskSnapshot
from tradeterm.domain.states import AlertLevel
from tradeterm.engine.journal import FORMAT, End, Header, JournalWriter, Step, read_journal
from tradeterm.engine.replay import replay_journal

ALERT = RaiseAlert(level=AlertLevel.INFO, code="X", text="text")
RESTORED = DeskRestored(ts=1, instruments=(), snapshot=DeskSnapshot())


def journal(path: Path) -> JournalWriter:
    return JournalWriter(path, Header(journal=FORMAT, version="1", config_hash="h", config=Config()))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    writer = journal(tmp_path / "j")
    writer.event(Timer(ts=1))
    writer.commands([ALERT])
    writer.event(Timer(ts=2))
    writer.commands([])
    writer.close("digest")
    header, steps = read_journal(tmp_path / "j")
    assert header.config == Config()
    read = list(steps)
    assert isinstance(read[0], Step)
    assert read[0].event == Timer(ts=1)
    assert b'"code":"X"' in (read[0].commands or b"")
    assert read[1:] == [Step(Timer(ts=2), b"[]"), End("digest")]


def test_a_killed_runs_journal_is_readable_wherever_it_was_cut(tmp_path: Path) -> None:
    writer = journal(tmp_path / "whole")
    for ts in range(5):
        writer.event(Timer(ts=ts))
        writer.commands([ALERT])
    writer.close(None)
    whole = (tmp_path / "whole").read_bytes()
    start = whole.index(b"\n") + 1
    for length in range(start, len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        steps = list(read_journal(tmp_path / "cut")[1])
        assert [step.event.ts for step in steps if isinstance(step, Step)] == list(range(len(steps)))
        assert all(isinstance(step, Step) and step.commands for step in steps[:-1])


def test_a_spoilt_line_in_the_middle_is_named(tmp_path: Path) -> None:
    writer = journal(tmp_path / "j")
    writer.event(Timer(ts=1))
    writer.event(Timer(ts=2))
    writer.close(None)
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    (tmp_path / "j").write_bytes(lines[0] + b"{oops}\n" + lines[2])
    with pytest.raises(DataError, match="line 2 is not readable"):
        list(read_journal(tmp_path / "j")[1])


@pytest.mark.parametrize(
    ("content", "says"), [(b"hello\n", "not a tradeterm journal"), (b"", "not a tradeterm journal")]
)
def test_another_file_is_refused_in_a_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "j").write_bytes(content)
    with pytest.raises(DataError, match=says):
        read_journal(tmp_path / "j")


def test_a_missing_or_newer_journal_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_journal(tmp_path / "nothing")
    JournalWriter(tmp_path / "j", Header(journal=99, version="9", config_hash="h", config=Config())).close(None)
    with pytest.raises(DataError, match="journal format 99 is not 1"):
        read_journal(tmp_path / "j")


def test_replay_names_the_first_difference(tmp_path: Path) -> None:
    writer = journal(tmp_path / "j")
    writer.event(RESTORED)
    writer.commands(Desk(Config()).on(RESTORED))
    writer.event(Timer(ts=2))
    writer.commands([ALERT])  # a desk without books has nothing to say to a timer
    writer.close(None)
    report = replay_journal(tmp_path / "j")
    assert not report.identical
    assert report.first_difference is not None
    assert (report.first_difference.event, report.first_difference.kind) == (2, "Timer")
    assert report.first_difference.replayed == "[]"


def test_replay_compares_the_final_state(tmp_path: Path) -> None:
    writer = journal(tmp_path / "j")
    writer.event(RESTORED)
    writer.commands(Desk(Config()).on(RESTORED))
    writer.close("another state")
    report = replay_journal(tmp_path / "j")
    assert report.complete
    assert report.first_difference is not None
    assert report.first_difference.kind == "End"


def test_a_full_disk_ends_the_journal_without_raising(tmp_path: Path) -> None:
    writer = journal(tmp_path / "j")
    writer._file.close()
    writer._file = Path("/dev/full").open("wb", buffering=16)  # noqa: SIM115 - the writer closes it
    writer.event(Timer(ts=1))
    writer.flush()
    assert writer.failure is not None
    assert "No space left" in writer.failure
    writer.event(Timer(ts=2))
    writer.close("digest")
