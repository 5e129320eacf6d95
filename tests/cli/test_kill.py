"""`kill` where a book trades at a real venue: through the engine if it answers, else straight there, never both."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from bybit_config import bybit_config
from seeded import seed, view
from test_control import Terminal, answer, engine, sent

from tradeterm.cli import control, main
from tradeterm.config import Config
from tradeterm.domain.facts import CommandAck, CommandRow
from tradeterm.domain.states import CommandStatus, CommandVerb, VenueState
from tradeterm.domain.view import VenueView
from tradeterm.engine import emergency
from tradeterm.engine.emergency import VenueKill
from tradeterm.ledger.live import LiveWriter
from tradeterm.ledger.lock import EngineLock, held_by
from tradeterm.profile import Profile
from tradeterm.resources import example_config

FLAT = VenueKill(venue="bybit", done=("cancelled 3 orders", "closed BTCUSDT, 0.5 sold"), flat=True)
OPEN = VenueKill(
    venue="bybit",
    done=("cancelled 3 orders",),
    left=("ETHUSDT long 2",),
    failure="api-demo.bybit.com cannot be reached",
)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "PATIENCE_S", 0.15)


@pytest.fixture
def desk(profile: Profile) -> Profile:
    seed(profile)
    profile.config_file.write_text(bybit_config(mode="paper", environment="demo"))
    return profile


class Venue:
    """Stands for the way to the venues; notes whether the engine's lock was held meanwhile."""

    def __init__(self) -> None:
        self.asked: list[int | None] = []
        self.result = FLAT
        self.meanwhile: Callable[[], None] = lambda: None

    async def kill(self, config: Config, profile: Profile) -> tuple[VenueKill, ...]:
        self.asked.append(held_by(profile.lock))
        self.meanwhile()
        return (self.result,)


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Venue]:
    found = Venue()
    monkeypatch.setattr(emergency, "kill_at_venue", found.kill)
    yield found


def test_an_engine_that_answers_is_the_only_hand(desk: Profile, venue: Venue) -> None:
    for status, code in ((CommandStatus.DONE, 0), (CommandStatus.ACCEPTED, 1), (CommandStatus.REFUSED, 3)):
        with engine(desk, answer(status)):
            assert main(["kill", "--yes"]) == code
    assert venue.asked == []


