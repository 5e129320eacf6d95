"""Venues, the streams of market data, and how our books compared with what the venues say."""

from collections.abc import Sequence

from msgspec import Struct

from tradeterm.domain.facts import ReconciliationFact
from tradeterm.domain.states import VenueState
from tradeterm.domain.view import DeskView, StreamView, VenueView
from tradeterm.ui import fmt
from tradeterm.ui.venues import gravity, in_trouble, is_play_money, skew_words
from tradeterm.ui.widgets.table_layout import Cell, Column, Row

VENUE_COLUMNS = (
    Column("name", "Venue, stream", 16, priority=100, min_width=12),
    Column("state", "State", 12, priority=95),
    Column("latency", "Latency", 7, "right", priority=75),
    Column("clock", "Our clock", 9, "right", priority=70),
    Column("heard", "Heard", 5, "right", priority=80),
    Column("changed", "Changed", 8, priority=40),
    Column("detail", "Detail", 40, priority=90, min_width=20),
)
RECONCILIATION_COLUMNS = (
    Column("time", "Time", 8, priority=80),
    Column("venue", "Venue", 6, priority=60),
    Column("account", "Account", 8, priority=70),
    Column("result", "Result", 9, priority=100),
    Column("findings", "Findings", 30, priority=90, min_width=12),
)
_TONES = {
    VenueState.READY: "up",
    VenueState.BLOCKED: "alarm",
    VenueState.DISCONNECTED: "down",
    VenueState.RESTRICTED: "warn",
}


def venue_key(venue: VenueView) -> str:
    return f"venue/{venue.venue}/{venue.account}"


def stream_key(stream: StreamView) -> str:
    return f"stream/{stream.name}"


def venue_rows(view: DeskView, wall: int, zone: str) -> list[Row]:
    """Venue accounts, then streams, what is in trouble first. `wall` is the machine's clock, which streams go by."""
    accounts = sorted(view.venues, key=gravity)
    streams = sorted(view.streams, key=lambda stream: not stream.detail)
    return [*(_venue_row(view, account, zone) for account in accounts), *(_stream_row(one, wall) for one in streams)]


def venue_summary(view: DeskView) -> str:
    if view.replay is not None:
        return "A recording has no streams."
    if not view.streams:
        return "The feed has no stream."
    ill, count = len(in_trouble(view.streams)), len(view.streams)
    if ill:
        return f"{ill} of {count} streams in trouble"
    return f"{count} stream{'s' if count > 1 else ''}"


def _venue_row(view: DeskView, venue: VenueView, zone: str) -> Row:
    skewed = skew_words(venue.skew_ms)
    kind = "simulated" if venue.simulated else "play money" if is_play_money(view, venue) else ""
    cells = (
        Cell(f"{venue.venue} {venue.account}", "bold"),
        Cell(venue.state.value, _TONES.get(venue.state, "warn")),
        Cell(fmt.duration(venue.latency_ms), "" if venue.latency_ms is not None else "muted"),
        Cell(_offset(venue.skew_ms), "warn" if skewed else "muted"),
        Cell(fmt.DASH, "muted"),
        Cell(fmt.clock(venue.ts_last or None, zone), "muted"),
        Cell(" · ".join(part for part in (venue.detail, skewed, kind) if part), "" if venue.detail else "muted"),
    )
    sort = (cells[0].text, gravity(venue), venue.latency_ms, venue.skew_ms, None, venue.ts_last, venue.detail)
    return Row(venue_key(venue), cells, sort)


def _offset(skew_ms: float | None) -> str:
    """How far our clock is ahead: "+12ms", "-1.4s"."""
    if skew_ms is None:
        return fmt.DASH
    size = fmt.duration(abs(skew_ms))
    return size if size == "0ms" else f"{'+' if skew_ms > 0 else '-'}{size}"


def _stream_row(stream: StreamView, wall: int) -> Row:
    age = None if stream.ts_last is None else max(0, wall - stream.ts_last)
    state = Cell("TROUBLE", "warn") if stream.detail else Cell("no data yet" if age is None else "ok", "muted")
    cells = (
        Cell(stream.name),
        state,
        Cell(fmt.DASH, "muted"),
        Cell(fmt.DASH, "muted"),
        Cell(fmt.age(age), "warn" if stream.detail else ""),
        Cell(fmt.DASH, "muted"),
        Cell(stream.detail),
    )
    return Row(stream_key(stream), cells, (stream.name, 9, None, None, age, None, stream.detail))


class Compared(Struct, frozen=True):
    """The latest of `times` reconciliations of an account in a row; more than one only where nothing was found."""

    key: str
    fact: ReconciliationFact
    times: int = 1
    since: int = 0


def in_runs(facts: Sequence[ReconciliationFact]) -> list[Compared]:
    """Newest first. Looks that agreed and found nothing come every minute; a row of them counts as one, so that what
    was found stays in sight. A run is named after its oldest look, so that its row stays while it grows."""
    runs: list[Compared] = []
    open_runs: dict[tuple[str, str], int] = {}
    for fact in facts:
        account = (fact.venue, fact.account)
        quiet = fact.agreed and not fact.findings
        place = open_runs.get(account)
        if quiet and place is not None:
            run = runs[place]
            runs[place] = Compared(fact.id, run.fact, run.times + 1, fact.ts)
        elif quiet:
            open_runs[account] = len(runs)
            runs.append(Compared(fact.id, fact, 1, fact.ts))
        else:
            open_runs.pop(account, None)
            runs.append(Compared(fact.id, fact))
    return runs


def reconciliation_rows(runs: Sequence[Compared], zone: str) -> list[Row]:
    return [_reconciliation_row(run, zone) for run in runs]


def _reconciliation_row(run: Compared, zone: str) -> Row:
    fact = run.fact
    found = "; ".join(fact.findings)
    nothing = "nothing" if run.times == 1 else f"nothing, {run.times} times since {fmt.short_clock(run.since, zone)}"
    cells = (
        Cell(fmt.clock(fact.ts, zone), "muted"),
        Cell(fact.venue),
        Cell(fact.account),
        Cell("agreed", "up") if fact.agreed else Cell("DISAGREES", "alarm"),
        Cell(found or nothing, "" if found else "muted"),
    )
    return Row(run.key, cells, (fact.ts, fact.venue, fact.account, fact.agreed, found))


def reconciliation_summary(runs: Sequence[Compared]) -> str:
    """Says DISAGREES only while the latest look at an account does."""
    latest: dict[tuple[str, str], ReconciliationFact] = {}
    for fact in (run.fact for run in runs):  # newest first
        latest.setdefault((fact.venue, fact.account), fact)
    wrong = [f"{fact.venue} {fact.account}" for fact in latest.values() if not fact.agreed]
    if len(wrong) > 1:
        return f"{len(wrong)} of {len(latest)} accounts DISAGREE"
    return f"{wrong[0]} DISAGREES" if wrong else ""
