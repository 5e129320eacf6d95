import sqlite3
from contextlib import closing

import pytest
from ledger_facts import make_fill, make_order

from tradeterm.domain.errors import LedgerError
from tradeterm.domain.states import CommandVerb, Mode
from tradeterm.ledger import archive, queue, runs
from tradeterm.ledger.archive import archive as put_aside
from tradeterm.ledger.archive import archived_ledgers, finish_archive
from tradeterm.ledger.restore import load_snapshot
from tradeterm.ledger.runs import RunStatus
from tradeterm.ledger.store import open_ledger
from tradeterm.ledger.writer import LedgerWriter
from tradeterm.profile import Profile

NEW = {"mode": Mode.DEMO, "version": "0.1", "config_hash": "abc"}


@pytest.fixture
def profile(tmp_path):
    profile = Profile("demo", tmp_path / "demo", tmp_path)
    profile.create()
    return profile


@pytest.fixture
def db(profile):
    with closing(open_ledger(profile.ledger)) as db:
        yield db


def test_a_new_ledger_has_no_run(db):
    assert runs.latest_run(db) is None
    assert runs.mark_interrupted(db, 5) == []


def test_a_run_from_start_to_end(db):
    run = runs.start_run(db, ts=10, **NEW)
    assert (run.status, run.cursor, run.summary) == ("RUNNING", None, None)
    assert runs.latest_run(db) == run
    runs.end_run(
        db, run.id, ts=20, status=RunStatus.FINISHED, summary={"trades": 3, "equity": "1000.5", "sharpe": None}
    )
    ended = runs.latest_run(db)
    assert ended is not None
    assert (ended.status, ended.ts_ended) == ("FINISHED", 20)
    assert ended.summary == {"trades": 3, "equity": "1000.5", "sharpe": None}


def test_a_run_whose_engine_died_is_interrupted_and_can_be_gone_on_with(db):
    dead = runs.start_run(db, ts=10, **NEW)
    db.execute("UPDATE runs SET cursor = 777")
    db.commit()
    (found,) = runs.mark_interrupted(db, 30)
    assert (found.id, found.status, found.cursor, found.ts_ended) == (dead.id, "INTERRUPTED", 777, 30)
    again = runs.start_run(db, ts=31, cursor=found.cursor, **NEW)
    assert [(run.id, run.status, run.cursor) for run in runs.all_runs(db)] == [
        (again.id, "RUNNING", 777),
        (dead.id, "INTERRUPTED", 777),
    ]


def fill_profile(profile):
    with closing(open_ledger(profile.ledger)) as db:
        run = runs.start_run(db, ts=10, **NEW)
        queue.enqueue(db, CommandVerb.REPLAY, ts=5, actor="me")
    writer = LedgerWriter(profile.ledger, ["eos"])
    writer.start()
    writer.write([make_order(), make_fill()])
    writer.set_cursor(run.id, 2000)
    writer.close()
    with closing(open_ledger(profile.ledger)) as db:
        runs.end_run(db, run.id, ts=20, status=RunStatus.FINISHED)
    (profile.paper / "eos.sqlite").write_text("paper book")
    (profile.journal / "0001.journal").write_text("events")
    return run


def counts(path):
    with closing(open_ledger(path, readonly=True)) as db:
        return tuple(db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("orders", "fills", "runs"))


def test_archiving_puts_everything_of_the_run_aside(profile):
    run = fill_profile(profile)
    target = put_aside(profile)
    assert target == profile.root / f"ledger-{run.id}.sqlite"
    assert archived_ledgers(profile) == [target]
    assert counts(target) == (1, 1, 1)
    assert counts(profile.ledger) == (0, 0, 1)  # older runs stay listed
    assert load_snapshot(profile.ledger).orders == ()
    assert len(load_snapshot(target).exec_ids) == 1
    for name in ("paper", "journal"):
        assert list((profile.root / name).iterdir()) == []
        assert len(list((profile.root / f"{name}-{run.id}").iterdir())) == 1
    assert finish_archive(profile) is None


def test_commands_go_on_over_runs_so_that_ids_are_never_used_again(profile):
    fill_profile(profile)
    put_aside(profile)
    with closing(open_ledger(profile.ledger)) as db:
        assert [row.id for row in queue.pending_commands(db)] == [1]
        assert queue.enqueue(db, CommandVerb.STOP, ts=6, actor="me") == 2


def test_a_ledger_without_runs_has_nothing_to_archive(profile):
    assert put_aside(profile) is None
    assert archived_ledgers(profile) == []


def test_a_face_that_has_the_ledger_open_sees_the_new_run(profile):
    fill_profile(profile)
    with closing(open_ledger(profile.ledger, readonly=True)) as face:
        assert face.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        put_aside(profile)
        assert face.execute("SELECT count(*) FROM orders").fetchone() == (0,)


@pytest.mark.parametrize("crash_at", range(1, 9))
def test_a_crash_at_any_step_is_finished_by_the_next_start(profile, monkeypatch, crash_at):
    class Crash(BaseException):
        pass

    run = fill_profile(profile)
    steps = 0

    def crashing(real):
        def step(*args, **kwargs):
            nonlocal steps
            steps += 1
            if steps == crash_at:
                raise Crash
            return real(*args, **kwargs)

        return step

    with monkeypatch.context() as patch:
        for name in ("_copy", "_sync", "_empty"):
            patch.setattr(archive, name, crashing(getattr(archive, name)))
        patch.setattr(type(profile.paper), "rename", crashing(type(profile.paper).rename))
        patch.setattr(type(profile.paper), "unlink", crashing(type(profile.paper).unlink))
        try:
            put_aside(profile)
        except Crash:
            crashed = True
        else:
            crashed = False
    assert crashed
    profile.create()  # a face may make the folders at any time
    finish_archive(profile)
    if not archived_ledgers(profile):  # the crash came before the note was there: nothing had changed yet
        assert counts(profile.ledger) == (1, 1, 1)
        assert (profile.paper / "eos.sqlite").exists()
        put_aside(profile)
    assert counts(profile.root / f"ledger-{run.id}.sqlite") == (1, 1, 1)
    assert counts(profile.ledger) == (0, 0, 1)
    assert (profile.root / f"paper-{run.id}" / "eos.sqlite").read_text() == "paper book"
    assert (profile.root / f"journal-{run.id}" / "0001.journal").read_text() == "events"
    assert list(profile.paper.iterdir()) == list(profile.journal.iterdir()) == []


def test_a_note_that_is_not_a_run_id_is_refused(profile):
    fill_profile(profile)
    (profile.root / "archive.pending").write_text("../../etc")
    with pytest.raises(LedgerError, match="should hold the id of a run"):
        finish_archive(profile)


def test_a_full_disk_leaves_the_run_as_it_was(profile, monkeypatch):
    fill_profile(profile)

    def full(db, target):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(archive, "_copy", full)
        with pytest.raises(LedgerError, match="disk is full"):
            put_aside(profile)
    assert counts(profile.ledger) == (1, 1, 1)
    assert (profile.paper / "eos.sqlite").exists()
    assert put_aside(profile) is not None