def test_without_an_engine_the_venue_is_emptied_and_the_kill_queued(
    desk: Profile, venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["kill", "--yes", "--reason", "a test"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[:2] == ["bybit: cancelled 3 orders", "bybit: closed BTCUSDT, 0.5 sold"]
    assert said.out.splitlines()[2].startswith("bybit: flat, as the venue itself says (")
    assert "kill is queued besides and obeyed first at the next start" in said.err
    (row,) = sent(desk)
    assert (row.verb, row.status, row.reason) == (CommandVerb.KILL, CommandStatus.QUEUED, "a test")


def test_no_engine_may_start_meanwhile(desk: Profile, venue: Venue) -> None:
    assert main(["kill", "--yes"]) == 0
    (holder,) = venue.asked
    assert holder is not None
    assert held_by(desk.lock) is None


def test_what_is_not_seen_flat_is_a_failure_and_says_what_is_left(
    desk: Profile, venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    venue.result = OPEN
    assert main(["kill", "--yes"]) == 1
    said = capsys.readouterr()
    assert said.out == "bybit: cancelled 3 orders\n"
    assert (
        "tradeterm: bybit: NOT seen flat: api-demo.bybit.com cannot be reached; open still: ETHUSDT long 2; "
        "run `tradeterm kill` again, or close it on the venue's own site\n" in said.err
    )


@pytest.mark.parametrize(("result", "status"), [(FLAT, 0), (OPEN, 1)])
def test_as_json(
    desk: Profile, venue: Venue, capsys: pytest.CaptureFixture[str], result: VenueKill, status: int
) -> None:
    venue.result = result
    assert main(["kill", "--yes", "--json"]) == status
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["type", "id", "verb", "book", "instrument", "status", "detail", "venues"]
    assert (found["type"], found["verb"], found["status"]) == ("command", "KILL", "QUEUED")
    assert found["venues"] == [
        {
            "venue": "bybit",
            "done": list(result.done),
            "left": list(result.left),
            "failure": result.failure,
            "flat": result.flat,
        }
    ]


@pytest.mark.parametrize(("typed", "status"), [("kill\n", 0), ("yes\n", 3), ("", 3)])
def test_the_question_says_what_will_be_done_where(
    desk: Profile, venue: Venue, monkeypatch: pytest.MonkeyPatch, typed: str, status: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    monkeypatch.setattr("sys.stderr", screen := Terminal(""))
    assert main(["kill"]) == status
    assert screen.shown.startswith(
        "No engine is running. Straight at bybit demo: cancel all orders and close all positions of BTCUSDT.BYBIT, "
        "ETHUSDT.BYBIT at market; and stay HALTED at the next start.\nType kill to go on: "
    )
    assert (len(venue.asked), len(sent(desk))) == ((1, 1) if status == 0 else (0, 0))


def test_real_money_is_called_so(desk: Profile, venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.config_file.write_text(bybit_config())
    monkeypatch.setattr("sys.stdin", Terminal("no\n"))
    monkeypatch.setattr("sys.stderr", screen := Terminal(""))
    assert main(["kill"]) == 3
    assert "at bybit mainnet (REAL MONEY): cancel all orders" in screen.shown


def test_without_a_terminal_yes_is_needed(desk: Profile, venue: Venue, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kill"]) == 3
    assert "there is no terminal; add --yes" in capsys.readouterr().err
    assert (venue.asked, sent(desk)) == ([], [])


# an engine that runs and says nothing


def silent(row: CommandRow) -> CommandAck | None:
    return None


def test_beside_a_silent_engine_with_yes(desk: Profile, venue: Venue, capsys: pytest.CaptureFixture[str]) -> None:
    with engine(desk, silent):
        assert main(["kill", "--yes"]) == 0
    said = capsys.readouterr().err
    assert "runs but has not answered for 0.15 s; the kill stays queued" in said
    assert "puts a second hand on the account" in said
    assert "`kill -9 " in said
    assert len(venue.asked) == 1


class TwoLines(Terminal):
    def __init__(self, *lines: str) -> None:
        super().__init__("")
        self._lines = list(lines)
        self.before_second: Callable[[], None] = lambda: None

    def readline(self) -> str:
        line = self._lines.pop(0)
        if not self._lines:
            self.before_second()
        return line


@pytest.mark.parametrize(("second", "status"), [("kill\n", 0), ("\n", 1)])
def test_beside_a_silent_engine_it_asks_again(
    desk: Profile, venue: Venue, monkeypatch: pytest.MonkeyPatch, second: str, status: int
) -> None:
    monkeypatch.setattr("sys.stdin", TwoLines("kill\n", second))
    monkeypatch.setattr("sys.stderr", screen := Terminal(""))
    with engine(desk, silent):
        assert main(["kill"]) == status
    assert screen.shown.index("puts a second hand on the account") < screen.shown.index("Straight at bybit demo")
    assert len(venue.asked) == (status == 0)
    (row,) = sent(desk)
    assert row.status is CommandStatus.QUEUED


def test_an_engine_that_wakes_up_before_the_second_answer_is_left_alone(
    desk: Profile, venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tradeterm.ledger.store import open_ledger
    from tradeterm.ledger.writer import LedgerWriter

    def wake() -> None:
        writer = LedgerWriter(desk.ledger)
        writer.start()
        with closing(open_ledger(desk.ledger, readonly=True)) as db:
            (identity, ts) = db.execute("SELECT id, ts FROM commands").fetchone()
        writer.write([CommandAck(id=identity, ts=ts + 1, verb=CommandVerb.KILL, status=CommandStatus.DONE, detail="")])
        writer.close()

    keyboard = TwoLines("kill\n", "kill\n")
    keyboard.before_second = wake
    monkeypatch.setattr("sys.stdin", keyboard)
    monkeypatch.setattr("sys.stderr", screen := Terminal(""))
    with EngineLock(desk.lock):
        assert main(["kill"]) == 0
    assert "the engine has answered meanwhile, so nothing was done beside it" in screen.shown
    assert venue.asked == []


# what must not stand in the way


@pytest.mark.parametrize("damage", ["none", "damaged"])
def test_a_ledger_that_cannot_be_used_does_not_stop_a_kill(
    profile: Profile, venue: Venue, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    profile.config_file.write_text(bybit_config(mode="paper", environment="demo"))
    if damage == "damaged":
        profile.ledger.write_text("not a database, but long enough to be looked at " * 40)
    assert main(["kill", "--yes", "--json"]) == 0
    said = capsys.readouterr()
    assert "the kill cannot be queued for the next start: " in said.err
    assert "obeyed first at the next start" not in said.err
    found = json.loads(said.out)
    assert (found["id"], found["status"]) == (None, None)
    assert len(venue.asked) == 1


def test_an_engine_that_cannot_be_told_makes_it_a_failure(
    profile: Profile, venue: Venue, capsys: pytest.CaptureFixture[str]
) -> None:
    profile.create()
    profile.config_file.write_text(bybit_config(mode="paper", environment="demo"))
    profile.ledger.write_text("not a database, but long enough to be looked at " * 40)
    with EngineLock(profile.lock):
        assert main(["kill", "--yes"]) == 1
    said = capsys.readouterr()
    assert "bybit: flat, as the venue itself says" in said.out
    assert "runs and cannot be told. Going to the venue" in said.err
    assert "stays queued" not in said.err
    assert "was not told and goes on trading: end it with `kill -9 " in said.err


def test_a_ledger_that_breaks_after_the_kill_was_queued_does_not_stop_it_either(
    desk: Profile, venue: Venue, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keyboard = TwoLines("kill\n", "kill\n")
    keyboard.before_second = lambda: desk.ledger.write_text("not a database, but long enough " * 40) and None
    monkeypatch.setattr("sys.stdin", keyboard)
    monkeypatch.setattr("sys.stderr", screen := Terminal(""))
    with EngineLock(desk.lock):
        assert main(["kill"]) == 0
    assert "whether the engine has answered meanwhile cannot be read: " in screen.shown
    assert len(venue.asked) == 1


@pytest.mark.parametrize("text", [None, "mode = 1", example_config().read_text()])
def test_a_venue_the_configuration_does_not_name_is_not_forgotten(
    desk: Profile, venue: Venue, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    bybit = VenueView(
        venue="bybit", account="crypto", state=VenueState.READY, simulated=False, latency_ms=None, ts_last=0
    )
    with closing(LiveWriter(desk.live)) as live:
        live.publish(view(venues=(bybit,)))
    if text is None:
        desk.config_file.unlink()
    else:
        desk.config_file.write_text(text)
    assert main(["kill", "--yes", "--profile", "default"]) == 1
    said = capsys.readouterr().err
    assert "the last engine traded at bybit, and nothing was closed there: " in said
    assert "name its file with --config" in said
    assert venue.asked == []


def test_paper_needs_none_of_it(desk: Profile, venue: Venue, capsys: pytest.CaptureFixture[str]) -> None:
    desk.config_file.write_text(bybit_config(mode="paper", environment="demo", venue="paper"))
    assert main(["kill", "--yes"]) == 0
    assert capsys.readouterr().err == (
        "tradeterm: no engine is running; kill is queued and obeyed first at the next start\n"
    )
    assert venue.asked == []
