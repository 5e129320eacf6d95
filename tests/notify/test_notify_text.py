import pytest
from hypothesis import given
from hypothesis import strategies as st
from notify_kit import message

from tradeterm.domain.states import AlertLevel
from tradeterm.notify.text import LONGEST_TEXT, body, clean, title
from tradeterm.notify.webhook import discord, slack


def test_what_a_person_reads() -> None:
    told = message("feed is 40 s old", count=3, missed=2, source="tradeterm live")
    assert title(told) == "tradeterm live: ERROR STALE_DATA"
    assert body(told) == "feed is 40 s old\n18:00:00 UTC · ×3 · 2 not sent before"
    assert body(message("one", missed=1)).endswith("1 message before was not sent")
    assert body(message("one")) == "one\n18:00:00 UTC"


@given(st.text(), st.text())
def test_nothing_hidden_survives(text: str, code: str) -> None:
    told = message(text, code=code)
    assert clean(text).isprintable()
    assert len(clean(text)) <= LONGEST_TEXT
    assert title(told).isprintable()
    assert body(told).count("\n") == 1


def test_escape_sequences_and_direction_marks_lose_their_power() -> None:
    assert clean("a\x1b]0;evil\x07b\u202ec\r\nd\u200be") == "a ]0;evil b c d e"


def test_a_long_text_is_cut() -> None:
    assert clean("x" * 5000) == "x" * (LONGEST_TEXT - 1) + "…"


def test_slack_gets_no_markup() -> None:
    payload = slack(message("<!everyone> *bold* & @channel"))
    assert "&lt;!everyone&gt; *bold* &amp; @channel" in payload["text"]
    assert payload["mrkdwn"] is False
    assert payload["link_names"] is False
    assert payload["parse"] == "none"


def test_discord_mentions_nobody_and_formats_nothing() -> None:
    payload = discord(message("@everyone **now** [click](https://evil) <@1> `x` ||y||"))
    assert payload["allowed_mentions"] == {"parse": []}
    assert (
        "\\@everyone \\*\\*now\\*\\* \\[click\\]\\(https\\://evil\\) \\<\\@1\\> \\`x\\` \\|\\|y\\|\\|"
        in payload["content"]
    )


@pytest.mark.parametrize("mark", ["*", "&", "@", "é", "€", "😀"])
def test_the_longest_text_fits_every_service(mark: str) -> None:
    told = message(mark * 2000, code="@" * 100, source="*" * 100, level=AlertLevel.CRITICAL, count=10**9, missed=10**9)
    assert len(discord(told)["content"].encode("utf-16-le")) // 2 <= 2000
    assert len(slack(told)["text"]) <= 40_000
    assert len(f"{title(told)}\n{body(told)}".encode()) <= 4096
