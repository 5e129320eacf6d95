import gzip
import zlib
from pathlib import Path

import msgspec
import pytest

from tradeterm.config import Config
from tradeterm.desk import Desk
from tradeterm.domain.commands import RaiseAlert
from tradeterm.domain.errors import DataError
from tradeterm.domain.events import DeskRestored, QuoteUpdate, Timer
from tradeterm.domain.market import Quote
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


def unpacked(path: Path) -> bytes:
    """What a process that ends now leaves behind, as lines."""
    return zlib.decompressobj(wbits=31).decompress(path.read_bytes())


@pytest.mark.parametrize("packed", [True, False])
def test_a_killed_runs_journal_is_readable_wherever_it_was_cut(tmp_path: Path, packed: bool) -> None:
    writer = journal(tmp_path / "whole")
    start = (tmp_path / "whole").stat().st_size
    for ts in range(5):
        writer.event(Timer(ts=ts))
        writer.commands([ALERT])
        writer.flush()
    writer.close(None)
    whole = (tmp_path / "whole").read_bytes()
    if not packed:
        whole = gzip.decompress(whole)
        start = whole.index(b"\n") + 1
    most = 0
    for length in range(start, len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        steps = list(read_journal(tmp_path / "cut")[1])
        assert [step.event.ts for step in steps if isinstance(step, Step)] == list(range(len(steps)))
        assert all(isinstance(step, Step) and step.commands for step in steps[:-1])
        assert len(steps) >= most
        most = len(steps)
    assert most == 5


def test_what_was_flushed_outlives_the_process(tmp_path: Path) -> None:
    writer = journal(tmp_path / "j")
    assert unpacked(tmp_path / "j").endswith(b"\n")
    writer.event(Timer(ts=1))
    writer.flush()
    size = (tmp_path / "j").stat().st_size
    assert unpacked(tmp_path / "j").splitlines()[1:] == [b'{"e":{"event":"Timer","ts":1}}']
    writer.flush()
    assert (tmp_path / "j").stat().st_size == size, "nothing new, nothing written"
    assert [step.event.ts for step in read_journal(tmp_path / "j")[1] if isinstance(step, Step)] == [1]
    writer.close(None)


def test_quotes_of_many_instruments_take_little_room(tmp_path: Path) -> None:
    writer = journal(tmp_path / "j")
    written = 0
    for turn in range(300):
        for place in range(20):
            last = 100.0 + (turn * 7 + place * 3) % 50 / 100
            quote = Quote(f"C{place:02d}USDT.BYBIT", 1_700_000_000_000 + turn * 100, 1_700_000_000_003 + turn, last)
            event = QuoteUpdate(ts=1_700_000_000_005 + turn * 100, quote=quote)
            writer.event(event)
            written += len(msgspec.json.encode(event)) + 8
        writer.flush()
    writer.close(None)
    assert (tmp_path / "j").stat().st_size < 0.2 * written


def test_a_spoilt_line_in_the_middle_is_named(tmp_path: Path) -> None:
    writer = journal(tmp_path / "j")
    writer.event(Timer(ts=1))
    writer.event(Timer(ts=2))
    writer.close(None)
    lines = unpacked(tmp_path / "j").splitlines(keepends=True)
    spoilt = lines[0] + b"{oops}\n" + lines[2]
    for content in (spoilt, gzip.compress(spoilt)):
        (tmp_path / "j").write_bytes(content)
        with pytest.raises(DataError, match="line 2 is not readable"):
            list(read_journal(tmp_path / "j")[1])


def test_a_packed_file_that_was_spoilt_is_said(tmp_path: Path) -> None:
    writer = journal(tmp_path / "j")
    for ts in range(100):
        writer.event(Timer(ts=ts))
    writer.close(None)
    whole = (tmp_path / "j").read_bytes()
    (tmp_path / "j").write_bytes(whole[:-8] + bytes(8))
    with pytest.raises(DataError, match="is not readable"):
        list(read_journal(tmp_path / "j")[1])
    (tmp_path / "j").write_bytes(whole[:2] + bytes(100))
    with pytest.raises(DataError, match="not a tradeterm journal"):
        read_journal(tmp_path / "j")


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
