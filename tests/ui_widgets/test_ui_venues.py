"""Venues, streams and reconciliations in words: pure, table by table."""

import pytest
from msgspec import structs
from widget_samples import NOW, replay, view

from tradeterm.domain.facts import ReconciliationFact
from tradeterm.domain.states import Mode, VenueState
from tradeterm.domain.view import StreamView, VenueView
from tradeterm.ui import venues
from tradeterm.ui.tables import venues as tables
from tradeterm.ui.widgets.status_bar import status_lines
from tradeterm.ui.widgets.tones import text_of

WIDE = 240


def venue(state=VenueState.READY, **changes):
    whole = VenueView(venue="bybit", account="a", state=state, simulated=False, latency_ms=38.0, ts_last=NOW)
    return structs.replace(whole, **changes)


def shown(width=WIDE, height=1, **changes):
    return [text_of(line) for line in status_lines(view(**changes), NOW, width, height)]


def tones(**changes):
    return {text.strip(): tone for text, tone in status_lines(view(**changes), NOW, WIDE, 1)[0]}


@pytest.mark.parametrize(
    ("skew", "words"),
    [
        (None, ""),
        (0.0, ""),
        (250.0, ""),
        (-250.0, ""),
        (251.0, "clock 0.3 s ahead"),
        (612.0, "clock 0.6 s ahead"),
        (-1400.0, "clock 1.4 s behind"),
    ],
)
def test_a_wrong_clock_is_said(skew, words):
    assert venues.skew_words(skew) == words
    [line] = shown(venues=(venue(skew_ms=skew),))
    assert words in line and ("clock" in line) is bool(words)


@pytest.mark.parametrize(
    ("text", "cells", "words"),
    [
        ("short", 10, "short"),
        ("the API key has expired", 12, "the API key…"),
        ("the key, expired", 9, "the key…"),
        ("unbreakable", 6, "unbre…"),
        ("", 6, ""),
    ],
)
def test_first_words(text, cells, words):
    assert venues.first_words(text, cells) == words
    assert len(words) <= cells


def test_a_blocked_venue_is_loud_and_says_why():
    blocked = venue(VenueState.BLOCKED, detail="the API key has expired; make a new one at the venue")
    assert tones(venues=(blocked,))["bybit BLOCKED"] == "alarm"
    [line] = shown(venues=(blocked,))
    assert "the API key has expired…" in line
    for width in (60, 80, 100):
        assert "bybit BLOCKED" in shown(width, venues=(blocked,))[0]


def test_a_restricted_venue_is_named():
    restricted = venue(VenueState.RESTRICTED, detail="too many requests")
    assert tones(venues=(restricted,))["bybit RESTRICTED"] == "alert"
    assert "too many requests" in shown(venues=(restricted,))[0]


def test_money_is_named():
    assert "REAL MONEY" in shown(mode=Mode.LIVE)[0]
    assert "bybit 38ms play money" in shown(mode=Mode.PAPER)[0]
    assert "play money" not in shown(mode=Mode.LIVE)[0]
    assert "paper simulated" in shown(mode=Mode.LIVE, venues=(venue(venue="paper", simulated=True),))[0]


def test_a_venue_with_two_books_is_shown_once():
    assert shown(venues=(venue(), venue(account="b")))[0].count("bybit") == 1


def test_a_stream_in_trouble_is_named():
    streams = (StreamView(name="book", ts_last=NOW, detail="reconnecting: silence"), StreamView(name="k", ts_last=NOW))
    assert "book reconnecting: silence" in shown(streams=streams)[0]
    assert "2 streams in trouble" in shown(streams=(streams[0], streams[0]))[0]
    assert "stream" not in shown()[0]


def test_the_worst_venue_and_stream_stand_on_top():
    shown_view = view(
        venues=(venue(account="a"), venue(VenueState.BLOCKED, account="b")),
        streams=(StreamView(name="klines", ts_last=None), StreamView(name="book", ts_last=NOW - 4_000, detail="lost")),
    )
    rows = tables.venue_rows(shown_view, NOW, "UTC")
    assert [row.key for row in rows] == ["venue/bybit/b", "venue/bybit/a", "stream/book", "stream/klines"]
    assert rows[0].cells[1].style == "alarm"
    assert [cell.text for cell in rows[2].cells[:2]] == ["book", "TROUBLE"] and rows[2].cells[4].text == "4s"
    assert rows[3].cells[1].text == "no data yet" and rows[3].cells[4].text == "—"
    assert "play money" in rows[1].cells[6].text
    assert all(len(row.cells) == len(tables.VENUE_COLUMNS) == len(row.sort) for row in rows)


def test_what_the_streams_pane_says():
    assert tables.venue_summary(view(replay=replay())) == "A recording has no streams."
    assert tables.venue_summary(view()) == "The feed has no stream."
    streams = (StreamView(name="klines", ts_last=NOW), StreamView(name="book", ts_last=NOW, detail="lost"))
    assert tables.venue_summary(view(streams=streams)) == "1 of 2 streams in trouble"
    assert tables.venue_summary(view(streams=streams[:1])) == "1 stream"


def compared(key, ts, *findings, agreed=True, account="a"):
    return ReconciliationFact(id=key, ts=ts, venue="bybit", account=account, agreed=agreed, findings=findings)


def test_quiet_looks_make_one_row():
    facts = [
        compared("7", 700),
        compared("6", 650, account="b"),
        compared("5", 600),
        compared("4", 500, "missing fill"),
        compared("3", 400),
        compared("2", 300, "differs", agreed=False),
        compared("1", 200),
    ]
    runs = tables.in_runs(facts)
    assert [(run.key, run.fact.id, run.times) for run in runs] == [
        ("5", "7", 2), ("6", "6", 1), ("4", "4", 1), ("3", "3", 1), ("2", "2", 1), ("1", "1", 1),
    ]  # fmt: skip
    rows = tables.reconciliation_rows(runs, "UTC")
    assert rows[0].cells[4].text == "nothing, 2 times since 00:00"
    assert [cell.text for cell in rows[4].cells[3:]] == ["DISAGREES", "differs"]
    assert all(len(row.cells) == len(tables.RECONCILIATION_COLUMNS) == len(row.sort) for row in rows)


def test_only_the_latest_look_at_an_account_counts():
    agreed, differs = compared("2", 300), compared("1", 200, "differs", agreed=False)
    assert tables.reconciliation_summary(tables.in_runs([agreed, differs])) == ""
    assert tables.reconciliation_summary(tables.in_runs([differs, agreed])) == "bybit a DISAGREES"
    both = [differs, compared("0", 100, "differs", agreed=False, account="b")]
    assert tables.reconciliation_summary(tables.in_runs(both)) == "2 of 2 accounts DISAGREE"
